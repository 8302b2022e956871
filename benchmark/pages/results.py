"""Results: the question, the answer, the figure, the table, the file."""

import mimetypes
from functools import wraps

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import FileResponse, Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from benchmark.core.errors import InputError
from benchmark.core.output.check import COVERS, COVERS_RATINGS
from benchmark.core.output.check import NAME as CHECK
from benchmark.core.report import rating_words
from benchmark.core.report.limitations import limitations
from benchmark.core.report.methods import methods
from benchmark.core.report.references import numbered
from benchmark.core.results import Results
from imagebank.models import ItemImage
from imagebank.permissions import Role, may_change, require_role

from ..models import Comparison
from ..services.bundle import bundle, bundle_name, check_command_of, command_of
from ..services.checking import changes_between
from ..services.comparison import is_of_this_version
from ..services.documents import documents
from ..services.predictions import store_network_predictions, store_predictions
from ..services.rating_analysis import complete_raters, is_rating_study
from ..services.starting import start_check, start_comparison, start_documents, start_renewal, what_is_needed
from .answering import answers_in_words
from .downloads import readings_file, table_file
from .forms import PredictionsForm, StartForm
from .presenting import (
    are_ratings,
    change_rows,
    comparisons_table,
    figure_data,
    figure_for_page,
    figures_on_page,
    hardest_items,
    section_called,
    table_of,
    topic_page,
    topics_of,
)
from .rating_presenting import choices_in_words, galleries, rating_answers
from .topics import HYPE, ITEM_FIGURES, PICTURES

# Results name truth and show pictures beside it, so only roles that may see the truth come here.
READING_ROLES = (Role.ANALYST, Role.COORDINATOR, Role.ENGINEER)
STARTING_ROLES = (Role.ANALYST, Role.COORDINATOR)
JOB_KINDS = ("comparison", "comparison-check", "comparison-renewal", "comparison-documents")
# Plotly lays its drawings out with style attributes; scripts stay under the strict rule of every page.
CHART_STYLES = {"style-src": ["'self'", "'unsafe-inline'"]}


def comparison_page(view):
    """Load the comparison that the address names, for those who may see it."""

    @require_GET
    @require_role(*READING_ROLES)
    @wraps(view)
    def page(request, slug, pk, **kwargs):
        comparison = get_object_or_404(
            Comparison.objects.select_related("plan", "predictions", "created_by"), study=request.study, pk=pk
        )
        return view(request, comparison, **kwargs)

    return page


@require_GET
@require_role(*READING_ROLES)
def comparison_list(request, slug):
    return _list_page(request, StartForm(study=request.study), PredictionsForm())


def _list_page(request, start_form, predictions_form, status=200):
    study = request.study
    latest = study.comparisons.first()
    context = {
        "study": study,
        "latest": latest,
        "comparisons": study.comparisons.defer("results").select_related("plan", "predictions", "created_by"),
        "jobs": study.jobs.filter(kind__in=JOB_KINDS).order_by("-created_at")[:5],
        "needed": what_is_needed(study=study),
        "stored": study.stored_predictions.all(),
        "networks": sorted(set(study.ensembles.values_list("name", flat=True))),
        "start_form": start_form,
        "predictions_form": predictions_form,
        "may_start": may_change(request.user, study, *STARTING_ROLES),
    }
    if latest:
        context["answers"] = (rating_answers if are_ratings(latest.results) else answers_in_words)(latest.results)
    if is_rating_study(study):
        context["raters"] = complete_raters(study)
        return render(request, "benchmark/rating_list.html", context, status=status)
    return render(request, "benchmark/comparison_list.html", context, status=status)


@require_POST
@require_role(*STARTING_ROLES)
def comparison_start(request, slug):
    form = StartForm(request.POST, study=request.study)
    if not form.is_valid():
        return _list_page(request, form, PredictionsForm(), status=400)
    job = start_comparison(study=request.study, user=request.user, **form.cleaned_data)
    return redirect("job-detail", slug=slug, pk=job.pk)


@require_POST
@require_role(*STARTING_ROLES)
def predictions_store(request, slug):
    form = PredictionsForm(request.POST, request.FILES)
    if form.is_valid():
        file = form.cleaned_data["file"]
        title = form.cleaned_data["title"] or file.name
        try:
            stored = store_predictions(study=request.study, data=file.read(), title=title, user=request.user)
        except ValidationError as refusal:
            form.add_error("file", refusal)
        else:
            messages.success(request, f"Stored: {stored.title}, {stored.rows:,} rows of {', '.join(stored.networks)}.")
            return redirect("benchmark:comparison_list", slug)
    return _list_page(request, StartForm(study=request.study), form, status=400)


