"""What people type or upload about generators."""

import argparse

from django import forms

from generative.core.cli import seed_list, span
from generative.core.training.recipe import FAST, PRESETS
from generative.models import Generator, ImageSet
from generative.services.auditing import RANDOM_FEATURES, REASON_MAX, found_classifiers
from generative.services.making import own_class, picture_to_project
from generative.services.pictures import class_names
from generative.services.training import FINE_TUNE_PRESETS
from imagebank.models import Study

RESOLUTIONS = (8, 16, 32, 64, 128, 256, 512)
RECIPES = {
    "tiny": "tiny: small networks, a processor is enough",
    "auto": "auto: the published rule of thumb (GPU)",
    "authors-7": "authors-7: the seven conditions' recipe (GPU)",
    "authors-nf1": "authors-nf1: early, intermediate, late (GPU)",
}


PIPELINES = [
    ("", "the recipe's"), ("bg", "bg: mirrored, moved, turned and stretched; colours stay"), ("skin", "skin: lightness and contrast, too; hues stay"),
    ("bgc", "bgc: all colours, too (as published)"),
]  # fmt: skip
GAMMAS = [("", "the recipe's"), ("quarter", "a quarter of it"), ("four", "four times it"), ("three", "all three, as three runs")]
GAMMA_TIMES = {"": (1.0,), "quarter": (0.25,), "four": (4.0,), "three": (0.25, 1.0, 4.0)}


class Styled(forms.Form):
    """Fields in the site's own look. rare: names of those that stand folded, below the others."""

    rare: tuple[str, ...] = ()

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            widget = field.widget
            if isinstance(widget, forms.CheckboxInput | forms.RadioSelect | forms.CheckboxSelectMultiple):
                continue
            widget.attrs.setdefault("class", "form-select" if isinstance(widget, forms.Select) else "form-control")


class SeedsField(forms.CharField):
    """'0-9,17' as numbers."""

    def __init__(self, **options):
        super().__init__(max_length=400, help_text="Numbers and ranges, such as 0-9,17.", **options)

    def clean(self, value):
        text = super().clean(value)
        try:
            return list(seed_list(text.replace(" ", "")))
        except argparse.ArgumentTypeError as error:
            raise forms.ValidationError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error


class ImportNetworkForm(Styled):
    """A published network file."""

    network = forms.FileField(
        label="Network file", help_text="The official PyTorch or TensorFlow .pkl. Nothing in it is run.",
        widget=forms.FileInput(attrs={"accept": ".pkl"}),
    )  # fmt: skip
    title = forms.CharField(max_length=120, required=False, help_text="Left empty: the file's name.")
    classes = forms.CharField(
        max_length=600, required=False, label="Class names",
        help_text="In the file's own label order, with commas. The authors' files are alphabetical: After, Before, Inter.",
    )  # fmt: skip
    licence = forms.CharField(
        max_length=120, help_text="Travels with the weights. Networks trained from FFHQ are non-commercial."
    )

    def clean_classes(self) -> list[str]:
        return [part.strip() for part in self.cleaned_data["classes"].split(",") if part.strip()]


class AddSetForm(Styled):
    """Any generator's pictures."""

    archive = forms.FileField(
        label="ZIP with manifest.csv and the pictures", widget=forms.FileInput(attrs={"accept": ".zip"})
    )
    title = forms.CharField(max_length=120, required=False)
    condition = forms.ChoiceField(
        choices=ImageSet.Condition.choices, help_text="Random: as they came. Curated: chosen by somebody."
    )

    def clean_archive(self):
        archive = self.cleaned_data["archive"]
        if not archive.name.lower().endswith(".zip"):
            raise forms.ValidationError(f"Choose a ZIP file; {archive.name} is none.")
        return archive


