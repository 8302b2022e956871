"""Simulated raters of a rating study: answers of every kind, with readers who differ and images that are hard for all."""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from uuid import NAMESPACE_URL, UUID, uuid5

from django.core.exceptions import ValidationError

from imagebank.models import Study
from surveys.models import Block, Seat, StimulusFrame, SurveyItem, SurveyResponse
from surveys.questions import Question, asked_about, questions_of
from surveys.questions.definition import CANNOT_TELL

from ..simulating.sittings import seats_to_simulate, seeded_generator, sit_through
from ..sitting.answers import record_answer

RATER_SD, STIMULUS_SD = 0.5, 0.8
GENERATED = StimulusFrame.Origin.GENERATED


@dataclass(frozen=True)
class SimulatedRaters:
    """How simulated raters see: sensitivity d' for telling generated from real, and bias towards calling things real."""

    dprime: float = 0.5
    bias: float = 0.2


def simulate_raters(
    *,
    study: Study,
    seed: int,
    raters: SimulatedRaters | None = None,
    progress: Callable[[int, int], None] | None = None,
    leave_open: Collection[tuple[str, str]] = (),
) -> int:
    """Fill every free seat of the rating study with a simulated rater; returns how many sittings were finished.

    Every answer passes through the services that pages call. `leave_open` names seats by (survey code, group code) that stay
    free. A study without stimuli raises ValidationError.
    """
    if not getattr(study, "protocol", None) or not study.protocol.stimuli:
        raise ValidationError(f"{study.slug} is no rating study; simulate its readers instead.")
    simulator = _Simulator(study, seed, raters or SimulatedRaters())
    seats = seats_to_simulate(study, leave_open)
    for done, seat in enumerate(seats):
        if progress:
            progress(done, len(seats))
        simulator.sit(seat)
    if progress:
        progress(len(seats), len(seats))
    return len(seats)


class _Simulator:
    """What all simulated sittings of one run share."""

    def __init__(self, study: Study, seed: int, raters: SimulatedRaters):
        self.seed, self.raters = seed, raters
        self.about_raters = study.protocol.demographic_questions
        self.questions = questions_of(study.protocol)
        self.frames: dict[int, list[str]] = {}
        for stimulus, origin in StimulusFrame.objects.filter(stimulus__study=study).values_list("stimulus", "origin"):
            self.frames.setdefault(stimulus, []).append(origin)

    def sit(self, seat: Seat) -> SurveyResponse:
        draw = seeded_generator(self.seed, "rater", seat.survey.code, seat.group.code)
        habit = draw.normal(0, RATER_SD)
        return sit_through(
            seat, draw=draw, questions=self.about_raters, read_block=partial(self._rate_block, seat=seat, habit=habit)
        )

    def _rate_block(self, response: SurveyResponse, block: Block, *, seat: Seat, habit: float) -> None:
        draw = seeded_generator(self.seed, "ratings", seat.survey.code, seat.group.code, block.view)
        items = block.survey_items.select_related("block", "stimulus__label").order_by("position")
        for survey_item in items:
            look = self._look(survey_item, draw, habit)
            for question in asked_about(self.questions, survey_item):
                value = _ANSWERS[question.kind](question, look)
                if value is None:
                    continue
                record_answer(
                    survey_response=response,
                    survey_item=survey_item,
                    question=question.code,
                    value=value,
                    event_id=self._event(response, survey_item, question),
                    rt_ms=int(1000 * draw.lognormal(math.log(4 + 2 * question.step), 0.5)),
                )

    def _look(self, survey_item: SurveyItem, draw, habit: float) -> "_Look":
        """What one rater sees in one stimulus. Positive evidence: looks generated; it is shared between raters in part."""
        stimulus, frames = survey_item.stimulus, self.frames[survey_item.stimulus_id]
        shared = seeded_generator(self.seed, "stimulus", stimulus.code).normal(0, STIMULUS_SD)
        fake = all(origin == GENERATED for origin in frames)
        evidence = (0.5 if fake else -0.5) * self.raters.dprime + shared + habit + draw.normal(0, 0.6)
        if stimulus.role == stimulus.Role.CATCH:
            evidence = 3.0 if fake else -3.0
        turned = survey_item.order != sorted(survey_item.order)
        label = stimulus.label.code if stimulus.label else ""
        return _Look(draw, evidence - self.raters.bias, self.raters.dprime, len(frames), turned, label)

    def _event(self, response: SurveyResponse, survey_item: SurveyItem, question: Question) -> UUID:
        name = f"simulated:{self.seed}:{response.public_id}:{survey_item.public_id}:{question.code}"
        return uuid5(NAMESPACE_URL, name)


@dataclass(frozen=True)
class _Look:
    """evidence: how generated it looks; turned: shown the other way round; label: code of the stated class."""

    draw: object
    evidence: float
    dprime: float
    frames: int
    turned: bool
    label: str

    def pick(self, codes):
        return codes[int(self.draw.integers(len(codes)))]


def _real_or_generated(question: Question, look: _Look) -> dict:
    answer = "generated" if look.evidence > 0 else "real"
    confidence = 100 * (1 - math.exp(-abs(look.evidence))) + look.draw.normal(0, 8)
    return {"answer": answer, "confidence": int(min(100, max(0, round(confidence))))}


def _step(question: Question, look: _Look) -> int:
    middle = (question.points + 1) / 2 + 0.5 - 1.2 * look.evidence
    return int(min(question.points, max(1, round(middle + look.draw.normal(0, 0.8)))))


def _class(question: Question, look: _Look) -> str:
    codes = [code for code, _ in question.choices]
    chance = look.draw.random()
    if look.label and chance < 0.6:
        return look.label
    return CANNOT_TELL if question.none and chance > 0.9 else look.pick(codes)


def _one_of(question: Question, look: _Look) -> str:
    return look.pick([code for code, _ in question.choices])


def _pair(question: Question, look: _Look) -> str:
    """The generated image is the second frame: right unless turned."""
    strength = look.draw.normal(look.dprime / math.sqrt(2), 1)
    if abs(strength) < 0.25:
        return "not_sure"
    return "right" if (strength > 0) != look.turned else "left"


def _direction(question: Question, look: _Look) -> str:
    chance = look.draw.random()
    if chance > 0.9:
        return CANNOT_TELL
    return "reversed" if look.turned == (chance < 0.7) else "forward"


def _several(question: Question, look: _Look) -> list[str] | None:
    share = 0.25 if look.evidence > 0 else 0.05
    found = [code for code, _ in question.choices if look.draw.random() < share]
    return found or ([] if question.required else None)


def _region(question: Question, look: _Look) -> list[dict] | None:
    if look.evidence <= 0.8:
        return [] if question.required else None
    x, y = look.draw.uniform(0.2, 0.8, 2)
    return [{"x": round(float(x), 4), "y": round(float(y), 4)}]


def _frame(question: Question, look: _Look) -> int:
    return int(look.draw.integers(1, look.frames + 1)) if look.evidence > 0.3 else 0


def _cells(question: Question, look: _Look) -> list[int]:
    return [cell for cell in range(1, look.frames + 1) if look.draw.random() < (0.3 if look.evidence > 0 else 0.1)]


_ANSWERS = {
    "class": _class,
    "choice": _one_of,
    "real_or_generated": _real_or_generated,
    "confidence": lambda question, look: int(look.draw.integers(30, 100)),
    "scale": _step,
    "plausibility": _step,
    "several": _several,
    "region": _region,
    "comment": lambda question, look: "simulated" if question.required else None,
    "pair": _pair,
    "direction": _direction,
    "frame": _frame,
    "cells": _cells,
}
