"""Numbers and sentences as a journal prints them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
MINUS = "\u2212"
NOT_ESTIMABLE = "not estimable"


def number(value: float | None, decimals: int = 2) -> str:
    """A plain number with a true minus sign; a missing one is an en dash."""
    if value is None:
        return "–"
    text = f"{round(value, 10):.{decimals}f}"
    return MINUS + text[1:] if text.startswith("-") and float(text) != 0 else text.lstrip("-")


def percent(share: float | None, decimals: int = 1) -> str:
    """0.746 -> "74.6 %"."""
    return "–" if share is None else f"{number(100 * share, decimals)} %"


def points(difference: float | None) -> str:
    """0.246 -> "24.6 points"."""
    return "–" if difference is None else f"{number(100 * difference, 1)} points"


def interval(low: float | None, high: float | None, decimals: int = 1, scale: float = 100) -> str:
    """Two bounds as "20.3 to 28.9"; scaled to per cent unless told otherwise."""
    if low is None or high is None:
        return NOT_ESTIMABLE
    return f"{number(scale * low, decimals)} to {number(scale * high, decimals)}"


def p_value(p: float | None) -> str:
    """ "p = .03", "p = .002", "p = 1.55 × 10⁻¹²"; never "p = .000", and never ".05" for what lies on either side of it."""
    if p is None:
        return "p not estimable"
    if p < 1e-300:
        return "p < 10⁻³⁰⁰"
    if p < 0.001:  # what journals print as "< .001"
        mantissa, exponent = f"{p:.2e}".split("e")
        return f"p = {mantissa} × 10{str(int(exponent)).translate(SUPERSCRIPT)}"
    if p > 0.995:
        return "p > .99"
    decimals = 3 if p < 0.01 or 0.045 <= p < 0.055 else 2
    return f"p = {p:.{decimals}f}".replace("0.", ".")


def unbroken(value: object) -> str:
    """A sentence whose p values, powers of ten and per cents do not break over lines."""
    kept = re.sub(r"\bp ([=<>]) ", "p\u00a0\\1\u00a0", str(value))
    kept = kept.replace(" × 10", "\u00a0×\u00a010")
    return re.sub(r"(?<=\d) %", "\u00a0%", kept)


def bare_p(p: float | None) -> str:
    """A p value under a heading that names it: ".03", "< 10⁻³⁰⁰"; "–" where there is none."""
    return "–" if p is None else p_value(p).removeprefix("p = ").removeprefix("p ")


def readable(name: str | None) -> str:
    """A label of a file as words: "medical-geneticist" -> "medical geneticist"."""
    return (name or "").replace("-", " ").replace("_", " ").strip()


def plural(group: str) -> str:
    """Readers of a group: "pediatrician" -> "pediatricians"; words that already look plural stay, and those in other letters than Latin."""
    words = readable(group)
    if not words or words.endswith(("s", "people", "men", "children")):
        return words
    if words[-1].isalpha() and not unicodedata.name(words[-1], "").startswith("LATIN"):
        return words
    return words[:-1] + "ies" if words.endswith("y") and words[-2:-1] not in "aeiou" else words + "s"


def on_view(view: str | None, noun: str = "images") -> str:
    """ "focused" -> " on focused images"; see `of_view`."""
    return f" on {of_view(view, noun)}" if view else ""


def of_view(view: str | None, noun: str = "images") -> str:
    """ "focused" -> "focused images"; a name that is a plural already stands alone: "edges"."""
    words = readable(view)
    return words if words.endswith("s") or not words else f"{words} {noun}"


GENERIC = ("classifier", "network", "ensemble", "model", "algorithm")


def named_model(model: str) -> str:
    """A network in a sentence: "the classifier", but "alexnet"."""
    words = readable(model)
    return f"the {words}" if words.lower().split(" ")[-1] in GENERIC else words


def comparison_question(record: Mapping[str, Any]) -> str:
    return f"Is {named_model(record['model'])} more accurate than {plural(record['group'])}{on_view(record['view'])}?"


def ahead(first: str, second: str, difference: float, *, verb: str = "was") -> str:
    """ "the classifier was 3.1 points more accurate than pediatricians".

    Equal shares are said as a difference of 0.0 points, never as "as accurate as": only the interval tells how far apart the two may be.
    """
    if round(1000 * difference) == 0:
        return f"{first} and {second} differed by 0.0 points"
    direction = "more accurate than" if difference > 0 else "less accurate than"
    return f"{first} {verb} {number(abs(100 * difference), 1)} points {direction} {second}"


def comparison_answer(
    record: Mapping[str, Any], *, difference: float | None, scope: str, confidence: float, p: float | None
) -> str:
    """One sentence: who is better by how much, with interval and p, and for whom that holds (`scope`)."""
    if difference is None:
        return f"{scope}: {NOT_ESTIMABLE}."
    bounds = interval(record["ci_low"], record["ci_high"])
    certainty = (
        f"{100 * confidence:g} % interval of the difference {bounds}; {p_value(p)}"
        if p is not None
        else f"no test: {str(record.get('why')).partition('; ')[0]}"  # the first reason is the test's own
    )
    left_open = "" if p is None else if_open(record["ci_low"], record["ci_high"], "which of the two is more accurate")
    return f"{scope}, {ahead(named_model(record['model']), plural(record['group']), difference)} ({certainty}){left_open}."


def if_open(low: float | None, high: float | None, what: str) -> str:
    """What an interval that holds 0 leaves open, so that nobody reads the estimate as a finding; "" where it does not."""
    return f"; {what} is not shown" if None not in (low, high) and low <= 0 <= high else ""


def gain_question(record: Mapping[str, Any]) -> str:
    """Of a group of readers and a network whose output they saw (`assistant`), or of their second look alone."""
    if not record.get("assistant"):
        return f"Does a second look alone make {plural(record['group'])} more accurate{on_view(record['view'])}?"
    seen = f"Does seeing the output of {named_model(record['assistant'])} make {plural(record['group'])} more accurate"
    return f"{seen}{on_view(record['view'])}?"


def gain_answer(record: Mapping[str, Any], *, confidence: float) -> dict[str, str]:
    """Both answers to gain_question, a sentence each: for new images, and for these."""
    return _both_answers(record, partial(gain_words, record), confidence, "whether they gain or lose")


def gain_words(record: Mapping[str, Any], difference: float) -> str:
    """Who gained or lost how much: "pediatricians gained 6.2 points with the output of the classifier in sight"."""
    group, seen = plural(record["group"]), "in a second look alone"
    if record.get("assistant"):
        seen = f"with the output of {named_model(record['assistant'])} in sight"
    lost = round(1000 * difference) < 0
    return f"{group} {'lost' if lost else 'gained'} {number(abs(100 * difference), 1)} points {seen}"


def difference_question(record: Mapping[str, Any]) -> str:
    """Of a gain with a network's output against the gain of the second look alone."""
    name, group = named_model(record["assistant"]), plural(record["group"])
    return f"Does the output of {name} help {group} more than a second look alone does{on_view(record['view'])}?"


