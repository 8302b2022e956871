"""The control arm of assisted reading: how much of a gain is the output's, and how much a second look does alone.

About some images, drawn anew for every reader, readers are asked again without any output. The gain with output minus the
gain without is a difference in differences within reader, items crossed: what both kinds of second answer share cancels.
Source: Obuchowski & Rockette (1995) for the model; Cameron, Gelbach & Miller (2011) for the variance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from benchmark.core.errors import NotConverged
from benchmark.core.methods.bootstrap import StudyDraws
from benchmark.core.methods.lmm import fit_lmm
from benchmark.core.methods.paired import paired_t
from benchmark.core.methods.proportions import clustered_proportion, within_scale
from benchmark.core.methods.twoway import TwoWayTest, centred, codes, item_strata, two_way_test, two_way_variance
from benchmark.core.methods.weighting import mean_over, means_by, weights_of
from benchmark.core.plans.plan import Contrast, Plan
from benchmark.core.sections.assisted_sets import AssistedSet
from benchmark.core.sections.contrasts import both_questions, of_paired, of_two_way
from benchmark.core.sections.new_image_methods import (
    affordable,
    by_bootstrap,
    by_ustat,
    found_by,
    method_records,
    not_found,
    of_primary,
)
from benchmark.core.wording import difference_answer, difference_question

Record = dict[str, Any]
NO_CLOSED_FORM = "the closed form needs every reader to have read every item, which nobody does in both arms"
NO_SUCH = "there is no such reading"
NONE_OF_CLASS = "{arm} has no reading of this class"
TOO_FEW_OF_CLASS = "{arm} has one reading of this class, which shows no spread"
ARMS = ("the arm with output", "the control arm")
FEWEST = 2  # readings of an arm in a class whose spread can be seen


def planned(keys: Record, plan: Plan, *, control: bool = False) -> list[Contrast]:
    """The plan's contrasts that name a gain, or with `control` its difference from the gain of the second look alone."""
    names = (keys["assistant"], keys["group"], keys["view"])
    return [c for c in plan.primary if c.assisted and c.control is control and c.names(*names)]


def with_margin(keys: Record, plan: Plan, *, control: bool = False) -> Plan:
    """The plan with the margin of this gain's own contrast, where that names one."""
    margins = [contrast.margin for contrast in planned(keys, plan, control=control) if contrast.margin]
    return replace(plan, margin=margins[0]) if margins else plan


