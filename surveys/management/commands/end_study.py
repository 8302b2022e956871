from imagebank.management.outcome import Outcome
from imagebank.management.study_command import StudyCommand
from surveys.services.ending.closing import STEPS


class Command(StudyCommand):
    help = "Close or open recruitment or reading, archive a study, or take it out of the archive."
    in_archive = True

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("step", choices=sorted(STEPS))

    def act(self, study, *, step, **options):
        STEPS[step].take(study=study)
        return Outcome(f"{study.slug}: {STEPS[step].done}", {"step": step})
