"""Pages of the generators: what there is, a run, a network, a set; and the pictures' files behind opaque addresses.

None of them is for readers: they tell which pictures are generated, and of what class.
"""

import tempfile

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from generative.curves import run_curves
from generative.forms import MAKE_FORMS, AddSetForm, AuditForm, ContinueForm, ImportNetworkForm, PublishForm, TrainForm
from generative.jobs import ADD_SET, AUDIT, IMPORT_NETWORK, MAKE, PUBLISH
from generative.models import ImageSet, Sample
from generative.presenting import (
    audit_numbers,
    grid_rows,
    judged,
    option_words,
    projection_of,
    set_rows,
    shown_label,
    strips_of,
)
from generative.services.pictures import class_names, real_pictures
from generative.services.publishing import publication_csv, warn_of_classes
from generative.services.sets import write_set_zip
from generative.services.training import continue_training, newest_kid, reached_kimg, run_events, start_trainings
from generative.set_card import set_card
from imagebank.jobs import queue_job
from imagebank.permissions import WORKING_ROLES, Role, has_role, may_change, only_to_change, require_role
from imagebank.services.uploads import keep_upload

MAKER_ROLES = (Role.COORDINATOR, Role.ENGINEER)
SAMPLES_PER_PAGE = 120
CONTENT_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}


@require_GET
@require_role(*WORKING_ROLES)
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """Generators, runs and sets of the study."""
    study = request.study
    context = {
        "generators": study.generators.select_related("run"),
        "runs": [(run, newest_kid(run)) for run in study.generator_runs.select_related("job")],
        "sets": set_rows(study.image_sets.select_related("generator")),
        "pictures": {view["label"]: real_pictures(study, view["code"]).count() for view in study.views},
        **_rights(request),
    }
    return render(request, "generative/overview.html", context)


@require_http_methods(["GET", "POST"])
@require_role(*MAKER_ROLES)
@only_to_change
def network_import(request: HttpRequest, slug: str) -> HttpResponse:
    """Upload a published network file; it is read in the background."""
    form = ImportNetworkForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        upload, given = form.cleaned_data.pop("network"), form.cleaned_data
        given["title"] = given["title"] or upload.name.rsplit(".", 1)[0][:120]
        try:
            payload = {"upload": keep_upload(upload, suffix=".network"), "name": upload.name[-120:], **given}
        except ValidationError as refusal:
            form.add_error(None, refusal.messages)
        else:
            return _started(request, IMPORT_NETWORK, f"Import {upload.name}", payload)
    return _form_page(request, form, "Import a network", "Import", "import")


@require_http_methods(["GET", "POST"])
@require_role(*MAKER_ROLES)
@only_to_change
def set_add(request: HttpRequest, slug: str) -> HttpResponse:
    """Upload an image set of any generator."""
    form = AddSetForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data.pop("archive")
        try:
            payload = {"upload": keep_upload(upload, suffix=".zip"), **form.cleaned_data}
        except ValidationError as refusal:
            form.add_error(None, refusal.messages)
        else:
            return _started(request, ADD_SET, f"Add {upload.name}", payload)
    return _form_page(request, form, "Add an image set", "Add", "add")


@require_http_methods(["GET", "POST"])
@require_role(*MAKER_ROLES)
@only_to_change
def train(request: HttpRequest, slug: str) -> HttpResponse:
    """Start a training."""
    form = TrainForm(request.POST or None, study=request.study)
    if request.method == "POST" and form.is_valid():
        try:
            runs = start_trainings(study=request.study, user=request.user, **form.settings())
        except ValidationError as refusal:
            form.add_error(None, refusal.messages)
        else:
            return redirect("generative:run", slug, runs[0].public_id) if len(runs) == 1 else redirect("generative:overview", slug)
    return _form_page(request, form, "Train a generator", "Start training", "train")


@require_http_methods(["GET", "POST"])
@require_role(*WORKING_ROLES)
def run_detail(request: HttpRequest, slug: str, public_id: str) -> HttpResponse:
    """One training: its state, curves and pictures over time; posting goes on to a larger number."""
    run = get_object_or_404(request.study.generator_runs.select_related("job", "parent"), public_id=public_id)
    form = ContinueForm(request.POST if request.method == "POST" else None)
    rights = _rights(request)
    if request.method == "POST" and rights["makes"] and form.is_valid():
        try:
            continue_training(run=run, user=request.user, **form.cleaned_data)
        except ValidationError as refusal:
            form.add_error("total_kimg", refusal.messages)
        else:
            return redirect("generative:run", slug, public_id)
    events = run_events(run)
    grids = [event for event in events if event["event"] == "grid"]
    context = {
        "run": run,
        "curves": run_curves(events),
        "grids": [{"kimg": event["kimg"], "name": event["path"].rsplit("/", 1)[-1]} for event in _spread(grids, 9)],
        "columns": list(class_names(request.study, grids[-1]["columns"]).values()) if grids else [],
        "start": next((event for event in events if event["event"] == "start"), None),
        "reached": reached_kimg(run),
        "options": option_words(run.options),
        "generator": run.generators.first(),
        "form": form,
        **rights,
    }
    template = "generative/_run.html" if request.htmx else "generative/run.html"
    response = render(request, template, context, status=400 if form.is_bound else 200)
    if request.htmx and not (run.job and run.job.is_active):
        response["HX-Refresh"] = "true"  # the end brings more than this part: the form to go on, the study's own state
    return response


