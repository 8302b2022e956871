"""Readings of a study that was finished elsewhere."""

from django.db import models

from imagebank.models import DiagnosisClass, Item

from .reader import Reader


class ImportedReading(models.Model):
    """One row of an imported readings.csv: a reader's answer to one item, seen in one view."""

    reader = models.ForeignKey(Reader, on_delete=models.PROTECT, related_name="imported_readings")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="imported_readings")
    view = models.SlugField(blank=True)
    chosen = models.ForeignKey(
        DiagnosisClass, on_delete=models.PROTECT, related_name="imported_readings", null=True, blank=True
    )
    survey = models.CharField(max_length=80, blank=True)
    block = models.CharField(max_length=80, blank=True)
    position = models.PositiveIntegerField(null=True, blank=True)
    showing = models.PositiveSmallIntegerField(default=1, help_text="2: the item came a second time in its block.")
    anchor = models.BooleanField(default=False, help_text="The item stood in every survey.")
    confidence = models.FloatField(null=True, blank=True)
    rt_ms = models.FloatField(null=True, blank=True)
    second_answer = models.JSONField(
        default=dict, blank=True, help_text="Whose output was in sight, what it answered, the answer given then, its time."
    )
    answered_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    source_sha256 = models.CharField(max_length=64, help_text="Of the file that the row came from.")

    class Meta:
        ordering = ["reader", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["reader", "item", "view", "survey", "showing"], name="one_imported_reading_per_reader_item_and_view"
            )
        ]

    def __str__(self):
        return f"{self.reader} on {self.item}"
