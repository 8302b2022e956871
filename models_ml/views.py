"""Pages of the networks: runs, their curves and results, starting and stopping them, ensembles, files."""

from pathlib import Path

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from imagebank.jobs import queue_job
from imagebank.models import Study
from imagebank.permissions import TRUTH_ROLES, Role, may_change, only_to_change, require_role
from imagebank.services.uploads import keep_upload
from models_ml import charts, presenting
from models_ml.child import LOG
from models_ml.forms import AttributionForm, EnsembleForm, ImportForm, StartForm
from models_ml.models import Ensemble, TrainingRun
from models_ml.services.comparing import answered_cases, held_out_cases, pairs
from models_ml.services.explaining import start_attribution
from models_ml.services.exporting import (
    EXPORT_MANIFEST,
    manifest_package,
    onnx_export,
    queue_manifest_export,
    queue_onnx_export,
)
from models_ml.services.predicting import create_ensemble, queue_prediction
from models_ml.services.training import cancel_run, delete_run, resume_run, start_run

CHANGING_ROLES = (Role.ENGINEER, Role.COORDINATOR)
IMPORT = "models_ml.import"
LOG_BYTES = 20_000


def context_of(request: HttpRequest, **more) -> dict:
    offered = may_change(request.user, request.study, *CHANGING_ROLES)
    return {"study": request.study, "may_change": offered, **more}


def get_run(request: HttpRequest, pk: int) -> TrainingRun:
    runs = TrainingRun.objects.with_state().select_related("study", "job", "created_by")
    return get_object_or_404(runs, study=request.study, pk=pk)


def get_ensemble(request: HttpRequest, pk: int) -> Ensemble:
    return get_object_or_404(Ensemble.objects.select_related("run__study", "study"), study=request.study, pk=pk)


def refused(request: HttpRequest, refusal: ValidationError) -> None:
    messages.error(request, " ".join(refusal.messages))


@require_GET
@require_role(*TRUTH_ROLES)
def run_list(request: HttpRequest, slug: str) -> HttpResponse:
    runs = TrainingRun.objects.for_list().filter(study=request.study)
    rows = [presenting.run_row(run, request.study) for run in runs]
    busy = any(row.run.job and row.run.job.is_active for row in rows)
    template = "models_ml/_runs.html" if request.htmx else "models_ml/run_list.html"
    return render(request, template, context_of(request, rows=rows, busy=busy))


