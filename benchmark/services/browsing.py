"""A network's answers beside people's, item by item: found, counted and put in order for the prediction browser."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from imagebank.models import Study
from models_ml.models import Ensemble, Member, Prediction
from models_ml.services.manifests import tone_of

from .networks import answers_by_item

NO_ANSWER, OUTSIDE = "none", "outside"


@dataclass(frozen=True)
class Answered:
    """One item as a network, or one of its members, answered it, and as people answered it in the same view.

    answer: empty where none was given. p_truth: probability of the reference class, None where no reference or no such class
    is known. asked: people, blanks included; people_right: the share of them that was right. people_answer: their most
    frequent answer, empty where two are equally frequent or nobody answered.
    """

    prediction: int
    item: int
    code: str
    truth: str
    answer: str
    confidence: float
    p_truth: float | None
    members_differ: bool
    fallback: bool
    outside: bool
    tone: str
    asked: int
    people_right: float | None
    people_answer: str
    simulated: bool

    @property
    def right(self) -> bool:
        return bool(self.truth) and self.answer == self.truth

    @property
    def wrong(self) -> bool:
        return bool(self.truth) and self.answer != self.truth

    @property
    def gap(self) -> float | None:
        """The share of people that was right, less the probability that the network gives the reference class."""
        return None if self.people_right is None or self.p_truth is None else self.people_right - self.p_truth


def most_right(one: Answered) -> bool:
    return one.people_right is not None and one.people_right > 0.5


def most_wrong(one: Answered) -> bool:
    return one.people_right is not None and one.people_right < 0.5


OUTCOMES: dict[str, Callable[[Answered], bool]] = {"right": lambda one: one.right, "wrong": lambda one: one.wrong}
DISAGREEMENTS: dict[str, Callable[[Answered], bool]] = {
    "people": lambda one: bool(one.people_answer) and one.people_answer != one.answer,
    "people-right": lambda one: one.wrong and most_right(one),
    "people-wrong": lambda one: one.right and most_wrong(one),
    "both-wrong": lambda one: one.wrong and most_wrong(one),
    "members": lambda one: one.members_differ,
    "fallback": lambda one: one.fallback,
}


def _known_first(value: float | None, sign: int = 1) -> tuple:
    return (value is None, sign * (value or 0.0))


ORDERS: dict[str, Callable[[Answered], tuple]] = {
    "hardest": lambda one: _known_first(one.p_truth),
    "confidence": lambda one: (one.confidence,),
    "-confidence": lambda one: (-one.confidence,),
    "people-above": lambda one: _known_first(one.gap, -1),
    "network-above": lambda one: _known_first(one.gap),
    "item": lambda one: (),
}


def answered_by(ensemble: Ensemble, member: Member | None = None) -> list[Answered]:
    """Every item that the ensemble, or one of its run's members, answered. The queries do not grow with the items."""
    study, classes = ensemble.study, ensemble.run.classes
    rows = member.predictions if member else ensemble.predictions
    own = set(study.classes.values_list("code", flat=True))
    people = _people(study, ensemble.view)
    found = []
    for row in rows.select_related("item__truth__diagnosis").order_by("item__code"):
        truth = row.item.truth.diagnosis.code if hasattr(row.item, "truth") else ""
        counts, asked, simulated = people.get(row.item_id, (Counter(), 0, False))
        found.append(
            Answered(
                prediction=row.pk, item=row.item_id, code=row.item.code, truth=truth, answer=row.answer,
                confidence=row.confidence, p_truth=row.probabilities[classes.index(truth)] if truth in classes else None,
                members_differ=row.members_agreeing < row.members, fallback=bool(row.fallback),
                outside=bool(row.answer) and row.answer not in own, tone=tone_of(row.item), asked=asked,
                people_right=counts[truth] / asked if truth and asked else None, people_answer=_most_frequent(counts),
                simulated=simulated,
            )
        )  # fmt: skip
    return found


def _people(study: Study, view: str) -> dict[int, tuple[Counter, int, bool]]:
    """By item: what all people together answered, how many were asked, and whether some of them are simulated."""
    found = {}
    for (item, _), answers in answers_by_item(study, view=view).items():
        human = [one for one in answers if one.kind != "model"]
        if human:
            counts = sum((one.counts for one in human), Counter())
            found[item] = counts, sum(one.asked for one in human), any(one.simulated for one in human)
    return found


def _most_frequent(counts: Counter) -> str:
    first = counts.most_common(2)
    if not first or (len(first) == 2 and first[0][1] == first[1][1]):
        return ""
    return first[0][0]


def matching(
    rows: Iterable[Answered], *, truth: str = "", answer: str = "", outcome: str = "", disagreement: str = "",
    tone: str = "", search: str = "",
) -> list[Answered]:  # fmt: skip
    """The browser's filters together; an empty one lets everything pass.

    answer: a class, "none" (no answer) or "outside" (a class that is none of the study's).
    """
    tests: list[Callable[[Answered], bool]] = []
    if truth:
        tests.append(lambda one: one.truth == truth)
    if answer == NO_ANSWER:
        tests.append(lambda one: not one.answer)
    elif answer == OUTSIDE:
        tests.append(lambda one: one.outside)
    elif answer:
        tests.append(lambda one: one.answer == answer)
    if outcome:
        tests.append(OUTCOMES[outcome])
    if disagreement:
        tests.append(DISAGREEMENTS[disagreement])
    if tone:
        tests.append(lambda one: one.tone == tone)
    if search:
        tests.append(lambda one: search.lower() in one.code.lower())
    return [one for one in rows if all(test(one) for test in tests)]


def in_order(rows: Iterable[Answered], order: str = "hardest") -> list[Answered]:
    """Sorted by a name of ORDERS, equals by item; what the order does not know comes last."""
    return sorted(rows, key=lambda one: (*ORDERS[order](one), one.code))


def confusion_counts(rows: Sequence[Answered], classes: Sequence[str]) -> dict:
    """Counts in the form of `models_ml.core.answers.evaluate.judge`: rows truth, columns answer, then no answer."""
    counts = Counter((one.truth, one.answer) for one in rows if one.truth)
    return {"classes": list(classes), "counts": [[counts[t, a] for a in (*classes, "")] for t in classes]}


def shown_predictions(rows: Sequence[Answered]) -> list[Prediction]:
    """The rows of the database behind these, in the same order, with item, truth and pictures."""
    found = Prediction.objects.select_related("item__truth__diagnosis").prefetch_related("item__images")
    by_key = found.in_bulk([one.prediction for one in rows])
    return [by_key[one.prediction] for one in rows]
