from imagebank.management.outcome import Outcome
from imagebank.management.study_command import StudyCommand
from surveys.services import send_reminders


class Command(StudyCommand):
    help = "Send a reminder to every invited reader who has not finished; the worker sends them."

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("--after-days", type=int, default=7, help="since the last letter (%(default)s)")
        parser.add_argument("--most", type=int, default=2, help="reminders per reader (%(default)s)")

    def act(self, study, *, after_days, most, **options):
        queued = send_reminders(study=study, after_days=after_days, most=most)
        return Outcome(f"{queued} reminders of {study.slug} are on their way.", {"queued": queued})
