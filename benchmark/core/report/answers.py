"""The answer of each page of results in sentences with their intervals: those of the report, and the further contrasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from benchmark.core.results import Results
from benchmark.core.wording import ahead, both_intervals, named_model, number, of_view, on_view, plural

from .anchors import anchor_sentences
from .assistance import in_short
from .covariates import covariate_answers
from .description import agreement_answers
from .opening import share_sentence
from .secondary import SECTIONS_OF, bracketed, capital, said_on
from .subgroups import subgroup_sentences
from .within_reader import within_reader_sentences

Record = dict[str, Any]
AT_MOST = 12
NETWORKS_AT_MOST = 6  # pairs of networks and views that are told one by one; of more, how many differ


def answers_on(results: Results, topic: str) -> list[str]:
    """Sentences that answer the question of the page called `topic`, the first of them where there would be too many."""
    said = list(ANSWERS[topic](results)) if topic in ANSWERS else []
    return said if len(said) <= AT_MOST else [*said[:AT_MOST], f"{len(said) - AT_MOST} more are in the tables."]


def notes_on(results: Results, topic: str) -> list[str]:
    """For what the answers on that page hold, and what they cannot tell."""
    notes = [note.format(level=f"{100 * results['plan']['confidence']:g} %") for note in NOTES.get(topic, ())]
    notes += [SIMULATED[topic]] if results.is_simulated and topic in SIMULATED else []
    plan = results["plan"]  # a version that did not keep the plan's further analyses cannot say that there are none
    return notes + ([planned_on_pages(results)] if topic in BEYOND_CONTRASTS and plan["declared"] and "secondary" in plan else [])


BEYOND_CONTRASTS = ("contrasts", "agreement", "order", "probabilities", "teams", "item-response")


def planned_on_pages(results: Results) -> str:
    """What of a page beyond the planned comparisons was planned, too."""
    named = "; ".join(extra["name"] for extra in results["plan"]["secondary"])
    if not named:
        return "The plan names no analysis beside its contrasts: what stands here is exploratory."
    return f"Beside its contrasts the plan names {named}; whatever else stands here is exploratory."


def _shares(results: Results) -> list[str]:
    return [share_sentence(record) for record in results.records("accuracy")]


def _contrasts(results: Results) -> Iterator[str]:
    views = [r for r in results.records("views") if r["difference"] is not None]
    for r in views:
        yield f"{capital(_view(r))} {both_intervals(r)}."
    if views:
        yield from dict.fromkeys(r["statement"] for r in results.records("carry_over") if r["confounded"])
    for r in results.records("groups"):
        if r["difference"] is not None:
            where = f"{on_view(r['view']).strip()}, " if r["view"] else ""
            yield capital(f"{where}{ahead(plural(r['first']), plural(r['second']), r['difference'], verb='were')} {both_intervals(r)}.")
    yield from _networks(results)


def _networks(results: Results) -> Iterator[str]:
    pairs = [r for r in results.records("networks") if r["difference"] is not None and r["p"] is not None]
    if len(pairs) > NETWORKS_AT_MOST:
        alpha = results["plan"]["alpha"]
        found = sum(r["p_adjusted"] < alpha for r in pairs)
        yield (
            f"Of {len(pairs)} pairs of networks, or of views of one network, {found} differ at the {alpha:g} level after adjustment for their"
            " number, for new images; those that do not were not shown to be alike."
        )
        return
    for r in pairs:
        first, second = (f"{named_model(r[side])}{on_view(r[f'{side}_view'])}" for side in ("first", "second"))
        yield f"{capital(ahead(first, second, r['difference']))} ({bracketed(r)} for new images)."


def _view(r: Record) -> str:
    """What one view does beside the other: "pediatricians were 8.6 points more accurate on panoramic images than on focused images"."""
    who, first, second = plural(r["group"]), of_view(r["first_view"]), of_view(r["second_view"])
    size, fell = number(abs(100 * r["difference"]), 1), round(1000 * r["difference"]) < 0
    if r["model"] is None:
        return f"{who} were {size} points {'less' if fell else 'more'} accurate on {second} than on {first}"
    more = "less" if fell else "more"
    return f"going from {first} to {second} did {size} points {more} for the accuracy of {named_model(r['model'])} than for that of {who}"


ANSWERS: dict[str, Callable[[Results], Any]] = {
    "accuracy": _shares, "assistance": in_short, "contrasts": _contrasts, "agreement": agreement_answers, "anchors": anchor_sentences,
    "within-readers": within_reader_sentences, "reader-covariates": covariate_answers, "subgroups": subgroup_sentences,
    **{topic: partial(said_on, topic=topic) for topic in SECTIONS_OF},
}  # fmt: skip
BOTH = "In brackets: {level} intervals and p values of single tests; adjusted ones are in the tables."
NOT_SHOWN = "An interval that holds 0 shows neither a difference nor that there is none."
NEW = "In brackets: {level} intervals for new readers and new images"
SIMULATED = {"teams": "Readers are simulated here: where people make the same mistakes, a vote gains less than where simulated ones scatter theirs."}
NOTES: dict[str, tuple[str, ...]] = {
    "accuracy": (f"{NEW}, with classes as frequent as here; of a network, the one that was fitted.",),
    "assistance": (BOTH, NOT_SHOWN),
    "contrasts": (BOTH, NOT_SHOWN),
    "agreement": (
        "In brackets: {level} intervals for new images and these readers; those for new readers too, which are wider, are in the table.",
    ),
    "anchors": (f"{NEW} of the anchors' kind.",),
    "within-readers": (f"{NEW}.",),
    "reader-covariates": ("Nobody was allotted to experience: whoever has more of it differs in other ways, too. All of this is exploratory.",),
    "subgroups": (
        "Nobody chose which images are of which kind: a kind may be harder for other reasons. Few images of a kind tell little: a difference that"
        " is not shown is not shown to be absent. All of this is exploratory.",
    ),
    "order": (
        f"{NEW}, and p values of single tests, not adjusted. {NOT_SHOWN}",
        "Practice and fatigue act at once: a change is what is left of both. Hard images may both take longer and be missed, so that times do not"
        " tell whether haste makes errors.",
    ),
    "probabilities": (
        "In brackets: {level} intervals for new images. Probabilities are held against classes as frequent as in this study: at other frequencies"
        " they may fit better or worse.",
    ),
    "teams": (
        "In brackets: {level} intervals for other images and these readers. Votes are counted from answers that everybody gave alone: people who"
        " talk, or see what the network says, may do better or worse.",
    ),
    "item-response": (
        "Estimates from few answers are drawn towards the mean, and a network's place takes the images' difficulties as known. All rests on one"
        " scale: that readers differ in one ability and images in one difficulty; infit and outfit far from 1 speak against it.",
    ),
    "robustness": (
        "Every analysis here is of the same readings: they show what the choice of method does, not whether another study would find the same.",
    ),
}  # fmt: skip
