"""Which pixels spoke for an answer: a set of maps made together, and each map with what is needed to judge it."""

from pathlib import Path

from django.db import models

from imagebank.models import Item, Job
from imagebank.models.item import new_public_id

from .ensemble import Ensemble


class AttributionSet(models.Model):
    """Maps of one ensemble by one method, made by one job, with their summary and the random-weights control."""

    class Method(models.TextChoices):
        INTEGRATED_GRADIENTS = "integrated-gradients", "Integrated Gradients"
        GRADCAM = "gradcam", "Grad-CAM"
        SMOOTHGRAD = "smoothgrad", "SmoothGrad"
        OCCLUSION = "occlusion", "Occlusion"

    class Baseline(models.TextChoices):
        BLUR = "blur", "Blurred picture"
        MEDIAN = "median", "Median colour"
        ZERO = "zero", "The network's mean colour"
        BLACK = "black", "Black"
        WHITE = "white", "White"

    ensemble = models.ForeignKey(Ensemble, on_delete=models.CASCADE, related_name="attribution_sets")
    method = models.CharField(max_length=30, choices=Method.choices, default=Method.INTEGRATED_GRADIENTS)
    baseline = models.CharField(max_length=10, choices=Baseline.choices, default=Baseline.BLUR)
    controls = models.PositiveSmallIntegerField(default=2, help_text="Networks of random weights scored beside it.")
    limit = models.PositiveIntegerField(null=True, blank=True, help_text="This many items, in turn from the classes.")
    summary = models.JSONField(default=dict, blank=True, help_text="summary.json, schema attribution/2.")
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, related_name="attribution_sets", null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self):
        return f"{self.get_method_display()} of {self.ensemble}"

    @property
    def baseline_in_words(self) -> str:
        """What the picture is held against; Grad-CAM reads the network's last layer and holds it against nothing."""
        return "no baseline" if self.method == self.Method.GRADCAM else f"baseline {self.get_baseline_display().lower()}"

    @property
    def walks_a_path(self) -> bool:
        """Whether the method takes steps from the baseline to the picture."""
        return self.method in (self.Method.INTEGRATED_GRADIENTS, self.Method.SMOOTHGRAD)

    @property
    def folder(self) -> Path:
        return self.ensemble.run.home / "attributions" / str(self.pk)

    @property
    def study_id(self) -> int:
        return self.ensemble.study_id


def agreed(layer: str) -> str:
    """Name of the layer that shows of a map what the members agree on."""
    return layer.replace(".webp", "-agreed.webp")


class AttributionMapQuerySet(models.QuerySet):
    def with_items(self):
        return self.select_related("item").prefetch_related("item__images")


class AttributionMap(models.Model):
    """One signed map for one picture and one target class. Red pixels speak for the class, blue ones against it."""

    class Target(models.TextChoices):
        PREDICTED = "predicted", "Predicted class"
        TRUE = "true", "True class"
        CONTRAST = "contrast", "Predicted against true class"

    attribution_set = models.ForeignKey(AttributionSet, on_delete=models.CASCADE, related_name="maps")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="attribution_maps")
    view = models.SlugField()
    public_id = models.CharField(max_length=40, unique=True, default=new_public_id, editable=False)
    target = models.CharField(max_length=10, choices=Target.choices)
    target_class = models.CharField(max_length=50)
    minus_class = models.CharField(max_length=50, blank=True)
    method = models.CharField(max_length=30, choices=AttributionSet.Method.choices)
    answer = models.CharField(max_length=50)
    gap = models.FloatField(null=True, blank=True, help_text="Completeness gap; empty where the method has none.")
    why = models.CharField(max_length=200, blank=True, help_text="Why there is no gap.")
    steps = models.PositiveIntegerField()
    members_used = models.PositiveSmallIntegerField()
    weights_sha256 = models.CharField(max_length=64, help_text="Over names and weight files of all members.")
    scores = models.JSONField(help_text="mass, rank, pointing, deletion, insertion, agreement, on_skin.")
    control = models.JSONField(help_text="The same scores of networks with random weights.")
    wrong_class = models.JSONField(help_text="The same scores for the least probable class.")
    regions = models.JSONField(default=list, blank=True, help_text="Shares of relevance, area and control by region.")
    mask_share = models.FloatField(null=True, blank=True)
    layer = models.CharField(max_length=200, help_text="Transparent picture of the map, within the set's folder.")
    raw = models.CharField(max_length=200, help_text="Raw signed maps (.npz), within the set's folder.")

    objects = AttributionMapQuerySet.as_manager()

    class Meta:
        ordering = ["item__code", "target"]
        constraints = [
            models.UniqueConstraint(fields=["attribution_set", "item", "target"], name="one_map_per_item_and_target")
        ]

    def __str__(self):
        return f"{self.item_id}: {self.target} {self.target_class}"

    @property
    def agreed_layer(self) -> str:
        """Empty where a single member answered, or the map was stored before there was such a layer."""
        name = agreed(self.layer)
        return name if (self.attribution_set.folder / name).is_file() else ""
