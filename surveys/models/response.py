"""One reader's sitting of one survey, and how far it is."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from imagebank.models.item import new_public_id

from .design import Block, Survey
from .protocol import ReaderGroup
from .reader import Invitation, Reader, Seat


class SurveyResponseQuerySet(models.QuerySet):
    def of_study(self, study):
        return self.filter(survey__survey_set__study=study)

    def complete(self):
        return self.exclude(completed_at=None)

    def analysed(self):
        return self.filter(analysed=True)


class SurveyResponse(models.Model):
    """One reader's sitting of one survey. The first complete one per survey and group is analysed, by server time."""

    survey = models.ForeignKey(Survey, on_delete=models.PROTECT, related_name="responses")
    group = models.ForeignKey(ReaderGroup, on_delete=models.PROTECT, related_name="responses")
    reader = models.ForeignKey(Reader, on_delete=models.PROTECT, related_name="responses")
    seat = models.OneToOneField(Seat, on_delete=models.PROTECT, related_name="response", null=True, blank=True)
    invitation = models.OneToOneField(
        Invitation, on_delete=models.PROTECT, related_name="response", null=True, blank=True
    )
    public_id = models.CharField(max_length=40, unique=True, default=new_public_id, editable=False)
    simulated = models.BooleanField(default=False)
    demographics = models.JSONField(default=dict, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    consented_at = models.DateTimeField(null=True, blank=True)
    described_at = models.DateTimeField(null=True, blank=True, help_text="Demographic questions answered.")
    instructed_at = models.DateTimeField(null=True, blank=True)
    practised_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True, help_text="Every block is sealed.")
    completed_at = models.DateTimeField(null=True, blank=True, help_text="Finished with enough answers.")
    analysed = models.BooleanField(default=False)
    debriefed_at = models.DateTimeField(null=True, blank=True, help_text="The reader first saw which answers were right.")

    objects = SurveyResponseQuerySet.as_manager()

    class Meta:
        ordering = ["survey", "group__position", "started_at"]
        constraints = [
            models.UniqueConstraint(fields=["reader", "survey"], name="one_response_per_reader_and_survey"),
            models.UniqueConstraint(
                fields=["survey", "group"],
                condition=Q(analysed=True) & Q(seat__isnull=False),
                name="one_analysed_response_per_survey_and_group",
            ),
            models.CheckConstraint(
                condition=Q(analysed=False) | Q(completed_at__isnull=False), name="only_complete_is_analysed"
            ),
            models.CheckConstraint(
                condition=Q(completed_at=None) | Q(finished_at__isnull=False), name="complete_is_finished"
            ),
        ]

    def __str__(self):
        return f"{self.reader} on {self.survey}"


class BlockSitting(models.Model):
    """One block of one response: opened when the reader goes in, sealed for good when the reader goes on."""

    survey_response = models.ForeignKey(SurveyResponse, on_delete=models.PROTECT, related_name="block_sittings")
    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="sittings")
    opened_at = models.DateTimeField(default=timezone.now)
    sealed_at = models.DateTimeField(null=True, blank=True)
    seal_sha256 = models.CharField(
        max_length=64, blank=True, help_text="Head of the answer log at the moment of sealing."
    )

    class Meta:
        ordering = ["survey_response", "block__position"]
        constraints = [
            models.UniqueConstraint(fields=["survey_response", "block"], name="one_sitting_per_block"),
        ]

    def __str__(self):
        return f"{self.survey_response}: {self.block}"
