"""Where the others of a group lie: shares right, computed once with the release, fixed when the first reader looks, and never again.

Two looks at a figure with one dot less would tell whose result left: readers of a department know who withdrew. Rounding does not help,
nor does a minimum of readers, because every dot but one stays where it was. So the figure is frozen, as a printed one would be, when the
first reader sees it; who withdraws before that is not in it. The withdrawn sitting is deleted all the same, and with it the only link
between the dot and a person: what stays is a rounded number among five or more, as it was told. A release that follows another
takes over such dots, or the two releases would be the two looks.

The dots are computed with the release, because in a large study that takes seconds, for which no reader should wait.
"""

from collections.abc import Collection, Mapping

from django.db import transaction
from django.utils import timezone

from imagebank.models import Item, Study, Truth
from surveys.core.own_results import coarse
from surveys.models import (
    Answer,
    Block,
    DebriefRelease,
    Reader,
    ReleasedShare,
    Stimulus,
    StimulusFrame,
    SurveyItem,
    SurveyResponse,
)
from surveys.questions import Question, questions_of
from surveys.questions.definition import DIAGNOSIS

from .afterwards import WITH_A_RIGHT_ANSWER

GENERATED = StimulusFrame.Origin.GENERATED


def question_of(study: Study, view: str) -> Question | None:
    """The question of a block whose answers are right or wrong."""
    asked = [question for question in questions_of(study.protocol) if question.is_asked_in(view)]
    wanted = WITH_A_RIGHT_ANSWER if study.protocol.stimuli else (DIAGNOSIS,)
    return next((question for question in asked if question.kind in wanted), None)


def rows_of(study: Study, block: Block | None = None, **narrowed):
    """First showings of what counts, in the order of reading."""
    rows = SurveyItem.objects.first_showings().filter(**({"block": block} if block else {}), **narrowed)
    if study.protocol.stimuli:
        rows = rows.filter(stimulus__role=Stimulus.Role.RATED).prefetch_related("stimulus__frames__image__item")
    else:
        rows = rows.filter(stimulus=None)
    return rows.select_related("item", "stimulus", "block").order_by("position")


def truth_of(study: Study, items: list[SurveyItem]) -> dict[int, str]:
    """The right answer by the survey item's key: a class, real or generated, or the side on which the generated picture stood."""
    if not study.protocol.stimuli:
        known = dict(Truth.objects.filter(item__in={row.item_id for row in items}).values_list("item", "diagnosis__code"))
        return {row.pk: known[row.item_id] for row in items if row.item_id in known}
    found = {}
    for row in items:
        frames = sorted(row.stimulus.frames.all(), key=lambda frame: frame.position)
        shown = [frames[place - 1] for place in row.order] or frames
        if row.stimulus.kind == Stimulus.Kind.SINGLE:
            found[row.pk] = shown[0].origin
        elif row.stimulus.kind == Stimulus.Kind.PAIR:
            found[row.pk] = "left" if shown[0].origin == GENERATED else "right"
    return found


def standing_answers(study: Study, question: Question, **narrowed) -> dict[tuple[int, int], tuple[str, float | None]]:
    """Standing answers and the confidence that is part of them, by sitting and survey item."""
    rows = Answer.objects.of_study(study).standing().given().filter(question=question.code, **narrowed).order_by()
    found = {}
    for response, item, chosen, value in rows.values_list("survey_response", "survey_item", "chosen__code", "value"):
        if question.kind == "real_or_generated":
            found[response, item] = (value["answer"], value["confidence"])
        else:
            found[response, item] = (chosen or value or "", None)
    return found


def others_of(response: SurveyResponse, view: str, release: DebriefRelease | None) -> list[float]:
    """Shares right of the same group's analysed readers in blocks of `view`, this one left out, sorted; nobody is named.

    Simulated readers are compared with simulated ones, people with people. As `release` froze them where somebody has looked.
    """
    if release is not None and release.others_frozen_at is not None:
        rows = release.shares.filter(group=response.group_id, simulated=response.simulated, view=view)
        rows = rows.exclude(survey_response__reader=response.reader_id)
        return [percent / 100 for percent in rows.order_by("percent").values_list("percent", flat=True)]
    study = response.reader.study
    sittings = _analysed(study, group=response.group_id, simulated=response.simulated).exclude(reader=response.reader_id)
    return sorted(_shares(study, view, dict(sittings.values_list("pk", "survey"))).values())


def dots_of(study: Study, without: Collection[int] = ()) -> list[ReleasedShare]:
    """Where every analysed reader lies, rounded, as rows that belong to no release yet. without: sittings left out, by primary key."""
    found = _analysed(study).exclude(pk__in=without).values_list("pk", "survey", "group", "simulated")
    sittings = {pk: (survey, group, simulated) for pk, survey, group, simulated in found}
    return [
        ReleasedShare(
            survey_response_id=pk, group_id=sittings[pk][1], simulated=sittings[pk][2], view=view, percent=round(100 * coarse(share))
        )
        for view in study.protocol.view_order
        for pk, share in _shares(study, view, {pk: row[0] for pk, row in sittings.items()}).items()
    ]


