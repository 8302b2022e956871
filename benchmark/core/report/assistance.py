"""Assisted reading in the report: does a network's output help, does the pair beat it, and how far do readers rely on it?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmark.core.results import Results
from benchmark.core.wording import (
    both_intervals,
    difference_words,
    gain_words,
    named_model,
    on_view,
    plural,
    these_images,
)

from . import html
from .comparisons import card, disagreement
from .further import BESIDE_MAIN, BOTH, BY_METHOD, TESTED, Column, Part, part_of
from .workings import gain_workings, unfolded

WHO = (Column("Network", "assistant"), Column("Readers", "group", "group"), Column("View", "view"))
SIDES = (
    Column("Alone", "accuracy_alone", "percent"),
    Column("With its output", "accuracy_assisted", "percent"),
    Column("Network", "accuracy_network", "percent"),
)
PARTS = (
    Part(
        "assistance",
        "Every gain",
        "Readers with the network's output minus the same readers alone, on the same images; the network on the same readings."
        " Intervals for new images and readers, and for these images.",
        (*WHO, Column("Readings", "readings"), *SIDES, Column("Gained", "gained"), Column("Lost", "lost"), *BOTH,
         Column("Adjusted p", "p_adjusted", "p")),
    ),
    Part(
        "assistance_difference",
        "What does the output add to a second look?",
        "The gain with the output minus the gain of the control arm, in which the same readers were asked again about other images"
        " with nothing in sight. What a second look does alone is in both gains and not in their difference.",
        (*WHO, Column("With output", "readings_with"), Column("Control", "readings_control"),
         Column("Gain with output", "gain_with", "points"), Column("Second look alone", "gain_control", "points"), *BOTH,
         Column("Adjusted p", "p_adjusted", "p")),
    ),
    Part(
        "assistance_control",
        "What does a second look do alone?",
        "The control arm: the second answer minus the first, on the same images, with nothing in sight.",
        (*WHO[1:], Column("Readings", "readings"), Column("Before", "accuracy_alone", "percent"),
         Column("Afterwards", "accuracy_assisted", "percent"), Column("Gained", "gained"), Column("Lost", "lost"), *BOTH,
         Column("Adjusted p", "p_adjusted", "p")),
    ),
    Part(
        "assistance_network",
        "Do readers with the network's output beat the network alone?",
        "Readers with the output minus the network, on the same readings. A pair that is only as good as the network adds"
        " nothing to it.",
        (*WHO, *SIDES[1:], *BOTH, Column("Adjusted p", "p_adjusted", "p")),
    ),
    Part(
        "assistance_changes",
        "What became of the answers?",
        "By who was right before the output was shown. Changed, to the network's answer, and right afterwards: shares of the row's"
        " readings.",
        (
            *WHO,
            Column("Before", "situation", "words"),
            Column("Readings", "readings"),
            Column("Changed", "changed_share", "percent"),
            Column("To the network's", "to_network_share", "percent"),
            Column("Right afterwards", "right_after_share", "percent"),
            Column("No second answer", "unanswered"),
        ),
    ),
    Part(
        "assistance_control_changes",
        "What became of the answers where no output was shown?",
        "The control arm, by whether the reader was right before: shares of the row's readings.",
        (
            *WHO[1:],
            Column("Before", "situation", "words"),
            Column("Readings", "readings"),
            Column("Changed", "changed_share", "percent"),
            Column("Right afterwards", "right_after_share", "percent"),
            Column("No second answer", "unanswered"),
        ),
    ),
    Part(
        "assistance_reliance",
        "How far do readers rely on the network?",
        "RAIR and RSR near 100 %: the network is followed where it is right, and not where it is wrong. Intervals respect readers"
        " and items.",
        (
            *WHO,
            Column("Measure", "measure", "words"),
            Column("What it counts", "meaning", "words"),
            Column("Readings", "readings"),
            Column("Share", "value", "percent"),
            Column("Interval", "ci", "interval"),
        ),
    ),
    Part(
        "assistance_groups",
        "Does it help one group more than another?",
        "The first group's gain minus the second's, for new readers of both kinds.",
        (WHO[0], Column("First", "first", "group"), Column("Second", "second", "group"), WHO[2], *BOTH),
    ),
    Part(
        "assistance_classes",
        "In which classes does it help?",
        "New images and new readers; p adjusted over all classes.",
        (*WHO, Column("Class", "class", "words"), *SIDES, *TESTED, Column("Adjusted p", "p_adjusted", "p")),
    ),
    Part(
        "assistance_difference_classes",
        "In which classes does the output add to a second look?",
        "The gain with the output minus that of the control arm, class by class, for new images and new readers; p adjusted over all classes."
        " A control arm has few readings of each class: intervals are wide.",
        (*WHO, Column("Class", "class", "words"), Column("With output", "readings_with"), Column("Control", "readings_control"),
         Column("Gain with output", "gain_with", "points"), Column("Second look alone", "gain_control", "points"), *TESTED,
         Column("Adjusted p", "p_adjusted", "p"), Column("Note", "why", "words")),
    ),
    Part(
        "assistance_readers",
        "Every reader",
        "Gained: wrong alone and right afterwards; lost: the other way round. Medians of the seconds that each answer took.",
        (
            Column("Reader", "reader", "words"),
            *WHO,
            *SIDES,
            Column("Gained", "gained"),
            Column("Lost", "lost"),
            Column("Median alone (s)", "median_alone_s", "tenth"),
            Column("Median second (s)", "median_assisted_s", "tenth"),
        ),
    ),
    Part(
        "assistance_sensitivity",
        "Do missing answers matter?",
        "Every gain, and its difference from control, with missing answers, first or second, treated the other way.",
        (
            Column("Analysis", "analysis", "words"),
            Column("Of", "compared", "words"),
            Column("For", "estimand"),
            *WHO,
            *BESIDE_MAIN,
        ),
    ),
    Part(
        "assistance_methods",
        "Do other methods for new images agree?",
        "The standard error and interval of the same gains.",
        (
            *WHO,
            *BY_METHOD,
        ),
    ),
    Part(
        "assistance_control_methods",
        "Do other methods agree on the second look and on what the output adds?",
        "The standard error and interval of the gain of the control arm, and of the difference of the gains.",
        (
            Column("Of", "compared", "words"),
            *WHO,
            *BY_METHOD,
        ),
    ),
)
AFTER_FIGURE = {
    "assistance": "assistance",
    "assistance_difference": "assistance-control",
    "assistance_changes": "assistance-changes",
}


CONTROL = (
    " About some images, drawn for each reader, no output was shown before the second answer: in the difference from these the"
    " second look cancels, and what the output itself does is left."
)


def assistance(results: Results, drawings: dict[str, str]) -> list[str]:
    """Every gain with its question and both answers, then the figures and tables; nothing where there is none."""
    records = results.records("assistance")
    if not records:
        return []
    parts = [
        html.paragraph(
            "Each reader answered an image alone; that answer was closed; then the network's output was shown, and the reader"
            " answered again. The second look at the image is part of every gain here."
            + (CONTROL if results.records("assistance_difference") else "")
        )
    ]
    parts += [_gain(record, results) for record in (*records, *results.records("assistance_difference"))]
    for part in PARTS:
        if results.records(part.section):
            parts.append(html.heading(3, part.question))
            parts.append(drawings.get(AFTER_FIGURE.get(part.section, ""), ""))
            parts.append(part_of(results, part))
    return parts


def _gain(record: dict[str, Any], results: Results) -> str:
    tags = [html.tag("simulated")] if results.is_simulated else []
    tags.append(html.tag("planned" if record["prespecified"] else "exploratory", "quiet"))
    these = these_images(record)
    why = html.paragraph(f"Not estimable: {record['why']}.", "muted") if record["why"] else ""
    return (
        f"<h3>{html.text(record['question'])} {' '.join(tags)}</h3>"
        '<div class="answers">'
        + card("These images, new readers", these, these["difference"], results)
        + card("New images and new readers", record, record["difference"], results)
        + f"</div>{disagreement(record, results)}{why}{unfolded(gain_workings(results, record))}"
    )


def in_short(results: Results) -> list[str]:
    """A sentence with both answers for each gain, for the report's first page."""
    gains = [_sentence(record, gain_words) for record in results.records("assistance")]
    return gains + [_sentence(record, difference_words) for record in results.records("assistance_difference")]


def _sentence(record: dict[str, Any], words: Callable[[dict[str, Any], float], str]) -> str:
    difference, where = record["difference"], on_view(record["view"]).strip()
    start = f"{where[:1].upper()}{where[1:]}, " if where else ""
    if difference is None:
        return f"{start}{plural(record['group'])} with the output of {named_model(record['assistant'])}: not estimable."
    sentence = f"{start}{words(record, difference)} {both_intervals(record)}."
    return sentence[:1].upper() + sentence[1:]
