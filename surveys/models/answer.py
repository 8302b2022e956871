"""What readers chose, every change of mind included, and what their screens showed."""

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from imagebank.models import DiagnosisClass
from surveys.core.answer_log import VERSION

from .design import SurveyItem
from .response import SurveyResponse


class AppendOnlyQuerySet(models.QuerySet):
    """Rows are added and read. Changing or deleting them in bulk is refused."""

    def update(self, **kwargs):
        raise TypeError("Answers are a history: record a new answer instead of changing one.")

    def delete(self):
        raise TypeError("Answers are a history: they are never deleted.")


class AnswerQuerySet(AppendOnlyQuerySet):
    def standing(self):
        """The latest answer of each response to each question about a survey item: the one that counts."""
        later = Answer.objects.filter(
            survey_response=OuterRef("survey_response"),
            survey_item=OuterRef("survey_item"),
            question=OuterRef("question"),
            sequence__gt=OuterRef("sequence"),
        )
        return self.filter(~Exists(later))

    def given(self):
        """Answers that say something; the others took an answer back."""
        return self.exclude(chosen=None, value__isnull=True)

    def diagnoses(self):
        """Answers to the study's one question that is answered by a class."""
        return self.filter(question="")

    def of_study(self, study):
        return self.filter(survey_response__survey__survey_set__study=study)

    def counted(self):
        """Answers that count towards a complete sitting, and are summed up: not those to a reading study's second showings."""
        return self.exclude(survey_item__stimulus=None, survey_item__repeat_of__isnull=False)


class Answer(models.Model):
    """One answer, or its withdrawal, to one question about a survey item. The latest stands; each row seals the last.

    The question of a reading study has no code and is answered by a class, `chosen`; every other question has a code
    and a typed `value` (surveys.questions says which).
    """

    survey_response = models.ForeignKey(SurveyResponse, on_delete=models.PROTECT, related_name="answers")
    survey_item = models.ForeignKey(SurveyItem, on_delete=models.PROTECT, related_name="answers")
    chosen = models.ForeignKey(DiagnosisClass, on_delete=models.PROTECT, related_name="answers", null=True, blank=True)
    question = models.SlugField(max_length=40, blank=True, default="")
    value = models.JSONField(null=True, blank=True)
    event_id = models.UUIDField(unique=True, help_text="Made by the reader's browser; the same save twice is one.")
    sequence = models.PositiveIntegerField(help_text="Order of receipt within the response, from 1.")
    rt_ms = models.PositiveIntegerField(
        null=True, blank=True, help_text="From the painted image to the choice, by the browser's monotonic clock."
    )
    client_ms = models.FloatField(null=True, blank=True, help_text="The browser's monotonic clock at the choice.")
    chosen_at = models.DateTimeField(null=True, blank=True, help_text="The browser's wall clock at the choice.")
    received_at = models.DateTimeField(default=timezone.now)
    waited_ms = models.PositiveIntegerField(
        null=True, blank=True, help_text="From the choice to the sending, by the browser's clock: long where there was no line."
    )
    hash_version = models.PositiveSmallIntegerField(
        default=VERSION, help_text="What the hash is over; 1 says nothing of the wait (surveys.core.answer_log)."
    )
    entry_sha256 = models.CharField(max_length=64, help_text="Hash of this row and of the row before it.")

    objects = AnswerQuerySet.as_manager()

    class Meta:
        ordering = ["survey_response", "sequence"]
        constraints = [
            models.UniqueConstraint(fields=["survey_response", "sequence"], name="one_answer_per_sequence"),
            models.CheckConstraint(condition=Q(sequence__gte=1), name="answer_sequence_starts_at_one"),
            models.CheckConstraint(
                condition=Q(question="", value__isnull=True) | (~Q(question="") & Q(chosen=None)),
                name="a_class_answers_the_question_without_a_code",
            ),
        ]
        indexes = [models.Index(fields=["survey_response", "survey_item", "sequence"], name="answer_standing")]

    def __str__(self):
        given = self.chosen.code if self.chosen else self.value
        return f"{self.survey_response}, {self.survey_item}: {'no answer' if given is None else given}"


class ViewingEvent(models.Model):
    """Something the reader's screen did: an image painted, zoomed, hidden, or not loaded."""

    class Kind(models.TextChoices):
        SHOWN = "shown", "Image decoded and painted"
        ZOOMED = "zoomed", "Zoomed"
        HIDDEN = "hidden", "Window left"
        VISIBLE = "visible", "Window came back"
        BLURRED = "blurred", "Another window got the focus"
        FOCUSED = "focused", "Focus came back"
        SCREEN = "screen", "Size of the window"
        MASKED = "masked", "Image covered after its time"
        FAILED = "failed", "Image did not load"
        OUTPUT = "output", "Network's output handed out"
        CONTROL = "control", "Asked again without any output"
        LATE = "late", "Answer not counted: too late"

    survey_response = models.ForeignKey(SurveyResponse, on_delete=models.PROTECT, related_name="viewing_events")
    survey_item = models.ForeignKey(
        SurveyItem, on_delete=models.PROTECT, related_name="viewing_events", null=True, blank=True
    )
    event_id = models.UUIDField(unique=True)
    kind = models.CharField(max_length=7, choices=Kind.choices)
    client_ms = models.FloatField(null=True, blank=True)
    detail = models.JSONField(default=dict, blank=True)
    received_at = models.DateTimeField(default=timezone.now)

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        ordering = ["survey_response", "pk"]
        indexes = [models.Index(fields=["survey_response", "kind"], name="viewing_by_kind")]

    def __str__(self):
        return f"{self.survey_response}: {self.get_kind_display()}"
