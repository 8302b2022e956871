"""The surveys' background work."""

from imagebank.jobs import JobRun, register_job
from surveys.services.letters import SEND_LETTERS, send_waiting_letters


@register_job(SEND_LETTERS)
def send_letters(run: JobRun) -> dict:
    """Send every letter that waits in the study."""
    sent, failed = send_waiting_letters(
        study=run.study, progress=lambda done, total: run.progress(done=done, total=total, message="sending")
    )
    run.log(f"{sent} letters sent, {failed} not sent")
    return {"sent": sent, "failed": failed}
