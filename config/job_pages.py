"""Pages of the background jobs of a study: the list, one job with its log, cancel and retry."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from imagebank.jobs import cancel_job, retry_job
from imagebank.models import Job, WorkerBeat
from imagebank.permissions import WORKING_ROLES, has_role, require_role

LAST_LINES = 200


@require_GET
@require_role()
def job_list(request: HttpRequest, slug: str) -> HttpResponse:
    page = Paginator(request.study.jobs.select_related("created_by"), 50).get_page(request.GET.get("page"))
    template = "jobs/_list.html" if request.htmx else "jobs/list.html"
    active = request.study.jobs.active().exists()
    context = {"study": request.study, "page": page, "active": active, "worker_lives": WorkerBeat.objects.lives()}
    return render(request, template, context)


@require_GET
@require_role()
def job_detail(request: HttpRequest, slug: str, pk) -> HttpResponse:
    job = get_object_or_404(request.study.jobs, pk=pk)
    context = {
        "study": request.study,
        "job": job,
        "lines": list(job.lines.order_by("-pk")[:LAST_LINES])[::-1],
        "may_act": has_role(request.user, request.study, *WORKING_ROLES),
        "worker_lives": WorkerBeat.objects.lives(),
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
