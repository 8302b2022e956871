"""Publish an image set into a study: its pictures become items of the image bank, frozen, and labelled as generated.

The items carry all that a rating needs, so that whoever shows them need know nothing of generators. `item.attributes`:

    generated     true
    origin        "generated", as raters' studies call it
    kind          sample, morph-frame, mix-grid, catch
    condition     what a rating compares: random or curated; morph, shuffled, other-z, cross-fade; style grid
    sampling      random or curated, of the whole set
    stated_class  code of the study's class that the picture was asked for ("" where the study lacks it)
    stated_label  the same in words: "Neurofibromatosis type 1", "Early stage 50 %, Late stage 50 %"
    generator, weights, image_set (its hash), index, seed, nature
    morph-frame   strip (its name), frame (from 0, in the order shown), frames, position (0 start to 1 end), start, end
                  (class codes), control ("", shuffled, other-z, cross-fade)
    mix-grid      rows, columns, tile_px, row_class and row_seeds (colour), column_class and column_seeds (shape): one picture,
                  a white corner, the columns' own pictures above, the rows' own at the left, then the mixes
    catch         role "catch": tiles of a sample out of order, which no rater who looks takes for real; it states no class

They have no split: surveys, trainings and audits of real pictures leave them out. The class that a single picture was asked
for stands as its reference class. Codes tell nothing.
"""

import csv
import hashlib
import io
import json
from dataclasses import dataclass

import numpy as np
from django.core.exceptions import ValidationError
from django.db import transaction
from PIL import Image

from generative.core.data import upright_rgb
from generative.core.sets.strips import mix_sheet
from generative.models import ImageSet, Publication, Sample
from imagebank.models import Item, ItemImage, Provenance, Rendition, Study, Truth
from imagebank.services.decoding import decode_image
from imagebank.services.storing import store_bytes

from .auditing import settle_state
from .pictures import class_called

NATURE = "generated, not a photograph"
REASON_MAX = 500
CATCHES, CATCH_TILES = 2, 4


@dataclass(frozen=True)
class Draft:
    """One item to be: a picture, and what a rating needs to know of it."""

    image: np.ndarray
    attributes: dict
    source: str = ""
    group: str = ""

    @property
    def code(self) -> str:
        """A name from which nothing can be told, the same for the same picture of the same set."""
        what = json.dumps(self.attributes, sort_keys=True)
        return "P" + hashlib.sha256(what.encode()).hexdigest()[:11]


def publish_set(
    *, image_set: ImageSet, study: Study | None = None, view: str, controls: bool = True, unaudited_reason: str = "",
    user=None,
) -> Publication:  # fmt: skip
    """Make items of the set's pictures in `study` (its own by default) under `view`, and freeze the set.

    controls: beside each morph strip the same frames shuffled, frames of other z, and a pixel cross-fade; beside single
    pictures two catches, whose tiles are out of order. Refused while
    suspected copies are undecided; a set without an audit needs `unaudited_reason`, kept with the name. Published again
    into the same study and view, it returns the publication there is; one study holds a set once.
    """
    study = study or image_set.study
    if view not in study.view_codes():
        raise ValidationError(f'{study.title} has no view "{view}"; its views are {", ".join(study.view_codes())}.')
    if image_set.kind == ImageSet.Kind.PROJECTION:
        raise ValidationError(
            "A projection is made to resemble one person's picture, so it is not published. Make samples instead."
        )
    with transaction.atomic():
        image_set = ImageSet.objects.select_for_update().get(pk=image_set.pk)
        known = Publication.objects.filter(image_set=image_set, study=study).first()
        if known and known.view != view:
            raise ValidationError(f'This set is published in {study.title} already, as pictures of the view "{known.view}".')
        if known:
            return known
        reason = _require_cleared(image_set, unaudited_reason)
        drafts = _drafts(image_set, study, controls=controls)
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


def _drafts(image_set: ImageSet, study: Study, *, controls: bool) -> list[Draft]:
    samples = list(image_set.samples.all())
    cleared = set(image_set.samples.publishable().values_list("pk", flat=True))
    if image_set.kind == ImageSet.Kind.MORPH:
        drafts = _morph_drafts(image_set, study, samples, cleared, controls=controls)
    elif image_set.kind == ImageSet.Kind.MIX:
        drafts = _grid_drafts(image_set, study, samples, cleared)
    else:
        drafts = [
            Draft(pixels(sample), _facts(image_set, "sample", sample, **_stated(study, sample)), sample.sha256)
            for sample in samples
            if sample.pk in cleared
        ]
        if controls:
            drafts += [_catch(image_set, sample) for sample in samples if sample.pk in cleared][:CATCHES]
    if not drafts:
        raise ValidationError("Every picture of this set was left out as a suspected copy; nothing remains to publish.")
    return drafts


