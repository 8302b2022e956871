"""Compare people and networks on a study's readings: figures, tables and a report."""

import json
from pathlib import Path

from django.core.management import CommandError
from django.core.management.base import BaseCommand

from benchmark.services.comparison import STAMPED, run_comparison
from benchmark.services.predictions import store_predictions_files
from imagebank.management.terminal import BAD_INPUT, input_errors, progress_bar, study_named


class Command(BaseCommand):
    help = (
        "Compare people and networks on a study's complete readings, or analyse the ratings of a rating study. Unchanged "
        "inputs give the analysis there is."
    )

    def add_arguments(self, parser):
        parser.add_argument("study", help="slug")
        parser.add_argument("--plan", type=Path, help="analysis.toml to stamp (default: the study's stamped plan, if any)")
        parser.add_argument(
            "--predictions", type=Path, nargs="+", default=[], help="the networks' predictions.csv, for their probabilities"
        )
        parser.add_argument("--seed", type=int, default=0, help="of every random draw (default: %(default)s)")
        parser.add_argument("--events", type=Path, help="append the progress to this file, one JSON object per line")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args, study, plan, predictions, seed, events, **options):
        for path in (plan, *predictions):
            if path is not None and not path.is_file():
                raise CommandError(f"There is no file {path}.", returncode=BAD_INPUT)
        study = study_named(study)
        with input_errors(), progress_bar("Comparing") as bar:

            def progress(done: int, total: int, words: str) -> None:
                bar(done, total)
                if events:
                    with events.open("a", encoding="utf-8") as file:
                        file.write(json.dumps({"progress": done / total, "words": words}) + "\n")

            stored = None
            if predictions:
                stored = store_predictions_files(study=study, paths=predictions, title=_names(predictions))
            comparison = run_comparison(
                study=study, plan=plan or STAMPED, predictions=stored, seed=seed, progress=progress
            )
        if options["json"]:
            self.stdout.write(json.dumps({"comparison": comparison.pk, "folder": str(comparison.folder)}))
        else:
            self.stdout.write(str(comparison.folder / "report.html"))


def _names(paths: list[Path]) -> str:
    return ", ".join(path.name for path in paths)
