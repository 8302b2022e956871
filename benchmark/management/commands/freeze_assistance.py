from benchmark.services.assistance import assist
from imagebank.management.terminal import progress_bar
from surveys.management.study_command import StudyCommand


class Command(StudyCommand):
    help = "Put a network beside the readers of a study that asks for a second answer: copy and hash what they will see."

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("network", help="its name among the study's networks")

    def act(self, study, *, network, **options):
        with progress_bar("Images") as progress:
            frozen = assist(study=study, name=network, progress=progress)
        return f"{frozen.network}: {frozen.outputs.count()} images frozen, hash {frozen.sha256}."
