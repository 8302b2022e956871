import os
from pathlib import Path

from imagebank.management.outcome import Outcome
from imagebank.management.study_command import StudyCommand
from surveys.exports.tables import cells_csv, ratings_csv


class Command(StudyCommand):
    help = "Write a rating study's ratings.csv, truth included."
    in_archive = True

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("out", type=Path)
        parser.add_argument("--analysed", action="store_true", help="only the first complete sitting of each seat")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--for-analysis", action="store_true", help="in the columns that the analysis reads")
        what.add_argument("--cells", action="store_true", help="the answers about grids, one row per cell")

    def act(self, study, *, out, analysed, for_analysis, cells, **options):
        if cells:
            text = cells_csv(study, analysed_only=analysed)
        else:
            text = ratings_csv(study, analysed_only=analysed, for_analysis=for_analysis)
        unfinished = out.with_name(f"{out.name}.part")
        unfinished.write_text(text, encoding="utf-8", newline="")
        os.replace(unfinished, out)
        rows = text.count("\n") - 1
        return Outcome(f"{rows} ratings of {study.slug} in {out}.", {"rows": rows, "file": out})
