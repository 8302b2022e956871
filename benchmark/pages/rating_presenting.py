"""The results of a rating study in words and shapes for its pages."""

from dataclasses import dataclass

from benchmark.core.report.rating_words import (
    chance_sentence,
    choice_answers,
    hype_answer,
    hype_question,
    signal_sentence,
    verdict,
)
from benchmark.core.report.ratings import picture_words
from benchmark.core.sections.rating_pictures import best_and_worst
from benchmark.core.wording import interval, percent, readable
from benchmark.models import Comparison
from benchmark.pages.answering import Estimate, Record, Whisker
from benchmark.services.input_files import PICTURES

COMPONENTS = (
    ("All wrong judgments", "error", ""),
    ("Generated images taken for real", "fakes_called_real", "fakes_called_real_"),
    ("Real images taken for generated", "reals_called_fake", "reals_called_fake_"),
)


@dataclass(frozen=True)
class RatingAnswer:
    """Whether raters can tell one condition's images from real ones, with the error in its components."""

    anchor: str
    question: str
    condition: str
    verdict: str
    sentences: list[str]
    estimates: list[Estimate]


def rating_answers(results: dict) -> list[RatingAnswer]:
    plan = results["plan"]
    return [_answer(place, record, plan) for place, record in enumerate(results.get("hype", []), 1)]


def _answer(place: int, record: Record, plan: Record) -> RatingAnswer:
    known = record["error"] is not None
    more = [chance_sentence(record, plan), signal_sentence(record)] if known else []
    return RatingAnswer(
        anchor=f"question-{place}",
        question=hype_question(record),
        condition=readable(record["set"]),
        verdict=verdict(record, plan),
        sentences=[hype_answer(record, plan), *filter(None, more)],
        estimates=[_estimate(*component, record, plan) for component in COMPONENTS] if known else [],
    )


def _estimate(label: str, key: str, prefix: str, record: Record, plan: Record) -> Estimate:
    low, high, share = record[f"{prefix}ci_low"], record[f"{prefix}ci_high"], record[key]
    told = interval(low, high)
    bounds = f"{100 * plan['confidence']:g} % interval {told}"
    whisker = None if low is None else Whisker(*(round(200 * value, 1) for value in (low, high, share)), 100)
    return Estimate(label, percent(share), bounds, "", f"{bounds}. Dashed line: guessing.", whisker)


def choices_in_words(results: dict) -> list[str]:
    return choice_answers(results.get("choices", []), results["plan"])


@dataclass(frozen=True)
class Picture:
    """One image of a gallery; `file` is empty where the analysis has no picture of it."""

    file: str
    alt: str
    words: list[str]


def galleries(comparison: Comparison) -> list[tuple[str, list[Picture]]]:
    """The best and the worst images of a rating study, with the files of their pictures."""
    return [
        (title, [_picture(comparison, record) for record in records])
        for title, records in best_and_worst(comparison.results.get("pictures", []))
    ]


def _picture(comparison: Comparison, record: Record) -> Picture:
    name = f"{PICTURES}/{record['image']}.jpg"
    stated = f", stated class {record['class']}" if record["class"] else ""
    alt = f"Image {record['image']}, {record['truth']}{stated}"
    return Picture(name if (comparison.folder / name).exists() else "", alt, picture_words(record))
