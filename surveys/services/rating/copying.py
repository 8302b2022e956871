"""What a rating study shows, shown by another study: the same stimuli in the same sittings."""

from django.core.exceptions import ValidationError
from django.db import transaction

from imagebank.models import Study
from surveys.models import Stimulus, StimulusFrame, SurveySet

from ..recruiting.seats import create_seats
from .setting_up import store_rating_surveys


def copy_ratings(*, source: Study, target: Study) -> SurveySet:
    """Give `target`, which has the protocol of `source` already, its stimuli, its surveys as they were drawn, and every seat.

    The pictures stay those of the bank that `source` shows. Again returns what there is; a study without stimuli raises
    ValidationError.
    """
    drawn = source.survey_sets.first()
    if drawn is None or not source.stimuli.exists():
        raise ValidationError(f"{source.slug} shows no stimuli yet; draw its surveys first.")
    with transaction.atomic():
        target = Study.objects.select_for_update().get(pk=target.pk)
        if existing := target.survey_sets.first():
            return existing
        survey_set = store_rating_surveys(target, drawn.seed, drawn.design, _copy_stimuli(source, target))
        for group in target.reader_groups.filter(kind="human"):
            create_seats(group=group)
    return survey_set


def _copy_stimuli(source: Study, target: Study) -> dict[str, Stimulus]:
    labels = {row.code: row for row in target.classes.all()}
    originals = list(source.stimuli.select_related("label").order_by("code"))
    rows = Stimulus.objects.bulk_create(
        Stimulus(
            study=target, item_id=row.item_id, code=row.code, kind=row.kind, role=row.role, condition=row.condition,
            label=labels[row.label.code] if row.label else None, columns=row.columns,
        )
        for row in originals
    )  # fmt: skip
    copies = dict(zip((row.pk for row in originals), rows, strict=True))
    StimulusFrame.objects.bulk_create(
        StimulusFrame(
            stimulus=copies[frame.stimulus_id], position=frame.position, image_id=frame.image_id, origin=frame.origin, box=frame.box
        )
        for frame in StimulusFrame.objects.filter(stimulus__study=source).order_by("stimulus", "position")
    )  # fmt: skip
    return {row.code: row for row in rows}
