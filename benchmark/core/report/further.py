"""The report's further sections: each a question, a sentence how to read it, and its table, straight from records."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from benchmark.core.results import Results
from benchmark.core.wording import bare_p, interval, number, plural, readable

from . import html


@dataclass(frozen=True)
class Column:
    """A table column: its heading, the record's field, and how the field is printed."""

    heading: str
    field: str
    form: str = "text"

    @property
    def title(self) -> str:
        """The heading with its unit, so that cells are bare numbers."""
        return f"{self.heading} ({UNITS[self.form]})" if self.form in UNITS else self.heading

    def cell(self, record: dict[str, Any]) -> str:
        value = record.get(self.field)
        if self.form == "interval":
            return interval(record.get("ci_low"), record.get("ci_high"))
        if self.form == "these images":
            return interval(record.get("these_images_ci_low"), record.get("these_images_ci_high"))
        if self.form == "kappa interval":
            return interval(record.get("fleiss_kappa_ci_low"), record.get("fleiss_kappa_ci_high"), 2, 1)
        if self.form == "plain interval":
            return interval(record.get(f"{self.field}_low"), record.get(f"{self.field}_high"), 2, 1)
        if self.form == "ratio interval":
            return interval(record.get("ci_low"), record.get("ci_high"), 2, 1)
        if value is None:
            return "–"
        if isinstance(value, bool):
            return "yes" if value else "no"
        return FORMS[self.form](value)


UNITS = {"points": "points", "percent": "%"}
FORMS: dict[str, Callable[[Any], str]] = {
    "points": lambda value: number(100 * value, 1),
    "percent": lambda value: number(100 * value, 1),
    "group": plural,
    "p": bare_p,
    "number": number,
    "fine": lambda value: number(value, 3),
    "tenth": lambda value: number(value, 1),
    "whole": lambda value: number(value, 0),
    "text": lambda value: readable(str(value)),
    "words": str,
}
WHO = (Column("Network", "model"), Column("Readers", "group", "group"), Column("View", "view"))
BOTH = (
    Column("Difference", "difference", "points"),
    Column("New images", "ci", "interval"),
    Column("p", "p", "p"),
    Column("These images", "these_images", "these images"),
    Column("p", "these_images_p", "p"),
    Column("SE ratio", "se_ratio", "number"),
    Column("Differ", "conclusions_differ"),
)
BESIDE_MAIN = (
    Column("Main", "difference_main", "points"),
    Column("Alternative", "difference", "points"),
    Column("p", "p", "p"),
    Column("Same verdict", "same_verdict"),
)
BY_METHOD = (
    Column("Method", "method", "words"),
    Column("Standard error", "se", "points"),
    Column("Interval", "ci", "interval"),
    Column("p", "p", "p"),
)
TESTED = (Column("Difference", "difference", "points"), Column("Interval", "ci", "interval"), Column("p", "p", "p"))


@dataclass(frozen=True)
class Part:
    section: str
    question: str
    reading: str
    columns: tuple[Column, ...]
    figures: tuple[str, ...] = ()


