"""Members under a named rule, and what they answered."""

from django.db import models
from django.db.models import F, Q

from imagebank.models import Item, Study

from .run import Member, TrainingRun


class Ensemble(models.Model):
    """The members of one run combined by one rule (see models_ml.core.answers.ensemble.combine)."""

    class Rule(models.TextChoices):
        CONFIDENT_MEAN = "confident-mean", "Mean of the confident members"
        MEAN = "mean", "Mean of all members"
        VOTE = "vote", "Vote"

    class Fallback(models.TextChoices):
        MEAN = "mean", "Mean of all members"
        ABSTAIN = "abstain", "No answer"

    class Restrict(models.TextChoices):
        ALL = "all", "Any class the network knows"
        OWN = "own", "The study's own classes alone"

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="ensembles")
    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="ensembles")
    name = models.SlugField(max_length=60, help_text="Ensembles of one name over several views are one network.")
    view = models.SlugField()
    rule = models.CharField(max_length=20, choices=Rule.choices, default=Rule.CONFIDENT_MEAN)
    threshold = models.FloatField(default=0.5)
    inclusive = models.BooleanField(default=True, help_text="A member at the threshold counts as confident.")
    fallback = models.CharField(max_length=10, choices=Fallback.choices, default=Fallback.MEAN)
    restrict = models.CharField(max_length=5, choices=Restrict.choices, default=Restrict.ALL)
    calibrated = models.BooleanField(default=False, help_text="The run's temperature is applied after averaging.")
    results = models.JSONField(default=dict, blank=True, help_text="Metrics on the items with known truth.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["study", "name", "view"]
        constraints = [
            models.UniqueConstraint(fields=["study", "name", "view"], name="one_ensemble_per_name_and_view"),
            models.CheckConstraint(condition=Q(threshold__gte=0) & Q(threshold__lte=1), name="threshold_is_a_share"),
        ]

    def __str__(self):
        return f"{self.name} ({self.view})"

    @property
    def judged(self) -> dict:
        """Metrics of the ensemble itself; empty while no item with known truth was predicted."""
        return self.results.get("ensemble", {})


class PredictionQuerySet(models.QuerySet):
    def of_members(self):
        return self.exclude(member=None)

    def of_ensembles(self):
        return self.exclude(ensemble=None)

    def right(self):
        return self.filter(answer=F("item__truth__diagnosis__code"))

    def wrong(self):
        return self.filter(item__truth__isnull=False).exclude(answer=F("item__truth__diagnosis__code"))


class Prediction(models.Model):
    """Class probabilities for one picture by one member or one ensemble; `probabilities` follows the run's classes."""

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="predictions")
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="predictions", null=True, blank=True)
    ensemble = models.ForeignKey(Ensemble, on_delete=models.CASCADE, related_name="predictions", null=True, blank=True)
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="predictions")
    view = models.SlugField()
    probabilities = models.JSONField()
    answer = models.CharField(max_length=50, blank=True, help_text="Empty where the ensemble abstains.")
    confidence = models.FloatField(help_text="The largest probability.")
    members = models.PositiveSmallIntegerField(default=1, help_text="How many members there are.")
    members_used = models.PositiveSmallIntegerField(default=1, help_text="How many of them the rule let in.")
    members_agreeing = models.PositiveSmallIntegerField(default=1, help_text="How many give this answer themselves.")
    fallback = models.CharField(max_length=10, blank=True, help_text="What was done as no member was confident.")

    objects = PredictionQuerySet.as_manager()

    class Meta:
        ordering = ["item__code", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["member", "item"], name="one_prediction_per_member_and_item"),
            models.UniqueConstraint(fields=["ensemble", "item"], name="one_prediction_per_ensemble_and_item"),
            models.CheckConstraint(
                condition=Q(member=None, ensemble__isnull=False) | Q(member__isnull=False, ensemble=None),
                name="prediction_is_of_a_member_or_an_ensemble",
            ),
        ]
        indexes = [models.Index(fields=["run", "item"])]

    def __str__(self):
        return f"{self.item_id}: {self.answer or 'no answer'}"
