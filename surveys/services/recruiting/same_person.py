"""One person in several studies: the same address in another of them, as far as the one who asks may see it.

Every study keeps readers of its own, so that neither codes nor answers can be joined over studies. What a coordinator of several
must know is asked by address: who reads the same pictures twice knows them the second time, and who asks to be erased
or withdraws may mean one study or all.
"""

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import QuerySet
from django.db.models.functions import Lower

from imagebank.models import Membership, Study
from surveys.models import Reader, ReaderContact

from ..ending.debriefing import images_of_surveys


@dataclass(frozen=True)
class Elsewhere:
    """A reader of another study with the same address. same_pictures: that study shows some of the same pictures."""

    reader: Reader
    same_pictures: bool

    @property
    def study(self) -> Study:
        return self.reader.study


def coordinated_by(user) -> QuerySet[Study]:
    """The studies whose readers' names `user` may see."""
    studies = Study.objects.visible_to(user).filter(leaving_at=None)
    if user.is_superuser:
        return studies
    held = Membership.objects.filter(user=user, role=Membership.Role.COORDINATOR)
    return studies.filter(pk__in=held.values("study"))


def elsewhere(*, study: Study, emails: Collection[str], user) -> dict[str, list[Elsewhere]]:
    """Readers of the other studies that `user` coordinates by the address in lower case; of other people's studies nothing is told."""
    contacts = list(_others(study, {email.lower() for email in emails if email}, user))
    alike = _with_the_same_pictures(study, {contact.reader.study for contact in contacts})
    found: dict[str, list[Elsewhere]] = {}
    for contact in contacts:
        found.setdefault(contact.lowered, []).append(Elsewhere(contact.reader, contact.reader.study_id in alike))
    return found


def elsewhere_of(*, reader: Reader, user) -> list[Reader]:
    """The same person, by the address that is kept, in the other studies that `user` coordinates."""
    own = ReaderContact.objects.filter(reader=reader).exclude(email="").values(lowered=Lower("email"))
    return [contact.reader for contact in _others(reader.study, own, user)]


def _others(study: Study, wanted: Collection[str] | QuerySet, user) -> QuerySet[ReaderContact]:
    others = coordinated_by(user).exclude(pk=study.pk)
    contacts = ReaderContact.objects.annotate(lowered=Lower("email")).filter(reader__study__in=others, lowered__in=wanted)
    return contacts.select_related("reader__study__protocol", "reader__group", "reader__withdrawal").order_by("reader__study", "pk")


def _with_the_same_pictures(study: Study, others: Collection[Study]) -> set[int]:
    pixels = images_of_surveys(study).values("pixel_sha256")
    return {other.pk for other in others if images_of_surveys(other).filter(pixel_sha256__in=pixels).exists()}
