"""What people type about networks."""

from pathlib import Path

from django import forms
from django.core.validators import validate_slug

from imagebank.models import Study
from models_ml.core.config import PRESETS
from models_ml.models import AttributionSet, Ensemble
from models_ml.services.auxiliary import LabelRow, set_names
from models_ml.services.training import AS_PRESET, DOWNLOAD, RANDOM, weight_files

PRESET_WORDS = {
    "tiny": "tiny: a small network, minutes on a processor",
    "modern": "modern: EfficientNet-B4, better supported than the paper's",
    "paper-focused": "paper-focused: the founding study's, focused pictures",
    "paper-panoramic": "paper-panoramic: the founding study's, panoramic ones",
}


class StyledForm(forms.Form):
    """Bootstrap's classes on every field."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if isinstance(field.widget, forms.CheckboxInput):
                field.widget.attrs["class"] = "form-check-input"
            elif isinstance(field.widget, forms.Select):
                field.widget.attrs["class"] = "form-select"
            elif not isinstance(field.widget, forms.CheckboxSelectMultiple | forms.RadioSelect):
                field.widget.attrs["class"] = "form-control"


class StartForm(StyledForm):
    """One run: what to train, and what differs from its preset."""

    name = forms.CharField(
        max_length=60, validators=[validate_slug],
        help_text="Letters, digits and hyphens. Runs of one name over several views answer as one reader.",
    )  # fmt: skip
    view = forms.ChoiceField()
    preset = forms.ChoiceField(
        choices=[(name, PRESET_WORDS.get(name, name)) for name in sorted(PRESETS, key=lambda name: name != "tiny")]
    )
    seed = forms.IntegerField(min_value=0, max_value=2**31 - 1, initial=0, help_text="The same seed, the same weights.")
    weights = forms.ChoiceField(required=False, label="First weights")
    auxiliary = forms.MultipleChoiceField(
        required=False, label="Auxiliary pictures", widget=forms.CheckboxSelectMultiple,
        help_text="Trained on as well; never held out as the study's own, never tested.",
    )  # fmt: skip
    epochs = forms.IntegerField(
        min_value=1, max_value=1000, required=False, help_text="Empty: as many as the preset says."
    )
    folds = forms.IntegerField(
        min_value=2, max_value=20, required=False, help_text="Empty: as the preset says. Each fold is one member."
    )
    fold_source = forms.ChoiceField(
        required=False, label="Folds come from",
        choices=[
            ("", "as the preset says"),
            ("recorded", "the folds recorded with the pictures"),
            ("grouped", "a new draw that keeps photographs and patients whole"),
        ],
    )  # fmt: skip
    only_folds = forms.CharField(
        required=False, max_length=60, label="Train these folds alone", help_text="E.g. 0, 2. Empty: all of them."
    )
    changes = forms.CharField(
        required=False, max_length=4000, label="Further settings",
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "recipe.batch_size=16"}),
        help_text="One per line, section.name=value, e.g. model.backbone=convnext_tiny or data.size_px=128.",
    )  # fmt: skip

    def __init__(self, *args, study: Study, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["view"].choices = [(view["code"], view["label"]) for view in study.views]
        sets = [(name, name) for name in set_names()]
        self.fields["auxiliary"].choices = sets
        if not sets:
            del self.fields["auxiliary"]
        files = [(name, f"the file {name}") for name in weight_files()]
        self.fields["weights"].choices = [
            (AS_PRESET, "as the preset says"), (RANDOM, "random"), (DOWNLOAD, "downloaded by timm"), *files,
        ]  # fmt: skip

    def clean_only_folds(self) -> list[int]:
        try:
            return [int(part) for part in self.cleaned_data["only_folds"].replace(",", " ").split()]
        except ValueError:
            raise forms.ValidationError("Folds are whole numbers from 0, separated by commas.") from None

    def clean_changes(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["changes"].splitlines() if line.strip()]

    def asked(self) -> dict:
        """The keywords of `start_run`."""
        given = dict(self.cleaned_data)
        return given | {"preset_name": given.pop("preset")}


class LabelTableForm(StyledForm):
    """A class for every published label, and room for one label more."""

    new_label = forms.CharField(
        max_length=200, required=False,
        widget=forms.TextInput(attrs={"placeholder": "another label", "aria-label": "Another published label"}),
    )  # fmt: skip
    new_class = forms.CharField(
        max_length=50, required=False, widget=forms.TextInput(attrs={"aria-label": "Its class"})
    )

    def __init__(self, *args, rows: list[LabelRow], **kwargs):
        super().__init__(*args, **kwargs)
        self.rows = rows
        for place, row in enumerate(rows):
            field = forms.CharField(max_length=50, required=False, initial=row.kind or "", label=row.label)
            field.widget.attrs["class"] = "form-control"
            self.fields[f"class-{place}"] = field
        for name, field in self.fields.items():
            if name != "new_label":
                field.widget.attrs["list"] = "known-classes"

    @property
    def pairs(self):
        return [(row, self[f"class-{place}"]) for place, row in enumerate(self.rows)]

    def table(self) -> dict[str, str]:
        """The whole table. A label that is not in it yet and got no class stays out of it, so that it is asked about."""
        given = [(row, self.cleaned_data[f"class-{place}"]) for place, row in enumerate(self.rows)]
        table = {row.label: kind for row, kind in given if row.kind is not None or kind}
        if self.cleaned_data["new_label"]:
            table[self.cleaned_data["new_label"]] = self.cleaned_data["new_class"]
        return table


class ImportForm(StyledForm):
    archive = forms.FileField(
        label="ZIP of a run folder, or predictions.csv", widget=forms.FileInput(attrs={"accept": ".zip,.csv"}),
        help_text="The folder that python -m models_ml.core train wrote; with a predictions.csv in it, its answers "
        "come along. Of a network trained by other means: its predictions.csv alone.",
    )  # fmt: skip
    name = forms.CharField(
        max_length=60, required=False, validators=[validate_slug], help_text="Empty: its own name."
    )
    other_pictures = forms.BooleanField(
        required=False, label="Take it even if it was trained on other pictures"
    )

    def clean_archive(self):
        archive = self.cleaned_data["archive"]
        if Path(archive.name).suffix.lower() not in (".zip", ".csv"):
            raise forms.ValidationError(f"Choose a ZIP file or a predictions.csv; {archive.name} is neither.")
        return archive


class EnsembleForm(StyledForm):
    name = forms.CharField(max_length=60, validators=[validate_slug])
    rule = forms.ChoiceField(choices=Ensemble.Rule.choices)
    threshold = forms.FloatField(min_value=0, max_value=1, initial=0.5, help_text="From here on a member is confident.")
    inclusive = forms.BooleanField(required=False, initial=True, label="A member at the threshold counts")
    fallback = forms.ChoiceField(choices=Ensemble.Fallback.choices, label="Without a confident member")
    restrict = forms.ChoiceField(choices=Ensemble.Restrict.choices, label="Answers")
    calibrated = forms.BooleanField(required=False, label="Calibrate the probabilities by the run's temperature")


class AttributionForm(StyledForm):
    method = forms.ChoiceField(choices=AttributionSet.Method.choices)
    baseline = forms.ChoiceField(choices=AttributionSet.Baseline.choices, help_text="Grad-CAM takes none.")
    controls = forms.IntegerField(
        min_value=1, max_value=10, initial=2, label="Random networks",
        help_text="Scored beside the ensemble; agreement needs two.",
    )
    limit = forms.IntegerField(min_value=1, required=False, label="Items", help_text="Empty: all of them.")
    marks = forms.FileField(
        required=False, label="Marked regions (ZIP)", widget=forms.FileInput(attrs={"accept": ".zip"}),
        help_text="Masks named sticker/T001.png, clothing/T001.png and so on. Without them regions are found by rules.",
    )  # fmt: skip
