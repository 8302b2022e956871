"""Pages of the image bank: pictures with filters, one item, the import, the leakage report, and the pictures' files."""

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from imagebank.bank_jobs import IMPORT, LEAKAGE, LOOK, queue_import, queue_look
from imagebank.bank_tabs import bank_tabs
from imagebank.draft_views import draft_page
from imagebank.forms import ExclusionForm, ImportForm, ItemFilterForm, ReviewForm
from imagebank.jobs import queue_job
from imagebank.models import Item, ItemImage, LeakageFinding, Membership, ReviewState
from imagebank.permissions import (
    PROVENANCE_ROLES,
    TRUTH_ROLES,
    WORKING_ROLES,
    Role,
    has_role,
    only_to_change,
    require_role,
)
from imagebank.services.arriving import finish_arrival, in_words, most_bytes_now, require_room
from imagebank.services.data_card import data_card
from imagebank.services.drafting.showing import is_quick
from imagebank.services.exclusion import exclude_item, include_item
from imagebank.services.leakage_crowds import ReadReport, read_report
from imagebank.services.manifest import says_what_a_manifest_must
from imagebank.services.reviews import may_judge, record_review
from imagebank.services.sources import UnreadableFile, open_source
from imagebank.services.uploads import LOOKED_AT, forget_drafts, keep_upload, kept_upload
from imagebank.upload_views import arrival_here

ITEMS_PER_PAGE = 60
FINDINGS_PER_PAGE = 50
RUNS_SHOWN = 10
CONTENT_TYPES = {".jpg": "image/jpeg", ".png": "image/png"}


