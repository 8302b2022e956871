"""The image bank's background work: importing an uploaded ZIP, and the leakage check."""

from imagebank.jobs import JobRun, queue_job, register_job
from imagebank.models import Job, Study
from imagebank.services.removal import REMOVE
from imagebank.services.uploads import kept_upload, settle_upload

IMPORT = "imagebank.import"
LEAKAGE = "imagebank.leakage"


def queue_import(*, study: Study, upload: str, name: str, manifest: str = "", user=None) -> Job:
    """Import a kept ZIP, which its giver calls `name`, by its own manifest or by one kept as `manifest`."""
    upload = settle_upload(upload, suffix=".zip")
    payload = {"upload": upload, "name": name[:200], "manifest": manifest}
    return queue_job(study=study, kind=IMPORT, title=f"Import {name}"[:200], payload=payload, user=user)


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
