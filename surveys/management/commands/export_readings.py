import os
from pathlib import Path

from imagebank.management.outcome import Outcome
from imagebank.management.study_command import StudyCommand
from surveys.exports.tables import readings_csv


class Command(StudyCommand):
    help = "Write a study's readings.csv, truth included."
    in_archive = True

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("out", type=Path)
        parser.add_argument("--analysed", action="store_true", help="only the first complete sitting of each seat")

    def act(self, study, *, out, analysed, **options):
        text = readings_csv(study, analysed_only=analysed)
        unfinished = out.with_name(f"{out.name}.part")
        unfinished.write_text(text, encoding="utf-8", newline="")
        os.replace(unfinished, out)
        rows = text.count("\n") - 1
        return Outcome(f"{rows} readings of {study.slug} in {out}.", {"rows": rows, "file": out})
