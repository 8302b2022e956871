import json
from pathlib import Path

from django.core.management import BaseCommand

from imagebank.management.terminal import input_errors, study_named
from models_ml.services.storing import import_run


class Command(BaseCommand):
    help = "Take in a run folder, or a ZIP of one, after checking all of it. The same run again changes nothing."

    def add_arguments(self, parser):
        parser.add_argument("study", help="Slug of the study.")
        parser.add_argument("folder", type=Path, help="The run folder that was trained, or a ZIP of it.")
        parser.add_argument("--name", default="", help="Name of the run on the site (default: its own).")
        parser.add_argument("--predictions", type=Path, help="Its predictions.csv (default: the one in the folder).")
        parser.add_argument(
            "--other-pictures", action="store_true",
            help="Take it although it was not trained on the study's pictures; what differs is kept with the run.",
        )
        parser.add_argument("--json", action="store_true", help="Print the outcome as JSON.")

    def handle(self, *, study, folder, name, predictions, other_pictures, **options):
        with input_errors():
            found = import_run(
                study=study_named(study), folder=folder, name=name, predictions=predictions, other_pictures=other_pictures
            )
        run = found.run
        if options["json"]:
            facts = {"run": run.pk, "name": run.name, "view": run.view, "outcome": found.outcome}
            facts |= {"members": run.members.count(), "complete": run.complete, "predictions": found.predictions}
            self.stdout.write(json.dumps(facts))
        else:
            self.stdout.write(
                f"{run}: {found.outcome}, {run.members.count()} members, {found.predictions} predictions"
            )