def keep_dots(release: DebriefRelease, dots: Collection[ReleasedShare]) -> None:
    """Store `dots` with `release`, without those of readers who have withdrawn since they were computed."""
    there = set(_analysed(release.study).values_list("pk", flat=True))
    rows = [dot for dot in dots if dot.survey_response_id is None or dot.survey_response_id in there]
    for dot in rows:
        dot.pk, dot.release = None, release
    # By share, not by sitting: the order of the rows tells nothing about a reader who is gone.
    ReleasedShare.objects.bulk_create(sorted(rows, key=lambda row: (row.view, row.group_id, row.simulated, row.percent)))


def items_left_out(study: Study):
    """Items that the surveys of `study` show and that do not count, because they were taken out of the bank."""
    return Item.objects.exclude(excluded_at=None).filter(survey_items__block__survey__survey_set__study=study).order_by().distinct()


def _bank_has_changed(release: DebriefRelease) -> bool:
    """Whether an item was taken out of the bank, or put back, since the dots were computed."""
    out = items_left_out(release.study)
    return out.count() != release.left_out or out.filter(excluded_at__gt=release.released_at).exists()


def freeze_others(release: DebriefRelease) -> DebriefRelease:
    """Keep where every analysed reader of the released study lies now for all looks to come; again changes nothing.

    What was computed with the release is taken; who came to be analysed since, in the place of one who withdrew, is added. Where
    an item was taken out of the bank since, all is computed anew: readers' own results do not count it either.
    """
    if release.others_frozen_at is not None:
        return release
    with transaction.atomic():
        release = DebriefRelease.objects.select_for_update(of=("self",)).select_related("network").get(pk=release.pk)
        if release.others_frozen_at is None:
            changed = _bank_has_changed(release)
            kept = [] if changed else list(release.shares.all())
            added = [*dots_of(release.study, without={dot.survey_response_id for dot in kept}), *_told_before(release)]
            if added or changed:
                release.shares.all().delete()
                keep_dots(release, [*kept, *added])
            release.others_frozen_at = timezone.now()
            release.save(update_fields=["others_frozen_at"])
    return release


def forget_unseen(reader: Reader) -> None:
    """Delete the dots of a reader who withdraws from releases that nobody has looked at; call it in that transaction, first."""
    unseen = DebriefRelease.objects.select_for_update().filter(study=reader.study_id, others_frozen_at=None).order_by("pk")
    ReleasedShare.objects.filter(release__in=[row.pk for row in unseen], survey_response__reader=reader).delete()


def _told_before(release: DebriefRelease) -> list[ReleasedShare]:
    """Dots of an earlier release whose readers have withdrawn since."""
    earlier = DebriefRelease.objects.filter(study=release.study_id).exclude(pk=release.pk).exclude(others_frozen_at=None)
    last = earlier.order_by("-others_frozen_at").first()
    gone = last.shares.filter(survey_response=None) if last else ()
    return [
        ReleasedShare(release=release, group_id=row.group_id, simulated=row.simulated, view=row.view, percent=row.percent) for row in gone
    ]


def _analysed(study: Study, **narrowed):
    return SurveyResponse.objects.of_study(study).analysed().filter(reader__kind=Reader.Kind.HUMAN, **narrowed).order_by()


def _shares(study: Study, view: str, sittings: Mapping[int, int]) -> dict[int, float]:
    """The share right in the block of `view`, by sitting; sittings: the survey of each. Without a right answer there is none."""
    question = question_of(study, view)
    if question is None:
        return {}
    truth = _truth_by_survey(study, view, set(sittings.values()))
    standing = standing_answers(study, question, survey_response__in=list(sittings), survey_item__block__view=view)
    return {
        pk: sum(standing.get((pk, item), ("",))[0] == right for item, right in shown.items()) / len(shown)
        for pk, survey in sittings.items()
        if (shown := truth.get(survey, {}))
    }


def _truth_by_survey(study: Study, view: str, surveys: set[int]) -> dict[int, dict[int, str]]:
    """The right answer to everything that counts in blocks of `view`, by survey and survey item."""
    found: dict[int, dict[int, str]] = {}
    if study.protocol.stimuli:
        items = [row for row in rows_of(study, block__view=view, block__survey__in=surveys) if row.item.excluded_at is None]
        truth = truth_of(study, items)
        known = [(row.block.survey_id, row.pk, truth[row.pk]) for row in items if row.pk in truth]
    else:  # tens of thousands in a large study: as columns, not as rows
        rows = SurveyItem.objects.first_showings().filter(block__view=view, block__survey__in=surveys, stimulus=None)
        rows = rows.filter(item__excluded_at=None, item__truth__diagnosis__isnull=False).order_by()
        known = list(rows.values_list("block__survey", "pk", "item__truth__diagnosis__code"))
    for survey, item, right in known:
        found.setdefault(survey, {})[item] = right
    return found
