"""What was done to a study, by whom and when; and the deletions, whose entries outlive their studies."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from .job import Job
from .study import Study


class TrailEntry(models.Model):
    """One deed about a study as a whole. It names nobody but the person who did it."""

    study = models.ForeignKey(Study, on_delete=models.SET_NULL, related_name="trail", null=True, blank=True)
    slug = models.SlugField(help_text="The study's address, which stays when the study goes.")
    deed = models.CharField(max_length=200)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="trail", null=True, blank=True
    )
    by_name = models.CharField(max_length=150, blank=True, help_text="As that person signed in; empty: by a command.")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-at", "-pk"]
        verbose_name_plural = "trail entries"
        indexes = [models.Index(fields=["slug"], name="trail_by_slug")]

    def __str__(self):
        return f"{self.slug}: {self.deed}"


class Removal(models.Model):
    """The deletion of one study: asked for, rows gone in one transaction, then its files one by one.

    What is still to be unlinked is kept here, so that a deletion that was cut off goes on where it stopped.
    """

    study_pk = models.BigIntegerField(help_text="Key of the study that goes or is gone.")
    slug = models.SlugField()
    title = models.CharField(max_length=200)
    counts = models.JSONField(default=list, help_text="What was deleted: pairs of words and number.")
    files = models.JSONField(default=list, help_text="Below the site's folder, still to be removed.")
    files_total = models.PositiveIntegerField(default=0)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="removals", null=True, blank=True
    )
    asked_by_name = models.CharField(max_length=150, blank=True)
    asked_at = models.DateTimeField(default=timezone.now)
    rows_gone_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    refusal = models.CharField(max_length=300, blank=True, help_text="Why the study was kept after all.")
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, related_name="removals", null=True, blank=True)

    class Meta:
        ordering = ["-asked_at", "-pk"]

    def __str__(self):
        return f"Deletion of {self.slug}"

    @property
    def stopped(self) -> bool:
        """Whether it waits for somebody to say "go on": its job failed or was cancelled before the end."""
        ended = self.job is not None and self.job.state in (Job.State.FAILED, Job.State.CANCELLED)
        return ended and self.finished_at is None
