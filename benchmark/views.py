"""Results: the question, the answer, the figure, the table, the file."""

import mimetypes

from django.http import FileResponse, Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from imagebank.jobs import queue_job
from imagebank.permissions import require_role

from .models import Comparison
from .presenting import answers_in_words

READING_ROLES = ("analyst", "coordinator", "engineer")


@require_role(*READING_ROLES)
def comparison_list(request, slug):
    return render(request, "benchmark/comparison_list.html", {"comparisons": request.study.comparisons.all()})


@require_role(*READING_ROLES)
def comparison_detail(request, slug, pk):
    comparison = get_object_or_404(Comparison, study=request.study, pk=pk)
    context = {
        "comparison": comparison,
        "results": comparison.results,
        "answers": answers_in_words(comparison),
        "figures": _files(comparison, "figures", ".svg"),
        "tables": _files(comparison, "tables", ".csv"),
    }
    return render(request, "benchmark/comparison_detail.html", context)


@require_role(*READING_ROLES)
def comparison_file(request, slug, pk, name):
    """A file of the comparison. `name` must be one that the analysis wrote; nothing else can be reached."""
    comparison = get_object_or_404(Comparison, study=request.study, pk=pk)
    path = next(
        (path for path in comparison.folder.rglob("*") if str(path.relative_to(comparison.folder)) == name), None
    )
    if path is None or not path.is_file():
        raise Http404("This comparison has no such file.")
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    response = FileResponse(path.open("rb"), content_type=kind, as_attachment=kind in ("text/csv", "application/json"))
    # The report and figures carry their own styles and no script.
    response._csp_replace = {"default-src": ["'none'"], "style-src": ["'unsafe-inline'"], "img-src": ["data:"]}
    return response


@require_role("analyst", "coordinator")
@require_POST
def comparison_start(request, slug):
    job = queue_job(study=request.study, kind="comparison", title="Compare people and networks", user=request.user)
    return redirect("job_detail", pk=job.pk)


def _files(comparison: Comparison, folder: str, suffix: str) -> list[str]:
    return sorted(f"{folder}/{path.name}" for path in (comparison.folder / folder).glob(f"*{suffix}"))
