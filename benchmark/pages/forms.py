"""What people type in on the results and planning pages. Forms check types; rules stay in the services."""

from django import forms

from benchmark.core.plans.plan import MAX_T
from benchmark.models import AnalysisPlan, StoredPredictions
from benchmark.services.rehearsal import Assumed

LARGEST_SEED = 2**31 - 1
SELECT = {"class": "form-select"}


class StartForm(forms.Form):
    """What a new comparison runs on. Everything has a default that is right most of the time."""

    plan = forms.ModelChoiceField(
        queryset=AnalysisPlan.objects.none(), required=False, empty_label="None: everything is exploratory",
        label="Analysis plan",
    )  # fmt: skip
    predictions = forms.ModelChoiceField(
        queryset=StoredPredictions.objects.none(), required=False, empty_label="None: answers alone",
        label="Predictions", help_text="Class probabilities, for calibration and teams.",
    )  # fmt: skip
    seed = forms.IntegerField(
        min_value=0, max_value=LARGEST_SEED, initial=0, help_text="Of all resampling; a plan's own seed goes first."
    )

    def __init__(self, *args, study, **kwargs):
        super().__init__(*args, **kwargs)
        plans = AnalysisPlan.objects.filter(study=study)
        self.fields["plan"].queryset = plans
        self.fields["plan"].label_from_instance = lambda plan: (
            f"Version {plan.version}, {'before' if plan.is_before_first_answer else 'after'} the first answer"
        )
        self.fields["plan"].initial = plans.current()
        stored = StoredPredictions.objects.filter(study=study)
        self.fields["predictions"].queryset = stored
        self.fields["predictions"].initial = stored.first()


class PredictionsForm(forms.Form):
    file = forms.FileField(
        label="predictions.csv", help_text="model, member, item, view, truth, then one p_<class> per class."
    )
    title = forms.CharField(max_length=200, required=False, label="Name")


class PlanForm(forms.Form):
    """An analysis plan, as a file or typed; the file goes first."""

    file = forms.FileField(required=False, label="analysis.toml", widget=forms.FileInput({"class": "form-control"}))
    text = forms.CharField(
        required=False,
        strip=False,
        label="Or edit it here",
        widget=forms.Textarea(attrs={"rows": 24, "spellcheck": "false"}),
    )


class PlanDraftForm(forms.Form):
    """The decisions of a first plan. `contrasts` are offered by their place in `offered`, each with its words."""

    networks = forms.MultipleChoiceField(label="Networks", widget=forms.CheckboxSelectMultiple)
    contrasts = forms.MultipleChoiceField(
        label="Comparisons that count", required=False, widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": "Choose among the comparisons of this study."},
    )  # fmt: skip
    estimand = forms.ChoiceField(
        label="The answer that decides", widget=forms.Select(SELECT),
        choices=[("both", "both, each by itself"), ("these images", "for these images"), ("new images", "for new images")],
    )  # fmt: skip
    multiplicity = forms.ChoiceField(
        label="Their p-values adjusted by", widget=forms.Select(SELECT),
        choices=[("holm", "Holm"), ("hochberg", "Hochberg"), ("bh", "Benjamini-Hochberg"), ("by", "Benjamini-Yekutieli"),
                 (MAX_T, "max-T"), ("none", "nothing")],
    )  # fmt: skip
    missing = forms.ChoiceField(
        label="An image left blank counts as", widget=forms.Select(SELECT), choices=[("incorrect", "wrong"), ("excluded", "not read")]
    )
    margin = forms.FloatField(
        label="Margin of equivalence (points)", required=False, min_value=0.1, max_value=50,
        widget=forms.NumberInput({"class": "form-control"}), help_text="Empty: equivalence is not claimed.",
    )  # fmt: skip

    def __init__(self, data=None, *, networks: list[str], offered: list[str], assisted: bool):
        super().__init__(data, prefix="draft", label_suffix="")
        if assisted:  # whose gains are not among the bootstrap draws that max-T shares
            self.fields["multiplicity"].choices = [each for each in self.fields["multiplicity"].choices if each[0] != MAX_T]
        self.fields["networks"].choices = [(name, name) for name in networks]
        self.fields["networks"].initial = networks[:1]
        self.fields["contrasts"].choices = [(str(number), words) for number, words in enumerate(offered)]
        self.fields["contrasts"].initial = [str(number) for number in range(len(offered))]
        if not offered:
            for name in ("networks", "contrasts", "estimand", "multiplicity", "missing"):
                del self.fields[name]


