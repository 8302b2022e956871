"""Run the analysis of a study and keep it."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from benchmark.models import AnalysisPlan, Comparison, StoredPredictions, comparison_folder
from imagebank.models import Study
from imagebank.services.working import working_folder
from imagebank.tables import csv_text
from surveys.services import reader_answers_frame, readings_frame

from .attributes import item_attributes
from .facts import study_facts, survey_design
from .input_files import (
    ATTRIBUTES,
    DESIGN,
    FACTS,
    PICTURES,
    PLAN,
    PREDICTIONS,
    RATINGS,
    READERS,
    READINGS,
    REGISTERED,
    STAMP,
)
from .pictures import images_sha256, write_hardest_pictures
from .plans import stamp_plan
from .predictions import store_predictions_files
from .rating_analysis import analyse_rating_folder, is_rating_study, write_rating_inputs

Progress = Callable[[int, int, str], None]
STAMPED = "stamped"


def run_comparison(
    *,
    study: Study,
    plan: AnalysisPlan | str | Path | None = STAMPED,
    predictions: StoredPredictions | Path | None = None,
    seed: int = 0,
    user=None,
    progress: Progress | None = None,
) -> Comparison:
    """Compare people and networks on the readings of `study` and return the stored Comparison.

    A rating study has its ratings analysed instead: real against generated, conditions against one another.

    plan: the study's current stamped plan unless told otherwise; a file is stamped first; None analyses without one.
    predictions: stored ones, or a predictions.csv, which is stored first. A plan that declares which
    sittings count is given all complete ones, so that those which came later are counted; else the first complete one per seat
    is analysed. Unchanged inputs, plan, seed and software return the comparison that is there already. A study without
    readings of people and of a network raises ValidationError, and so does what the analysis refuses.
    progress: called with (steps done, steps in all, what comes next); what it raises stops the work, nothing half made
    is left.
    """
    stamped = _stamped(study, plan)
    if isinstance(predictions, Path):
        predictions = store_predictions_files(study=study, paths=[predictions], title=predictions.name, user=user)
    runs = Path(settings.VAR_DIR) / "comparisons" / study.slug
    runs.mkdir(parents=True, exist_ok=True)
    with working_folder(runs, ".new-") as folder:
        if is_rating_study(study):
            simulated = write_rating_inputs(study, folder)
        else:
            simulated = _write_inputs(study, folder, stamped, predictions)
        registered = AnalysisPlan.objects.filter(study=study).registered() if stamped else None
        if stamped is not None:
            (folder / PLAN).write_bytes(stamped.text.encode())
        if registered is not None and registered.text != stamped.text:
            (folder / REGISTERED).write_bytes(registered.text.encode())
        hashes = {path.name: sha256_of(path) for path in sorted(folder.iterdir())}
        if registered is not None:
            hashes[STAMP] = registered.sha256
        told = hashes if is_rating_study(study) else {**hashes, "images": images_sha256(study)}
        digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
        known = Comparison.objects.filter(study=study, inputs_sha256=digest, seed=seed).first()
        if known is not None and _is_whole_and_current(known):
            return known
        results = analyse_folder(
            folder, seed=seed, stamp=hashes.get(STAMP), progress=progress, pictures=partial(write_hardest_pictures, study)
        )
        if (folder / PICTURES).exists():
            hashes[PICTURES] = sha256_of(folder / PICTURES)
        put_in_place(folder, comparison_folder(study, digest, seed))
    with transaction.atomic():
        comparison, _ = Comparison.objects.update_or_create(
            study=study,
            inputs_sha256=digest,
            seed=seed,
            defaults={
                "hashes": hashes,
                "results": results,
                "simulated": simulated,
                "plan": stamped,
                "predictions": predictions,
                "created_by": user,
                "created_at": timezone.now(),
            },
        )
    return comparison


def _stamped(study: Study, plan: AnalysisPlan | str | Path | None) -> AnalysisPlan | None:
    if plan == STAMPED:
        return AnalysisPlan.objects.filter(study=study).current()
    return stamp_plan(study=study, path=plan) if isinstance(plan, str | Path) else plan


def put_in_place(folder: Path, home: Path) -> None:
    """Let a finished analysis be what lies at `home`; documents made of an earlier one go with it."""
    for old in (home, home.with_name(f"{home.name}.documents")):
        shutil.rmtree(old, ignore_errors=True)
    os.replace(folder, home)


def is_of_this_version(comparison: Comparison) -> bool:
    """Whether this program, with the packages of now, computed it: else running it again may give other files."""
    from benchmark.core.software import versions

    return comparison.results.get("versions") == versions()


def _is_whole_and_current(comparison: Comparison) -> bool:
    """Whether the comparison has every file that one would have now, made with the software of now."""
    from benchmark.core.output.check import NAME as CHECK
    from benchmark.core.output.writing import are_drawn_as_now

    whole = all((comparison.folder / name).exists() for name in ("results.json", CHECK))
    return whole and is_of_this_version(comparison) and are_drawn_as_now(comparison.folder)


def _write_inputs(
    study: Study, folder: Path, plan: AnalysisPlan | None, predictions: StoredPredictions | None
) -> bool:  # fmt: skip
    """Write readings.csv, predictions and readers' answers where given, the study's record and design; return whether any reader is simulated."""
    readings = readings_frame(study=study)
    raw = plan is not None and _declares_completion(plan)
    readings = readings[_settled(readings) if raw else readings["analysed"].astype(bool)]
    for kind, what in (("human", "people"), ("model", "a network")):
        if not ((readings["kind"] == kind) & readings["analysed"].astype(bool)).any() and not (
            kind == "model" and predictions is not None
        ):
            raise ValidationError(
                f"A comparison needs complete readings of people and of a network; {study.title} has none of {what}."
            )
    rows = readings.astype(object).itertuples(index=False, name=None)
    (folder / READINGS).write_text(csv_text(readings.columns, rows), encoding="utf-8", newline="")
    if predictions is not None:
        shutil.copyfile(predictions.path, folder / PREDICTIONS)
    about = reader_answers_frame(study=study)
    about = about[about["reader"].isin(readings["reader"])]
    if len(about) and len(about.columns) > 1:
        (folder / READERS).write_text(csv_text(about.columns, about.itertuples(index=False, name=None)), encoding="utf-8", newline="")
    known = item_attributes(study, set(readings["item"]))
    if known is not None:
        (folder / ATTRIBUTES).write_text(known, encoding="utf-8", newline="")
    for name, content in ((FACTS, study_facts(study)), (DESIGN, survey_design(study))):
        if content is not None:
            text = json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True)
            (folder / name).write_text(text + "\n", encoding="utf-8")
    return bool(readings["simulated"].astype(bool).any())


def _declares_completion(plan: AnalysisPlan) -> bool:
    from benchmark.core.plans.plan import Plan

    return Plan.from_toml(text=plan.text).completion is not None


def _settled(readings):
    """Rows of networks, of imported readings and of complete sittings, the later ones of a seat included.

    A sitting that is still being read has no place in an analysis, however many answers it holds already.
    """
    here = (readings["seat"] != "") & (readings["kind"] == "human")
    return ~here | (readings["completed_at"] != "")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, or of the names and hashes of a folder's files."""
    if path.is_dir():
        told = "".join(f"{file.name} {sha256_of(file)}\n" for file in sorted(path.iterdir()))
        return hashlib.sha256(told.encode()).hexdigest()
    return hashlib.sha256(path.read_bytes()).hexdigest()


