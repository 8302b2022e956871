"""Generators, the runs that train them, and the sets of pictures that they make. A published picture becomes an item of
the image bank; everything else about it stays here, out of a reader's reach."""

from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import Q

from imagebank.models import Item, ItemImage, Job, Study
from imagebank.models.item import new_public_id


class GeneratorRun(models.Model):
    """One training of a generator on a study's pictures. Its files lie in `folder`; the newest complete state is what a
    run that was stopped or killed goes on from."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="generator_runs")
    public_id = models.CharField(max_length=40, unique=True, default=new_public_id, editable=False)
    title = models.CharField(max_length=120)
    recipe = models.CharField(max_length=20)
    resolution = models.PositiveSmallIntegerField()
    view = models.SlugField()
    options = models.JSONField(default=dict, blank=True, help_text="Further recipe options by name.")
    total_kimg = models.FloatField(help_text="Thousands of pictures to show.")
    seed = models.PositiveIntegerField(default=0)
    parent = models.ForeignKey(
        "Generator", on_delete=models.PROTECT, related_name="fine_tunings", null=True, blank=True,
        help_text="The network that the run started from.",
    )  # fmt: skip
    preset = models.CharField(max_length=10, blank=True, help_text="How it was taken over: widen or authors.")
    pictures = models.PositiveIntegerField(default=0)
    manifest_sha256 = models.CharField(max_length=64, blank=True)
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, related_name="+", null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="generator_runs", null=True, blank=True
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self):
        return self.title

    @property
    def folder(self) -> Path:
        return Path(settings.VAR_DIR) / "generators" / "runs" / self.public_id


class Generator(models.Model):
    """A network that makes pictures: trained here, imported from a published file, or shipped."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="generators")
    public_id = models.CharField(max_length=40, unique=True, default=new_public_id, editable=False)
    title = models.CharField(max_length=120)
    weights_hash = models.CharField(max_length=64, help_text="Of shape and weights: equal hashes make equal pictures.")
    source_sha256 = models.CharField(max_length=64, blank=True, help_text="Of the file that it was imported from.")
    licence = models.CharField(max_length=120)
    classes = models.JSONField(default=list, help_text="Names, in the network's own label order.")
    resolution = models.PositiveSmallIntegerField()
    description = models.JSONField(default=dict, help_text="network.json.")
    run = models.ForeignKey(GeneratorRun, on_delete=models.PROTECT, related_name="generators", null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="generators", null=True, blank=True
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["study", "weights_hash"], name="one_generator_per_weights")]

    def __str__(self):
        return self.title

    @property
    def folder(self) -> Path:
        """The weights folder; named by its content, so that two studies share one copy."""
        return Path(settings.VAR_DIR) / "generators" / "weights" / self.weights_hash


class ImageSet(models.Model):
    """Generated pictures frozen under one hash. Curated and random sets are separate conditions of a rating."""

    class Kind(models.TextChoices):
        SAMPLE = "sample", "Single pictures"
        MORPH = "morph", "Morph strips"
        MIX = "mix", "Style grid"
        PROJECTION = "projection", "Projection"

    class Condition(models.TextChoices):
        RANDOM = "random", "Random"
        CURATED = "curated", "Curated"

    class State(models.TextChoices):
        DRAFT = "draft", "Not audited"
        AUDITED = "audited", "Audited"
        QUARANTINED = "quarantined", "Suspected copies"
        PUBLISHED = "published", "Published"

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="image_sets")
    public_id = models.CharField(max_length=40, unique=True, default=new_public_id, editable=False)
    title = models.CharField(max_length=120)
    set_hash = models.CharField(max_length=64)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    condition = models.CharField(max_length=8, choices=Condition.choices)
    state = models.CharField(max_length=12, choices=State.choices, default=State.DRAFT)
    generator = models.ForeignKey(Generator, on_delete=models.PROTECT, related_name="sets", null=True, blank=True)
    made_by = models.CharField(max_length=120, help_text="The generator's name, ours or another's.")
    licence = models.CharField(max_length=120, blank=True)
    record = models.JSONField(help_text="set.json.")
    manifest = models.TextField(help_text="manifest.csv, to the byte.")
    resolution = models.PositiveIntegerField()
    evaluation = models.JSONField(default=dict, blank=True, help_text="evaluation/1, the newest.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="image_sets", null=True, blank=True
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["study", "set_hash"], name="one_set_per_hash")]

    def __str__(self):
        return self.title

    @property
    def newest_audit(self) -> "Audit | None":
        return self.audits.first()


