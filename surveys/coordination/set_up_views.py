"""The pages on which a study is described in a form, changed until it is read, and taken away as study.toml."""

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from imagebank.permissions import require_role
from surveys.coordination.new_study_views import LARGEST_PRESET, begin_from
from surveys.coordination.pages import download, page
from surveys.coordination.set_up_form import SetUpForm, form_can_say
from surveys.models import Answer
from surveys.services.setting_up.new_study import change_study
from surveys.services.setting_up.preset_text import preset_of, toml_text


class PresetFileForm(forms.Form):
    """A study.toml in place of the one that the study has."""

    preset = forms.FileField(label="study.toml", widget=forms.FileInput({"class": "form-control", "accept": ".toml"}))

    def clean_preset(self) -> bytes:
        given = self.cleaned_data["preset"]
        if given.size > LARGEST_PRESET:
            raise ValidationError(f"A preset has at most {LARGEST_PRESET // 1024} KiB; {given.name} is larger.")
        return given.read()


@require_http_methods(["GET", "POST"])
@login_required
@permission_required("imagebank.add_study", raise_exception=True)
def describe(request: HttpRequest) -> HttpResponse:
    """Describe a new study; what is written becomes its study.toml."""
    form = SetUpForm(request.POST or None)
    began = begin_from(request, form, toml_text(form.preset()).encode()) if form.is_valid() else None
    return began or render(request, "surveys/describe.html", {"form": form}, status=400 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
@require_role("coordinator")
def set_up(request: HttpRequest, slug: str) -> HttpResponse:
    """What was set up, to be changed until the first answer: in the form, or by another file."""
    study = request.study
    preset = preset_of(study)
    fixed = Answer.objects.of_study(study).exists() or not hasattr(study, "protocol")
    by_file = "preset" in request.FILES
    form = None
    if form_can_say(preset) and not fixed:
        form = SetUpForm(request.POST if request.POST and not by_file else None, known=preset)
    files = PresetFileForm(request.POST if by_file else None, request.FILES if by_file else None)
    asked = files if by_file or form is None else form
    if request.method == "POST" and asked.is_valid():
        text = files.cleaned_data["preset"] if by_file else toml_text(form.preset()).encode()
        try:
            change_study(study=study, preset=text)
        except ValidationError as refusal:
            asked.add_error(None, refusal)
        else:
            messages.success(request, "The set-up is changed.")
            return redirect("study", slug)
    context = {"form": form, "files": files, "fixed": fixed, "preset": toml_text(preset)}
    return page(request, "set_up", 422 if request.method == "POST" else 200, **context)


@require_GET
@require_role("coordinator", "analyst")
def study_file(request: HttpRequest, slug: str) -> HttpResponse:
    return download(toml_text(preset_of(request.study)), "study.toml", "application/toml; charset=utf-8")
