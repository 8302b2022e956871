"""Numbers of attributions in the pages' order, each beside its control and what it means."""

from dataclasses import dataclass

from models_ml.core.attribution.tables import WORDS, in_words, score_rows
from models_ml.models import AttributionMap


@dataclass(frozen=True)
class ScoreRow:
    name: str
    meaning: str
    value: str
    control: str
    above: str
    wrong_class: str


def signed(text: str) -> str:
    """With the sign that is as wide as a plus."""
    return text.replace("-", "\N{MINUS SIGN}")


def number(value: float | None) -> str:
    return "" if value is None else signed(f"{round(value, 2) + 0.0:.2f}")


def difference(value: float | None, control: float | None) -> str:
    return "" if None in (value, control) else signed(f"{round(value - control, 2) + 0.0:+.2f}")


def summary_table(summary: dict, target: str) -> list[ScoreRow]:
    """All items together; the wrong class stands beside the predicted class alone."""
    return [ScoreRow(*row) for row in score_rows(summary, target)] if summary else []


@dataclass(frozen=True)
class RegionRow:
    """One part of the pictures: its share of the relevance beside its share of the area and the control's."""

    name: str
    known: str
    pictures: str
    share: str
    area: str
    control: str
    above: str
    verdict: str  # warning, fine, unclear


KNOWN = {True: "marked", False: "by a rule of thumb"}


def region_table(summary: dict) -> list[RegionRow]:
    verdicts = {True: "warning", False: "fine", None: "unclear"}
    return [
        RegionRow(
            one["region"], KNOWN[one["marked"]], str(one["pictures"]), in_words(one["share"]), in_words(one["area"]),
            in_words(one["control"]), in_words(one["above_control"]), verdicts[one["warning"]],
        )
        for one in summary.get("regions", [])
    ]  # fmt: skip


def warnings(summary: dict) -> list[dict]:
    """Regions that call for a warning: `sentence` and `worst`, items with their shares."""
    return [one for one in summary.get("regions", []) if one["warning"]]


def map_regions(one: AttributionMap) -> list[RegionRow]:
    """The parts of one picture; a single picture gives no verdict."""
    return [
        RegionRow(
            row["region"], KNOWN[row["marked"]], "", number(row["share"]), number(row["area"]), number(row["control"]),
            difference(row["share"], row["control"]), "",
        )
        for row in one.regions
    ]  # fmt: skip


def map_table(one: AttributionMap) -> list[ScoreRow]:
    rows = []
    for name, (title, meaning) in WORDS.items():
        value, control = one.scores.get(name), one.control.get(name)
        wrong = number(one.wrong_class.get(name))
        rows.append(ScoreRow(title, meaning, number(value), number(control), difference(value, control), wrong))
    return rows
