from pathlib import Path

from django.core.management import BaseCommand, CommandError

from imagebank.management.terminal import BAD_INPUT, input_errors, study_named
from models_ml.management.follow import report, run_here
from models_ml.models import AttributionSet
from models_ml.services.explaining import start_attribution


class Command(BaseCommand):
    help = "Attribution maps of an ensemble's answers, beside the random-weights control."

    def add_arguments(self, parser):
        parser.add_argument("study", help="Slug of the study.")
        parser.add_argument("ensemble", help="Name of the ensemble.")
        parser.add_argument("--view", required=True)
        parser.add_argument("--method", default="integrated-gradients", help=", ".join(AttributionSet.Method.values))
        parser.add_argument("--baseline", default="blur", help=", ".join(AttributionSet.Baseline.values))
        parser.add_argument("--controls", type=int, default=2, help="Networks of random weights.")
        parser.add_argument("--limit", type=int, help="This many items, in turn from the classes.")
        parser.add_argument("--marks", type=Path, help="A ZIP of masks, sticker/ITEM.png, clothing/ITEM.png ...")
        parser.add_argument("--device", default="", help="auto, cpu, cuda or cuda:1; the worker's own (NETWORK_DEVICE) unless told.")
        parser.add_argument("--wait", action="store_true", help="Compute in this process instead of the worker's.")
        parser.add_argument("--json", action="store_true", help="Print the outcome as JSON.")

    def handle(self, *, study, ensemble, view, **options):
        study = study_named(study)
        found = study.ensembles.filter(name=ensemble, view=view).select_related("run__study", "study").first()
        if found is None:
            known = ", ".join(map(str, study.ensembles.all())) or "none yet"
            raise CommandError(f"There is no ensemble {ensemble} ({view}); there are: {known}.", returncode=BAD_INPUT)
        with input_errors():
            made = start_attribution(
                ensemble=found, method=options["method"], baseline=options["baseline"],
                controls=options["controls"], limit=options["limit"], marks=options["marks"],
                device=options["device"],
            )  # fmt: skip
        job = run_here(made.job) if options["wait"] else made.job
        maps = made.maps.count()
        facts = {"attribution": made.pk, "job": str(job.pk), "maps": maps}
        report(self, job, facts, f"{made}: {job.get_state_display().lower()}, {maps} maps", options["json"])
