from pathlib import Path

from django.core.management import BaseCommand, call_command

from imagebank.management.outcome import Outcome, add_json_argument, tell
from imagebank.management.terminal import input_errors, progress_bar
from imagebank.services.backup import restore


class Command(BaseCommand):
    help = "Put a backup into this empty site (a new DIPTYCH_VAR and database), then bring the database up to date."
    requires_system_checks = ()  # they load every page, which takes seconds and says nothing about a file

    def add_arguments(self, parser):
        parser.add_argument("source", type=Path)
        add_json_argument(parser)

    def handle(self, *, source, **options):
        with input_errors(), progress_bar("restoring") as show:
            files = restore(source=source, progress=show)
        call_command("migrate", verbosity=0)
        told = Outcome(f"{files} files are back from {source}.", {"files": files, "source": source})
        tell(self, told, as_json=options["json"])
