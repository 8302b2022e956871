"""What a rating study shows at one place: a picture, a pair, a strip of frames or a grid, made of the bank's images."""

from dataclasses import dataclass

from django.db import models

from imagebank.models import DiagnosisClass, Item, ItemImage, Study
from imagebank.models.item import new_public_id


class Stimulus(models.Model):
    """One thing to be rated. Its condition, role and the origin of its frames never reach a rater."""

    class Kind(models.TextChoices):
        SINGLE = "single", "One image"
        PAIR = "pair", "Two images side by side"
        STRIP = "strip", "A strip of frames"
        GRID = "grid", "A grid of images"

    class Role(models.TextChoices):
        RATED = "rated", "Rated"
        CATCH = "catch", "Obvious, to see whether a rater looks"
        PRACTICE = "practice", "For practice only"

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="stimuli")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="stimuli", help_text="The case it is about.")
    code = models.CharField(max_length=120)
    public_id = models.CharField(max_length=40, unique=True, default=new_public_id, editable=False)
    kind = models.CharField(max_length=6, choices=Kind.choices)
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.RATED)
    condition = models.CharField(max_length=80, blank=True, help_text='E.g. "random sample", "curated", "cross-fade".')
    label = models.ForeignKey(
        DiagnosisClass, on_delete=models.PROTECT, related_name="stimuli", null=True, blank=True,
        help_text="The class that it is stated to show.",
    )  # fmt: skip
    columns = models.PositiveSmallIntegerField(default=1, help_text="Of a grid; strips and pairs are one row.")

    class Meta:
        ordering = ["study", "code"]
        verbose_name_plural = "stimuli"
        constraints = [models.UniqueConstraint(fields=["study", "code"], name="one_stimulus_per_code")]

    def __str__(self):
        return self.code

    def heads(self) -> "Heads":
        """The sources that stand before the rows and above the columns of a grid cut out of one picture; else none."""
        frames = list(self.frames.all()) if self.kind == self.Kind.GRID else []
        boxes = [frame.box for frame in frames]
        if not frames or not all(boxes) or len({frame.image_id for frame in frames}) > 1:
            return Heads()
        left, top, right, bottom = boxes[0]
        width, height = right - left, bottom - top
        if left < width or top < height:
            return Heads()
        return Heads(
            image=frames[0].image,
            rows=tuple((0, box[1], width, box[3]) for box in boxes[:: self.columns]),
            columns=tuple((box[0], 0, box[2], height) for box in boxes[: self.columns]),
        )


@dataclass(frozen=True)
class Heads:
    """A grid's sources: boxes (left, top, right, bottom) of `image`, row by row and column by column."""

    image: ItemImage | None = None
    rows: tuple[tuple[int, ...], ...] = ()
    columns: tuple[tuple[int, ...], ...] = ()


class StimulusFrame(models.Model):
    """One image of a stimulus, and whether it is real or generated."""

    class Origin(models.TextChoices):
        REAL = "real", "Real"
        GENERATED = "generated", "Generated"

    stimulus = models.ForeignKey(Stimulus, on_delete=models.PROTECT, related_name="frames")
    position = models.PositiveSmallIntegerField(help_text="From 1, row by row.")
    image = models.ForeignKey(ItemImage, on_delete=models.PROTECT, related_name="stimulus_frames")
    origin = models.CharField(max_length=9, choices=Origin.choices)
    box = models.JSONField(
        default=list, blank=True, help_text="Left, top, right, bottom in pixels of the image; empty: the whole image."
    )

    class Meta:
        ordering = ["stimulus", "position"]
        constraints = [models.UniqueConstraint(fields=["stimulus", "position"], name="one_frame_per_position")]

    def __str__(self):
        return f"{self.stimulus}, {self.position}"