def _spread(found: list, most: int) -> list:
    """At most `most` of a list, evenly chosen, the first and the last among them."""
    if len(found) <= most:
        return found
    return [found[round(i * (len(found) - 1) / (most - 1))] for i in range(most)]


@require_GET
@require_role(*WORKING_ROLES)
def run_grid(request: HttpRequest, slug: str, public_id: str, name: str) -> FileResponse:
    """One picture of the run's progress; only names that the run itself has reported."""
    run = get_object_or_404(request.study.generator_runs, public_id=public_id)
    if name not in {event["path"].rsplit("/", 1)[-1] for event in run_events(run, "grid")}:
        raise Http404("This run has no such picture.")
    return _picture(run.folder / "out" / "grids" / name, "image/png")


@require_http_methods(["GET", "POST"])
@require_role(*WORKING_ROLES)
def generator_detail(request: HttpRequest, slug: str, public_id: str) -> HttpResponse:
    """One network: what it is, where it comes from, and the forms that make pictures with it."""
    generator = get_object_or_404(request.study.generators.select_related("run"), public_id=public_id)
    rights, asked = _rights(request), request.POST.get("kind")
    forms = {
        kind: form(request.POST if kind == asked else None, generator=generator, prefix=kind)
        for kind, form in MAKE_FORMS.items()
        if kind in ("sample", "projection") or len(generator.classes) > 1
    }
    if request.method == "POST" and rights["makes"] and asked in forms and forms[asked].is_valid():
        payload = {"generator": generator.public_id, "kind": asked, "settings": forms[asked].cleaned_data}
        return _started(request, MAKE, f"{ImageSet.Kind(asked).label} by {generator.title}", payload)
    start = generator.description.get("extra", {}).get("start")
    context = {
        "generator": generator,
        "classes": class_names(request.study, generator.classes),
        "counts": generator.description.get("extra", {}).get("counts", {}),
        "forms": [(ImageSet.Kind(kind), form) for kind, form in forms.items()],
        "start": start and {"preset": start["preset"], "loaded": len(start["loaded"]), "fresh": len(start["fresh"])},
        "sets": set_rows(generator.sets.all()),
        **rights,
    }
    return render(request, "generative/generator.html", context, status=400 if asked else 200)


@require_GET
@require_role(*WORKING_ROLES)
def set_detail(request: HttpRequest, slug: str, public_id: str) -> HttpResponse:
    """One set: its pictures, how good it is, what the audit found, and where it was published."""
    image_set = _set_or_404(request, public_id)
    samples = list(image_set.samples.all())
    names = class_names(request.study, sorted({name for sample in samples for name in sample.label}))
    for sample in samples:
        sample.words = shown_label(sample, names)
    if image_set.kind == ImageSet.Kind.PROJECTION:
        context = {"set": image_set, "projection": projection_of(image_set, samples[0]), **_rights(request)}
        return render(request, "generative/projection.html", context)
    page = Paginator(samples, SAMPLES_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "set": image_set,
        "page": page,
        "strips": strips_of(samples) if image_set.kind == ImageSet.Kind.MORPH else [],
        "grid": grid_rows(samples) if image_set.kind == ImageSet.Kind.MIX else None,
        "audit": image_set.newest_audit,
        "numbers": audit_numbers(image_set.newest_audit),
        "judged": judged(image_set.evaluation, names),
        "unresolved": image_set.samples.unresolved().count(),
        "publications": image_set.publications.select_related("published_by"),
        "audit_form": AuditForm(image_set=image_set),
        "working": request.study.jobs.active().filter(payload__image_set=image_set.public_id).first(),
        **_rights(request),
    }
    return render(request, "generative/set.html", context)


