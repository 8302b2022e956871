from django.core.management import BaseCommand, CommandError

from imagebank.management.terminal import BAD_INPUT, input_errors, study_named
from models_ml.core.config import TTA_VIEWS
from models_ml.management.follow import report, run_here
from models_ml.services.predicting import queue_prediction


class Command(BaseCommand):
    help = "Let a run's members answer the test items of their view; queued for the worker, or at once with --wait."

    def add_arguments(self, parser):
        parser.add_argument("study", help="Slug of the study.")
        parser.add_argument("name", help="Name of the run.")
        parser.add_argument("--view", required=True)
        parser.add_argument(
            "--views", type=int, choices=TTA_VIEWS,
            help="8: answers are the mean of a picture's rotations and mirror images, all of them given anew; unless told as the "
            "answers that are there, or as the recipe says.",
        )  # fmt: skip
        parser.add_argument("--device", default="", help="auto, cpu, cuda or cuda:1; the worker's own (NETWORK_DEVICE) unless told.")
        parser.add_argument("--wait", action="store_true", help="Predict in this process instead of the worker's.")
        parser.add_argument("--json", action="store_true", help="Print the outcome as JSON.")

    def handle(self, *, study, name, view, **options):
        study = study_named(study)
        run = study.training_runs.filter(name=name, view=view).first()
        if run is None:
            known = ", ".join(map(str, study.training_runs.all())) or "none yet"
            raise CommandError(f"There is no run {name} ({view}); there are: {known}.", returncode=BAD_INPUT)
        with input_errors():
            job = queue_prediction(run=run, views=options["views"], device=options["device"])
        job = run_here(job) if options["wait"] else job
        run.refresh_from_db()
        answers = run.predictions.of_members().count()
        facts = {"run": run.pk, "job": str(job.pk), "predictions": answers, "tta_views": run.tta_views}
        report(self, job, facts, f"{run}: {job.get_state_display().lower()}, {answers} predictions", options["json"])
