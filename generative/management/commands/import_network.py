from pathlib import Path

from django.core.management import BaseCommand

from generative.services.networks import import_network
from imagebank.management.outcome import Outcome, add_json_argument, tell
from imagebank.management.terminal import input_errors, study_named


class Command(BaseCommand):
    help = "Import a published StyleGAN2-ADA file, or a weights folder, safely as a generator of a study."

    def add_arguments(self, parser):
        parser.add_argument("study", help="Slug of the study.")
        parser.add_argument("network", type=Path)
        parser.add_argument("--title", default="")
        parser.add_argument("--classes", default="", help="Class names in the file's own label order, with commas.")
        parser.add_argument("--licence", default="unknown", help="Tag that travels with the weights.")
        add_json_argument(parser)

    def handle(self, *, study, network, title, classes, licence, **options):
        with input_errors():
            generator = import_network(
                study=study_named(study), path=network, name=network.name, title=title or network.stem, licence=licence,
                classes=[part.strip() for part in classes.split(",") if part.strip()],
            )  # fmt: skip
        told = Outcome(
            f"{generator.title}: {generator.resolution} px, classes {', '.join(generator.classes) or 'none'}, "
            f"licence {generator.licence}, weights {generator.weights_hash[:12]}.",
            {
                "generator": generator.pk, "title": generator.title, "resolution": generator.resolution,
                "classes": generator.classes, "licence": generator.licence, "weights": generator.weights_hash,
            },
        )  # fmt: skip
        tell(self, told, as_json=options["json"])
