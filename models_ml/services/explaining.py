"""Attribution of an ensemble's answers: queued, computed in a process of its own, stored map by map."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from django.core.exceptions import ValidationError
from django.db import transaction

from imagebank.jobs import queue_job
from imagebank.models import Item
from models_ml.core.attribution.metrics import agreed_share
from models_ml.core.attribution.run import file_name, read_map, read_members
from models_ml.core.attribution.tables import SCORES, write_tables
from models_ml.core.config import AttributionSpec, from_dict
from models_ml.core.files import replacing, sha256_json
from models_ml.errors import core_errors
from models_ml.models import AttributionMap, AttributionSet, Ensemble
from models_ml.models.attribution import agreed
from models_ml.services.devices import device_asked
from models_ml.services.manifests import study_manifest
from models_ml.services.marks import keep_marks, with_marks

EXPLAIN = "models_ml.explain"
LAYER_SIDE_PX = 288
LAYERS, MARKS = "layers", "marks"


def start_attribution(
    *, ensemble: Ensemble, method: str = "integrated-gradients", baseline: str = "blur", controls: int = 2,
    limit: int | None = None, items: Sequence[str] | None = None, marks=None, device: str = "", user=None,
) -> AttributionSet:  # fmt: skip
    """Queue the maps of the ensemble's answers on `items` (None: everything it answered), beside the control.

    marks: a ZIP of masks of stickers, watermarks, clothing ... (path or open file; see `keep_marks`). device: see services.devices.
    """
    ensemble.run.require_weights()
    on = device_asked(device)
    with core_errors():
        AttributionSpec(method=method, baseline=baseline)
    answered = ensemble.predictions.count()
    if not answered:
        raise ValidationError(f"{ensemble} has not answered any item yet; predict first, then explain.")
    if limit is not None and limit < 1:
        raise ValidationError(f"At least one item is needed; {limit} were asked for.")
    made = AttributionSet(ensemble=ensemble, method=method, baseline=baseline, controls=controls, limit=limit)
    made.full_clean(exclude=["job"])
    with transaction.atomic():
        made.save()
        shutil.rmtree(made.folder, ignore_errors=True)  # left behind by a set that was removed
        if marks:
            keep_marks(marks, made.folder / MARKS, items=set(ensemble.predictions.values_list("item__code", flat=True)))
        made.job = queue_job(
            study=ensemble.study, kind=EXPLAIN, title=f"Explain {ensemble}"[:200], user=user,
            payload={"set": made.pk, "run": ensemble.run_id, "items": list(items) if items is not None else None} | on,
        )  # fmt: skip
        made.save(update_fields=["job"])
    return made


def delete_attribution(*, made: AttributionSet) -> None:
    """Remove a set with its maps and files. What was summed up from it over readers' regions stays in its job."""
    if made.job is not None and made.job.is_active:
        raise ValidationError(f"{made} is being made; cancel it first.")
    folder = made.folder
    made.delete()
    shutil.rmtree(folder, ignore_errors=True)


def explain_arguments(made: AttributionSet, items: Sequence[str] | None) -> list[str]:
    """Write down which pictures are asked for, and return the command that explains them."""
    ensemble, run = made.ensemble, made.ensemble.run
    answered = set(ensemble.predictions.values_list("item__code", flat=True))
    codes = sorted(answered if items is None else answered & set(items))
    if not codes:
        raise ValidationError(f"{ensemble} has answered none of the items asked for; predict them first.")
    made.folder.mkdir(parents=True, exist_ok=True)
    manifest = made.folder / "manifest.csv"
    with_marks(study_manifest(run.study, views=[run.view], items=codes), made.folder / MARKS).write(manifest)
    settings = [f"method={made.method}", f"baseline={made.baseline}"]
    settings += [
        f'ensemble.rule="{ensemble.rule}"', f"ensemble.threshold={float(ensemble.threshold)}",
        f"ensemble.inclusive={str(ensemble.inclusive).lower()}", f'ensemble.fallback="{ensemble.fallback}"',
        f'ensemble.restrict="{ensemble.restrict}"',
    ]  # fmt: skip
    arguments = ["explain", str(run.folder), str(manifest), "--split", "any", "--out", str(made.folder / "maps")]
    arguments += ["--controls", str(made.controls)]
    arguments += ["--views", str(run.tta_views)] if run.tta_views else []
    arguments += ["--limit", str(made.limit)] if made.limit else []
    return [*arguments, *(part for text in settings for part in ("--set", text))]


