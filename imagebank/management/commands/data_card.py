from pathlib import Path

from imagebank.management.outcome import Outcome
from imagebank.management.study_command import StudyCommand
from imagebank.services.data_card import data_card


class Command(StudyCommand):
    help = "Print the data card of a study's image bank, as Markdown, or write it to a file."

    in_archive = True

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("--out", type=Path, help="file to write it to")

    def act(self, study, *, out, **options):
        card = data_card(study)
        if out is None:
            return Outcome(card, {"card": card})
        out.write_text(card, encoding="utf-8")
        return Outcome(f"The data card of {study.slug} is in {out}.", {"file": out})
