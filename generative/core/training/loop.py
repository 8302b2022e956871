"""The one training loop of the generator.

Every random number of step k is drawn from generators seeded by (run seed, k, process, purpose), so that a run resumed
from a snapshot continues with exactly the numbers of an uninterrupted one; nothing hidden has to be stored.
"""

from __future__ import annotations

import contextlib
import copy
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from generative.core.data import ImageTable, to_uint8, to_unit
from generative.core.errors import Cancelled, InputError
from generative.core.networks.discriminator import Discriminator
from generative.core.networks.generator import Generator
from generative.core.networks.weights import NetworkRecord, read_record, read_state
from generative.core.training import finetune, losses, phases, snapshots
from generative.core.training.augment import AdaController
from generative.core.training.distributed import Group, join_group, leave_group
from generative.core.training.recipe import Recipe

GRID_ROWS = 4
GRADIENT_MOST = 1e5
RESIDENT_SHARE = 0.4  # of a GPU's free memory
ALGORITHMS_TRIED = 3  # sizes stay, so a GPU tries the likeliest few once for each; the library's ten take a minute
TELL_EVERY_S = 0.25  # on a GPU, where asking for a number waits for all work before it; a processor tells every step


@dataclass(frozen=True)
class TrainResult:
    """Where the last snapshot lies and how far the run came; `report` is the fine-tuning report, if any."""

    snapshot: Path
    images: int
    ada_p: float
    report: dict | None


def train(
    recipe: Recipe,
    data: ImageTable,
    out: Path,
    *,
    seed: int = 0,
    start: Path | None = None,
    start_preset: str = "widen",
    licence: str = "own",
    device: str = "cpu",
    on_event: Callable[[dict], None] | None = None,
    should_cancel: Callable[[], bool] | None = None,
) -> TrainResult:
    """Train until `recipe.total_kimg`, going on from the newest snapshot in `out` when there is one.

    data: training pictures at the recipe's resolution. start: weights folder to fine-tune from, by `start_preset`.
    on_event gets flat dictionaries ("start", "progress", "grid", "kid", "snapshot", "end"). When should_cancel turns
    true a snapshot is written and Cancelled raised. Too few pictures, another resolution or another recipe than the
    snapshot's raise InputError before anything is written.
    """
    _check_data(recipe, data)
    group = join_group(device)
    try:
        run = _Run(recipe, data, Path(out), seed, start, start_preset, licence, device, group, on_event)
        with torch.backends.cudnn.flags(enabled=True, benchmark=True, benchmark_limit=ALGORITHMS_TRIED):
            result = run.loop(should_cancel or (lambda: False))
        group.wait()
        return result
    finally:
        leave_group(group)


def _check_data(recipe: Recipe, data: ImageTable) -> None:
    if len(data) < recipe.minimum_images:
        raise InputError(
            f"Training needs at least {recipe.minimum_images} pictures, so that it does not merely copy them; "
            f"found {len(data)}. Add pictures or lower minimum_images knowingly."
        )
    if data.images.shape[2] != recipe.resolution:
        raise InputError(f"The pictures are {data.images.shape[2]} px; the recipe needs {recipe.resolution} px.")
    empty = [name for i, name in enumerate(data.classes) if not (data.labels == i).any()]
    if empty:
        raise InputError(f"Every class needs training pictures; there are none of {', '.join(empty)}.")


def _placed(images: torch.Tensor, device: str) -> torch.Tensor:
    """The bytes of all pictures on the GPU, when they take a small part of its free memory; else where they were."""
    if not str(device).startswith("cuda") or images.nbytes > RESIDENT_SHARE * torch.cuda.mem_get_info(device)[0]:
        return images
    return images.to(device)


