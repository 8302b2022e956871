"""The image bank's background work: looking into an uploaded ZIP, importing it, and the leakage check."""

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db import transaction

from imagebank.jobs import JobRun, queue_job, register_job
from imagebank.models import Job, Study
from imagebank.services.arriving import Arrival, finish_arrival, require_room
from imagebank.services.removal import REMOVE
from imagebank.services.uploads import (
    DRAFTED,
    LOOKED_AT,
    forget_drafts,
    forget_upload,
    keep_upload,
    kept_upload,
    settle_upload,
    settled_name,
    standing_upload,
)

LOOK = "imagebank.look"
IMPORT = "imagebank.import"
LEAKAGE = "imagebank.leakage"
ZIP, MANIFEST = ".zip", ".manifest.csv"  # uploads that an import needs, however long it waits


def receive_archive(*, study: Study, archive, manifest=None, user=None) -> Job:
    """Take in an uploaded ZIP: import it by the manifest given or by its own; one without any is looked into, and nothing
    comes in yet. What is no ZIP or no manifest raises ValidationError, and nothing is kept."""
    forget_drafts()
    name = archive.name[:120]
    require_room(name=name, size=archive.size)
    _require_manifest(manifest)
    return _take_in(study, keep_upload(archive, suffix=LOOKED_AT), name, manifest, user)


def receive_arrival(*, study: Study, arrival: Arrival, manifest=None, user=None) -> Job:
    """Like `receive_archive`, for a ZIP that came in pieces. Again gives the same job, so that a program whose line dropped before it
    heard the answer may ask again. Where some of the ZIP is missing, or the manifest is none, ValidationError, and what came is kept."""
    _require_manifest(manifest)
    if known := import_of(study, arrival.kept) or (manifest is None and _first_look(study, arrival)):
        return known
    return _take_in(study, finish_arrival(arrival), arrival.name, manifest, user)


def _first_look(study: Study, arrival: Arrival) -> Job | None:
    upload = settled_name(arrival.kept, suffix=LOOKED_AT)
    return study.jobs.filter(kind=LOOK, payload__upload=upload, payload__sent=None, payload__asked=None).first()


def _require_manifest(manifest) -> None:
    from imagebank.services.manifest import require_manifest

    if manifest is not None:
        require_manifest(manifest.read(), manifest.name)


def _take_in(study: Study, kept: str, name: str, manifest, user) -> Job:
    """Import a kept ZIP by the manifest or by its own, else look into it. What is no ZIP raises ValidationError, and nothing is kept."""
    from imagebank.services.drafting.showing import is_quick
    from imagebank.services.manifest import says_what_a_manifest_must
    from imagebank.services.sources import UnreadableFile, open_source

    beside = ""
    try:
        quick = is_quick(kept_upload(kept), name)
        if manifest is not None:
            beside = keep_upload(manifest, suffix=DRAFTED)
            return queue_import(study=study, upload=kept, name=name, manifest=beside, user=user)
        if quick:
            with open_source(kept_upload(kept), name=name) as source:
                if says_what_a_manifest_must(source):
                    return queue_import(study=study, upload=kept, name=name, user=user)
        return queue_look(study=study, upload=kept, name=name, user=user)
    except (ValidationError, UnreadableFile) as refusal:
        for file in filter(None, (kept, beside)):
            forget_upload(file)
        raise ValidationError(getattr(refusal, "messages", str(refusal))) from refusal


def queue_import(*, study: Study, upload: str, name: str, manifest: str = "", user=None) -> Job:
    """Import a kept ZIP, which its giver calls `name`, by its own manifest or by one kept as `manifest`. The same upload
    again gives the same job, so that two presses import once. One that is gone raises ValidationError."""
    with transaction.atomic():
        study = Study.objects.select_for_update().get(pk=study.pk)
        if known := import_of(study, upload):
            if manifest and settled_name(manifest, suffix=MANIFEST) != known.payload["manifest"]:
                forget_upload(manifest)
            return known
        upload = settle_upload(upload, suffix=ZIP)
        manifest = manifest and settle_upload(manifest, suffix=MANIFEST)
        payload = {"upload": upload, "name": name[:200], "manifest": manifest}
        return queue_job(study=study, kind=IMPORT, title=f"Import {name}"[:200], payload=payload, user=user)