@require_GET
@require_role()
def item_list(request: HttpRequest, slug: str) -> HttpResponse:
    """All pictures, filtered. Classes are shown and filtered only for roles that may see the truth."""
    study, rights = request.study, _rights(request)
    form = ItemFilterForm(request.GET, study=study, sees_truth=rights["sees_truth"])
    wanted = form.cleaned_data if form.is_valid() else {}
    items = study.items.matching(**wanted, in_provenance=rights["sees_provenance"]).prefetch_related("images")
    if rights["sees_truth"]:
        items = items.select_related("truth__diagnosis")
    page = Paginator(items, ITEMS_PER_PAGE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    context = {"study": study, "form": form, "page": page, "query": query.urlencode(), **rights}
    return render(request, "imagebank/items.html", context | {"bank_is_empty": not study.items.exists()})


@require_GET
@require_role(*TRUTH_ROLES)
def data_card_file(request: HttpRequest, slug: str) -> HttpResponse:
    response = HttpResponse(data_card(request.study), content_type="text/markdown; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{slug}-data-card.md"'
    response["Cache-Control"] = "private, no-store"
    return response


@require_GET
@require_role()
def item_detail(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    item = get_object_or_404(request.study.items.with_review_state(), pk=pk)
    return _item_page(request, item, ReviewForm(study=request.study, initial=_own_review(request, item)))


@require_POST
@require_role(Role.REVIEWER)
def item_review(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    item = get_object_or_404(request.study.items.with_review_state(), pk=pk)
    form = ReviewForm(request.POST, study=request.study, initial=_own_review(request, item))
    if form.is_valid():
        try:
            record_review(item=item, reviewer=request.user, **form.cleaned_data)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            messages.success(request, f"Your review of {item.code} is saved.")
            return _to_next_review(request, after=item.code)
    return _item_page(request, item, form, status=400)


@require_GET
@require_role(Role.REVIEWER)
def next_review(request: HttpRequest, slug: str) -> HttpResponse:
    """The next item that waits for this person's judgement, in the order of codes; `after` skips one."""
    return _to_next_review(request, after=request.GET.get("after", ""))


def _to_next_review(request: HttpRequest, after: str) -> HttpResponse:
    waiting = request.study.items.waiting_for(request.user).order_by("code")
    item = waiting.filter(code__gt=after).first() or waiting.first()
    if item is None:
        messages.info(request, "No item waits for your review.")
        return redirect("imagebank:items", request.study.slug)
    return redirect("imagebank:item", request.study.slug, item.pk)


@require_POST
@require_role(Role.COORDINATOR)
def item_exclude(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    item = get_object_or_404(request.study.items, pk=pk)
    try:
        exclude_item(item=item, reason=request.POST.get("reason", ""))
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        messages.success(request, f"{item.code} is excluded. Its pictures and history are kept.")
    return redirect("imagebank:item", slug, pk)


@require_POST
@require_role(Role.COORDINATOR)
def item_include(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    item = include_item(item=get_object_or_404(request.study.items, pk=pk))
    messages.success(request, f"{item.code} is in use again.")
    return redirect("imagebank:item", slug, pk)


@require_http_methods(["GET", "POST"])
@require_role(Role.COORDINATOR)
@only_to_change
def bank_import(request: HttpRequest, slug: str) -> HttpResponse:
    """Upload a ZIP and import it in the background; below, what earlier imports did, with every bad row."""
    form, arrived = ImportForm(request.POST or None, request.FILES or None), request.POST.get("arrived")
    if request.method == "POST" and (arrived or form.is_valid()):
        try:
            if arrived:
                arrival = arrival_here(request, arrived)
                return _take_in(request, finish_arrival(arrival), arrival.name)
            archive = form.cleaned_data["archive"]
            forget_drafts()
            require_room(name=archive.name, size=archive.size)
            return _take_in(request, keep_upload(archive, suffix=LOOKED_AT), archive.name[:120])
        except ValidationError as refusal:
            form.errors.pop("archive", None)
            form.add_error("archive", refusal.messages)
    most = most_bytes_now()
    context = {
        "study": request.study, "form": form, "runs": request.study.imports.all()[:RUNS_SHOWN], "most": most,
        "most_words": in_words(most), "under_way": request.study.jobs.active().filter(kind__in=(IMPORT, LOOK)),
        "why": "may be sent at once" if most == settings.ARCHIVE_MAX_BYTES else "fit on the server's disk now",
        **bank_tabs(request),
    }  # fmt: skip
    return render(request, "imagebank/import.html", context, status=400 if form.is_bound else 200)


def _take_in(request: HttpRequest, kept: str, name: str) -> HttpResponse:
    """Import a ZIP that has a manifest; show how one without would be read, at once or, where that takes longer, in the
    background. What is neither is not kept."""
    try:
        if not is_quick(kept_upload(kept), name):
            job = queue_look(study=request.study, upload=kept, name=name, user=request.user)
        else:
            with open_source(kept_upload(kept), name=name) as source:
                whole = says_what_a_manifest_must(source)
            if not whole:
                return draft_page(request, kept=kept, name=name)
            job = queue_import(study=request.study, upload=kept, name=name, user=request.user)
    except (ValidationError, UnreadableFile) as refusal:
        kept_upload(kept).unlink()
        raise ValidationError(getattr(refusal, "messages", str(refusal))) from refusal
    return redirect("job-detail", request.study.slug, job.pk)


@require_GET
@require_role(*WORKING_ROLES)
def leakage(request: HttpRequest, slug: str) -> HttpResponse:
    """The newest leakage report: crowds of alike pictures, then pair by pair."""
    report = request.study.leakage_reports.first()
    read = read_report(report) if report else ReadReport((), (), 0)
    page = Paginator(read.pairs, FINDINGS_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "study": request.study,
        "report": report,
        "read": read,
        "page": page,
        "findings": LeakageFinding.objects.filter(pk__in=list(page)).with_items(),
        "checking": request.study.jobs.active().filter(kind=LEAKAGE).first(),
        "has_images": ItemImage.objects.filter(item__study=request.study).exists(),
        **bank_tabs(request),
    }
    return render(request, "imagebank/leakage.html", context)


@require_POST
@require_role(*WORKING_ROLES)
def leakage_check(request: HttpRequest, slug: str) -> HttpResponse:
    job = request.study.jobs.active().filter(kind=LEAKAGE).first() or queue_job(
        study=request.study, kind=LEAKAGE, title="Leakage check", user=request.user
    )
    return redirect("job-detail", slug, job.pk)


@require_GET
@require_role()
def image(request: HttpRequest, slug: str, public_id: str, rendition: str) -> FileResponse:
    """One picture's web copy, for members of the study. Never cached outside the viewer's own window."""
    picture = get_object_or_404(ItemImage, public_id=public_id, item__study=request.study)
    if rendition == "mask" and picture.mask:
        file = picture.mask
    else:
        file = get_object_or_404(picture.renditions, name=rendition).file
    suffix = file.name[file.name.rfind(".") :]
    try:
        opened = file.open("rb")
    except FileNotFoundError as error:
        raise Http404("The file of this picture is missing from the store.") from error
    response = FileResponse(opened, content_type=CONTENT_TYPES[suffix], filename=f"{public_id}{suffix}")
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def _rights(request: HttpRequest) -> dict[str, bool | int]:
    """What this person may see and do, as names for templates."""
    return {
        "sees_truth": has_role(request.user, request.study, *TRUTH_ROLES),
        "sees_provenance": has_role(request.user, request.study, *PROVENANCE_ROLES),
        **bank_tabs(request),
    }


def _own_review(request: HttpRequest, item: Item) -> dict | None:
    own = item.reviews.filter(reviewer=request.user).select_related("diagnosis").first()
    return own and {"diagnosis": own.diagnosis.code if own.diagnosis else ReviewForm.NONE, "comment": own.comment}


def _item_page(request: HttpRequest, item: Item, review_form: ReviewForm, status: int = 200) -> HttpResponse:
    rights = _rights(request)
    own = _own_review(request, item)
    is_reviewer = Membership.objects.filter(
        study=request.study, user=request.user, role=Membership.Role.REVIEWER
    ).exists()
    open_to_me, open_to_change = may_judge(item=item, reviewer=request.user)
    if not open_to_change:
        review_form.hold_diagnosis()
    # Independent: a reviewer sees what others said only after having said it themselves.
    sees_reviews = own is not None or (rights["sees_truth"] and not is_reviewer)
    context = {
        **rights,
        "study": request.study,
        "item": item,
        "images": item.images.select_related("provenance"),
        "review_form": review_form,
        "reviews": item.reviews.select_related("reviewer", "diagnosis") if sees_reviews else None,
        "review_state": ReviewState(item.review_state).label,
        "attributes": [
            (name.replace("_", " ").capitalize(), ("no", "yes")[value] if isinstance(value, bool) else value)
            for name, value in item.attributes.items()
        ],
        "may_review": rights["may_review"] and not item.excluded_at,
        "open_to_me": open_to_me,
        "open_to_change": open_to_change,
        "exclusion_form": ExclusionForm(),
    }
    return render(request, "imagebank/item.html", context, status=status)
