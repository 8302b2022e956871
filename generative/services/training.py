"""Start, follow and go on with the training of a generator."""

import contextlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count

from generative.core.errors import InputError
from generative.core.training.recipe import Recipe, preset
from generative.models import Generator, GeneratorRun
from imagebank.jobs import queue_job
from imagebank.models import Study
from imagebank.services.splits import hold_split

from .core import run_core
from .networks import register_generator
from .pictures import real_pictures, write_study_pictures

TRAIN = "generative.train"
FINE_TUNE_PRESETS = ("widen", "authors")
KID_TAIL = 256 * 1024  # bytes of events; a KID comes every few hundred of them


def start_training(
    *, study: Study, title: str, recipe: str, resolution: int, view: str, total_kimg: float, seed: int = 0,
    parent: Generator | None = None, fine_tune: str = "widen", options: dict | None = None, user=None,
) -> GeneratorRun:  # fmt: skip
    """Queue a training on the study's pictures of `view`. Everything that can be refused is refused here, at once:
    an unknown recipe or option, too few pictures, a parent of another resolution."""
    plan = _plan(recipe, resolution, total_kimg, options or {})
    if parent and fine_tune not in FINE_TUNE_PRESETS:
        raise ValidationError(f'Fine-tuning is by {" or ".join(FINE_TUNE_PRESETS)}; found "{fine_tune}".')
    if parent and parent.resolution != resolution:
        raise ValidationError(
            f"{parent.title} makes {parent.resolution} px pictures; this run is for {resolution} px. Choose the same."
        )
    run = GeneratorRun(
        study=study, title=title.strip(), recipe=recipe, resolution=resolution, view=view, options=options or {},
        total_kimg=total_kimg, seed=seed, parent=parent, preset=fine_tune if parent else "", created_by=user,
    )  # fmt: skip
    with transaction.atomic():
        hold_split(study)
        _need_pictures(study, view, plan)
        run.full_clean(exclude=["job", "options"])
        run.save()
        _queue(run, user)
    return run


def start_trainings(*, title: str, gamma_times: tuple[float, ...] = (1.0,), options: dict | None = None, **common) -> list[GeneratorRun]:
    """One run for each multiple of the recipe's R1 weight, all or none of them; `common` as `start_training` takes it."""
    options = options or {}
    gamma = _plan(common["recipe"], common["resolution"], common["total_kimg"], options).gamma
    runs = []
    with transaction.atomic():
        for times in gamma_times:
            own = options if times == 1 else options | {"gamma": gamma * times}
            name = title if len(gamma_times) == 1 else f"{title[:100].strip()}, gamma {gamma * times:.3g}"
            runs.append(start_training(title=name, options=own, **common))
    return runs


def continue_training(*, run: GeneratorRun, total_kimg: float, user=None) -> GeneratorRun:
    """Queue more of the same run, from its newest complete state to `total_kimg`."""
    if run.job and run.job.is_active:
        raise ValidationError("This training is still running. Wait for its end, or cancel it first.")
    reached = reached_kimg(run)
    if total_kimg <= reached:
        raise ValidationError(f"This run has reached {reached:g} kimg; name a larger number to go on.")
    with transaction.atomic():
        run.total_kimg = total_kimg
        run.save(update_fields=["total_kimg"])
        _queue(run, user)
    return run


def _queue(run: GeneratorRun, user) -> None:
    run.job = queue_job(
        study=run.study, kind=TRAIN, title=f"Train {run.title}"[:200], payload={"run": run.public_id}, user=user
    )
    run.save(update_fields=["job"])


def _plan(recipe: str, resolution: int, total_kimg: float, options: dict) -> Recipe:
    try:
        return preset(recipe, resolution).with_options(**options, total_kimg=total_kimg)
    except InputError as error:
        raise ValidationError(str(error)) from error


