"""The training loop, written once: every fold, smoke run, full run and distributed run goes through ``fit``.

Nothing random is stored: data order, augmentation and dropout are functions of (seed, fold, epoch, step). The state
file therefore holds weights, optimiser, average and a cursor, and a run killed at any moment continues to the same bits
on a processor. The weighted loss is divided by the weight of the whole optimiser step, over all its forward passes and
processes, so that neither accumulation nor distribution changes the gradient.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from models_ml.core.answers.inference import logits_of
from models_ml.core.answers.metrics import balanced_accuracy, log_loss, softmax
from models_ml.core.answers.predictions import write_member_rows
from models_ml.core.config import RunConfig, write_config
from models_ml.core.device import autocast, choose_device, device_in_words, in_layout, memory_in_words, reproducible
from models_ml.core.errors import CoreError
from models_ml.core.events import EpochDone, FoldDone, Listener, StepDone, seconds_left
from models_ml.core.files import clear_parts, replacing, write_json
from models_ml.core.pictures.augment import augment, draws
from models_ml.core.pictures.feed import Feed, cut
from models_ml.core.pictures.folds import check_trainable
from models_ml.core.pictures.manifest import LabelSpace, Manifest
from models_ml.core.pictures.pack import Pack, pack
from models_ml.core.pictures.sampling import epoch_order, loss_weights, seed_of
from models_ml.core.training import checkpoint, distributed
from models_ml.core.training.card import write_fold_card
from models_ml.core.training.checkpoint import FoldResult
from models_ml.core.training.network import build, for_gradients, weights_hash
from models_ml.core.training.optim import MovingAverage, make_optimizer, set_rate
from models_ml.core.training.schedule import learning_rate

EVENT_EVERY_S = 0.25


@dataclass(frozen=True)
class FoldData:
    """Training and held-out pictures of one fold: rows of the pack, and labels of all rows."""

    manifest: Manifest  # training split alone, in the order of the pack
    labels: LabelSpace
    labels_N: np.ndarray
    train_rows: np.ndarray
    held_rows: np.ndarray
    feed: Feed


def open_fold(manifest: Manifest, labels: LabelSpace, packed: Pack, fold: int, device: torch.device) -> FoldData:
    """``manifest``: the training split with folds, of which ``packed`` holds the pictures in the same order."""
    check_trainable(manifest, labels.own, [fold])
    folds_N = np.array([item.fold for item in manifest.items])
    labels_N = np.array([labels.index(item.label) for item in manifest.items])
    held, rest = np.flatnonzero(folds_N == fold), np.flatnonzero(folds_N != fold)
    return FoldData(manifest, labels, labels_N, rest, held, Feed(packed, device))


class Fit:
    """One fold being trained: what the state file holds, and the steps that change it."""

    def __init__(self, cfg: RunConfig, data: FoldData, fold: int, folder: Path, *, backend: str = "inductor"):
        self.cfg, self.recipe, self.data, self.fold, self.folder = cfg, cfg.recipe, data, fold, folder
        self.device = data.feed.device
        seed = int(seed_of(self.recipe.seed, "init", fold).generate_state(1)[0])
        anew = not (folder / checkpoint.STATE).is_file()  # else the state holds all weights
        network = build(cfg.model, len(data.labels.names), size_px=cfg.data.size_px, seed=seed, load=anew)
        self.network = for_gradients(in_layout(self.recipe, network).to(self.device))
        # For one size of batch, since a general program is slower. What is left at an epoch's end, of another size in every fold,
        # goes as it is written: compiling takes minutes, and after eight programs torch would stop using any.
        compiled = self.recipe.compile
        self.whole = len(range(distributed.rank(), self.recipe.batch_size, distributed.world()))
        self.forward = torch.compile(self.network, dynamic=False, backend=backend) if compiled else self.network
        self.optimizer = make_optimizer(self.network, self.recipe)
        self.average = MovingAverage(self.network, self.recipe.ema_decay) if self.recipe.ema_decay else None
        weights = torch.from_numpy(loss_weights(len(data.labels.names), data.labels.own_indices, self.recipe))
        self.picture_weight = weights[torch.from_numpy(data.labels_N)]
        self.class_weight = weights.to(self.device)
        self.epoch, self.step, self.loss_sum, self.weight_sum = 1, 0, 0.0, 0.0
        self.last_loss = math.nan
        self.unsettled: list[tuple[torch.Tensor, float]] = []
        self.history: list[dict[str, float | None]] = []
        self.best_epoch, self.best_score, self.seconds = 0, -1.0, 0.0

    @property
    def judged(self) -> torch.nn.Module:
        """The network that is evaluated and kept: the moving average when there is one."""
        return self.average.network if self.average else self.network

    def state(self) -> dict:
        self.settle()
        return {
            "version": checkpoint.STATE_VERSION, "config": self.cfg.fingerprint, "data": self.data_key, "epoch": self.epoch,
            "step": self.step,
            "loss_sum": self.loss_sum, "weight_sum": self.weight_sum, "history": self.history,
            "best_epoch": self.best_epoch, "best_score": self.best_score, "seconds": self.seconds,
            "network": self.network.state_dict(), "optimizer": self.optimizer.state_dict(),
            "average": self.average.network.state_dict() if self.average else None,
        }  # fmt: skip

    @property
    def data_key(self) -> str:
        """What the training depends on, wherever the pictures lie."""
        return f"{self.data.manifest.fingerprint}-{self.data.feed.pack.content[:24]}"

    def restore(self) -> bool:
        """Continue from the state file, if there is one."""
        state = checkpoint.load_state(self.folder / checkpoint.STATE, cfg=self.cfg, data_key=self.data_key)
        if state is None:
            return False
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.average:
            self.average.network.load_state_dict(state["average"])
        for name in ("epoch", "step", "loss_sum", "weight_sum", "history", "best_epoch", "best_score", "seconds"):
            setattr(self, name, state[name])
        return True

    def save(self) -> None:
        if distributed.rank() == 0:
            checkpoint.save_state(self.state(), self.folder / checkpoint.STATE)

    # --- one epoch

    def batches(self) -> list[np.ndarray]:
        """Positions in this epoch's order, one array per optimiser step, and the order itself as ``self.order``."""
        data = self.data
        chosen = epoch_order(
            data.labels_N[data.train_rows], data.labels.own_indices, self.recipe, fold=self.fold, epoch=self.epoch
        )
        self.order = data.train_rows[chosen]
        size = self.recipe.batch_size * self.recipe.accumulate
        steps = cut(np.arange(len(self.order)), size, least=2 * distributed.world())
        return steps[: self.recipe.max_steps] if self.recipe.max_steps else steps

    def train_mode(self) -> None:
        """All layers train, or, while linear probing, the head alone over a frozen backbone."""
        probing = self.epoch <= self.recipe.head_only_epochs
        self.network.train()
        self.network.backbone.requires_grad_(not probing)
        if probing:
            self.network.backbone.eval()

    def optimise(self, positions: np.ndarray, steps: int) -> float:
        """One optimiser step on the pictures at ``positions`` of the order; returns the learning rate."""
        recipe, data = self.recipe, self.data
        rank, world = distributed.rank(), distributed.world()
        torch.manual_seed(
            int(seed_of(recipe.seed, "dropout", self.fold, self.epoch, self.step, rank).generate_state(1)[0])
        )
        weight = float(self.picture_weight[torch.from_numpy(self.order[positions])].sum())
        self.optimizer.zero_grad(set_to_none=True)
        parts = [part[rank::world] for part in cut(positions, recipe.batch_size, least=2 * world)]
        parts = [part for part in parts if len(part)]
        loss_sum = torch.zeros((), device=self.device)
        for part, batch in zip(parts, data.feed.stream_bytes(self.order[part] for part in parts)):
            u = draws(recipe.seed, part, fold=self.fold, epoch=self.epoch)
            image = augment(batch, u, self.cfg.data.augment)
            if recipe.channels_last:
                image = image.contiguous(memory_format=torch.channels_last)
            target = torch.from_numpy(data.labels_N[self.order[part]]).to(self.device, non_blocking=True)
            with autocast(self.device, recipe.precision):
                logits = (self.forward if len(image) == self.whole else self.network)(image)
            loss = weighted_loss(logits.float(), target, self.class_weight, recipe.label_smoothing)
            (loss / weight).backward()
            loss_sum += loss.detach()
        parameters = list(self.network.parameters())
        distributed.sum_gradients(parameters, loss_sum)
        if recipe.clip_norm:
            torch.nn.utils.clip_grad_norm_(parameters, recipe.clip_norm)
        rate = learning_rate(recipe, epoch=self.epoch, step=self.step, steps_per_epoch=steps)
        set_rate(self.optimizer, rate)
        self.optimizer.step()
        if self.average:
            self.average.update(self.network, (self.epoch - 1) * steps + self.step)
        self.step += 1
        self.unsettled.append((loss_sum, weight))
        return rate

    def settle(self) -> float:
        """Add up the losses of the steps since the last time, and return the last step's mean.

        A GPU is waited for here and nowhere else between two epochs, so that it never waits for the processor.
        """
        if self.unsettled:
            found = torch.stack([loss for loss, _ in self.unsettled]).tolist()
            for total, (_, weight) in zip(found, self.unsettled):
                self.loss_sum, self.weight_sum = self.loss_sum + total, self.weight_sum + weight
                self.last_loss = total / weight
            self.unsettled = []
        return self.last_loss

    def held_out(self, network: torch.nn.Module, *, views: int = 1) -> np.ndarray:
        """Logits of the held-out pictures; several processes share the work."""
        rows, world = self.data.held_rows, distributed.world()
        mine = rows[distributed.rank() :: world]
        logits = (
            logits_of(network, self.data.feed, mine, batch_size=self.recipe.batch_size, views=views,
                      precision=self.recipe.precision)
            if len(mine) else np.zeros((0, len(self.data.labels.names)), dtype=np.float32)
        )  # fmt: skip
        out = np.empty((len(rows), logits.shape[1]), dtype=np.float32)
        for r, part in enumerate(distributed.share(logits)):
            out[r::world] = part
        return out

    def end_epoch(self, rate: float) -> tuple[dict[str, float | None], bool]:
        """Judge the held-out pictures, keep the weights when they are the best so far, move the cursor on."""
        self.settle()
        distributed.average_buffers(self.network)
        if self.average:
            distributed.average_buffers(self.average.network)
        logits = self.held_out(self.judged)
        truth, own = self.data.labels_N[self.data.held_rows], self.data.labels.own_indices
        if not np.isfinite(logits).all() or not np.isfinite(self.loss_sum):
            raise CoreError(
                f"Training fold {self.fold} diverged in epoch {self.epoch} (the loss is no number); the last good "
                "weights are kept. Lower recipe.lr, or set recipe.clip_norm=1.0, in a new folder."
            )
        mine = np.isin(truth, own)
        answer = logits.argmax(axis=1)
        own_answer = np.asarray(own)[logits[:, list(own)].argmax(axis=1)]
        metrics = {
            "train_loss": self.loss_sum / self.weight_sum,
            "held_out_loss": log_loss(softmax(logits), truth),
            "balanced_accuracy": balanced_accuracy(truth[mine], answer[mine]),
            "balanced_accuracy_own_argmax": balanced_accuracy(truth[mine], own_answer[mine]),
            "accuracy": float((answer == truth).mean()),
            "lr": rate,
        }
        score = metrics["balanced_accuracy"]
        best = score is not None and score > self.best_score
        if best:
            self.best_score, self.best_epoch = score, self.epoch
            self.keep()
        self.history.append({"epoch": self.epoch, **metrics})
        self.epoch, self.step, self.loss_sum, self.weight_sum = self.epoch + 1, 0, 0.0, 0.0
        return metrics, best

    def keep(self) -> None:
        if distributed.rank() == 0:
            checkpoint.save_weights(
                self.judged, self.folder / checkpoint.WEIGHTS, labels=self.data.labels, fold=self.fold,
                config=self.cfg.fingerprint, data=self.data_key, epoch=self.best_epoch,
                array_sha256=weights_hash(self.judged),
            )  # fmt: skip

    @property
    def over(self) -> str:
        """Why no further epoch follows, or an empty string."""
        if self.epoch > self.recipe.epochs:
            return "finished"
        if self.recipe.patience and self.epoch - 1 - self.best_epoch > self.recipe.patience:
            return "stopped early"
        return ""


