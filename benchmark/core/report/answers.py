"""The answer of each page of results in sentences with their intervals: those of the report, and the further contrasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from benchmark.core.results import Results
from benchmark.core.wording import ahead, interval, named_model, number, of_view, on_view, p_value, plural

from .anchors import anchor_sentences
from .assistance import in_short
from .covariates import covariate_sentences
from .description import agreement_sentences
from .opening import share_sentence
from .within_reader import within_reader_sentences

Record = dict[str, Any]
AT_MOST = 12
NETWORKS_AT_MOST = 6  # pairs of networks and views; of more the table tells


def answers_on(results: Results, topic: str) -> list[str]:
    """Sentences that answer the question of the page called `topic`; none where its tables do, or would be too many sentences."""
    said = list(ANSWERS[topic](results)) if topic in ANSWERS else []
    return said if len(said) <= AT_MOST else []


def _shares(results: Results) -> list[str]:
    return [share_sentence(record) for record in results.records("accuracy")]


def _contrasts(results: Results) -> Iterator[str]:
    for r in results.records("views"):
        if r["difference"] is not None:
            yield f"{_capital(_view(r))}: {_both(r)}."
    for r in results.records("groups"):
        if r["difference"] is not None:
            yield f"{_capital(ahead(plural(r['first']), plural(r['second']), r['difference'], verb='were'))}{on_view(r['view'])}: {_both(r)}."
    pairs = results.records("networks")
    for r in pairs if len(pairs) <= NETWORKS_AT_MOST else ():
        if r["difference"] is not None:
            first, second = (f"{named_model(r[side])}{on_view(r[f'{side}_view'])}" for side in ("first", "second"))
            yield f"{_capital(ahead(first, second, r['difference']))}: {interval(r['ci_low'], r['ci_high'])}, {p_value(r['p'])}, new images."


def _view(r: Record) -> str:
    """What one view does beside the other: "pediatricians were 8.6 points more accurate on panoramic images than on focused images"."""
    who, first, second = plural(r["group"]), of_view(r["first_view"]), of_view(r["second_view"])
    size, fell = number(abs(100 * r["difference"]), 1), round(1000 * r["difference"]) < 0
    if r["model"] is None:
        return f"{who} were {size} points {'less' if fell else 'more'} accurate on {second} than on {first}"
    return f"from {first} to {second}, {named_model(r['model'])} gained {size} points {'less' if fell else 'more'} than {who}"


def _both(r: Record) -> str:
    if r["p"] is None:
        return f"no test, {r['why']}"
    these = f"{interval(r['these_images_ci_low'], r['these_images_ci_high'])}, {p_value(r['these_images_p'])} for these images"
    return f"{these}; {interval(r['ci_low'], r['ci_high'])}, {p_value(r['p'])} for new images"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


ANSWERS: dict[str, Callable[[Results], Any]] = {
    "accuracy": _shares, "assistance": in_short, "contrasts": _contrasts, "agreement": agreement_sentences, "anchors": anchor_sentences,
    "within-readers": within_reader_sentences, "reader-covariates": covariate_sentences,
}  # fmt: skip