class TrainForm(Styled):
    """A new training run."""

    title = forms.CharField(max_length=120)
    view = forms.ChoiceField(label="Pictures of the view")
    recipe = forms.ChoiceField(choices=[(name, RECIPES.get(name, name)) for name in PRESETS], initial="tiny")
    resolution = forms.TypedChoiceField(coerce=int, choices=[(r, f"{r} px") for r in RESOLUTIONS], initial=32)
    total_kimg = forms.FloatField(
        label="Length, kimg", min_value=0.01, max_value=100_000, initial=24,
        help_text="Thousands of pictures shown. 24 kimg at 32 px take about ten minutes of one processor.",
    )  # fmt: skip
    seed = forms.IntegerField(min_value=0, max_value=2**31 - 1, initial=0)
    ordinal = forms.CharField(
        required=False, max_length=200, label="Stages in order",
        help_text="Three class codes such as early,intermediate,late: the middle one is held half-way between the others.",
    )  # fmt: skip
    parent = forms.ModelChoiceField(
        Generator.objects.none(), required=False, empty_label="Nothing: from scratch", label="Start from",
        to_field_name="public_id",
    )  # fmt: skip
    fine_tune = forms.ChoiceField(
        choices=[(name, name) for name in FINE_TUNE_PRESETS], label="Take it over by",
        help_text="widen: its first pictures are the source's; authors: the mapping stays fresh, as published.",
    )  # fmt: skip
    fast = forms.BooleanField(
        required=False, label="Full speed (bfloat16, compiled). Worth it only where the worker has a GPU; a GPU is used in any case."
    )  # fmt: skip
    balanced = forms.BooleanField(required=False, label="Show every class equally often, however few pictures it has")
    unmirrored = forms.BooleanField(required=False, label="Never mirror the pictures (left and right matter)")
    pipeline = forms.ChoiceField(
        required=False, choices=PIPELINES, label="Augmentation", help_text="Changed colours may leak: false skin tones."
    )
    gamma = forms.ChoiceField(
        required=False, choices=GAMMAS, label="R1 weight (gamma)", help_text="Decides much where pictures are few; compare the runs' KID."
    )
    transition = forms.CharField(
        required=False, max_length=40, label="Labels fade in between, kimg",
        help_text="Such as 20,200: at first every picture is judged without its class. For few pictures of each class. Empty: labels from the start.",
    )  # fmt: skip
    rare = ("balanced", "unmirrored", "pipeline", "gamma", "transition")

    def __init__(self, data=None, *, study: Study):
        super().__init__(data)
        self.fields["view"].choices = [(view["code"], view["label"]) for view in study.views]
        self.fields["parent"].queryset = study.generators.all()

    def clean_ordinal(self) -> list[str]:
        stages = [part.strip() for part in self.cleaned_data["ordinal"].split(",") if part.strip()]
        if stages and len(stages) != 3:
            raise forms.ValidationError(f"Name three classes, from the first to the last; found {len(stages)}.")
        return stages

    def clean_transition(self) -> list[float]:
        text = self.cleaned_data["transition"].strip()
        try:
            return list(span(text)) if text else []
        except argparse.ArgumentTypeError as error:
            raise forms.ValidationError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error

    def settings(self) -> dict:
        """What `start_trainings` takes."""
        given = dict(self.cleaned_data)
        stages, transition, pipeline = given.pop("ordinal"), given.pop("transition"), given.pop("pipeline")
        options = FAST if given.pop("fast") else {}
        options = options | ({"balanced": True} if given.pop("balanced") else {})
        options = options | ({"mirror": False} if given.pop("unmirrored") else {})
        options = options | ({"ordinal": stages} if stages else {}) | ({"pipeline": pipeline} if pipeline else {})
        options = options | ({"transition": transition, "unconditional_loss": True} if transition else {})
        return given | {"options": options, "gamma_times": GAMMA_TIMES[given.pop("gamma")]}


class ContinueForm(Styled):
    total_kimg = forms.FloatField(label="Go on to, kimg", min_value=0.01, max_value=100_000)


class MakeForm(Styled):
    """What every set that is made here needs."""

    title = forms.CharField(max_length=120, required=False)
    condition = forms.ChoiceField(choices=ImageSet.Condition.choices)
    truncation = forms.FloatField(
        min_value=0, max_value=2, initial=0.7, help_text="1: as varied as it can. 0: its mean."
    )
    truncation_to = forms.TypedChoiceField(
        coerce=int, empty_value=None, required=False, label="Truncate up to",
        help_text="Up to a size, shapes are calmed and colours and fine detail keep their variety.",
    )  # fmt: skip
    centre = forms.ChoiceField(
        choices=[("global", "over all classes (as published)"), ("class", "of each class")],
        label="Truncate to the mean",
    )

    def __init__(self, data=None, *, generator: Generator, **options):
        super().__init__(data, **options)
        self.sizes = [(size, f"{size} px") for size in (2**power for power in range(2, generator.resolution.bit_length()))]
        self.fields["truncation_to"].choices = [("", "all layers"), *self.sizes[:-1]]
        shown = class_names(generator.study, generator.classes)
        for name in ("start", "end", "row_class", "column_class", "classes"):
            if name in self.fields:
                self.fields[name].choices = [(known, shown[known]) for known in generator.classes]
        for name, place in (("end", -1), ("column_class", -1)):
            if name in self.fields and generator.classes:
                self.fields[name].initial = generator.classes[place]


class SampleForm(MakeForm):
    classes = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple, help_text="None: all.")
    seeds = SeedsField(initial="0-9")
    field_order = ("title", "classes", "seeds")


