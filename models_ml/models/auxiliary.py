"""What the labels of auxiliary pictures stand for in one study."""

from django.conf import settings
from django.db import models

from imagebank.models import Study


class AuxiliaryLabels(models.Model):
    """A study's own table of published labels; without one the shipped table holds."""

    study = models.OneToOneField(Study, on_delete=models.CASCADE, related_name="auxiliary_labels")
    labels = models.JSONField(help_text="Published label (lower case) to class; an empty class leaves pictures out.")
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="auxiliary_labels", null=True, blank=True
    )
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "auxiliary labels"

    def __str__(self):
        return f"{self.study}: {len(self.labels)} labels"
