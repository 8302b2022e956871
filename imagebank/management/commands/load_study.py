from django.core.management import BaseCommand

from imagebank.management.terminal import input_errors
from imagebank.services.studies import load_study


class Command(BaseCommand):
    help = "Create or update a study from a preset (study.toml, or the folder that holds it)."

    def add_arguments(self, parser):
        parser.add_argument("preset")

    def handle(self, *, preset, **options):
        with input_errors():
            study = load_study(path=preset)
        self.stdout.write(f"{study.slug}: {study.classes.count()} classes, views {', '.join(study.view_codes())}")