def strange_classes(image_set: ImageSet, study: Study) -> list[str]:
    """Classes of the set that the study lacks: their pictures state none, so no real picture can stand beside them."""
    names = image_set.samples.exclude(class_name="").values_list("class_name", flat=True).order_by("class_name").distinct()
    return [name for name in names if class_called(study, name) is None]


def warn_of_classes(image_set: ImageSet, study: Study) -> str:
    """One sentence where the set has classes that are none of the study's; else nothing."""
    strange = strange_classes(image_set, study)
    if not strange:
        return ""
    return (
        f"{', '.join(strange[:5])}{' and others' if len(strange) > 5 else ''}: no class of {study.title}, which has "
        f"{', '.join(row.code for row in study.classes.all())}. Pictures of other classes state none: single ones cannot be "
        "rated beside real pictures, and nobody is asked whether they look like their class."
    )


def _facts(image_set: ImageSet, kind: str, sample: Sample | None = None, **more) -> dict:
    facts = {
        "generated": True, "origin": "generated", "kind": kind, "condition": image_set.condition,
        "sampling": image_set.condition, "nature": NATURE, "generator": image_set.made_by,
        "weights": image_set.record["generator"].get("weights") or "", "image_set": image_set.set_hash,
    }  # fmt: skip
    if sample:
        facts |= {"index": sample.index, "seed": sample.seed}
    return {**facts, **more}


def _stated(study: Study, sample: Sample) -> dict:
    """The label that the picture was asked for, as a class of the study and in its own names."""
    named = [(class_called(study, name), name, share) for name, share in sample.label.items()]
    # In the study's own order: a database may keep the label's names in another one.
    named.sort(key=lambda part: (part[0] is None, part[0].position if part[0] else 0, part[1]))
    parts = [(known.name if known else name, share) for known, name, share in named]
    words = (
        parts[0][0] if len(parts) == 1 else ", ".join(f"{name} {share:.0%}".replace("%", " %") for name, share in parts)
    )
    nearest = class_called(study, sample.class_name) if sample.class_name else None
    return {"stated_class": nearest.code if nearest else "", "stated_label": words if parts else ""}


