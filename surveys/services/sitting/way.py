"""A reader's way through one survey: start, consent, questions, practice, block by block, finish."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from imagebank.models import Study
from surveys.models import (
    Answer,
    Block,
    BlockSitting,
    Invitation,
    Seat,
    Survey,
    SurveyItem,
    SurveyResponse,
    ViewingEvent,
)
from surveys.questions import open_questions, required_counts
from surveys.services.setting_up.demographics import clean_demographics

from ..ending.closing import require_reading
from ..recruiting.seats import give_up_seat, hold_group, set_seat, take_free_seat
from .assistance import require_assistance


def start_response(*, invitation: Invitation) -> SurveyResponse:
    """Sit down: take the invitation's seat, or a free one of its group, and open the response. Again returns it.

    When no seat is free, or the seat went to somebody else, ValidationError says so and nothing changes.
    """
    with transaction.atomic():
        hold_group(invitation.reader.group_id)
        invitation = Invitation.objects.select_for_update().get(pk=invitation.pk)
        existing = _begun(invitation)
        if existing:
            return existing
        if not invitation.is_open():
            raise ValidationError(_("This link is closed; ask the person who invited you for a new one."))
        study = invitation.reader.study
        require_reading(study)
        require_assistance(study)
        if study.protocol.recruitment_closed_at:
            raise ValidationError(_("This study takes no new readers any more. Thank you for your willingness."))
        seat = _seat_for(invitation)
        set_seat(seat, Seat.State.STARTED, invitation.reader)
        if invitation.seat_id is None:
            # Every link of this reader that waited for a seat leads to this one now.
            Invitation.objects.filter(reader=invitation.reader_id, seat=None).update(seat=seat)
        return SurveyResponse.objects.create(
            survey=seat.survey,
            group=seat.group,
            reader=invitation.reader,
            seat=seat,
            invitation=invitation,
            simulated=invitation.reader.simulated,
        )


def _begun(invitation: Invitation) -> SurveyResponse | None:
    """The sitting that this link, or another one of the same reader to the same seat, has begun."""
    begun = Q(invitation=invitation)
    if invitation.seat_id is not None:
        begun |= Q(reader=invitation.reader_id, seat=invitation.seat_id)
    return SurveyResponse.objects.filter(begun).first()


def _seat_for(invitation: Invitation) -> Seat:
    if invitation.seat_id is None:
        seat = take_free_seat(invitation.reader.group)
        if seat is None:
            raise ValidationError(_("All places of this study are taken at the moment. Thank you for your willingness."))
        return seat
    seat = Seat.objects.select_for_update().get(pk=invitation.seat_id)
    if seat.state != Seat.State.RESERVED or seat.reader_id != invitation.reader_id:
        raise ValidationError(_("Your place has meanwhile been given to somebody else. Thank you for your willingness."))
    return seat


def record_consent(*, survey_response: SurveyResponse) -> SurveyResponse:
    """Record that the reader agreed to take part; the first moment stands."""
    return _stamp(survey_response, "consented_at")


def record_demographics(*, survey_response: SurveyResponse, answers: dict) -> SurveyResponse:
    """Record the answers about the reader, by question code. Wrong answers raise ValidationError by code."""
    questions = survey_response.survey.survey_set.study.protocol.demographic_questions
    cleaned = clean_demographics(questions, answers)
    return _stamp(survey_response, "described_at", after="consented_at", demographics=cleaned)


def record_instructions_read(*, survey_response: SurveyResponse) -> SurveyResponse:
    return _stamp(survey_response, "instructed_at", after="described_at")


def record_practice(*, survey_response: SurveyResponse) -> SurveyResponse:
    """Record that the practice item was seen. Its answer is kept nowhere."""
    return _stamp(survey_response, "practised_at", after="instructed_at")


def _stamp(survey_response: SurveyResponse, field: str, after: str | None = None, **values) -> SurveyResponse:
    with transaction.atomic():
        response = SurveyResponse.objects.select_for_update().get(pk=survey_response.pk)
        if getattr(response, field) is not None:
            return response
        if after and getattr(response, after) is None:
            raise ValidationError(_("A step before this one is still open; go on from there."))
        for name, value in {field: timezone.now(), **values}.items():
            setattr(response, name, value)
        response.save(update_fields=[field, *values])
        return response


def open_block(*, survey_response: SurveyResponse, block: Block) -> BlockSitting:
    """Let the reader into `block`; again returns the same row.

    Every earlier block must be sealed: what comes later cannot be reached, whatever is asked for.
    """
    with transaction.atomic():
        response = SurveyResponse.objects.select_for_update().get(pk=survey_response.pk)
        if block.survey_id != response.survey_id:
            raise ValidationError(_("This block belongs to another survey."))
        if response.practised_at is None:
            raise ValidationError(_("A step before this one is still open; go on from there."))
        sealed = response.block_sittings.filter(block__position__lt=block.position).exclude(sealed_at=None)
        if sealed.count() != Block.objects.filter(survey=block.survey, position__lt=block.position).count():
            raise ValidationError(_("The block before this one is not sealed yet."))
        sitting, _made = BlockSitting.objects.get_or_create(survey_response=response, block=block)
        return sitting


def seal_block(*, survey_response: SurveyResponse, block: Block) -> BlockSitting:
    """Seal an open block: from now on its answers stand. Again returns the sealed row.

    Every image of the block must have been shown, and every question answered where blanks are not allowed;
    otherwise ValidationError names the places.
    """
    with transaction.atomic():
        response = SurveyResponse.objects.select_for_update().get(pk=survey_response.pk)
        sitting = BlockSitting.objects.filter(survey_response=response, block=block).first()
        if sitting is None:
            raise ValidationError(_("This block has not been opened yet."))
        if sitting.sealed_at is not None:
            return sitting
        unseen = unseen_positions(response, block)
        if unseen:
            raise ValidationError(
                _("Not shown yet: image %(numbers)s. Look at every image once before going on.") % {"numbers": _listed(unseen)}
            )
        blank = blank_positions(response, block)
        if blank and not response.survey.survey_set.study.protocol.allow_blank:
            raise ValidationError(_("Not answered yet: image %(numbers)s.") % {"numbers": _listed(blank)})
        last = response.answers.order_by("-sequence").first()
        sitting.sealed_at = timezone.now()
        sitting.seal_sha256 = last.entry_sha256 if last else ""
        sitting.save(update_fields=["sealed_at", "seal_sha256"])
        return sitting


def unseen_positions(response: SurveyResponse, block: Block) -> list[int]:
    """Positions of the block's images that were neither painted on the reader's screen nor answered."""
    shown = ViewingEvent.objects.filter(survey_response=response, kind=ViewingEvent.Kind.SHOWN)
    answered = Answer.objects.filter(survey_response=response)
    return list(
        SurveyItem.objects.filter(block=block)
        .exclude(pk__in=shown.exclude(survey_item=None).values("survey_item"))
        .exclude(pk__in=answered.values("survey_item"))
        .values_list("position", flat=True)
    )


def blank_positions(response: SurveyResponse, block: Block) -> list[int]:
    """Positions of the block's items with a required question that has no standing answer."""
    rows = SurveyItem.objects.filter(block=block).select_related("block", "stimulus").order_by("position")
    still_open = open_questions(response, rows)
    return [row.position for row in rows if still_open[row.pk]]