PARTS = (
    Part(
        "sensitivity",
        "Do the answers depend on how the analysis was done?",
        "Each planned alternative beside the main analysis.",
        (
            Column("Analysis", "analysis", "words"),
            Column("For", "estimand"),
            *WHO,
            *BESIDE_MAIN,
        ),
    ),
    Part(
        "new_images_methods",
        "Do other methods for new images agree?",
        "The standard error and interval of the same differences.",
        (
            *WHO,
            *BY_METHOD,
        ),
    ),
    Part(
        "equivalence",
        "Are network and readers equivalent within the declared margin?",
        "Two one-sided tests; the interval is the one that decides them.",
        (
            *WHO,
            Column("For", "estimand"),
            Column("Margin", "margin", "points"),
            Column("Difference", "difference", "points"),
            Column("Interval", "ci", "interval"),
            Column("p", "p_equivalent", "p"),
            Column("Equivalent", "equivalent"),
            Column("p, not inferior", "p_noninferior", "p"),
            Column("Not inferior", "noninferior"),
        ),
    ),
    Part(
        "networks",
        "Do the networks differ from one another, or between views?",
        "Item by item: exact McNemar test, Tango's interval. No difference seen is not equivalence.",
        (
            Column("First", "first"),
            Column("View", "first_view"),
            Column("Second", "second"),
            Column("View", "second_view"),
            Column("Only first", "only_first"),
            Column("Only second", "only_second"),
            *TESTED,
        ),
    ),
    Part(
        "views",
        "Is one view easier than the other?",
        "Later view minus earlier, within reader and item. Where the order was the same for all, view, practice and"
        " the second look at an item cannot be told apart. Intervals for new images and readers, and for these images.",
        (Column("Contrast", "contrast", "words"), Column("Readers", "group", "group"), Column("Network", "model"), *BOTH),
    ),
    Part(
        "groups",
        "Do the groups of readers differ?",
        "For new readers of both kinds: intervals for new images, and for these images.",
        (Column("First", "first"), Column("Second", "second"), Column("View", "view"), *BOTH),
    ),
    Part(
        "mixed_models",
        "Does a mixed model say the same?",
        "Logistic model with readers and images as random effects; difference at the observed images and readers.",
        (
            *WHO,
            Column("Readers correct", "accuracy_readers", "percent"),
            Column("Network correct", "accuracy_model", "percent"),
            Column("Difference", "difference", "points"),
            Column("Log odds ratio", "log_odds_ratio", "number"),
            Column("p", "p", "p"),
        ),
    ),
    Part(
        "class_differences",
        "In which classes do network and readers differ?",
        "Network minus readers, new images and new readers; p adjusted within its family.",
        (
            *WHO,
            Column("Class", "class"),
            *TESTED,
            Column("Adjusted p", "p_adjusted", "p"),
        ),
        ("class-differences",),
    ),
    Part(
        "standing",
        "Where does each network stand among the readers?",
        "Readers beaten on their own items; ties count half.",
        (
            *WHO,
            Column("Readers", "readers"),
            Column("Beaten", "beaten"),
            Column("Equalled", "equalled"),
            Column("Percentile", "percentile", "whole"),
        ),
    ),
    Part(
        "error_consistency",
        "Do people and networks fail on the same images?",
        "0: no more than by chance, 1: always together; mean over pairs of readers.",
        (
            Column("First", "first"),
            Column("Second", "second"),
            Column("View", "view"),
            Column("Pairs of readers", "pairs"),
            Column("Error consistency", "error_consistency", "number"),
        ),
    ),
    Part(
        "calibration",
        "Can the networks' probabilities be believed?",
        "Expected calibration error (ECE) in 10 groups of equally many images, beside what perfect probabilities would show.",
        (
            Column("Network", "model"),
            Column("View", "view"),
            Column("ECE", "ece_10_equal_mass", "number"),
            Column("If perfect: mean", "ece_10_equal_mass_perfect_mean", "number"),
            Column("95 % below", "ece_10_equal_mass_perfect_p95", "number"),
            Column("Brier (sum)", "brier", "number"),
            Column("Log loss", "log_loss", "number"),
            Column("Area under risk and coverage", "aurc", "number"),
            Column("Correct, surest 80 %", "accuracy_at_80", "percent"),
            Column("surest 90 %", "accuracy_at_90", "percent"),
        ),
        ("reliability", "risk-coverage"),
    ),
    Part(
        "teams",
        "Would readers, or readers and a network, be better together?",
        "Votes by exact enumeration of the answers given, blanks left out; deferral with its threshold tuned on other items.",
        (
            Column("Team", "team", "words"),
            Column("Readers", "group", "group"),
            Column("Network", "model"),
            Column("View", "view"),
            Column("Correct", "accuracy", "percent"),
            Column("Over the better alone", "gain_over_best_alone", "points"),
        ),
    ),
    Part(
        "category_agreement",
        "On which classes do readers agree?",
        "Kappa of one class against all others; interval over items.",
        (
            Column("Class", "class"),
            Column("Readers", "group", "group"),
            Column("View", "view"),
            Column("Kappa", "kappa", "number"),
            Column("Interval", "ci", "plain interval"),
        ),
    ),
    Part(
        "fixed_raters",
        "Do readers who all read the same images agree beyond their own habits?",
        "Coefficients that need the same readers throughout; z: Fleiss' kappa over its standard error without agreement.",
        (
            Column("Readers", "group", "group"),
            Column("View", "view"),
            Column("Number of readers", "readers"),
            Column("Items", "items"),
            Column("Conger's kappa", "conger_kappa", "number"),
            Column("Brennan and Prediger", "brennan_prediger", "number"),
            Column("z", "fleiss_z", "number"),
            Column("p", "p_no_agreement", "p"),
        ),
    ),
    Part(
        "reader_calibration",
        "Can the readers' confidence be believed?",
        "Where confidence is a probability: calibration error and overconfidence; else only how it separates right from wrong.",
        (
            Column("Readers", "group", "group"),
            Column("View", "view"),
            Column("Scale", "scale", "words"),
            Column("ECE", "ece", "number"),
            Column("Overconfidence", "overconfidence", "points"),
            Column("AUC, right over wrong", "auc_right_over_wrong", "number"),
            Column("Area under risk and coverage", "aurc", "number"),
            Column("Correct, surest 80 %", "accuracy_at_80", "percent"),
            Column("surest 90 %", "accuracy_at_90", "percent"),
        ),
        ("reader-reliability", "reader-risk-coverage"),
    ),
    Part(
        "reader_auc_differences",
        "Is the AUC of readers better in one view?",
        "From answers with confidence, every class against the others. Obuchowski and Rockette's method where readers share"
        " their images; the U-statistic in any design.",
        (
            Column("Readers", "group", "group"),
            Column("Class", "class", "words"),
            Column("View", "first"),
            Column("Minus", "second"),
            Column("Method", "method", "words"),
            Column("AUC", "auc_first", "number"),
            Column("Other AUC", "auc_second", "number"),
            Column("Difference", "difference", "number"),
            Column("Interval", "ci", "plain interval"),
            Column("p", "p", "p"),
        ),
    ),
    Part(
        "carry_over",
        "What happens between the two views of an item?",
        "Answers to the same item, first view and second view.",
        (
            Column("Readers", "group", "group"),
            Column("First view", "first_view"),
            Column("Second view", "second_view"),
            Column("Same answer", "same_answer", "percent"),
            Column("Wrong, then right", "wrong_then_right"),
            Column("Right, then wrong", "right_then_wrong"),
            Column("p over readers", "p_change_over_readers", "p"),
            Column("p over items", "p_change_over_items", "p"),
            Column("Confounded by the order", "confounded"),
        ),
    ),
    Part(
        "order_model",
        "What do view, period and carry-over do in one model?",
        "Logistic model of right answers with readers and images as random effects, every term adjusted for the others; on average: without"
        " random effects, its p and interval those of new readers and new images also where they gain unlike from a view. The test of carry-over"
        " is weak.",
        (
            Column("Readers", "group", "group"),
            Column("Term", "term", "words"),
            Column("Readings", "readings"),
            Column("Log odds ratio", "log_odds_ratio", "number"),
            Column("Interval", "ci", "ratio interval"),
            Column("p", "p", "p"),
            Column("On average", "average_log_odds_ratio", "number"),
            Column("Interval", "average_log_odds_ratio_ci", "plain interval"),
            Column("p", "average_log_odds_ratio_p", "p"),
        ),
    ),
    Part(
        "order",
        "Do readers change within a block?",
        "Change with the place in the block: practice or fatigue.",
        (Column("Readers", "group", "group"), Column("View", "view"), Column("Contrast", "contrast", "words"), *TESTED),
    ),
    Part(
        "times",
        "How long do answers take?",
        "Seconds; quartiles over readings.",
        (
            Column("Readers", "group", "group"),
            Column("View", "view"),
            Column("Lower quartile", "lower_quartile_s", "tenth"),
            Column("Median", "median_s", "tenth"),
            Column("Upper quartile", "upper_quartile_s", "tenth"),
            Column("Median, right", "median_right_s", "tenth"),
            Column("Median, wrong", "median_wrong_s", "tenth"),
        ),
        ("times",),
    ),
    Part(
        "speed_accuracy",
        "Are fast answers right less often?",
        "Each reader's own answers in fifths from fast to slow, so that a slow reader is not the slow fifth.",
        (
            Column("Readers", "group", "group"),
            Column("View", "view"),
            Column("Fifth, fastest first", "fifth"),
            Column("Readings", "readings"),
            Column("Median (s)", "median_s", "tenth"),
            Column("Correct", "accuracy", "percent"),
            Column("Interval", "ci", "interval"),
        ),
        ("speed-accuracy",),
    ),
    Part(
        "time_model",
        "What makes answers slower?",
        "Ratio of geometric mean times from a mixed model of their logarithm, with readers and images as random effects.",
        (
            Column("Readers", "group", "group"),
            Column("Compared", "term", "words"),
            Column("Ratio", "ratio", "number"),
            Column("Interval", "ci", "ratio interval"),
            Column("p", "p", "p"),
        ),
    ),
)
SHORT = 12  # rows of a table that is not folded
LONGEST_PRINTED = 100  # rows of a table that is set on paper; longer ones are named by their file there


def further_parts(results: Results) -> list[Part]:
    """The parts that these results can fill, in order."""
    return [part for part in PARTS if results.records(part.section)]


def parts_of(results: Results, parts: Iterable[Part]) -> list[str]:
    """Headings and parts, of those for which the results hold records."""
    found = [part for part in parts if results.records(part.section)]
    return [piece for part in found for piece in (html.heading(3, part.question), part_of(results, part))]


def part_of(results: Results, part: Part) -> str:
    """HTML of one part: how to read it, and its table, folded when it is long."""
    records = results.records(part.section)
    columns = [c for c in part.columns if c.field != "why" or any(record.get("why") for record in records)]
    rows = [[column.cell(record) for column in columns] for record in records]
    table = html.table("", [column.title for column in columns], rows)
    if len(rows) > LONGEST_PRINTED:
        kept = html.paragraph(f"{len(rows)} rows; all of them are in tables/{part.section}.csv.", "muted on-paper")
        shown = kept + f'<div class="on-screen">{html.unfold(f"All {len(rows)} rows", table)}</div>'
    else:
        shown = table if len(rows) <= SHORT else html.unfold(f"All {len(rows)} rows", table)
    return html.paragraph(part.reading, "muted") + shown