class _Run:
    """State of one run; `loop` drives it."""

    def __init__(self, recipe, data, out, seed, start, start_preset, licence, device, group: Group, on_event):
        self.recipe, self.data, self.out, self.seed, self.device, self.group = recipe, data, out, seed, device, group
        self.on_event, self.licence = on_event, licence
        self.step = self.images = 0
        # sum of sign(D(real)) and how many, since the last ADA step
        self.signs = torch.zeros(2, dtype=torch.float64, device=device)
        self.ada = AdaController(recipe.ada_target, recipe.ada_kimg, recipe.ada_most)
        self.local = recipe.batch // group.size
        if recipe.batch % group.size or self.local % min(recipe.mbstd_group, self.local):
            raise InputError(f"A batch of {recipe.batch} cannot be shared by {group.size} processes evenly.")
        shape = recipe.shape(data.classes)
        self.shape = finetune.target_shape(shape, start, start_preset) if start else shape
        self.report, self.parent, self.told, self.real_features = None, {}, 0.0, None
        self.one_hot = torch.from_numpy(data.one_hot())
        self.members = [np.flatnonzero(data.labels == i) for i in range(len(data.classes))]
        self.pictures = _placed(torch.as_tensor(data.images), device)
        self._build_networks()
        self.snapshot = snapshots.latest_snapshot(out)
        if self.snapshot:
            self._resume()
        elif start:
            report = finetune.start_from(self.g, self.ema, self.d, start, start_preset).to_json()
            self.report = {**report, "ada_kimg": recipe.ada_kimg, "ema_rampup": recipe.ema_rampup}
            parent = read_record(start)
            self.parent = {"content_hash": parent.content_hash, "licence": parent.licence, **parent.source}
            self.licence = parent.licence if licence == "own" else licence
        group.share([*self.g.state_dict().values(), *self.d.state_dict().values(), *self.ema.state_dict().values()])

    def _build_networks(self) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.g, self.d = Generator(self.shape).to(self.device), Discriminator(self.shape).to(self.device)
        self.ema = copy.deepcopy(self.g).eval().requires_grad_(False)
        finest = self.d.resolutions[: self.recipe.freeze_d]
        for resolution in finest:
            getattr(self.d, f"b{resolution}").requires_grad_(False)
        self.players = phases.Players(self.g, self.d, self.recipe, torch.zeros([], device=self.device))
        self.g_parameters = list(self.g.parameters())
        self.d_parameters = [p for p in self.d.parameters() if p.requires_grad]
        self.g_adam = self._adam(self.g_parameters, self.recipe.path_every if self.recipe.path_weight else 0)
        self.d_adam = self._adam(self.d_parameters, self.recipe.r1_every if self.recipe.gamma else 0)

    def _adam(self, parameters, every: int) -> torch.optim.Adam:
        """Adam slowed by k/(k+1) for the lazy phase that shares it."""
        c = every / (every + 1) if every else 1.0
        fused = True if str(self.device).startswith("cuda") else None
        return torch.optim.Adam(parameters, lr=self.recipe.lr * c, betas=(0.0, 0.99**c), eps=1e-8, fused=fused)

    # --- state on disk

    def _resume(self) -> None:
        tensors, facts = snapshots.read_training(self.snapshot)
        before = Recipe.from_json(facts["recipe"])
        changed = self.recipe.changes(before)
        if facts["data_sha256"] != self.data.sha256:
            changed.append("pictures")
        if facts["seed"] != self.seed:
            changed.append("seed")
        if changed:
            raise InputError(
                f"{self.out} holds a run with another {', '.join(changed)}; "
                "resume it as it was or choose another folder."
            )
        record = read_record(self.snapshot)
        parts = {"generator": self.ema, "generator_raw": self.g, "discriminator": self.d}
        for part, network in parts.items():
            network.load_state_dict(read_state(self.snapshot, part, record))
        snapshots.restore_optimiser("g", self.g, self.g_adam, tensors)
        snapshots.restore_optimiser("d", self.d, self.d_adam, tensors)
        self.players.path_mean = tensors["path_mean"].to(self.device)
        self.signs = tensors["signs"].to(self.device)
        self.ada.p = facts["ada_p"]
        self.step, self.images = facts["step"], facts["images"]
        self.report, self.parent, self.licence = facts["report"], facts["parent"], record.licence

    def _save(self) -> Path:
        if self.group.rank:
            return snapshots.latest_snapshot(self.out) or self.out
        counts = {name: int((self.data.labels == i).sum()) for i, name in enumerate(self.data.classes)}
        record = NetworkRecord(
            self.shape, licence=self.licence, source={"trained_from": self.parent} if self.parent else {},
            recipe=self.recipe.to_json(),
            extra={"images": self.images, "counts": counts, "data_sha256": self.data.sha256, "ada_p": self.ada.p,
                   "seed": self.seed, "start": self.report},
        )  # fmt: skip
        tensors = {
            **snapshots.optimiser_tensors("g", self.g, self.g_adam),
            **snapshots.optimiser_tensors("d", self.d, self.d_adam),
            "path_mean": self.players.path_mean,
            "signs": self.signs,
        }
        facts = {
            "recipe": self.recipe.to_json(), "data_sha256": self.data.sha256, "seed": self.seed, "ada_p": self.ada.p,
            "step": self.step, "images": self.images, "report": self.report, "parent": self.parent,
        }  # fmt: skip
        networks = {"generator": self.ema, "generator_raw": self.g, "discriminator": self.d}
        path = snapshots.save_snapshot(self.out, record, networks, tensors, facts, keep=self.recipe.keep_snapshots)
        self._tell("snapshot", path=str(path.relative_to(self.out)))
        return path

    def _tell(self, kind: str, **facts) -> None:
        if self.group.rank:
            return
        event = {"event": kind, "kimg": round(self.images / 1000, 3), **facts}
        try:
            with open(self.out / "events.jsonl", "a", encoding="utf-8") as handle:
                handle.write(json.dumps(event) + "\n")
        except OSError as error:
            raise InputError(f"{self.out} cannot be written: {error.strerror}; the last snapshot is kept.") from error
        if self.on_event:
            self.on_event(event)

    # --- one step

    def _chance(self, purpose: int) -> phases.Chance:
        entropy = np.random.SeedSequence([self.seed, self.step, self.group.rank, purpose]).generate_state(2)
        seed = int(entropy[0]) << 32 | int(entropy[1])
        return phases.Chance.seeded(seed & (2**63 - 1), self.device)

    def _batch(self) -> phases.Batch:
        """This process's share of the step's real pictures (every epoch a new order) and fake labels."""
        n = len(self.data)
        positions = self.step * self.recipe.batch + self.group.rank * self.local + np.arange(self.local)
        orders = {e: self._order(np.random.default_rng([self.seed, int(e), 1])) for e in np.unique(positions // n)}
        index = np.array([orders[p // n][p % n] for p in positions])
        rng = np.random.default_rng([self.seed, self.step, self.group.rank, 2])
        chosen = self.pictures[torch.from_numpy(index).to(self.pictures.device, non_blocking=True)]
        images = to_unit(chosen.to(self.device, non_blocking=True))
        if self.recipe.mirror:
            flip = torch.from_numpy(rng.random(self.local) < 0.5).to(self.device, non_blocking=True)
            images = torch.where(flip[:, None, None, None], images.flip(3), images)
        drawn = self._asked_for(rng, self.local)
        if self.recipe.unconditional_loss:  # judged by their own labels; only the generator is told less of them at first
            labels = (self.one_hot[index], self.one_hot[drawn], self._labels(drawn))
        else:
            labels = (self._labels(index), self._labels(drawn))
        return phases.Batch(images, *(each.to(self.device, non_blocking=True) for each in labels))

    def _order(self, rng: np.random.Generator) -> np.ndarray:
        """The pictures of one epoch; balanced, an equal part of it for every class: a large class shows some of its own,
        a small one shows some twice."""
        n = len(self.data)
        if not self.recipe.balanced:
            return rng.permutation(n)
        parts = np.array_split(np.arange(n), len(self.members))
        shown = [np.resize(rng.permutation(own), len(part)) for own, part in zip(self.members, parts, strict=True)]
        return rng.permutation(np.concatenate(shown))

    def _asked_for(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Pictures whose labels the generator is to draw: from the empirical list; balanced, from every class alike."""
        if not self.recipe.balanced:
            return rng.integers(0, len(self.data), count)
        return np.array([self.members[i][0] for i in rng.integers(0, len(self.members), count)])

    def _labels(self, index: np.ndarray) -> torch.Tensor:
        """One-hot labels; during a transition blended with the classes' common mix, so that they fade in."""
        labels = self.one_hot[index]
        if not self.recipe.transition:
            return labels
        return torch.lerp(self.one_hot.mean(dim=0).expand_as(labels), labels, self.recipe.label_share(self.images / 1000))

    def _descend(self, loss: torch.Tensor, parameters: list, adam: torch.optim.Adam) -> torch.Tensor:
        for parameter in parameters:
            parameter.grad = None
        loss.backward(inputs=parameters)
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        self.group.average(flat)
        torch.nan_to_num(flat, nan=0.0, posinf=GRADIENT_MOST, neginf=-GRADIENT_MOST, out=flat)
        parts = flat.split([gradient.numel() for gradient in gradients])
        torch._foreach_copy_(gradients, [part.view_as(g) for part, g in zip(parts, gradients, strict=True)])
        adam.step()
        return loss.detach()

    @contextlib.contextmanager
    def _judging_only(self):
        """The discriminator passes gradients on while inside, and gathers none: a compiled one would compute them."""
        for parameter in self.d_parameters:
            parameter.requires_grad_(False)
        try:
            yield
        finally:
            for parameter in self.d_parameters:
                parameter.requires_grad_(True)

    def _advance(self) -> dict[str, torch.Tensor]:
        """One batch through all due phases; returns the losses, on the device."""
        recipe, players, batch = self.recipe, self.players, self._batch()
        players.p = self.ada.p if recipe.fixed_p is None else recipe.fixed_p
        if recipe.unconditional_loss:
            players.weights = losses.transitional_weights(recipe.label_share(self.images / 1000))
        with self._judging_only():
            loss = phases.generator_main(players, batch, self._chance(0))
            found = {"loss_g": self._descend(loss, self.g_parameters, self.g_adam)}
        if recipe.path_weight and self.step % recipe.path_every == 0:
            loss = phases.generator_path(players, batch, self._chance(1))
            found["path"] = self._descend(loss, self.g_parameters, self.g_adam)
            players.path_mean = self.group.total(players.path_mean) / self.group.size
        judged = phases.discriminator_main(players, batch, self._chance(2))
        found["loss_d"] = self._descend(judged.loss, self.d_parameters, self.d_adam)
        if recipe.gamma and self.step % recipe.r1_every == 0:
            loss = phases.discriminator_r1(players, batch, self._chance(3))
            found["r1"] = self._descend(loss, self.d_parameters, self.d_adam)
        self._average()
        self._steer(judged.real_logits)
        self.step += 1
        self.images += recipe.batch
        return found

    @torch.no_grad()
    def _average(self) -> None:
        """Move the averaged generator: half-life ema_kimg, shorter early on; buffers are copied."""
        half_life = self.recipe.ema_kimg * 1000
        if self.recipe.ema_rampup is not None:
            half_life = min(half_life, max(self.images + self.recipe.batch, 1) * self.recipe.ema_rampup)
        keep = 0.5 ** (self.recipe.batch / max(half_life, 1e-8))
        self.group.share([self.g.mapping.w_avg])
        slow, fast = list(self.ema.parameters()), list(self.g.parameters())
        torch._foreach_copy_(slow, torch._foreach_lerp(fast, slow, keep))
        torch._foreach_copy_(list(self.ema.buffers()), list(self.g.buffers()))

    def _steer(self, real_logits: torch.Tensor) -> None:
        self.signs[0] += real_logits.sign().sum()
        self.signs[1] += real_logits.numel()
        if (self.step + 1) % self.ada.interval == 0:
            signs = self.group.total(self.signs.clone())
            self.ada.update(float(signs[0] / signs[1]), self.recipe.batch)
            self.signs.zero_()

    # --- the run

    def loop(self, should_cancel: Callable[[], bool]) -> TrainResult:
        try:
            self.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{self.out} cannot be made: {error.strerror}.") from error
        if not self.group.rank:
            snapshots.clear_leftovers(self.out)
        self._tell("start", resumed=self.snapshot is not None, total_kimg=self.recipe.total_kimg, seed=self.seed,
                   classes=list(self.data.classes), pictures=len(self.data), report=self.report)  # fmt: skip
        if self.snapshot is None:
            self._grid()
        while self.images < self.recipe.total_kimg * 1000:
            before, began = self.images, time.perf_counter()
            self._progress(self._advance(), began)
            if self._due(before, self.recipe.grid_kimg):
                self._grid()
            if self._cancelled(should_cancel):
                self.snapshot = self._save()
                raise Cancelled(
                    f"Training was stopped at {self.images / 1000:g} kimg; {self.snapshot} holds its state."
                )
            if self._due(before, self.recipe.snapshot_kimg):
                self.snapshot = self._save()
        if not self.snapshot or read_record(self.snapshot).extra.get("images") != self.images:
            self.snapshot = self._save()
        self._tell("end", step=self.step)
        return TrainResult(self.snapshot, self.images, self.ada.p, self.report)

    def _progress(self, losses: dict[str, torch.Tensor], began: float) -> None:
        now = time.perf_counter()
        if str(self.device).startswith("cuda") and now - self.told < TELL_EVERY_S:
            return
        self.told = now
        numbers = dict(zip(losses, torch.stack(list(losses.values())).tolist(), strict=True))
        self._tell("progress", step=self.step, ada_p=round(self.ada.p, 5), s=round(now - began, 4),
                   w_middle=self._middle_norm(), **{k: round(v, 6) for k, v in numbers.items()})  # fmt: skip

    def _due(self, before: int, every_kimg: float) -> bool:
        every = every_kimg * 1000
        return before // every != self.images // every

    def _cancelled(self, should_cancel: Callable[[], bool]) -> bool:
        says = should_cancel()
        if self.group.size == 1:
            return says
        return float(self.group.total(torch.tensor(float(says)))) > 0  # on the processor: no GPU is waited for

    @torch.no_grad()
    def _middle_norm(self) -> float | None:
        """Length of the middle class's label vector before normalisation: near 0, normalising amplifies noise."""
        if not self.recipe.ordinal:
            return None
        embed = self.ema.mapping.embed
        row = embed.rows()[self.shape.class_index(self.recipe.ordinal[1])] + embed.bias * embed.bias_gain
        return round(float(row.norm()), 5)

    @torch.no_grad()
    def _grid(self) -> None:
        """One row per z, one column per class, the same z throughout the run; KID beside it when asked for."""
        if self.group.rank:
            return
        from generative.core.sets.strips import save_grid

        classes = max(self.shape.c_dim, 1)
        z = torch.randn(GRID_ROWS, self.shape.z_dim, generator=torch.Generator().manual_seed(self.seed + 1))
        z, c = z.repeat_interleave(classes, dim=0), torch.eye(classes).repeat(GRID_ROWS, 1)[:, : self.shape.c_dim]
        images = to_uint8(self.ema(z.to(self.device), c.to(self.device)))
        path = self.out / "grids" / f"kimg-{self.images / 1000:011.3f}.png"
        save_grid(images, path, columns=classes)
        self._tell("grid", path=str(path.relative_to(self.out)), columns=list(self.shape.classes))
        if self.recipe.kid_images:
            self._kid()

    def _kid(self) -> None:
        from generative.core.judging.features import DrawnFeatures
        from generative.core.judging.metrics import kid

        rng = np.random.default_rng([self.seed, self.step, 3])
        labels = self._labels(rng.integers(0, len(self.data), self.recipe.kid_images))  # as the real ones come, to be compared with them
        z = torch.from_numpy(rng.standard_normal((len(labels), self.shape.z_dim), dtype=np.float32))
        parts = zip(z.split(64), labels.split(64), strict=True)
        fake = np.concatenate([to_uint8(self.ema(a.to(self.device), b.to(self.device))) for a, b in parts])
        features = DrawnFeatures(self.device)
        if self.real_features is None:
            self.real_features = features(self.data.images)
        value = kid(self.real_features, features(fake.transpose(0, 3, 1, 2)))
        self._tell("kid", kid=round(value, 6), features=features.name, images=len(fake))