def weighted_loss(logits_NC, target_N, class_weight_C, label_smoothing: float = 0.0) -> torch.Tensor:
    """Sum over pictures of class weight times cross-entropy; the caller divides by the whole step's weight."""
    each = F.cross_entropy(logits_NC, target_N, reduction="none", label_smoothing=label_smoothing)
    return (each * class_weight_C[target_N]).sum()


def fit(
    cfg: RunConfig,
    manifest: Manifest,
    fold: int,
    out_dir: Path | str,
    on_event: Listener | None = None,
    cancelled: Callable[[], bool] | None = None,
    *,
    labels: LabelSpace | None = None,
    packed: Pack | None = None,
    device: str = "auto",
    state_every_s: float = 60.0,
) -> FoldResult:
    """Train the member that holds ``fold`` out, into ``out_dir``; continue what was begun, return what is done.

    manifest: one view, with a fold on every training picture (``folds.with_folds``). cancelled: asked after every step;
    True leaves a usable, resumable fold. state_every_s: time between state files within an epoch (0: every step).
    """
    folder = Path(out_dir)
    train = manifest.train
    labels = labels or LabelSpace.of((item.label for item in train.items), cfg.data.auxiliary_classes)
    check_trainable(train, labels.own, [fold])
    earlier = checkpoint.read_result(folder)
    if earlier and earlier.complete:
        checkpoint.check_sum(folder / checkpoint.WEIGHTS)
        return earlier
    distributed.join()
    packed = packed or pack(train.items, cfg.data, folder / "cache", on_event=on_event, cancelled=cancelled)
    with reproducible(cfg.recipe), torch.random.fork_rng(), memory_in_words(cfg.recipe.batch_size):
        run = Fit(cfg, open_fold(train, labels, packed, fold, choose_device(device)), fold, folder)
        if distributed.rank() == 0:
            folder.mkdir(parents=True, exist_ok=True)
            clear_parts(folder)
            write_config(cfg, folder / "config.toml")
        run.restore()
        distributed.wait()
        status = _epochs(run, on_event or (lambda event: None), cancelled or (lambda: False), state_every_s)
        return _close(run, status, on_event)


