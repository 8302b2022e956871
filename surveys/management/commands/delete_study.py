from django.core.exceptions import ValidationError

from imagebank.jobs import run_job
from imagebank.management.outcome import Outcome
from imagebank.management.study_command import StudyCommand
from imagebank.services.removal import begin_removal


class Command(StudyCommand):
    help = "Delete a study for good, from the database and from the disk. Interrupted, the worker goes on with it."
    in_archive = True

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("--confirm", required=True, metavar="SLUG", help="the study's slug once more")

    def act(self, study, *, confirm, **options):
        removal = begin_removal(study=study, confirmed=confirm)
        job = run_job(removal.job_id)
        removal.refresh_from_db()
        if removal.finished_at is None or removal.refusal:
            raise ValidationError(job.error or f"A worker is deleting {removal.slug}.")
        told = ", ".join(f"{number} {words}" for words, number in removal.counts) or "nothing but the set-up"
        return Outcome(
            f"{removal.slug} is deleted: {told}; {removal.files_total} files and folders.",
            {"deleted": dict(removal.counts), "files": removal.files_total},
        )
