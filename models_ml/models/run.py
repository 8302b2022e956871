"""A training run and its members: what was trained, from what, and how far it is."""

from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Case, Count, F, Q, Value, When

from imagebank.models import Job, Study


class TrainingRunQuerySet(models.QuerySet):
    def with_state(self):
        """Annotate `state` (TrainingRun.State). While a job trains, its row is the truth; afterwards the members are."""
        job = TrainingRun.State
        return self.annotate(
            state=Case(
                When(job__state=Job.State.QUEUED, then=Value(job.WAITING)),
                When(job__state=Job.State.RUNNING, then=Value(job.TRAINING)),
                When(complete=True, then=Value(job.FINISHED)),
                When(job__state=Job.State.FAILED, then=Value(job.FAILED)),
                When(job__state=Job.State.CANCELLED, then=Value(job.CANCELLED)),
                default=Value(job.PARTIAL),
            )
        )

    def for_list(self):
        """With everything that a list shows, in one query more than the rows themselves."""
        return (
            self.with_state()
            .select_related("study", "job", "created_by")
            .annotate(members_done=Count("members", filter=Q(members__complete=True), distinct=True))
            .prefetch_related("ensembles")
            .order_by("-created_at", "-pk")  # a query that counts does not keep the model's own order
        )


class TrainingRun(models.Model):
    """The members of one ensemble, trained for one view of a study. Runs of one name over several views are one
    network: as a reader it answers each view by the run of that view."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        TRAINING = "training", "Training"
        FINISHED = "finished", "Finished"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Failed"
        PARTIAL = "partial", "Partly trained"

    class Origin(models.TextChoices):
        SITE = "site", "Trained here"
        IMPORTED = "imported", "Imported"
        ANSWERS = "answers", "Answers alone"

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="training_runs")
    name = models.SlugField(max_length=60, help_text="Also the name under which the network answers as a reader.")
    view = models.SlugField()
    origin = models.CharField(max_length=8, choices=Origin.choices, default=Origin.SITE)
    preset = models.CharField(max_length=40, blank=True)
    config = models.JSONField(help_text="The whole configuration, as in config.toml.")
    fingerprint = models.CharField(
        max_length=64, help_text="Hash of what in the configuration decides the weights; of answers alone, of their file."
    )
    manifest_fingerprint = models.CharField(max_length=64)
    seed = models.PositiveBigIntegerField(default=0, validators=[MinValueValidator(0)])
    folds = models.JSONField(default=list, help_text="The folds to be held out, one member each.")
    classes = models.JSONField(default=list, help_text="Classes in the order of the outputs.")
    own_classes = models.JSONField(default=list)
    classes_sha256 = models.CharField(max_length=64)
    auxiliary = models.JSONField(default=list, blank=True, help_text="Sets of auxiliary pictures trained on as well.")
    other_pictures = models.TextField(
        blank=True, help_text="How its pictures were not the study's when it was imported, which somebody accepted."
    )
    complete = models.BooleanField(default=False, help_text="Every fold was trained to its end.")
    temperature = models.FloatField(null=True, blank=True, help_text="Fitted on the out-of-fold predictions.")
    out_of_fold = models.JSONField(default=dict, blank=True, help_text="Metrics of every training picture held out.")
    tta_views = models.PositiveSmallIntegerField(
        null=True, blank=True, choices=[(1, "the picture as it is"), (8, "8: its rotations and mirror images")],
        help_text="Of how many views of a picture the stored answers are the mean; empty: as the recipe says, if there is one.",
    )  # fmt: skip
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, related_name="training_runs", null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="training_runs", null=True, blank=True
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TrainingRunQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["study", "name", "view"], name="one_run_per_name_and_view")]

    def __str__(self):
        return f"{self.name} ({self.view})"

    @property
    def has_weights(self) -> bool:
        """Whether there are networks that can be run; of answers that were brought as a file there are none."""
        return self.origin != self.Origin.ANSWERS

    def require_weights(self) -> None:
        """ValidationError with one sentence where there is nothing that could be run."""
        if not self.has_weights:
            raise ValidationError(
                f"{self} was brought as answers alone, so there are no weights to run; bring a file with what is missing, or "
                "import the run folder under another name."
            )

    @property
    def recipe_views(self) -> int | None:
        """Of how many views answers are the mean unless somebody chose otherwise; None where there is no recipe."""
        return self.config.get("recipe", {}).get("tta_views")

    @property
    def answers_views(self) -> int | None:
        """Of how many views the stored answers are the mean, or would be; None where it is not known."""
        return self.tta_views or self.recipe_views

    @property
    def home(self) -> Path:
        """Everything of this run on disk: the frozen manifest, the log, and the run folder itself."""
        return Path(settings.VAR_DIR) / "networks" / self.study.slug / f"{self.name}-{self.view}"

    @property
    def folder(self) -> Path:
        """The run folder as the command line writes it."""
        return self.home / "run"

    @property
    def manifest(self) -> Path:
        return self.home / "manifest.csv"


class Member(models.Model):
    """One fold's network."""

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="members")
    name = models.CharField(max_length=20)
    fold = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=20, help_text="finished, stopped early or cancelled")
    complete = models.BooleanField()
    epochs_done = models.PositiveIntegerField()
    best_epoch = models.PositiveIntegerField()
    score = models.FloatField(null=True, blank=True, help_text="Held-out balanced accuracy of the own classes.")
    weights_sha256 = models.CharField(max_length=64, help_text="Of the file weights.safetensors.")
    seconds = models.FloatField(default=0)

    class Meta:
        ordering = ["run", "fold"]
        constraints = [
            models.UniqueConstraint(fields=["run", "fold"], name="one_member_per_fold"),
            models.CheckConstraint(condition=Q(best_epoch__lte=F("epochs_done")), name="kept_epoch_was_trained"),
        ]

    def __str__(self):
        return f"{self.run}, {self.name}"
