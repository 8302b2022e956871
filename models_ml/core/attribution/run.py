"""Attribution of a whole run: every item asked for, the members that the gate admitted, scores beside their controls.

OUT/items/<item>.json, <item>.npz   facts and raw signed maps on the network's square, with their place on the picture
OUT/pictures/<item>-predicted.png   picture and overlay side by side, on the picture's own pixels
OUT/contact.png, index.html, items.csv, regions.csv, summary.json
"""

import json
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import zip_longest
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from models_ml.core.answers.ensemble import Combined, combine
from models_ml.core.answers.predict import finished_members, load_member, predict_items, select
from models_ml.core.attribution import metrics as explain_metrics
from models_ml.core.attribution.regions import mask_on_square, regions_of, shares
from models_ml.core.attribution.tables import (
    LOCALISATION,
    SCORES,
    completeness_in_words,
    mean_known,
    not_located_in_words,
    score_rows,
    write_tables,
)
from models_ml.core.config import AttributionSpec, override, to_dict
from models_ml.core.errors import Cancelled, CoreError
from models_ml.core.events import ExplainProgress, Listener, scaled
from models_ml.core.files import clear_parts, replacing, sha256_file, sha256_json, write_json
from models_ml.core.pictures.manifest import Item, Manifest
from models_ml.core.pictures.pack import processors
from models_ml.core.pictures.pixels import Placement, decode, load_square, onto_picture
from models_ml.core.training import checkpoint
from models_ml.core.training.checkpoint import RunInfo

if TYPE_CHECKING:
    import torch

    from models_ml.core.attribution.path import Target


DRAWN_AT_ONCE = 4  # pictures of full size in memory
TOGETHER = {"cuda": 8, "cpu": 1}  # pictures that share their batches; a processor, full with one, keeps what is done after each


@dataclass(frozen=True)
class Explained:
    folder: str
    n_items: int
    n_maps: int
    worst_gap: float | None

    @property
    def worst_gap_text(self) -> str:
        return "not defined for this method" if self.worst_gap is None else f"{self.worst_gap:.2%}"


def explain_items(
    run_dir: Path | str,
    manifest: Manifest,
    out: Path | str,
    *,
    split: str | None = "test",
    items: Sequence[str] | None = None,
    limit: int | None = None,
    controls: int = 2,
    settings: Sequence[str] = (),
    tta_views: int | None = None,
    on_event: Listener | None = None,
    cancelled: Callable[[], bool] | None = None,
    device: str = "auto",
) -> Explained:
    """Explain the ensemble's answers; what is done is kept, the same call continues.

    settings: changes to the run's attribution, e.g. ``method=occlusion``, or to the rule by which its members are
    admitted, e.g. ``ensemble.rule=mean``. limit: this many items, taken in turn from
    the classes. controls: networks of random weights that the same scores are computed for;
    their agreement needs two. tta_views: of which mean the answers are, as in ``predict_items``; maps are those of the picture as
    it is.
    """
    if controls < 0 or (limit is not None and limit < 1):
        raise CoreError("At least one item (--limit) and no less than 0 networks of random weights (--controls) are needed.")
    info, out = checkpoint.read_run(run_dir), Path(out)
    cfg = info.cfg
    for text in settings:
        cfg = override(cfg, text if text.startswith("ensemble.") else f"attribution.{text}")
    info = replace(info, cfg=cfg)
    spec, tell, cancelled = cfg.attribution, on_event or (lambda event: None), cancelled or (lambda: False)
    chosen = _spread(select(manifest, info, split, items), limit)
    names = [item.id for item in chosen]
    predictions = predict_items(
        run_dir, manifest, split=split, items=names, on_event=scaled(tell, 0, 0.1), cancelled=cancelled, device=device,
        tta_views=tta_views,
    )  # fmt: skip
    own = list(info.labels.own_indices)
    combined = combine(predictions.probs_MNC, info.cfg.ensemble, own)
    place_of = {name: n for n, name in enumerate(predictions.items)}
    for folder in (out, out / "items", out / "pictures"):
        clear_parts(folder)
    worker = _Worker(info, spec, controls, out, device, tta_views)
    records = []
    for start in range(0, len(chosen), worker.together):
        if cancelled():
            raise Cancelled(f"Explaining was cancelled after {start} of {len(chosen)} items; the same command continues.")
        some = chosen[start : start + worker.together]
        records += worker.items(some, [place_of[item.id] for item in some], combined)
        done = len(records)
        tell(ExplainProgress(progress=0.1 + 0.9 * done / len(chosen), item=some[-1].id, done=done, total=len(chosen)))
    summary = write_tables(out, spec, records, controls)
    _draw(out, chosen, records, summary)
    gaps = [m["gap"] for r in records for m in r["maps"].values()]
    worst = max((g for g in gaps if g is not None), default=None)
    return Explained(str(out), len(records), len(gaps), worst)


