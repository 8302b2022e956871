"""Whether accuracy goes with what readers said about themselves: years in practice and other numbers, specialty and other choices.

All of it is exploratory. A number has a slope, two choices a difference, each for these images (over readers) and for new images
and new readers (over readings); group null stands for all readers, compared within their groups.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from benchmark.core.inputs.readers import FEWEST, NUMBER, Covariate, ReaderAnswers, told_choices
from benchmark.core.inputs.scoring import Scored
from benchmark.core.methods.paired import paired_t
from benchmark.core.methods.proportions import clustered_proportion
from benchmark.core.methods.slopes import ALIKE, reader_slope, reading_slope
from benchmark.core.methods.twoway import two_way_mean
from benchmark.core.methods.weighting import mean_over, means_by, weights_of
from benchmark.core.plans.plan import Plan
from benchmark.core.sections.comparisons import Matchup, matchups
from benchmark.core.sections.contrasts import adjusted, both_questions, of_paired, of_two_way, welch

Record = dict[str, Any]
TENS = 10  # a slope is told per ten of a number that spans at least ten, else per one
HIGHEST, LOWEST = "highest third", "lowest third"
ONE_CHOICE = f"no two answers were given by {FEWEST} readers each"
FEW = f"fewer than {FEWEST} readers answered"


@dataclass(frozen=True)
class Answered:
    """Readings of the readers who answered one question, on one view, with their answer as column `said`.

    without: readers of the same group and view who did not answer, or whose choice too few gave; per: what a slope is told per.
    """

    keys: Record
    kind: str
    rows: pd.DataFrame
    without: int
    per: int

    @property
    def readers(self) -> pd.DataFrame:
        """One row per reader in sorted order: said, group, accuracy."""
        first = self.rows.groupby("reader", sort=True)[["said", "group"]].first()
        return first.assign(accuracy=means_by(self.rows, self.rows["correct"], "reader"))


def covariate_sections(scored: Scored, answers: ReaderAnswers, plan: Plan) -> dict[str, list[Record]]:
    """Section `reader_covariates` and, ending in _levels, _networks and _readers, what stands behind it."""
    plan = replace(plan, margin=None)  # a margin is one between network and readers
    sets = [found for covariate in answers.covariates for found in _answered(scored, covariate)]
    matches = list(matchups(scored))
    return {
        "reader_covariates": adjusted([record for found in sets for record in _contrasts(found, plan)]),
        "reader_covariates_levels": [record for found in sets for record in _levels(found, plan.confidence)],
        "reader_covariates_networks": adjusted([r for found in sets for r in _networks(found, matches, plan)]),
        "reader_covariates_readers": [r for found in sets if found.kind == NUMBER for r in _readers(found)],
    }


def _answered(scored: Scored, covariate: Covariate) -> Iterator[Answered]:
    people = scored.frame[scored.frame["kind"] == "human"]
    known = covariate.values[covariate.values.index.isin(people["reader"])]
    per = TENS if covariate.kind == NUMBER and len(known) and known.max() - known.min() >= TENS else 1
    for found in scored.sets("human"):
        yield _of(covariate, found.group, found.view, found.rows, per)
    if len(scored.readings.human_groups) > 1:
        for view in scored.readings.views:
            rows = people[people["view"] == view]
            if len(rows):
                yield _of(covariate, None, view, rows, per)


def _of(covariate: Covariate, group: str | None, view: str, rows: pd.DataFrame, per: int) -> Answered:
    values = covariate.values[covariate.values.index.isin(rows["reader"])]
    if covariate.kind != NUMBER:
        values, _ = told_choices(values)
    own = rows[rows["reader"].isin(values.index)]
    own = own.assign(said=own["reader"].map(values).to_numpy())
    keys = {"covariate": covariate.name, "group": group, "view": view or None}
    return Answered(keys, covariate.kind, own, int(rows["reader"].nunique()) - len(values), per)


def _contrasts(found: Answered, plan: Plan) -> Iterator[Record]:
    """The slope of a number; of a choice every two answers, the first minus the second.

    All readers together are asked only what one group cannot say: two choices that several groups hold.
    """
    readers = found.readers
    if found.kind == NUMBER:
        yield _record(found, "", "", found.rows, readers, plan)
        return
    choices = sorted(readers["said"].unique())
    if len(choices) < 2 and found.keys["group"] is not None:
        record = _record(found, "", "", found.rows.assign(said=0.0), readers.assign(said=0.0), plan)
        yield record | {"why": ONE_CHOICE}
    for first, second in combinations(choices, 2):
        both = readers[readers["said"].isin((first, second))].groupby("group")["said"].nunique().eq(2)
        if found.keys["group"] is None and both.sum() < 2:
            continue
        rows, some = (
            part[part["said"].isin((first, second)) & part["group"].isin(both.index[both])] for part in (found.rows, readers)
        )
        marked = [part.assign(said=(part["said"] == first).astype(float)) for part in (rows, some)]
        yield _record(found, first, second, *marked, plan)


def _record(found: Answered, first: str, second: str, rows: pd.DataFrame, readers: pd.DataFrame, plan: Plan) -> Record:
    keys = {**found.keys, "kind": found.kind, "first": first or None, "second": second or None}
    keys["per"] = found.per if found.kind == NUMBER else None
    counts: Record = {"readers": len(readers), "readers_without": found.without}
    if first:
        counts |= {"readers_first": int((readers["said"] == 1).sum()), "readers_second": int((readers["said"] == 0).sum())}
    else:
        counts |= {"readers_first": None, "readers_second": None}
    line: Record = dict.fromkeys(("these_images_difference", "mean_value", "mean_accuracy", "mean_accuracy_se"))
    nothing = dict.fromkeys(("difference", "se", "df", "p", "ci_low", "ci_high", "why"))
    if len(readers) < FEWEST:
        record = both_questions(keys, dict(nothing), nothing | {"why": FEW}, plan, **counts)
        return {**record, **line}
    said = readers["said"].to_numpy(float) / found.per
    over = reader_slope(said, readers["accuracy"].to_numpy(), readers["group"].to_numpy(), confidence=plan.confidence)
    these = {"difference": over.slope} | {name: getattr(over, name) for name in ("se", "df", "p", "ci_low", "ci_high", "why")}
    if first and found.keys["group"] is not None:
        sides = [readers.loc[readers["said"] == side, "accuracy"].to_numpy() for side in (1, 0)]
        these = welch(*sides, confidence=plan.confidence)
    new = of_two_way(
        reading_slope(
            rows["said"].to_numpy(float) / found.per, rows["correct"].to_numpy(float), rows["reader"], rows["item"], rows["truth"],
            rows["group"], confidence=plan.confidence, weights=weights_of(rows),
        )
    )  # fmt: skip
    line["these_images_difference"] = these["difference"]
    if found.kind == NUMBER and found.keys["group"] is not None and over.slope is not None:
        line |= {"mean_value": over.centre * found.per, "mean_accuracy": over.height, "mean_accuracy_se": over.height_se}
    if new["why"] == these["why"] == ALIKE:
        these = these | {"why": None}
    return {**both_questions(keys, these, new, plan, **counts), **line}


def _levels(found: Answered, confidence: float) -> Iterator[Record]:
    """Accuracy of the readers of every choice, or of the thirds of a number with most and with least."""
    for level, readers in _level_readers(found):
        own = found.rows[found.rows["reader"].isin(readers)]
        weights = weights_of(own)
        ci = clustered_proportion(own["correct"], own["reader"], own["item"], own["truth"], confidence=confidence, weights=weights)
        said = readers.map(found.readers["said"]) if found.kind == NUMBER else None
        yield {
            **found.keys, "level": level, "from_value": None if said is None else _plain(said.min()),
            "to_value": None if said is None else _plain(said.max()), "readers": len(readers), "readings": len(own),
            "accuracy": mean_over(own, own["correct"]), "ci_low": ci.low, "ci_high": ci.high, "ci_method": ci.method,
        }  # fmt: skip


def _level_readers(found: Answered) -> Iterator[tuple[str, pd.Index]]:
    """Levels of at least FEWEST readers; readers at the edge of a third belong to it all."""
    said = found.readers["said"]
    if found.kind != NUMBER:
        for level in sorted(said.unique()):
            yield level, said.index[said == level]
        return
    if said.nunique() < 2:
        return
    low, high = np.quantile(said.to_numpy(float), [1 / 3, 2 / 3])
    if low < high:
        for level, inside in ((HIGHEST, said >= high), (LOWEST, said <= low)):
            if inside.sum() >= FEWEST:
                yield level, said.index[inside]


def _networks(found: Answered, matches: list[Matchup], plan: Plan) -> Iterator[Record]:
    """Each network minus the readers of every level of one group, on their own items."""
    for level, readers in _level_readers(found) if found.keys["group"] is not None else ():
        for match in matches:
            if (match.keys["group"], match.keys["view"]) != (found.keys["group"], found.keys["view"]):
                continue
            rows = match.rows[match.rows["reader"].isin(readers)]
            if not len(rows):
                continue
            lead = rows["model_correct"].to_numpy(float) - rows["correct"].to_numpy(float)
            new = two_way_mean(lead, rows["reader"], rows["item"], rows["truth"], confidence=plan.confidence, weights=weights_of(rows))
            these = paired_t(means_by(rows, lead, "reader"), confidence=plan.confidence)
            keys = {"covariate": found.keys["covariate"], "level": level, **match.keys}
            yield both_questions(keys, of_paired(these), of_two_way(new), plan, readers=int(rows["reader"].nunique()))


def _readers(found: Answered) -> Iterator[Record]:
    """Value and accuracy of everybody, sorted by them and without a code; none of fewer than FEWEST."""
    readers = found.readers
    if found.keys["group"] is None or len(readers) < FEWEST:
        return
    for row in readers.sort_values(["said", "accuracy"]).itertuples():
        yield {**found.keys, "stated": _plain(row.said), "accuracy": row.accuracy}


def _plain(value: float) -> float | int:
    """A whole number without a decimal point."""
    return int(value) if float(value).is_integer() else float(value)
