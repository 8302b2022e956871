"""Sections on agreement: coefficients and kappa per category among people, error consistency between all readers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmark.core.inputs.readings import NO_ANSWER
from benchmark.core.inputs.scoring import ReaderSet, Scored
from benchmark.core.methods.agreement import (
    COEFFICIENTS,
    agreement,
    agreement_draws,
    category_codes,
    category_kappas,
    count_ratings,
    linearised_errors,
    percentiles,
    two_way_agreement_draws,
)
from benchmark.core.methods.bootstrap import StudyDraws, layout
from benchmark.core.methods.distributions import normal_two_sided_p
from benchmark.core.methods.error_consistency import Pairs, consistency_of_pairs, error_consistency
from benchmark.core.methods.fixed_raters import brennan_prediger, conger_kappa, fleiss_z

Record = dict[str, Any]
READERS_AT_MOST = 2000  # pairs of more readers are not listed one by one
NO_SPREAD = "undefined in most bootstrap draws, or the same in all of them"
COUNTS_MISSING = ("fleiss_kappa", "percent_agreement")


TWO_WAY_WORK = 10_000_000  # cells times draws: about a second


def two_way_draws(draws: int, cells: int) -> int:
    """How many of the study's draws the two-way interval takes: all, but of large tables at least 200."""
    return min(draws, max(200, TWO_WAY_WORK // max(cells, 1)))


@dataclass(frozen=True)
class _Rated:
    """One set of ratings with its bootstrap: items alone, and readers and items together."""

    counts: np.ndarray
    by_item: tuple[dict[str, np.ndarray], np.ndarray]
    two_way: tuple[dict[str, np.ndarray], np.ndarray]

    @classmethod
    def of(cls, found: ReaderSet, category: np.ndarray, width: int, draws: StudyDraws) -> _Rated:
        labels, item = np.unique(found.rows["item"].to_numpy(dtype=str), return_inverse=True)
        counts = count_ratings(item, category, width)
        if counts.shape[0] < len(labels):
            counts = np.vstack([counts, np.zeros((len(labels) - len(counts), width), dtype=counts.dtype)])
        rater = draws.readers.get_indexer(found.rows["reader"])
        items = draws.item_weights[draws.items.get_indexer(labels)]
        some = slice(two_way_draws(draws.draws, counts.size))
        both = two_way_agreement_draws(
            item, category, rater, counts.shape, draws.reader_weights[:, some], items[:, some]
        )  # fmt: skip
        return cls(counts, agreement_draws(counts, items.T), both)


def agreement_sections(scored: Scored, draws: StudyDraws, *, confidence: float) -> dict[str, list[Record]]:
    """Sections `agreement` (one record per human group and view), `category_agreement` (one per class as well) and
    `fixed_raters` (for the groups whose readers all read the same items).

    Fleiss' kappa and observed agreement take "no answer" as a category of its own (every item keeps its number of
    raters); alpha and AC1 leave missing answers out. Each fleiss_kappa_answered is the kappa without missing answers.
    ci_low and ci_high are for these readers and new items; two_way_ci_low and _high for new readers and new items.
    """
    whole_records, category_records, fixed = [], [], []
    for found in scored.sets("human"):
        kept, whole, with_blanks = _rated(found, scored.classes, draws)
        whole_records.append(_agreement_record(found, kept, whole, draws.draws, confidence))
        names = [*scored.classes, NO_ANSWER][: whole.counts.shape[1]]
        category_records += _category_records(found, names, whole, confidence)
        if _crossed(found.rows):
            fixed.append(_fixed_record(found, with_blanks, whole))
    return {"agreement": whole_records, "category_agreement": category_records, "fixed_raters": fixed}


def agreement_of(found: ReaderSet, classes: tuple[str, ...], draws: StudyDraws, *, confidence: float) -> Record:
    """The record of section `agreement` about these readings alone."""
    kept, whole, _ = _rated(found, classes, draws)
    return _agreement_record(found, kept, whole, draws.draws, confidence)


def _rated(found: ReaderSet, classes: tuple[str, ...], draws: StudyDraws) -> tuple[_Rated, _Rated, np.ndarray]:
    """Answers alone, answers with blanks as a category of their own, and the categories of the latter."""
    width, answer = len(classes), category_codes(found.rows["answer"], classes)
    kept = _Rated.of(found, answer, width, draws)
    with_blanks = np.where(answer < 0, width, answer)
    return kept, kept if (answer >= 0).all() else _Rated.of(found, with_blanks, width + 1, draws), with_blanks


def _crossed(rows: pd.DataFrame) -> bool:
    """Whether at least two readers each read every item once."""
    readers, items = rows["reader"].nunique(), rows["item"].nunique()
    return readers > 1 and len(rows) == readers * items and not rows.duplicated(["reader", "item"]).any()


def _fixed_record(found: ReaderSet, category: np.ndarray, whole: _Rated) -> Record:
    """Coefficients that need the same raters throughout; "no answer" is a category, as in Fleiss' kappa."""
    width, point = whole.counts.shape[1], agreement(whole.counts)
    table, _ = layout(found.rows["reader"].to_numpy(), found.rows["item"].to_numpy(), category)
    z = None if point.fleiss_kappa is None else fleiss_z(point.fleiss_kappa, whole.counts)
    kappa, answered = conger_kappa(table.astype(int), width), (found.rows["answer"] != "").any()
    return {
        **found.keys, "readers": len(table), "items": table.shape[1], "conger_kappa": kappa,
        "brennan_prediger": brennan_prediger(point.percent_agreement, width) if answered else None, "fleiss_z": z,
        "p_no_agreement": None if z is None else normal_two_sided_p(z),
        "why": None if kappa is not None and z is not None else point.why or "one category holds every answer",
    }  # fmt: skip


def _agreement_record(found: ReaderSet, kept: _Rated, whole: _Rated, draws: int, confidence: float) -> Record:
    points = {"kept": agreement(kept.counts), "whole": agreement(whole.counts)}
    errors = {"fleiss_kappa": linearised_errors(whole.counts), "gwet_ac1": linearised_errors(kept.counts)}
    record = {
        **found.keys,
        "readers": found.rows["reader"].nunique(),
        "items": points["whole"].items,
        "ratings": points["kept"].ratings,
    }
    for name in COEFFICIENTS:
        side, rated = ("whole", whole) if name in COUNTS_MISSING else ("kept", kept)
        record[name] = getattr(points[side], name) if points["kept"].ratings else None
        if name in errors:
            record[f"{name}_se"] = errors[name][name]
        for label, (drawn, _) in (("ci", rated.by_item), ("two_way_ci", rated.two_way)):
            ci = percentiles(drawn[name], confidence=confidence) if record[name] is not None else None
            record[f"{name}_{label}_low"], record[f"{name}_{label}_high"] = ci or (None, None)
    record["fleiss_kappa_answered"] = points["kept"].fleiss_kappa
    record["ci_method"] = (
        f"percentile bootstrap over items, {draws} draws (two_way: over readers and items,"
        f" {two_way_draws(draws, whole.counts.size)} draws)"
    )
    record["why"] = points["kept"].why or points["whole"].why or _no_interval(record)
    return record


def _no_interval(record: Record) -> str | None:
    lacking = [
        name for name in COEFFICIENTS
        if record[name] is not None and None in (record[f"{name}_ci_low"], record[f"{name}_two_way_ci_low"])
    ]  # fmt: skip
    return f"no interval of {', '.join(lacking)}: {NO_SPREAD}" if lacking else None


def _category_records(found: ReaderSet, names: list[str], rated: _Rated, confidence: float) -> list[Record]:
    records = []
    for k, (name, kappa) in enumerate(zip(names, category_kappas(rated.counts))):
        used = int(rated.counts[:, k].sum())
        if name == NO_ANSWER and used == 0:
            continue
        record = {**found.keys, "class": name, "ratings": used, "kappa": kappa}
        for label, (_, drawn) in (("ci", rated.by_item), ("two_way_ci", rated.two_way)):
            ci = percentiles(drawn[:, k], confidence=confidence) if kappa is not None else None
            record[f"{label}_low"], record[f"{label}_high"] = ci or (None, None)
        record["why"] = None
        if kappa is None:
            record["why"] = "nobody, or everybody, gave this answer, or no item was rated by two raters"
        elif None in (record["ci_low"], record["two_way_ci_low"]):
            record["why"] = f"no interval: {NO_SPREAD}"
        records.append(record)
    return records


NO_SHARED = "no pair of readers shares items on which their errors vary"


def consistency_sections(scored: Scored, draws: StudyDraws, *, confidence: float) -> dict[str, list[Record]]:
    """Sections `error_consistency` (groups and networks, mean over pairs) and `error_consistency_pairs` (every pair).

    The interval of a mean over pairs resamples items (within class), keeping the readers.
    """
    means, pairs = [], []
    for view in scored.readings.views:
        rows = scored.frame[scored.frame["view"] == view].drop_duplicates(["reader", "item"])
        (reader, readers), (item, items) = (pd.factorize(rows[name], sort=True) for name in ("reader", "item"))
        side = pd.Series(np.where(rows["kind"] == "model", rows["reader"], rows["group"]))
        label = side.groupby(reader).first().to_numpy()
        found = consistency_of_pairs(reader, item, rows["correct"], (len(readers), len(items)))
        names, of_pair = sorted(set(label)), (label[found.first], label[found.second])
        resampled = _Resampled(reader, item, rows["correct"].to_numpy(bool), label, draws, items)
        for i, first in enumerate(names):
            for second in names[i:]:
                if (label == first).sum() < 1 + (first == second):
                    continue
                chosen = (of_pair[0] == first) & (of_pair[1] == second) | (of_pair[0] == second) & (of_pair[1] == first)
                interval = resampled.interval(first, second, confidence)
                means.append({"first": first, "second": second, "view": view or None,
                              **_mean_consistency(found.kappa[chosen], interval)})  # fmt: skip
        if len(label) <= READERS_AT_MOST:
            pairs += _pairs(found, np.asarray(readers), label, view)
    return {"error_consistency": means, "error_consistency_pairs": pairs}


def _mean_consistency(values: np.ndarray, interval: tuple[float, float] | None) -> Record:
    defined = values[np.isfinite(values)]
    low, high = (interval or (None, None)) if len(defined) else (None, None)
    why = None if len(defined) else NO_SHARED
    if len(defined) and low is None:
        why = "no interval: too few items are shared, the value is the same in every draw, or there are too many readers"
    return {
        "pairs": int(len(defined)),
        "error_consistency": float(defined.mean()) if len(defined) else None,
        "ci_low": low,
        "ci_high": high,
        "why": why,
    }


PAIR_DRAWS, PAIRS_TIMES_ITEMS = 200, 2_000_000


@dataclass(frozen=True)
class _Resampled:
    """A view's readings for resampling: codes and marks of readings, the side that each reader is on, the draws."""

    reader: np.ndarray
    item: np.ndarray
    right: np.ndarray
    label: np.ndarray
    draws: StudyDraws
    items: pd.Index

    def interval(self, first: str, second: str, confidence: float) -> tuple[float, float] | None:
        """Percentile interval of the mean pairwise kappa over resampled items, from the first 200 draws."""
        sides = [np.flatnonzero(self.label == name) for name in (first, second)]
        if len(sides[0]) * len(sides[1]) * len(self.items) > PAIRS_TIMES_ITEMS:
            return None
        (correct, present), (correct_2, present_2) = (self._tables(side) for side in sides)
        other = sides[0][:, None] != sides[1][None, :]
        weights = self.draws.item_weights[self.draws.items.get_indexer(self.items), :PAIR_DRAWS]
        drawn = []
        for draw in weights.T:
            values = error_consistency(correct, present * draw, correct_2, present_2).kappa[other]
            values = values[np.isfinite(values)]
            drawn.append(values.mean() if len(values) else np.nan)
        return percentiles(np.array(drawn), confidence=confidence)

    def _tables(self, side: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Marks and presence of some readers, (readers, items)."""
        place = np.full(len(self.label), -1)
        place[side] = np.arange(len(side))
        own = place[self.reader] >= 0
        at = place[self.reader[own]], self.item[own]
        correct, present = np.zeros((2, len(side), len(self.items)), dtype=bool)
        correct[at], present[at] = self.right[own], True
        return correct, present


def _pairs(found: Pairs, readers: np.ndarray, label: np.ndarray, view: str) -> list[Record]:
    """Every pair of readers who share items, one record each."""
    return [
        {
            "first": readers[i], "first_group": label[i], "second": readers[j], "second_group": label[j],
            "view": view or None, "items": int(items), "both_right_or_wrong": float(observed),
            "error_consistency": float(kappa) if np.isfinite(kappa) else None,
            "why": None if np.isfinite(kappa) else "the two always were right, or always wrong, together",
        }
        for i, j, items, observed, kappa in zip(found.first, found.second, found.shared, found.observed, found.kappa)
    ]  # fmt: skip
