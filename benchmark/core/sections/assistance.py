"""Sections on assisted reading: what a network's output in sight does to the readers' accuracy.

A reader answers alone, sees the network's output, and answers the same image again: two modalities, fully crossed within
reader and item, the second always after the first (a sequential reading). The gain is assisted minus alone within reader
and item, so that the readers' skill and the images' difficulty cancel; its variance takes readers and items as samples.
Source: Obuchowski & Rockette (1995); Beiden et al. (2002) on sequential reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from benchmark.core.inputs.scoring import Scored
from benchmark.core.methods.bootstrap import StudyDraws
from benchmark.core.methods.components import moment_components
from benchmark.core.methods.multiplicity import adjust
from benchmark.core.methods.proportions import clustered_proportion, within_scale
from benchmark.core.methods.twoway import TwoWayTest, two_way_mean
from benchmark.core.methods.weighting import mean_over, weights_of
from benchmark.core.plans.plan import MAX_T, Plan
from benchmark.core.sections.assisted_sets import KEYS, AssistedSet, assisted_sets, control_sets, gain_tests
from benchmark.core.sections.contrasts import adjusted, both_questions, group_against_group, of_two_way
from benchmark.core.sections.control import (
    beside_control,
    control_changes,
    difference_classes,
    difference_methods,
    difference_record,
    planned,
    with_margin,
)
from benchmark.core.sections.new_image_methods import by_every_method
from benchmark.core.wording import gain_answer, gain_question, pair_answer, pair_question

Record = dict[str, Any]
SIDES = ("alone", "assisted", "network")
SILENT = "the network abstained in every reading"


def assistance_sections(
    scored: Scored, plan: Plan, draws: StudyDraws, paired: list[Record], new_images: list[Record]
) -> Record:
    """All sections of this file; none where no reading had a network's output in sight.

    paired, new_images: the comparisons; where the plan names gains among its primary contrasts, their p-values are adjusted
    anew together with the gains'.
    """
    sets = list(assisted_sets(scored))
    if not sets:
        return {}
    gains = [_gain_record(found, with_margin(found.keys, plan)) for found in sets]
    control = _control_sections(sets, list(control_sets(scored)), scored.classes, plan, draws)
    _adjust_gains([*gains, *control["assistance_difference"]], plan, paired, new_images)
    return {
        "assistance": gains,
        **control,
        "assistance_sensitivity": _sensitivity_records(scored, plan, gains, control["assistance_difference"]),
        "assistance_methods": [record for found in sets for record in _methods(found, plan, draws)],
        "assistance_network": adjusted([_pair_record(found, plan) for found in sets]),
        "assistance_groups": adjusted(_group_records(sets, plan)),
        "assistance_classes": adjusted([r for found in sets for r in _class_records(found, scored.classes, plan)]),
        "assistance_readers": [record for found in sets for record in _reader_records(found, plan)],
    }


def _control_sections(
    sets: list[AssistedSet], controls: list[AssistedSet], classes: tuple[str, ...], plan: Plan, draws: StudyDraws
) -> Record:
    """What the second look does alone, and what the output adds to it; no records without a control arm."""
    pairs = beside_control(sets, controls)
    methods = [("second look alone", record) for found in controls for record in _methods(found, plan, draws)]
    methods += [("difference", record) for found in pairs for record in difference_methods(found, plan, draws)]
    return {
        "assistance_control": adjusted([_gain_record(found, plan) for found in controls]),
        "assistance_difference": [difference_record(found, plan) for found in pairs],
        "assistance_difference_classes": adjusted([r for found in pairs for r in difference_classes(found, classes, plan)]),
        "assistance_control_methods": [{"compared": what, "assistant": None, **record} for what, record in methods],
        "assistance_control_changes": [record for found in controls for record in control_changes(found, plan)],
    }


def _adjust_gains(gains: list[Record], plan: Plan, paired: list[Record], new_images: list[Record]) -> None:
    """Planned gains, and their differences from control, join the primary comparisons' family, for each question; all
    others are exploratory, each of the two kinds a family.

    The largest t over both kinds is not drawn: a plan from a file may not ask for it, and in code it leaves them unadjusted.
    """
    for record in gains:
        record["prespecified"] = bool(planned(record, plan, control="gain_control" in record))
        record["family"] = "primary" if record["prespecified"] else "exploratory"
    for kind in (False, True):
        adjusted([r for r in gains if not r["prespecified"] and ("gain_control" in r) is kind])
    chosen = [record for record in gains if record["prespecified"]]
    if not chosen or plan.multiplicity == MAX_T:
        return
    for others, prefix in ((new_images, ""), (paired, "these_images_")):
        members = [record for record in others if record["family"] == "primary"]
        family = [*((record, "") for record in members), *((record, prefix) for record in chosen)]
        for (record, key), p in zip(family, adjust([r[f"{key}p"] for r, key in family], plan.multiplicity)):
            record[f"{key}p_adjusted"] = p
    for record in chosen:
        record["adjustment"] = plan.multiplicity


def _gain_record(found: AssistedSet, plan: Plan) -> Record:
    rows, gain = found.rows, found.differences
    new, these = gain_tests(rows, gain, plan)
    facts = {
        "readers": new.readers, "items": new.items, "readings": new.n,
        **({"readings_without": found.without} if found.assistant else {}),
        "answered_alone": int((rows["answer"] != "").sum()),
        "answered_assisted": int((rows["assisted_answer"] != "").sum()),
        **_accuracies(found, plan.confidence),
        "gained": int((gain > 0).sum()), "lost": int((gain < 0).sum()),
    }  # fmt: skip
    record = both_questions({**found.keys, **facts}, these, of_two_way(new), plan)
    record["these_images_difference"] = these["difference"]
    record.update(_spread(found, new))
    return {**record, "question": gain_question(record), **gain_answer(record, confidence=plan.confidence)}


def _mean(rows: pd.DataFrame, side: str) -> float | None:
    return mean_over(rows, rows[side]) if len(rows) else None


def _root(variance: float | None) -> float | None:
    return None if variance is None else float(np.sqrt(variance))


def _accuracies(found: AssistedSet, confidence: float) -> Record:
    """Accuracy alone, assisted and of the network on the same readings, each with its interval."""
    fields: Record = {}
    for side in SIDES if found.assistant else SIDES[:2]:
        of = found.scorable if side == "network" else found.rows
        ci = clustered_proportion(
            of[side], of["reader"], of["item"], of["truth"], confidence=confidence, weights=weights_of(of)
        )
        fields[f"accuracy_{side}"] = _mean(of, side)
        fields[f"accuracy_{side}_ci_low"], fields[f"accuracy_{side}_ci_high"] = ci.low, ci.high
    return fields


def _methods(found: AssistedSet, plan: Plan, draws: StudyDraws) -> list[Record]:
    """The gain for new images by every method, with its standard error over that of the paired t-test."""
    new, these = gain_tests(found.rows, found.differences, plan)
    low, high = within_scale(new.ci_low, new.ci_high)
    primary = {**of_two_way(new), **_spread(found, new), "ci_low": low, "ci_high": high}
    return by_every_method(found, these, primary, plan, draws)


def _spread(found: AssistedSet, test: TwoWayTest) -> Record:
    """What readers and items add to the variance of the gain, and to one reading's."""
    rows = found.rows
    parts = moment_components(found.differences, rows["reader"], rows["item"], rows["truth"])
    return {
        "var_reader": test.var_reader, "var_item": test.var_item, "var_both": test.var_both,
        "sd_reader": _root(parts.reader), "sd_item": _root(parts.item), "sd_residual": _root(parts.residual),
    }  # fmt: skip