def explained_on_disk(made: AttributionSet) -> int:
    """How many pictures are done, also where the worker was killed before it could store them."""
    return len(list((made.folder / "maps" / "items").glob("*.json")))


def store_attribution(made: AttributionSet) -> int:
    """Read what the command left into rows, and draw one transparent layer per map; safe to repeat.

    A command that was stopped has left the items that were done: they are summed up here. Returns how many maps there are.
    """
    maps = made.folder / "maps"
    records = [json.loads(path.read_text()) for path in sorted((maps / "items").glob("*.json"))]
    if not records:
        return 0
    summary = _summary(made, records)
    known = {(item, target): public for item, target, public in made.maps.values_list("item", "target", "public_id")}
    items = {item.code: item for item in Item.objects.filter(study=made.ensemble.study_id)}
    (made.folder / LAYERS).mkdir(exist_ok=True)
    rows = []
    for record in records:
        weights = sha256_json(record["weights"])
        for target, facts in record["maps"].items():
            layer = f"{LAYERS}/{file_name(record['item'])}-{target}.webp"
            draw_layers(made, record["item"], target, layer)
            row = _row(made, items[record["item"]], record, target, facts, weights, layer)
            # The same map keeps its opaque address when it is stored again.
            row.public_id = known.get((row.item_id, target), row.public_id)
            rows.append(row)
    with transaction.atomic():
        made.maps.all().delete()
        AttributionMap.objects.bulk_create(rows, batch_size=500)
        made.summary = summary
        made.save(update_fields=["summary"])
    return len(rows)


def _summary(made: AttributionSet, records: list[dict]) -> dict:
    """What the command summed up when it came to its end; otherwise the same sum over the items that are done."""
    maps = made.folder / "maps"
    if (maps / "summary.json").is_file():
        summary = json.loads((maps / "summary.json").read_text())
        if summary["items"] == len(records):
            return summary
    settings = made.ensemble.run.config["attribution"] | {"method": made.method, "baseline": made.baseline}
    return write_tables(maps, from_dict(AttributionSpec, settings), records, made.controls)


def _row(
    made: AttributionSet, item: Item, record: dict, target: str, facts: dict, weights: str, layer: str
) -> AttributionMap:
    predicted = target == AttributionMap.Target.PREDICTED
    return AttributionMap(
        attribution_set=made, item=item, view=made.ensemble.view,
        target=target, target_class=facts["target"], minus_class=facts["minus"] or "", method=made.method,
        answer=record["answer"], gap=facts["gap"], why=facts["why"], steps=facts["steps"],
        members_used=record["members_used"], weights_sha256=weights,
        scores={name: facts[name] for name in SCORES}, control=facts["control"],
        wrong_class=record["wrong_class"] if predicted else {}, regions=record["regions"] if predicted else [],
        mask_share=record["mask_share"], layer=layer, raw=f"maps/items/{file_name(record['item'])}.npz",
    )  # fmt: skip


def draw_layers(made: AttributionSet, item: str, target: str, name: str) -> None:
    """The map as a small transparent picture in the proportions of the picture that readers saw; and, where there are several
    members, the same, the clearer the less they agree.

    For the eye maps are smoothed by one pixel of the network's square; every number is computed on the raw map.
    """
    from models_ml.core.attribution import render

    map_HW = read_map(made.folder / "maps", item, target)
    sigma_px = max(map_HW.shape) / made.ensemble.run.config["data"]["size_px"]
    layer_HWC = render.colours(render.smooth(map_HW, sigma_px))
    _keep_layer(layer_HWC, made.folder / name)
    members = read_members(made.folder / "maps", item, target)
    if len(members) > 1:
        share = agreed_share(np.stack([render.smooth(one, sigma_px) for one in members]))
        layer_HWC[..., 3] = np.rint(layer_HWC[..., 3] * share)
        _keep_layer(layer_HWC, made.folder / agreed(name))


def _keep_layer(layer_HWC: np.ndarray, path: Path) -> None:
    from PIL import Image

    picture = Image.fromarray(layer_HWC, "RGBA")
    picture.thumbnail((LAYER_SIDE_PX, LAYER_SIDE_PX), Image.Resampling.BILINEAR)
    with replacing(path) as part:
        picture.save(part, "WEBP", quality=70, alpha_quality=60)
