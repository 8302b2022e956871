"""What readers' browsers are given to show: made once, kept, and named by its hashes."""

from django.db import models
from django.utils import timezone

from imagebank.models import ItemImage, Study


class ServedPicture(models.Model):
    """The file that every reader of a study sees of an image in one kind of block. The first that is made stays."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="served_pictures")
    view = models.SlugField(help_text="View of the blocks, or kind of stimulus, that show it.")
    image = models.ForeignKey(ItemImage, on_delete=models.CASCADE, related_name="served_pictures")
    part = models.CharField(max_length=40, blank=True, help_text="Left, top, right, bottom in pixels; empty: the whole.")
    file = models.FileField(upload_to="served", max_length=200)
    bytes = models.PositiveIntegerField(help_text="Before it is filled up to the length of all files of its block.")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64, help_text="Of the file.")
    pixel_sha256 = models.CharField(max_length=64, help_text="Of the decoded RGB pixels that a browser shows.")
    chain = models.CharField(max_length=200, help_text="How it was made of the pixels that networks see.")
    encoder = models.CharField(max_length=100)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["study", "view", "image", "part"]
        constraints = [
            models.UniqueConstraint(fields=["study", "view", "image", "part"], name="one_served_picture_per_part")
        ]

    def __str__(self):
        return f"{self.image} in {self.study}"