@require_POST
@require_role(*MAKER_ROLES)
def set_audit(request: HttpRequest, slug: str, public_id: str) -> HttpResponse:
    image_set = _set_or_404(request, public_id)
    form = AuditForm(request.POST, image_set=image_set)
    if not form.is_valid():
        messages.error(request, "Choose the pictures and the features from the lists.")
        return redirect("generative:set", slug, public_id)
    return _started(request, AUDIT, f"Audit {image_set.title}", {"image_set": public_id, **form.cleaned_data})


@require_http_methods(["GET", "POST"])
@require_role(*MAKER_ROLES)
@only_to_change
def set_publish(request: HttpRequest, slug: str, public_id: str) -> HttpResponse:
    """Publish into the study; open suspicions stand in the way."""
    image_set = _set_or_404(request, public_id)
    form = PublishForm(request.POST or None, image_set=image_set)
    if request.method == "POST" and form.is_valid():
        payload = {"image_set": public_id, "settings": form.cleaned_data}
        return _started(request, PUBLISH, f"Publish {image_set.title}", payload)
    context = {
        "set": image_set,
        "form": form,
        "unresolved": image_set.samples.unresolved().count(),
        "let_through": image_set.samples.filter(quarantined=True, decision__publish=True).count(),
        "left_out": image_set.samples.filter(quarantined=True, decision__publish=False).count(),
        "audited": image_set.newest_audit is not None,
        "publication": image_set.publications.filter(study=request.study).first(),
        "strange": warn_of_classes(image_set, request.study),
        **_rights(request),
    }
    return render(request, "generative/publish.html", context, status=400 if form.is_bound else 200)


@require_GET
@require_role(*WORKING_ROLES)
def set_data_card(request: HttpRequest, slug: str, public_id: str) -> HttpResponse:
    image_set = _set_or_404(request, public_id)
    response = HttpResponse(set_card(image_set), content_type="text/markdown; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="image-set-{image_set.set_hash[:12]}.md"'
    return response


@require_GET
@require_role(*WORKING_ROLES)
def set_archive(request: HttpRequest, slug: str, public_id: str) -> HttpResponse:
    """The set as the ZIP it came in. With suspected copies in it, for curators only."""
    image_set = _set_or_404(request, public_id)
    if image_set.samples.filter(quarantined=True).exists() and not _rights(request)["curates"]:
        raise Http404("This set holds suspected copies; a coordinator or engineer can download it.")
    out = tempfile.TemporaryFile()  # noqa: SIM115 - the response reads and closes it
    write_set_zip(image_set=image_set, out=out)
    out.seek(0)
    name = f"image-set-{image_set.set_hash[:12]}.zip"
    return FileResponse(out, as_attachment=True, filename=name, content_type="application/zip")


@require_GET
@require_role(*WORKING_ROLES)
def publication_table(request: HttpRequest, slug: str, public_id: str, pk: int) -> HttpResponse:
    publication = get_object_or_404(_set_or_404(request, public_id).publications, pk=pk)
    response = HttpResponse(publication_csv(publication=publication), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="published-{publication.pk}.csv"'
    return response


@require_GET
@require_role(*WORKING_ROLES)
def sample_picture(request: HttpRequest, slug: str, public_id: str) -> FileResponse:
    """One picture's file. A suspected copy is shown to curators only."""
    sample = get_object_or_404(Sample, public_id=public_id, image_set__study=request.study)
    if sample.quarantined and not _rights(request)["curates"]:
        raise Http404("This picture is quarantined.")
    suffix = sample.file.name[sample.file.name.rfind(".") :]
    return _picture(sample.file, CONTENT_TYPES[suffix])


def _picture(file, kind: str) -> FileResponse:
    try:
        opened = file.open("rb")
    except FileNotFoundError as error:
        raise Http404("The file of this picture is missing from the store.") from error
    response = FileResponse(opened, content_type=kind)
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def _set_or_404(request: HttpRequest, public_id: str) -> ImageSet:
    return get_object_or_404(request.study.image_sets.select_related("generator__run"), public_id=public_id)


def _rights(request: HttpRequest) -> dict:
    user, study = request.user, request.study
    rates = may_change(user, study, Role.COORDINATOR) and user.has_perm("imagebank.add_study")
    return {"study": study, "curates": has_role(user, study, *MAKER_ROLES),
            "makes": may_change(user, study, *MAKER_ROLES), "rates": rates}  # fmt: skip


def _started(request: HttpRequest, kind: str, title: str, payload: dict) -> HttpResponse:
    job = queue_job(study=request.study, kind=kind, title=title[:200], payload=payload, user=request.user)
    return redirect("job-detail", request.study.slug, job.pk)


def _form_page(request: HttpRequest, form, title: str, verb: str, here: str) -> HttpResponse:
    context = {"form": form, "title": title, "verb": verb, "here": here, **_rights(request)}
    return render(request, "generative/form.html", context, status=400 if form.is_bound else 200)
