from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand

from benchmark.models import Comparison
from benchmark.services.rehearsal import Assumed, people_of, start_rehearsal
from imagebank.management.terminal import input_errors, study_named
from models_ml.management.follow import report, run_here


class Command(BaseCommand):
    help = (
        "Rehearse a study before anybody is invited: a copy with the same images, surveys and plan is read by simulated readers "
        "and compared. The study itself is not touched. Interrupted, the same command goes on."
    )

    def add_arguments(self, parser):
        parser.add_argument("study", help="slug")
        parser.add_argument(
            "--accuracy", nargs="+", default=["0.7"], metavar="[GROUP[/VIEW]=]SHARE",
            help="share of answers that people get right: of all (0.7), a group (pediatrician=0.6) or its view "
            "(pediatrician/focused=0.5); the closer one goes first",
        )  # fmt: skip
        parser.add_argument("--network", type=float, default=0.8, help="the same of networks that have not predicted the images")
        parser.add_argument("--dprime", type=float, default=Assumed.dprime, help="of raters, in a rating study")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--leave-open", action="store_true", help="the first survey's seats, to be read by yourself")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args, study, accuracy, network, seed, leave_open, dprime, **options):
        study = study_named(study)
        with input_errors():
            assumed = Assumed(people_of(study, dict(map(_named_share, accuracy))), network, seed, leave_open, dprime)
            job = start_rehearsal(study=study, assumed=assumed)
        job = run_here(job)
        facts, text = {"study": job.payload["slug"]}, f"{job.payload['slug']}: {job.get_state_display().lower()}"
        if comparison := Comparison.objects.filter(pk=job.result.get("comparison")).first():
            facts |= {"comparison": comparison.pk, "folder": str(comparison.folder)}
            text = f"{facts['study']}: {comparison.folder / 'report.html'}"
        report(self, job, facts, text, options["json"])


def _named_share(text: str) -> tuple[str, float]:
    name, _, share = text.rpartition("=")
    try:
        return name, float(share)
    except ValueError as error:
        raise ValidationError(f"A share such as 0.7 or pediatrician=0.6 was needed; {text!r} is none.") from error
