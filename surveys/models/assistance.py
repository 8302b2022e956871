"""The network's output that readers see before they answer a second time, and where none is: frozen before the first answer."""

from django.db import models

from imagebank.models import DiagnosisClass, Item, Study

from .design import SurveyItem
from .protocol import ReaderGroup


class Assistance(models.Model):
    """Whose output the readers of a study see, and the hash over all of it."""

    study = models.OneToOneField(Study, on_delete=models.PROTECT, related_name="assistance")
    network = models.CharField(max_length=80, help_text="Its name, as tables give it.")
    source = models.JSONField(default=dict, blank=True, help_text="What the output was made with, e.g. weights' hashes.")
    control = models.JSONField(
        default=dict, blank=True,
        help_text="What the control items were drawn from: the seed, and shares by view. Empty: every item has an output.",
    )  # fmt: skip
    sha256 = models.CharField(
        max_length=64, help_text="Over answers, probabilities and maps of all items, and the control items."
    )
    frozen_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "assistance"

    def __str__(self):
        return f"{self.network} beside the readers of {self.study}"


class ShownOutput(models.Model):
    """What readers see of the network about one item in one view."""

    assistance = models.ForeignKey(Assistance, on_delete=models.CASCADE, related_name="outputs")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="shown_outputs")
    view = models.SlugField()
    answer = models.ForeignKey(
        DiagnosisClass, on_delete=models.PROTECT, related_name="shown_outputs", null=True, blank=True,
        help_text="Empty where the network abstains.",
    )  # fmt: skip
    probabilities = models.JSONField(help_text="By class of the study, from 0 to 1.")
    map_file = models.FileField(
        upload_to="served", max_length=200, blank=True, help_text="The picture under the network's map, as readers get it."
    )
    map_sha256 = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["assistance", "view", "item"]
        constraints = [
            models.UniqueConstraint(fields=["assistance", "item", "view"], name="one_shown_output_per_item_and_view")
        ]

    def __str__(self):
        return f"{self.assistance.network} on {self.item} ({self.view})"


class ControlItem(models.Model):
    """An item about which the reader of a seat is asked again without any output: the control arm. Drawn, not chosen."""

    assistance = models.ForeignKey(Assistance, on_delete=models.CASCADE, related_name="control_items")
    group = models.ForeignKey(ReaderGroup, on_delete=models.PROTECT, related_name="control_items")
    survey_item = models.ForeignKey(SurveyItem, on_delete=models.PROTECT, related_name="control_items")

    class Meta:
        ordering = ["assistance", "group", "survey_item"]
        constraints = [
            models.UniqueConstraint(fields=["assistance", "group", "survey_item"], name="control_once_per_group_and_item")
        ]

    def __str__(self):
        return f"{self.survey_item} of a {self.group.singular}: no output"
