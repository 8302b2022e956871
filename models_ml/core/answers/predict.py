"""Every member's probabilities for exactly the pictures asked for. Finished members survive a call cut short."""

from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

import numpy as np

from models_ml.core.answers.metrics import softmax
from models_ml.core.answers.predictions import Predictions
from models_ml.core.config import override
from models_ml.core.errors import Cancelled, CoreError
from models_ml.core.events import Listener, PredictProgress, scaled
from models_ml.core.files import replacing, sha256_json
from models_ml.core.pictures.manifest import Item, Manifest
from models_ml.core.pictures.pack import Pack, pack
from models_ml.core.training import checkpoint
from models_ml.core.training.checkpoint import RunInfo, fold_folder


def select(manifest: Manifest, info: RunInfo, split: str | None, items: Collection[str] | None) -> list[Item]:
    """The pictures of the run's view, of ``split`` (None: both), named in ``items`` (None: all); none missing."""
    chosen = manifest.of_view(info.cfg.view).items
    if split:
        chosen = tuple(item for item in chosen if item.split == split)
    if items is not None:
        found = {item.id for item in chosen}
        if absent := [name for name in items if name not in found]:
            raise CoreError(
                f"{len(absent)} of the items asked for have no picture of view {info.cfg.view!r} in {manifest.source} "
                f"(first: {absent[0]!r})."
            )
        wanted = set(items)
        chosen = tuple(item for item in chosen if item.id in wanted)
    if not chosen:
        raise CoreError(f"{manifest.source} has no pictures of view {info.cfg.view!r} in split {split or 'any'!r}.")
    if strangers := sorted({item.label for item in chosen} - {""} - set(info.labels.names)):
        raise CoreError(
            f"{manifest.source} has the class {strangers[0]!r}; the networks in {info.folder} know "
            f"{', '.join(info.labels.names)}."
        )
    return list(chosen)


def predict_items(
    run_dir: Path | str,
    manifest: Manifest,
    *,
    split: str | None = "test",
    items: Collection[str] | None = None,
    out: Path | str | None = None,
    model: str | None = None,
    tta_views: int | None = None,
    on_event: Listener | None = None,
    cancelled: Callable[[], bool] | None = None,
    device: str = "auto",
) -> Predictions:
    """Predict with every finished member of the run; write ``predictions.csv`` to ``out`` when given.

    items: names of the items wanted, e.g. those of a survey set (all of them must be there). model: the name in the
    file (default: the run's name and view). tta_views: 8 averages the logits of a picture's rotations and mirror images, 1 takes
    it as it is (default: what the recipe says; the file says which it was). Class list and checksum of every member are checked before anything is
    predicted. Cancelling raises Cancelled; the same call continues.
    """
    info = checkpoint.read_run(run_dir)
    if tta_views is not None:
        info = replace(info, cfg=override(info.cfg, f"recipe.tta_views={tta_views}"))
    chosen = select(manifest, info, split, items)
    members = finished_members(info)
    cancelled, tell = cancelled or (lambda: False), on_event or (lambda event: None)
    packed = pack(chosen, info.cfg.data, info.folder / "cache", on_event=scaled(tell, 0, 0.1), cancelled=cancelled)
    logits = []
    for k, (name, digest) in enumerate(members):
        span = (0.1 + 0.9 * x / len(members) for x in (k, k + 1))
        logits.append(_member(info, name, digest, packed, scaled(tell, *span), cancelled, device))
    predictions = Predictions(
        model=model or "-".join(filter(None, dict.fromkeys([info.cfg.name, info.cfg.view]))),
        members=tuple(name for name, _ in members),
        items=tuple(item.id for item in chosen),
        views=tuple(item.view for item in chosen),
        truth_N=np.array([info.labels.index(item.label) if item.label else -1 for item in chosen]),
        probs_MNC=softmax(np.stack(logits)),
        classes=info.labels.names,
        tta_views=info.cfg.recipe.tta_views,
    )
    if out is not None:
        predictions.write(out)
    return predictions


def finished_members(info: RunInfo) -> list[tuple[str, str]]:
    """Names and file hashes of the members that can answer, their files checked: one epoch at least was done."""
    found = []
    for fold in info.folds:
        folder = fold_folder(info.folder, fold)
        result = checkpoint.read_result(folder)
        if result is not None and result.trained:
            found.append((folder.name, checkpoint.check_sum(folder / checkpoint.WEIGHTS)))
    if not found:
        raise CoreError(f"{info.folder} has no trained member yet; the command train continues until an epoch is done.")
    return found


def load_member(info: RunInfo, name: str, device: str = "auto"):
    """The member's network in evaluation mode, gradients of its weights switched off."""
    from models_ml.core.device import choose_device, in_layout
    from models_ml.core.training.network import build

    network = build(info.cfg.model, len(info.labels.names), size_px=info.cfg.data.size_px, seed=0, load=False)
    checkpoint.load_weights(network, info.folder / name / checkpoint.WEIGHTS, info.labels)
    return in_layout(info.cfg.recipe, network).to(choose_device(device)).eval().requires_grad_(False)


def _member(
    info: RunInfo, name: str, digest: str, packed: Pack, tell: Listener, cancelled: Callable[[], bool], device: str
) -> np.ndarray:
    """Logits of one member, from the cache when they were computed before with the same weights on the same pack."""
    from models_ml.core.answers.inference import logits_of
    from models_ml.core.pictures.feed import Feed

    recipe, total = info.cfg.recipe, len(packed.ids)
    cache = (
        info.folder
        / "cache"
        / f"logits-{sha256_json([digest, packed.content, recipe.tta_views, recipe.precision])[:24]}.npy"
    )
    if cache.is_file():
        return np.load(cache)

    def progress(done: int) -> None:
        tell(PredictProgress(progress=done / total, member=name, done=done, total=total))
        if cancelled():
            raise Cancelled(f"Predicting was cancelled in {name}; finished members are kept.")

    network = load_member(info, name, device)
    feed = Feed(packed, next(network.parameters()).device)
    logits = logits_of(
        network, feed, np.arange(total), batch_size=recipe.batch_size, views=recipe.tta_views,
        precision=recipe.precision, on_batch=progress,
    )  # fmt: skip
    with replacing(cache) as part, open(part, "wb") as handle:
        np.save(handle, logits)
    return logits
