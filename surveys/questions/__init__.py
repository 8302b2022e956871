"""What is asked about an item: kinds of questions, what counts as an answer, and in which order they may be answered."""

from .asking import asked_about, latest_answers, open_questions, questions_of, required_counts, standing_by_item
from .definition import ASSISTED, DIAGNOSIS, KINDS, Question, parse_questions
from .values import Shown, clean_value

__all__ = [
    "ASSISTED",
    "DIAGNOSIS",
    "KINDS",
    "Question",
    "Shown",
    "asked_about",
    "clean_value",
    "latest_answers",
    "open_questions",
    "parse_questions",
    "questions_of",
    "required_counts",
    "standing_by_item",
]
