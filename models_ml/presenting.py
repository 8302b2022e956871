"""Runs, ensembles and files in the words and order of the pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imagebank.models import Study
from models_ml.charts import forest, share_text
from models_ml.core.answers.metrics import Estimate
from models_ml.core.training.own import COPY
from models_ml.models import Ensemble, TrainingRun
from models_ml.services.comparing import Pair

SKIPPED = ("cache", "tensorboard")


@dataclass(frozen=True)
class RunRow:
    """One line of the list of runs."""

    run: TrainingRun
    state: str
    state_label: str
    view_label: str
    network: str
    held_out: str
    tested: str


def run_row(run: TrainingRun, study: Study) -> RunRow:
    ensemble = next((one for one in run.ensembles.all() if one.name == run.name), None)
    return RunRow(
        run=run, state=run.state, state_label=TrainingRun.State(run.state).label,
        view_label=study.view_label(run.view), network=backbone(run),
        held_out=share_text(run.out_of_fold["balanced_accuracy"]) if run.out_of_fold else "",
        tested=share_text(ensemble.judged["accuracy_clustered"]) if ensemble and ensemble.judged else "",
    )  # fmt: skip


def by_skin_tone(results: dict) -> list[tuple[str, str, int]]:
    """Skin tone, accuracy in words and number of items; numbers in their order, words after them."""

    def place(row: dict) -> tuple:
        tone = row["skin_tone"]
        return (0, float(tone), "") if tone.replace(".", "", 1).isdigit() else (1, 0.0, tone)

    rows = sorted(results.get("skin_tone", []), key=place)
    return [(row["skin_tone"], share_text(row), row["n"]) for row in rows]


def backbone(run: TrainingRun) -> str:
    if not run.has_weights:
        return "answers alone"
    return f"{run.config['model']['backbone']}, {run.config['data']['size_px']} px"


def first_weights(run: TrainingRun) -> str:
    weights, digest = run.config["model"]["weights"], run.config["model"]["weights_sha256"]
    if weights in ("none", "hub"):
        return {"none": "random", "hub": "downloaded by timm"}[weights]
    return f"{Path(weights).name}" + (f" (SHA-256 {digest[:12]}...)" if digest else " (not pinned)")


def run_facts(run: TrainingRun) -> list[tuple[str, str]]:
    if not run.has_weights:
        others = ", ".join(name for name in run.classes if name not in run.own_classes) or "none"
        return [
            ("Network", "not known: its answers were brought as a file"),
            ("Classes", ", ".join(run.own_classes)), ("Further classes", others),
        ]  # fmt: skip
    recipe, data = run.config["recipe"], run.config["data"]
    sampler = {"shuffle": "every picture once an epoch", "balanced": "classes equally often"}
    return [
        ("Network", backbone(run) + ("" if run.runs_here else f", built by a file of its owner's ({COPY})")),
        ("First weights", first_weights(run)),
        ("Epochs", f"up to {recipe['epochs']}" if recipe["patience"] else str(recipe["epochs"])),
        ("Batch", f"{recipe['batch_size'] * recipe['accumulate']} pictures, {sampler.get(recipe['sampler'], 'own and auxiliary pictures mixed')}"),
        ("Optimiser", f"{recipe['optimizer']}, rate {recipe['lr']:g}, {recipe['schedule']} schedule"),
        ("Augmentation", data["augment"]),
        ("Answers are of", views_in_words(run)),
        ("Seed", str(run.seed)),
        ("Classes", ", ".join(run.own_classes)),
        ("Auxiliary pictures", ", ".join(run.auxiliary) or "none"),
        ("Auxiliary classes", ", ".join(name for name in run.classes if name not in run.own_classes) or "none"),
    ]  # fmt: skip


VIEWS_IN_WORDS = {1: "each picture as it is", 8: "the mean of 8 views of each picture: its rotations and mirror images"}


def views_in_words(run: TrainingRun) -> str:
    """What the stored answers are of; whether somebody chose it after training. Empty where nothing is known."""
    if not run.answers_views:
        return ""
    chosen = run.recipe_views not in (None, run.answers_views)
    return VIEWS_IN_WORDS[run.answers_views] + (f" (chosen after training; the recipe says {run.recipe_views})" if chosen else "")


def views_choices(run: TrainingRun) -> list[tuple[int, str, bool]]:
    """Number of views, words, whether it is what the answers are now or would be."""
    return [
        (views, words + (", as the recipe says" if views == run.recipe_views else ""), views == run.answers_views)
        for views, words in ((1, "each picture as it is"), (8, "8 views: rotations and mirror images"))
    ]


def rule_in_words(ensemble: Ensemble) -> str:
    """The rule as a sentence."""
    restricted = ", among the study's own classes alone" if ensemble.restrict == Ensemble.Restrict.OWN else ""
    if ensemble.rule == Ensemble.Rule.MEAN:
        words = f"The mean of all members' probabilities{restricted}."
    elif ensemble.rule == Ensemble.Rule.VOTE:
        words = f"The class that most members answer{restricted}; the mean probability decides equal votes."
    else:
        least = "reaches" if ensemble.inclusive else "is above"
        without = "nothing is answered" if ensemble.fallback == Ensemble.Fallback.ABSTAIN else "all members enter"
        words = (
            f"The mean of the members whose largest probability {least} {ensemble.threshold:g}{restricted}; "
            f"where no member is that confident, {without}."
        )
    return words + (" Probabilities are calibrated by the run's temperature." if ensemble.calibrated else "")


def accuracy_forest(ensemble: Ensemble):
    """Accuracy of every member and of the ensemble on the same items; None while nothing was judged."""
    if not ensemble.results:
        return None
    rows = [(name, one["accuracy_clustered"], False) for name, one in ensemble.results["members"].items()]
    return forest([*rows, ("ensemble", ensemble.judged["accuracy_clustered"], True)])


def mean_member(ensemble: Ensemble) -> str:
    """The mean of the members' accuracies; empty while nothing was judged."""
    value = ensemble.results.get("mean_member_accuracy")
    return "" if value is None else f"{100 * value:.1f}%"


