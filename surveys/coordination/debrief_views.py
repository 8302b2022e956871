"""The coordinator's pages about what readers learn afterwards: the release of their results, and the check of a certificate."""

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from imagebank.models import Study, WorkerBeat
from imagebank.permissions import require_role
from surveys.coordination.pages import page, told
from surveys.coordination.views import in_the_readers_language
from surveys.models import Reader
from surveys.reading.debrief import item_context, results_context
from surveys.services import (
    due_results,
    release_debrief,
    sample_letter,
    send_results,
    standing_release,
    withdraw_debrief,
)
from surveys.services.ending.debriefing import (
    conditions_of,
    finished_sittings,
    networks_of,
    pictures_of,
    read_elsewhere,
)
from surveys.services.ending.own_results import own_results
from surveys.services.ending.participation import find_participation


class ReleaseForm(forms.Form):
    """What readers see beside their own answers and the truth."""

    pictures = forms.BooleanField(label="Show the images again", required=False)
    network = forms.ModelChoiceField(
        label="Beside the reader's answer", queryset=Reader.objects.none(), required=False, empty_label="No network's answer",
        widget=forms.Select({"class": "form-select"}),
    )  # fmt: skip

    def __init__(self, *args, study: Study, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["network"].queryset = networks_of(study)


class CodeForm(forms.Form):
    code = forms.CharField(
        label="Code of the certificate", max_length=60,
        widget=forms.TextInput({"class": "form-control", "autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@require_role("coordinator")
def debrief(request, slug):
    """Choices, then a page that says what leaves by them, then the release; and the press that takes it back."""
    study, do = request.study, request.POST.get("do", "")
    if request.method == "POST" and do == "withdraw":
        told(request, "The results are withdrawn. Every link says nothing of them any more.", withdraw_debrief, study=study, user=request.user)
        return redirect("surveys:debrief", slug=slug)
    if request.method == "POST" and do == "letters":
        sent = send_results(study=study, user=request.user)
        messages.success(request, f"{sent} letter{'' if sent == 1 else 's'} on the way.")
        return redirect("surveys:debrief", slug=slug)
    form = ReleaseForm(request.POST if do in ("review", "release") else None, study=study)
    if request.method == "POST":
        if do not in ("review", "release"):
            raise Http404
        if form.is_valid():
            return _review(request, form, refused=[]) if do == "review" else _release(request, form)
    return _overview(request, form, 422 if form.is_bound else 200)


def _release(request, form: ReleaseForm):
    """Release, if the box on the second page was ticked."""
    if request.POST.get("sure") != "yes":
        return _review(request, form, refused=["Tick the box to say that readers may learn the truth."])
    choices = {"with_pictures": form.cleaned_data["pictures"], "network": form.cleaned_data["network"]}
    try:
        release_debrief(study=request.study, user=request.user, **choices)
    except ValidationError as refusal:
        return _review(request, form, refused=refusal.messages)
    messages.success(request, "The results are released: every reader's own link shows them now.")
    return redirect("surveys:debrief", slug=request.study.slug)


def _overview(request, form: ReleaseForm, status: int = 200):
    study = request.study
    conditions = conditions_of(study)
    sittings = finished_sittings(study)
    release, context = standing_release(study), {}
    if release is not None:
        group = study.reader_groups.filter(kind="human").first()
        context = {
            "due": len(due_results(study=study)), "letter": sample_letter(kind="results", group=group),
            "worker_lives": WorkerBeat.objects.lives(),
        }  # fmt: skip
    return page(
        request, "debrief", status, form=form, conditions=conditions, ready=all(row.met for row in conditions), release=release,
        finished=sittings.count(), seen=sittings.exclude(debriefed_at=None).count(), past=study.debrief_releases.exclude(withdrawn_at=None),
        **context,
    )  # fmt: skip


def _review(request, form: ReleaseForm, refused: list[str]):
    """What exactly readers will see, and the second press."""
    study = request.study
    unmet = [f"{row.words}: not yet. {row.remedy}" for row in conditions_of(study) if not row.met]
    others = read_elsewhere(study)
    known = [other.title for other in others if other in Study.objects.visible_to(request.user)]
    return page(
        request, "debrief_review", 422 if refused or unmet else 200, form=form, refused=refused or unmet, unmet=unmet,
        finished=finished_sittings(study).count(), pictures=pictures_of(study), elsewhere=known, unnamed=others.count() - len(known),
        with_pictures=form.cleaned_data["pictures"], network=form.cleaned_data["network"],
        preview=f"{reverse('surveys:debrief-preview', kwargs={'slug': study.slug})}?{_query(form)}",
    )  # fmt: skip


def _query(form: ReleaseForm) -> str:
    network = form.cleaned_data["network"]
    return f"pictures={'on' if form.cleaned_data['pictures'] else ''}&network={network.pk if network else ''}"


def _sample(request):
    """The first finished sitting's results with the choices in the address: what its reader would see."""
    form = ReleaseForm(request.GET, study=request.study)
    sitting = finished_sittings(request.study).select_related("reader__study__protocol", "group").order_by("finished_at", "pk").first()
    if sitting is None or not form.is_valid():
        raise Http404
    release = standing_release(request.study)
    found = own_results(
        sitting, with_pictures=form.cleaned_data["pictures"], network=form.cleaned_data["network"], release=release
    )  # fmt: skip
    where = {"slug": request.study.slug}

    def item_address(number: int) -> str:
        return f"{reverse('surveys:debrief-preview-item', kwargs=where | {'number': number})}?{_query(form)}"

    overview = f"{reverse('surveys:debrief-preview', kwargs=where)}?{_query(form)}"
    shared = {"network": form.cleaned_data["network"], "simulated": sitting.simulated}
    shared |= {"frozen_at": release.others_frozen_at if release else None}
    return sitting, found, shared, item_address, overview


def _bare(request, template: str, context: dict):
    back = reverse("surveys:debrief", kwargs={"slug": request.study.slug})
    response = render(request, f"surveys/{template}.html", context | {"results_preview": back})
    response["Cache-Control"] = "private, no-store"
    return response


@require_GET
@require_role("coordinator")
@in_the_readers_language
def preview(request, slug):
    """The results as one of the readers would see them; nothing is released by looking."""
    sitting, found, shared, item_address, _overview_address = _sample(request)
    context = results_context(study=request.study, blocks=found, network=shared["network"], item_address=item_address)
    return _bare(request, "own_results", context | shared | {"group": sitting.group})


@require_GET
@require_role("coordinator")
@in_the_readers_language
def preview_item(request, slug, number):
    _sitting, found, shared, item_address, overview = _sample(request)
    context = item_context(
        study=request.study, blocks=found, number=number, item_address=item_address,
        image_address=lambda name: reverse("surveys:picture", kwargs={"slug": slug, "public_id": name}),
    )  # fmt: skip
    return _bare(request, "own_item", context | shared | {"overview": overview})


@require_GET
@require_role("coordinator")
def check_certificate(request, slug):
    """Whether a certificate's code is one of this study's, and what the certificate must say then."""
    form = CodeForm(request.GET if "code" in request.GET else None)
    asked = form.is_bound and form.is_valid()
    found = find_participation(study=request.study, code=form.cleaned_data["code"]) if asked else None
    return page(request, "certificate_check", form=form, asked=asked, found=found)
