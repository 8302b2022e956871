"""A study of any size, written straight into the database: items with pictures, surveys, seats, readers, answers."""

from datetime import timedelta
from uuid import uuid4

from django.utils import timezone

from imagebank.models import DiagnosisClass, Item, ItemImage, Provenance, Rendition, Study, Truth
from surveys.models import (
    Answer,
    Block,
    BlockSitting,
    Invitation,
    Letter,
    Reader,
    ReaderContact,
    ReaderGroup,
    Seat,
    StudyProtocol,
    Survey,
    SurveyItem,
    SurveyResponse,
    SurveySet,
    ViewingEvent,
)

CLASSES, GROUPS = 10, ("geneticist", "pediatrician")


def make_large_study(*, items: int, seats: int, slug: str = "large") -> Study:
    """`items` test items of ten classes, and `seats` seats of two groups; all but every tenth seat are complete."""
    study = Study.objects.create(slug=slug, title=f"{items} items", views=[{"code": "photo", "label": "clinical"}])
    classes = DiagnosisClass.objects.bulk_create(
        DiagnosisClass(study=study, code=f"K{n}", name=f"Class {n}", position=n) for n in range(CLASSES)
    )
    rows = Item.objects.bulk_create(Item(study=study, code=f"T{n:05d}", split="test") for n in range(items))
    Truth.objects.bulk_create(Truth(item=row, diagnosis=classes[n % CLASSES]) for n, row in enumerate(rows))
    images = ItemImage.objects.bulk_create(
        ItemImage(
            item=row, view="photo", file=f"images/{row.pk}.jpg", width=9, height=9, original_sha256=f"{n:064d}",
            pixel_sha256=f"{n:064d}",
        )
        for n, row in enumerate(rows)
    )  # fmt: skip
    Provenance.objects.bulk_create(Provenance(image=image, original_name="a.jpg", nature="drawn") for image in images)
    Rendition.objects.bulk_create(
        Rendition(image=image, name="thumbnail", file=f"renditions/{image.pk}.jpg", width=9, height=9, sha256="0" * 64)
        for image in images
    )
    groups = ReaderGroup.objects.bulk_create(
        ReaderGroup(study=study, code=code, singular=code, plural=f"{code}s", prefix=code[0].upper(), position=place)
        for place, code in enumerate(GROUPS)
    )
    StudyProtocol.objects.create(
        study=study, question="Which?", view_order=["photo"], per_class=2, sets=1, consent_text="Yes.",
        landing_text="Read.",
    )  # fmt: skip
    _read(study, groups, classes, _surveys(study, rows, seats // len(groups)))
    return study


def _surveys(study: Study, items: list[Item], number: int) -> list[list[SurveyItem]]:
    """The items of each survey, dealt out in turn."""
    survey_set = SurveySet.objects.create(
        study=study, seed=1, design={"surveys": []}, certificate={"promises_hold": True, "properties": []},
        design_sha256="0" * 64,
    )  # fmt: skip
    surveys = Survey.objects.bulk_create(
        Survey(survey_set=survey_set, number=n, code=f"S{n:03d}", set_label="1") for n in range(1, number + 1)
    )
    blocks = Block.objects.bulk_create(Block(survey=survey, view="photo", position=1) for survey in surveys)
    share = max(1, len(items) // number)
    placed = SurveyItem.objects.bulk_create(
        SurveyItem(block=block, item=items[(n * share + place) % len(items)], position=place + 1)
        for n, block in enumerate(blocks)
        for place in range(share)
    )
    return [placed[n * share : (n + 1) * share] for n in range(number)]


def _read(study: Study, groups: list, classes: list, surveys: list[list[SurveyItem]]) -> None:
    now = timezone.now()
    places = [(group, n, items) for group in groups for n, items in enumerate(surveys)]
    readers = Reader.objects.bulk_create(
        Reader(study=study, group=group, code=f"{group.prefix}{n:04d}") for group, n, _ in places
    )
    ReaderContact.objects.bulk_create(
        ReaderContact(reader=reader, name=f"Dr. {reader.code}", email=f"{reader.code}@clinic.example") for reader in readers
    )
    seats = Seat.objects.bulk_create(
        Seat(survey=items[0].block.survey, group=group, reader=reader, state="started" if n % 10 == 0 else "complete")
        for (group, n, items), reader in zip(places, readers, strict=True)
    )
    invitations = Invitation.objects.bulk_create(
        Invitation(reader=reader, seat=seat, token_sha256=f"{reader.pk:064d}", expires_at=now + timedelta(days=60))
        for reader, seat in zip(readers, seats, strict=True)
    )
    Letter.objects.bulk_create(
        Letter(invitation=invitation, kind=kind, state="sent", settled_at=now - timedelta(days=20))
        for invitation in invitations
        for kind in Letter.Kind.values
    )
    responses = SurveyResponse.objects.bulk_create(
        SurveyResponse(
            survey=seat.survey, group=seat.group, reader=seat.reader, seat=seat, invitation=invitation,
            consented_at=now, described_at=now, instructed_at=now, practised_at=now,
            finished_at=now if seat.state == "complete" else None, completed_at=now if seat.state == "complete" else None,
            analysed=seat.state == "complete",
        )
        for seat, invitation in zip(seats, invitations, strict=True)
    )  # fmt: skip
    BlockSitting.objects.bulk_create(
        BlockSitting(survey_response=response, block=items[0].block, sealed_at=response.finished_at)
        for response, (_, _, items) in zip(responses, places, strict=True)
    )
    given = [
        (response, item, place)
        for response, (_, _, items) in zip(responses, places, strict=True)
        for place, item in enumerate(items, start=1)
    ]
    Answer.objects.bulk_create(
        Answer(
            survey_response=response, survey_item=item, chosen=classes[(place + response.pk) % CLASSES], event_id=uuid4(),
            sequence=place, entry_sha256="0" * 64, rt_ms=2500,
        )
        for response, item, place in given
    )  # fmt: skip
    ViewingEvent.objects.bulk_create(
        ViewingEvent(survey_response=response, survey_item=item, event_id=uuid4(), kind=kind)
        for response, item, _ in given
        for kind in ("shown", "hidden")
    )
