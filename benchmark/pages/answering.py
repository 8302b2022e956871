"""Questions of a comparison with their two answers, for these images and for new ones, in words and whiskers for its page."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmark.core.figures.look import colours
from benchmark.core.results import Results
from benchmark.core.wording import interval, number, p_value, percent, points, readable, these_images

if TYPE_CHECKING:
    from benchmark.core.report.workings import Working

Record = dict[str, Any]


@dataclass(frozen=True)
class Whisker:
    """An interval as a line of an SVG that is 200 units wide; `zero` is where "no difference" stands."""

    low: float
    high: float
    middle: float
    zero: float


@dataclass(frozen=True)
class Estimate:
    """One of the two answers to a question."""

    label: str
    size: str
    interval: str
    adjusted: str
    sentence: str
    whisker: Whisker | None


@dataclass(frozen=True)
class Answer:
    """One question with its two answers: for these images, and for new ones."""

    anchor: str
    question: str
    colour: str
    view: str
    these: Estimate
    new: Estimate
    disagree: bool
    planned: str
    details: list[tuple[str, str]]
    workings: list[Working]

    @property
    def estimates(self) -> tuple[Estimate, Estimate]:
        return self.these, self.new


PLANNED = {"primary": "primary in the plan", "exploratory": "exploratory"}


def answers_in_words(results: dict) -> list[Answer]:
    """One Answer per network, reader group and view, in the order of the results; then one per gain from its output, and
    one per difference of such a gain from that of a second look alone. Primary ones have the workings of their numbers."""
    from benchmark.core.report.workings import comparison_workings, gain_workings

    kept = Results(results)
    paired, new = results.get("paired", []), {_key(record): record for record in results.get("new_images", [])}
    gains, differences = (
        [({**these_images(r), "why": r["why"]}, r) for r in results.get(name, [])]
        for name in ("assistance", "assistance_difference")
    )
    palette = colours(results["design"]["groups"], results["design"]["models"])
    scale = _scale([*paired, *new.values(), *(side for pair in (*gains, *differences) for side in pair)])
    level = f"{100 * results['plan']['confidence']:g} %"

    def answer(anchor: str, these: Record, new: Record, planned: str, details: list, workings: list) -> Answer:
        return Answer(
            anchor=anchor,
            question=these.get("question") or new["question"],
            colour=palette.get(new["group"], ""),
            view=readable(new["view"]),
            these=_estimate("These images, new readers", these, scale, level),
            new=_estimate("New images and new readers", new, scale, level),
            disagree=bool(new.get("conclusions_differ")),
            planned=planned,
            details=details,
            workings=workings,
        )

    return [
        answer(
            f"question-{n}", record, other, PLANNED.get(record.get("family"), ""), _details(record, other),
            comparison_workings(kept, record, other),
        )  # fmt: skip
        for n, record in enumerate(paired, 1)
        if (other := new.get(_key(record)))
    ] + [
        answer(
            f"{name}-{n}", these, new, PLANNED["primary" if new["prespecified"] else "exploratory"], details(these, new),
            gain_workings(kept, new),
        )  # fmt: skip
        for name, pairs, details in (
            ("with-network", gains, partial(_gain_details, is_controlled=bool(differences))),
            ("beyond-second-look", differences, _difference_details),
        )
        for n, (these, new) in enumerate(pairs, 1)
    ]


def _key(record: Record) -> tuple:
    return record["model"], record["group"], record["view"]


def _gain_details(these: Record, new: Record, *, is_controlled: bool) -> list[tuple[str, str]]:
    sides = (("Alone", "alone"), ("With the network's output", "assisted"), ("The network, same readings", "network"))
    rows = [
        (name, f"{percent(new[f'accuracy_{key}'])} ({interval(new[f'accuracy_{key}_ci_low'], new[f'accuracy_{key}_ci_high'])})")
        for name, key in sides
    ]
    rows += [
        ("Readings", f"{new['readings']:,} by {new['readers']} readers of {new['items']} images"),
        ("Changed", f"{new['gained']} from wrong to right, {new['lost']} from right to wrong"),
        ("Paired t-test over readers", f"df = {number(these['df'], 0)}, {p_value(these['p'])}"),
        (
            "New images",
            f"df = {number(new['df'], 1)}, {p_value(new['p'])}; standard error {number(new['se_ratio'])} times that of the"
            " paired test",
        ),
        (
            "Spread of one reading (SD)",
            f"between readers {points(new['sd_reader'])}, between images {points(new['sd_item'])}, residual"
            f" {points(new['sd_residual'])}",
        ),
    ]
    if not is_controlled:
        rows.append(("What it cannot tell apart", "The network's output and the second look at the same image."))
    return rows + ([("Not estimable", new["why"])] if new["why"] else [])


def _difference_details(these: Record, new: Record) -> list[tuple[str, str]]:
    rows = [
        ("Gain with the network's output", f"{points(new['gain_with'])}, {new['readings_with']:,} readings"),
        ("Gain of a second look alone", f"{points(new['gain_control'])}, {new['readings_control']:,} readings with nothing in sight"),
        ("t-test over readers", f"df = {number(these['df'], 0)}, {p_value(these['p'])}"),
        (
            "New images",
            f"df = {number(new['df'], 1)}, {p_value(new['p'])}; standard error {number(new['se_ratio'])} times that over readers",
        ),
    ]
    return rows + ([("Not estimable", new["why"])] if new["why"] else [])


def _estimate(label: str, record: Record, scale: tuple[float, float], level: str) -> Estimate:
    difference = record.get("mean_difference", record.get("difference"))
    bounds = record.get("ci_low"), record.get("ci_high")
    adjusted = record.get("p_adjusted")
    return Estimate(
        label=label,
        size=("+" if difference and round(1000 * difference) > 0 else "") + points(difference),
        interval=f"{level} interval {interval(*bounds)}" if None not in bounds else f"no interval: {record.get('why')}",
        adjusted=p_value(adjusted) if adjusted not in (None, record.get("p")) else "",
        sentence=record["answer"],
        whisker=_whisker(difference, *bounds, scale) if None not in (difference, *bounds) else None,
    )


def _scale(records: list[Record]) -> tuple[float, float]:
    """One scale for all whiskers of a page, zero included, so that they can be compared by eye."""
    bounds = [r[end] for r in records for end in ("ci_low", "ci_high") if r.get(end) is not None]
    low, high = min([0, *bounds]), max([0, *bounds])
    margin = 0.06 * ((high - low) or 1)
    return low - margin, high + margin


def _whisker(middle: float, low: float, high: float, scale: tuple[float, float]) -> Whisker:
    def place(value: float) -> float:
        return round(200 * (value - scale[0]) / (scale[1] - scale[0]), 1)

    return Whisker(place(low), place(high), place(middle), place(0))


def _details(these: Record, new: Record) -> list[tuple[str, str]]:
    from benchmark.core.report.comparisons import normality, signed_ranks

    unit = these["unit"]
    rows = [
        (
            f"{unit.capitalize()}s",
            f"{these['n']}: network ahead in {these['model_ahead']}, equal in {these['equal']},"
            f" readers ahead in {these['readers_ahead']}",
        ),
        (
            f"Paired t-test over {unit}s",
            f"t = {number(these['t'])}, df = {number(these['df'], 0)}, {p_value(these['p'])}; SD of the differences"
            f" {points(these['sd'])}",
        ),
        (
            "Effect size d_z",
            f"{number(these['cohens_dz'])} ({interval(these['dz_ci_low'], these['dz_ci_high'], 2, 1)})",
        ),
        ("Exact sign-flip test", p_value(these["sign_flip_p"])),
        ("Wilcoxon signed ranks", signed_ranks(these)),
        ("Normality of the differences", normality(these)),
        (
            "New images",
            f"t = {number(new['t'])}, df = {number(new['df'], 1)}, {p_value(new['p'])}; {new['method']}; standard error"
            f" {number(new['se_ratio'])} times that of the paired test",
        ),
        (
            "Spread of one reading (SD)",
            f"between readers {points(new['sd_reader'])}, between images {points(new['sd_item'])}, residual"
            f" {points(new['sd_residual'])}",
        ),
    ]
    return rows + [("Not estimable", record["why"]) for record in (these, new) if record["why"]]
