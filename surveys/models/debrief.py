"""That a study's readers may see how they did: who released it, with what, and until when."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from imagebank.models import Study

from .protocol import ReaderGroup
from .reader import Reader
from .response import SurveyResponse


class DebriefReleaseQuerySet(models.QuerySet):
    def standing(self):
        """Those that were not withdrawn: at most one of a study."""
        return self.filter(withdrawn_at=None)


class DebriefRelease(models.Model):
    """One release of the readers' results to themselves. Truth leaves the house by it, so that every one is kept."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="debrief_releases")
    with_pictures = models.BooleanField(default=False, help_text="Readers see the images again, beside the truth.")
    network = models.ForeignKey(
        Reader, on_delete=models.PROTECT, related_name="debrief_releases", null=True, blank=True,
        help_text="Whose answers stand beside the reader's own; empty: none.",
    )  # fmt: skip
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="debrief_releases", null=True, blank=True
    )
    released_at = models.DateTimeField(default=timezone.now)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    left_out = models.PositiveIntegerField(
        null=True, blank=True, help_text="Items of the surveys that were out of the bank when the others' figure was computed."
    )
    others_frozen_at = models.DateTimeField(
        null=True, blank=True, help_text="The first reader looked: from then on the figure of the others stays as it is."
    )

    objects = DebriefReleaseQuerySet.as_manager()

    class Meta:
        ordering = ["study", "-released_at"]
        constraints = [
            models.UniqueConstraint(fields=["study"], condition=Q(withdrawn_at=None), name="one_standing_release_per_study")
        ]

    def __str__(self):
        return f"Debrief of {self.study}"


class ReleasedShare(models.Model):
    """One dot of the figure in which readers see where the others of their group lie, as it was first shown.

    A reader's withdrawal deletes the sitting and leaves the dot, which then belongs to nobody.
    """

    release = models.ForeignKey(DebriefRelease, on_delete=models.PROTECT, related_name="shares")
    group = models.ForeignKey(ReaderGroup, on_delete=models.PROTECT, related_name="released_shares")
    survey_response = models.ForeignKey(
        SurveyResponse, on_delete=models.SET_NULL, related_name="released_shares", null=True, blank=True
    )
    simulated = models.BooleanField(default=False)
    view = models.SlugField()
    percent = models.PositiveSmallIntegerField(help_text="Right answers of 100, rounded to 2.")

    class Meta:
        ordering = ["release", "view", "group", "percent"]
        constraints = [
            models.UniqueConstraint(fields=["release", "survey_response", "view"], name="one_released_share_per_sitting_and_view"),
            models.CheckConstraint(condition=Q(percent__lte=100), name="released_share_is_of_100"),
        ]

    def __str__(self):
        return f"{self.percent} of 100 in {self.view}"
