from django.core.management import BaseCommand

from imagebank.management.outcome import Outcome, add_json_argument, tell
from imagebank.management.terminal import input_errors
from imagebank.services.studies import load_study


class Command(BaseCommand):
    help = "Create or update a study from a preset (study.toml, or the folder that holds it)."

    def add_arguments(self, parser):
        parser.add_argument("preset")
        add_json_argument(parser)

    def handle(self, *, preset, **options):
        with input_errors():
            study = load_study(path=preset)
        classes, views = list(study.classes.values_list("code", flat=True)), study.view_codes()
        told = Outcome(
            f"{study.slug}: {len(classes)} classes, views {', '.join(views)}",
            {"study": study.slug, "classes": classes, "views": views},
        )
        tell(self, told, as_json=options["json"])
