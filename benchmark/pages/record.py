"""The page on which a study's record is written: what only people know, for its protocol and its reports."""

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from imagebank.permissions import Role, may_change, require_role

from ..services.facts import study_facts
from ..services.rating_analysis import is_rating_study
from ..services.record import (
    LONGEST_TEXT,
    field_words,
    record_file,
    store_record,
    stored_record,
    taken_from_file,
    with_record,
)

RECORD_ROLES = (Role.COORDINATOR, Role.ANALYST)


class RecordForm(forms.Form):
    """One text for every field of the record, section by section, and a file that fills several at once."""

    file = forms.FileField(
        required=False, label="Or take them from a file", help_text="facts.toml or .json. What it says replaces what stands here.",
        widget=forms.FileInput({"class": "form-control", "accept": ".toml,.json"}),
    )  # fmt: skip

    def __init__(self, *args, record: dict, known: dict, **kwargs):
        super().__init__(*args, label_suffix="", **kwargs)
        self.sections = []
        for section, words in field_words().items():
            given, names = record.get(section, {}), []
            for field, (label, asks) in words["fields"].items():
                name = f"{section}-{field}"
                self.fields[name] = forms.CharField(
                    required=False, label=label, help_text=asks, initial=given.get(field, ""), max_length=LONGEST_TEXT,
                    widget=forms.Textarea({"rows": 2, "class": "form-control"}),
                )  # fmt: skip
                names.append((name, known.get(section, {}).get(field, "")))
            self.sections.append((words["title"], len(given), [(self[name], told) for name, told in names]))

    def texts(self) -> dict[str, dict[str, str]]:
        """By section and field, with the file's in the place of those typed."""
        typed: dict[str, dict[str, str]] = {}
        for section, words in field_words().items():
            typed[section] = {field: self.cleaned_data[f"{section}-{field}"] for field in words["fields"]}
        file = self.cleaned_data["file"]
        return with_record(typed, taken_from_file(file)) if file else typed


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(*RECORD_ROLES)
def study_record(request: HttpRequest, slug: str) -> HttpResponse:
    """What is written, what the site knows by itself, and what is still empty."""
    study, may_write = request.study, may_change(request.user, request.study, *RECORD_ROLES)
    written = stored_record(study)
    posted = (request.POST, request.FILES) if request.method == "POST" and may_write else ()
    form = RecordForm(*posted, record=written, known=study_facts(study, record={}))
    if form.is_bound and form.is_valid():
        try:
            store_record(study=study, texts=form.texts(), user=request.user)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            messages.success(request, "The record is saved. The protocol and every comparison from now on tell it.")
            return redirect("benchmark:record", slug)
    context = {
        "study": study, "form": form, "may_write": may_write, "rated": is_rating_study(study),
        "filled": sum(map(len, written.values())), "fields": len(form.fields) - 1,
    }  # fmt: skip
    return render(request, "benchmark/record.html", context, status=400 if form.is_bound else 200)


@require_GET
@require_role(*RECORD_ROLES)
def study_record_file(request: HttpRequest, slug: str) -> HttpResponse:
    response = HttpResponse(record_file(request.study), content_type="application/toml")
    response["Content-Disposition"] = f'attachment; filename="{slug}-facts.toml"'
    response["Cache-Control"] = "private, no-store"
    return response
