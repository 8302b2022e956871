from django.core.management.base import CommandError

from imagebank.management.outcome import Outcome
from imagebank.management.study_command import StudyCommand
from imagebank.management.terminal import CHECK_FAILED
from surveys.models import Answer
from surveys.services import answer_log_faults


class Command(StudyCommand):
    help = "Recompute the chain of hashes of a study's answers and name the first broken entry of every sitting."
    in_archive = True

    def act(self, study, **options):
        faults = answer_log_faults(study=study)
        answers = Answer.objects.of_study(study).count()
        if faults and not options["json"]:
            raise CommandError("\n".join(faults), returncode=CHECK_FAILED)
        text = f"{answers:,} answers of {study.slug}: every chain is whole."
        return Outcome(text, {"answers": answers, "faults": faults}, CHECK_FAILED if faults else 0)
