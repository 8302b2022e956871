from pathlib import Path

from django.core.management import BaseCommand

from generative.management.sets import add_set_arguments, named_set, read_report
from generative.services.auditing import RANDOM_FEATURES, audit_set, record_audit
from imagebank.management.outcome import Outcome, add_json_argument, tell
from imagebank.management.terminal import CHECK_FAILED, input_errors, study_named


class Command(BaseCommand):
    help = "Search an image set for copies of training pictures. Exits 1 while suspected copies are undecided."

    def add_arguments(self, parser):
        add_set_arguments(parser)
        parser.add_argument("--view", help="Whose real pictures; the training run's, or the first view, when left out.")
        parser.add_argument("--features", default=RANDOM_FEATURES, help="A classifier's fold below the store, or random.")
        parser.add_argument("--device", default="auto", help="auto (a GPU where there is one), cpu, cuda; auto unless told.")
        parser.add_argument("--report", type=Path, help="Record this audit.json of the command line instead of auditing here.")
        add_json_argument(parser)

    def handle(self, *, study, set, condition, title, view, features, device, report, **options):
        with input_errors():
            image_set = named_set(study_named(study), set, condition=condition, title=title)
            if report:
                audit = record_audit(image_set=image_set, report=read_report(report))
            else:
                audit = audit_set(image_set=image_set, view=view, features=features, device=device)
        open_cases = image_set.samples.unresolved().count()
        pictures = image_set.samples.count()
        told = Outcome(
            f"Set {image_set.set_hash[:12]}: {audit.n_suspected} of {pictures} pictures are suspected copies, "
            f"{open_cases} undecided (calibrated on {audit.calibration}).",
            {"set": image_set.set_hash, "pictures": pictures, "suspected": audit.n_suspected, "undecided": open_cases},
            CHECK_FAILED if open_cases else 0,
        )
        tell(self, told, as_json=options["json"])
