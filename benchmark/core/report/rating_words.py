"""What a rating study found, in sentences: can raters tell real from generated, and how near is that to chance?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmark.core.results import Results
from benchmark.core.wording import interval, named_set, number, p_value, percent, readable

Record = Mapping[str, Any]


def hype_question(record: Record) -> str:
    return f"Can raters tell {named_set(record['set'])} from real ones?"


def hype_answer(record: Record, plan: Record) -> str:
    """The error with both components in one sentence."""
    if record["error"] is None:
        return f"No error rate can be given: {record['why']}."
    return (
        f"Raters were wrong in {percent(record['error'])} of their judgments ({_level(plan)} interval"
        f" {interval(record['ci_low'], record['ci_high'])}): they took {percent(record['fakes_called_real'])} of the generated"
        f" images for real and {percent(record['reals_called_fake'])} of the real ones for generated."
    )


def chance_sentence(record: Record, plan: Record) -> str:
    """Against chance, and whether the error is equivalent to it within the margin, in words."""
    if record["p_chance"] is None:
        return f"Whether this differs from guessing cannot be tested: {record['why']}."
    margin = margin_words(plan)
    told = f"Somebody who guesses is wrong half of the time; tested against that, {p_value(record['p_chance'])}"
    shown = "is" if record["equivalent_to_chance"] else "was not shown to be"
    return f"{told}. It {shown} equivalent to guessing ({p_value(record['p_equivalent_to_chance'])}) within {margin}."


def verdict(record: Record, plan: Record) -> str:
    """The answer to the question in a few words."""
    p = record["p_chance"]
    if record["error"] is None or p is None:
        return "not estimable"
    tells, same = p < plan["alpha"] and record["error"] < 0.5, bool(record["equivalent_to_chance"])
    if tells and same:
        return "Yes, though by less than the margin"
    if tells:
        return "Yes"
    if p < plan["alpha"]:
        return "No: raters are wrong more often than guessing would be"
    return "No, within the margin" if same else "Undecided"


def margin_words(plan: Record) -> str:
    low, high = 50 - 100 * plan["margin"], 50 + 100 * plan["margin"]
    who = "declared in the plan" if plan["margin_declared"] else "a margin that no plan declared"
    size = 100 * plan["margin"]
    return f"{size:g} points, that is an error from {low:g} to {high:g} %, {who}"


def signal_sentence(record: Record) -> str:
    """d' and criterion and what they mean."""
    if record["dprime"] is None:
        return ""
    bias, low, high = (record[name] for name in ("criterion", "criterion_ci_low", "criterion_ci_high"))
    leaning = "were not shown to lean either way"
    if low is not None and low * high > 0:
        leaning = f"leaned towards {'real' if bias > 0 else 'generated'}"
    if low is None:
        return (
            f"Sensitivity d' is {number(record['dprime'])} (0: no difference seen) and the criterion {number(bias)}, both"
            " corrected bounds without an interval, for all real, or all generated, images were judged alike."
        )
    return (
        f"Sensitivity d' is {number(record['dprime'])} ({interval(record['dprime_ci_low'], record['dprime_ci_high'], 2, 1)};"
        f" 0: no difference seen) and the criterion {number(bias)} ({interval(low, high, 2, 1)}): raters {leaning}."
    )


# Strips by what they are, morphs first. What was put out of order has no direction that could be named rightly.
NAMED = "raters named the direction correctly {share} of the time"
STRIPS = {
    "morph": ("Morphs", NAMED),
    "shuffled": (
        "Shuffled strips, a control", "{share} of the choices went with the order in which the frames are kept, though no direction is right"
    ),
    "other-z": ("Strips of other z, a control", NAMED),
    "cross-fade": ("Cross-fades, a control", NAMED),
}


def choice_answers(records: Sequence[Record], plan: Record) -> list[str]:
    """Choices between two sides in sentences: pairs, all of them first, then morphs before their controls."""

    def place(record: Record) -> tuple:
        own = list(STRIPS).index(record["set"]) if record["set"] in STRIPS else len(STRIPS)
        return record["shown"] == "strip", own if record["shown"] == "strip" else record["set"] != "all"

    return [choice_answer(record, plan) for record in sorted(records, key=place)]


