"""Results in words, rounded as a journal would; the files keep every digit."""

from dataclasses import dataclass

from .models import Comparison


@dataclass(frozen=True)
class Answer:
    """One question with its two answers: for these images, and for new ones."""

    question: str
    these_images: str
    new_images: str
    disagree: bool


def points(value: float) -> str:
    return f"{100 * value:+.1f}".replace("-", "\N{MINUS SIGN}")


def p_value(p: float) -> str:
    """As journals print it: three decimals, and a bound below .001."""
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".", 1)


def answers_in_words(comparison: Comparison) -> list[Answer]:
    """One Answer per network, reader group and view, in the order of the results."""
    results = comparison.results
    new = {_key(record): record for record in results.get("new_images", [])}
    return [_answer(record, new.get(_key(record)), comparison) for record in results.get("paired", [])]


def _key(record: dict) -> tuple:
    return record["model"], record["group"], record["view"]


def _answer(these: dict, new: dict | None, comparison: Comparison) -> Answer:
    view = comparison.study.view_label(these["view"]).lower() if these["view"] else ""
    group = these["group"].replace("-", " ")
    significant = [record["p"] < 0.05 for record in (these, new) if record and record.get("p") is not None]
    return Answer(
        question=f"Is {these['model']} more accurate than the group {group} on {view} images?",
        these_images=_sentence(these),
        new_images=_sentence(new) if new else "Not estimable from these data.",
        disagree=len(set(significant)) == 2,
    )


def _sentence(record: dict) -> str:
    difference = record.get("mean_difference", record.get("difference"))
    if difference is None or record.get("p") is None:
        return f"Not estimable: {record.get('why', 'no reason recorded')}."
    interval = f"95% interval {points(record['ci_low'])} to {points(record['ci_high'])}"
    return f"{points(difference)} points ({interval}), {p_value(record['p'])}."