@require_POST
@require_role(*STARTING_ROLES)
def network_predictions_store(request, slug):
    """Keep what the study's own networks predict now."""
    try:
        stored = store_network_predictions(study=request.study, user=request.user)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        messages.success(request, f"Stored: {stored.title}, {stored.rows:,} rows.")
    return redirect("benchmark:comparison_list", slug)


@comparison_page
def comparison_detail(request, comparison):
    if are_ratings(comparison.results):
        return _rating_detail(request, comparison)
    results = comparison.results
    figures = figures_on_page(comparison)
    kept = Results(results)
    sentences, references = numbered(methods(kept))
    context = _about(comparison, "answers") | {
        "methods": sentences,
        "references": references,
        "limitations": limitations(kept),
        "answers": answers_in_words(results),
        "table": comparisons_table(results),
        "leading_figures": [figure for figure in figures if figure.name in ("figure-2a", "forest")],
        "confusion_figures": [f for f in figures if f.name.startswith("figure-2") and f.name != "figure-2a"],
        "accuracy": table_of(results, section_called(results, "accuracy")) if results.get("accuracy") else None,
    }
    return _with_charts(render(request, "benchmark/comparison_detail.html", context))


def _rating_detail(request, comparison):
    results = comparison.results
    figures = {figure.name: figure for figure in figures_on_page(comparison)}
    sentences, references = numbered(rating_words.methods(Results(results)))
    context = _about(comparison, "answers") | {
        "methods": sentences,
        "references": references,
        "limitations": rating_words.limitations(Results(results)),
        "answers": rating_answers(results),
        "choices": choices_in_words(results),
        "figures": [figures[name] for name in ("error", "choices") if name in figures],
        "table": table_of(results, HYPE),
    }
    return _with_charts(render(request, "benchmark/rating_detail.html", context))


@comparison_page
def comparison_topic(request, comparison, topic):
    page = topic_page(comparison.results, topic)
    if page is None:
        raise Http404("This comparison has no results on that.")
    figures = [figure for figure in figures_on_page(comparison) if figure.name in page.topic.figures]
    context = _about(comparison, topic) | {"page": page, "figures": figures}
    return _with_charts(render(request, "benchmark/comparison_topic.html", context))


@comparison_page
def comparison_items(request, comparison):
    """The hardest images with their pictures, and every item in a table; of a rating study the best and the worst."""
    results = comparison.results
    if are_ratings(results):
        figures = [figure for figure in figures_on_page(comparison) if figure.name == "pictures"]
        context = {"galleries": galleries(comparison), "table": table_of(results, PICTURES), "figures": figures}
        page = render(request, "benchmark/rating_pictures.html", _about(comparison, "items") | context)
        return _with_charts(page)
    section = section_called(results, "items")
    if section is None:
        raise Http404("This comparison has no results on single items.")
    images = ItemImage.objects.filter(item__study=request.study)
    pictures = {(code, view): public for code, view, public in images.values_list("item__code", "view", "public_id")}
    views = results["design"]["views"]
    hardest = [
        (request.study.view_label(view or ""), hardest_items(results, pictures, view=view or "")) for view in views
    ]
    figures = [figure for figure in figures_on_page(comparison) if figure.name in ITEM_FIGURES]
    table = table_of(results, section)
    context = _about(comparison, "items") | {"hardest": hardest, "table": table, "figures": figures}
    return _with_charts(render(request, "benchmark/comparison_items.html", context))


@comparison_page
def comparison_files(request, comparison):
    """Where the numbers come from, and every file."""
    paths = sorted(path for path in comparison.folder.rglob("*") if path.is_file())
    names = [path.relative_to(comparison.folder).as_posix() for path in paths]
    context = _about(comparison, "files") | {
        "command": command_of(comparison),
        "checks": request.study.jobs.filter(kind="comparison-check", payload__comparison=comparison.pk)[:5],
        "groups": [
            ("Report and results", [n for n in names if "/" not in n and n not in comparison.hashes]),
            ("Inputs", [n for n in names if n in comparison.hashes]),
            ("Pictures", [n for n in names if n.startswith("pictures/")]),
            ("Figures", [n for n in names if n.startswith("figures/")]),
            ("Tables", [n for n in names if n.startswith("tables/")]),
        ],
        "others": request.study.comparisons.defer("results").exclude(pk=comparison.pk),
        "may_start": may_change(request.user, request.study, *STARTING_ROLES),
    }
    return render(request, "benchmark/comparison_files.html", context)


def _about(comparison: Comparison, here: str) -> dict:
    """What every page of a comparison shows."""
    return {
        "study": comparison.study,
        "comparison": comparison,
        "results": comparison.results,
        "topics": topics_of(comparison.results),
        "here": here,
        "documents": [path.name for path in documents(comparison)],
        "has_items": bool(comparison.results.get("items") or comparison.results.get("pictures")),
        "are_ratings": are_ratings(comparison.results),
        "is_outdated": not is_of_this_version(comparison),
        "check_command": check_command_of(comparison),
        "check_covers": COVERS_RATINGS if are_ratings(comparison.results) else COVERS,
    }


