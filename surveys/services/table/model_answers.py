"""A network as a reader: the same survey items, the same table of answers."""

from collections.abc import Mapping
from uuid import uuid4

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from imagebank.models import DiagnosisClass, Study
from surveys.models import Answer, Reader, ReaderGroup, Survey, SurveyItem, SurveyResponse

from ..sitting.answers import sealed


def record_model_answers(
    *,
    study: Study,
    name: str,
    answers: Mapping[tuple[str, str], str],
    group: ReaderGroup | None = None,
    simulated: bool = False,
) -> Reader:
    """Let a network answer every survey item of `study` and return it as a reader with the code `name`.

    answers: class code by (item code, view); an item missing there is "no answer". The network gets one response per
    survey and takes no seat; an item that comes again it reads once. Recording again adds only answers that changed;
    the earlier ones stay in the history. simulated: the answers are made up, and marked so wherever they appear.
    Unknown classes, or answers for no item of the surveys, raise ValidationError.
    """
    classes = {row.code: row for row in DiagnosisClass.objects.filter(study=study)}
    unknown = sorted(set(answers.values()) - set(classes))
    if unknown:
        raise ValidationError(f"{study.slug} has no class {', '.join(unknown)}; it has {', '.join(classes)}.")
    surveys = Survey.objects.filter(survey_set__study=study).order_by("number")
    asked = set(SurveyItem.objects.filter(block__survey__in=surveys).values_list("item__code", "block__view"))
    if not asked & set(answers):
        raise ValidationError(
            f"None of the {len(answers)} answers of {name} belongs to an item of the surveys of {study.slug}; "
            "draw the surveys first and check item codes and views."
        )
    with transaction.atomic():
        reader = _model_reader(study, name, group)
        for survey in surveys:
            _record_survey(reader, survey, answers, classes, simulated)
    return reader


def _model_reader(study: Study, name: str, group: ReaderGroup | None) -> Reader:
    Study.objects.select_for_update().get(pk=study.pk)
    known = Reader.objects.filter(study=study, code=name).first()
    if known is not None:
        if known.kind != Reader.Kind.MODEL:
            raise ValidationError(f"{name} is already the code of a person; choose another name for the network.")
        return known
    group = group or study.reader_groups.filter(kind=ReaderGroup.Kind.MODEL).first() or _model_group(study)
    reader = Reader(study=study, group=group, kind=Reader.Kind.MODEL, code=name)
    reader.full_clean()
    reader.save()
    return reader


def _model_group(study: Study) -> ReaderGroup:
    position = study.reader_groups.count() + 1
    return ReaderGroup.objects.create(
        study=study,
        code="network",
        singular="network",
        plural="networks",
        kind=ReaderGroup.Kind.MODEL,
        prefix="NET",
        colour_role="teal",
        position=position,
    )


def _record_survey(reader: Reader, survey: Survey, answers: Mapping, classes: dict, simulated: bool) -> None:
    now = timezone.now()
    response, _ = SurveyResponse.objects.get_or_create(
        reader=reader,
        survey=survey,
        defaults={
            "group": reader.group,
            "started_at": now,
            "finished_at": now,
            "completed_at": now,
            "analysed": True,
            "simulated": simulated,
        },
    )
    standing = dict(response.answers.standing().diagnoses().values_list("survey_item", "chosen__code"))
    last = response.answers.order_by("-sequence").first()
    sequence, head = (last.sequence, last.entry_sha256) if last else (0, "")
    rows = []
    items = SurveyItem.objects.first_showings().filter(block__survey=survey)
    items = items.select_related("block", "item").order_by("block__position")
    for survey_item in items:
        code = answers.get((survey_item.item.code, survey_item.block.view))
        if code == standing.get(survey_item.pk):
            continue
        sequence += 1
        answer = Answer(
            survey_response=response,
            survey_item=survey_item,
            chosen=classes.get(code),
            event_id=uuid4(),
            sequence=sequence,
            received_at=now,
        )
        answer.entry_sha256 = head = sealed(answer, head)
        rows.append(answer)
    Answer.objects.bulk_create(rows, batch_size=500)
