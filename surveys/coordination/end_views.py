"""The pages on which a study ends: closed, archived, deleted."""

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from imagebank.permissions import Role, allowed_in_archive, require_role
from imagebank.services.removal import begin_removal, what_would_go
from surveys.coordination.pages import page, told
from surveys.models import SurveyResponse
from surveys.services.closing import STEPS


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.COORDINATOR)
@allowed_in_archive
def end(request, slug):
    """What is open and what is closed, one press for each step and its way back, and what was done so far."""
    study = request.study
    if request.method == "POST":
        step = STEPS.get(request.POST.get("step"))
        if step is None:
            raise Http404
        told(request, step.done, step.take, study=study, user=request.user)
        return redirect("surveys:end", slug=slug)
    sittings = SurveyResponse.objects.of_study(study)
    begun = sittings.exclude(seat=None).filter(finished_at=None)
    invited = study.readers.filter(kind="human", simulated=False, responses=None, withdrawal=None)
    return page(
        request,
        "end",
        begun=begun.count(),
        waiting=invited.filter(invitations__revoked_at=None).distinct().count(),
        complete=sittings.complete().filter(seat__isnull=False).count(),
        trail=study.trail.all()[:50],
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
