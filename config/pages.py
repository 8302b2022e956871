"""The first page, and a person's own account."""

from allauth.mfa.utils import is_mfa_enabled
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.templatetags.static import static
from django.views.decorators.http import require_GET, require_POST
from rest_framework.authtoken.models import Token

from config.health import SiteFact, site_facts
from config.study_path import study_path, study_paths
from imagebank.jobs import retry_job
from imagebank.models import Membership, Removal, Study, WorkerBeat
from imagebank.permissions import has_role, require_role

STUDIES_PER_PAGE = 20


def home(request: HttpRequest) -> HttpResponse:
    """Every study that this person may see, each as a path; for strangers, what this place is.

    Archived studies stand behind a link of their own, `?archived=1`.
    """
    mine, archived = Study.objects.visible_to(request.user), "archived" in request.GET
    wanted = mine.exclude(archived_at=None) if archived else mine.in_use()
    listed = wanted.order_by("pk").prefetch_related("protocol")
    page = Paginator(listed, STUDIES_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "studies": study_paths(studies=list(page), user=request.user),
        "page": page,
        "archived": archived,
        "n_archived": mine.exclude(archived_at=None).count(),
        "n_deleted": _deletions(request).count(),
        "facts": _facts(request) if not listed else [],
    }
    return render(request, "home.html", context)


def _facts(request: HttpRequest) -> list[SiteFact]:
    return site_facts() if request.user.is_superuser else []


def _deletions(request: HttpRequest) -> QuerySet[Removal]:
    """The deletions that this person may see: their own, for an administrator all."""
    if not request.user.is_authenticated:
        return Removal.objects.none()
    return Removal.objects.all() if request.user.is_superuser else Removal.objects.filter(asked_by=request.user)


@require_GET
@login_required
def deleted_studies(request: HttpRequest) -> HttpResponse:
    """What was deleted, by whom, and how far each deletion is."""
    context = {"removals": _deletions(request).select_related("job"), "worker_lives": WorkerBeat.objects.lives()}
    return render(request, "deleted_studies.html", context)


@require_POST
@login_required
def retry_deletion(request: HttpRequest, pk: int) -> HttpResponse:
    """Go on with a deletion whose job failed."""
    removal = get_object_or_404(_deletions(request), pk=pk)
    try:
        if removal.job is not None:
            retry_job(job=removal.job)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    return redirect("deleted-studies")


def icon(request: HttpRequest) -> HttpResponse:
    """Where browsers look for an icon on pages that name none: the admin, and files."""
    return redirect(static("diptych/icon.svg"))


@require_GET
@require_role()
def study_page(request: HttpRequest, slug: str) -> HttpResponse:
    """One study as a path, its protocol in short, and who runs it."""
    study = request.study
    context = {
        "study": study,
        "steps": study_path(study=study, user=request.user),
        "protocol": getattr(study, "protocol", None),
        "people": study.members.select_related("user").order_by("role", "user__username"),
        "coordinates": has_role(request.user, study, "coordinator"),
    }
    return render(request, "study.html", context)


@require_GET
@login_required
def account(request: HttpRequest) -> HttpResponse:
    context = {
        "memberships": Membership.objects.filter(user=request.user, study__leaving_at=None).select_related("study"),
        "has_token": Token.objects.filter(user=request.user).exists(),
        "second_factor": is_mfa_enabled(request.user),
        "facts": _facts(request),
    }
    return render(request, "account/overview.html", context)


@require_POST
@login_required
def renew_token(request: HttpRequest) -> HttpResponse:
    """Make a new API token in place of the old one, and show it once."""
    Token.objects.filter(user=request.user).delete()
    token = Token.objects.create(user=request.user)
    messages.success(request, f"Your new API token, shown only now: {token.key}")
    return redirect("account-overview")