def _with_charts(response: HttpResponse) -> HttpResponse:
    response._csp_update = CHART_STYLES
    return response


@comparison_page
def comparison_figure(request, comparison, name):
    """A figure as Plotly reads it; with ?narrow=1 as it fits a phone."""
    figure = figure_for_page(comparison.results, name, narrow="narrow" in request.GET)
    if figure is None:
        raise Http404("This comparison has no such figure.")
    return JsonResponse(figure)


@comparison_page
def comparison_figure_data(request, comparison, name):
    """The rows behind every mark of a figure, exact."""
    data = figure_data(comparison.results_as_written(), name)
    if data is None:
        raise Http404("This comparison has no such figure.")
    response = HttpResponse(data, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{comparison.study.slug}-{name}.csv"'
    return response


@comparison_page
def comparison_file(request, comparison, name):
    """A file of the comparison. `name` must be one that the analysis wrote; nothing else can be reached."""
    names = {path.relative_to(comparison.folder).as_posix(): path for path in comparison.folder.rglob("*")}
    path = names.get(name)
    if path is None or not path.is_file():
        raise Http404("This comparison has no such file.")
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if path.name == CHECK:
        kind = "text/plain; charset=utf-8"
    shown = path.name == CHECK or kind in ("text/html", "image/svg+xml", "image/png", "image/jpeg", "application/pdf")
    response = FileResponse(path.open("rb"), content_type=kind, as_attachment=not shown, filename=path.name)
    # The report and figures carry their own styles and no script.
    response._csp_replace = {"default-src": ["'none'"], "style-src": ["'unsafe-inline'"], "img-src": ["data:"]}
    return response


@comparison_page
def comparison_table(request, comparison, section, kind):
    """One section as CSV or XLSX with every digit, or as LaTeX, rounded."""
    found = section_called(comparison.results, section)
    if found is None:
        raise Http404("This comparison has no such table.")
    file = table_file(comparison.results_as_written(), found, kind)
    response = HttpResponse(file.content, content_type=file.content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{comparison.study.slug}-{section}.{kind}"'
    return response


@comparison_page
def comparison_readings(request, comparison, kind):
    """The readings for another program; iMRMC and MRMCaov need `?positive=CLASS`."""
    classes = comparison.results["design"].get("classes", [])
    positive = request.GET.get("positive", "")
    if are_ratings(comparison.results) or (kind in ("imrmc", "mrmcaov") and positive not in classes):
        raise Http404("This comparison has no such readings.")
    try:
        file = readings_file(comparison, kind, positive)
    except InputError as refusal:
        messages.error(request, str(refusal))
        return redirect("benchmark:comparison_files", comparison.study.slug, comparison.pk)
    response = HttpResponse(file.content, content_type=file.content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{comparison.study.slug}-readings.{kind}"'
    return response


@comparison_page
def comparison_bundle(request, comparison):
    response = HttpResponse(bundle(comparison=comparison), content_type="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="{bundle_name(comparison)}.zip"'
    return response


@comparison_page
def comparison_changes(request, comparison, other):
    """What changed from the comparison `other` to this one."""
    before = get_object_or_404(Comparison, study=request.study, pk=other)
    changes = changes_between(before, comparison)
    context = _about(comparison, "files") | {"before": before, "changes": changes}
    context["rows"] = change_rows(changes)
    return render(request, "benchmark/comparison_changes.html", context)


@comparison_page
def comparison_document(request, comparison, name):
    """The report as PDF or the tables for Word, where they were made."""
    path = next((path for path in documents(comparison) if path.name == name), None)
    if path is None:
        raise Http404("This document was not made yet.")
    response = FileResponse(path.open("rb"), as_attachment=True, filename=f"{comparison.study.slug}-{path.name}")
    response.headers["Content-Type"] = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return response


@require_POST
@require_role(*STARTING_ROLES)
def comparison_documents(request, slug, pk):
    comparison = get_object_or_404(Comparison, study=request.study, pk=pk)
    return redirect("job-detail", slug=slug, pk=start_documents(comparison=comparison, user=request.user).pk)


@require_POST
@require_role(*STARTING_ROLES)
def comparison_check(request, slug, pk):
    comparison = get_object_or_404(Comparison, study=request.study, pk=pk)
    return redirect("job-detail", slug=slug, pk=start_check(comparison=comparison, user=request.user).pk)


@require_POST
@require_role(*STARTING_ROLES)
def comparison_renewal(request, slug, pk):
    comparison = get_object_or_404(Comparison, study=request.study, pk=pk)
    return redirect("job-detail", slug=slug, pk=start_renewal(comparison=comparison, user=request.user).pk)
