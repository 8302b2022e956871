import json
from pathlib import Path

from django.core.management import BaseCommand

from imagebank.management.terminal import input_errors, study_named
from models_ml.services.answers import import_answers
from models_ml.services.storing import import_run


class Command(BaseCommand):
    help = (
        "Take in a run folder, or a ZIP of one, or the predictions.csv of a network trained by other means, after checking "
        "all of it. The same again changes nothing."
    )

    def add_arguments(self, parser):
        parser.add_argument("study", help="Slug of the study.")
        parser.add_argument("folder", type=Path, help="The run folder that was trained, a ZIP of it, or predictions.csv.")
        parser.add_argument("--name", default="", help="Name of the run on the site (default: its own).")
        parser.add_argument("--predictions", type=Path, help="Its predictions.csv (default: the one in the folder).")
        parser.add_argument(
            "--other-pictures", action="store_true",
            help="Take it although it was not trained on the study's pictures; what differs is kept with the run.",
        )
        parser.add_argument("--json", action="store_true", help="Print the outcome as JSON.")

    def handle(self, *, study, folder, name, predictions, other_pictures, **options):
        if folder.suffix.lower() == ".csv":
            self.bring_answers(study, folder, name, options["json"])
            return
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
            self.stdout.write(
                f"Next: manage.py predict_run {study} {run.name} --view {run.view}" if not found.predictions else
                f"Next: on the site, Networks, Leaderboard, Take part makes it a reader of {study}."
            )  # fmt: skip

    def bring_answers(self, study: str, path: Path, name: str, as_json: bool) -> None:
        with input_errors():
            brought = import_answers(study=study_named(study), path=path, name=name)
        if as_json:
            facts = [
                {"run": one.run.pk, "name": one.run.name, "view": one.run.view, "outcome": one.outcome, "predictions": one.predictions}
                for one in brought
            ]
            self.stdout.write(json.dumps(facts))
        else:
            for one in brought:
                self.stdout.write(f"{one.run}: {one.outcome}, {one.predictions} predictions, answers alone")