def _need_pictures(study: Study, view: str, plan: Recipe) -> None:
    if view not in study.view_codes():
        raise ValidationError(f'{study.title} has no view "{view}"; its views are {", ".join(study.view_codes())}.')
    training = real_pictures(study, view).exclude(item__split="test")
    counts = dict(training.order_by().values_list("item__truth__diagnosis__code").annotate(Count("pk")))
    total = sum(counts.values())
    if total < plan.minimum_images:
        raise ValidationError(
            f"Training needs at least {plan.minimum_images} pictures, so that the network does not merely copy them; "
            f'{study.title} has {total} training pictures of the view "{view}". Import more.'
        )
    held_out = set(real_pictures(study, view).values_list("item__truth__diagnosis__code", flat=True)) - set(counts)
    if held_out:
        raise ValidationError(f"Every class needs training pictures; there are none of {', '.join(sorted(held_out))}.")
    if plan.ordinal and set(plan.ordinal) - set(counts):
        raise ValidationError(
            f"The recipe {plan.name} needs the classes {', '.join(plan.ordinal)}; the study has {', '.join(sorted(counts))}. "
            "Name three of these as the stages in order, or choose authors-7, auto or tiny."
        )


def train_run(*, run: GeneratorRun, progress: Callable[[int, int, str], None]) -> Generator:
    """Train, or go on training, until the run's total; keep the result as a generator.

    progress: called with pictures shown, pictures in all and a line of words; a cancellation that it raises is passed
    on after the core has saved its state. Run again after a crash it goes on from the newest complete state.
    """
    data = run.folder / "data"
    if not (data / "manifest.csv").exists():
        _write_data(run, data)
    options = [word for name, value in run.options.items() for word in ("--set", f"{name}={json.dumps(value)}")]
    start = ["--from", run.parent.folder, "--preset", run.preset] if run.parent else []
    run_core(
        "train", data / "manifest.csv", "--recipe", run.recipe, "--resolution", run.resolution, "--seed", run.seed,
        "--kimg", run.total_kimg, "--out", run.folder / "out", *start, *options,
        watch=lambda: progress(*_standing(run)),
    )  # fmt: skip
    progress(*_standing(run))
    return register_generator(
        study=run.study, folder=_newest_snapshot(run), title=run.title, run=run, user=run.created_by
    )


def _write_data(run: GeneratorRun, data: Path) -> None:
    """The pictures as they are now; a run is always resumed on the pictures that it began with."""
    work = run.folder / "data.part"
    shutil.rmtree(work, ignore_errors=True)
    written = write_study_pictures(study=run.study, view=run.view, folder=work)
    work.rename(data)
    run.pictures, run.manifest_sha256 = written.train, written.sha256
    run.save(update_fields=["pictures", "manifest_sha256"])


def _newest_snapshot(run: GeneratorRun) -> Path:
    found = sorted((run.folder / "out" / "snapshots").glob("kimg-*/training.json"))
    if not found:
        raise ValidationError("The training left no complete state. Look at the job's log and start it again.")
    return found[-1].parent


def run_events(run: GeneratorRun, *kinds: str) -> list[dict]:
    """What the training has reported, oldest first; a line that is being written is left out. After a resume from an
    earlier state the later report of a picture count counts."""
    path, events = run.folder / "out" / "events.jsonl", {}
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as file:
        for line in file:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if not kinds or event.get("event") in kinds:
                events[event["event"], event["kimg"]] = event
    return sorted(events.values(), key=lambda event: event["kimg"])


def newest_kid(run: GeneratorRun) -> float | None:
    """The last KID that the training has reported, looked for in the end of what it has written."""
    for event in reversed(_last_events(run, KID_TAIL)):
        if event.get("event") == "kid":
            return event["kid"]
    return None


def _last_events(run: GeneratorRun, size: int) -> list[dict]:
    """The events in the last `size` bytes of the run's file, without the line that is cut and the one that is being written."""
    path, events = run.folder / "out" / "events.jsonl", []
    if not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - size, 0))
        lines = file.read().decode(errors="replace").splitlines()
    for line in lines:
        with contextlib.suppress(ValueError):
            events.append(json.loads(line))
    return [event for event in events if isinstance(event, dict)]


def reached_kimg(run: GeneratorRun) -> float:
    return max((event["kimg"] for event in run_events(run, "snapshot")), default=0.0)


def _standing(run: GeneratorRun) -> tuple[int, int, str]:
    """Pictures shown, pictures in all, and words about the last step, from the end of the event file."""
    total, path = round(run.total_kimg * 1000), run.folder / "out" / "events.jsonl"
    if not path.exists():
        return 0, total, "reading the pictures"
    for event in reversed(_last_events(run, 4096)):
        if event.get("event") == "progress":
            words = f"{event['kimg']:g} of {run.total_kimg:g} kimg, augmentation {event['ada_p']:.2f}"
            return min(round(event["kimg"] * 1000), total), total, words
    return 0, total, "starting"
