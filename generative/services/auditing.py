"""Search a set for copies of training pictures, judge its quality, and record what curators decide."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from generative.models import Audit, AuditFinding, CopyDecision, ImageSet, Sample
from imagebank.models import ItemImage, Study
from imagebank.services.working import working_folder

from .core import following, generators_folder, run_core
from .pictures import write_study_pictures
from .sets import write_set_folder

RANDOM_FEATURES = "random"
REASON_MAX = 500
COPIES_FOUND = 1  # the audit command's status when it suspects any


def audit_set(
    *, image_set: ImageSet, view: str | None = None, features: str = RANDOM_FEATURES, seed: int = 0, probe: int = 0,
    device: str = "auto", user=None, watch: Callable[[], None] | None = None, progress: Callable[[str, int, int], None] | None = None,
) -> Audit:  # fmt: skip
    """Compare every picture with the study's training pictures over flips, turns and crops, in pixels and in features,
    calibrated on held-out pictures; quarantine the suspected copies.

    progress(what, done, total) is called as each part of the search goes on.

    view: whose real pictures; the training run's when the set was made by a network trained here. features: `random` or
    one of `found_classifiers()`. probe: project so many training and held-out pictures into the set's own network, to see whether
    it remembers them; 0 leaves that out. device: auto (a GPU where there is one), cpu or cuda. Earlier decisions about a picture
    stand. A published set may be audited again: what is published stays, and the page says what the new audit found.
    """
    probing = []
    if probe:
        if image_set.generator is None or not image_set.generator.folder.is_dir():
            raise ValidationError("The membership probe needs the network that made the set, and the store has none for it.")
        probing = ["--weights", image_set.generator.folder, "--probe", probe]
    with _judging(image_set, view) as (folder, manifest):
        look = following(folder / "audit" / "progress.json", watch, progress)
        run_core(
            "audit", folder / "set", "--manifest", manifest, "--resolution", _resolution(image_set), "--seed", seed,
            "--features", features_path(features), "--cache", generators_folder("vectors"), "--out", folder / "audit",
            "--device", device, *probing, watch=look, ok=(0, COPIES_FOUND),
        )  # fmt: skip
        path = folder / "audit" / "audit.json"
        if not path.exists():  # status 1 is also how a stopped command ends
            raise ValidationError("The audit was stopped before it ended. Start it again.")
        report = json.loads(path.read_text(encoding="utf-8"))
    return record_audit(image_set=image_set, report=report, user=user)


def record_audit(*, image_set: ImageSet, report: dict, user=None) -> Audit:
    """Store an audit/1 report about this set, made here or by the command line, and quarantine what it suspects."""
    if report.get("schema") != "audit/1":
        raise ValidationError(f'An audit report has the schema "audit/1"; this one says {report.get("schema")!r}.')
    if report.get("set_hash") != image_set.set_hash:
        raise ValidationError(
            f"This report is about set {str(report.get('set_hash'))[:12]}, not {image_set.set_hash[:12]}. Audit the set itself."
        )
    samples = {sample.code: sample for sample in image_set.samples.all()}
    suspects = [suspect for suspect in report["suspects"] if suspect["item"] in samples]
    neighbours = _neighbours(image_set.study, {suspect["nearest_item"] for suspect in suspects})
    ratios = report.get("ratios", {})
    with transaction.atomic():
        audit = Audit.objects.create(
            image_set=image_set, features=str(report["features"])[:200], calibration=str(report["calibration"])[:200],
            report={key: value for key, value in report.items() if key not in ("suspects", "quarantined", "ratios")},
            n_train=report["n_train"], n_held_out=report["n_held_out"],
            n_suspected=len({suspect["item"] for suspect in suspects}), created_by=user,
        )  # fmt: skip
        AuditFinding.objects.bulk_create(
            AuditFinding(
                audit=audit, sample=samples[suspect["item"]], neighbour=neighbours.get(suspect["nearest_item"]),
                neighbour_code=suspect["nearest_item"][:120], space=suspect["space"], distance=suspect["distance"],
                threshold=suspect["threshold"], variant=suspect["variant"][:120],
            )
            for suspect in suspects
        )  # fmt: skip
        suspected = {suspect["item"] for suspect in suspects}
        for sample in samples.values():
            sample.quarantined = sample.code in suspected
            sample.audit_distance = ratios.get(sample.code)
        Sample.objects.bulk_update(samples.values(), ["quarantined", "audit_distance"], batch_size=500)
        settle_state(image_set=image_set)
    return audit


def settle_state(*, image_set: ImageSet) -> ImageSet:
    """The set's state from its rows: published stays published; else by its newest audit and open suspicions."""
    if image_set.publications.exists():
        image_set.state = ImageSet.State.PUBLISHED
    elif not image_set.audits.exists():
        image_set.state = ImageSet.State.DRAFT
    elif image_set.samples.unresolved().exists():
        image_set.state = ImageSet.State.QUARANTINED
    else:
        image_set.state = ImageSet.State.AUDITED
    image_set.save(update_fields=["state"])
    return image_set