def _epochs(run: Fit, tell: Listener, cancelled: Callable[[], bool], state_every_s: float) -> str:
    """All epochs from the cursor on; returns how it ended."""
    began, saved, told = time.monotonic(), time.monotonic(), 0.0
    before = run.seconds
    already = None
    while not run.over:
        run.train_mode()
        steps, seen, clock = run.batches(), 0, time.monotonic()
        for positions in steps[run.step :]:
            rate = run.optimise(positions, len(steps))
            seen, now = seen + len(positions), time.monotonic()
            run.seconds = before + now - began
            share = (run.epoch - 1 + run.step / len(steps)) / run.recipe.epochs
            already = share if already is None else already
            if now - told > EVENT_EVERY_S:
                loss, told = run.settle(), time.monotonic()
                tell(StepDone(progress=share, seconds_left=seconds_left(began, share, already=already), fold=run.fold,
                              epoch=run.epoch, step=run.step, steps=len(steps), loss=loss, lr=rate,
                              images_per_s=seen / max(1e-9, told - clock)))  # fmt: skip
            if distributed.any_says(cancelled()):
                run.save()
                return "cancelled"
            if now - saved >= state_every_s:
                run.save()
                saved = time.monotonic()
        run.settle()
        epoch, speed = run.epoch, seen / max(1e-9, time.monotonic() - clock)
        rate = learning_rate(run.recipe, epoch=epoch, step=len(steps) - 1, steps_per_epoch=len(steps))
        metrics, best = run.end_epoch(rate)
        if distributed.rank() == 0:
            _write_history(run)
        run.save()
        saved = time.monotonic()
        share = epoch / run.recipe.epochs
        tell(EpochDone(progress=share, seconds_left=seconds_left(began, share, already=already or 0.0), fold=run.fold,
                       epoch=epoch, epochs=run.recipe.epochs, metrics=metrics, best=best, images_per_s=speed))  # fmt: skip
    return run.over


