import json
from dataclasses import asdict
from pathlib import Path

from django.core.management import BaseCommand

from imagebank.management.terminal import input_errors, progress_bar, study_named
from models_ml.services.manifests import export_manifest


class Command(BaseCommand):
    help = "Write manifest.csv, pictures and masks for a GPU box that has no database: a folder, or one ZIP."

    def add_arguments(self, parser):
        parser.add_argument("study", help="Slug of the study.")
        parser.add_argument("out", type=Path, help="A new folder, or a file that ends in .zip.")
        parser.add_argument("--view", action="append", help="This view alone (may be repeated).")
        parser.add_argument("--json", action="store_true", help="Print the outcome as JSON.")

    def handle(self, *, study, out, view, **options):
        with input_errors(), progress_bar("Copying") as progress:
            made = export_manifest(study=study_named(study), out=out, views=view, progress=progress)
        if options["json"]:
            self.stdout.write(json.dumps(asdict(made) | {"path": str(made.path)}))
        else:
            self.stdout.write(f"{made.path}: {made.pictures} pictures, {made.masks} masks; README.txt in it says how to go on")