def decide_copy(*, sample: Sample, publish: bool, why: str, user) -> CopyDecision:
    """Record who decided about a suspected copy, and why; a later decision replaces it until the set is published."""
    why = why.strip()
    if not sample.quarantined:
        raise ValidationError("This picture is not suspected, so there is nothing to decide.")
    if not 1 <= len(why) <= REASON_MAX:
        raise ValidationError(f"A decision needs a reason of 1 to {REASON_MAX} characters; this one has {len(why)}.")
    with transaction.atomic():
        image_set = ImageSet.objects.select_for_update().get(pk=sample.image_set_id)
        if image_set.state == ImageSet.State.PUBLISHED:
            raise ValidationError("This set is published and frozen; exclude the item in the image bank instead.")
        decision, _ = CopyDecision.objects.update_or_create(
            sample=sample, defaults={"publish": publish, "why": why, "decided_by": user}
        )
        settle_state(image_set=image_set)
    return decision


def evaluate_set(
    *, image_set: ImageSet, view: str | None = None, features: str = RANDOM_FEATURES, seed: int = 0,
    watch: Callable[[], None] | None = None,
) -> dict:  # fmt: skip
    """KID with its interval and baselines, overlap, label fidelity and morph quality; kept with the set."""
    with _judging(image_set, view) as (folder, manifest):
        run_core(
            "evaluate", folder / "set", "--manifest", manifest, "--resolution", _resolution(image_set), "--seed", seed,
            "--features", features_path(features), "--out", folder / "evaluation.json", watch=watch,
        )  # fmt: skip
        report = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    image_set.evaluation = report
    image_set.save(update_fields=["evaluation"])
    return report


@contextmanager
def _judging(image_set: ImageSet, view: str | None) -> Iterator[tuple[Path, Path]]:
    """A folder with the set in it, and the manifest of the real pictures it is judged by, while the block runs."""
    run = image_set.generator and image_set.generator.run
    with working_folder(generators_folder("work"), "judge-") as folder:
        write_set_folder(image_set=image_set, folder=folder / "set")
        trained_on = run and run.folder / "data" / "manifest.csv"
        if trained_on and trained_on.exists() and view in (None, run.view):
            yield folder, trained_on
            return
        view = view or (run.view if run else image_set.study.view_codes()[0])
        yield folder, write_study_pictures(study=image_set.study, view=view, folder=folder / "real").manifest


def _resolution(image_set: ImageSet) -> int:
    return max(min(image_set.resolution, 256), 8)


def _neighbours(study: Study, codes: set[str]) -> dict[str, ItemImage]:
    images: dict[str, ItemImage] = {}
    for image in (
        ItemImage.objects.filter(item__study=study, item__code__in=codes).select_related("item").order_by("pk")
    ):
        images.setdefault(image.item.code, image)
    return images


def found_classifiers() -> dict[str, str]:
    """Trained folds below the store, by a name to choose them by: files are how rooms hand networks to one another."""
    root, found = Path(settings.VAR_DIR), {}
    for pattern in ("*/fold*", "*/*/fold*", "*/*/*/fold*"):
        for folder in sorted(root.glob(pattern)):
            if (folder / "config.toml").is_file() and (folder / "weights.safetensors").is_file():
                name = str(folder.relative_to(root))
                found[name] = name
    return found


def features_path(features: str) -> str:
    """The core's word for a choice of features. Raises ValidationError for a fold that is not there."""
    if features == RANDOM_FEATURES:
        return features
    if features not in found_classifiers():
        known = ", ".join([RANDOM_FEATURES, *found_classifiers()])
        raise ValidationError(f'There are no features "{features}". Choose one of {known}.')
    return str(Path(settings.VAR_DIR) / features)
