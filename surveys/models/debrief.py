"""That a study's readers may see how they did: who released it, with what, and until when."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from imagebank.models import Study

from .reader import Reader


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

    objects = DebriefReleaseQuerySet.as_manager()

    class Meta:
        ordering = ["study", "-released_at"]
        constraints = [
            models.UniqueConstraint(fields=["study"], condition=Q(withdrawn_at=None), name="one_standing_release_per_study")
        ]

    def __str__(self):
        return f"Debrief of {self.study}"