class SampleQuerySet(models.QuerySet):
    def unresolved(self):
        """Suspected copies about which nobody has decided."""
        return self.filter(quarantined=True, decision=None)

    def publishable(self):
        """Not suspected, or published by somebody's recorded decision."""
        return self.filter(Q(quarantined=False) | Q(decision__publish=True))


class Sample(models.Model):
    """One picture of a set."""

    image_set = models.ForeignKey(ImageSet, on_delete=models.CASCADE, related_name="samples")
    public_id = models.CharField(max_length=40, unique=True, default=new_public_id, editable=False)
    index = models.PositiveIntegerField()
    code = models.CharField(max_length=120, help_text="Its name in the manifest.")
    class_name = models.CharField(max_length=150, blank=True, help_text="The class it was asked for, or is nearest to.")
    label = models.JSONField(default=dict, blank=True, help_text="Class names and their shares.")
    seed = models.CharField(max_length=60, blank=True)
    position = models.FloatField(null=True, blank=True, help_text="Along a morph, 0 to 1.")
    note = models.JSONField(default=dict, blank=True, help_text="Further columns of the manifest.")
    file = models.FileField(upload_to="generated", max_length=200)
    sha256 = models.CharField(max_length=64)
    audit_distance = models.FloatField(
        null=True, blank=True, help_text="Smallest distance over its threshold; below 1 is suspected."
    )
    quarantined = models.BooleanField(default=False)

    objects = SampleQuerySet.as_manager()

    class Meta:
        ordering = ["image_set", "index"]
        constraints = [models.UniqueConstraint(fields=["image_set", "index"], name="one_sample_per_index")]

    def __str__(self):
        return f"{self.image_set}, picture {self.index + 1}"


class Audit(models.Model):
    """One search for copies of training pictures in a set."""

    image_set = models.ForeignKey(ImageSet, on_delete=models.CASCADE, related_name="audits")
    features = models.CharField(max_length=200)
    calibration = models.CharField(max_length=200)
    report = models.JSONField(help_text="audit/1 without the pictures' names.")
    n_train = models.PositiveIntegerField()
    n_held_out = models.PositiveIntegerField()
    n_suspected = models.PositiveIntegerField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="audits", null=True, blank=True
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self):
        return f"{self.image_set}: {self.n_suspected} suspected"


class AuditFinding(models.Model):
    """A generated picture that lies nearer to a training picture than held-out pictures come. For curators only."""

    audit = models.ForeignKey(Audit, on_delete=models.CASCADE, related_name="findings")
    sample = models.ForeignKey(Sample, on_delete=models.CASCADE, related_name="findings")
    neighbour = models.ForeignKey(
        ItemImage, on_delete=models.PROTECT, related_name="audit_findings", null=True, blank=True
    )
    neighbour_code = models.CharField(max_length=120)
    space = models.CharField(max_length=20)
    distance = models.FloatField()
    threshold = models.FloatField()
    variant = models.CharField(max_length=120, blank=True, help_text="How the picture was turned or cut.")

    class Meta:
        ordering = ["sample__index", "space"]

    def __str__(self):
        return f"{self.sample} near {self.neighbour_code}"


class CopyDecision(models.Model):
    """What a curator decided about a suspected copy, who and why. It stays on record."""

    sample = models.OneToOneField(Sample, on_delete=models.CASCADE, related_name="decision")
    publish = models.BooleanField(help_text="True: publish it all the same. False: leave it out.")
    why = models.CharField(max_length=500)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="copy_decisions", null=True
    )
    decided_at = models.DateTimeField(auto_now=True)

    def __str__(self):
        return f"{self.sample}: {'publish' if self.publish else 'leave out'}"


class Publication(models.Model):
    """A set's pictures as items of a study. Once published, a set never changes."""

    image_set = models.ForeignKey(ImageSet, on_delete=models.PROTECT, related_name="publications")
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="generated_publications")
    view = models.SlugField()
    unaudited_reason = models.CharField(max_length=500, blank=True, help_text="Why it was published without an audit.")
    items = models.ManyToManyField(Item, related_name="publications")
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="publications", null=True
    )
    published_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-published_at"]
        constraints = [models.UniqueConstraint(fields=["image_set", "study"], name="one_publication_per_study")]

    def __str__(self):
        return f"{self.image_set} in {self.study}"
