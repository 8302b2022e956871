"""The pages on which a study ends: closed, archived, deleted."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from imagebank.models import WorkerBeat
from imagebank.permissions import Role, allowed_in_archive, require_role
from imagebank.services.removal import begin_removal, what_would_go
from surveys.coordination.pages import page, told
from surveys.models import ReaderContact, SurveyResponse
from surveys.services.ending.closing import STEPS
from surveys.services.ending.retention import LONGEST_DAYS, SHORTEST_DAYS, erasure_due_at, keep_contacts_for


class KeepForm(forms.Form):
    """How long names and addresses are kept."""

    days = forms.IntegerField(
        label="Days after reading is closed", required=False, min_value=SHORTEST_DAYS, max_value=LONGEST_DAYS,
        widget=forms.NumberInput({"class": "form-control", "aria-describedby": "days-help"}),
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.COORDINATOR)
@allowed_in_archive
def end(request, slug):
    """What is open and what is closed, one press for each step and its way back, and what was done so far."""
    study = request.study
    if request.POST.get("step") == "keep-names":
        return _keep_names(request, KeepForm(request.POST))
    if request.method == "POST":
        step = STEPS.get(request.POST.get("step"))
        if step is None:
            raise Http404
        told(request, step.done, step.take, study=study, user=request.user)
        return redirect("surveys:end", slug=slug)
    kept = getattr(getattr(study, "protocol", None), "contacts_kept_days", None)
    return _end_page(request, KeepForm(initial={"days": kept}))


def _keep_names(request, form: KeepForm):
    """Take the number of days; none: names stay until somebody erases them."""
    days = form.cleaned_data["days"] if form.is_valid() else None
    if form.is_valid():
        try:
            keep_contacts_for(study=request.study, days=days, user=request.user)
        except ValidationError as refusal:
            form.add_error("days", refusal)
    if not form.is_valid():
        return _end_page(request, form, 422)
    kept = f"are erased {days} day{'' if days == 1 else 's'} after reading is closed" if days else "stay until you erase them"
    messages.success(request, f"Names and e-mails {kept}.")
    return redirect("surveys:end", slug=request.study.slug)


def _end_page(request, form: KeepForm, status: int = 200):
    study = request.study
    sittings = SurveyResponse.objects.of_study(study)
    begun = sittings.exclude(seat=None).filter(finished_at=None)
    invited = study.readers.filter(kind="human", simulated=False, responses=None, withdrawal=None)
    return page(
        request,
        "end",
        status,
        begun=begun.count(),
        waiting=invited.filter(invitations__revoked_at=None).distinct().count(),
        complete=sittings.complete().filter(seat__isnull=False).count(),
        trail=study.trail.all()[:50],
        keep=form,
        erased_at=erasure_due_at(getattr(study, "protocol", None)),
        names=ReaderContact.objects.filter(reader__study=study).count(),
        worker_lives=WorkerBeat.objects.lives(),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.COORDINATOR)
@allowed_in_archive
def delete(request, slug):
    """What a deletion takes away and what it leaves; the typed address does it."""
    refusals = []
    if request.method == "POST":
        try:
            removal = begin_removal(study=request.study, confirmed=request.POST.get("confirm", ""), user=request.user)
        except ValidationError as refusal:
            refusals = refusal.messages
        else:
            messages.success(request, f"{removal.title} is hidden from everybody and is being deleted.")
            return redirect("deleted-studies")
    to_file = settings.EMAIL_BACKEND.endswith("filebased.EmailBackend")
    context = {"going": what_would_go(request.study), "refusals": refusals, "letters_as_files": to_file}
    return page(request, "delete", 422 if refusals else 200, **context)