def _spread(chosen: list[Item], limit: int | None) -> list[Item]:
    """The first ``limit`` items when classes take turns."""
    if limit is None or limit >= len(chosen):
        return chosen
    by_class: dict[str, list[Item]] = {}
    for item in chosen:
        by_class.setdefault(item.label, []).append(item)
    turns = [item for turn in zip_longest(*by_class.values()) for item in turn if item]
    kept = {item.id for item in turns[:limit]}
    return [item for item in chosen if item.id in kept]


def file_name(item: str) -> str:
    """A file name for an item: readable, and unique also where characters had to go."""
    return f"{re.sub(r'[^A-Za-z0-9_-]', '_', item)[:60]}-{sha256_json(item)[:8]}"


def picture_path(out: Path, item: str) -> Path:
    """Where the picture beside its overlay stands."""
    return out / "pictures" / f"{file_name(item)}-predicted.png"


class _Worker:
    """Networks and settings, loaded once."""

    def __init__(self, info: RunInfo, spec: AttributionSpec, controls: int, out: Path, device: str, tta_views: int | None):
        from models_ml.core.device import in_layout
        from models_ml.core.training.network import build

        self.info, self.spec, self.out = info, spec, out
        members = finished_members(info)
        self.networks = [load_member(info, name, device) for name, _ in members]
        self.device = next(self.networks[0].parameters()).device
        size = info.cfg.data.size_px
        self.random = [
            in_layout(
                info.cfg.recipe, build(info.cfg.model, len(info.labels.names), size_px=size, seed=10_000 + k, load=False)
            ).to(self.device).eval().requires_grad_(False)
            for k in range(controls)
        ]  # fmt: skip
        self.together = TOGETHER[self.device.type]
        self.asking = Lock()  # of the networks: questions judged side by side do not need memory for their answers side by side
        self.folded, self.light = {}, {}  # of each network, the copies that answer and that maps are computed with
        self.hashes = dict(members)
        version = 5  # raised when the same networks would give other maps or scores: 5 since large photographs are read as they are answered
        self.key = sha256_json([self.hashes, to_dict(spec), to_dict(info.cfg.ensemble), controls, version, *([tta_views] if tta_views else [])])

    def items(self, items: list[Item], places: list[int], combined: Combined) -> list[dict]:
        """Facts of some items, which stand at these places among the answers; computed together or, where they stand in
        their files with the same key, read."""
        records, keys = [], [sha256_json([self.key, sha256_file(item.path)]) for item in items]
        paths = [self.out / "items" / f"{file_name(item.id)}.json" for item in items]
        for path in paths:
            records.append(json.loads(path.read_text()) if path.is_file() else {"key": ""})
        known = [record.get("regions") for record in records]
        missing = [k for k, record in enumerate(records) if record["key"] != keys[k]]
        with ThreadPoolExecutor(max_workers=self.together) as beside:
            opened = list(beside.map(self._opened, items))
            questions = [self._question(items[k], opened[k], places[k], combined) for k in missing]
            for k in missing:
                paths[k].parent.mkdir(parents=True, exist_ok=True)
                picture_path(self.out, items[k].id).unlink(missing_ok=True)  # drawn from the former map
            made = self._compute(questions, [paths[k].with_suffix(".npz") for k in missing], beside)
            for k, record in zip(missing, made):
                records[k] = record
            found = list(beside.map(self._regions, items, opened, [path.with_suffix(".npz") for path in paths]))
        for record, key, path, regions, former in zip(records, keys, paths, found, known):
            record |= {"key": key, "regions": regions}
            if regions != former:
                write_json(path, record)
        return records

    def _regions(self, item: Item, opened: "_Opened", path: Path) -> list[dict]:
        """Shares of relevance, scored anew from the stored maps: what is marked may have changed since."""
        square, where, lesion = opened
        with np.load(path) as maps:
            if "predicted" not in maps:
                return []
            return shares(regions_of(item, square, where, lesion), maps["predicted"], maps["control"])

    def _opened(self, item: Item) -> "_Opened":
        """The picture on the network's square, its place there, and its lesion's mask."""
        data = self.info.cfg.data
        square, where = load_square(item.path, data.size_px, fit=data.fit, resample=data.resample)
        return square, where, _lesion(item, where, data.size_px)

    def _question(self, item: Item, opened: "_Opened", n: int, combined: Combined) -> "_Question":
        """The item's picture, whose answer is explained, and for which targets."""
        import torch

        from models_ml.core.attribution.explain import baseline_of
        from models_ml.core.device import handed_over

        square, where, mask = opened
        image = handed_over(square, torch.uint8, self.device).permute(2, 0, 1)[None].float() / 255
        admitted = [net for net, used in zip(self.networks, combined.admitted_MN[:, n]) if used] or self.networks
        fill = baseline_of(image, AttributionSpec(), self.networks[0].mean)
        answer = int(combined.probs_NC[n].argmax())
        asked = {name: self._target(name, answer, item.label) for name in self.spec.targets}
        asked = {name: target for name, target in asked.items() if target}
        record = {
            "item": item.id, "truth": item.label, "group": item.group,
            # empty where the ensemble abstains
            "answer": self.info.labels.names[answer] if combined.answer_N[n] >= 0 else "",
            "members_used": int(combined.members_used_N[n]), "fallback": str(combined.fallback_N[n]),
            "placement": asdict(where), "weights": self.hashes, "mask_share": None if mask is None else float(mask.mean()),
        }  # fmt: skip
        skin = explain_metrics.skin(square)
        return _Question(
            skin, mask, image, fill, admitted, answer, (int(combined.probs_NC[n].argmin()),), asked, record
        )

    def _compute(self, questions: list["_Question"], paths: list[Path], beside: ThreadPoolExecutor) -> list[dict]:
        """Facts of every question, its maps stored in its file. Of the least probable class, and of all that networks of
        random weights are asked, the first steps alone are made, as of controls: where a map lies is settled long before its
        sum is. Ranking pixels and packing maps is a processor's work, so several questions are judged side by side."""
        from models_ml.core.attribution.explain import Question, explain_together

        most, once = self.spec.max_steps, self.spec.steps
        wanted = []
        for one in questions:
            targets, n = [*one.targets, one.unlikely], len(one.targets)
            networks = [self._light(network) for network in one.admitted]
            wanted.append(Question(networks, one.image_1CHW, targets, [most] * n + [once]))
            wanted += [Question([self._light(net)], one.image_1CHW, one.targets, [once] * n) for net in self.random]
        found, each = explain_together(wanted, self.spec), 1 + len(self.random)
        parts = [found[k * each : (k + 1) * each] for k in range(len(questions))]
        return list(beside.map(self._judged, questions, paths, parts))

    def _judged(self, question: "_Question", path: Path, found: list[list]) -> dict:
        """Facts of one question, whose attributions these are: its members', and each random network's; its maps are
        stored."""
        classes, ((*found, least), *of_random) = self.info.labels.names, found
        known = {
            target: self._scored(question, target, joint, [one[k].map_HW for one in of_random])
            for k, (target, joint) in enumerate(zip(question.targets, found))
        }  # the true class is the predicted one wherever the answer is right
        maps, facts = {}, {}
        for name, target in question.asked.items():
            joint, controls_KHW, scores = known[target]
            maps[name], maps[f"{name}_members"] = joint.map_HW, joint.maps_MHW
            if name == "predicted":
                maps["control"] = controls_KHW
            facts[name] = {
                "target": classes[target[0]], "minus": classes[target[1]] if len(target) > 1 else None, "gap": joint.gap,
                "steps": joint.steps, "why": joint.why, "score": joint.score,
                "baseline_score": joint.baseline_score, **scores,
            }  # fmt: skip
        maps["wrong_class"] = least.map_HW
        agreement = explain_metrics.agreement(least.maps_MHW)
        wrong = self._scores(question, least.map_HW, agreement, question.answer)
        with replacing(path) as part, open(part, "wb") as handle:
            np.savez_compressed(handle, **maps)
        return {**question.record, "maps": facts, "wrong_class": wrong}

    def _target(self, name: str, answer: int, label: str) -> "Target | None":
        """What is explained under this name; None where it has no meaning (truth unknown, answer right)."""
        if name == "predicted":
            return (answer,)
        if not label:
            return None
        truth = self.info.labels.index(label)
        if name == "true":
            return (truth,)
        return (answer, truth) if answer != truth else None

    def _light(self, network):
        """What maps are computed with."""
        from models_ml.core.attribution.folding import in_half

        if network not in self.light:
            half = self.spec.precision == "fp16" and self.spec.method != "gradcam"
            self.light[network] = in_half(self._folded(network), self._made_up()) if half else self._folded(network)
        return self.light[network]

    def _folded(self, network):
        """The network without its batch norms, found once. Grad-CAM looks into the network, so it gets the network itself."""
        from models_ml.core.attribution.folding import folded
        from models_ml.core.device import best_layout

        if network not in self.folded:
            laid_out, plain = best_layout(network, self.device), self.spec.method == "gradcam"
            self.folded[network] = laid_out if plain else folded(laid_out, self._made_up())
        return self.folded[network]

    def _made_up(self) -> "torch.Tensor":
        """A picture to compare copies of networks by; always the same, so that a run that goes on computes as one that was
        never cut short."""
        import torch

        side, fixed = self.info.cfg.data.size_px, torch.Generator().manual_seed(0)
        return torch.rand(1, 3, side, side, generator=fixed).to(self.device)

    def _scored(self, question: "_Question", target: "Target", joint, of_random: list[np.ndarray]) -> tuple:
        """The ensemble's attribution, the maps of the random networks (K, H, W), and the scores of both."""
        controls = np.array(of_random, dtype=np.float32).reshape(-1, *joint.map_HW.shape)
        agreement = explain_metrics.agreement(controls)
        alone = [self._scores(question, map_HW, agreement, target[0]) for map_HW in controls]
        control = {name: mean_known([row[name] for row in alone]) for name in SCORES}
        scores = self._scores(question, joint.map_HW, explain_metrics.agreement(joint.maps_MHW), target[0])
        return joint, controls, {**scores, "control": control}

    def _scores(self, question: "_Question", map_HW, agreement: float | None, target: int) -> dict[str, float | None]:
        """Every score of a map. Whoever made it, what its pixels do to the answer is judged by the trained members:
        else a control's deletion and insertion could not be held against the network's."""
        import torch

        from models_ml.core.answers.inference import parts_of
        from models_ml.core.device import half_precision, handed_over

        @torch.no_grad()
        def probability(taken_N1HW: np.ndarray) -> np.ndarray:
            taken = handed_over(taken_N1HW, torch.bool, self.device)
            images = torch.where(taken, question.fill_1CHW, question.image_1CHW)
            judges, found = [self._light(network) for network in question.admitted], []
            with self.asking, half_precision(self.device, self.spec.precision):
                for part in parts_of(images, len(images)):
                    found.append(torch.stack([net(part).float().softmax(1)[:, target] for net in judges]).mean(0))
            return torch.cat(found).cpu().numpy()  # the next question need not wait until a GPU is done with this one

        deletion, insertion = explain_metrics.perturbation_areas(map_HW, probability)
        return {
            **_localisation(map_HW, question.mask_HW), "deletion": deletion, "insertion": insertion,
            "agreement": agreement, "on_skin": explain_metrics.relevance_mass(map_HW, question.skin_HW),
        }  # fmt: skip


