from pathlib import Path

from imagebank.management.outcome import Outcome
from imagebank.management.study_command import StudyCommand
from surveys.services import record_bounces


class Command(StudyCommand):
    help = "Read delivery reports, as files or folders of messages (a maildir), and mark the letters that came back."

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("paths", nargs="+", type=Path)

    def act(self, study, *, paths, **options):
        files = [file for path in paths for file in ([path] if not path.is_dir() else sorted(path.rglob("*")))]
        done = record_bounces(study=study, messages=(file.read_bytes() for file in files if not file.is_dir()))
        return Outcome(
            f"{done.recorded} letters of {study.slug} came back; {done.of_others} reports are about others, "
            f"{done.no_report} messages are no report of a failed delivery.",
            {"recorded": done.recorded, "of_others": done.of_others, "no_report": done.no_report},
        )
