"""The first page, and a person's own account."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.views.decorators.http import require_GET, require_POST
from rest_framework.authtoken.models import Token

from config.study_path import study_path, study_tags
from imagebank.models import Membership, Study
from imagebank.permissions import has_role, require_role


def home(request: HttpRequest) -> HttpResponse:
    """Every study that this person may see, each as a path; for strangers, what this place is."""
    studies = [
        {"study": study, "steps": study_path(study=study, user=request.user), "tags": study_tags(study)}
        for study in Study.objects.visible_to(request.user)
    ]
    return render(request, "home.html", {"studies": studies})


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
        "memberships": Membership.objects.filter(user=request.user).select_related("study"),
        "has_token": Token.objects.filter(user=request.user).exists(),
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
