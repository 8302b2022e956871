"""How a study ends: no new readers, then no more answers, then the archive. Each step can be taken back."""

from collections.abc import Callable
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from imagebank.models import Study
from imagebank.services import archive
from imagebank.services.trail import note_deed
from surveys.models import DebriefRelease, StudyProtocol, SurveyResponse, Withdrawal

RECRUITMENT, READING = "recruitment_closed_at", "reading_closed_at"


def close_recruitment(*, study: Study, user=None) -> StudyProtocol:
    """Nobody new is invited or begins; who has begun goes on. Again changes nothing."""
    return _set(study, user, "recruitment closed", {RECRUITMENT: True})


def open_recruitment(*, study: Study, user=None) -> StudyProtocol:
    """Invite again; that needs reading to be open, which it is then too."""
    return _set(study, user, "recruitment opened", {RECRUITMENT: False, READING: False})


def close_reading(*, study: Study, user=None) -> StudyProtocol:
    """No more answers: every link says that reading has ended. What was answered is kept, unfinished sittings too."""
    return _set(study, user, "reading closed", {RECRUITMENT: True, READING: True})


def open_reading(*, study: Study, user=None) -> StudyProtocol:
    """Let those who have begun go on; recruitment stays as it is."""
    return _set(study, user, "reading opened", {READING: False})


def archive_study(*, study: Study, user=None) -> Study:
    """Close reading where there is any, and take the study out of the lists, to be looked at and not changed."""
    with transaction.atomic():
        if StudyProtocol.objects.filter(study=study).exists() and study.archived_at is None:
            close_reading(study=study, user=user)
        return archive.archive_study(study=study, user=user)


def _set(study: Study, user, deed: str, closed: dict[str, bool]) -> StudyProtocol:
    with transaction.atomic():
        study = Study.objects.select_for_update().get(pk=study.pk)
        archive.require_changeable(study)
        protocol = StudyProtocol.objects.filter(study=study).first()
        if protocol is None:
            raise ValidationError(f"Nobody reads in {study.title}: it has no set-up, so there is nothing to open or close.")
        if READING in closed and not closed[READING] and protocol.reading_closed_at is not None:
            _require_nobody_knows(study)
        changed = [name for name, is_closed in closed.items() if (getattr(protocol, name) is not None) != is_closed]
        for name in changed:
            setattr(protocol, name, timezone.now() if closed[name] else None)
        if changed:
            protocol.save(update_fields=changed)
            note_deed(study=study, deed=deed, user=user)
    return protocol


def _require_nobody_knows(study: Study) -> None:
    """Raise ValidationError when readers may know the truth: what is answered after that is no reading."""
    if DebriefRelease.objects.standing().filter(study=study).exists():
        raise ValidationError("Readers see their results, and with them the truth. Withdraw the results before reading is opened again.")
    know = SurveyResponse.objects.of_study(study).exclude(debriefed_at=None).count()
    if know:
        who = "1 reader has" if know == 1 else f"{know} readers have"
        raise ValidationError(
            f"{who} seen which answers were right, so that reading stays closed. Begin a new study, with this one's study.toml, to go on."
        )
    first = DebriefRelease.objects.filter(study=study).order_by("released_at").first()
    if first is not None and Withdrawal.objects.filter(reader__study=study, at__gte=first.released_at).exists():
        # With the sitting went the note of whether its reader had looked.
        raise ValidationError(
            "Somebody who may have seen which answers were right has withdrawn since, so that reading stays closed. "
            "Begin a new study, with this one's study.toml, to go on."
        )


def has_ended(study: Study) -> bool:
    """Whether no more answers are taken."""
    return bool(study.leaving_at or study.archived_at or study.protocol.reading_closed_at)


def shows_results(study: Study) -> bool:
    """Whether readers who have finished may see their results now."""
    if study.archived_at or study.leaving_at or not study.protocol.reading_closed_at or not study.protocol.debrief_offered:
        return False
    return DebriefRelease.objects.standing().filter(study=study).exists()


def gives_links(study: Study, *, begun: bool, finished: bool = False) -> bool:
    """Whether a new link would let somebody in.

    begun: its reader has a sitting to go on with; finished: one that is sealed whole, whose results may be released.
    """
    if finished and shows_results(study):
        return True
    return not has_ended(study) and (begun or not study.protocol.recruitment_closed_at)


def require_link_of_use(study: Study, *, begun: bool, finished: bool = False) -> None:
    """Raise ValidationError when a new link would let nobody in; begun and finished as for `gives_links`."""
    if gives_links(study, begun=begun, finished=finished):
        return
    if has_ended(study):
        raise ValidationError("Reading has ended in this study; open it again before sending a link.")
    raise ValidationError("Recruitment is closed in this study; open it again before inviting anybody.")


def require_reading(study: Study) -> None:
    """Raise ValidationError, in words for the reader, when no more answers are taken."""
    if has_ended(study):
        words = _("Reading has ended; this study takes no more answers. What you saved is kept.")
        raise ValidationError(words, code="ended")


@dataclass(frozen=True)
class EndStep:
    """One step towards a study's end, or back: what does it, and what is said when it is done."""

    take: Callable
    done: str


STEPS = {
    "close-recruitment": EndStep(close_recruitment, "Recruitment is closed. Who has begun can go on."),
    "open-recruitment": EndStep(open_recruitment, "Recruitment is open."),
    "close-reading": EndStep(close_reading, "Reading is closed. Every answer so far is kept."),
    "open-reading": EndStep(open_reading, "Reading is open again for those who have begun."),
    "archive": EndStep(archive_study, "The study is archived. Everything in it can still be looked at."),
    "restore": EndStep(archive.restore_study, "The study is out of the archive. Reading stays closed until you open it."),
}