def _write_history(run: Fit) -> None:
    import json

    with replacing(run.folder / checkpoint.METRICS) as part:
        part.write_text("".join(json.dumps(row) + "\n" for row in run.history), encoding="utf-8")


def _close(run: Fit, status: str, on_event: Listener | None) -> FoldResult:
    """Leave a usable fold: best weights (the present ones when no epoch ended), held-out predictions, card, sums."""
    weights = run.folder / checkpoint.WEIGHTS
    if run.best_epoch == 0:
        run.keep()
    distributed.wait()
    checkpoint.load_weights(run.judged, weights, run.data.labels)
    logits = run.held_out(run.judged, views=run.recipe.tta_views)
    digest = weights_hash(run.judged)
    score = run.best_score if run.best_epoch else None
    result = FoldResult(
        run.fold, status, run.epoch - 1, run.best_epoch, score, digest, round(run.seconds, 3), str(run.folder)
    )
    if distributed.rank() == 0:
        held = [run.data.manifest.items[row] for row in run.data.held_rows]
        write_member_rows(
            run.folder / "oof.csv", run.cfg.name, f"fold{run.fold}", held, softmax(logits), run.data.labels.names
        )
        write_json(run.folder / "data.json", {"train": len(run.data.train_rows), "held_out": len(run.data.held_rows)})
        write_fold_card(run.cfg, run.data.labels, result, run.history, run.folder, device_in_words(run.device))
        checkpoint.write_result(result)
        checkpoint.write_sums(run.folder)
    distributed.wait()
    if on_event:
        on_event(
            FoldDone(
                progress=1.0 if run.over else (run.epoch - 1) / run.recipe.epochs, seconds_left=0.0, fold=run.fold,
                status=status, best_epoch=run.best_epoch, score=score,
            )
        )
    return result
