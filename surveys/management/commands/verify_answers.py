from django.core.management.base import CommandError

from surveys.management.study_command import StudyCommand
from surveys.models import Answer
from surveys.services import answer_log_faults


class Command(StudyCommand):
    help = "Recompute the chain of hashes of a study's answers and name the first broken entry of every sitting."
    in_archive = True

    def act(self, study, **options):
        faults = answer_log_faults(study=study)
        if faults:
            raise CommandError("\n".join(faults), returncode=1)
        return f"{Answer.objects.of_study(study).count():,} answers of {study.slug}: every chain is whole."
