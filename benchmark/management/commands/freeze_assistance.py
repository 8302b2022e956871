from benchmark.services.assistance import assist
from imagebank.management.outcome import Outcome
from imagebank.management.study_command import StudyCommand
from imagebank.management.terminal import progress_bar


class Command(StudyCommand):
    help = "Put a network beside the readers of a study that asks for a second answer: copy and hash what they will see."

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("network", help="its name among the study's networks")

    def act(self, study, *, network, **options):
        with progress_bar("Images") as progress:
            frozen = assist(study=study, name=network, progress=progress)
        images = frozen.outputs.count()
        facts = {"network": frozen.network, "images": images, "sha256": frozen.sha256}
        return Outcome(f"{frozen.network}: {images} images frozen, hash {frozen.sha256}.", facts)
