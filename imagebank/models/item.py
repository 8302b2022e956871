"""Items, their pictures, and what is known about them. Truth and provenance stand in tables of their own, so that
a query made for a reader cannot carry them along by accident."""

import secrets

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Case, Count, F, Q, Value, When

from .study import DiagnosisClass, Study

REVIEWS_NEEDED = 2


def new_public_id() -> str:
    """An opaque address for a picture: 128 random bits, nothing to be learnt from it."""
    return secrets.token_urlsafe(16)


class ReviewState(models.TextChoices):
    """How far the two independent reviews of an item's diagnosis are."""

    UNREVIEWED = "unreviewed", "Unreviewed"
    ONE = "one", "One review"
    AGREED = "agreed", "Agreed"
    CONFLICT = "conflict", "Conflict"


class ItemQuerySet(models.QuerySet):
    def included(self):
        return self.filter(excluded_at=None)

    def photographed(self):
        """Items of the study's own pictures; those that a generator made and somebody published are described by their sets."""
        return self.exclude(attributes__has_key="generated")

    def testing(self):
        return self.filter(split=Item.Split.TEST)

    def training(self):
        return self.filter(split=Item.Split.TRAIN)

    def with_views(self, views):
        """Items that have a picture of every one of `views`."""
        items = self
        for view in views:
            items = items.filter(images__view=view)
        return items.distinct()

    def of_class(self, code: str):
        return self.filter(truth__diagnosis__code=code)

    def excluded(self):
        return self.exclude(excluded_at=None)

    def search(self, words: str, *, in_provenance: bool = False):
        """Items whose code or group contains `words`, or, if asked, the provenance of one of their pictures."""
        found = Q(code__icontains=words) | Q(group__icontains=words)
        if in_provenance:
            found |= Q(images__provenance__original_name__icontains=words)
            found |= Q(images__provenance__attribution__icontains=words)
            found |= Q(images__provenance__source_url__icontains=words)
        return self.filter(found).distinct()

    def matching(self, *, search="", diagnosis="", view="", split="", review="", excluded="", in_provenance=False):
        """The image bank's filters together. excluded: "" for items in use, "only", or "both"."""
        items = {"": self.included, "only": self.excluded, "both": self.all}[excluded]()
        if search:
            items = items.search(search, in_provenance=in_provenance)
        if diagnosis:
            items = items.of_class(diagnosis)
        if view:
            items = items.with_views([view])
        if split:
            items = items.filter(split=split)
        if review:
            items = items.filter(pk__in=self.with_review_state().filter(review_state=review).values("pk"))
        return items

    def waiting_for(self, reviewer):
        """Items in use with a reference class that `reviewer` has not judged and two others have not either."""
        by_others = Count("reviews", filter=~Q(reviews__reviewer=reviewer), distinct=True)
        unjudged = self.included().exclude(truth=None).exclude(reviews__reviewer=reviewer)
        return unjudged.annotate(by_others=by_others).filter(by_others__lt=REVIEWS_NEEDED)

    def with_review_state(self):
        """Annotate `review_state`: unreviewed, one review, agreed, or conflict.

        Agreed: two reviews or more, all confirming the reference class. A reviewer who can confirm none of the classes
        makes a conflict once a second review is in.
        """
        reviews = Count("reviews", distinct=True)
        confirming = Count("reviews", filter=Q(reviews__diagnosis=F("truth__diagnosis")), distinct=True)
        return self.annotate(reviews_given=reviews, reviews_confirming=confirming).annotate(
            review_state=Case(
                When(reviews_given=0, then=Value(ReviewState.UNREVIEWED)),
                When(reviews_given=1, then=Value(ReviewState.ONE)),
                When(reviews_given=F("reviews_confirming"), then=Value(ReviewState.AGREED)),
                default=Value(ReviewState.CONFLICT),
            )
        )