def import_of(study: Study, upload: str) -> Job | None:
    """The job that imports a kept ZIP, or has done so."""
    return study.jobs.filter(kind=IMPORT, payload__upload=settled_name(upload, suffix=ZIP)).first()


def queue_look(
    *, study: Study, upload: str, name: str, sent: dict[str, str] | None = None, asked: dict | None = None, then: str = "", user=None
) -> Job:
    """Look into a kept ZIP that is too large for a page to wait for, or for a program. sent: what the page of an earlier look
    sent back; asked: what a program said in place of the guess (`reading_asked`). then: "import", where the person pressed that
    beside what they changed. A manifest that is complete is imported by."""
    payload = {"upload": upload, "name": name[:200], "sent": sent, "asked": asked, "then": then}
    return queue_job(study=study, kind=LOOK, title=f"Look into {name}"[:200], payload=payload, user=user)


@register_job(LOOK)
def look_into_upload(run: JobRun) -> dict:
    """Keep what the page of the draft shows and its manifest, or go on to the import. Run again after a crash it does the same
    again, and finds an import that it had queued already. The result names the look itself, for the link to its page."""
    from imagebank.services.drafting.reading import Words
    from imagebank.services.drafting.showing import show
    from imagebank.services.manifest import says_what_a_manifest_must
    from imagebank.services.sources import open_source

    upload, name, sent, asked = (run.payload[key] for key in ("upload", "name", "sent", "asked"))
    result = {"look": str(run.job.pk)}
    if known := import_of(run.study, upload):
        return result | {"import": str(known.pk)}
    with open_source(standing_upload(upload, suffix=ZIP), name=name) as source:
        if not (sent or asked) and says_what_a_manifest_must(source):
            job = queue_import(study=run.study, upload=upload, name=name, user=run.job.created_by)
            return result | {"import": str(job.pk)}
        words = Words.of(run.study)
        shown, text = show(source, words, sent, asked, lambda said: run.progress(done=0, total=0, message=said))
    manifest = keep_upload(ContentFile(text.encode()), suffix=DRAFTED)
    if run.payload["then"] == "import" and shown.rows:
        job = queue_import(study=run.study, upload=upload, name=name, manifest=manifest, user=run.job.created_by)
        return result | {"import": str(job.pk)}
    kept = keep_upload(ContentFile(shown.as_json().encode()), suffix=".draft.json")
    run.log(f"{shown.pictures} pictures, {shown.rows} of them can come in as they were read")
    return result | {"shown": kept, "manifest": manifest}


@register_job(IMPORT)
def import_upload(run: JobRun) -> dict:
    """Import the ZIP named in the payload. Run again after a crash it goes on where it stopped."""
    from imagebank.services.importing import import_manifest

    path = kept_upload(run.payload["upload"])
    drafted = run.payload.get("manifest") and kept_upload(run.payload["manifest"])
    report = import_manifest(
        study=run.study,
        manifest_path=path,
        manifest=drafted.read_bytes() if drafted else None,
        name=run.payload.get("name", ""),
        progress=lambda done, total: run.progress(done=done, total=total),
    )
    for note in report.notes:
        run.log(note)
    for problem in report.rejected[:200]:
        run.log(f"line {problem['line']}: {problem['message']}")
    run.log(f"{report.created} new, {report.unchanged} unchanged, {len(report.rejected)} rejected")
    for file in filter(None, (path, drafted)):
        file.unlink(missing_ok=True)
    return {"import_run": report.pk}


@register_job(LEAKAGE)
def run_leakage_check(run: JobRun) -> dict:
    """Compare all pictures of the study."""
    from imagebank.services.leakage import check_leakage

    report = check_leakage(
        study=run.study, progress=lambda done, total: run.progress(done=done, total=total, message="comparing")
    )
    findings = report.findings.count()
    run.log(f"{report.images} pictures, {findings} findings")
    return {"report": report.pk, "findings": findings}


@register_job(REMOVE)
def remove_study(run: JobRun) -> dict:
    """Delete the study of the removal named in the payload; run again after a crash it goes on where it stopped."""
    from imagebank.models import Removal
    from imagebank.services.removal import carry_out_removal

    removal = carry_out_removal(
        removal=Removal.objects.get(pk=run.payload["removal"]),
        progress=lambda done, total: run.progress(done=done, total=total, message="removing files"),
    )
    return {"files": removal.files_total}
