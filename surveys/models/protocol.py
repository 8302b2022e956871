"""How a study is read: its question, the words that readers see, who reads, and when a sitting counts as complete."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from imagebank.models import Study


class StudyProtocol(models.Model):
    """The rules and words of one study. They are fixed before the first answer."""

    class ViewOrder(models.TextChoices):
        FIXED = "fixed", "The same order in every survey"
        COUNTERBALANCED = "counterbalanced", "Each order equally often"
        RANDOM = "random", "An order drawn for every survey"

    study = models.OneToOneField(Study, on_delete=models.PROTECT, related_name="protocol")
    question = models.CharField(max_length=300, blank=True)
    view_order = models.JSONField(help_text="Codes of the views, one block each, in the order of reading.")
    view_order_design = models.CharField(
        max_length=15,
        choices=ViewOrder.choices,
        default=ViewOrder.FIXED,
        help_text="Whether every survey has its blocks in the same order.",
    )
    questions = models.JSONField(
        default=list,
        blank=True,
        help_text="What is asked about each item, in order; empty: the one question, answered by a class.",
    )
    stimuli = models.JSONField(
        default=dict, blank=True, help_text="For a rating study, by block: how its stimuli are named and shown."
    )
    pictures = models.JSONField(
        default=dict, blank=True, help_text="format, quality and side_px of the files that readers get; empty: the usual."
    )
    language = models.CharField(
        max_length=10, default="en", help_text="Code of the language of the study's own texts, in which readers are addressed."
    )
    per_class = models.PositiveSmallIntegerField(validators=[MinValueValidator(1)])
    sets = models.PositiveSmallIntegerField(validators=[MinValueValidator(1)])
    repeats = models.DecimalField(
        max_digits=4,
        decimal_places=3,
        default=Decimal("0"),
        validators=[MinValueValidator(0), MaxValueValidator(Decimal("0.5"))],
        help_text="Share of a reading study's block that comes a second time in it.",
    )
    completion_threshold = models.DecimalField(
        max_digits=4,
        decimal_places=3,
        default=Decimal("0.950"),
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="Complete means that more than this share of the questions is answered.",
    )
    strictly_more = models.BooleanField(default=True, help_text="Off: exactly the share is complete as well.")
    allow_blank = models.BooleanField(default=True)
    zoom_allowed = models.BooleanField(default=True)
    invitation_days = models.PositiveSmallIntegerField(default=60, help_text="How long a personal link works.")
    demographic_questions = models.JSONField(default=list, blank=True)
    landing_text = models.TextField(blank=True)
    consent_text = models.TextField(blank=True, help_text="Needed before surveys are drawn.")
    instructions_text = models.TextField(blank=True)
    practice_text = models.TextField(blank=True)
    break_text = models.TextField(blank=True)
    thanks_text = models.TextField(blank=True)
    invitation_subject = models.CharField(max_length=200, blank=True, help_text="Of the letter; empty: ours.")
    invitation_body = models.TextField(blank=True, help_text="The letter, with {name}, {link} ...; empty: ours.")
    recruitment_closed_at = models.DateTimeField(null=True, blank=True, help_text="Nobody new may be invited or begin.")
    reading_closed_at = models.DateTimeField(null=True, blank=True, help_text="No link lets anybody read any more.")
    contacts_kept_days = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="After reading was closed; then names and e-mails erase themselves. Empty: by hand."
    )
    debrief_offered = models.BooleanField(
        default=False, help_text="Readers are told that they may see afterwards how they did; a coordinator releases it."
    )
    certificate_issuer = models.CharField(
        max_length=200, blank=True, help_text="Who certifies that a reader took part; empty: no certificate."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(per_class__gte=1) & Q(sets__gte=1), name="protocol_sizes_are_positive"),
            models.CheckConstraint(
                condition=Q(completion_threshold__gte=0) & Q(completion_threshold__lte=1),
                name="completion_threshold_is_a_share",
            ),
        ]

    def __str__(self):
        return f"Protocol of {self.study}"

    @property
    def repeats_percent(self) -> str:
        """What comes a second time, in per cent of a block: "10", "7.5"."""
        return f"{100 * float(self.repeats):g}"

    def is_complete(self, *, answered: int, questions: int) -> bool:
        """Whether `answered` of `questions` is more than the threshold: at .95, 54 of 56 is, 19 of 20 is not.

        Without `strictly_more`, exactly the threshold is complete too: 19 of 20.
        """
        needed = self.completion_threshold * questions
        return answered > needed or (answered == needed and not self.strictly_more)

    def fewest_answers(self, questions: int) -> int:
        """The smallest number of answers that makes a sitting of `questions` questions complete."""
        floor = int(self.completion_threshold * questions)
        return floor if self.is_complete(answered=floor, questions=questions) else floor + 1


class ReaderGroup(models.Model):
    """One kind of reader, e.g. medical geneticists; each survey has one seat per group of people."""

    class Kind(models.TextChoices):
        HUMAN = "human", "People"
        MODEL = "model", "Networks"

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="reader_groups")
    code = models.SlugField(max_length=60)
    singular = models.CharField(max_length=80)
    plural = models.CharField(max_length=80)
    kind = models.CharField(max_length=5, choices=Kind.choices, default=Kind.HUMAN)
    prefix = models.CharField(max_length=8, help_text='Starts the codes of its readers: "G" gives G01, G02 ...')
    colour_role = models.CharField(max_length=20, blank=True)
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["study", "position"]
        constraints = [
            models.UniqueConstraint(fields=["study", "code"], name="one_reader_group_per_code"),
            models.UniqueConstraint(fields=["study", "prefix"], name="one_reader_group_per_prefix"),
        ]

    def __str__(self):
        return self.plural
