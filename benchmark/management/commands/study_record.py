from pathlib import Path

from django.core.files import File

from benchmark.services.record import record_file, store_record, stored_record, taken_from_file, with_record
from imagebank.management.outcome import Outcome
from imagebank.management.study_command import StudyCommand


class Command(StudyCommand):
    help = "The study's record, which only people know: prints it as facts.toml, or takes what a file says into it."

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("--take", type=Path, metavar="FILE", help="facts.toml or .json; what it says replaces what stands there")

    def act(self, study, *, take, **options):
        if take is None:
            return Outcome(record_file(study), {"record": stored_record(study)})
        with take.open("rb") as file:
            told = taken_from_file(File(file, name=take.name))
        record = store_record(study=study, texts=with_record(stored_record(study), told))
        fields = sum(map(len, record.texts.values()))
        return Outcome(f"The record of {study.slug} has {fields} fields.", {"record": record.texts})