def _pair_record(found: AssistedSet, plan: Plan) -> Record:
    """Assisted readers minus the network alone on the same readings: does the pair beat the network?"""
    rows = found.scorable
    values = rows["assisted"].to_numpy(dtype=float) - rows["network"].to_numpy(dtype=float)
    new, these = gain_tests(rows, values, plan)
    if not len(rows):
        these["why"] = SILENT
    accuracies = {f"accuracy_{side}": _mean(rows, side) for side in SIDES}
    facts = {"readers": new.readers, "items": new.items, "readings": new.n, **accuracies}
    record = both_questions({**found.keys, **facts}, these, of_two_way(new), plan)
    record["these_images_difference"] = these["difference"]
    return {**record, "question": pair_question(record), **pair_answer(record, confidence=plan.confidence)}


def _group_records(sets: list[AssistedSet], plan: Plan) -> list[Record]:
    """One group's gain minus another's, where both saw the same network on the same view."""
    records = []
    for first, second in combinations(sets, 2):
        if (first.assistant, first.view) == (second.assistant, second.view):
            keys = {"assistant": first.assistant, "first": first.group, "second": second.group, "view": first.view or None}
            sides = [found.rows.assign(gain=found.differences) for found in (first, second)]
            records.append(group_against_group(keys, *sides, "gain", plan))
    return records