class DialForm(forms.Form):
    """A form of numbers with SLIDERS beside them: low, high and step of each; the number beside one may go further.

    known: the study's own design, as far as it is there; where nothing is, the fields' first values stand.
    """

    SLIDERS: dict[str, tuple[float, float, float]] = {}

    def __init__(self, data=None, *, known=None, **kwargs):
        # A bare address shows the study's own design; an address with some fields keeps the others' defaults.
        filled = {name: field.initial for name, field in self.base_fields.items()} | (known or {})
        filled |= dict(data.items()) if data else {}
        super().__init__(filled, **kwargs)
        for name, (low, high, step) in self.SLIDERS.items():
            self.fields[name].widget.attrs |= {
                "data-slider": f"{low} {high} {step}",
                "step": step if step >= 1 else "any",
            }


class PlanningForm(DialForm):
    """A design and a world; where the study has no design yet, the founding study's stands."""

    readers = forms.IntegerField(min_value=3, max_value=2000, initial=30, label="Readers of one kind")
    classes = forms.IntegerField(min_value=1, max_value=200, initial=7, label="Classes")
    per_class = forms.IntegerField(min_value=2, max_value=2000, initial=20, label="Images per class")
    per_survey = forms.IntegerField(min_value=1, max_value=200, initial=4, label="Images per class that a reader sees")
    anchors = forms.IntegerField(min_value=0, max_value=199, initial=0, label="Of them in every survey (anchors)")
    accuracy = forms.FloatField(min_value=1, max_value=99, initial=75, label="Readers' accuracy (%)")
    difference = forms.FloatField(
        min_value=-60, max_value=60, initial=10, label="True difference, network minus readers (points)"
    )
    spread = forms.ChoiceField(
        choices=[("model", "a model of readers and images"), ("points", "SDs seen in a comparison")],
        initial="model", label="Spread from", widget=forms.RadioSelect,
    )  # fmt: skip
    sd_reader = forms.FloatField(min_value=0, max_value=3, initial=0.35, label="SD between readers (logits)")
    sd_item = forms.FloatField(min_value=0, max_value=4, initial=1, label="SD between images (logits)")
    correlation = forms.FloatField(
        min_value=0, max_value=1, initial=0.5, label="Network errs where people err (0 to 1)"
    )
    sd_reader_points = forms.FloatField(min_value=0, max_value=60, initial=7, label="SD between readers (points)")
    sd_item_points = forms.FloatField(min_value=0, max_value=90, initial=45, label="SD between images (points)")
    sd_residual_points = forms.FloatField(
        min_value=0, max_value=90, initial=40, label="Residual SD of a reading (points)"
    )

    SLIDERS = {
        "readers": (3, 120, 1), "classes": (1, 20, 1), "per_class": (2, 120, 1), "per_survey": (1, 20, 1), "anchors": (0, 10, 1),
        "accuracy": (5, 95, 1), "difference": (-40, 40, 1), "sd_reader": (0, 1.5, 0.05), "sd_item": (0, 2.5, 0.05),
        "correlation": (0, 1, 0.05), "sd_reader_points": (0, 30, 1), "sd_item_points": (0, 70, 1),
        "sd_residual_points": (0, 70, 1),
    }  # fmt: skip

    def design(self) -> dict:
        return {name: self.cleaned_data[name] for name in ("readers", "classes", "per_class", "per_survey", "anchors")}

    def world(self) -> dict:
        return {
            "accuracy_readers": self.cleaned_data["accuracy"] / 100,
            "difference": self.cleaned_data["difference"] / 100,
            **{name: self.cleaned_data[name] for name in ("sd_reader", "sd_item", "correlation")},
        }


