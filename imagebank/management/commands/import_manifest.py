from pathlib import Path

from imagebank.management.outcome import Outcome
from imagebank.management.study_command import StudyCommand
from imagebank.management.terminal import CHECK_FAILED, progress_bar
from imagebank.services.importing import import_manifest


class Command(StudyCommand):
    help = "Import pictures from a manifest: a CSV file, a folder with manifest.csv, or a ZIP. Exits 1 on bad rows."

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("manifest")
        parser.add_argument("--manifest", dest="drafted", help="A CSV in place of the one in the folder or ZIP.")
        parser.add_argument("--view", help="View shown by an ISIC-shaped CSV.")

    def act(self, study, *, manifest, drafted, view, **options):
        table = Path(drafted).read_bytes() if drafted else None
        with progress_bar("Importing") as progress:
            run = import_manifest(study=study, manifest_path=manifest, manifest=table, view=view, progress=progress)
        for problem in run.rejected:
            self.stderr.write(f"line {problem['line']}: {problem['message']}")
        facts = {"created": run.created, "unchanged": run.unchanged, "rejected": run.rejected}
        return Outcome(str(run), facts, CHECK_FAILED if run.rejected else 0)