def analyse_folder(
    folder: Path,
    *,
    seed: int,
    stamp: str | None,
    progress: Progress | None = None,
    pictures: Callable[[dict, Path], None] | None = None,
) -> dict:
    """Analyse the inputs in `folder` and write everything beside them; the same as the command line does.

    stamp: SHA-256 of the plan as it stood before the first answer. pictures: called with the results of readings and the
    folder of pictures, to put there those that the report will show; None: those that lie there already.

    Returns the content of results.json. Input that the analysis refuses raises ValidationError in its words.
    """
    from benchmark.core.errors import InputError

    def step(words: str, first: int, share: int):
        def report(done: int, total: int, name: str) -> None:
            if progress:
                progress(first + share * done // max(total, 1), 100, f"{words}: {name}")

        return report

    analyse = analyse_rating_folder if (folder / RATINGS).exists() else partial(_analyse_readings, pictures=pictures)
    try:
        analyse(folder, seed=seed, stamp=stamp, step=step)
    except InputError as error:
        raise ValidationError([error.summary, *map(str, error.problems)]) from error
    if progress:
        progress(100, 100, "Done")
    return json.loads((folder / "results.json").read_text(encoding="utf-8"))


def _analyse_readings(folder: Path, *, seed: int, stamp: str | None, step, pictures=None) -> None:
    from benchmark.core.analysis import analyse
    from benchmark.core.facts import described, read_certificate, read_facts
    from benchmark.core.inputs.attributes import read_item_attributes
    from benchmark.core.inputs.pictures import read_item_pictures
    from benchmark.core.inputs.predictions import read_predictions
    from benchmark.core.inputs.readers import read_reader_answers
    from benchmark.core.inputs.readings import read_readings
    from benchmark.core.output.writing import write_analysis
    from benchmark.core.plans.plan import Plan

    def given(name: str, read):
        return read(folder / name) if (folder / name).exists() else None

    results = analyse(
        read_readings(folder / READINGS),
        predictions=given(PREDICTIONS, read_predictions),
        readers=given(READERS, read_reader_answers),
        attributes=given(ATTRIBUTES, read_item_attributes),
        plan=given(PLAN, Plan.from_toml),
        seed=seed,
        stamped_sha256=stamp,
        registered=given(REGISTERED, Plan.from_toml),
        progress=step("Analysing", 0, 50),
    )
    results = described(results, facts=given(FACTS, read_facts), certificate=given(DESIGN, read_certificate))
    if pictures is not None:
        pictures(results.content, folder / PICTURES)
    shown = given(PICTURES, read_item_pictures)
    write_analysis(results, folder, pictures=shown, progress=step("Drawing", 50, 49))
