"""The sections of results.json in words: which page shows which, with what columns, and how a number is printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmark.core.wording import interval, number, p_value, plural, readable

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """One column of a printed table. `kind` says how the value is printed; `high` names the upper bound of an interval."""

    key: str
    label: str
    kind: str = "words"
    high: str = ""

    @property
    def is_number(self) -> bool:
        return self.kind not in ("words", "who", "group", "verdict", "exact")

    def text(self, record: Record) -> str:
        if self.kind == "who":
            return readable(record.get("reader")) if record.get("kind") == "model" else plural(record.get("group"))
        value = record.get(self.key)
        if self.high:
            scale = 1 if self.kind == "interval" else 100
            return interval(value, record.get(self.high), 2 if scale == 1 else 1, scale)
        return PRINTED[self.kind](value)

    def rank(self, record: Record) -> Any:
        """What sorting goes by: the exact value, never its rounded print."""
        value = record.get(self.key)
        return self.text(record) if value is None or isinstance(value, list | dict) else value


def _verdict(value: bool | None) -> str:
    return "–" if value is None else "yes" if value else "no"


def _scaled(factor: float, decimals: int):
    return lambda value: number(None if value is None else factor * value, decimals)


PRINTED = {
    "words": lambda value: readable(str(value)) if value not in (None, "") else "–",
    "exact": lambda value: str(value) if value not in (None, "") else "–",
    "group": lambda value: plural(value) or "–",
    "verdict": _verdict,
    "count": lambda value: "–" if value is None else f"{value:,}",
    "percent": _scaled(100, 1),
    "share": _scaled(1, 1),
    "points": _scaled(100, 1),
    "number": _scaled(1, 2),
    "fine": _scaled(1, 3),
    "p": lambda value: "–" if value is None else p_value(value).removeprefix("p = ").removeprefix("p "),
}


@dataclass(frozen=True)
class Section:
    """One table of the results: its name in results.json, a title and a sentence in words, and its columns."""

    name: str
    title: str
    about: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Topic:
    """One page of the results: the question that it answers, and its sections."""

    slug: str
    label: str
    question: str
    lead: str
    sections: tuple[Section, ...]
    figures: tuple[str, ...] = field(default=())


WHO, GROUP = Column("group", "Readers", "who"), Column("group", "Readers", "group")
NETWORK, VIEW = Column("model", "Network"), Column("view", "View")
P, WHY = Column("p", "p", "p"), Column("why", "Why not", "exact")


def _interval(kind: str = "points", label: str = "Interval (points)") -> Column:
    return Column("ci_low", label, kind, "ci_high")


DIFFERENCE = (Column("difference", "Difference (points)", "points"), _interval(), P)
CORRECT = (
    Column("readings", "Readings", "count"),
    Column("accuracy", "Correct (%)", "percent"),
    _interval("percent", "Interval (%)"),
)

TOPICS = (
    Topic(
        "accuracy",
        "Accuracy",
        "How many images did each name correctly?",
        "Shares of right answers, with intervals that respect that the same readers and the same images come again.",
        (
            Section(
                "accuracy",
                "Accuracy of every group and network",
                "A missing answer counts as the plan says; its interval treats readers and images as samples.",
                (
                    WHO,
                    VIEW,
                    Column("readers", "Number of readers", "count"),
                    Column("items", "Items", "count"),
                    *CORRECT,
                ),
            ),
            Section(
                "metrics",
                "Balanced accuracy, macro-F1 and kappa",
                "With equally many items per class and no missing answers, balanced accuracy equals accuracy.",
                (
                    WHO,
                    VIEW,
                    Column("balanced_accuracy", "Balanced accuracy (%)", "percent"),
                    Column("macro_f1", "Macro-F1", "number"),
                    Column("kappa", "Kappa against truth", "number"),
                ),
            ),
            Section(
                "standing",
                "Where each network stands among the readers",
                "Every reader meets the network on his or her own items. Percentile: share beaten, ties counted half.",
                (
                    NETWORK,
                    GROUP,
                    VIEW,
                    Column("readers", "Number of readers", "count"),
                    Column("beaten", "Beaten", "count"),
                    Column("equalled", "Equalled", "count"),
                    Column("percentile", "Percentile", "share"),
                ),
            ),
            Section(
                "class_accuracy",
                "Accuracy by class",
                "One row per class; intervals are wide where a class has few items.",
                (Column("class", "Class", "exact"), WHO, VIEW, *CORRECT),
            ),
            Section(
                "reader_accuracy",
                "Every reader",
                "Wilson intervals over the items that the reader saw.",
                (
                    Column("reader", "Reader", "exact"),
                    Column("group", "Group"),
                    VIEW,
                    Column("surveys", "Survey", "exact"),
                    *CORRECT,
                ),
            ),
        ),
        ("readers",),
    ),
    Topic(
        "contrasts",
        "Further contrasts",
        "How do views, groups and networks compare with one another?",
        "The same analysis for other pairs: one view against another, one group against another, one network against"
        " another, and equivalence where the plan declares a margin.",
        (
            Section(
                "views",
                "One view against another",
                "First against second view, within readers. Where one view was always read first, order and learning are mixed in.",
                (
                    Column("contrast", "Contrast", "exact"),
                    GROUP,
                    NETWORK,
                    Column("first_view", "First view"),
                    Column("second_view", "Second view"),
                    Column("pairs", "Pairs", "count"),
                    *DIFFERENCE,
                ),
            ),
            Section(
                "groups",
                "One group against another",
                "First minus second group, for new images and new readers.",
                (Column("first", "First", "group"), Column("second", "Second", "group"), VIEW, *DIFFERENCE),
            ),
            Section(
                "networks",
                "One network against another",
                "Both saw the same items; exact McNemar test, Tango score interval.",
                (
                    Column("first", "First"),
                    Column("first_view", "its view"),
                    Column("second", "Second"),
                    Column("second_view", "its view"),
                    Column("items", "Items", "count"),
                    Column("only_first", "Only first right", "count"),
                    Column("only_second", "Only second right", "count"),
                    *DIFFERENCE,
                ),
            ),
            Section(
                "equivalence",
                "Equivalence and non-inferiority",
                "Two one-sided tests within the margin that the plan declares.",
                (),
            ),
        ),
    ),
    Topic(
        "agreement",
        "Agreement",
        "How far do readers agree, and do they err on the same images?",
        "Agreement looks at the answers, right or wrong. Error consistency looks at whether two err on the same images"
        " more often than chance would have it.",
        (
            Section(
                "agreement",
                "Agreement among readers",
                "Intervals: bootstrap over items. Kappa counts a missing answer as a category; alpha and AC1 leave it out.",
                (
                    GROUP,
                    VIEW,
                    Column("readers", "Number of readers", "count"),
                    Column("fleiss_kappa", "Fleiss' kappa", "number"),
                    Column("fleiss_kappa_ci_low", "Interval", "interval", "fleiss_kappa_ci_high"),
                    Column("krippendorff_alpha", "Krippendorff's alpha", "number"),
                    Column("gwet_ac1", "Gwet's AC1", "number"),
                    Column("percent_agreement", "Agreement (%)", "percent"),
                ),
            ),
            Section(
                "error_consistency",
                "Error consistency",
                "Mean over pairs who share items: 1 errs on the same images, 0 as chance has it, below 0 on others.",
                (
                    Column("first", "First"),
                    Column("second", "Second"),
                    VIEW,
                    Column("pairs", "Pairs", "count"),
                    Column("error_consistency", "Error consistency", "number"),
                ),
            ),
        ),
    ),
    Topic(
        "order",
        "Order and time",
        "Did order, learning or time play a part?",
        "A block's later half against its earlier half, and how long readers looked.",
        (
            Section(
                "order",
                "Later against earlier",
                "A positive difference is learning, a negative one fatigue.",
                (
                    GROUP,
                    VIEW,
                    Column("contrast", "Contrast", "exact"),
                    Column("readings", "Readings", "count"),
                    *DIFFERENCE,
                ),
            ),
            Section(
                "times",
                "Response times",
                "From the picture on the screen to the answer. Unfocused windows are in it.",
                (
                    GROUP,
                    VIEW,
                    Column("readings", "Readings", "count"),
                    Column("lower_quartile_s", "Lower quartile (s)", "share"),
                    Column("median_s", "Median (s)", "share"),
                    Column("upper_quartile_s", "Upper quartile (s)", "share"),
                    Column("median_right_s", "Median, right answers (s)", "share"),
                    Column("median_wrong_s", "Median, wrong answers (s)", "share"),
                ),
            ),
        ),
    ),
    Topic(
        "probabilities",
        "Probabilities",
        "Do the networks know when they are right?",
        "Calibration compares stated probabilities with how often they come true. A perfectly calibrated network of this"
        " size would not score zero; the null band says what it would score.",
        (
            Section(
                "calibration",
                "Calibration and selective accuracy",
                "ECE: expected calibration error. Null: its mean and 95 % point were the network perfectly calibrated.",
                (
                    NETWORK,
                    VIEW,
                    Column("items", "Items", "count"),
                    Column("ece_10_equal_mass", "ECE, 10 equal-mass bins", "fine"),
                    Column("ece_10_equal_mass_perfect_mean", "Null mean", "fine"),
                    Column("ece_10_equal_mass_perfect_p95", "Null 95 %", "fine"),
                    Column("classwise_ece", "Classwise ECE", "fine"),
                    Column("brier", "Brier score", "fine"),
                    Column("log_loss", "Log loss", "fine"),
                    Column("aurc", "AURC", "fine"),
                    Column("accuracy_at_90", "Correct at 90 % coverage (%)", "percent"),
                    Column("accuracy_at_80", "Correct at 80 % coverage (%)", "percent"),
                ),
            ),
            Section(
                "reliability",
                "Reliability, bin by bin",
                "Mean probability of the answer beside the share that was right.",
                (
                    NETWORK,
                    VIEW,
                    Column("binning", "Binning"),
                    Column("count", "Items", "count"),
                    Column("low", "Bin", "interval", "high"),
                    Column("confidence", "Mean probability", "number"),
                    Column("accuracy", "Share right", "number"),
                ),
            ),
            Section("reader_confidence", "Readers' confidence", "For readers who said how sure they were.", ()),
        ),
    ),
    Topic(
        "teams",
        "Teams",
        "Would readers do better together, or with the network?",
        "Votes of several readers by exact enumeration, the network asked when readers are split, and the best that any"
        " combination could reach.",
        (
            Section(
                "teams",
                "Teams of readers and networks",
                "Gain: over the best member alone. Thresholds are tuned on other items than they are tried on.",
                (
                    Column("team", "Team", "exact"),
                    GROUP,
                    NETWORK,
                    VIEW,
                    Column("items", "Items", "count"),
                    Column("accuracy", "Correct (%)", "percent"),
                    Column("gain_over_best_alone", "Gain (points)", "points"),
                ),
            ),
        ),
    ),
    Topic(
        "robustness",
        "Robustness",
        "Would another analysis say the same?",
        "Other tests, blanks treated otherwise, other methods for new images; and where this analysis departs from its"
        " plan.",
        (
            Section(
                "deviations",
                "Deviations from the plan",
                "Everything that differs between what was planned and what was done.",
                (Column("kind", "Kind", "exact"), Column("what", "What", "exact")),
            ),
            Section(
                "sensitivity",
                "Sensitivity analyses",
                "Each beside the main analysis; the same verdict means significant in both, or in neither.",
                (
                    Column("analysis", "Analysis", "exact"),
                    Column("estimand", "Question", "exact"),
                    NETWORK,
                    GROUP,
                    VIEW,
                    Column("difference_main", "Main (points)", "points"),
                    Column("difference", "Here (points)", "points"),
                    Column("p_main", "p, main", "p"),
                    Column("p", "p, here", "p"),
                    Column("same_verdict", "Same verdict", "verdict"),
                ),
            ),
            Section(
                "new_images_methods",
                "Other methods for new images",
                "The same difference with its interval from other ways to treat images as a sample.",
                (
                    NETWORK,
                    GROUP,
                    VIEW,
                    Column("method", "Method", "exact"),
                    Column("se", "Standard error (points)", "points"),
                    Column("df", "df", "share"),
                    _interval(),
                    P,
                ),
            ),
            Section(
                "flow",
                "Flow of sittings",
                "Which sittings were analysed.",
                (
                    GROUP,
                    Column("sittings", "Sittings", "count"),
                    Column("complete", "Complete", "count"),
                    Column("analysed", "Analysed", "count"),
                    Column("extra", "Complete, not first", "count"),
                    Column("incomplete", "Incomplete", "count"),
                ),
            ),
        ),
    ),
)
# Shown where they belong by pages of their own, or records of how the analysis was run rather than results.
PLACED = frozenset(
    ("paired", "paired_units", "new_images", "confusion", "items", "inputs", "sittings")
    + tuple(section.name for topic in TOPICS for section in topic.sections)
)
ITEM_COLUMNS = (
    Column("item", "Item", "exact"),
    VIEW,
    Column("truth", "Truth", "exact"),
    Column("readings", "Readings", "count"),
    Column("correct", "Right", "count"),
    Column("share_correct", "Right (%)", "percent"),
    Column("networks_correct", "Networks that had it right", "exact"),
)


def guessed_columns(records: list[Record]) -> tuple[Column, ...]:
    """Columns of a section that this page has no words for, from the values themselves."""
    names = dict.fromkeys(key for record in records for key in record if key != "why")
    return tuple(Column(name, readable(name).capitalize(), _guess(name, records)) for name in names)


def _guess(name: str, records: list[Record]) -> str:
    values = [record[name] for record in records if record.get(name) is not None]
    if values and all(isinstance(value, bool) for value in values):
        return "verdict"
    if values and all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return "count"
    if values and all(isinstance(value, int | float) for value in values):
        return "p" if name == "p" or name.startswith("p_") else "fine"
    return "exact"
