"""Compare people and networks on a study's readings: figures, tables and a report."""

import json
from pathlib import Path

from django.core.management import CommandError
from django.core.management.base import BaseCommand

from benchmark.services.comparison import run_comparison
from imagebank.management.terminal import BAD_INPUT, input_errors, study_named


class Command(BaseCommand):
    help = "Compare people and networks on a study's complete readings. Unchanged inputs give the comparison there is."

    def add_arguments(self, parser):
        parser.add_argument("study", help="slug")
        parser.add_argument("--plan", type=Path, help="analysis plan (TOML)")
        parser.add_argument("--predictions", type=Path, help="predictions.csv of the networks, for their probabilities")
        parser.add_argument("--seed", type=int, default=0, help="of every random draw (default: %(default)s)")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args, study, plan, predictions, seed, **options):
        for path in (plan, predictions):
            if path is not None and not path.is_file():
                raise CommandError(f"There is no file {path}.", returncode=BAD_INPUT)
        with input_errors():
            comparison = run_comparison(study=study_named(study), plan=plan, predictions=predictions, seed=seed)
        report = comparison.folder / "report.html"
        if options["json"]:
            self.stdout.write(json.dumps({"comparison": comparison.pk, "folder": str(comparison.folder)}))
        else:
            self.stdout.write(str(report))
