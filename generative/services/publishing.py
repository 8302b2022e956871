"""Publish an image set into a study: its pictures become items of the image bank, frozen, and labelled as generated.

The items carry all that a rating needs, so that whoever shows them need know nothing of generators. `item.attributes`:

    generated     true (a matched real picture has false)
    kind          sample, morph-strip, morph-frame, mix-grid, matched-real
    condition     random or curated
    stated_class  code of the study's class that the picture was asked for ("" where the study lacks it)
    stated_label  the same in words: "Neurofibromatosis type 1", "early 50 %, late 50 %"
    generator, weights, image_set (its hash), index, seed, nature
    morph-strip   start, end (class codes), frames, control ("", shuffled, other-z, cross-fade), frame_codes in the order shown
    morph-frame   strip (the strip's item code), frame (from 0), position (0 start to 1 end), control
    mix-grid      rows, columns, tile_px: a white corner, column sources above, row sources at the left, then the mixes;
                  row_class (colour), column_class (shape)
    matched-real  matches (code of the generated item), source_item

They have no reference class and no split: surveys, trainings and audits of real pictures leave them out.
"""

import csv
import hashlib
import io
from dataclasses import dataclass, field

import numpy as np
from django.core.exceptions import ValidationError
from django.db import transaction
from PIL import Image

from generative.core.strips import mix_sheet, tile
from generative.models import ImageSet, Publication, Sample
from imagebank.models import Item, ItemImage, Provenance, Rendition, Study
from imagebank.services.decoding import decode_image
from imagebank.services.storing import store_bytes

from .auditing import settle_state
from .pictures import class_called, real_pictures

NATURE = "generated, not a photograph"
CONTROLS = ("", "shuffled", "other-z", "cross-fade")
REASON_MAX = 500


@dataclass
class Draft:
    """One item to be: a picture, and what a rating needs to know of it."""

    image: np.ndarray
    attributes: dict
    group: str = ""
    nature: str = NATURE
    source: str = ""
    code: str = field(default="")


def publish_set(
    *, image_set: ImageSet, study: Study | None = None, view: str, matched_reals: bool = True, controls: bool = True,
    unaudited_reason: str = "", user=None,
) -> Publication:  # fmt: skip
    """Make items of the set's pictures in `study` (its own by default) under `view`, and freeze the set.

    matched_reals: for single pictures of a class that the set's study has, a held-out real picture of it each, brought to
    the same size. controls: beside each morph strip the same frames shuffled, frames of other z, and a pixel
    cross-fade. Refused while suspected copies are undecided; a set without an audit needs `unaudited_reason`, kept with the name.
    Published again into the same study and view, it returns the publication there is.
    """
    study = study or image_set.study
    if view not in study.view_codes():
        raise ValidationError(f'{study.title} has no view "{view}"; its views are {", ".join(study.view_codes())}.')
    with transaction.atomic():
        image_set = ImageSet.objects.select_for_update().get(pk=image_set.pk)
        known = Publication.objects.filter(image_set=image_set, study=study, view=view).first()
        if known:
            return known
        reason = _require_cleared(image_set, unaudited_reason)
        drafts = _drafts(image_set, study, view, matched_reals=matched_reals, controls=controls)
        publication = Publication(
            image_set=image_set, study=study, view=view, published_by=user, unaudited_reason=reason
        )
        publication.full_clean(exclude=["published_by"])
        publication.save()
        publication.items.add(*_write(image_set, study, view, drafts))
        settle_state(image_set=image_set)
    return publication


def _require_cleared(image_set: ImageSet, unaudited_reason: str) -> str:
    open_cases = image_set.samples.unresolved().count()
    if open_cases:
        raise ValidationError(
            f"{open_cases} of the {image_set.samples.count()} pictures are suspected copies of training pictures and "
            "nobody has decided about them. Look at them on the audit page; publish each with a reason, or leave it out."
        )
    if image_set.newest_audit:
        return ""
    reason = unaudited_reason.strip()
    if not 1 <= len(reason) <= REASON_MAX:
        raise ValidationError(
            "This set was not audited for copies of training pictures. Audit it, or say in up to "
            f"{REASON_MAX} characters why it may be published without; your name is kept with it."
        )
    return reason


def _drafts(image_set: ImageSet, study: Study, view: str, *, matched_reals: bool, controls: bool) -> list[Draft]:
    kinds = {ImageSet.Kind.MORPH: _morph_drafts, ImageSet.Kind.MIX: _mix_drafts}
    samples = list(image_set.samples.select_related("decision"))
    cleared = set(image_set.samples.publishable().values_list("pk", flat=True))
    if image_set.kind in kinds:
        drafts = kinds[image_set.kind](image_set, study, samples, cleared, controls=controls)
    else:
        drafts = [_sample_draft(image_set, study, sample) for sample in samples if sample.pk in cleared]
        if matched_reals:
            _name(image_set, drafts)
            drafts += _matched_reals(image_set.study, view, drafts)
    if not drafts:
        raise ValidationError("Every picture of this set was left out as a suspected copy; nothing remains to publish.")
    _name(image_set, drafts)
    return drafts


