"""The demo's study with an assisted arm and its control: drawn test images, answered alone and again, mostly beside the
classifier."""

import csv
from pathlib import Path

from imagebank.models import Study

from .console import Console
from .networks import NETWORK
from .processes import NETWORKS, finish, start
from .site_networks import forget_another_run
from .steps import ACCURACIES, FIXTURES, first_survey, stamp_plan

PRESET = FIXTURES / "assisted" / "study.toml"
VIEW, PER_CLASS = "focused", 4
# Only what readers see, of the predicted class alone, at as many steps as leave most maps complete to 5 %: 28 maps in 21 s
# of one core instead of minutes. The site's own explanations go on until 1 % and stand beside random weights.
FAST = ("steps=16", "max_steps=16", 'targets=["predicted"]')
OPEN_GROUP = "medical-geneticist"


def begin(console: Console, *, manifest: Path, seed: int) -> Study:
    """The shipped preset, its images and its surveys."""
    from imagebank.services.importing import import_manifest
    from imagebank.services.studies import load_study
    from surveys.services import create_survey_set, load_protocol

    study = load_study(path=PRESET)
    load_protocol(study=study, path=PRESET)
    import_manifest(study=study, manifest_path=_some_images(manifest))
    surveys = create_survey_set(study=study, seed=seed).surveys.count()
    console.say(f"{study.title}: {study.items.count()} items, {surveys} surveys.")
    stamp_plan(console, study=study, plan=PRESET.with_name("analysis.toml"))
    return study


def _some_images(manifest: Path) -> Path:
    """A manifest of the first test images of every class, beside the whole one, for paths are relative to it."""
    with manifest.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "test" and row["view"] == VIEW]
    taken: dict[str, list[dict]] = {}
    for row in sorted(rows, key=lambda row: row["item"]):
        taken.setdefault(row["class"], []).append(row)
    path = manifest.with_name("second-look.csv")
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(row for of_class in taken.values() for row in of_class[:PER_CLASS])
    return path


def read(console: Console, *, study: Study, folder: Path, seed: int) -> None:
    """The classifier's output is frozen and the classifier reads itself; then simulated people answer every image twice."""
    from benchmark.services.assistance import assist
    from benchmark.services.networks import take_part
    from surveys.services import is_read, simulate_readers

    if not is_read(study):
        _bring_network(study, folder)
        _explain(console, study)
        frozen = assist(study=study, name=NETWORK)
        take_part(study=study, name=NETWORK)
        console.say(f"What readers see of the {NETWORK} is frozen under the hash {frozen.sha256[:16]}.")
    people = simulate_readers(
        study=study, seed=seed, leave_open=[(first_survey(study), OPEN_GROUP)],
        accuracies={(group, view): share for (group, view), share in ACCURACIES.items() if view == VIEW},
    )  # fmt: skip
    console.say(f"{people} simulated people answered alone, and again with the {NETWORK}'s answer in sight, or as control with nothing.")


def _explain(console: Console, study: Study) -> None:
    """Maps of what the classifier answers to the study's images, beside which readers answer again."""
    from models_ml.models import AttributionSet
    from models_ml.services.explaining import delete_attribution, explain_arguments, store_attribution

    ensemble = study.ensembles.select_related("run__study", "study").get(name=NETWORK, view=VIEW)
    for left in ensemble.attribution_sets.filter(maps=None):  # by a demo that was interrupted
        delete_attribution(made=left)
    if ensemble.attribution_sets.exists():
        return
    made = AttributionSet.objects.create(ensemble=ensemble, controls=0)
    arguments = [*explain_arguments(made, None), *(word for setting in FAST for word in ("--set", setting)), "--quiet"]
    log = made.folder / "explain.log"
    finish(start([*NETWORKS, *arguments], log=log), "Explaining the classifier's answers", log)
    console.say(f"The {NETWORK} is explained: {store_attribution(made)} maps.")


def _bring_network(study: Study, folder: Path) -> None:
    from models_ml.services.storing import import_run

    run_folder, own = folder / f"network-{VIEW}", set(study.items.values_list("code", flat=True))
    predictions = folder / "predictions-second-look.csv"
    with (folder / f"predictions-{VIEW}.csv").open(newline="", encoding="utf-8") as file:
        heading, *rows = csv.reader(file)
    with predictions.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([heading, *(row for row in rows if row[heading.index("item")] in own)])
    forget_another_run(study, VIEW, run_folder)
    # It was trained on the founding study's pictures, of which this one shows some test images: the run says so.
    import_run(study=study, folder=run_folder, name=NETWORK, predictions=predictions, other_pictures=True)
