"""The page on which a study is rehearsed before its readers are invited."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from imagebank.models import Job, Study
from imagebank.permissions import may_change, require_role

from ..services.rating_analysis import is_rating_study
from ..services.rehearsal import REHEARSE, Assumed, asked_of, rehearsals_of, start_rehearsal
from .forms import RehearsalForm
from .planning import PLANNING_ROLES, STAMPING_ROLES

NEWEST = 8


@require_GET
@require_role(*PLANNING_ROLES)
def rehearsals(request, slug):
    study, jobs = request.study, request.study.jobs.filter(kind=REHEARSE).select_related("created_by")[:NEWEST]
    made = {copy.slug: copy for copy in rehearsals_of(study)}
    rows = [(job, made.get(job.payload["slug"]), job.result.get("comparison"), _in_words(study, job)) for job in jobs]
    context = {
        "study": study, "rows": [row for row in rows if row[1] or row[0].is_active or not row[2]],
        "under_way": any(row[0].is_active for row in rows), "rated": is_rating_study(study),
        "has_surveys": study.survey_sets.exists(), "form": RehearsalForm(asked=asked_of(study)),
        "may_start": may_change(request.user, study, *STAMPING_ROLES),
    }  # fmt: skip
    return render(request, "benchmark/_rehearsed.html" if request.htmx else "benchmark/rehearsals.html", context)


def _in_words(study: Study, job: Job) -> list[str]:
    """What the rehearsal assumed, a line for each group of people in each view, and one for made-up networks; d' of raters."""
    assumed = Assumed.from_json(job.payload["assumed"])
    names = dict(study.reader_groups.values_list("code", "plural"))
    people = [
        f"{names.get(group, group)}, {study.view_label(view)}: {100 * share:.3g} %"
        for (group, view), share in assumed.people.items()
    ]
    return [*people, f"made-up networks: {100 * assumed.network:.3g} %"] if people else [f"d′ {assumed.dprime:g}"]


@require_POST
@require_role(*STAMPING_ROLES)
def start(request, slug):
    form = RehearsalForm(request.POST, asked=asked_of(request.study))
    if not form.is_valid():
        for name, errors in form.errors.items():
            messages.error(request, f"{form.fields[name].label}: {' '.join(errors)}")
        return redirect("benchmark:rehearsals", slug)
    try:
        start_rehearsal(study=request.study, assumed=form.assumed(), user=request.user)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    return redirect("benchmark:rehearsals", slug)