def _catch(image_set: ImageSet, sample: Sample) -> Draft:
    """The sample's tiles, four by four, in another order: wrong at a glance."""
    picture = pixels(sample)
    high, wide = (side // CATCH_TILES for side in picture.shape[:2])
    tiles = [picture[y * high : (y + 1) * high, x * wide : (x + 1) * wide] for y, x in np.ndindex(CATCH_TILES, CATCH_TILES)]
    order = np.random.default_rng([int(image_set.set_hash[:8], 16), sample.index]).permutation(len(tiles))
    rows = [np.concatenate([tiles[i] for i in line], axis=1) for line in order.reshape(CATCH_TILES, CATCH_TILES)]
    facts = _facts(image_set, "catch", sample, stated_class="", stated_label="") | {"condition": "catch", "role": "catch"}
    return Draft(np.concatenate(rows), facts, "catch")


def _morph_drafts(image_set, study, samples, cleared, *, controls: bool) -> list[Draft]:
    """Strips of which every frame is cleared; each with its frames, and with its controls when asked for."""
    by_seed: dict[str, list[Sample]] = {}
    for sample in sorted(samples, key=lambda sample: sample.position or 0.0):
        by_seed.setdefault(sample.seed, []).append(sample)
    strips = [
        [(frame, pixels(frame)) for frame in frames]
        for frames in by_seed.values()
        if len(frames) > 1 and all(frame.pk in cleared for frame in frames)
    ]
    drafts: list[Draft] = []
    for number, strip in enumerate(strips):
        shown = {"": strip} | (_control_strips(image_set, number, strips) if controls else {})
        for control, frames in shown.items():
            drafts += _strip_drafts(image_set, study, strip, frames, control)
    return drafts


def _control_strips(image_set: ImageSet, number: int, strips: list[list]) -> dict[str, list]:
    """What no rater should take for a morph of strip `number`: its frames in another order (not merely reversed), another
    z at each step, and a cross-fade of its ends."""
    strip, count = strips[number], len(strips[number])
    rng, straight = np.random.default_rng([int(image_set.set_hash[:8], 16), number]), list(range(count))
    order = straight
    while order in (straight, straight[::-1]) and count > 2:
        order = rng.permutation(count).tolist()
    found = {"shuffled": [strip[i] for i in order]} if count > 2 else {}
    if len(strips) > 1:
        others = [strips[(number + step) % len(strips)] for step in straight]
        found["other-z"] = [other[min(step, len(other) - 1)] for step, other in enumerate(others)]
    first, last = strip[0][1].astype(float), strip[-1][1].astype(float)
    shares = np.linspace(0, 1, count)
    faded = [np.rint(first + (last - first) * share).astype(np.uint8) for share in shares]
    return found | {"cross-fade": [(frame, picture) for (frame, _), picture in zip(strip, faded)]}


def _strip_drafts(image_set, study, strip: list, frames: list, control: str) -> list[Draft]:
    """The frames in the order shown. What each was asked for goes with the picture; only a cross-fade was asked for nothing."""
    start, end = (_stated(study, strip[place][0])["stated_class"] for place in (0, -1))
    name = _named(image_set, "strip", strip[0][0].seed, control)
    drafts = []
    for number, (sample, picture) in enumerate(frames):
        facts = _facts(
            image_set, "morph-frame", sample, **_stated(study, sample), strip=name, frame=number, frames=len(frames),
            position=sample.position, start=start, end=end, control=control,
        )  # fmt: skip
        facts["condition"] = control or "morph"
        drafts.append(Draft(picture, facts, "cross-fade" if control == "cross-fade" else sample.sha256, group=name))
    return drafts


def _named(image_set: ImageSet, *parts: str) -> str:
    """An opaque name of a strip or grid."""
    return "S" + hashlib.sha256(" ".join([image_set.set_hash, *parts]).encode()).hexdigest()[:11]


def _grid_drafts(image_set, study, samples, cleared) -> list[Draft]:
    """The grid as one picture with its sources around it. It is published whole or not at all."""
    roles = {role: [s for s in samples if s.note.get("role") == role] for role in ("row", "column", "mix")}
    rows, columns = len(roles["row"]), len(roles["column"])
    if rows * columns != len(roles["mix"]) or not roles["mix"]:
        raise ValidationError(
            "A style grid needs its rows' and columns' own pictures and one mix for each pair (column `role` of the "
            f"manifest: row, column, mix); found {rows}, {columns} and {len(roles['mix'])}."
        )
    if any(sample.pk not in cleared for sample in samples):
        return []
    images = np.stack([pixels(sample) for role in ("row", "column", "mix") for sample in roles[role]])
    facts = _facts(
        image_set, "mix-grid", rows=rows, columns=columns, tile_px=int(images.shape[1]),
        row_class=_stated(study, roles["row"][0])["stated_class"],
        column_class=_stated(study, roles["column"][0])["stated_class"], stated_class="", stated_label="",
        row_seeds=[sample.seed for sample in roles["row"]], column_seeds=[sample.seed for sample in roles["column"]],
    )  # fmt: skip
    facts["condition"] = "style grid"
    return [Draft(mix_sheet(images, rows=rows, columns=columns), facts, f"set {image_set.set_hash[:12]}")]


def pixels(sample: Sample) -> np.ndarray:
    """The picture as (H, W, 3) uint8, as the search for copies saw it."""
    with sample.file.open("rb") as file, Image.open(file) as picture:
        return np.array(upright_rgb(picture))


def _write(image_set: ImageSet, study: Study, view: str, drafts: list[Draft]) -> list[Item]:
    """Items, pictures, web copies and provenance of all drafts; codes that are taken are refused by the database."""
    items = Item.objects.bulk_create(
        Item(study=study, code=draft.code, group=draft.group, attributes=draft.attributes) for draft in drafts
    )
    classes = {row.code: row for row in study.classes.all()}
    Truth.objects.bulk_create(
        Truth(item=item, diagnosis=classes[item.attributes["stated_class"]])
        for item in items
        if item.attributes["kind"] == "sample" and item.attributes["stated_class"]
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
            image=image, original_name=draft.source or f"set {image_set.set_hash[:12]}", nature=NATURE,
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
    columns = ("item", "generated", "kind", "condition", "sampling", "stated_class", "stated_label", "strip", "frame",
               "position", "control", "rows", "columns", "seed", "image_set")  # fmt: skip
    writer = csv.DictWriter(out, columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for item in publication.items.order_by("code"):
        writer.writerow({"item": item.code, **item.attributes})
    return out.getvalue()
