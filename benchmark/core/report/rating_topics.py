"""The further questions of a rating study answered in sentences: how realistic, do morphs advance, do raters agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from benchmark.core.inputs.ratings import CLASS, FRAME, REAL, REALITY, SCALE, SINGLE
from benchmark.core.results import Results
from benchmark.core.wording import interval, number, p_value, percent, readable

from .rating_words import STRIPS, choice_answers

Record = Mapping[str, Any]


def topic_answers(results: Results, topic: str) -> list[str]:
    """What the results say on a topic of their pages, in sentences before any figure; none on a topic that has none."""
    told: dict[str, Callable[[Results], Iterator[str]]] = {"realism": realism_answers, "strips": strip_answers, "agreement": agreement_answers}
    sides = choice_answers(results.records("choices"), results["plan"]) if topic == "strips" else []
    return [*sides, *(told[topic](results) if topic in told else ())]


def topic_notes(results: Results, topic: str) -> list[str]:
    """For what the answers on that page hold; nothing where there are none."""
    if not topic_answers(results, topic):
        return []
    level = f"{100 * results['plan']['confidence']:g} %"
    of_whom = "of alpha for new images, of repeats for new raters and new images" if topic == "agreement" else "for new raters and new images"
    tests = "" if topic == "agreement" else " p values are of single tests, not adjusted; what is not significant was not shown to be equal."
    return [f"In brackets: {level} intervals, {of_whom}.{tests}"]


def realism_answers(results: Results) -> Iterator[str]:
    """Mean ratings of single images by condition, real ones first, and how conditions compare; then the stated class."""
    scales = [r for r in results.records("scales") if r["shown"] == SINGLE]
    for question in dict.fromkeys(r["question"] for r in scales):
        own = sorted((r for r in scales if r["question"] == question), key=lambda r: r["set"] != REAL)
        means = ", ".join(f"{readable(r['set'])} {number(r['mean'])} ({interval(r['ci_low'], r['ci_high'], 2, 1)})" for r in own)
        models = [r for r in results.records("scale_models", question=question) if r["odds_ratio"] is not None]
        odds = ", ".join(
            f"{readable(r['set'])} {number(r['odds_ratio'])} times ({interval(r['ci_low'], r['ci_high'], 2, 1)}; {p_value(r['p'])})" for r in models
        )
        against = f" Odds of a higher rating than {readable(models[0]['against'])} images: {odds}." if models else ""
        yield f"{readable(question).capitalize()}, mean rating: {means}.{against}"
    classes = [r for r in results.records("named_classes") if r["class"] is None]
    for question in dict.fromkeys(r["question"] for r in classes):
        own = sorted((r for r in classes if r["question"] == question), key=lambda r: r["set"] != REAL)
        shares = ", ".join(f"{readable(r['set'])} {percent(r['share'])} ({interval(r['ci_low'], r['ci_high'])})" for r in own)
        yield f"Raters named the class that an image is stated to show in these shares of their answers: {shares}."


def strip_answers(results: Results) -> Iterator[str]:
    """What was said of strips, morphs before their controls."""
    strips = results.records("strips")
    places = list(STRIPS)
    for name in sorted({r["set"] for r in strips}, key=lambda name: (places.index(name) if name in STRIPS else len(STRIPS), name)):
        own = [r for r in strips if r["set"] == name]
        said = [
            f"mean {readable(r['question'])} {number(r['estimate'])} ({interval(r['ci_low'], r['ci_high'], 2, 1)})"
            for r in own if r["kind"] == SCALE
        ]  # fmt: skip
        said += [
            f"no implausible frame in {percent(r['estimate'])} of the answers ({interval(r['ci_low'], r['ci_high'])})"
            for r in own if r["kind"] == FRAME
        ]  # fmt: skip
        if said:
            yield f"{STRIPS.get(name, (readable(name).capitalize(),))[0]}: {', '.join(said)}."


def agreement_answers(results: Results) -> Iterator[str]:
    """Agreement with each other and with themselves, then whether raters looked."""
    for r in results.records("rating_agreement"):
        if r["krippendorff_alpha"] is not None:
            same = f"; {percent(r['percent_agreement'])} of pairs of answers are the same" if r.get("percent_agreement") is not None else ""
            bounds = interval(r["ci_low"], r["ci_high"], 2, 1)
            yield f"{_asked(r)}: raters agree with alpha {number(r['krippendorff_alpha'])} ({bounds}){same}."
    for r in results.records("self_agreement"):
        bounds = interval(r["ci_low"], r["ci_high"])
        yield f"{_asked(r)}, asked again: the same answer {percent(r['same'])} of {r['pairs']} times ({bounds})."
    catches = results.records("catches")
    if catches:
        seen, shown = sum(r["caught"] for r in catches), sum(r["catches"] for r in catches)
        yield f"Obvious images: raters saw through {seen} of {shown}."
    pace = results.records("pace")
    if pace:
        fast, all_of = sum(r["too_fast"] for r in pace), sum(r["answers"] for r in pace)
        yield f"Judgments sooner than one second, before anybody can look: {fast} of {all_of}."


def _asked(record: Record) -> str:
    """What a question asks, where its kind says so, with its code."""
    code = readable(record["question"])
    known = {REALITY: "Real or generated", CLASS: "The class"}.get(record["kind"])
    return f"{known} ({code})" if known else code.capitalize()