def _listed(positions: list[int]) -> str:
    return ", ".join(str(position) for position in positions)


def finish_response(*, survey_response: SurveyResponse) -> SurveyResponse:
    """Close a response whose blocks are all sealed and apply the completion rule; again returns it unchanged.

    Complete: strictly more than the protocol's share of the questions answered, without those about second showings, which are
    not compared. The first complete response per survey
    and group, by the server's clock, is analysed; later ones are kept. An incomplete one gives up its seat.
    """
    if survey_response.finished_at is not None:
        return survey_response
    with transaction.atomic():
        hold_group(survey_response.group_id)
        # One survey finishes one response at a time, so that "first" is never decided twice.
        survey = Survey.objects.select_for_update(no_key=True).get(pk=survey_response.survey_id)
        response = SurveyResponse.objects.select_for_update().get(pk=survey_response.pk)
        if response.finished_at is not None:
            return response
        sealed = response.block_sittings.exclude(sealed_at=None).count()
        if sealed != survey.blocks.count():
            raise ValidationError(_("Every block must be sealed before the survey is finished."))
        rows = SurveyItem.objects.counted().filter(block__survey=survey).select_related("block", "stimulus")
        questions = required_counts(survey.survey_set.study)[survey.pk]
        answered = questions - sum(map(len, open_questions(response, rows).values()))
        response.finished_at = timezone.now()
        if survey.survey_set.study.protocol.is_complete(answered=answered, questions=questions):
            response.completed_at = response.finished_at
            rivals = SurveyResponse.objects.filter(survey=survey, group=response.group, seat__isnull=False)
            response.analysed = not rivals.analysed().exists()
        response.save(update_fields=["finished_at", "completed_at", "analysed"])
        _settle_seat(response)
        return response


def finish_sealed(*, study: Study) -> int:
    """Finish the sittings whose last block was sealed and whose end was cut off before it was recorded; returns how many."""
    begun = SurveyResponse.objects.of_study(study).filter(finished_at=None, seat__isnull=False).order_by("pk")
    counted = begun.annotate(
        sealed=Count("block_sittings", filter=Q(block_sittings__sealed_at__isnull=False), distinct=True),
        blocks=Count("survey__blocks", distinct=True),
    )
    return len([finish_response(survey_response=response) for response in counted.filter(sealed__gt=0, sealed=F("blocks"))])


def _settle_seat(response: SurveyResponse) -> None:
    """Mark the seat complete, or free its place. A replaced reader who completes first closes an unused successor."""
    seat = Seat.objects.select_for_update().get(pk=response.seat_id)
    if seat.state == Seat.State.STARTED:
        if response.completed_at is None:
            give_up_seat(seat)
        else:
            set_seat(seat, Seat.State.COMPLETE, seat.reader)
        return
    successor = Seat.objects.select_for_update().live().filter(survey=response.survey, group=response.group).first()
    if response.analysed and successor and successor.state in (Seat.State.FREE, Seat.State.RESERVED):
        successor.invitations.filter(revoked_at=None).update(revoked_at=timezone.now())
        set_seat(successor, Seat.State.REPLACED, successor.reader)
        set_seat(seat, Seat.State.COMPLETE, seat.reader)
