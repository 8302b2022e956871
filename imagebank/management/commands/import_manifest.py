import sys

from django.core.management import BaseCommand

from imagebank.management.terminal import CHECK_FAILED, input_errors, progress_bar, study_named
from imagebank.services.importing import import_manifest


class Command(BaseCommand):
    help = "Import pictures from a manifest: a CSV file, a folder with manifest.csv, or a ZIP. Exits 1 on bad rows."

    def add_arguments(self, parser):
        parser.add_argument("study", help="Slug of the study.")
        parser.add_argument("manifest")
        parser.add_argument("--view", help="View shown by an ISIC-shaped CSV.")

    def handle(self, *, study, manifest, view, **options):
        with input_errors(), progress_bar("Importing") as progress:
            run = import_manifest(study=study_named(study), manifest_path=manifest, view=view, progress=progress)
        for problem in run.rejected:
            self.stderr.write(f"line {problem['line']}: {problem['message']}")
        self.stdout.write(str(run))
        if run.rejected:
            sys.exit(CHECK_FAILED)
