"""Who reads, where they sit, and the personal links that let them in."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from imagebank.models import Study

from .design import Survey
from .protocol import ReaderGroup


class Reader(models.Model):
    """Who reads: a physician or a network. Known by a code; a person's name and address stand in ReaderContact."""

    class Kind(models.TextChoices):
        HUMAN = "human", "Person"
        MODEL = "model", "Network"

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="readers")
    group = models.ForeignKey(ReaderGroup, on_delete=models.PROTECT, related_name="readers")
    kind = models.CharField(max_length=5, choices=Kind.choices, default=Kind.HUMAN)
    code = models.CharField(max_length=80)
    simulated = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["study", "group__position", "code"]
        constraints = [
            models.UniqueConstraint(fields=["study", "code"], name="one_reader_per_code"),
            models.CheckConstraint(
                condition=Q(kind="human") | Q(simulated=False), name="only_people_are_simulated"
            ),
        ]  # fmt: skip

    def __str__(self):
        return self.code


class ReaderContact(models.Model):
    """Name and address of a reader, apart from every answer. Deleting it leaves reader, seat and answers whole."""

    reader = models.OneToOneField(Reader, on_delete=models.PROTECT, related_name="contact")
    name = models.CharField(max_length=150, blank=True)
    email = models.EmailField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return f"Contact of {self.reader}"


class SeatQuerySet(models.QuerySet):
    def live(self):
        """The seats that count now: all but the replaced ones, exactly one per survey and group."""
        return self.exclude(state=Seat.State.REPLACED)

    def free(self):
        return self.filter(state=Seat.State.FREE)

    def of_study(self, study):
        return self.filter(survey__survey_set__study=study)


class Seat(models.Model):
    """The place of one reader group at one survey. A replaced seat stays as history beside its successor."""

    class State(models.TextChoices):
        FREE = "free", "Free"
        RESERVED = "reserved", "Invited"
        STARTED = "started", "Reading"
        COMPLETE = "complete", "Complete"
        REPLACED = "replaced", "Replaced"

    survey = models.ForeignKey(Survey, on_delete=models.PROTECT, related_name="seats")
    group = models.ForeignKey(ReaderGroup, on_delete=models.PROTECT, related_name="seats")
    state = models.CharField(max_length=8, choices=State.choices, default=State.FREE)
    reader = models.ForeignKey(Reader, on_delete=models.PROTECT, related_name="seats", null=True, blank=True)
    changed_at = models.DateTimeField(default=timezone.now)

    objects = SeatQuerySet.as_manager()

    class Meta:
        ordering = ["survey", "group__position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["survey", "group"],
                condition=~Q(state="replaced"),
                name="one_live_seat_per_survey_and_group",
            ),
            models.CheckConstraint(
                condition=Q(state="replaced")
                | (Q(state="free") & Q(reader=None))
                | (~Q(state="free") & Q(reader__isnull=False)),
                name="seat_is_free_or_has_a_reader",
            ),
        ]

    def __str__(self):
        return f"{self.survey}, {self.group.singular}: {self.get_state_display()}"


class InvitationQuerySet(models.QuerySet):
    def open(self, now=None):
        """The links that work now."""
        return self.filter(revoked_at=None, expires_at__gt=now or timezone.now())


class Invitation(models.Model):
    """A personal link. Only the hash of its token is kept; without a seat it takes a free one when reading starts."""

    reader = models.ForeignKey(Reader, on_delete=models.PROTECT, related_name="invitations")
    seat = models.ForeignKey(Seat, on_delete=models.PROTECT, related_name="invitations", null=True, blank=True)
    token_sha256 = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self):
        return f"Invitation of {self.reader}"

    def is_open(self, now=None) -> bool:
        return self.revoked_at is None and self.expires_at > (now or timezone.now())