@require_http_methods(["GET", "POST"])
@require_role(*CHANGING_ROLES)
@only_to_change
def run_start(request: HttpRequest, slug: str) -> HttpResponse:
    form = StartForm(request.POST or None, study=request.study)
    if request.method == "POST" and form.is_valid():
        try:
            run = start_run(study=request.study, user=request.user, **form.asked())
        except ValidationError as refusal:
            form.add_error(None, ValidationError(refusal.messages))
        else:
            return redirect("models_ml:run", slug, run.pk)
    return render(
        request, "models_ml/run_start.html", context_of(request, form=form), status=400 if form.is_bound else 200
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@require_role(*CHANGING_ROLES)
@only_to_change
def run_import(request: HttpRequest, slug: str) -> HttpResponse:
    form = ImportForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        archive = form.cleaned_data["archive"]
        try:
            asked = {name: form.cleaned_data[name] for name in ("name", "other_pictures")}
            payload = {"upload": keep_upload(archive, suffix=Path(archive.name).suffix.lower()), **asked}
        except ValidationError as refusal:
            form.add_error("archive", refusal.messages)
        else:
            title = f"Import {archive.name}"[:200]
            job = queue_job(study=request.study, kind=IMPORT, title=title, payload=payload, user=request.user)
            return redirect("job-detail", slug, job.pk)
    return render(
        request, "models_ml/run_import.html", context_of(request, form=form), status=400 if form.is_bound else 200
    )  # fmt: skip


@require_GET
@require_role(*TRUTH_ROLES)
def run_detail(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    run = get_run(request, pk)
    context = context_of(request, **_live(run)) | {
        "facts": presenting.run_facts(run),
        "numbers": presenting.numbers(run.out_of_fold),
        "confusion": charts.confusion(run.out_of_fold.get("confusion")),
        "reliability": charts.reliability(run.out_of_fold.get("calibration")),
        "hardest": _with_keys(run.study, run.out_of_fold.get("hardest", [])),
        "skin_tone": presenting.by_skin_tone(run.out_of_fold),
        "files": presenting.run_files(run),
        "onnx": onnx_export(run),
        "log": _log(run),
        "ensemble_form": EnsembleForm(),
        "views_choices": presenting.views_choices(run),
    }
    return render(request, "models_ml/run.html", context)


@require_GET
@require_role(*TRUTH_ROLES)
def run_live(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """The part of the run page that changes while it trains; at the end the whole page comes anew, with the results."""
    live = _live(get_run(request, pk))
    response = render(request, "models_ml/_live.html", context_of(request, **live))
    if not live["active"]:
        response.headers["HX-Refresh"] = "true"
    return response


def _live(run: TrainingRun) -> dict:
    ensembles = run.ensembles.all()
    rows = [(one, charts.share_text(one.judged["accuracy_clustered"]) if one.judged else "") for one in ensembles]
    active = bool(run.job and run.job.is_active)
    epochs = run.config["recipe"]["epochs"] if active else 1
    return {
        "run": run,
        "state_label": TrainingRun.State(run.state).label,
        "view_label": run.study.view_label(run.view),
        "active": active,
        "can_resume": run.state in ("cancelled", "failed"),
        "curves": charts.learning_curves(charts.read_curves(run.folder, run.folds), epochs=epochs),
        "members": run.members.all(),
        "ensembles": [(one, text, presenting.rule_in_words(one)) for one, text in rows],
    }


def _with_keys(study: Study, rows: list[dict]) -> list[dict]:
    """Rows about items, with the items' keys for links; an item that is gone has none."""
    keys = dict(study.items.filter(code__in=[row["item"] for row in rows]).values_list("code", "pk"))
    return [row | {"pk": keys.get(row["item"])} for row in rows]


def _log(run: TrainingRun) -> str:
    path = run.home / LOG
    return path.read_bytes()[-LOG_BYTES:].decode(errors="replace") if path.is_file() else ""


@require_POST
@require_role(*CHANGING_ROLES)
def run_cancel(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    try:
        cancel_run(run=get_run(request, pk))
    except ValidationError as refusal:
        refused(request, refusal)
    else:
        messages.info(request, "The run stops after its present step. Members that are trained stay usable.")
    return redirect("models_ml:run", slug, pk)


@require_POST
@require_role(*CHANGING_ROLES)
def run_resume(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    try:
        resume_run(run=get_run(request, pk))
    except ValidationError as refusal:
        refused(request, refusal)
    return redirect("models_ml:run", slug, pk)


@require_POST
@require_role(*CHANGING_ROLES)
def run_delete(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    run = get_run(request, pk)
    try:
        delete_run(run=run)
    except ValidationError as refusal:
        refused(request, refusal)
        return redirect("models_ml:run", slug, pk)
    messages.success(request, f"{run} was removed with its files.")
    return redirect("models_ml:runs", slug)


@require_POST
@require_role(*CHANGING_ROLES)
def run_predict(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    try:
        chosen = request.POST.get("views", "")
        job = queue_prediction(run=get_run(request, pk), views=int(chosen) if chosen.isdecimal() else None, user=request.user)
    except ValidationError as refusal:
        refused(request, refusal)
        return redirect("models_ml:run", slug, pk)
    return redirect("job-detail", slug, job.pk)


@require_GET
@require_role(*TRUTH_ROLES)
def run_card(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    run = get_run(request, pk)
    path = run.folder / "card.md"
    blocks = presenting.card_blocks(path.read_text(encoding="utf-8")) if path.is_file() else []
    return render(request, "models_ml/card.html", context_of(request, run=run, blocks=blocks))


@require_GET
@require_role(*TRUTH_ROLES)
def run_file(request: HttpRequest, slug: str, pk: int, name: str) -> FileResponse:
    """A file of the run folder. `name` must be one that the run page lists; nothing else can be reached."""
    run = get_run(request, pk)
    if name not in {file.name for file in presenting.run_files(run)}:
        raise Http404("This run has no such file.")
    return _attachment(run.folder / name, f"{run.name}-{run.view}-{name.replace('/', '-')}")


@require_GET
@require_role(*TRUTH_ROLES)
def onnx_file(request: HttpRequest, slug: str, pk: int, name: str) -> FileResponse:
    run = get_run(request, pk)
    export = onnx_export(run)
    if export is None or name not in export.names:
        raise Http404("This run has no such ONNX file.")
    return _attachment(export.facts.with_name(name), f"{run.name}-{run.view}-{name}")


def _attachment(path, filename: str) -> FileResponse:
    response = FileResponse(path.open("rb"), as_attachment=True, filename=filename)
    response.headers["Cache-Control"] = "private, no-store"
    return response


@require_POST
@require_role(*CHANGING_ROLES)
def onnx_start(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    try:
        job = queue_onnx_export(run=get_run(request, pk), user=request.user)
    except ValidationError as refusal:
        refused(request, refusal)
        return redirect("models_ml:run", slug, pk)
    return redirect("job-detail", slug, job.pk)


@require_GET
@require_role(*CHANGING_ROLES)
def gpu_box(request: HttpRequest, slug: str) -> HttpResponse:
    """Training elsewhere: the package to take along, the commands, and the way back."""
    package = manifest_package(request.study)
    made = package.stat() if package.is_file() else None
    job = request.study.jobs.active().filter(kind=EXPORT_MANIFEST).first()
    return render(request, "models_ml/gpu_box.html", context_of(request, made=made, job=job))


@require_POST
@require_role(*CHANGING_ROLES)
def manifest_export(request: HttpRequest, slug: str) -> HttpResponse:
    return redirect("job-detail", slug, queue_manifest_export(study=request.study, user=request.user).pk)


@require_GET
@require_role(*CHANGING_ROLES)
def manifest_download(request: HttpRequest, slug: str) -> FileResponse:
    package = manifest_package(request.study)
    if not package.is_file():
        raise Http404("The package was not made yet.")
    return _attachment(package, f"{slug}-manifest.zip")


@require_GET
@require_role(*TRUTH_ROLES)
def run_compare(request: HttpRequest, slug: str) -> HttpResponse:
    """Runs side by side: how they did, on which pictures one is right and the other not, curves, settings."""
    chosen = [int(text) for text in request.GET.getlist("run") if text.isdecimal() and int(text) < 2**31]
    runs = list(TrainingRun.objects.for_list().filter(study=request.study, pk__in=chosen))
    if len(runs) < 2:
        return render(request, "models_ml/compare.html", context_of(request, runs=[]))
    ensembles = [(run, next((one for one in run.ensembles.all() if one.name == run.name), None)) for run in runs]
    judged = [(run, ensemble) for run, ensemble in ensembles if ensemble and ensemble.judged]
    trained = [run for run in runs if run.has_weights]
    held_out = [(str(run), run.out_of_fold.get("balanced_accuracy", {"why": "not trained"}), False) for run in trained]
    tested = [(str(run), one.judged["accuracy_clustered"], False) for run, one in judged]
    keys = dict(request.study.items.values_list("code", "pk"))
    context = {
        "runs": [presenting.run_row(run, request.study) for run in runs],
        "answers_alone": [run for run in runs if not run.has_weights],
        "settings": presenting.compared_settings(runs) if trained == runs else [],
        "held_out": charts.forest(held_out) if held_out else None,
        "tested": charts.forest(tested) if tested else None,
        "tested_pairs": presenting.pair_rows(pairs([(str(run), answered_cases(one)) for run, one in judged]), keys),
        "held_out_pairs": presenting.pair_rows(pairs([(str(run), held_out_cases(run)) for run in trained]), keys),
        "ensembles": {str(run): one.pk for run, one in judged},
        "curves": charts.compared_curves([charts.read_curves(run.folder, run.folds) for run in runs]),
    }
    return render(request, "models_ml/compare.html", context_of(request, **context))


@require_POST
@require_role(*CHANGING_ROLES)
def ensemble_create(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    run = get_run(request, pk)
    form = EnsembleForm(request.POST)
    if form.is_valid():
        try:
            ensemble = create_ensemble(run=run, **form.cleaned_data)
        except ValidationError as refusal:
            refused(request, refusal)
        else:
            return redirect("models_ml:ensemble", slug, ensemble.pk)
    for errors in form.errors.values():
        messages.error(request, " ".join(errors))
    return redirect("models_ml:run", slug, pk)


@require_GET
@require_role(*TRUTH_ROLES)
def ensemble_detail(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    ensemble = get_ensemble(request, pk)
    judged = ensemble.judged
    context = {
        "ensemble": ensemble,
        "run": ensemble.run,
        "view_label": request.study.view_label(ensemble.view),
        "rule": presenting.rule_in_words(ensemble),
        "views": presenting.views_in_words(ensemble.run),
        "numbers": presenting.numbers(judged),
        "forest": presenting.accuracy_forest(ensemble),
        "mean_member": presenting.mean_member(ensemble),
        "member_names": list(ensemble.results.get("members", {})),
        "browse": f"{reverse('benchmark:network_predictions', args=[slug])}?ensemble={ensemble.pk}",
        "confusion": charts.confusion(judged.get("confusion")),
        "reliability": charts.reliability(judged.get("calibration")),
        "hardest": _with_keys(request.study, ensemble.results.get("hardest", [])),
        "skin_tone": presenting.by_skin_tone(ensemble.results),
        "answered": ensemble.predictions.count(),
        "sets": ensemble.attribution_sets.select_related("job"),
        "attribution_form": AttributionForm(),
    }  # fmt: skip
    return render(request, "models_ml/ensemble.html", context_of(request, **context))


@require_POST
@require_role(*CHANGING_ROLES)
def ensemble_explain(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    ensemble = get_ensemble(request, pk)
    form = AttributionForm(request.POST, request.FILES)
    if not form.is_valid():
        for errors in form.errors.values():
            messages.error(request, " ".join(errors))
        return redirect("models_ml:ensemble", slug, pk)
    try:
        made = start_attribution(ensemble=ensemble, user=request.user, **form.cleaned_data)
    except ValidationError as refusal:
        refused(request, refusal)
        return redirect("models_ml:ensemble", slug, pk)
    return redirect("models_ml:attribution", slug, made.pk)
