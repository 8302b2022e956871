"""The image bank's background work: importing an uploaded ZIP, and the leakage check."""

from imagebank.jobs import JobRun, register_job
from imagebank.services.removal import REMOVE
from imagebank.services.uploads import kept_upload

IMPORT = "imagebank.import"
LEAKAGE = "imagebank.leakage"


@register_job(IMPORT)
def import_upload(run: JobRun) -> dict:
    """Import the ZIP named in the payload. Run again after a crash it goes on where it stopped."""
    from imagebank.services.importing import import_manifest

    path = kept_upload(run.payload["upload"])
    report = import_manifest(
        study=run.study,
        manifest_path=path,
        name=run.payload.get("name", ""),
        progress=lambda done, total: run.progress(done=done, total=total),
    )
    for problem in report.rejected[:200]:
        run.log(f"line {problem['line']}: {problem['message']}")
    run.log(f"{report.created} new, {report.unchanged} unchanged, {len(report.rejected)} rejected")
    path.unlink(missing_ok=True)
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
