"""The page of auxiliary pictures: which sets lie on the server, and the table that maps their labels to classes."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from imagebank.permissions import only_to_change, require_role
from models_ml.core.config import ISIC_CLASSES
from models_ml.forms import LabelTableForm
from models_ml.models import AuxiliaryLabels
from models_ml.services.auxiliary import (
    auxiliary_folder,
    auxiliary_sets,
    change_label_table,
    label_rows,
    restore_label_table,
)
from models_ml.views import CHANGING_ROLES, context_of


@require_http_methods(["GET", "POST"])
@require_role(*CHANGING_ROLES)
@only_to_change
def auxiliary(request: HttpRequest, slug: str) -> HttpResponse:
    """See the sets and the table; a changed table is kept for the study."""
    sets = auxiliary_sets()
    form = LabelTableForm(request.POST or None, rows=label_rows(request.study, sets))
    if request.method == "POST" and form.is_valid():
        try:
            change_label_table(study=request.study, labels=form.table(), user=request.user)
        except ValidationError as refusal:
            form.add_error(None, ValidationError(refusal.messages))
        else:
            messages.success(request, "The table is kept. Runs started from now on use it.")
            return redirect("models_ml:auxiliary", slug)
    context = {
        "sets": sets,
        "folder": auxiliary_folder(),
        "form": form,
        "changed": AuxiliaryLabels.objects.filter(study=request.study).select_related("changed_by").first(),
        "classes": sorted({*ISIC_CLASSES, *request.study.classes.values_list("code", flat=True)}, key=str.lower),
    }
    status = 400 if form.errors else 200
    return render(request, "models_ml/auxiliary.html", context_of(request, **context), status=status)


@require_POST
@require_role(*CHANGING_ROLES)
def auxiliary_restore(request: HttpRequest, slug: str) -> HttpResponse:
    restore_label_table(study=request.study)
    messages.success(request, "The published table holds again.")
    return redirect("models_ml:auxiliary", slug)