_Opened = tuple[np.ndarray, Placement, np.ndarray | None]  # a picture on the network's square, its place, its lesion


@dataclass(frozen=True)
class _Question:
    """A picture on the network's square, what replaces its pixels, the members whose answer it is, what is asked of them, and
    what is known before they are asked."""

    skin_HW: np.ndarray
    mask_HW: np.ndarray | None
    image_1CHW: "torch.Tensor"
    fill_1CHW: "torch.Tensor"
    admitted: list
    answer: int
    unlikely: "Target"  # the least probable class
    asked: "dict[str, Target]"
    record: dict

    @property
    def targets(self) -> "list[Target]":
        return list(dict.fromkeys(self.asked.values()))


def _localisation(map_HW: np.ndarray, mask: np.ndarray | None) -> dict[str, float | None]:
    if mask is None:
        return dict.fromkeys(LOCALISATION)
    return {
        "mass": explain_metrics.relevance_mass(map_HW, mask),
        "rank": explain_metrics.relevance_rank(map_HW, mask),
        "pointing": explain_metrics.pointing_game(map_HW, mask),
    }


def _lesion(item: Item, where: Placement, size_px: int) -> np.ndarray | None:
    return item.mask and mask_on_square(item.mask, where, size_px, name=f"mask of {item.id!r}")


