"""How precise a study is so far, for people who stay blind to how accurate anybody is.

Only widths leave this module: no accuracy, no difference, and no spread from which either could be guessed.
"""

from dataclasses import dataclass

from django.db.models import Count

from benchmark.core.errors import InputError
from benchmark.core.methods.components import moment_components
from benchmark.core.planning.closed_form import Design, Spread, fixed_images_precision, new_images_precision
from imagebank.models import Study
from surveys.models import Seat
from surveys.services import readings_frame


@dataclass(frozen=True)
class Width:
    """Half-widths of 95 % intervals in accuracy, and the power to find the difference that was asked about."""

    these_images: float
    new_images: float
    power_these_images: float
    power_new_images: float


@dataclass(frozen=True)
class PrecisionRow:
    """One network against one group on one view. `why` says what is lacking where a width cannot be estimated."""

    network: str
    group: str
    view: str
    readers: int
    readers_planned: int
    now: Width | None
    at_the_end: Width | None
    why: str | None


def precision_so_far(*, study: Study, difference: float = 0.1) -> list[PrecisionRow]:
    """Widths with the complete sittings so far, and as they would be with every seat complete.

    A study without complete sittings of people and answers of a network has no rows.
    """
    from benchmark.core.inputs.readings import Readings
    from benchmark.core.inputs.scoring import Scored
    from benchmark.core.sections.comparisons import matchups

    frame = readings_frame(study=study, analysed_only=True)
    if frame.empty:
        return []
    try:
        scored = Scored(Readings.from_frame(frame.astype(object).where(frame.notna(), "")))
    except InputError:
        return []
    seats = dict(Seat.objects.of_study(study).live().values_list("group__code").annotate(seats=Count("pk")).order_by())
    return [_row(match, scored.readings.anchors, seats, difference) for match in matchups(scored)]


def _row(match, anchors: frozenset[str], seats: dict[str, int], difference: float) -> PrecisionRow:
    rows = match.rows
    readers, items = rows["reader"].nunique(), rows["item"].nunique()
    planned = max(seats.get(match.keys["group"], 0), readers)
    values = rows["model_correct"].astype(float) - rows["correct"].astype(float)
    parts = moment_components(
        values.to_numpy(), rows["reader"].to_numpy(), rows["item"].to_numpy(), rows["truth"].to_numpy()
    )
    keys = {"network": match.keys["model"], "group": match.keys["group"], "view": match.keys["view"] or ""}
    why = parts.why or (None if readers > 2 else "at least three complete readers are needed")
    if why is None and parts.reader + parts.item + parts.residual == 0:
        why = "the readings do not vary yet"
    if why:
        return PrecisionRow(**keys, readers=readers, readers_planned=planned, now=None, at_the_end=None, why=why)
    spread = Spread(parts.reader, parts.item, parts.residual)
    each = max(1, round(len(rows) / readers))
    common = rows.loc[rows["item"].isin(anchors), "item"].nunique()
    designs = (Design(count, items, each, anchors=common) for count in (readers, planned))
    now, end = (_width(design, spread, difference) for design in designs)
    return PrecisionRow(**keys, readers=readers, readers_planned=planned, now=now, at_the_end=end, why=None)


def _width(design: Design, spread: Spread, difference: float) -> Width:
    these, new = (find(design, spread, difference) for find in (fixed_images_precision, new_images_precision))
    return Width(these.half_width, new.half_width, these.power, new.power)