class MorphForm(MakeForm):
    start = forms.ChoiceField(label="From")
    end = forms.ChoiceField(label="To")
    seeds = SeedsField(initial="0-3", label="Seeds (one strip each)")
    steps = forms.IntegerField(min_value=2, max_value=33, initial=5, label="Frames")
    spacing = forms.ChoiceField(
        choices=[("perceptual", "even to the eye"), ("linear", "even in the label")], label="Spacing"
    )
    field_order = ("title", "start", "end", "seeds", "steps", "spacing")


class MixForm(MakeForm):
    row_class = forms.ChoiceField(label="Rows' class (colour)")
    rows = SeedsField(initial="0-2", label="Rows' seeds")
    column_class = forms.ChoiceField(label="Columns' class (shape)")
    columns = SeedsField(initial="10-13", label="Columns' seeds")
    coarse_to = forms.TypedChoiceField(
        coerce=int, empty_value=None, required=False, label="Shape up to", help_text="The column rules up to this size."
    )
    field_order = ("title", "row_class", "rows", "column_class", "columns", "coarse_to")

    def __init__(self, data=None, *, generator: Generator, **options):
        super().__init__(data, generator=generator, **options)
        self.fields["coarse_to"].choices = [("", "half of the layers"), *self.sizes]


class ProjectionForm(Styled):
    """A real picture to be found again in the network."""

    item = forms.CharField(max_length=120, label="Item", help_text="Its code in the image bank; training and test items both may.")
    view = forms.ChoiceField()
    label = forms.ChoiceField(required=False, label="Start from the mean of", help_text="The search leaves it freely.")
    steps = forms.IntegerField(min_value=10, max_value=2000, initial=300, help_text="300 take seconds at 32 px, minutes at 256.")
    seed = forms.IntegerField(min_value=0, max_value=2**31 - 1, initial=0)

    def __init__(self, data=None, *, generator: Generator, **options):
        super().__init__(data, **options)
        self.generator = generator
        self.fields["view"].choices = [(view["code"], view["label"]) for view in generator.study.views]
        shown = class_names(generator.study, generator.classes)
        if generator.classes:
            self.fields["label"].choices = [("", "the item's own class"), *shown.items()]
        else:
            del self.fields["label"]

    def clean(self):
        given = super().clean()
        if given.get("item") and given.get("view"):
            image = picture_to_project(generator=self.generator, item=given["item"], view=given["view"])
            if self.generator.classes and not given.get("label"):
                own_class(generator=self.generator, image=image)
        return given


MAKE_FORMS = {"sample": SampleForm, "morph": MorphForm, "mix": MixForm, "projection": ProjectionForm}


class AuditForm(Styled):
    """By which pictures and features a set is judged."""

    view = forms.ChoiceField(required=False, label="Against the pictures of")
    features = forms.ChoiceField()
    probe = forms.IntegerField(
        required=False, min_value=0, max_value=50, label="Membership probe, pictures of either side (slow; empty: none)"
    )

    def __init__(self, data=None, *, image_set: ImageSet):
        super().__init__(data)
        if image_set.generator is None:
            del self.fields["probe"]
        views = [(view["code"], f"the view {view['label']}") for view in image_set.study.views]
        run = image_set.generator and image_set.generator.run
        self.fields["view"].choices = [("", "the training run"), *views] if run else views
        folds = [(name, f"classifier {name}") for name in found_classifiers()]
        self.fields["features"].choices = [*folds, (RANDOM_FEATURES, "random convolutions (no trained network)")]

    def clean_view(self) -> str | None:
        return self.cleaned_data["view"] or None


class PublishForm(Styled):
    """Into which view, and with what beside."""

    view = forms.ChoiceField(label="As pictures of the view")
    controls = forms.BooleanField(
        required=False, initial=True, label="Beside each morph its controls: shuffled, other z, cross-fade"
    )
    unaudited_reason = forms.CharField(
        required=False, max_length=REASON_MAX, label="Why without an audit", widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, data=None, *, image_set: ImageSet):
        super().__init__(data)
        self.fields["view"].choices = [(view["code"], view["label"]) for view in image_set.study.views]
        if image_set.newest_audit:
            del self.fields["unaudited_reason"]
        if image_set.kind != ImageSet.Kind.MORPH:
            del self.fields["controls"]


class DecisionForm(Styled):
    """What shall become of a suspected copy."""

    publish = forms.TypedChoiceField(
        coerce=lambda value: value == "yes", label="Decision", widget=forms.RadioSelect,
        choices=[("no", "Leave it out"), ("yes", "No copy: publish it")],
    )  # fmt: skip
    why = forms.CharField(max_length=REASON_MAX, label="Why")
