"""One stored analysis: what went in, under which plan, and what came out."""

from pathlib import Path

from django.conf import settings
from django.db import models

from imagebank.models import Study


class Comparison(models.Model):
    """Humans against networks on one study. Equal inputs, plan and seed give the same comparison, byte for byte."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="comparisons")
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
    def folder(self) -> Path:
        """Where the files of this comparison lie: inputs, tables, figures, report."""
        return comparison_folder(self.study, self.inputs_sha256, self.seed)


def comparison_folder(study: Study, inputs_sha256: str, seed: int) -> Path:
    return Path(settings.VAR_DIR) / "comparisons" / study.slug / f"{inputs_sha256[:16]}-{seed}"