@dataclass(frozen=True)
class BesideControl:
    """Readings of one group on one view with one network's output in sight, and those of its control arm."""

    seen: AssistedSet
    control: AssistedSet

    @property
    def keys(self) -> Record:
        return self.seen.keys

    @cached_property
    def rows(self) -> pd.DataFrame:
        """Readings of both arms, those with output first."""
        return pd.concat([self.seen.rows, self.control.rows], ignore_index=True)

    @cached_property
    def in_first(self) -> np.ndarray:
        return np.arange(len(self.rows)) < len(self.seen.rows)

    @cached_property
    def gain(self) -> np.ndarray:
        return np.concatenate([self.seen.differences, self.control.differences])

    @property
    def difference(self) -> float:
        return mean_over(self.seen.rows, self.seen.differences) - mean_over(self.control.rows, self.control.differences)

    @cached_property
    def differences(self) -> np.ndarray:
        """A value per reading whose mean is the difference of the gains, and whose spread is that of its two means."""
        weights, found = self.weights, np.empty(len(self.rows))
        for side, sign in ((self.in_first, 1.0), (~self.in_first, -1.0)):
            centre = np.average(self.gain[side], weights=weights[side])
            found[side] = sign * weights.sum() / weights[side].sum() * (self.gain[side] - centre)
        return self.difference + found

    @cached_property
    def weights(self) -> np.ndarray:
        own = weights_of(self.rows)
        return np.ones(len(self.rows)) if own is None else own

    @cached_property
    def strata(self) -> np.ndarray:
        """Classes of the readings, one for all where a class has too few in an arm to show its spread."""
        code = item_strata(codes(self.rows["item"])[0], self.rows["truth"].to_numpy())
        code, size = codes(code)
        fewest = min(np.bincount(code[side], minlength=size).min() for side in (self.in_first, ~self.in_first))
        return code if fewest >= FEWEST else np.zeros(len(code), dtype=np.int64)

    def test(self, plan: Plan) -> TwoWayTest:
        """The difference of the gains for new images and new readers, by the two-way variance of its influences."""
        (reader, readers), (item, items) = codes(self.rows["reader"]), codes(self.rows["item"])
        influence, weights = np.empty(len(self.rows)), self.weights
        for side, sign in ((self.in_first, 1.0), (~self.in_first, -1.0)):
            pull = weights[side] * _centred(self.gain[side], self.strata[side], weights[side])
            influence[side] = sign * pull / weights[side].sum()
        lost = 1 if len(self._readers_of_both()) else 2  # who reads in both arms is centred once
        variance = two_way_variance(influence, reader, item, self.strata, readers_lost=lost)
        return two_way_test(
            self.difference, variance, readers=readers, items=items, n=len(self.rows), confidence=plan.confidence
        )

    def of_these_images(self, plan: Plan) -> Record:
        """Each reader's own difference of mean gains against zero, over readers who answered in both arms."""
        both = self._readers_of_both()
        return of_paired(paired_t((both["seen"] - both["control"]).to_numpy(), confidence=plan.confidence))

    def _readers_of_both(self) -> pd.DataFrame:
        means = {
            name: pd.Series(means_by(arm.rows, arm.differences, "reader"), index=sorted(arm.rows["reader"].unique()))
            for name, arm in (("seen", self.seen), ("control", self.control))
        }
        return pd.DataFrame(means).dropna()

    def drawn(self, draws: StudyDraws) -> np.ndarray:
        return draws.mean(self.seen.rows, self.seen.differences) - draws.mean(self.control.rows, self.control.differences)