@dataclass(frozen=True)
class Number:
    """One metric in words: its name, its value, and what it means."""

    name: str
    text: str
    note: str


def numbers(judged: dict) -> list[Number]:
    if not judged:
        return []
    found = [Number("Accuracy", share_text(judged["accuracy_clustered"]), _interval_note(judged["accuracy_clustered"]))]
    if judged["answered"] < judged["n"]:
        note = f"{judged['answered']} of {judged['n']} items; without an answer counts as wrong in the accuracy"
        found.append(Number("Right where it answers", share_text(judged.get("accuracy_answered", {})), note))
    found.append(Number("Balanced accuracy", share_text(judged["balanced_accuracy"]), "mean over the classes"))
    if not judged["calibration"]:
        return found
    return [
        *found,
        Number("Calibration error", f"{100 * judged['calibration']['ece']:.1f} points", "0 is perfect"),
        Number("Brier score", f"{judged['brier']:.3f}", "0 is perfect, 2 the worst"),
        Number("Log loss", f"{judged['log_loss']:.3f}", "0 is perfect"),
    ]


def _interval_note(estimate: dict) -> str:
    if estimate.get("ci_low") is None:
        return estimate.get("why") or ""
    return f"{estimate['n']} items, 95% interval by {estimate['method']}"


@dataclass(frozen=True)
class RunFile:
    name: str
    size: int
    sha256: str


def run_files(run: TrainingRun) -> list[RunFile]:
    """Every file of the run folder that may be fetched, with the checksum that the run recorded."""
    found = []
    if not run.folder.is_dir():
        return found
    for path in sorted(run.folder.rglob("*")):
        name = path.relative_to(run.folder)
        if path.is_file() and name.parts[0] not in SKIPPED and not any(part.startswith(".") for part in name.parts):
            found.append(RunFile(str(name), path.stat().st_size, _recorded_sum(path)))
    return found


