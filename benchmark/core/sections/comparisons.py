"""Every model against every reader group, for both questions: these images, and new images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmark.core.inputs.scoring import ReaderSet, Scored
from benchmark.core.methods.bootstrap import StudyDraws
from benchmark.core.methods.components import moment_components
from benchmark.core.methods.distributions import normal_quantile, t_quantile
from benchmark.core.methods.multiplicity import adjust
from benchmark.core.methods.paired import paired_t, shapiro_wilk, standardised_mean
from benchmark.core.methods.proportions import within_scale
from benchmark.core.methods.signed_rank import ZERO_METHOD, common_grid, sign_flip_exact, wilcoxon_signed_rank
from benchmark.core.methods.twoway import two_way_mean
from benchmark.core.methods.weighting import WEIGHT, weights_of, whole_parts
from benchmark.core.plans.plan import MAX_T, Contrast, Plan
from benchmark.core.wording import comparison_answer, comparison_question

Record = dict[str, Any]


@dataclass(frozen=True)
class Matchup:
    """A model and a reader group on one view: `rows` are the group's readings with `model_correct` beside `correct`."""

    model: ReaderSet
    people: ReaderSet
    rows: pd.DataFrame

    @property
    def keys(self) -> Record:
        return {"model": self.model.label, "group": self.people.group, "view": self.people.view or None}

    def unit(self, planned: str | None) -> str:
        """What the paired test counts: "survey" where every reading belongs to one, "reader" where there are none.

        What is counted must be independent. Where all read the same single survey, and where most readers read several,
        the surveys' differences share their readers: then readers are counted. The plan's own choice goes before, as far
        as the readings allow it.
        """
        surveys = self.rows["survey"]
        if planned == "reader" or (surveys == "").any():
            return "reader"
        if planned == "survey":
            return "survey"
        several = (surveys.groupby(self.rows["reader"]).nunique() > 1).mean() > 0.5
        return "reader" if several or surveys.nunique() == 1 else "survey"

    def units(self, unit: str) -> pd.DataFrame:
        """Per unit, in unit order: readings, and what is right by model and by readers of how much: of the readings, or where
        there are anchors, which weigh less, of the sum of their weights."""
        weights = weights_of(self.rows)
        weights = 1 if weights is None else weights
        rows = self.rows.assign(
            _size=weights, model_correct=weights * self.rows["model_correct"], correct=weights * self.rows["correct"]
        )
        return rows.groupby(unit, sort=True).agg(
            readings=("correct", "size"), size=("_size", "sum"), model=("model_correct", "sum"), people=("correct", "sum")
        )

    def on_one_grid(self, unit: str) -> np.ndarray | None:
        """Differences of the units as integers of one unit of measure; None where that would be too fine."""
        parts = whole_parts(self.rows)
        if parts is None:
            return None
        wins = self.rows["model_correct"].to_numpy(np.int64) - self.rows["correct"].to_numpy(np.int64)
        sums = pd.DataFrame({"wins": parts * wins, "parts": parts}).groupby(self.rows[unit].to_numpy(), sort=True).sum()
        return common_grid(sums["wins"].to_numpy(), sums["parts"].to_numpy())

    @property
    def differences(self) -> np.ndarray:
        """Model minus reader per reading: -1, 0 or 1."""
        return self.rows["model_correct"].to_numpy(dtype=float) - self.rows["correct"].to_numpy(dtype=float)


def matchups(scored: Scored) -> Iterator[Matchup]:
    """Every model x human group x view that share items."""
    for people in scored.sets("human"):
        for model in scored.sets("model"):
            if model.view == people.view:
                rows = scored.against(model, people)
                if len(rows):
                    yield Matchup(model, people, rows)


def paired_sections(scored: Scored, plan: Plan) -> tuple[list[Record], list[Record]]:
    """Sections `paired` and `paired_units` (the points of Figure 2A)."""
    records, points = [], []
    for match in matchups(scored):
        unit = match.unit(plan.unit)
        units = match.units(unit)
        records.append(_paired_record(match, unit, units, plan))
        points += [
            {
                **match.keys, "unit": unit, "name": name, "readings": int(row.readings),
                "model_accuracy": row.model / row.size, "reader_accuracy": row.people / row.size,
                "difference": (row.model - row.people) / row.size,
            }
            for name, row in zip(units.index, units.itertuples())
        ]  # fmt: skip
    _adjust(records, plan)
    return records, points


