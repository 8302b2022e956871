"""What every column of the tables and of the exported readings means: the data dictionary that goes with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

READINGS = {
    "reader": "who read: a person's code, or a network's name",
    "group": "kind of reader, for example a specialty",
    "item": "the pictured case",
    "truth": "reference class of the item",
    "answer": "class that the reader chose; empty: no answer",
    "kind": "human or model (a network)",
    "survey": "the form on which the item was read",
    "view": "how the item was shown, for example focused or panoramic",
    "block": "number of the block within the survey",
    "position": "place within the block, from 1",
    "confidence": "the reader's confidence, in the units of the study",
    "rt_ms": "response time in milliseconds, from the painted image to the choice",
    "answered_at": "when the answer was given (ISO 8601)",
    "completed_at": "when the sitting was completed (ISO 8601)",
    "simulated": "1 or True: a simulated reader or a drawn image",
    "correct": "1: the answer is the reference class; 0: another answer or none",
}
SECTIONS = {
    "accuracy": "share of right readings per group or network and view",
    "paired": "network minus readers, these images: paired tests over surveys or readers",
    "paired_units": "the paired differences, one row per survey or reader",
    "new_images": "network minus readers, new images: two-way variance of readers and items",
    "new_images_methods": "the same difference by further methods",
    "confusion": "confusion matrices, one row per cell",
    "agreement": "agreement among readers",
    "reader_accuracy": "accuracy of every reader",
    "class_accuracy": "accuracy by class",
    "metrics": "balanced accuracy, macro-F1 and kappa",
    "standing": "readers that each network beats on their own items",
    "items": "difficulty of every item for people",
    "error_consistency": "whether two readers fail on the same items",
    "order": "later half of a block minus its earlier half",
    "times": "response times",
    "reader_confidence": "accuracy by the readers' confidence",
    "teams": "votes of readers, and readers with a network",
    "calibration": "calibration of the networks' probabilities",
    "reliability": "bins of the reliability diagrams",
    "risk_coverage": "risk against coverage",
    "networks": "network against network, or view against view, item by item",
    "views": "later view minus earlier view",
    "groups": "group against group of readers",
    "equivalence": "equivalence within a declared margin",
    "sensitivity": "the same comparisons under other rules",
    "deviations": "departures from the analysis plan",
    "flow": "sittings under the completion rule",
    "sittings": "every sitting and what became of it",
    "inputs": "input files with their hashes",
    "rasch_items": "difficulty of items on the Rasch scale",
    "rasch_readers": "ability of readers and networks on the Rasch scale",
}
FIELDS = {
    **READINGS,
    "reader": "person or network; empty for a group",
    "readers": "number of readers",
    "items": "number of items",
    "readings": "number of readings",
    "answered": "readings with an answer",
    "correct": "number of right readings",
    "accuracy": "share of right readings (0 to 1)",
    "ci_low": "lower bound of the interval",
    "ci_high": "upper bound of the interval",
    "ci_method": "how the interval was computed",
    "ratings": "answers that went into the coefficient",
    "model": "the network",
    "unit": "what the paired test counts: survey or reader",
    "name": "name of the survey or reader",
    "n": "number of units",
    "mean_difference": "mean of network minus readers (share)",
    "difference": "difference in accuracy (share); first minus second where both are named",
    "sd": "standard deviation of the differences",
    "se": "standard error of the difference",
    "t": "t statistic",
    "df": "degrees of freedom",
    "p": "two-sided p value",
    "p_adjusted": "p value adjusted within its family",
    "adjustment": "method of the adjustment",
    "family": "the comparisons that are adjusted together",
    "prespecified": "whether the plan names this comparison",
    "cohens_dz": "mean difference over its standard deviation",
    "dz_ci_low": "lower bound of Cohen's d_z",
    "dz_ci_high": "upper bound of Cohen's d_z",
    "hedges_g": "d_z corrected for small samples",
    "wilcoxon_p": "p of Wilcoxon's signed-rank test",
    "wilcoxon_method": "exact or normal approximation",
    "wilcoxon_zero_method": "how zero differences were treated",
    "wilcoxon_exact_p": "exact p of the signed-rank test",
    "zero_differences": "units with no difference",
    "hodges_lehmann": "median of the pairwise means of the differences",
    "hl_ci_low": "lower bound of the Hodges-Lehmann shift",
    "hl_ci_high": "upper bound of the Hodges-Lehmann shift",
    "sign_flip_p": "exact p of the sign-flip test",
    "readings_without_model": "readings whose item the network did not read",
    "model_ahead": "units in which the network was more accurate",
    "equal": "units without a difference",
    "readers_ahead": "units in which the readers were more accurate",
    "model_accuracy": "the network's accuracy on the unit's items",
    "reader_accuracy": "the readers' accuracy on the unit's items",
    "why": "why a quantity is empty",
    "var_reader": "variance that readers add",
    "var_item": "variance that items add",
    "var_both": "variance counted in both",
    "method": "method of estimation",
    "se_these_images": "standard error of the test over these images",
    "se_ratio": "standard error for new images over that for these images",
    "sd_reader": "standard deviation between readers, of one reading",
    "sd_item": "standard deviation between items, of one reading",
    "sd_residual": "residual standard deviation, of one reading",
    "conclusions_differ": "whether one question is significant and the other is not",
    "first": "first side of the comparison",
    "second": "second side of the comparison",
    "first_view": "view of the first side",
    "second_view": "view of the second side",
    "only_first": "items that only the first had right",
    "only_second": "items that only the second had right",
    "newcombe_low": "lower bound by Newcombe's method",
    "newcombe_high": "upper bound by Newcombe's method",
    "contrast": "what is compared",
    "pairs": "number of pairs",
    "analysis": "the alternative analysis",
    "estimand": "these images or new images",
    "difference_main": "difference in the main analysis",
    "p_main": "p value in the main analysis",
    "same_verdict": "whether both analyses agree at the significance level",
    "margin": "declared margin (share)",
    "p_equivalent": "p of the two one-sided tests",
    "equivalent": "whether the interval lies within the margin",
    "class": "reference class",
    "classes": "classes in the order of the matrix",
    "count": "number of readings or items",
    "row_percent": "per cent of the row",
    "surveys": "surveys that the reader read",
    "balanced_accuracy": "mean of the classes' accuracies",
    "macro_f1": "mean of the classes' F1",
    "kappa": "Cohen's kappa against the reference class",
    "beaten": "readers less accurate than the network on their own items",
    "equalled": "readers exactly as accurate",
    "percentile": "per cent of readers beaten, ties counting half",
    "share_correct": "share of people who named the item correctly",
    "networks_correct": "networks that named it correctly",
    "error_consistency": "kappa of being right together (0: chance, 1: always)",
    "lower_quartile_s": "lower quartile, seconds",
    "median_s": "median, seconds",
    "upper_quartile_s": "upper quartile, seconds",
    "median_right_s": "median of right answers, seconds",
    "median_wrong_s": "median of wrong answers, seconds",
    "third": "third of the confidence scale, lowest first",
    "confidence_from": "lowest confidence of the third",
    "confidence_to": "highest confidence of the third",
    "team": "who decides together, and how",
    "gain_over_best_alone": "accuracy of the team minus that of its better part",
    "brier": "Brier score, summed over classes (0 to 2)",
    "log_loss": "mean negative logarithm of the true class's probability",
    "aurc": "area under risk against coverage",
    "accuracy_at_80": "accuracy on the surest 80 % of items",
    "accuracy_at_90": "accuracy on the surest 90 % of items",
    "classwise_ece": "calibration error, mean over classes",
    "ece_10_equal_mass": "expected calibration error, 10 bins of equal mass",
    "ece_10_equal_mass_perfect_mean": "the same for a perfectly calibrated network: mean",
    "ece_10_equal_mass_perfect_p95": "the same for a perfectly calibrated network: 95th percentile",
    "ece_15_equal_width": "expected calibration error, 15 bins of equal width",
    "ece_15_equal_width_perfect_mean": "the same for a perfectly calibrated network: mean",
    "ece_15_equal_width_perfect_p95": "the same for a perfectly calibrated network: 95th percentile",
    "binning": "how the bins were made",
    "low": "lower edge of the bin",
    "high": "upper edge of the bin",
    "coverage": "share of items answered, surest first",
    "risk": "share of wrong answers among them",
    "difficulty": "difficulty in logits",
    "ability": "ability in logits",
    "fleiss_kappa": "Fleiss' kappa, a missing answer counting as a category",
    "fleiss_kappa_answered": "Fleiss' kappa of the answers given",
    "krippendorff_alpha": "Krippendorff's alpha (nominal)",
    "gwet_ac1": "Gwet's AC1",
    "percent_agreement": "share of agreeing pairs of answers (0 to 1)",
    "file": "name of the input file",
    "sha256": "SHA-256 of its content",
    "rows": "number of its rows",
    "sittings": "sittings begun",
    "complete": "sittings complete under the rule",
    "analysed": "sittings analysed",
    "extra": "complete sittings that were not the first in their seat",
    "incomplete": "sittings that were not complete",
    "share_answered": "share of questions answered",
    "what": "what departs from the plan",
}
BOUNDS = {"_ci_low": "lower bound of ", "_ci_high": "upper bound of "}


def meaning(column: str) -> str:
    """What a column of a table means; empty when the dictionary does not know it."""
    if column in FIELDS:
        return FIELDS[column]
    for ending, words in BOUNDS.items():
        if column.endswith(ending) and column.removesuffix(ending) in FIELDS:
            return words + FIELDS[column.removesuffix(ending)]
    return ""


def _kind(values: Iterable[Any]) -> str:
    present = [value for value in values if value is not None and value != ""]
    if not present:
        return "empty"
    if all(isinstance(value, bool) for value in present):
        return "yes or no"
    if all(isinstance(value, int) and not isinstance(value, bool) for value in present):
        return "whole number"
    return "number" if all(isinstance(value, int | float) for value in present) else "text"


def dictionary_of(tables: Mapping[str, list[dict[str, Any]]]) -> list[dict[str, str]]:
    """One row per table and column: the table's content, the column's type and meaning."""
    rows = []
    for table, records in tables.items():
        for column in dict.fromkeys(key for record in records for key in record):
            rows.append(
                {
                    "table": table,
                    "table_holds": SECTIONS.get(table, ""),
                    "column": column,
                    "type": _kind(record.get(column) for record in records),
                    "meaning": meaning(column),
                }
            )
    return rows


def readings_dictionary(columns: Iterable[str]) -> list[dict[str, str]]:
    """The columns of exported readings with their meanings; a study's own columns say so."""
    return [
        {"column": column, "meaning": READINGS.get(column, "a column of the study's own, as it came")}
        for column in columns
    ]
