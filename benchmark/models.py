"""What an analysis stands on and what came out: the stamped plan, stored predictions, and each comparison."""

import json
import tomllib
from pathlib import Path

from django.conf import settings
from django.db import models

from imagebank.models import Study


class AnalysisPlanQuerySet(models.QuerySet):
    def before_the_first_answer(self):
        return self.filter(answers_when_stamped=0)

    def registered(self) -> "AnalysisPlan | None":
        """The last version that was stamped before any person had answered: the one that results are held against."""
        return self.before_the_first_answer().order_by("-version").first()

    def current(self) -> "AnalysisPlan | None":
        return self.order_by("-version").first()


class AnalysisPlan(models.Model):
    """One version of a study's analysis.toml, as it was stamped. A version never changes; a change is a new version."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="analysis_plans")
    version = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=200, blank=True)
    text = models.TextField(help_text="analysis.toml as it was handed in.")
    sha256 = models.CharField(max_length=64, help_text="Of the text in UTF-8.")
    answers_when_stamped = models.PositiveIntegerField(help_text="Answers of people that the study held at that time.")
    stamped_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="stamped_plans", null=True, blank=True
    )
    stamped_at = models.DateTimeField(auto_now_add=True)

    objects = AnalysisPlanQuerySet.as_manager()

    class Meta:
        ordering = ["study", "-version"]
        constraints = [models.UniqueConstraint(fields=["study", "version"], name="one_plan_per_version")]

    def __str__(self):
        return f"Analysis plan of {self.study}, version {self.version}"

    @property
    def is_before_first_answer(self) -> bool:
        return self.answers_when_stamped == 0

    @property
    def seed(self) -> int | None:
        """The seed that this version declares for all resampling; None where it leaves the choice."""
        return tomllib.loads(self.text).get("seeds", {}).get("bootstrap")


class StudyRecord(models.Model):
    """What only people know about a study, as `benchmark.core.facts` names its sections and fields."""

    study = models.OneToOneField(Study, on_delete=models.PROTECT, related_name="record")
    texts = models.JSONField(default=dict, blank=True, help_text="By section and field, as in facts.toml.")
    changed_at = models.DateTimeField(auto_now=True)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="changed_records", null=True, blank=True
    )

    def __str__(self):
        return f"Record of {self.study}"


class StoredPredictions(models.Model):
    """A checked predictions.csv of a study's networks. The file itself lies in the store under its hash."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="stored_predictions")
    title = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    networks = models.JSONField(help_text="Names of the networks in the file, sorted.")
    rows = models.PositiveIntegerField()
    stored_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="stored_predictions", null=True, blank=True
    )
    stored_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["study", "-stored_at"]
        verbose_name_plural = "stored predictions"
        constraints = [models.UniqueConstraint(fields=["study", "sha256"], name="one_predictions_per_hash")]

    def __str__(self):
        return self.title

    @property
    def path(self) -> Path:
        return Path(settings.VAR_DIR) / "predictions" / self.study.slug / f"{self.sha256}.csv"


class Comparison(models.Model):
    """Humans against networks on one study. Equal inputs, plan and seed give the same comparison, byte for byte."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="comparisons")
    plan = models.ForeignKey(
        AnalysisPlan, on_delete=models.PROTECT, related_name="comparisons", null=True, blank=True
    )  # fmt: skip
    predictions = models.ForeignKey(
        StoredPredictions, on_delete=models.PROTECT, related_name="comparisons", null=True, blank=True
    )
    seed = models.PositiveIntegerField(default=0)
    inputs_sha256 = models.CharField(max_length=64, help_text="Of readings, predictions and plan together.")
    hashes = models.JSONField(help_text="SHA-256 of each input file by its name.")
    results = models.JSONField(help_text="results.json, schema results/1.")
    simulated = models.BooleanField(help_text="Some of the readings come from simulated readers.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="comparisons", null=True, blank=True
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["study", "inputs_sha256", "seed"], name="one_comparison_per_inputs")
        ]

    def __str__(self):
        return f"{self.study}, {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def used_seed(self) -> int:
        """What the resampling ran with: the plan's own seed goes before the one that was asked for."""
        declared = self.plan.seed if self.plan else None
        return self.seed if declared is None else declared

    def results_as_written(self) -> dict:
        """results.json with its columns in the order in which they were written; a database may keep another one."""
        file = self.folder / "results.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else self.results

    @property
    def folder(self) -> Path:
        """Where the files of this comparison lie: inputs, tables, figures, report."""
        return comparison_folder(self.study, self.inputs_sha256, self.seed)


def comparison_folder(study: Study, inputs_sha256: str, seed: int) -> Path:
    return Path(settings.VAR_DIR) / "comparisons" / study.slug / f"{inputs_sha256[:16]}-{seed}"
