"""The page on which a rating study begins: from the pictures that are published in a study's bank."""

from collections import Counter

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import ValidationError
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from imagebank.models import Item, Study
from imagebank.permissions import only_to_change, require_role
from surveys.coordination.new_study_views import LARGEST_PRESET
from surveys.coordination.pages import page
from surveys.languages import TRANSLATED
from surveys.services import begin_rating_study, shipped_preset
from surveys.services.rating.new_study import SHIPPED, naming_warnings
from surveys.services.setting_up.preset_text import preset_file

NUMBER, TEXT, SELECT = ({"class": name} for name in ("form-control", "form-control", "form-select"))
WORDS = {
    "sample": ("single picture", "single pictures"), "morph-frame": ("frame of a morph", "frames of morphs"),
    "mix-grid": ("style grid", "style grids"),
}  # fmt: skip


def published_sets(study: Study) -> list[tuple[str, str]]:
    """(hash, words) of every image set with pictures in the study's bank."""
    rows = Item.objects.filter(study=study, attributes__generated=True).included()
    found: dict[str, Counter] = {}
    names: dict[str, str] = {}
    for facts in rows.values_list("attributes", flat=True):
        key = str(facts.get("image_set", ""))
        if key and not facts.get("control") and not facts.get("role"):
            found.setdefault(key, Counter())[facts.get("kind", "sample")] += 1
            names[key] = str(facts.get("sampling") or facts.get("condition") or "")
    return [
        (key, f"{', '.join(_counted(kind, count) for kind, count in kinds.items())}, {names[key]} ({key[:8]})")
        for key, kinds in sorted(found.items())
    ]


def _counted(kind: str, count: int) -> str:
    one, many = WORDS.get(kind, (kind, kind))
    return f"{count:,} {one if count == 1 else many}"


class NewRatingForm(forms.Form):
    """What is shown to how many; half of the single images are real."""

    title = forms.CharField(
        required=False, max_length=200, widget=forms.TextInput(TEXT), help_text="Raters see it. Left empty: that of the questions."
    )  # fmt: skip
    slug = forms.SlugField(
        label="Address", max_length=50, help_text="Letters, digits and hyphens: what comes after /studies/.",
        widget=forms.TextInput(TEXT | {"autocapitalize": "none"}),
    )  # fmt: skip
    language = forms.ChoiceField(
        label="Language of raters", required=False, widget=forms.Select(SELECT), choices=[(code, TRANSLATED[code]) for code in SHIPPED],
        help_text="Questions, answers, consent and all other words come in it.",
    )  # fmt: skip
    preset = forms.FileField(
        label="or a study.toml of your own", required=False, widget=forms.FileInput(TEXT | {"accept": ".toml"}),
        help_text="With other questions or words, in any language. The set-up page of a rating study gives its file to begin with.",
    )  # fmt: skip
    image_sets = forms.MultipleChoiceField(
        label="Sets to rate", required=False, widget=forms.CheckboxSelectMultiple, help_text="None marked: all of them."
    )
    view = forms.ChoiceField(label="Real images from the view", widget=forms.Select(SELECT))
    singles = forms.IntegerField(label="Single images, half of them real", min_value=0, max_value=2000, initial=24)
    pairs = forms.IntegerField(label="Pairs of a real and a generated image", min_value=0, max_value=2000, initial=4)
    strips = forms.IntegerField(
        label="Morph strips, controls among them", required=False, min_value=0, max_value=2000,
        help_text="Of morphs and of each control equally many. Left empty: all that are published.",
    )  # fmt: skip
    practice = forms.IntegerField(label="Images to practise with", min_value=0, max_value=20, initial=3)
    practice_others = forms.IntegerField(
        label="Pairs, strips and grids to practise with, of each", min_value=0, max_value=5, initial=1, required=False,
        help_text="Before the part that shows them, of pictures that are rated nowhere, as far as there are any left.",
    )  # fmt: skip
    raters = forms.IntegerField(label="Raters", min_value=1, max_value=1000, initial=12)
    seed = forms.IntegerField(label="Seed of the draw", min_value=0, initial=1)
    require_tones = forms.BooleanField(
        label="Refuse where no real image of the class is within a step of a generated one's skin tone", required=False
    )

    def __init__(self, *args, study: Study, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["slug"].initial = f"{study.slug}-realism"[:50]
        self.fields["image_sets"].choices = published_sets(study)
        self.fields["view"].choices = [(code, study.view_label(code)) for code in study.view_codes()]
        for field in self.fields.values():
            if isinstance(field, forms.IntegerField):
                field.widget.attrs |= NUMBER

    def clean(self) -> dict:
        given = self.cleaned_data.get("preset")
        if given and given.size > LARGEST_PRESET:
            self.add_error("preset", f"A preset has at most {LARGEST_PRESET // 1024} KiB; {given.name} is larger.")
        return self.cleaned_data

    def preset_text(self) -> bytes:
        own = self.cleaned_data["preset"]
        return own.read() if own else shipped_preset(self.cleaned_data["language"] or "en").read_bytes()

    def drawn(self) -> dict:
        """What the draw rests on."""
        drawn = {name: value for name, value in self.cleaned_data.items() if name not in ("language", "preset")}
        return drawn | {"practice_others": drawn["practice_others"] or 0}


@require_http_methods(["GET", "HEAD", "POST"])
@require_role("coordinator")
@only_to_change
@permission_required("imagebank.add_study", raise_exception=True)
def new_rating(request, slug):
    """Real images of this study beside its generated ones: drawn, matched, certified, with a seat for every rater."""
    form = NewRatingForm(request.POST or None, request.FILES or None, study=request.study)
    if form.is_valid():
        try:
            with preset_file(form.preset_text()) as preset:
                survey_set = begin_rating_study(sources=[request.study], preset=preset, user=request.user, **form.drawn())
                warnings = naming_warnings(sources=[request.study], preset=preset)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            messages.success(request, "The rating study is drawn. Look at its certificate, then invite raters.")
            for sentence in warnings:
                messages.warning(request, sentence)
            return redirect("surveys:certificate", slug=survey_set.study.slug)
    status = 422 if form.is_bound else 200
    return page(request, "new_rating", status, form=form, published=form.fields["image_sets"].choices)