def difference_answer(record: Mapping[str, Any], *, confidence: float) -> dict[str, str]:
    return _both_answers(record, partial(difference_words, record), confidence, "which of the two helps more")


def difference_words(record: Mapping[str, Any], difference: float) -> str:
    """How the two gains compare: "pediatricians gained 3.1 points more with the output of the classifier in sight than ..."."""
    seen = f"with the output of {named_model(record['assistant'])} in sight"
    size = f"{number(abs(100 * difference), 1)} points {'less' if round(1000 * difference) < 0 else 'more'}"
    return f"{plural(record['group'])} gained {size} {seen} than in a second look alone"


def pair_question(record: Mapping[str, Any]) -> str:
    """Of a group of readers with a network's output against that network alone."""
    name = named_model(record["assistant"])
    return f"Are {plural(record['group'])} who see the output of {name} more accurate than {name} alone{on_view(record['view'])}?"


def pair_answer(record: Mapping[str, Any], *, confidence: float) -> dict[str, str]:
    name = named_model(record["assistant"])

    def said(difference: float) -> str:
        return ahead(f"{plural(record['group'])} who saw the output of {name}", f"{name} alone", difference, verb="were")

    return _both_answers(record, said, confidence, "which of the two is more accurate")


def _both_answers(record: Mapping[str, Any], said: Callable[[float], str], confidence: float, what: str) -> dict[str, str]:
    """Fields `answer` (new images) and `these_images_answer` of a record of contrasts.both_questions.

    what: that which is not shown where an interval holds 0.
    """
    found = {}
    for key, scope, prefix in (
        ("answer", "For new images and new readers", ""),
        ("these_images_answer", "For these images and new readers", "these_images_"),
    ):
        difference, p = record[f"{prefix}difference"], record[f"{prefix}p"]
        bounds = interval(record[f"{prefix}ci_low"], record[f"{prefix}ci_high"])
        certainty = f"{100 * confidence:g} % interval of the difference {bounds}; {p_value(p)}" if p is not None else "no test"
        left_open = "" if p is None else if_open(record[f"{prefix}ci_low"], record[f"{prefix}ci_high"], what)
        words = NOT_ESTIMABLE if difference is None else f"{said(difference)} ({certainty}){left_open}"
        found[key] = f"{scope}{':' if difference is None else ','} {words}."
    return found


def both_intervals(new: Mapping[str, Any], these: Mapping[str, Any] | None = None, *, level: str = "") -> str:
    """ "(these images: 3.9 to 13.4, p = .002; new images: 3.9 to 13.5, p = .003)", after a difference in words, which is that of `new`.

    these: the answer for these images, else those fields of `new`. Where its own difference prints otherwise, it is told, too.
    """
    these = these_images(new) if these is None else these
    told = []
    for scope, record in (("these images", these), ("new images", new)):
        difference = record.get("mean_difference", record.get("difference"))
        if record["p"] is None:
            told.append(f"{scope}: no test, {str(new.get('why')).partition('; ')[0]}")
            continue
        other = difference is not None and number(100 * difference, 1) != number(100 * new["difference"], 1)
        own = f"{points(difference)}, " if other else ""
        told.append(f"{scope}: {own}{level}{interval(record['ci_low'], record['ci_high'])}, {p_value(record['p'])}")
        level = ""
    return f"({'; '.join(told)})"


def these_images(record: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a record of contrasts.both_questions that answer for these images, under their plain names."""
    return {key.removeprefix("these_images_"): value for key, value in record.items() if key.startswith("these_images_")}


def named_set(name: str) -> str:
    """A condition of generated images in a sentence: "random" -> "random generated images"."""
    if name == "all":
        return "generated images"
    return f"generated images ({readable(name)})" if " " in readable(name) else f"{readable(name)} generated images"