def _paired_record(match: Matchup, unit: str, units: pd.DataFrame, plan: Plan) -> Record:
    differences = ((units["model"] - units["people"]) / units["size"]).to_numpy(dtype=float)
    if WEIGHT in match.rows:  # sums of weights that are the same must tie
        differences = np.round(differences, 12) + 0.0
    signs = np.sign(differences)
    test = paired_t(differences, confidence=plan.confidence)
    effect = standardised_mean(test, confidence=plan.confidence)
    ranks = wilcoxon_signed_rank(differences, confidence=plan.confidence)
    normality = shapiro_wilk(differences)
    grid = match.on_one_grid(unit)
    flips = sign_flip_exact(grid) if grid is not None else None
    low, high = within_scale(test.ci_low, test.ci_high)
    # Without any spread the interval of the shift would be a point: as little known as that of the mean.
    shift = (None, None) if ranks.ci_low == ranks.ci_high else (ranks.ci_low, ranks.ci_high)
    record = {
        **match.keys, "unit": unit, "n": test.n, "mean_difference": test.mean, "sd": test.sd, "se": test.se,
        "t": test.t, "df": test.df, "p": test.p, "ci_low": low, "ci_high": high,
        "cohens_dz": effect.dz, "dz_ci_low": effect.ci_low, "dz_ci_high": effect.ci_high, "hedges_g": effect.hedges_g,
        "wilcoxon_p": ranks.p, "wilcoxon_method": ranks.method, "wilcoxon_zero_method": ZERO_METHOD,
        "wilcoxon_exact_p": ranks.exact_p, "zero_differences": ranks.zeros,
        "hodges_lehmann": ranks.hodges_lehmann, "hl_ci_low": shift[0], "hl_ci_high": shift[1],
        "sign_flip_p": flips.p if flips else None, "shapiro_w": normality.w, "shapiro_p": normality.p,
        "readings": int(units["readings"].sum()), "readings_without_model": len(match.people.rows) - len(match.rows),
        "model_ahead": int((signs > 0).sum()), "equal": int((signs == 0).sum()),
        "readers_ahead": int((signs < 0).sum()),
    }  # fmt: skip
    whys = [
        test.why,
        ranks.why,
        normality.why,
        flips.why if flips else "the units' lengths have no manageable common grid for an exact sign-flip test",
    ]
    record["why"] = "; ".join(dict.fromkeys(why for why in whys if why)) or None
    record["question"] = comparison_question(record)
    record["answer"] = comparison_answer(
        record, difference=test.mean, scope="For these images and new readers", confidence=plan.confidence, p=test.p
    )
    return record


def _adjust(records: list[Record], plan: Plan) -> None:
    """Adjust p-values within the primary family as the plan declares; without one, over all contrasts (Holm)."""
    in_family = [not plan.primary or any(_is(contrast, record) for contrast in plan.primary) for record in records]
    family = [record["p"] for record, member in zip(records, in_family) if member]
    adjusted = iter(adjust(family, plan.multiplicity))
    for record, member in zip(records, in_family):
        record["family"] = ("primary" if plan.primary else "all contrasts") if member else "exploratory"
        record["prespecified"] = bool(plan.primary) and member
        record["p_adjusted"] = next(adjusted) if member else None
        record["adjustment"] = plan.multiplicity if member else None


def _is(contrast: Contrast, record: Record) -> bool:
    return not contrast.assisted and contrast.names(record["model"], record["group"], record["view"])


