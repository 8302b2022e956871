"""The audit page: each suspected copy beside the training picture that it is near to. For curators only."""

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from generative.forms import DecisionForm
from generative.models import ImageSet, Sample
from generative.services.auditing import decide_copy
from generative.views import MAKER_ROLES
from imagebank.permissions import require_role


@require_GET
@require_role(*MAKER_ROLES)
def audit(request: HttpRequest, slug: str, public_id: str) -> HttpResponse:
    image_set = get_object_or_404(request.study.image_sets, public_id=public_id)
    return _page(request, image_set)


@require_POST
@require_role(*MAKER_ROLES)
def decide(request: HttpRequest, slug: str, public_id: str) -> HttpResponse:
    """Record a decision about one suspected copy."""
    sample = get_object_or_404(
        Sample.objects.select_related("image_set"), public_id=public_id, image_set__study=request.study
    )
    form = DecisionForm(request.POST, prefix=sample.public_id)
    if form.is_valid():
        try:
            decide_copy(sample=sample, user=request.user, **form.cleaned_data)
        except ValidationError as refusal:
            form.add_error(None, refusal.messages)
        else:
            return redirect("generative:audit", slug, sample.image_set.public_id)
    return _page(request, sample.image_set, bound={sample.pk: form}, status=400)


def _page(request: HttpRequest, image_set: ImageSet, bound: dict | None = None, status: int = 200) -> HttpResponse:
    found = image_set.newest_audit
    cases: dict[int, dict] = {}
    findings = found.findings.select_related("sample__decision__decided_by", "neighbour__item") if found else []
    for finding in findings:
        sample = finding.sample
        case = cases.setdefault(
            sample.pk, {"sample": sample, "findings": [], "decision": getattr(sample, "decision", None)}
        )
        case["findings"].append(finding)
        case["form"] = (bound or {}).get(sample.pk) or DecisionForm(prefix=sample.public_id)
    context = {
        "study": request.study, "set": image_set, "audit": found, "cases": list(cases.values()), "makes": request.study.archived_at is None,
        "open": sum(case["decision"] is None for case in cases.values()),
        "frozen": image_set.state == ImageSet.State.PUBLISHED,
    }  # fmt: skip
    return render(request, "generative/audit.html", context, status=status)