def read_map(out: Path | str, item: str, target: str = "predicted") -> np.ndarray:
    """The signed map of an explained item on its picture's own pixels, float32 (height, width)."""
    where, maps = _stored(out, item, target)
    return onto_picture(maps[0], where)


def read_members(out: Path | str, item: str, target: str = "predicted") -> list[np.ndarray]:
    """The signed map of every member that answered, on the picture's own pixels; their mean is ``read_map``."""
    where, maps = _stored(out, item, f"{target}_members")
    return [onto_picture(map_HW, where) for map_HW in maps]


def read_controls(out: Path | str, item: str) -> list[np.ndarray]:
    """Maps of the networks of random weights for the predicted class, on the picture's own pixels; none, no control."""
    where, maps = _stored(out, item, "control")
    return [onto_picture(map_HW, where) for map_HW in maps]


def _stored(out: Path | str, item: str, name: str) -> tuple[Placement, np.ndarray]:
    """Maps (K, H, W) on the network's square, and where the picture lies there."""
    path = Path(out) / "items" / file_name(item)
    if not path.with_suffix(".json").is_file():
        raise CoreError(f"{out} holds no explanation of {item!r}.")
    where = Placement(**json.loads(path.with_suffix(".json").read_text())["placement"])
    with np.load(path.with_suffix(".npz")) as maps:
        if name not in maps and name != "control":
            raise CoreError(f"{item!r} was not explained for the {name} class.")
        found = maps[name] if name in maps else np.zeros((0, 1, 1), dtype=np.float32)
    return where, found[None] if found.ndim == 2 else found


