"""The surveys' background work."""

from django.core.exceptions import ValidationError

from imagebank.jobs import JobRun, register_job
from surveys.services.recruiting.letters import SEND_LETTERS, send_waiting_letters


@register_job(SEND_LETTERS)
def send_letters(run: JobRun) -> dict:
    """Send every letter that waits in the study. Where some wait on the job fails, and is started again by itself."""
    posted = send_waiting_letters(
        study=run.study, progress=lambda done, total: run.progress(done=done, total=total, message="sending")
    )
    run.log(f"{posted.sent} letters sent, {posted.failed} not sent, {posted.waiting} wait on")
    if posted.waiting:
        raise ValidationError(f"Letters that wait: {posted.waiting}. {posted.problem} They are tried again every ten minutes.")
    return {"sent": posted.sent, "failed": posted.failed}
