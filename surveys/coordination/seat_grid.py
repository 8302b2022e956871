"""The state of every seat for the coordinator: who, when and how far, and nothing about right or wrong."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max

from imagebank.models import Study
from surveys.models import Answer, Invitation, Seat
from surveys.questions import questions_of, required_counts

STATES = tuple((state, label) for state, label in Seat.State.choices if state != Seat.State.REPLACED)


@dataclass(frozen=True)
class Cell:
    """One seat in the grid: `answered` of `questions`, the last answer, and how many held the seat before."""

    seat: Seat
    answered: int
    questions: int
    last_answer_at: datetime | None
    expires_at: datetime | None
    earlier: int

    @property
    def percent(self) -> int:
        return 100 * self.answered // self.questions if self.questions else 0

    @property
    def step(self) -> int:
        """Progress in tenths, for the picture of a seat that is being read."""
        return self.percent // 10

    @property
    def expired(self) -> bool:
        """Held, but no link leads to it any more."""
        return self.seat.state in (Seat.State.RESERVED, Seat.State.STARTED) and self.expires_at is None


@dataclass(frozen=True)
class GroupRow:
    """One group of people: its seats by state in the order of STATES, and how many hold no working link."""

    group: object
    counts: list[tuple[str, str, int]]
    total: int
    expired: int

    @property
    def complete(self) -> int:
        return next(count for state, _, count in self.counts if state == Seat.State.COMPLETE)

    @property
    def percent(self) -> int:
        return 100 * self.complete // self.total if self.total else 0


@dataclass(frozen=True)
class SeatGrid:
    """Rows of (survey, cells), cells in the order of `groups`; one GroupRow of totals per group."""

    groups: list
    rows: list
    totals: list[GroupRow]
    simulated: int
    expired: int


def seat_grid(study: Study) -> SeatGrid:
    """The live seat of every survey and group of people, in a fixed number of queries."""
    groups = list(study.reader_groups.filter(kind="human"))
    cells = live_cells(study)
    live: dict = {}
    for cell in cells:
        live.setdefault(cell.seat.survey, {})[cell.seat.group_id] = cell
    rows = [(survey, [by_group.get(group.pk) for group in groups]) for survey, by_group in live.items()]
    states = Counter((cell.seat.group_id, cell.seat.state) for cell in cells)
    expired = Counter(cell.seat.group_id for cell in cells if cell.expired)
    totals = []
    for group in groups:
        counts = [(state, label, states[group.pk, state]) for state, label in STATES]
        totals.append(GroupRow(group, counts, sum(count for *_, count in counts), expired[group.pk]))
    simulated = sum(1 for cell in cells if cell.seat.reader and cell.seat.reader.simulated)
    return SeatGrid(groups, rows, totals, simulated, sum(expired.values()))


def live_cells(study: Study, seats=None) -> list[Cell]:
    """A cell for every live seat of `study`, or for those of `seats`, in the order of surveys and groups."""
    seats = Seat.objects.of_study(study).live() if seats is None else seats
    seats = seats.select_related("survey", "group", "reader").order_by("survey__number", "group__position")
    earlier = Counter(Seat.objects.of_study(study).filter(state=Seat.State.REPLACED).values_list("survey", "group"))
    protocol = getattr(study, "protocol", None)
    required = [question.code for question in questions_of(protocol) if question.required] if protocol else []
    progress = {
        seat: (count, last)
        for seat, count, last in Answer.objects.of_study(study).counted().standing().given().filter(question__in=required)
        .exclude(survey_response__seat=None).order_by().values_list("survey_response__seat")
        .annotate(count=Count("pk"), last=Max("received_at"))
    }  # fmt: skip
    questions = required_counts(study)
    expiry = dict(
        Invitation.objects.filter(reader__study=study).open()
        .exclude(seat=None).order_by("expires_at").values_list("seat", "expires_at")
    )  # fmt: skip
    return [
        Cell(
            seat=seat,
            answered=progress.get(seat.pk, (0, None))[0],
            questions=questions.get(seat.survey_id, 0),
            last_answer_at=progress.get(seat.pk, (0, None))[1],
            expires_at=expiry.get(seat.pk),
            earlier=earlier[seat.survey_id, seat.group_id],
        )
        for seat in seats
    ]
