from django.core.management import BaseCommand

from imagebank.management.terminal import input_errors, study_named
from imagebank.models import Job
from models_ml.core.config import PRESETS
from models_ml.management.follow import report, run_here
from models_ml.models import TrainingRun
from models_ml.services.training import resume_run, start_run


def _goes_on_or_is_done(run: TrainingRun) -> bool:
    return run.job is not None and (run.job.is_active or run.job.state == Job.State.SUCCEEDED)


class Command(BaseCommand):
    help = (
        "Train a network of a study, or continue a run of that name with the settings that it was begun with; queued for "
        "the worker, or at once with --wait. What is trained to its end stays as it is."
    )

    def add_arguments(self, parser):
        parser.add_argument("study", help="Slug of the study.")
        parser.add_argument("name", help="Name of the run.")
        parser.add_argument("--view", required=True)
        parser.add_argument("--preset", default="tiny", help=", ".join(PRESETS))
        parser.add_argument("--seed", type=int)
        parser.add_argument("--folds", type=int, help="How many members.")
        parser.add_argument("--fold", type=int, action="append", default=[], help="Train this fold alone (repeatable).")
        parser.add_argument("--epochs", type=int)
        parser.add_argument("--weights", default="", help="none, hub, or a file in the weights folder.")
        parser.add_argument(
            "--auxiliary", action="append", default=[], help="A set of auxiliary pictures (repeatable)."
        )
        parser.add_argument("--set", action="append", default=[], metavar="SECTION.NAME=VALUE")
        parser.add_argument("--device", default="", help="auto, cpu, cuda or cuda:1; the worker's own (NETWORK_DEVICE) unless told.")
        parser.add_argument("--wait", action="store_true", help="Train in this process instead of the worker's.")
        parser.add_argument("--json", action="store_true", help="Print the outcome as JSON.")

    def handle(self, *, study, name, view, preset, **options):
        with input_errors():
            study = study_named(study)
            known = study.training_runs.filter(name=name, view=view).select_related("job").first()
            if known is not None:
                run = known if _goes_on_or_is_done(known) else resume_run(run=known, device=options["device"])
            else:
                run = start_run(
                    study=study, name=name, view=view, preset_name=preset, seed=options["seed"],
                    folds=options["folds"], only_folds=options["fold"], epochs=options["epochs"],
                    weights=options["weights"], auxiliary=options["auxiliary"], changes=options["set"],
                    device=options["device"],
                )  # fmt: skip
        job = run_here(run.job) if options["wait"] else run.job
        run = TrainingRun.objects.get(pk=run.pk)
        facts = {"run": run.pk, "name": run.name, "view": run.view, "job": str(job.pk), "members": run.members.count()}
        text = f"{run}: {job.get_state_display().lower()}, {run.members.count()} members"
        report(self, job, facts, text, options["json"])
