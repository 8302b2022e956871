"""Surveys as drawn: stored once, never computed again."""

from django.db import models
from django.db.models import Q

from imagebank.models import Item, Study
from imagebank.models.item import new_public_id

from .stimulus import Stimulus


class SurveySet(models.Model):
    """All surveys of a study that were drawn together from one seed, with the certificate of their balance."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="survey_sets")
    seed = models.BigIntegerField()
    design = models.JSONField(help_text="The whole design.json, as drawn.")
    certificate = models.JSONField()
    design_sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["study", "pk"]
        constraints = [models.UniqueConstraint(fields=["study"], name="one_survey_set_per_study")]

    def __str__(self):
        return f"{self.study}: seed {self.seed}"


class Survey(models.Model):
    """One ordered form: blocks by view, each a list of items."""

    survey_set = models.ForeignKey(SurveySet, on_delete=models.PROTECT, related_name="surveys")
    number = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=40)
    set_label = models.CharField(max_length=40, help_text="Which of the sets that cover every item once.")

    class Meta:
        ordering = ["survey_set", "number"]
        constraints = [
            models.UniqueConstraint(fields=["survey_set", "number"], name="one_survey_per_number"),
            models.UniqueConstraint(fields=["survey_set", "code"], name="one_survey_per_code"),
        ]

    def __str__(self):
        return self.code


class Block(models.Model):
    """The part of a survey that shows one view."""

    survey = models.ForeignKey(Survey, on_delete=models.PROTECT, related_name="blocks")
    view = models.SlugField()
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["survey", "position"]
        constraints = [
            models.UniqueConstraint(fields=["survey", "position"], name="one_block_per_position"),
            models.UniqueConstraint(fields=["survey", "view"], name="one_block_per_view"),
        ]

    def __str__(self):
        return f"{self.survey}, block {self.position} ({self.view})"


class SurveyItemQuerySet(models.QuerySet):
    def first_showings(self):
        """What is scored: an item that comes again is read by it the first time."""
        return self.filter(repeat_of=None)

    def counted(self):
        """What decides whether a sitting is complete: every page of a rating study, first showings of a reading study."""
        return self.exclude(stimulus=None, repeat_of__isnull=False)


class SurveyItem(models.Model):
    """One item at its place in one block. Readers know it by an opaque identifier that occurs nowhere else.

    A rating study shows a stimulus; without one the item's picture in the block's view is shown. What comes a second time is a
    place of its own, and for its reader a page like every other.
    """

    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="survey_items")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="survey_items")
    position = models.PositiveSmallIntegerField()
    public_id = models.CharField(max_length=40, unique=True, default=new_public_id, editable=False)
    stimulus = models.ForeignKey(Stimulus, on_delete=models.PROTECT, related_name="survey_items", null=True, blank=True)
    order = models.JSONField(
        default=list, blank=True, help_text="Positions of the stimulus's frames in the order shown; empty: as they are."
    )
    repeat_of = models.ForeignKey(
        "self", on_delete=models.PROTECT, related_name="repeats", null=True, blank=True,
        help_text="The earlier place of the same stimulus, or item, in this block.",
    )  # fmt: skip

    objects = SurveyItemQuerySet.as_manager()

    class Meta:
        ordering = ["block", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["block", "item"], condition=Q(stimulus=None, repeat_of=None), name="item_once_per_block"
            ),
            models.UniqueConstraint(
                fields=["block", "item"],
                condition=Q(stimulus=None, repeat_of__isnull=False),
                name="item_again_once_per_block",
            ),
            models.UniqueConstraint(
                fields=["block", "stimulus"],
                condition=Q(stimulus__isnull=False, repeat_of=None),
                name="stimulus_once_per_block",
            ),
            models.UniqueConstraint(fields=["block", "position"], name="one_item_per_position"),
        ]

    def __str__(self):
        return f"{self.block}, {self.position}"
