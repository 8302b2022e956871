"""The model card of a fold and of a run: what it is, what it saw, how it did, what it must not be used for."""

import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from models_ml.core.config import RunConfig
from models_ml.core.events import duration
from models_ml.core.files import write_text
from models_ml.core.pictures.manifest import LabelSpace, Manifest
from models_ml.core.training.checkpoint import FoldResult, RunInfo
from models_ml.core.training.own import COPY

LIMITS = """## Use and limits

For research in reading studies: to compare networks with physicians on the same pictures. Not a medical device; it
must not decide about a patient. It knows only its classes and answers one of them whatever picture it is given. How
well it does on pictures from other clinics, cameras and skin tones than those it was trained on is unknown unless a
table of this card says so.
"""


def versions() -> dict[str, str]:
    """Versions of what decides the numbers."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in ("torch", "timm", "captum", "safetensors", "numpy", "pillow"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def write_fold_card(
    cfg: RunConfig, labels: LabelSpace, result: FoldResult, history: Sequence[Mapping[str, float | None]], folder: Path,
    machine: str,
) -> None:  # fmt: skip
    lines = [
        f"# {cfg.name}, member fold{result.fold}",
        "",
        f"- network: `{cfg.model.backbone}`, {cfg.data.size_px} px, first weights: {_weights(cfg)}",
        f"- view: {cfg.view or 'not named'}",
        f"- {result.status} after {result.epochs_done} epochs; kept epoch {result.best_epoch}",
        f"- held-out balanced accuracy of the study's own classes: {_number(result.score)}",
        f"- weights (names and arrays) SHA-256: `{result.weights_sha256}`",
        f"- configuration: `{cfg.fingerprint}`",
        f"- training took {result.seconds:.1f} s on {machine}; {', '.join(f'{k} {v}' for k, v in versions().items())}",
        f"- classes: {', '.join(labels.names)}; own: {', '.join(labels.own)}",
        "",
        "| epoch | train loss | held-out loss | balanced accuracy | accuracy |",
        "|---|---|---|---|---|",
    ]
    for row in history:
        cells = (_number(row[k]) for k in ("train_loss", "held_out_loss", "balanced_accuracy", "accuracy"))
        lines.append(f"| {row['epoch']} | {' | '.join(cells)} |")
    write_text(folder / "card.md", "\n".join(lines) + "\n\n" + LIMITS)


def _weights(cfg: RunConfig) -> str:
    if cfg.model.weights == "none":
        return "random"
    if cfg.model.weights == "hub":
        return f"timm's `{cfg.model.backbone}`"
    return f"`{Path(cfg.model.weights).name}` (pinned: {cfg.model.weights_sha256[:16] or 'no'})"


def write_run_card(
    info: RunInfo, manifest: Manifest, results: Sequence[FoldResult], temperature: float | None, judged: Mapping[str, Any] | None
) -> None:
    """Card of the whole ensemble. judged: what ``evaluate_out_of_fold`` found; None where no own picture was held out."""
    own = f" of the file `{COPY}`" if (info.folder / COPY).is_file() else ""
    counts = {s: Counter(i.label for i in manifest.items if i.split == s) for s in ("train", "test")}
    lines = [
        f"# {info.cfg.name}: ensemble of {len(results)} network{'s' if len(results) > 1 else ''}",
        "",
        f"- network: `{info.cfg.model.backbone}`{own}, {info.cfg.data.size_px} px, first weights: {_weights(info.cfg)}",
        f"- view: {info.cfg.view or 'not named'}",
        f"- rule: {info.cfg.ensemble.rule}, threshold {info.cfg.ensemble.threshold}",
        f"- temperature fitted on out-of-fold predictions: {_number(temperature)}",
        f"- manifest: `{info.manifest_fingerprint}`; configuration: `{info.cfg.fingerprint}`",
        f"- training took {duration(sum(r.seconds for r in results))}; seed {info.cfg.recipe.seed}",
        "",
        "| member | ended | epochs | kept epoch | held-out balanced accuracy |",
        "|---|---|---|---|---|",
        *(f"| fold{r.fold} | {r.status} | {r.epochs_done} | {r.best_epoch} | {_number(r.score)} |" for r in results),
        "",
        "| class | own | training pictures | test pictures |",
        "|---|---|---|---|",
    ]
    for name in info.labels.names:
        own = "yes" if name in info.labels.own else "no"
        lines.append(f"| {name} | {own} | {counts['train'][name]} | {counts['test'][name]} |")
    lines += _held_out(judged) if judged else []
    write_text(info.folder / "card.md", "\n".join(lines) + "\n\n" + LIMITS)


def _held_out(judged: Mapping[str, Any]) -> list[str]:
    """How the members did on training pictures of the own classes that they had not seen."""
    found = judged["out_of_fold"]
    names, counts = found["confusion"]["classes"], found["confusion"]["counts"]
    lines = [
        "",
        "## Held-out pictures",
        "",
        "Training pictures of the study's own classes, each judged by the one member that had not seen it; those of folds that are",
        "not trained yet are left out. Intervals of 95 % keep photographs and patients whole. How the ensemble does on test",
        "pictures: the command `evaluate`.",
        "",
        f"- accuracy {_with_interval(found['accuracy_clustered'])}, n = {found['n']}",
        f"- balanced accuracy {_with_interval(found['balanced_accuracy'])}",
        f"- calibration error {found['calibration']['ece']:.3f}, Brier score {found['brier']:.3f}, log loss {found['log_loss']:.3f}",
        "",
        "| class | pictures | found (recall) | right where answered (precision) |",
        "|---|---|---|---|",
    ]
    for k, name in enumerate(names):
        there, answered = sum(counts[k]), sum(row[k] for row in counts)
        if there:
            precision = _number(counts[k][k] / answered) if answered else "never answered"
            lines.append(f"| {name} | {there} | {_number(counts[k][k] / there)} | {precision} |")
    if judged["skin_tone"]:
        lines += ["", "| skin tone | pictures | accuracy |", "|---|---|---|"]
        lines += [f"| {row['skin_tone']} | {row['n']} | {_with_interval(row)} |" for row in sorted(judged["skin_tone"], key=_tone)]
    return lines


def _tone(row: Mapping[str, Any]) -> tuple[float, str]:
    """Numbers in their order, words after them."""
    name = row["skin_tone"]
    return (float(name) if name.replace(".", "", 1).isdigit() else float("inf"), name)


def _with_interval(estimate: Mapping[str, Any]) -> str:
    interval = f" ({estimate['ci_low']:.3f} to {estimate['ci_high']:.3f})" if estimate["ci_low"] is not None else ""
    return _number(estimate["value"]) + interval
