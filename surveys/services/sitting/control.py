"""The control arm of an assisted study: about which items a seat's reader is asked again without any output."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from imagebank.models import Study, Truth
from surveys.core.control import Place, draw_control
from surveys.models import Assistance, ControlItem, ReaderGroup, Seat, StudyProtocol, SurveyItem, SurveyResponse
from surveys.questions import ASSISTED, questions_of


def control_shares(protocol: StudyProtocol | None) -> dict[str, float]:
    """By view, the share of items that the control arm is to have; views without one are left out."""
    if protocol is None or not any(row.get("control") for row in protocol.questions):
        return {}
    asked = [question for question in questions_of(protocol) if question.kind == ASSISTED]
    shares = {view: next((q.control for q in asked if q.is_asked_in(view)), 0) for view in protocol.view_order}
    return {view: share for view, share in shares.items() if share}


def draw_control_items(study: Study) -> tuple[dict, list[ControlItem]]:
    """What was drawn from, as `Assistance.control` keeps it, and the control items, unsaved; empty without a control arm.

    The seed is that of the surveys, so that a design and its control arm are drawn once and together.
    """
    shares = control_shares(study.protocol)
    if not shares:
        return {}, []
    drawn_from = {"seed": study.survey_sets.get().seed, "shares": shares}
    groups = {group.code: group for group in ReaderGroup.objects.filter(study=study)}
    items = {item.public_id: item for item in _survey_items(study)}
    return drawn_from, [
        ControlItem(group=groups[group], survey_item=items[public_id]) for group, public_id in _draw(study, drawn_from)
    ]


def _survey_items(study: Study):
    return SurveyItem.objects.filter(block__survey__survey_set__study=study).select_related("item", "block__survey")


def _draw(study: Study, drawn_from: dict) -> list[tuple[str, str]]:
    """(group code, survey item's public id) of every control item, in order. Names are places, which a copy keeps."""
    truth = dict(Truth.objects.filter(item__study=study).values_list("item", "diagnosis__code"))
    seats: dict[int, list[str]] = {}
    for survey, group in Seat.objects.of_study(study).live().values_list("survey", "group__code"):
        seats.setdefault(survey, []).append(group)
    found = []
    for share in sorted(set(drawn_from["shares"].values())):
        views = {view for view, own in drawn_from["shares"].items() if own == share}
        at = {}
        for item in _survey_items(study).filter(block__view__in=views):
            block = item.block
            for group in seats.get(block.survey_id, ()):
                name = f"{group}/{block.survey.number:05}/{block.view}/{item.position:05}"
                place = Place(name, group, block.survey.code, block.view, item.item.code, truth.get(item.item_id, ""))
                at[name] = (place, (group, item.public_id))
        drawn = draw_control([place for place, _ in at.values()], share=Fraction(str(share)), seed=drawn_from["seed"])
        found += [at[name][1] for name in drawn]
    return sorted(found)


def control_fault(assistance: Assistance) -> str | None:
    """Draw the control items from their seed once more; None when they are those that are kept, else a sentence."""
    if not assistance.control:
        return None
    kept = assistance.control_items.values_list("group__code", "survey_item__public_id")
    if sorted(kept) != _draw(assistance.study, assistance.control):
        return (
            "The images without output are not those that the seed draws; a reference class that was corrected since then"
            " also makes the draw another one."
        )
    return None


def is_control_as_asked(assistance: Assistance) -> bool:
    """Whether the frozen control arm is the one that the protocol asks for; else the output has to be frozen again."""
    return assistance.control.get("shares", {}) == control_shares(assistance.study.protocol)


@dataclass(frozen=True)
class ControlSeat:
    """The control items of one group's seat at one survey in one block: codes of items, in reading order."""

    survey: str
    group: str
    view: str
    items: tuple[str, ...]


@dataclass(frozen=True)
class ControlSummary:
    """A frozen control arm for its coordinators. Pairs are the fewest and the most.

    share: per cent, by view. places: of the readers at images that are asked about twice; control: those without output.
    of_seat: control items of a seat's block; of_item: seats at which an item in one view is control; readers: seats that read it.
    """

    seed: int
    shares: dict[str, float]
    places: int
    control: int
    of_seat: tuple[int, int]
    of_item: tuple[int, int]
    readers: tuple[int, int]
    seats: tuple[ControlSeat, ...]


def control_summary(assistance: Assistance) -> ControlSummary | None:
    """What was drawn, to be looked at; None where every image has an output."""
    drawn_from = assistance.control
    if not drawn_from:
        return None
    study, views = assistance.study, set(drawn_from["shares"])
    groups = dict(Seat.objects.of_study(study).live().order_by("group__position").values_list("group__code", "group__singular"))
    seats: dict[tuple, list[str]] = {}
    of_item: Counter = Counter()
    readers: Counter = Counter()
    drawn = set(assistance.control_items.values_list("group__code", "survey_item"))
    for row in _survey_items(study).filter(block__view__in=views).order_by("block__survey__number", "block__position", "position"):
        for group, words in groups.items():
            own = seats.setdefault((row.block.survey.code, words, row.block.view), [])
            readers[row.item_id, row.block.view] += 1
            if (group, row.pk) in drawn:
                own.append(row.item.code)
                of_item[row.item_id, row.block.view] += 1
    return ControlSummary(
        seed=drawn_from["seed"],
        shares={view: 100 * share for view, share in drawn_from["shares"].items()},
        places=readers.total(),
        control=of_item.total(),
        of_seat=_ends(len(items) for items in seats.values()),
        of_item=_ends(of_item[key] for key in readers),
        readers=_ends(readers.values()),
        seats=tuple(ControlSeat(*key, tuple(items)) for key, items in seats.items()),
    )


def _ends(counts: Iterable[int]) -> tuple[int, int]:
    counts = list(counts)
    return min(counts, default=0), max(counts, default=0)


def is_control(survey_response: SurveyResponse, survey_item: SurveyItem) -> bool:
    """Whether the reader of this response is asked about the item again without any output."""
    study = survey_response.reader.study_id
    rows = ControlItem.objects.filter(assistance__study=study, group=survey_response.group_id, survey_item=survey_item)
    return rows.exists()


def control_of_block(block, group: ReaderGroup | None = None) -> set[int]:
    """Primary keys of a block's survey items that are control, for a group or for the first that has a seat there."""
    rows = ControlItem.objects.filter(survey_item__block=block)
    if group is None:
        seat = Seat.objects.live().filter(survey=block.survey_id).order_by("group__position").first()
        group = seat and seat.group
    return set(rows.filter(group=group).values_list("survey_item", flat=True))