class Item(models.Model):
    """One pictured case. Items of one group (photograph or patient) never straddle a split or a fold."""

    class Split(models.TextChoices):
        TRAIN = "train", "Training"
        TEST = "test", "Test"

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="items")
    code = models.CharField(max_length=120)
    split = models.CharField(max_length=5, choices=Split.choices, blank=True)
    fold = models.PositiveSmallIntegerField(null=True, blank=True, validators=[MaxValueValidator(99)])
    group = models.CharField(max_length=120, blank=True, help_text="Photograph or patient.")
    attributes = models.JSONField(default=dict, blank=True, help_text="Further columns of the manifest.")
    excluded_at = models.DateTimeField(null=True, blank=True)
    exclusion_reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ItemQuerySet.as_manager()

    class Meta:
        ordering = ["study", "code"]
        constraints = [
            models.UniqueConstraint(fields=["study", "code"], name="one_item_per_code"),
            models.CheckConstraint(
                condition=Q(excluded_at=None) | ~Q(exclusion_reason=""), name="exclusion_has_a_reason"
            ),
            models.CheckConstraint(condition=Q(fold=None) | ~Q(split="test"), name="test_items_have_no_fold"),
        ]
        indexes = [models.Index(fields=["study", "split"]), models.Index(fields=["study", "group"])]

    def __str__(self):
        return self.code


class Truth(models.Model):
    """The reference class of an item. Only roles that may see it ever query this table."""

    item = models.OneToOneField(Item, on_delete=models.PROTECT, related_name="truth")
    diagnosis = models.ForeignKey(DiagnosisClass, on_delete=models.PROTECT, related_name="truths")

    def __str__(self):
        return f"{self.item}: {self.diagnosis.code}"


class DiagnosisReview(models.Model):
    """One reviewer's independent judgement of an item's diagnosis against its source."""

    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="reviews")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reviews")
    diagnosis = models.ForeignKey(
        DiagnosisClass, on_delete=models.PROTECT, related_name="reviews", null=True, blank=True,
        help_text="Empty: the reviewer cannot confirm any of the classes.",
    )  # fmt: skip
    comment = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "reviewer"], name="one_review_per_reviewer")]

    def __str__(self):
        return f"{self.reviewer} on {self.item}"


class ItemImage(models.Model):
    """One picture of an item: the metadata-free file that everything else is made from, and its hashes."""

    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="images")
    view = models.SlugField()
    public_id = models.CharField(max_length=40, unique=True, default=new_public_id, editable=False)
    file = models.FileField(upload_to="images", max_length=200)
    mask = models.FileField(upload_to="masks", max_length=200, blank=True)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    original_sha256 = models.CharField(max_length=64, help_text="Of the bytes as they came.")
    pixel_sha256 = models.CharField(max_length=64, help_text="Of the decoded, upright RGB pixels.")
    perceptual_hash = models.CharField(max_length=16, blank=True, help_text="64-bit DCT hash in hexadecimal.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["item", "view"]
        constraints = [models.UniqueConstraint(fields=["item", "view"], name="one_image_per_view")]
        indexes = [models.Index(fields=["original_sha256"]), models.Index(fields=["pixel_sha256"])]

    def __str__(self):
        return f"{self.item} ({self.view})"


class Provenance(models.Model):
    """Where a picture comes from and what may be done with it."""

    image = models.OneToOneField(ItemImage, on_delete=models.CASCADE, related_name="provenance")
    original_name = models.CharField(max_length=300)
    source_url = models.CharField(max_length=500, blank=True)
    licence = models.CharField(max_length=120, blank=True)
    permission = models.CharField(max_length=300, blank=True)
    attribution = models.CharField(max_length=500, blank=True)
    nature = models.CharField(max_length=60, blank=True, help_text='E.g. "drawn, not a photograph".')

    class Meta:
        verbose_name_plural = "provenances"

    def __str__(self):
        return self.original_name


class Rendition(models.Model):
    """A deterministic web copy of a picture: same input, same bytes."""

    image = models.ForeignKey(ItemImage, on_delete=models.CASCADE, related_name="renditions")
    name = models.SlugField(help_text='"reading" or "thumbnail".')
    file = models.FileField(upload_to="renditions", max_length=200)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["image", "name"], name="one_rendition_per_name")]

    def __str__(self):
        return f"{self.image}: {self.name}"
