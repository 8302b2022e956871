"""Pages of the background jobs of a study: the list, one job with its log, cancel and retry."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from imagebank.jobs import LONG, cancel_job, jobs_before, line_of, retry_job
from imagebank.models import Job, WorkerBeat
from imagebank.permissions import WORKING_ROLES, may_change, require_role

LAST_LINES = 200
# Where a job's work is seen: an address, what of the job's result (or payload) names it, and the words of the link.
RUN = ("models_ml:run", "run", "Open the run")
IMAGE_SET = ("generative:set", "image_set", "Open the set")
FILES = ("benchmark:comparison_files", "comparison", "See the files")
PLACES = {
    "models_ml.train": RUN,
    "models_ml.predict": RUN,
    "models_ml.export_onnx": RUN,
    "models_ml.import": RUN,
    "models_ml.explain": ("models_ml:attribution", "set", "See the maps"),
    "models_ml.export_manifest": ("models_ml:gpu-box", "", "Fetch the package"),
    "generative.train": ("generative:run", "run", "Open the run"),
    "generative.import_network": ("generative:generator", "generator", "Open the network"),
    "generative.add_set": IMAGE_SET,
    "generative.make": IMAGE_SET,
    "generative.audit": IMAGE_SET,
    "generative.publish": IMAGE_SET,
    "assistance": ("benchmark:assistance", "", "See what readers see"),
    "comparison": ("benchmark:comparison_detail", "comparison", "See the results"),
    "comparison-check": FILES,
    "comparison-renewal": ("benchmark:comparison_detail", "comparison", "See the results"),
    "comparison-documents": FILES,
    "study-simulation": ("benchmark:planning", "", "See the power"),
    "protocol-pdf": ("benchmark:protocol", "", "See the protocol"),
    "rehearsal": ("benchmark:rehearsals", "", "See the rehearsals"),
    "region-overlap": ("benchmark:network_regions", "", "See the overlap"),
    "imagebank.look": ("imagebank:looked", "look", "See what was found"),
    "imagebank.import": ("imagebank:items", "", "Open the image bank"),
    "imagebank.leakage": ("imagebank:leakage", "", "See the report"),
    "surveys.letters": ("surveys:readers", "", "See the readers"),
}
ONWARD = {"imagebank.look"}  # whoever waits on the page of such a job is taken to its work as soon as it is there


def place_of(job: Job) -> dict[str, str] | None:
    """The page on which a job's work is seen: address and words of the link; None while it is not known, or has none."""
    address, named_by, words = PLACES.get(job.kind, ("", "", ""))
    known = {**job.payload, **job.result}
    if not address or (named_by and named_by not in known):
        return None
    return {"url": reverse(address, args=[job.study.slug, *([known[named_by]] if named_by else [])]), "words": words}


@require_GET
@require_role()
def job_list(request: HttpRequest, slug: str) -> HttpResponse:
    page = Paginator(request.study.jobs.select_related("created_by"), 50).get_page(request.GET.get("page"))
    template = "jobs/_list.html" if request.htmx else "jobs/list.html"
    active = request.study.jobs.active().exists()
    wait_long = any(line_of(kind) == LONG for kind in request.study.jobs.active().values_list("kind", flat=True))
    context = {"study": request.study, "page": page, "active": active, "worker_lives": WorkerBeat.objects.lives(for_long=wait_long)}
    return render(request, template, context)


@require_GET
@require_role()
def job_detail(request: HttpRequest, slug: str, pk) -> HttpResponse:
    job = get_object_or_404(request.study.jobs, pk=pk)
    place = place_of(job)
    if request.htmx and job.kind in ONWARD and place and job.state == Job.State.SUCCEEDED:
        return HttpResponse(headers={"HX-Redirect": place["url"]})
    context = {
        "study": request.study,
        "job": job,
        "lines": list(job.lines.order_by("-pk")[:LAST_LINES])[::-1],
        "may_act": may_change(request.user, request.study, *WORKING_ROLES),
        "worker_lives": WorkerBeat.objects.lives(for_long=line_of(job.kind) == LONG),
        "place": place,
        "quarter": (job.percent or 0) // 25 * 25,  # what is read aloud changes four times, not every second
        "zone": timezone.get_current_timezone_name(),
        "before": jobs_before(job) if job.state == Job.State.QUEUED else 0,
        "can_retry": job.state in (Job.State.FAILED, Job.State.CANCELLED),
    }
    return render(request, "jobs/_job.html" if request.htmx else "jobs/detail.html", context)


@require_POST
@require_role(*WORKING_ROLES)
def job_cancel(request: HttpRequest, slug: str, pk) -> HttpResponse:
    job = cancel_job(job=get_object_or_404(request.study.jobs, pk=pk))
    if job.cancel_requested and job.is_active:
        messages.info(request, "The job stops at its next step.")
    return redirect("job-detail", slug, job.pk)


@require_POST
@require_role(*WORKING_ROLES)
def job_retry(request: HttpRequest, slug: str, pk) -> HttpResponse:
    job = get_object_or_404(request.study.jobs, pk=pk)
    try:
        retry_job(job=job)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    return redirect("job-detail", slug, job.pk)
