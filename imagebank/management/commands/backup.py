from pathlib import Path

from django.core.management import BaseCommand

from imagebank.management.terminal import input_errors, progress_bar
from imagebank.services.backup import back_up


class Command(BaseCommand):
    help = "Write the database and every stored file to one .tar.gz, with checksums. Readers may go on meanwhile."
    requires_system_checks = ()  # they load every page, which takes seconds and says nothing about a file

    def add_arguments(self, parser):
        parser.add_argument("target", type=Path)

    def handle(self, *, target, **options):
        with input_errors(), progress_bar("backing up") as show:
            files = back_up(target=target, progress=show)
        size = target.stat().st_size / 2**20
        self.stdout.write(f"{target}: {files} files, {size:.1f} MiB. It holds names and truth: guard it.")
