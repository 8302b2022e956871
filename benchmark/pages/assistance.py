"""The coordinator's page of the second answer: which network's output readers see, frozen, and checked again."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import get_text_list
from django.views.decorators.http import require_GET, require_POST

from imagebank.permissions import Role, allowed_in_archive, require_role
from surveys.models import Assistance, SurveyItem
from surveys.services import (
    assistance_fault,
    assisted_question,
    control_shares,
    control_summary,
    is_control_as_asked,
    is_read,
    items_to_assist,
)

from ..services.assistance import FREEZE, candidates, start_assistance

SHOWN = 8
WORDS = {"answer": "the network's answer", "probabilities": "its probabilities", "map": "its map of what it looked at"}


@require_GET
@require_role(Role.COORDINATOR)
def assistance(request: HttpRequest, slug: str) -> HttpResponse:
    """What is frozen, some of it as readers see it, and the networks that could be put beside them."""
    study = request.study
    question = assisted_question(getattr(study, "protocol", None))
    if question is None:
        raise Http404
    survey_set = study.survey_sets.first()
    frozen = Assistance.objects.filter(study=study).first()
    context = {
        "study": study,
        "question": question,
        "shows": get_text_list([WORDS[part] for part in question.shows], "and"),
        "wanted": len(items_to_assist(study)),
        "frozen": frozen,
        "control": control_summary(frozen) if frozen else None,
        "stale": frozen is not None and not is_control_as_asked(frozen),
        "share": 100 * max(control_shares(study.protocol).values(), default=0),
        "examples": _examples(frozen) if frozen else [],
        "survey_set": survey_set,
        "is_read": is_read(study),
        "candidates": candidates(study),
        "job": study.jobs.active().filter(kind=FREEZE).first(),
        "first_survey": survey_set and survey_set.surveys.order_by("number").first(),
    }
    return render(request, "benchmark/assistance.html", context)


def _examples(frozen: Assistance) -> list[dict]:
    """Some frozen outputs with a survey item that shows each, by which its pictures are addressed; no truth."""
    rows = frozen.outputs.select_related("item", "answer").order_by("item__code", "view")[:SHOWN]
    places = SurveyItem.objects.filter(
        block__survey__survey_set__study=frozen.study_id, item__in=[row.item_id for row in rows]
    ).values_list("item", "block__view", "public_id")
    names = {(item, view): name for item, view, name in places}
    return [
        {
            "row": row,
            "public_id": names[row.item_id, row.view],
            "share": 100 * row.probabilities[row.answer.code] if row.answer else None,
        }
        for row in rows
        if (row.item_id, row.view) in names
    ]


@require_POST
@require_role(Role.COORDINATOR)
def start(request: HttpRequest, slug: str) -> HttpResponse:
    """Freeze the output of the network that was chosen, in the background."""
    try:
        job = start_assistance(study=request.study, name=request.POST.get("network", ""), user=request.user)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return redirect("benchmark:assistance", slug)
    return redirect("job-detail", slug, job.pk)


@require_POST
@require_role(Role.COORDINATOR)
@allowed_in_archive
def check(request: HttpRequest, slug: str) -> HttpResponse:
    """Compute the hash over everything that readers see once more."""
    fault = assistance_fault(get_object_or_404(Assistance, study=request.study))
    if fault:
        messages.error(request, fault)
    else:
        messages.success(request, "Everything that readers see of the network is as it was frozen.")
    return redirect("benchmark:assistance", slug)
