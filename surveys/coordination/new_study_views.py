"""The page on which a study begins."""

import tomllib
from pathlib import Path

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from surveys.services.setting_up.new_study import begin_study

LARGEST_PRESET = 512 * 1024
CONTROL, SELECT = {"class": "form-control"}, {"class": "form-select"}


def shipped_presets() -> list[tuple[str, str]]:
    """(folder, title) of every preset that a study begins with; a rating study begins with published pictures instead."""
    folder = Path(settings.BASE_DIR) / "fixtures"
    read = {path.parent.name: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*/study.toml"))}
    return [(name, preset["study"]["title"]) for name, preset in read.items() if "stimuli" not in preset]


class NewStudyForm(forms.Form):
    """A title, an address, and a preset: one of ours or a file."""

    title = forms.CharField(max_length=200, widget=forms.TextInput(CONTROL))
    slug = forms.SlugField(
        label="Address",
        help_text="Letters, digits and hyphens: what comes after /studies/.",
        widget=forms.TextInput(CONTROL | {"autocapitalize": "none"}),
    )
    shipped = forms.ChoiceField(label="Begin with", required=False, widget=forms.Select(SELECT))
    preset = forms.FileField(
        label="or with a study.toml of your own", required=False, widget=forms.FileInput(CONTROL | {"accept": ".toml"})
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["shipped"].choices = [("", "a file of my own"), *shipped_presets()]

    def clean(self) -> dict:
        given, shipped = self.cleaned_data.get("preset"), self.cleaned_data.get("shipped")
        if bool(given) == bool(shipped):
            raise forms.ValidationError("Choose one preset: a shipped one or a file of your own.")
        if given and given.size > LARGEST_PRESET:
            raise forms.ValidationError(f"A preset has at most {LARGEST_PRESET // 1024} KiB; {given.name} is larger.")
        return self.cleaned_data

    def preset_text(self) -> bytes:
        if self.cleaned_data["preset"]:
            return self.cleaned_data["preset"].read()
        return (Path(settings.BASE_DIR) / "fixtures" / self.cleaned_data["shipped"] / "study.toml").read_bytes()


@require_http_methods(["GET", "POST"])
@login_required
@permission_required("imagebank.add_study", raise_exception=True)
def new_study(request: HttpRequest) -> HttpResponse:
    form = NewStudyForm(request.POST or None, request.FILES or None)
    began = begin_from(request, form, form.preset_text()) if form.is_valid() else None
    return began or render(request, "surveys/new_study.html", {"form": form}, status=400 if form.is_bound else 200)


def begin_from(request: HttpRequest, form: forms.Form, preset: bytes) -> HttpResponse | None:
    """Begin the study of a form with `slug` and `title`: the way to it, or None with the reason for a refusal on the form."""
    about = {name: form.cleaned_data[name] for name in ("slug", "title")}
    try:
        study = begin_study(preset=preset, user=request.user, **about)
    except ValidationError as refusal:
        form.add_error(None, refusal)
        return None
    messages.success(request, "The study is set up. Next: import its images.")
    return redirect("study", study.slug)
