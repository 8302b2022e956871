from imagebank.management.outcome import Outcome
from imagebank.management.study_command import StudyCommand
from surveys.services import load_protocol


class Command(StudyCommand):
    help = "Give a study the question, classes, reader groups and texts of a preset (study.toml)."

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("preset", help="study.toml, or the folder that holds it")

    def act(self, study, *, preset, **options):
        load_protocol(study=study, path=preset)
        return Outcome(f"{study.slug} now follows {preset}.", {"preset": preset})
