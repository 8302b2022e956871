"""The page on which a study's protocol is read, completed with what only people know, and taken away."""

from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_POST

from benchmark.core.report.protocol.facts import fingerprints
from imagebank.permissions import Role, allowed_in_archive, may_change, require_role

from ..protocol.printing import (
    KINDS,
    MAKE_PDF,
    can_print,
    hand_out,
    keep_for_frame,
    kept_for_frame,
    made,
    pdf_of,
    start_pdf,
)
from ..services.protocol_log import handed_out, note_handed_out
from ..services.rating_analysis import is_rating_study
from .protocol_forms import AssumedForm, RecordFileForm

PROTOCOL_ROLES = (Role.COORDINATOR, Role.ANALYST)
NEWEST = 8


@require_GET
@require_role(*PROTOCOL_ROLES)
def protocol(request, slug):
    return _page(request, AssumedForm(request.GET), RecordFileForm())


def _page(request: HttpRequest, assumed: AssumedForm, record: RecordFileForm, status: int = 200) -> HttpResponse:
    study = request.study
    found = made(study, "html", assumed=assumed.assumed())
    keep_for_frame(study, found)
    document, hashes = found.document, fingerprints(found.facts)
    given = {name: value for name, value in assumed.data.items() if value is not None}
    context = {
        "study": study, "assumed": assumed, "record": record, "rated": is_rating_study(study),
        "sha256": found.sha256, "blanks": document.blanks,
        "chapters": [(number, chapter, len(chapter.blanks)) for number, chapter in enumerate(document.chapters, start=1)],
        "read": f"{reverse('benchmark:protocol_read', args=[study.slug])}?{urlencode({**given, 'sha256': found.sha256})}",
        "handed_out": handed_out(study=study, hashes=hashes)[:NEWEST],
        "pdfs": [(job, pdf_of(job), job.result.get("sha256") == found.sha256) for job in study.jobs.filter(kind=MAKE_PDF)[:NEWEST]],
        "can_print": can_print(), "may_start": may_change(request.user, study, *PROTOCOL_ROLES),
    }  # fmt: skip
    return render(request, "benchmark/protocol.html", context, status=status)


@require_GET
@xframe_options_sameorigin
@require_role(*PROTOCOL_ROLES)
def protocol_read(request, slug):
    """The document itself, to be looked at; nothing is noted."""
    content = kept_for_frame(request.study, request.GET.get("sha256", ""))
    if content is None:
        content = made(request.study, "html", assumed=AssumedForm(request.GET).assumed()).content
    response = HttpResponse(content, KINDS["html"])
    # It carries its own styles and no script, and stands in a frame of the page above.
    response._csp_replace = {
        "default-src": ["'none'"], "style-src": ["'unsafe-inline'"], "img-src": ["data:"], "frame-ancestors": ["'self'"],
    }  # fmt: skip
    response["Cache-Control"] = "private, no-store"
    return response


@require_POST
@require_role(*PROTOCOL_ROLES)
@allowed_in_archive
def protocol_file(request, slug):
    """Hand the protocol out as a file, or begin to set its pages; that it was handed out is noted."""
    assumed, record = AssumedForm(request.POST), RecordFileForm(request.POST, request.FILES)
    kind = request.POST.get("kind", "")
    if not (assumed.is_valid() and record.is_valid()):
        return _page(request, assumed, record, status=400)
    given = {"record": record.cleaned_data["record"], "assumed": assumed.assumed(), "user": request.user}
    if kind == "pdf":
        try:
            start_pdf(study=request.study, **given)
        except ValidationError as refusal:
            messages.error(request, " ".join(refusal.messages))
        else:
            messages.success(request, "The pages are being set; the PDF stands below as soon as it is done.")
        return redirect("benchmark:protocol", slug)
    if kind not in KINDS:
        raise Http404("The protocol comes as docx, html or pdf.")
    found = hand_out(request.study, kind, **given)
    response = HttpResponse(found.content, KINDS[kind])
    response["Content-Disposition"] = f'attachment; filename="{slug}-protocol-{found.sha256[:8]}.{kind}"'
    response["Cache-Control"] = "private, no-store"
    return response


@require_GET
@require_role(*PROTOCOL_ROLES)
def protocol_pdf(request, slug, pk):
    """The PDF that a job wrote; that it was handed out is noted with what it was made of."""
    job = get_object_or_404(request.study.jobs, kind=MAKE_PDF, pk=pk)
    path = pdf_of(job)
    if path is None:
        raise Http404("This PDF was not made yet.")
    note_handed_out(study=request.study, hashes=job.result["parts"], user=request.user)
    return FileResponse(path.open("rb"), as_attachment=True, filename=f"{slug}-protocol-{job.result['sha256'][:8]}.pdf")
