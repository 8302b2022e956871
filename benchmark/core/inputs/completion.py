"""Which sittings are analysed: complete ones, and of these the first per seat (survey x reader group)."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from benchmark.core.errors import InputError
from benchmark.core.inputs.readings import Readings

KEPT, EXTRA, INCOMPLETE = "kept", "extra", "incomplete"


@dataclass(frozen=True)
class CompletionRule:
    """A sitting is complete when answered / asked is `comparison` (">" or ">=") `threshold`."""

    threshold: float = 0.95
    comparison: str = ">"
    first_per_seat: bool = True

    def is_complete(self, *, answered: int, asked: int) -> bool:
        if self.comparison == ">":
            return answered > self.threshold * asked
        return answered >= self.threshold * asked


@dataclass(frozen=True)
class Sitting:
    """One reader's sitting of one survey, and what became of it: kept, extra (complete but later) or incomplete."""

    reader: str
    group: str
    survey: str
    asked: int
    answered: int
    completed_at: str
    state: str


@dataclass(frozen=True)
class Completion:
    """readings: what is analysed (all model readings included); sittings: the record of every sitting."""

    readings: Readings
    sittings: tuple[Sitting, ...]

    def count(self, state: str, group: str | None = None) -> int:
        return sum(s.state == state and group in (None, s.group) for s in self.sittings)


def complete_sittings(readings: Readings, rule: CompletionRule | None = None) -> Completion:
    """Apply the completion rule and the first-complete-per-seat rule to raw sittings.

    A question counts as asked when anybody's sitting of that survey holds it, so that rows which an export leaves out
    are missing answers too. "First" goes by `completed_at` (server time); a single complete sitting needs none. Human
    rows without a survey and all model rows pass unchanged. Raises InputError when two complete sittings of one seat
    cannot be ordered because a time is missing.
    """
    rule = rule or CompletionRule()
    frame = readings.frame
    in_survey = (frame["kind"] == "human") & (frame["survey"] != "")
    if not in_survey.any():
        return Completion(readings, ())
    summary = _summaries(frame[in_survey])
    complete = [rule.is_complete(answered=row.answered, asked=row.asked) for row in summary.itertuples()]
    summary["state"] = [KEPT if good else INCOMPLETE for good in complete]
    if rule.first_per_seat:
        _mark_extras(summary)
    kept = set(summary.loc[summary["state"] == KEPT, ["reader", "survey"]].itertuples(index=False, name=None))
    keep = [not s or (r, v) in kept for s, r, v in zip(in_survey, frame["reader"], frame["survey"])]
    sittings = tuple(
        Sitting(r.reader, r.group, r.survey, int(r.asked), int(r.answered), r.completed_at, r.state)
        for r in summary.itertuples()
    )
    return Completion(readings.with_frame(frame[keep]), sittings)


def _summaries(rows: pd.DataFrame) -> pd.DataFrame:
    asked = rows.drop_duplicates(["survey", "item", "view"]).groupby("survey").size()
    summary = (
        rows.assign(answered=rows["answer"] != "")
        .groupby(["group", "survey", "reader"], sort=True)
        .agg(answered=("answered", "sum"), completed_at=("completed_at", "max"))
        .reset_index()
    )
    summary["asked"] = summary["survey"].map(asked)
    summary["when"] = pd.to_datetime(summary["completed_at"].replace("", None), utc=True, format="ISO8601")
    return summary


def _mark_extras(summary: pd.DataFrame) -> None:
    complete = summary[summary["state"] == KEPT]
    for (group, survey), seat in complete.groupby(["group", "survey"], sort=True):
        if len(seat) == 1:
            continue
        if seat["when"].isna().any():
            raise InputError(
                f'Survey "{survey}" has {len(seat)} complete sittings by group "{group}"; completed_at is needed for'
                " each, to keep the first."
            )
        later = seat.sort_values(["when", "reader"]).index[1:]
        summary.loc[later, "state"] = EXTRA