def _recorded_sum(path: Path) -> str:
    sums = path.parent / "SHA256SUMS"
    if not sums.is_file() or path == sums:
        return ""
    recorded = dict(reversed(line.split("  ", 1)) for line in sums.read_text().splitlines() if "  " in line)
    return recorded.get(path.name, "")


@dataclass(frozen=True)
class Block:
    """A part of a model card: kind is title, heading, list, table or text."""

    kind: str
    lines: list

    @property
    def cells(self) -> list[list[tuple[str, bool]]]:
        """A table's rows, head first, each cell with whether its column holds numbers: nothing below the head begins with a letter."""
        numeric = [not any(cell[:1].isalpha() for cell in column) for column in zip(*self.lines[1:], strict=True)]
        return [list(zip(row, numeric, strict=True)) for row in self.lines]


def card_blocks(text: str) -> list[Block]:
    """The cards that runs write (headings, lists, tables, paragraphs) as parts for a template."""
    blocks: list[Block] = []
    for line in text.splitlines():
        kind, content = _card_line(line)
        if kind == "table" and set(line) <= set("|-: "):
            continue
        if kind and blocks and blocks[-1].kind == kind and kind not in ("title", "heading"):
            blocks[-1].lines.append(content)
        else:
            blocks.append(Block(kind, [content]))
    return [block for block in blocks if block.kind]


def _card_line(line: str):
    plain = line.replace("`", "")
    if line.startswith("# "):
        return "title", plain[2:]
    if line.startswith("## "):
        return "heading", plain[3:]
    if line.startswith("- "):
        return "list", plain[2:]
    if line.startswith("|"):
        return "table", [cell.strip() for cell in plain.strip("|").split("|")]
    return ("text", plain) if plain.strip() else ("", "")


def compared_settings(runs: Sequence[TrainingRun]) -> list[tuple[str, list[str], bool]]:
    """Every setting with its value in every run, and whether the runs differ in it; those in which they differ first. Of how
    many views of a picture the answers are is no setting of the training, but it is compared with them."""
    flat = [dict(_flat(run.config)) | {"answers: views of a picture": str(run.answers_views)} for run in runs]
    names = sorted(set().union(*flat))
    rows = [(name, [one.get(name, "") for one in flat]) for name in names]
    return sorted(((name, values, len(set(values)) > 1) for name, values in rows), key=lambda row: not row[2])


@dataclass(frozen=True)
class PairRow:
    """Two runs on the same pictures, in words. Items are codes with their keys, for links."""

    pair: Pair
    difference: str
    brier: str
    p: str
    first_alone: list[tuple[str, int | None]]
    second_alone: list[tuple[str, int | None]]


def pair_rows(found: Sequence[Pair], keys: dict[str, int]) -> list[PairRow]:
    """keys: item code to its key; an item that is not in the study any more has none."""
    return [
        PairRow(
            pair, _points(pair.test.difference, 100, 1) if pair.test else "",
            _points(pair.test.brier_difference, 1, 3) if pair.test else "", p_text(pair.test.p) if pair.test else "",
            [(code, keys.get(code)) for code in pair.first_alone], [(code, keys.get(code)) for code in pair.second_alone],
        )
        for pair in found
    ]  # fmt: skip


def _points(estimate: Estimate, times: float, digits: int) -> str:
    parts = [estimate.value, estimate.ci_low, estimate.ci_high]
    words = [None if part is None else f"{times * part:.{digits}f}".replace("-", "\N{MINUS SIGN}") for part in parts]
    return f"{words[0]} ({words[1]} to {words[2]})" if words[1] is not None else f"{words[0]} ({estimate.why})"


def p_text(p: float) -> str:
    """As journals print it: "< .001", ".034"."""
    if p < 0.001:
        return "< .001"
    return f"{p:.3f}".removeprefix("0") if p < 0.9995 else "1"


def _flat(values: dict, prefix: str = ""):
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", ", ".join(map(str, value)) if isinstance(value, list) else str(value)