def _centred(values: np.ndarray, stratum: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Minus the mean of their stratum, stretched by what the few readings of a stratum lose to its mean."""
    size = np.bincount(stratum)
    return centred(values, stratum, weights) * np.sqrt(size / np.maximum(size - 1, 1))[stratum]


def beside_control(sets: Sequence[AssistedSet], controls: Sequence[AssistedSet]) -> list[BesideControl]:
    """Every network's set with the control arm of the same group and view."""
    by_place = {(found.group, found.view): found for found in controls}
    pairs = ((found, by_place.get((found.group, found.view))) for found in sets)
    return [BesideControl(found, control) for found, control in pairs if control is not None]


def difference_record(found: BesideControl, plan: Plan) -> Record:
    """The gain with output minus the gain without, for both questions."""
    plan, new = with_margin(found.keys, plan, control=True), found.test(plan)
    facts = {
        "readers": new.readers, "items": new.items, "readings": new.n, "readings_with": len(found.seen.rows),
        "readings_control": len(found.control.rows), "gain_with": mean_over(found.seen.rows, found.seen.differences),
        "gain_control": mean_over(found.control.rows, found.control.differences),
    }  # fmt: skip
    record = both_questions({**found.keys, **facts}, these := found.of_these_images(plan), of_two_way(new), plan)
    record["these_images_difference"] = these["difference"]
    record |= {"var_reader": new.var_reader, "var_item": new.var_item, "var_both": new.var_both}
    return {**record, "question": difference_question(record), **difference_answer(record, confidence=plan.confidence)}


def difference_classes(found: BesideControl, classes: Sequence[str], plan: Plan) -> Iterator[Record]:
    """The same difference within each true class, for new images and new readers; null where an arm has too few readings of it."""
    for name in classes:
        own = BesideControl(found.seen.of_class(name), found.control.of_class(name))
        sizes = len(own.seen.rows), len(own.control.rows)
        if not any(sizes):
            continue
        gains = (mean_over(arm.rows, arm.differences) if len(arm.rows) else None for arm in (own.seen, own.control))
        record = {
            **found.keys, "class": name, "readers": int(own.rows["reader"].nunique()), "items": int(own.rows["item"].nunique()),
            "readings_with": sizes[0], "readings_control": sizes[1], **dict(zip(("gain_with", "gain_control"), gains)),
        }  # fmt: skip
        lacking = [(size, arm) for size, arm in zip(sizes, ARMS) if size < FEWEST]
        if lacking:
            difference = own.difference if min(sizes) else None
            why = "; ".join((TOO_FEW_OF_CLASS if size else NONE_OF_CLASS).format(arm=arm) for size, arm in lacking)
            yield {**record, **dict.fromkeys(("difference", "se", "df", "p", "ci_low", "ci_high")), "difference": difference, "why": why}
            continue
        test = own.test(plan)
        low, high = within_scale(test.ci_low, test.ci_high)
        yield {**record, "difference": test.estimate, "se": test.se, "df": test.df, "p": test.p, "ci_low": low, "ci_high": high,
               "why": test.why}  # fmt: skip


def difference_methods(found: BesideControl, plan: Plan, draws: StudyDraws) -> list[Record]:
    """The same difference by the six methods of a gain."""
    new = found.test(plan)
    primary = {**of_two_way(new), "var_reader": new.var_reader, "var_item": new.var_item}
    return method_records(
        found.keys,
        found.of_these_images(plan),
        (
            of_primary(primary),
            by_ustat(found, primary, plan.confidence),
            not_found(NO_CLOSED_FORM, found.difference),
            _by_mixed_model(found, plan),
            *by_bootstrap(found.difference, found.drawn(draws), primary, plan),
        ),
    )


def _by_mixed_model(found: BesideControl, plan: Plan) -> Record:
    """The arm beside the class, with intercepts of each reader and each image in each arm.

    Intercepts of one reader in the two arms are taken as independent, which they are not: the difference's standard error
    is then too large rather than too small.
    """
    rows = found.rows
    why = affordable(plan, 2 * rows["reader"].nunique(), 2 * rows["item"].nunique())
    if why:
        return not_found(why, found.difference)
    classes = (found.strata[:, None] == np.arange(found.strata.max() + 1)).astype(float)
    x = np.column_stack([classes, found.in_first.astype(float)])
    first, second = (
        2 * codes(rows[name])[0] + found.in_first
        for name in ("reader", "item")
    )  # fmt: skip
    try:
        fit = fit_lmm(found.gain, x, first, second)
    except (ValueError, NotConverged) as error:
        return not_found(str(error).rstrip("."), found.difference)
    test = fit.contrast(np.eye(x.shape[1])[-1], confidence=plan.confidence)
    parts = {"sd_reader": fit.var_first**0.5, "sd_item": fit.var_second**0.5, "sd_residual": fit.var_residual**0.5}
    return found_by(test.estimate, test.se, test.df, plan.confidence, **parts)


def control_changes(found: AssistedSet, plan: Plan) -> Iterator[Record]:
    """Of the control arm, by whether the reader was right before: how many changed, and how many were right afterwards."""
    rows, second = found.rows, found.rows["assisted_answer"]
    withheld = (second == "").to_numpy()
    marks = {
        "changed": (second != rows["answer"]).to_numpy() & ~withheld,
        "right_after": rows["assisted"].to_numpy(bool),
    }
    alone = rows["alone"].to_numpy(bool)
    for situation, here in (("reader wrong", ~alone), ("reader right", alone)):
        own = rows[here]
        record = {
            **found.keys, "situation": situation, "readings": len(own), "share_of_readings": len(own) / len(rows),
            "readers": int(own["reader"].nunique()), "items": int(own["item"].nunique()), "unanswered": int(withheld[here].sum()),
        }  # fmt: skip
        for key, mark in marks.items():
            ci = clustered_proportion(mark[here], own["reader"], own["item"], own["truth"], confidence=plan.confidence)
            share = float(mark[here].mean()) if len(own) else None
            record |= {key: int(mark[here].sum()), f"{key}_share": share}
            record |= {f"{key}_share_ci_low": ci.low, f"{key}_share_ci_high": ci.high}
        yield {**record, "why": None if len(own) else NO_SUCH}