def _name(image_set: ImageSet, drafts: list[Draft]) -> None:
    """Codes from which nothing can be told, the same for the same set."""
    for number, draft in enumerate(drafts):
        if not draft.code:
            what = f"{image_set.set_hash} {number} {sorted(draft.attributes.items(), key=str)}"
            draft.code = "P" + hashlib.sha256(what.encode()).hexdigest()[:11]


def _facts(image_set: ImageSet, kind: str, sample: Sample | None = None, **more) -> dict:
    facts = {
        "generated": True, "kind": kind, "condition": image_set.condition, "nature": NATURE,
        "generator": image_set.made_by, "weights": image_set.record["generator"].get("weights") or "",
        "image_set": image_set.set_hash,
    }  # fmt: skip
    if sample:
        facts |= {"index": sample.index, "seed": sample.seed}
    return {**facts, **more}


def _stated(study: Study, sample: Sample) -> dict:
    """The label that the picture was asked for, as a class of the study and in its own names."""
    parts = []
    for name, share in sample.label.items():
        known = class_called(study, name)
        parts.append((known.name if known else name, share))
    words = (
        parts[0][0] if len(parts) == 1 else ", ".join(f"{name} {share:.0%}".replace("%", " %") for name, share in parts)
    )
    nearest = class_called(study, sample.class_name) if sample.class_name else None
    return {"stated_class": nearest.code if nearest else "", "stated_label": words if parts else ""}


def _sample_draft(image_set: ImageSet, study: Study, sample: Sample) -> Draft:
    facts = _facts(image_set, "sample", sample, **_stated(study, sample))
    return Draft(pixels(sample), facts, source=sample.sha256)


def _morph_drafts(image_set, study, samples, cleared, *, controls: bool) -> list[Draft]:
    """Strips of which every frame is cleared; each with its frames, and with its controls when asked for."""
    strips: dict[str, list[Sample]] = {}
    for sample in samples:
        strips.setdefault(sample.seed, []).append(sample)
    whole = [frames for frames in strips.values() if all(frame.pk in cleared for frame in frames) and len(frames) > 1]
    drafts: list[Draft] = []
    for number, frames in enumerate(whole):
        frames.sort(key=lambda frame: frame.position or 0.0)
        images = [pixels(frame) for frame in frames]
        shown = [("", images)]
        if controls:
            shown += _control_strips(image_set, number, images, whole)
        for control, pictures in shown:
            drafts += _strip_drafts(image_set, study, frames, pictures, control)
    return drafts


def _control_strips(image_set, number: int, images: list, whole: list) -> list[tuple[str, list]]:
    """Three strips that no morph should be taken for: the frames in another order, other z at each step, a cross-fade."""
    rng = np.random.default_rng([int(image_set.set_hash[:8], 16), number])
    order = rng.permutation(len(images))
    while len(images) > 2 and (
        np.array_equal(order, np.arange(len(order))) or np.array_equal(order[::-1], np.arange(len(order)))
    ):
        order = rng.permutation(len(images))
    found = [("shuffled", [images[i] for i in order])]
    if len(whole) > 1:
        others = [whole[(number + step) % len(whole)] for step in range(len(images))]
        ordered = [sorted(strip, key=lambda frame: frame.position or 0.0) for strip in others]
        found.append(("other-z", [pixels(strip[min(step, len(strip) - 1)]) for step, strip in enumerate(ordered)]))
    shares = np.linspace(0, 1, len(images))
    first, last = images[0].astype(float), images[-1].astype(float)
    found.append(("cross-fade", [np.rint(first + (last - first) * share).astype(np.uint8) for share in shares]))
    return found


def _strip_drafts(image_set, study, frames: list[Sample], pictures: list, control: str) -> list[Draft]:
    start, end = _stated(study, frames[0])["stated_class"], _stated(study, frames[-1])["stated_class"]
    common = {"control": control, "start": start, "end": end, "frames": len(frames), "seed": frames[0].seed}
    members = []
    for number, (sample, picture) in enumerate(zip(frames, pictures)):
        facts = _facts(image_set, "morph-frame", sample, **_stated(study, sample), **common)
        members.append(Draft(picture, {**facts, "frame": number, "position": sample.position}, source=sample.sha256))
    strip = Draft(tile(np.stack(pictures), len(pictures)), _facts(image_set, "morph-strip", **common))
    _name(image_set, [strip])
    for number, draft in enumerate(members):
        draft.attributes["strip"] = draft.group = strip.code
        draft.code = "P" + hashlib.sha256(f"{strip.code} {number}".encode()).hexdigest()[:11]
    strip.group = strip.code
    strip.attributes["frame_codes"] = [draft.code for draft in members]
    return [strip, *members]


