"""Recruiting readers: the letters that went out, and what people answered to them."""

from django.db import models
from django.utils import timezone

from .reader import Invitation, Reader


class LetterQuerySet(models.QuerySet):
    def of_study(self, study):
        return self.filter(invitation__reader__study=study)

    def waiting(self):
        return self.filter(state=Letter.State.WAITING)


class Letter(models.Model):
    """One e-mail to a reader. It holds neither address nor link: the address stands in ReaderContact, the link is made
    at the moment of sending and kept only as a hash."""

    class Kind(models.TextChoices):
        INVITATION = "invitation", "Invitation"
        REMINDER = "reminder", "Reminder"
        RESULTS = "results", "Results are ready"

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting to be sent"
        SENDING = "sending", "Being sent"
        SENT = "sent", "Sent"
        FAILED = "failed", "Not sent"
        BOUNCED = "bounced", "Came back"

    invitation = models.ForeignKey(Invitation, on_delete=models.PROTECT, related_name="letters")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    problem = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(null=True, blank=True, help_text="When it was sent, failed or came back.")

    objects = LetterQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["state"], name="letter_by_state")]

    def __str__(self):
        return f"{self.get_kind_display()} to {self.invitation.reader}: {self.get_state_display().lower()}"


class Withdrawal(models.Model):
    """That a reader withdrew, when, and how many answers were deleted; of the answers themselves nothing is kept."""

    reader = models.OneToOneField(Reader, on_delete=models.PROTECT, related_name="withdrawal")
    answers = models.PositiveIntegerField()
    at = models.DateTimeField(default=timezone.now)

    def __str__(self):
        return f"{self.reader} withdrew"


class Reply(models.Model):
    """What a person answered to being invited, noted by a coordinator. The latest word stands."""

    reader = models.OneToOneField(Reader, on_delete=models.PROTECT, related_name="reply")
    agreed = models.BooleanField(help_text="Off: declined.")
    given_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "replies"

    def __str__(self):
        return f"{self.reader} {'agreed' if self.agreed else 'declined'}"
