"""Was a run that comes from elsewhere trained on this study's pictures? Classes and view alone do not say so."""

from django.core.exceptions import ValidationError

from imagebank.models import Item, Study
from models_ml.core import CoreError
from models_ml.core.pictures.isic import AUXILIARY
from models_ml.core.pictures.manifest import Item as Picture
from models_ml.core.pictures.manifest import Manifest, read_manifest
from models_ml.core.training.checkpoint import RunInfo


def trained_on(info: RunInfo) -> Manifest:
    """The pictures of a run, as folds.csv in its folder has them; CoreError when these are not the ones that run.json
    names."""
    manifest = read_manifest(info.folder / "folds.csv", check_files=False)
    if manifest.fingerprint != info.manifest_fingerprint:
        raise CoreError(
            f"{info.folder / 'folds.csv'} is not the manifest that run.json names: its fingerprint is "
            f"{manifest.fingerprint[:12]}, {info.manifest_fingerprint[:12]} was expected. Bring the folder as the run left it."
        )
    return manifest


def differences(study: Study, manifest: Manifest) -> list[str]:
    """How a run's pictures are not the study's, auxiliary ones left aside; each kind with its number and an example."""
    items = study.items.select_related("truth__diagnosis")
    known = {item.code: item for item in items}
    own = [picture for picture in manifest.items if picture.source != AUXILIARY]
    strangers = [picture for picture in own if picture.id not in known]
    found = [picture for picture in own if picture.id in known]
    relabelled = [picture for picture in found if picture.label and picture.label != _label(known[picture.id])]
    tested = [picture for picture in found if picture.split == "train" and known[picture.id].split == Item.Split.TEST]
    kinds = (
        (strangers, f"of its {len(own)} pictures are not in {study.slug}"),
        (relabelled, "have another class there"),
        (tested, f"were trained on and are test items of {study.slug}"),
    )
    return [f"{len(pictures)} {words} ({_example(pictures)})" for pictures, words in kinds if pictures]


def _label(item: Item) -> str:
    return item.truth.diagnosis.code if hasattr(item, "truth") else ""


def _example(pictures: list[Picture]) -> str:
    codes = sorted(picture.id for picture in pictures)
    return codes[0] if len(codes) == 1 else f"{codes[0]} and others"


def require_belonging(study: Study, info: RunInfo, *, accepted: bool) -> str:
    """ValidationError with one sentence when the run's pictures are not the study's; where that was ``accepted``, the same
    in words to be kept with the run. Empty: they are."""
    found = differences(study, trained_on(info))
    if not found:
        return ""
    said = f"{'; '.join(found)}."
    if not accepted:
        raise ValidationError(
            f"The run was not trained on the pictures that {study.slug} has now: {said} Import it into the study it was "
            "trained for, or say that it should be taken all the same (--other-pictures); that is kept with the run."
        )
    return said
