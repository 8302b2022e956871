"""Background work as rows: anyone can see how far it is, stop it, and start it again."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

from .study import Study

WORKER_SILENT_AFTER_S = 60


class JobQuerySet(models.QuerySet):
    def active(self):
        return self.filter(state__in=[Job.State.QUEUED, Job.State.RUNNING])

    def silent_since(self, moment):
        """Running jobs whose worker has not been heard of since `moment`."""
        return self.filter(state=Job.State.RUNNING, heartbeat_at__lt=moment)


class Job(models.Model):
    """One piece of background work. `kind` names the function that does it (imagebank.jobs.JOB_KINDS)."""

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="jobs", null=True, blank=True)
    kind = models.CharField(max_length=60)
    title = models.CharField(max_length=200)
    payload = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    message = models.CharField(max_length=300, blank=True)
    cancel_requested = models.BooleanField(default=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    uncounted_attempts = models.PositiveSmallIntegerField(default=0)  # a stop in order, or a person, ended them; see jobs.py
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    result = models.JSONField(default=dict, blank=True)
    error = models.TextField(blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="jobs", null=True, blank=True
    )
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["state", "heartbeat_at"])]

    def __str__(self):
        return self.title

    @property
    def is_active(self) -> bool:
        return self.state in (self.State.QUEUED, self.State.RUNNING)

    @property
    def percent(self) -> int | None:
        """Progress in whole per cent, or None while the amount of work is not known."""
        return min(100, 100 * self.done // self.total) if self.total else None


class JobLine(models.Model):
    """One line of a job's log."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="lines")
    at = models.DateTimeField(default=timezone.now)
    text = models.CharField(max_length=500)

    class Meta:
        ordering = ["pk"]

    def __str__(self):
        return self.text


class WorkerBeatQuerySet(models.QuerySet):
    def lives(self, *, for_long: bool = False) -> bool:
        """Whether a worker was heard of within the last minute; for_long: one that takes long jobs, too."""
        heard = self.filter(at__gte=timezone.now() - timedelta(seconds=WORKER_SILENT_AFTER_S))
        return (heard.filter(takes_long=True) if for_long else heard).exists()


class WorkerBeat(models.Model):
    """When a background worker was last heard of."""

    name = models.CharField(max_length=100, unique=True, help_text="Of its node, as celery calls it.")
    at = models.DateTimeField()
    takes_long = models.BooleanField(default=True, help_text="Off: it takes quick jobs alone.")

    objects = WorkerBeatQuerySet.as_manager()

    def __str__(self):
        return f"{self.name} at {self.at:%H:%M:%S}"
