"""The page of the split: what is for training and what for testing, and a draw of the test set and the folds."""

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from imagebank.bank_jobs import IMPORT, LOOK
from imagebank.bank_tabs import bank_tabs
from imagebank.models import Item
from imagebank.permissions import WORKING_ROLES, Role, may_change, require_role
from imagebank.services.splits import draw_split, split_counts, standing_against, whole_per_class

SUGGESTED, MOST_FOLDS = 20, 20
NUMBER = {"class": "form-control"}


class SplitForm(forms.Form):
    """How many test items of every class, how many folds, and the seed."""

    per_class = forms.IntegerField(
        label="Test items of every class", required=False, min_value=1, widget=forms.NumberInput(NUMBER),
        help_text="Empty: the test set stays as it is.",
    )  # fmt: skip
    folds = forms.IntegerField(
        label="Folds of the training items", min_value=0, max_value=MOST_FOLDS, initial=5, widget=forms.NumberInput(NUMBER),
        help_text="Each fold is held out by one member of an ensemble. 0: none.",
    )  # fmt: skip
    seed = forms.IntegerField(
        min_value=0, max_value=2**31 - 1, initial=0, widget=forms.NumberInput(NUMBER),
        help_text="The same seed, the same split.",
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(*WORKING_ROLES)
def bank_split(request: HttpRequest, slug: str) -> HttpResponse:
    """Counts for all who work on the study; the draw for its coordinators, while nothing rests on the present split."""
    study, coordinates = request.study, may_change(request.user, request.study, Role.COORDINATOR)
    form = SplitForm(request.POST if request.method == "POST" and coordinates else None)
    if form.is_bound and form.is_valid():
        try:
            words = draw_split(study=study, user=request.user, **form.cleaned_data)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            messages.success(request, f"You {words}.")
            return redirect("imagebank:split", slug)
    counts, whole = split_counts(study), whole_per_class(study) if coordinates else {}
    most = min(whole.values(), default=0)
    form.fields["per_class"].initial = None if study.items.testing().exists() else min(SUGGESTED, most) or None
    context = {
        "study": study, "form": form, "most": most, "counts": counts, **bank_tabs(request),
        "columns": [label for _, label in (*Item.Split.choices, ("", "No split"))],
        "empty": not any(sum(cells.values()) for _, _, cells in counts),
        "lacking": [name for code, name, _ in counts if whole.get(code) == 0],
        "grouped": study.items.exclude(group="").exists(),
        "fixed": standing_against(study, test_set=True) if coordinates else [],
        "folds_fixed": standing_against(study, test_set=False) if coordinates else [],
        "importing": study.jobs.active().filter(kind__in=(IMPORT, LOOK)).first(),
        "checked": study.leakage_reports.exists(),
        "drawn": study.trail.filter(deed__startswith="drew a test set").first(),
    }  # fmt: skip
    return render(request, "imagebank/split.html", context, status=400 if form.is_bound else 200)