def _draw(out: Path, chosen: list[Item], records: list[dict], summary: dict) -> None:
    from models_ml.core.attribution import render

    shown = [(item, record) for item, record in zip(chosen, records) if "predicted" in record["maps"]]
    with ThreadPoolExecutor(max_workers=min(DRAWN_AT_ONCE, processors())) as beside:
        drawn = list(beside.map(lambda pair: _drawn(out, *pair), shown))
    entries = [(caption, picture, layer) for caption, picture, layer, _ in drawn]
    sheet = [(caption, over) for caption, _, _, over in drawn]
    if entries:
        render.save(render.contact_sheet(sheet), out / "contact.png")
        rows = score_rows(summary, "predicted")
        sentences = [completeness_in_words(summary["completeness"]["predicted"]), not_located_in_words(summary["by_class"])]
        sentences = [*filter(None, sentences), *(one["sentence"] for one in summary["regions"] if one["sentence"])]
        render.page(out / "index.html", "Attribution of the ensemble's answers", entries, rows, sentences)


def _drawn(out: Path, item: Item, record: dict) -> tuple:
    """The picture beside its overlay, in its file; and small: caption, picture, its map as a layer, overlay."""
    from models_ml.core.attribution import render

    picture, path = decode(item.path), picture_path(out, item.id)
    layer = render.layer(render.smooth(read_map(out, item.id), max(picture.size) / 150))
    over = render.overlay(picture, layer)
    if not path.is_file():
        render.save(render.side_by_side(picture, over), path)
    picture.thumbnail((render.SIDE_PX, render.SIDE_PX))
    over.thumbnail((160, 160))
    caption = f"{item.id}: {record['answer'] or 'no answer'}" + (f" (truth {record['truth']})" if record["truth"] else "")
    return caption, picture, layer.resize(picture.size, Image.Resampling.BILINEAR), over
