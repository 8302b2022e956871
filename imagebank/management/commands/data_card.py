from pathlib import Path

from django.core.management import BaseCommand

from imagebank.management.terminal import study_named
from imagebank.services.data_card import data_card


class Command(BaseCommand):
    help = "Print the data card of a study's image bank, as Markdown, or write it to a file."

    def add_arguments(self, parser):
        parser.add_argument("study", help="Slug of the study.")
        parser.add_argument("--out", type=Path, help="file to write it to")

    def handle(self, *, study, out, **options):
        card = data_card(study_named(study))
        if out is None:
            self.stdout.write(card)
        else:
            out.write_text(card, encoding="utf-8")
