"""Simulated readers: the whole study through the same doors as physicians, and marked as simulated for good."""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from uuid import NAMESPACE_URL, UUID, uuid5

from django.core.exceptions import ValidationError

from imagebank.models import DiagnosisClass, ItemImage, Study, Truth
from surveys.models import Block, Seat, SurveyItem, SurveyResponse
from surveys.questions import ASSISTED, Question, questions_of

from ..sitting.answers import record_answer
from ..sitting.assistance import hand_out_output
from .marks import largest_lesion, marks
from .sittings import seats_to_simulate, seeded_generator, sit_through

# Standard deviations on the logit scale: between readers, and between items (shared by all readers of all groups).
READER_SD, ITEM_SD = 0.4, 1.0
# A logistic curve averaged over a normal spread s stays close to a logistic curve flattened by sqrt(1 + c s^2).
FLATTENING = (16 * math.sqrt(3) / (15 * math.pi)) ** 2
BLANK_RATE, CHANGE_RATE = 0.01, 0.03
LOOKS_AFRESH = 0.25  # how often a second look alone is a new one, with the reader's own chance of being right
# An item that comes again. What decides whether an answer is right has, beside the difficulty and the reader's ability, a part of
# this reader and this item that is the same at both showings, and a part that is drawn anew; this share of its variance stays.
# A reader who errs twice names the same wrong class this often, beyond what chance gives, and needs this part of the first time.
STAYS, SAME_ERROR, SECOND_TIME = 0.8, 0.7, 0.8


def simulate_readers(
    *,
    study: Study,
    seed: int,
    accuracies: Mapping[tuple[str, str], float],
    progress: Callable[[int, int], None] | None = None,
    leave_open: Collection[tuple[str, str]] = (),
) -> int:
    """Fill every free seat of `study` with a simulated reader and return how many sittings were finished.

    accuracies: expected share correct by (group code, view). Readers and items differ: an item that is hard is hard for
    all. What comes again is answered by a reader who does not remember it: as the first time, but for what varies from moment to
    moment, no more often right, a little faster. Every choice passes through the services that pages call.
    `leave_open` names seats by (survey code, group code) that stay free. Each seat draws from a seed of its own, so that an
    interrupted run continues where it stopped.
    """
    simulator = _Simulator(study, seed, accuracies)
    seats = seats_to_simulate(study, leave_open)
    simulator.require_accuracies({seat.group.code for seat in seats})
    for done, seat in enumerate(seats):
        if progress:
            progress(done, len(seats))
        simulator.sit(seat)
    if progress:
        progress(len(seats), len(seats))
    return len(seats)


@dataclass(frozen=True)
class _Reading:
    """One simulated reader's first answer to one item. chance: of being right; rt_ms: until the last choice."""

    response: SurveyResponse
    survey_item: SurveyItem
    view: str
    chosen: DiagnosisClass
    chance: float
    rt_ms: int


@dataclass(frozen=True)
class _Leaning:
    """How one reader leans on one item: right where `lot`, from 0 to 1, falls below the chance, else the wrong class `error`."""

    chance: float
    lot: float
    error: int

    @property
    def is_right(self) -> bool:
        return self.lot < self.chance

    def next_time(self, draw, wrong_classes: int) -> "_Leaning":
        """The same reader before the same item again: a lot that correlates with the first (as normal scores), mostly the same error."""
        scores, kept = NormalDist(), min(max(self.lot, 1e-9), 1 - 1e-9)
        lot = scores.cdf(STAYS * scores.inv_cdf(kept) + math.sqrt(1 - STAYS**2) * draw.normal())
        error = self.error if draw.random() < SAME_ERROR else int(draw.integers(wrong_classes))
        return _Leaning(self.chance, lot, error)