def _sensitivity_records(
    scored: Scored, plan: Plan, gains: list[Record], differences: list[Record]
) -> list[Record]:
    """Every gain and difference of gains with missing answers treated the other way, where there are any; both questions."""
    name, other = ("blanks excluded", "excluded") if scored.missing == "incorrect" else ("blanks counted as wrong", "incorrect")
    otherwise = Scored(scored.readings, other)
    sets, controls = list(assisted_sets(otherwise)), list(control_sets(otherwise))
    again = {("gain", *_key(found.keys)): _gain_record(found, plan) for found in sets}
    for pair in beside_control(sets, controls):
        again["difference from control", *_key(pair.keys)] = difference_record(pair, plan)
    records = []
    mains = [*(("gain", record) for record in gains), *(("difference from control", record) for record in differences)]
    for compared, main in mains:
        found = again.get((compared, *_key(main)))
        if found is None or found["readings"] == main["readings"]:
            continue  # nothing is missing, or nothing is left
        for estimand, prefix in (("these images", "these_images_"), ("new images", "")):
            p, p_main = found[f"{prefix}p"], main[f"{prefix}p"]
            records.append(
                {
                    "analysis": name, "compared": compared, "estimand": estimand, **{key: main[key] for key in KEYS},
                    "readings": found["readings"], "difference_main": main[f"{prefix}difference"],
                    "difference": found[f"{prefix}difference"], "p_main": p_main, "p": p,
                    "same_verdict": None if None in (p, p_main) else (p < plan.alpha) == (p_main < plan.alpha),
                    "why": (found["why"] or main["why"]) if None in (p, p_main) else None,
                }
            )  # fmt: skip
    return records


def _key(record: Record) -> tuple:
    return tuple(record[key] for key in KEYS)


def _class_records(found: AssistedSet, classes: tuple[str, ...], plan: Plan) -> Iterator[Record]:
    """The gain within each true class, for new images and new readers."""
    for name in classes:
        here = (found.rows["truth"] == name).to_numpy()
        if not here.any():
            continue
        rows, gain = found.rows[here], found.differences[here]
        test = two_way_mean(gain, rows["reader"], rows["item"], confidence=plan.confidence, weights=weights_of(rows))
        low, high = within_scale(test.ci_low, test.ci_high)
        yield {
            **found.keys, "class": name, "readers": test.readers, "items": test.items, "readings": test.n,
            "accuracy_alone": _mean(rows, "alone"), "accuracy_assisted": _mean(rows, "assisted"),
            "accuracy_network": _mean(found.scorable[found.scorable["truth"] == name], "network"),
            "gained": int((gain > 0).sum()), "lost": int((gain < 0).sum()), "difference": test.estimate, "se": test.se,
            "df": test.df, "p": test.p, "ci_low": low, "ci_high": high, "why": test.why,
        }  # fmt: skip


def _reader_records(found: AssistedSet, plan: Plan) -> Iterator[Record]:
    """Every reader: alone, assisted and the network on the same readings, what was gained and lost, and how long both took."""
    for reader, own in found.rows.groupby("reader", sort=True):
        scorable = found.scorable[found.scorable["reader"] == reader]
        gained, lost = int((own["assisted"] & ~own["alone"]).sum()), int((own["alone"] & ~own["assisted"]).sum())
        times = {
            "median_alone_s": _median_s(own["rt_ms"][(own["answer"] != "") & ~(own["left_window"] > 0)], plan),
            "median_assisted_s": _median_s(own["assisted_rt_ms"][own["assisted_answer"] != ""], plan),
        }
        whys = [
            None if len(scorable) else SILENT,
            None if None not in times.values() else "no time of one of the two answers is known",
        ]
        yield {
            "assistant": found.assistant, "reader": reader, "group": found.group, "view": found.view or None,
            "readings": len(own), "accuracy_alone": float(own["alone"].mean()),
            "accuracy_assisted": float(own["assisted"].mean()),
            "accuracy_network": float(scorable["network"].mean()) if len(scorable) else None,
            "difference": (gained - lost) / len(own), "gained": gained, "lost": lost, **times,
            "why": "; ".join(why for why in whys if why) or None,
        }  # fmt: skip


def _median_s(milliseconds: pd.Series, plan: Plan) -> float | None:
    """Median in seconds of the times within the plan's limits; None where there are none."""
    inside = milliseconds[(milliseconds > 0) & milliseconds.between(plan.shortest_ms, plan.longest_ms)]
    return float(inside.median() / 1000) if len(inside) else None