class RatingPlanningForm(DialForm):
    """A rating study's design and world: raters who tell real images from generated ones."""

    raters = forms.IntegerField(min_value=3, max_value=2000, initial=32, label="Raters")
    each = forms.IntegerField(min_value=1, max_value=1000, initial=60, label="Images that a rater judges")
    images = forms.IntegerField(min_value=4, max_value=20_000, initial=300, label="Distinct images, real and generated")
    error = forms.FloatField(min_value=1, max_value=99, initial=50, label="True error (%), 50 is chance")
    margin = forms.FloatField(min_value=0.1, max_value=49.9, initial=10, label="Margin around chance (points)")
    sd_rater = forms.FloatField(min_value=0, max_value=49, initial=8, label="SD between raters (points)")
    icc = forms.FloatField(min_value=0, max_value=0.95, initial=0.15, label="Images alike for all raters (ICC, 0 to 1)")

    DESIGN, TRUTH, SPREAD = ("raters", "each", "images"), ("error", "margin"), ("sd_rater", "icc")
    SLIDERS = {
        "raters": (3, 120, 1), "each": (1, 120, 1), "images": (4, 600, 1), "error": (20, 80, 1), "margin": (1, 25, 0.5),
        "sd_rater": (0, 25, 0.5), "icc": (0, 0.6, 0.01),
    }  # fmt: skip

    def fieldsets(self) -> list[tuple[str, list]]:
        named = (("Design", self.DESIGN), ("Truth and margin", self.TRUTH), ("Spread", self.SPREAD))
        return [(legend, [self[name] for name in names]) for legend, names in named]

    def planned(self) -> dict:
        shares = {name: self.cleaned_data[name] / 100 for name in ("error", "margin", "sd_rater")}
        return {**{name: self.cleaned_data[name] for name in self.DESIGN}, **shares, "icc": self.cleaned_data["icc"]}


class SimulationForm(forms.Form):
    studies = forms.IntegerField(min_value=100, max_value=20_000, initial=2000, label="Studies")
    seed = forms.IntegerField(min_value=0, max_value=LARGEST_SEED, initial=0)


class RehearsalForm(forms.Form):
    """What a rehearsal assumes: the share correct of each group in each view and of a made-up network, in per cent.

    asked: groups and views; without any it is a rating study, whose raters tell generated from real more or less well.
    """

    network = forms.FloatField(
        min_value=1, max_value=99, initial=80, label="Networks that have not predicted the images (%)",
        help_text="Their answers are made up. A network of this study that has predicted the images answers by itself.",
    )  # fmt: skip
    dprime = forms.FloatField(
        min_value=-5, max_value=5, initial=0.5, label="How well raters tell generated from real (d′)", help_text="0: not at all."
    )
    seed = forms.IntegerField(min_value=0, max_value=LARGEST_SEED, initial=1, help_text="The same seed, the same rehearsal.")
    leave_open = forms.BooleanField(
        required=False, label="Leave the first survey's seats open, so that I can read it like a reader"
    )

    def __init__(self, *args, asked, **kwargs):
        super().__init__(*args, label_suffix="", **kwargs)
        self.asked = {f"people-{group.code}-{view}": (group, view) for group, view in asked}
        several = len({view for _, view in asked}) > 1
        people = {
            name: forms.FloatField(
                min_value=1, max_value=99, initial=70,
                label=f"{group.plural.capitalize()}{f', {group.study.view_label(view)}' if several else ''} (%)",
            )
            for name, (group, view) in self.asked.items()
        }  # fmt: skip
        del self.fields["dprime" if asked else "network"]
        self.fields = {**people, **self.fields}

    def assumed(self) -> Assumed:
        said = self.cleaned_data
        people = {(group.code, view): said[name] / 100 for name, (group, view) in self.asked.items()}
        skill = {"network": said["network"] / 100} if "network" in said else {"dprime": said["dprime"]}
        return Assumed(people, **skill, seed=said["seed"], leave_open=said["leave_open"])