class _Simulator:
    """What all simulated sittings of one run share: classes, truth and how hard each item is."""

    def __init__(self, study: Study, seed: int, accuracies: Mapping[tuple[str, str], float]):
        self.study, self.seed, self.accuracies = study, seed, accuracies
        self.views = study.protocol.view_order
        self.questions = study.protocol.demographic_questions
        says = {"confidence": self._say_confidence, "region": self._mark, ASSISTED: self._look_again}
        self.further = [(q, says[q.kind]) for q in questions_of(study.protocol) if q.kind in says]  # step by step
        self.lesions: dict[tuple[int, str], tuple | None] = {}
        self.classes = list(DiagnosisClass.objects.filter(study=study).order_by("position"))
        self.truth = dict(Truth.objects.filter(item__study=study).values_list("item", "diagnosis"))

    def require_accuracies(self, groups: set[str]) -> None:
        missing = [f"{group}/{view}" for group in sorted(groups) for view in self.views
                   if not 0 < self.accuracies.get((group, view), 0) < 1]  # fmt: skip
        if missing:
            raise ValidationError(f"An accuracy between 0 and 1 is needed for {', '.join(missing)}.")

    def generator(self, *names):
        return seeded_generator(self.seed, *names)

    def sit(self, seat: Seat) -> SurveyResponse:
        draw = self.generator("reader", seat.survey.code, seat.group.code)
        ability = draw.normal(0, READER_SD)
        return sit_through(
            seat,
            draw=draw,
            questions=self.questions,
            read_block=lambda response, block: self._read_block(response, block, seat, ability),
        )

    def _read_block(self, response: SurveyResponse, block: Block, seat: Seat, ability: float) -> None:
        draw = self.generator("block", seat.survey.code, seat.group.code, block.view)
        accuracy = self.accuracies[seat.group.code, block.view]
        centre = math.log(accuracy / (1 - accuracy)) * math.sqrt(1 + FLATTENING * (READER_SD**2 + ITEM_SD**2))
        items = list(block.survey_items.first_showings().select_related("item").order_by("position"))
        # At most one blank a block keeps every sitting of 28 items and more complete under the 95 % rule.
        blank = draw.integers(len(items)) if len(items) > 20 and draw.random() < BLANK_RATE * len(items) else None
        leanings = {}
        for number, survey_item in enumerate(items):
            ease = self.generator("item", survey_item.item.code).normal(0, ITEM_SD)
            chance = 1 / (1 + math.exp(-(centre + ability + ease)))
            leaning = _Leaning(chance, draw.random(), int(draw.integers(len(self.classes) - 1)))
            leanings[survey_item.pk] = leaning
            choices = [self._chosen(survey_item.item_id, leaning)]
            if draw.random() < CHANGE_RATE:
                choices.insert(0, self.classes[draw.integers(len(self.classes))])
            if number == blank:
                choices = [*choices[:1], None]
            rt_ms = int(1000 * draw.lognormal(math.log(9), 0.5))
            self._answer(response, survey_item, block.view, choices, chance, rt_ms)
        for survey_item in block.survey_items.filter(repeat_of__isnull=False).select_related("item").order_by("position"):
            first, again = leanings[survey_item.repeat_of_id], self.generator(
                "again", seat.survey.code, seat.group.code, block.view, survey_item.item.code
            )  # fmt: skip
            chosen = self._chosen(survey_item.item_id, first.next_time(again, len(self.classes) - 1))
            rt_ms = int(1000 * SECOND_TIME * again.lognormal(math.log(9), 0.5))
            self._answer(response, survey_item, block.view, [chosen], first.chance, rt_ms)

    def _answer(self, response, survey_item: SurveyItem, view: str, choices: list, chance: float, rt_ms: int) -> None:
        """One page: the choices one after the other, the last of which stands, then what else is asked about it."""
        for change, chosen in enumerate(choices):
            record_answer(
                survey_response=response,
                survey_item=survey_item,
                chosen=chosen,
                event_id=self._event(response, survey_item, change),
                rt_ms=rt_ms + 2500 * change,
            )
        if choices[-1] is None:
            return  # what stands in a later step is not asked about a blank
        reading = _Reading(response, survey_item, view, choices[-1], chance, rt_ms + 2500 * len(choices))
        for question, say in self.further:
            if question.is_asked_in(view):
                say(reading, question)

    def _say_confidence(self, reading: "_Reading", question: Question) -> None:
        """Readers who are likely to be right are more confident, not exactly so."""
        draw = self.generator("confidence", reading.response.reader.code, reading.survey_item.public_id)
        value = int(min(100, max(0, round(100 * reading.chance + draw.normal(0, 15)))))
        self._record(reading, question, value, rt_ms=reading.rt_ms, event="confidence")

    def _mark(self, reading: "_Reading", question: Question) -> None:
        """Readers who are likely to be right are likely to have seen the lesion."""
        item, view = reading.survey_item.item, reading.view
        again = ["again"] if reading.survey_item.repeat_of_id else []
        draw = self.generator("marks", reading.response.reader.code, view, item.code, question.code, *again)
        where = item.pk, view
        if where not in self.lesions:
            image = ItemImage.objects.filter(item=item, view=view).first()
            self.lesions[where] = image and largest_lesion(image)
        saw = bool(draw.random() < 0.5 + reading.chance / 2)
        value = marks(question, self.lesions[where], saw=saw, draw=draw)
        self._record(reading, question, value, rt_ms=4000, event=question.code)

    def _look_again(self, reading: "_Reading", question: Question) -> None:
        """Readers take over another answer the more easily, the surer the network and the less sure they are themselves."""
        output = hand_out_output(survey_response=reading.response, survey_item=reading.survey_item)
        draw = self.generator("second", reading.response.reader.code, reading.view, reading.survey_item.item.code)
        if output is None:
            afresh = draw.random() < LOOKS_AFRESH
            leaning = _Leaning(reading.chance, draw.random(), int(draw.integers(len(self.classes) - 1)))
            chosen = self._chosen(reading.survey_item.item_id, leaning) if afresh else reading.chosen
            self._record(reading, question, chosen.code, rt_ms=_second_ms(draw), event=question.code)
            return
        share = output.probabilities.get(output.answer.code, 0) if output.answer else 0
        follows = output.answer is not None and draw.random() < min(0.95, max(0.05, share - reading.chance / 2 + 0.1))
        value = output.answer.code if follows else reading.chosen.code
        self._record(reading, question, value, rt_ms=_second_ms(draw), event=question.code)

    def _record(self, reading: "_Reading", question: Question, value, *, rt_ms: int, event: str) -> None:
        record_answer(
            survey_response=reading.response,
            survey_item=reading.survey_item,
            question=question.code,
            value=value,
            event_id=self._event(reading.response, reading.survey_item, event),
            rt_ms=rt_ms,
        )

    def _chosen(self, item: int, leaning: "_Leaning") -> DiagnosisClass:
        right = next(row for row in self.classes if row.pk == self.truth[item])
        return right if leaning.is_right else [row for row in self.classes if row.pk != right.pk][leaning.error]

    def _event(self, response: SurveyResponse, survey_item, change: int | str) -> UUID:
        return uuid5(NAMESPACE_URL, f"simulated:{self.seed}:{response.public_id}:{survey_item.public_id}:{change}")


def _second_ms(draw) -> int:
    return int(1000 * draw.lognormal(math.log(4), 0.5))