def _mix_drafts(image_set, study, samples, cleared, *, controls: bool) -> list[Draft]:
    """The grid as one picture. It is published whole or not at all."""
    roles = {role: [s for s in samples if s.note.get("role") == role] for role in ("row", "column", "mix")}
    rows, columns = len(roles["row"]), len(roles["column"])
    if rows * columns != len(roles["mix"]) or not roles["mix"]:
        raise ValidationError(
            "A style grid needs its rows' and columns' own pictures and one mix for each pair (column `role` of the "
            f"manifest: row, column, mix); found {rows}, {columns} and {len(roles['mix'])}."
        )
    ordered = [*roles["row"], *roles["column"], *roles["mix"]]
    if any(sample.pk not in cleared for sample in ordered):
        return []
    images = np.stack([pixels(sample) for sample in ordered])
    facts = _facts(
        image_set, "mix-grid", rows=rows, columns=columns, tile_px=int(images.shape[1]),
        row_class=_stated(study, roles["row"][0])["stated_class"],
        column_class=_stated(study, roles["column"][0])["stated_class"],
    )  # fmt: skip
    return [Draft(mix_sheet(images, rows=rows, columns=columns), facts)]


def _matched_reals(study: Study, view: str, drafts: list[Draft]) -> list[Draft]:
    """For each generated picture a held-out real one of the same class, squashed to the same size; none used twice."""
    by_class: dict[str, list[ItemImage]] = {}
    for image in real_pictures(study, view).filter(item__split="test"):
        by_class.setdefault(image.item.truth.diagnosis.code, []).append(image)
    rng = np.random.default_rng(int(drafts[0].attributes["image_set"][:8], 16))
    for images in by_class.values():
        rng.shuffle(images)
    found = []
    for draft in drafts:
        pool = by_class.get(draft.attributes["stated_class"], [])
        if not pool:
            continue
        image, side = pool.pop(), draft.image.shape[:2][::-1]
        with image.file.open("rb") as file, Image.open(file) as picture:
            small = np.array(picture.convert("RGB").resize(side, Image.Resampling.LANCZOS))
        facts = {
            "generated": False, "kind": "matched-real", "condition": draft.attributes["condition"],
            "stated_class": draft.attributes["stated_class"], "stated_label": draft.attributes["stated_label"],
            "image_set": draft.attributes["image_set"], "matches": draft.code, "source_item": image.item.code,
        }  # fmt: skip
        nature = getattr(getattr(image, "provenance", None), "nature", "")
        found.append(Draft(small, facts, nature=nature, source=image.original_sha256))
    return found


def pixels(sample: Sample) -> np.ndarray:
    """The picture as (H, W, 3) uint8."""
    with sample.file.open("rb") as file, Image.open(file) as picture:
        return np.array(picture.convert("RGB"))


def _write(image_set: ImageSet, study: Study, view: str, drafts: list[Draft]) -> list[Item]:
    """Items, pictures, web copies and provenance of all drafts; codes that are taken are refused by the database."""
    items = Item.objects.bulk_create(
        Item(study=study, code=draft.code, group=draft.group, attributes=draft.attributes) for draft in drafts
    )
    for item, draft in zip(items, drafts):
        buffer = io.BytesIO()
        Image.fromarray(draft.image).save(buffer, "PNG", compress_level=6)
        decoded = decode_image(buffer.getvalue(), name=f"{draft.code}.png")
        image = ItemImage.objects.create(
            item=item, view=view,
            file=store_bytes(folder="images", suffix=decoded.clean.suffix, data=decoded.clean.data),
            width=decoded.width, height=decoded.height, original_sha256=decoded.original_sha256,
            pixel_sha256=decoded.pixel_sha256, perceptual_hash=decoded.perceptual_hash,
        )  # fmt: skip
        Provenance.objects.create(
            image=image, original_name=draft.source or f"set {image_set.set_hash[:12]}", nature=draft.nature[:60],
            licence=image_set.licence, attribution=f"{image_set.made_by}, set {image_set.set_hash}"[:500],
        )  # fmt: skip
        Rendition.objects.bulk_create(
            Rendition(
                image=image, name=made.name, width=made.width, height=made.height, sha256=made.sha256,
                file=store_bytes(folder="renditions", suffix=made.suffix, data=made.data),
            )
            for made in decoded.renditions
        )  # fmt: skip
    return items


def publication_csv(*, publication: Publication) -> str:
    """What was published, one row per item, for the people who analyse the ratings."""
    out = io.StringIO()
    columns = ("item", "generated", "kind", "condition", "stated_class", "stated_label", "control", "strip", "frame",
               "position", "seed", "matches", "image_set")  # fmt: skip
    writer = csv.DictWriter(out, columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for item in publication.items.order_by("code"):
        writer.writerow({"item": item.code, **item.attributes})
    return out.getvalue()