def choice_answer(record: Record, plan: Record) -> str:
    """A choice between two sides in a sentence; where interval and test fall on either side of one half, that is said."""
    kind = readable(record["set"]).capitalize()
    what, named = f"{kind} pairs", "raters named the generated image correctly {share} of the time"
    if record["shown"] == "strip":
        what, named = STRIPS.get(record["set"], (f"{kind}, strips", NAMED))
    low, high, p = record["ci_low"], record["ci_high"], record["p_chance"]
    undecided = f", undecided answers ({percent(record['undecided'])}) counted half" if record["undecided"] else ""
    told = f"{what}: {named.format(share=percent(record['right']))} ({interval(low, high)}){undecided}; against guessing, {p_value(p)}"
    if None not in (low, p) and (low <= 0.5 <= high) == (p < plan.get("alpha", 0.05)):
        told += f", but the interval, which is made in another way, {'holds' if low <= 0.5 <= high else 'leaves out'} one half: undecided"
    return f"{told}."


def limitations(results: Results) -> list[str]:
    """What a reader must not conclude, as it follows from the design."""
    design, found = results["design"], []
    if results.is_simulated:
        found.append("The raters are simulated or the pictures drawn: nothing here is evidence about people or generators.")
    if not results["plan"]["declared"]:
        found.append("No analysis plan was declared before the ratings; everything is exploratory.")
    pooled = sum(record["set"] != "all" for record in results.records("hype")) > 1
    found.append(
        "Images that were chosen by hand (curated) say how good a generator can look, random ones how good it is."
        + (' The condition "all" mixes the sets as they were shown and answers neither question.' if pooled else "")
    )
    if design["evaluators"] < 10:
        found.append("With fewer than ten raters, statements about new raters are rough.")
    if design["unanswered"]:
        share = percent(design["unanswered"] / design["asked"])
        found.append(f"{design['unanswered']} of {design['asked']} answers ({share}) are missing and left out.")
    found.append("Looking real is not being right: a realistic picture can show what no patient has, and need not be private.")
    return found


def methods(results: Results) -> list[str]:
    """Paragraphs for a methods section, with [[citations]] to be numbered."""
    plan = results["plan"]
    level = _level(plan)
    sentences = [
        "The error at telling real from generated (HYPE) is the share of wrong judgments among all [[zhou]]; its interval"
        f" resamples raters and images together ({plan['draws']} draws, seed {results['seed']}, {level}) [[owen]]. d' and the"
        " criterion follow signal detection theory with the log-linear correction [[hautus]].",
        "The error was compared with one half by a t-test whose variance takes raters and images as samples [[cameron]] with"
        f" Satterthwaite's degrees of freedom [[satterthwaite]], and equivalence to chance within {100 * plan['margin']:g} points by"
        " two one-sided tests [[schuirmann]]. A single rater's error was compared with one half by an exact binomial test,"
        " adjusted over raters [[benjamini]].",
    ]
    if results.records("reality_models"):
        sentences.append(
            "Whether generated images are called generated more often than real ones was also asked of a logistic mixed model with crossed"
            " random effects of raters and images, fitted by Laplace's approximation; its odds ratio is 1 where they cannot be told apart."
        )
    if results.records("scales"):
        sentences.append(
            "Means of scales have intervals for new raters and new images. Conditions were compared by a cumulative-link mixed"
            " model with random effects of raters and images, fitted by Laplace's approximation [[christensen]]; agreement on a"
            " scale is Krippendorff's ordinal alpha [[krippendorff]]."
        )
    if results.records("self_agreement"):
        sentences.append(
            "Some images came twice. A rater's second answer was compared with the first one: share of equal answers, and Krippendorff's alpha"
            " over all such pairs [[krippendorff]]. Neither second answers nor obvious catches are part of any other number."
        )
    if results.records("choices"):
        sentences.append(
            "In choices between two sides an answer that names none counts half. Shares have Wilson's interval [[wilson]] with"
            " the effective sample size that the variance over raters and images gives."
        )
    return sentences


def _level(plan: Record) -> str:
    return f"{100 * plan['confidence']:g} %"
