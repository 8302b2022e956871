"""Background work of the generators. Every kind may run twice: sets and networks are kept under their hashes."""

from generative.services import auditing, making, networks, sets, training
from generative.services.publishing import publish_set
from imagebank.jobs import JobRun, register_job
from imagebank.services.uploads import kept_upload

IMPORT_NETWORK, ADD_SET, MAKE = "generative.import_network", "generative.add_set", "generative.make"
AUDIT, PUBLISH = "generative.audit", "generative.publish"
MAKERS = {"sample": making.generate_set, "morph": making.morph_set, "mix": making.mix_set, "projection": making.project_picture}


@register_job(training.TRAIN, long=True)
def train(run: JobRun) -> dict:
    """Train the run named in the payload; cancelled or killed, it goes on from its newest complete state."""

    def progress(done: int, total: int, message: str) -> None:
        run.check_cancelled()
        run.progress(done=done, total=total, message=message)

    row = run.study.generator_runs.get(public_id=run.payload["run"])
    generator = training.train_run(run=row, progress=progress)
    return {"generator": generator.public_id}


@register_job(IMPORT_NETWORK)
def import_network(run: JobRun) -> dict:
    """Import the uploaded network file; it is removed whether it was taken or refused."""
    path = kept_upload(run.payload["upload"])
    try:
        generator = networks.import_network(
            study=run.study, path=path, name=run.payload["name"], title=run.payload["title"],
            classes=run.payload["classes"], licence=run.payload["licence"], user=run.job.created_by,
            watch=run.check_cancelled,
        )  # fmt: skip
    finally:
        path.unlink(missing_ok=True)
    run.log(f"{generator.title}: {generator.resolution} px, weights {generator.weights_hash[:12]}")
    return {"generator": generator.public_id}


@register_job(ADD_SET)
def add_set(run: JobRun) -> dict:
    """Freeze the uploaded image set."""
    path = kept_upload(run.payload["upload"])
    try:
        row = sets.add_set(
            study=run.study, path=path, title=run.payload["title"], condition=run.payload["condition"],
            user=run.job.created_by, progress=lambda done, total: run.progress(done=done, total=total),
        )  # fmt: skip
    finally:
        path.unlink(missing_ok=True)
    return {"image_set": row.public_id}


@register_job(MAKE, long=True)
def make(run: JobRun) -> dict:
    """Make a set of the payload's kind with a stored generator."""
    generator = run.study.generators.get(public_id=run.payload["generator"])

    def progress(what: str, done: int, total: int) -> None:
        run.progress(done=done, total=total, message=what)

    row = MAKERS[run.payload["kind"]](
        generator=generator, user=run.job.created_by, watch=run.check_cancelled, progress=progress, **run.payload["settings"]
    )
    return {"image_set": row.public_id}


@register_job(AUDIT, long=True)
def audit(run: JobRun) -> dict:
    """Search the set for copies, then judge its quality."""
    image_set = run.study.image_sets.get(public_id=run.payload["image_set"])
    choices = {"view": run.payload.get("view"), "features": run.payload.get("features", auditing.RANDOM_FEATURES)}
    run.progress(done=0, total=2, message="comparing with the training pictures")

    def progress(what: str, done: int, total: int) -> None:
        run.progress(done=0, total=2, message=f"comparing with the training pictures: {what}, {done} of {total}")

    found = auditing.audit_set(image_set=image_set, probe=run.payload.get("probe") or 0, user=run.job.created_by,
                               watch=run.check_cancelled, progress=progress, **choices)  # fmt: skip
    run.log(f"{found.n_suspected} suspected copies, calibrated on {found.calibration}")
    run.progress(done=1, total=2, message="KID, overlap, labels")
    auditing.evaluate_set(image_set=image_set, watch=run.check_cancelled, **choices)
    run.progress(done=2, total=2)
    return {"image_set": image_set.public_id, "suspected": found.n_suspected}


@register_job(PUBLISH)
def publish(run: JobRun) -> dict:
    """Make items of the set's pictures."""
    image_set = run.study.image_sets.get(public_id=run.payload["image_set"])
    made = publish_set(image_set=image_set, user=run.job.created_by, **run.payload["settings"])
    run.log(f"{made.items.count()} items of the view {made.view}")
    return {"image_set": image_set.public_id, "items": made.items.count()}
