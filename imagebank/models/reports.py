"""What an import did, and what the leakage check found."""

from django.db import models

from .item import ItemImage
from .study import Study


class ImportRun(models.Model):
    """One import of a manifest: what came in, what was there already, and every bad row by its line."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="imports")
    source = models.CharField(max_length=300)
    created = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    rejected = models.JSONField(default=list, help_text='List of {"line", "message"}.')
    notes = models.JSONField(default=list, help_text="Sentences about what was guessed of the manifest, such as its encoding.")
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-started_at"]

    def __str__(self):
        return f"{self.source}: {self.created} new, {self.unchanged} unchanged, {len(self.rejected)} rejected"


class LeakageReport(models.Model):
    """One run of the leakage check over a study's images."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="leakage_reports")
    images = models.PositiveIntegerField()
    pairs_compared = models.PositiveBigIntegerField()
    parameters = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self):
        return f"{self.study}: {self.images} images"


class LeakageFindingQuerySet(models.QuerySet):
    def across_a_border(self):
        return self.filter(models.Q(crosses_split=True) | models.Q(crosses_fold=True))

    def with_items(self):
        """With everything a report shows, worst first."""
        return self.select_related("first__item", "second__item").order_by("-crosses_split", "-crosses_fold", "pk")


class LeakageFinding(models.Model):
    """Two pictures that should not be in different hands, and why."""

    class Kind(models.TextChoices):
        BYTES = "bytes", "Byte-identical files"
        PIXELS = "pixels", "Identical pixels"
        NEAR = "near", "Near-duplicate"
        CROP = "crop", "One is cut out of the other"
        GROUP = "group", "Same photograph or patient"

    report = models.ForeignKey(LeakageReport, on_delete=models.CASCADE, related_name="findings")
    kind = models.CharField(max_length=6, choices=Kind.choices)
    first = models.ForeignKey(ItemImage, on_delete=models.CASCADE, related_name="findings_as_first")
    second = models.ForeignKey(ItemImage, on_delete=models.CASCADE, related_name="findings_as_second")
    crosses_split = models.BooleanField(help_text="One is in training, the other in the test set.")
    crosses_fold = models.BooleanField(default=False)
    score = models.FloatField(null=True, blank=True, help_text="Similarity from the confirmation step, 0 to 1.")

    objects = LeakageFindingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["report", "kind", "first", "second"], name="one_finding_per_pair")
        ]

    def __str__(self):
        return f"{self.get_kind_display()}: {self.first}, {self.second}"

    @property
    def crosses_a_border(self) -> bool:
        """Between training and test, or between two folds: what was learnt on one is asked about the other."""
        return self.crosses_split or self.crosses_fold
