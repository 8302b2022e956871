"""The state of every seat for the coordinator: who, when and how far, and nothing about right or wrong."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count

from imagebank.models import Study
from surveys.models import Answer, Invitation, Seat
from surveys.questions import questions_of, required_counts


@dataclass(frozen=True)
class Cell:
    """One seat in the grid. `answered` of `questions`; `waiting` seats have a link that was not used yet."""

    seat: Seat
    answered: int
    questions: int
    expires_at: datetime | None
    earlier: int

    @property
    def percent(self) -> int:
        return 100 * self.answered // self.questions if self.questions else 0


@dataclass(frozen=True)
class SeatGrid:
    """Rows of (survey, cells), cells in the order of `groups`; `totals` by group: (group, state label, count)."""

    groups: list
    rows: list
    totals: list
    simulated: int


def seat_grid(study: Study) -> SeatGrid:
    """The live seat of every survey and group of people, in a few queries."""
    groups = list(study.reader_groups.filter(kind="human"))
    seats = Seat.objects.of_study(study).select_related("survey", "group", "reader", "response").order_by(
        "survey__number", "group__position"
    )  # fmt: skip
    live, earlier = {}, Counter()
    for seat in seats:
        if seat.state == Seat.State.REPLACED:
            earlier[seat.survey_id, seat.group_id] += 1
        else:
            live.setdefault(seat.survey, {})[seat.group_id] = seat
    protocol = getattr(study, "protocol", None)
    required = [question.code for question in questions_of(protocol) if question.required] if protocol else []
    answered = dict(
        Answer.objects.of_study(study).standing().given().filter(question__in=required).exclude(survey_response__seat=None)
        .order_by().values_list("survey_response__seat").annotate(count=Count("pk"))
    )  # fmt: skip
    questions = required_counts(study)
    expiry = dict(
        Invitation.objects.filter(reader__study=study, revoked_at=None)
        .exclude(seat=None).order_by("expires_at").values_list("seat", "expires_at")
    )  # fmt: skip
    rows = []
    for survey, by_group in live.items():
        cells = [
            Cell(
                seat=by_group[group.pk],
                answered=answered.get(by_group[group.pk].pk, 0),
                questions=questions.get(survey.pk, 0),
                expires_at=expiry.get(by_group[group.pk].pk),
                earlier=earlier[survey.pk, group.pk],
            )
            for group in groups
            if group.pk in by_group
        ]
        rows.append((survey, cells))
    everything = [cell for _, cells in rows for cell in cells]
    states = Counter((cell.seat.group_id, cell.seat.state) for cell in everything)
    totals = [
        (group, [(label, states[group.pk, state]) for state, label in Seat.State.choices if state != "replaced"])
        for group in groups
    ]
    simulated = sum(1 for cell in everything if cell.seat.reader and cell.seat.reader.simulated)
    return SeatGrid(groups, rows, totals, simulated)
