from imagebank.management.outcome import Outcome
from imagebank.management.study_command import StudyCommand
from surveys.services import import_readings


class Command(StudyCommand):
    help = "Take in the readings.csv of a finished study; nothing comes in when a row is wrong."

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("path")

    def act(self, study, *, path, **options):
        done = import_readings(study=study, path=path)
        text = f"{done.created} new readings in {study.slug}, {done.unchanged} were there already."
        return Outcome(text, {"created": done.created, "unchanged": done.unchanged})
