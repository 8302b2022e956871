from pathlib import Path

from django.core.management import BaseCommand

from imagebank.management.outcome import Outcome, add_json_argument, tell
from imagebank.management.terminal import input_errors, progress_bar
from imagebank.services.backup import back_up


class Command(BaseCommand):
    help = "Write the database and every stored file to one .tar.gz, with checksums. Readers may go on meanwhile."
    requires_system_checks = ()  # they load every page, which takes seconds and says nothing about a file

    def add_arguments(self, parser):
        parser.add_argument("target", type=Path)
        add_json_argument(parser)

    def handle(self, *, target, **options):
        with input_errors(), progress_bar("backing up") as show:
            files = back_up(target=target, progress=show)
        size = target.stat().st_size
        told = Outcome(
            f"{target}: {files} files, {size / 2**20:.1f} MiB. It holds names and truth: guard it.",
            {"file": target, "files": files, "bytes": size},
        )
        tell(self, told, as_json=options["json"])
