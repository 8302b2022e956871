"""Archived studies: out of the lists, open to be looked at, closed to change."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from imagebank.models import Study

from .trail import note_deed


def archive_study(*, study: Study, user=None) -> Study:
    """Take `study` out of the lists and close it to change; again changes nothing.

    A study with work under way raises ValidationError, so that nothing is written into an archived one.
    """
    with transaction.atomic():
        study = Study.objects.select_for_update().get(pk=study.pk)
        if study.archived_at is None:
            require_idle(study)
            study.archived_at = timezone.now()
            study.save(update_fields=["archived_at"])
            note_deed(study=study, deed="archived", user=user)
    return study


def restore_study(*, study: Study, user=None) -> Study:
    """Put an archived study back into the lists, open to change; again changes nothing."""
    with transaction.atomic():
        study = Study.objects.select_for_update().get(pk=study.pk)
        if study.archived_at is not None:
            study.archived_at = None
            study.save(update_fields=["archived_at"])
            note_deed(study=study, deed="taken out of the archive", user=user)
    return study


def require_changeable(study: Study) -> None:
    """Raise ValidationError when `study` is archived or is being deleted."""
    if study.leaving_at is not None:
        raise ValidationError(f"{study.title} is being deleted; nothing can be added to it.")
    if study.archived_at is not None:
        raise ValidationError(f"{study.title} is archived and only to be looked at. Take it out of the archive first.")


def require_idle(study: Study) -> None:
    """Raise ValidationError when a job of `study` waits or runs."""
    titles = list(study.jobs.active().values_list("title", flat=True))
    if titles:
        raise ValidationError(
            f"{len(titles)} job{'' if len(titles) == 1 else 's'} of this study still "
            f"{'waits or runs' if len(titles) == 1 else 'wait or run'} ({titles[0]}). Cancel it under Jobs, or wait for its end."
        )