def new_images_section(scored: Scored, plan: Plan, paired: list[Record]) -> list[Record]:
    """The same differences when images are a sample too, beside the paired test's standard error and verdict."""
    records = []
    for match, beside in zip(matchups(scored), paired):
        rows = match.rows
        difference, reader, item, truth = match.differences, rows["reader"], rows["item"], rows["truth"]
        test = two_way_mean(difference, reader, item, truth, confidence=plan.confidence, weights=weights_of(rows))
        parts = moment_components(difference, reader, item, truth)
        low, high = within_scale(test.ci_low, test.ci_high)
        record = {
            **match.keys, "difference": test.estimate, "se": test.se, "t": test.t, "df": test.df, "p": test.p,
            "ci_low": low, "ci_high": high, "var_reader": test.var_reader, "var_item": test.var_item,
            "var_both": test.var_both, "method": "two-way (reader and item) variance, Satterthwaite t",
            "readers": test.readers, "items": test.items, "readings": test.n,
            "se_these_images": beside["se"], "se_ratio": test.se / beside["se"] if test.se and beside["se"] else None,
            "sd_reader": _root(parts.reader), "sd_item": _root(parts.item), "sd_residual": _root(parts.residual),
        }  # fmt: skip
        record["conclusions_differ"] = (
            None if test.p is None or beside["p"] is None else (test.p < plan.alpha) != (beside["p"] < plan.alpha)
        )
        record["why"] = "; ".join(why for why in (test.why, parts.why) if why) or None
        record["question"] = comparison_question(record)
        record["answer"] = comparison_answer(
            record,
            difference=test.estimate,
            scope="For new images and new readers",
            confidence=plan.confidence,
            p=test.p,
        )
        records.append(record)
    family = [r["p"] if b["family"] != "exploratory" else None for r, b in zip(records, paired)]
    for record, beside, p in zip(records, paired, adjust(family, plan.multiplicity)):
        record["family"], record["p_adjusted"] = beside["family"], p
    return records


def adjust_by_largest_t(
    paired: list[Record], new_images: list[Record], scored: Scored, plan: Plan, draws: StudyDraws
) -> None:
    """Max-T intervals and p-values over the family of new-images comparisons; where the plan declares max-t, they are the
    adjusted p-values, and the paired tests get theirs from the same draws of readers, on these images."""
    add_simultaneous(new_images, scored, plan, draws)
    if plan.multiplicity == MAX_T:
        add_simultaneous(paired, scored, plan, draws.of_these_items())
        for record in (*paired, *new_images):
            record["p_adjusted"] = record.get("p_max_t")


def add_simultaneous(records: list[Record], scored: Scored, plan: Plan, draws: StudyDraws) -> None:
    """Add max-T intervals and p-values over a family of comparisons, from the shared bootstrap draws.

    The largest standardised deviation over the family, in draws whose spread is set to each comparison's standard error,
    replaces the t quantile; comparisons outside the family, or without a standard error, have none.
    """
    deviations = []
    for match, record in zip(matchups(scored), records):
        if record["family"] == "exploratory":
            continue
        record.update(dict.fromkeys(("simultaneous_low", "simultaneous_high", "p_max_t")))
        drawn = draws.mean(match.rows, match.differences)
        if record["se"] is None or not np.nanstd(drawn) > 0:
            continue
        wider = t_quantile(0.5 + plan.confidence / 2, record["df"]) / normal_quantile(0.5 + plan.confidence / 2)
        scaled = wider * np.abs(drawn - np.nanmean(drawn)) / np.nanstd(drawn, ddof=1)
        deviations.append((record, np.where(np.isfinite(scaled), scaled, 0.0)))
    if not deviations:
        return
    largest = np.max([values for _, values in deviations], axis=0)
    quantile = float(np.quantile(largest, plan.confidence, method="weibull"))
    for record, _ in deviations:
        estimate = record["difference"] if "difference" in record else record["mean_difference"]
        half, t = quantile * record["se"], abs(record["t"])
        bounds = within_scale(estimate - half, estimate + half)
        record["simultaneous_low"], record["simultaneous_high"] = bounds
        record["p_max_t"] = (int((largest >= t).sum()) + 1) / (len(largest) + 1)


def _root(variance: float | None) -> float | None:
    return None if variance is None else float(np.sqrt(variance))
