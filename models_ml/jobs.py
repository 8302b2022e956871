"""Background work of this app. Each may be run again after a crash: it goes on where it stopped."""


from django.core.exceptions import ValidationError

from imagebank.jobs import JobCancelled, JobRun, register_job
from imagebank.services.uploads import kept_upload
from models_ml.child import run_core
from models_ml.models import AttributionSet, TrainingRun
from models_ml.services.answers import import_answers
from models_ml.services.explaining import EXPLAIN, explain_arguments, store_attribution
from models_ml.services.exporting import EXPORT_MANIFEST, EXPORT_ONNX, manifest_package, onnx_arguments, onnx_export
from models_ml.services.manifests import export_manifest
from models_ml.services.predicting import (
    PREDICT,
    combine,
    default_ensemble,
    predict_arguments,
    store_predictions,
    test_items,
)
from models_ml.services.storing import import_run, sync_run
from models_ml.services.training import TRAIN, train_arguments

IMPORT = "models_ml.import"
TRAINED = 0.95  # of the job; the test items take the rest


@register_job(TRAIN, long=True)
def train(run: JobRun) -> dict:
    """Train a run's members, or continue; then let them answer the test items. Cancelled, it leaves usable members."""
    training = TrainingRun.objects.select_related("study").get(pk=run.payload["run"])
    try:
        run_core(train_arguments(training), home=training.home, job=run, end=TRAINED)
    except (JobCancelled, ValidationError, KeyboardInterrupt):
        sync_run(training)  # members that are trained can be used, however the job ended
        raise
    sync_run(training)
    predict_with(training, None, run, start=TRAINED)
    return {"run": training.pk}


@register_job(PREDICT, long=True)
def predict(run: JobRun) -> dict:
    training = TrainingRun.objects.select_related("study").get(pk=run.payload["run"])
    predict_with(training, run.payload.get("items"), run, views=run.payload.get("views"))
    return {"run": training.pk}


def predict_with(
    training: TrainingRun, items: list[str] | None, run: JobRun, start: float = 0.0, views: int | None = None
) -> None:
    """Members' answers and the ensembles made of them. A study without test items has nothing to predict."""
    if items is None and not test_items(training).exists():
        run.log("There are no test items of this view, so nothing was predicted.")
        return
    run_core(predict_arguments(training, items, views), home=training.home, job=run, start=start)
    rows = store_predictions(run=training, path=training.home / "predictions.csv")
    default_ensemble(run=training)
    for ensemble in training.ensembles.exclude(name=training.name):
        combine(ensemble=ensemble)
    run.log(f"{rows} predictions of {training.members.count()} members")


@register_job(EXPLAIN, long=True)
def explain(run: JobRun) -> dict:
    """Maps and scores of an ensemble's answers. Cancelled or failed, it leaves those of the items that are done."""
    made = AttributionSet.objects.select_related("ensemble__run__study").get(pk=run.payload["set"])
    arguments = explain_arguments(made, run.payload.get("items"))
    try:
        run_core(arguments, home=made.folder, job=run, end=0.95)
    except (JobCancelled, ValidationError, KeyboardInterrupt):
        run.log(stored_in_words(made))
        raise
    run.log(stored_in_words(made))
    return {"set": made.pk}


def stored_in_words(made: AttributionSet) -> str:
    maps = store_attribution(made)
    return f"{maps} maps of {made.summary['items']} pictures are stored" if maps else "No picture was explained yet"


@register_job(EXPORT_MANIFEST)
def export_for_gpu_box(run: JobRun) -> dict:
    out = manifest_package(run.study)
    made = export_manifest(study=run.study, out=out, progress=lambda done, total: run.progress(done=done, total=total))
    run.log(f"{made.pictures} pictures, {made.masks} masks")
    return {"pictures": made.pictures}


@register_job(EXPORT_ONNX, long=True)
def export_onnx(run: JobRun) -> dict:
    """ONNX files of a run's members, kept only when their answers equal those of torch."""
    training = TrainingRun.objects.select_related("study").get(pk=run.payload["run"])
    run_core(onnx_arguments(training), home=training.home, job=run, on_device=False)
    export = onnx_export(training)
    run.log(f"{len(export.files)} members; their probabilities differ from torch's by at most {export.difference:.1e}")
    return {"run": training.pk, "files": [file.name for file in export.files]}


@register_job(IMPORT)
def import_upload(run: JobRun) -> dict:
    """Take in an uploaded ZIP of a run folder, or a network's answers alone."""
    path = kept_upload(run.payload["upload"])
    if path.suffix == ".csv":
        brought = import_answers(study=run.study, path=path, name=run.payload.get("name", ""), user=run.job.created_by)
        for one in brought:
            run.log(f"{one.run}: {one.outcome}, {one.predictions} predictions")
        path.unlink(missing_ok=True)
        return {"run": brought[0].run.pk}
    found = import_run(
        study=run.study, folder=path, name=run.payload.get("name", ""), user=run.job.created_by,
        other_pictures=run.payload.get("other_pictures", False),
    )  # fmt: skip
    run.log(f"{found.run}: {found.outcome}, {found.predictions} predictions")
    path.unlink(missing_ok=True)
    return {"run": found.run.pk}
