"""Numbers of attributions in the pages' order, each beside its control and what it means."""

from dataclasses import dataclass

from models_ml.models import AttributionMap

WORDS = {
    "mass": ("Relevance on the lesion", "share of the positive relevance inside the mask"),
    "rank": ("Most relevant pixels on the lesion", "of as many top pixels as the mask has"),
    "pointing": ("Pointing game", "the peak lies on the lesion"),
    "insertion": ("Insertion", "area under the probability; larger is better"),
    "deletion": ("Deletion", "area under the probability; smaller is better"),
    "agreement": ("Agreement between members", "mean rank correlation of their maps"),
    "on_skin": ("Relevance on skin", "the rest lies on background or clothing"),
}
LOCALISATION = ("mass", "rank", "pointing")


@dataclass(frozen=True)
class ScoreRow:
    name: str
    meaning: str
    value: str
    control: str
    wrong_class: str
    above: str


def signed(text: str) -> str:
    """With the sign that is as wide as a plus."""
    return text.replace("-", "\N{MINUS SIGN}")


def number(value: float | None) -> str:
    return "" if value is None else signed(f"{value:.2f}")


def estimate(given: dict | None) -> str:
    """ "0.42 (0.36 to 0.47)", or why there is none."""
    if not given:
        return ""
    if given.get("value") is None:
        return given.get("why", "not known")
    text = f"{given['value']:.2f}"
    return signed(text if given.get("ci_low") is None else f"{text} ({given['ci_low']:.2f} to {given['ci_high']:.2f})")


def summary_table(summary: dict, target: str) -> list[ScoreRow]:
    """All items together; the control and the wrong class were scored for the predicted class alone."""
    if not summary:
        return []
    scored = summary["targets"].get(target, {})
    beside = target == AttributionMap.Target.PREDICTED
    rows = []
    for name, (title, meaning) in WORDS.items():
        local = beside and name in LOCALISATION
        rows.append(
            ScoreRow(
                title, meaning, estimate(scored.get(name)),
                estimate(summary["control"][name]) if local else "",
                estimate(summary["wrong_class"][name]) if local else "",
                estimate(summary["above_control"][name]) if local else "",
            )
        )  # fmt: skip
    return rows


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
            one["region"], KNOWN[one["marked"]], str(one["pictures"]), estimate(one["share"]), estimate(one["area"]),
            estimate(one["control"]), estimate(one["above_control"]), verdicts[one["warning"]],
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
            "" if None in (row["share"], row["control"]) else signed(f"{row['share'] - row['control']:+.2f}"), "",
        )
        for row in one.regions
    ]  # fmt: skip


def map_table(one: AttributionMap) -> list[ScoreRow]:
    beside = one.target == AttributionMap.Target.PREDICTED
    rows = []
    for name, (title, meaning) in WORDS.items():
        value, control = one.scores.get(name), one.control.get(name) if beside else None
        above = value - control if value is not None and control is not None else None
        rows.append(
            ScoreRow(
                title, meaning, number(value), number(control),
                number(one.wrong_class.get(name)) if beside else "", "" if above is None else signed(f"{above:+.2f}"),
            )
        )  # fmt: skip
    return rows
