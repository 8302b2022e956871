"""Bring a manifest's pictures into a study: decoded in parallel, written chunk by chunk, each chunk whole or not at
all. Running the same import again changes nothing, and so does taking up one that was interrupted."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from imagebank.models import ImportRun, Item, ItemImage, Provenance, Rendition, Study, Truth

from .archive import require_changeable
from .decoding import DecodedImage, EncodedPicture, RefusedImage, decode_image, decode_mask
from .manifest import ManifestRow, RowProblem, read_manifest
from .sources import UnreadableFile, open_source
from .storing import store_bytes

ROWS_PER_CHUNK = 64
MAX_THREADS = 8


@dataclass(frozen=True)
class PreparedPicture:
    """A decoded picture whose files lie in the store, ready to become rows."""

    row: ManifestRow
    decoded: DecodedImage
    file: str
    mask: str
    rendition_files: tuple[tuple[EncodedPicture, str], ...]


@dataclass(frozen=True)
class Unchanged:
    """A row whose picture is in the bank already."""

    row: ManifestRow


Outcome = PreparedPicture | Unchanged | RowProblem


def import_manifest(
    *,
    study: Study,
    manifest_path: str | os.PathLike,
    manifest: bytes | None = None,
    view: str | None = None,
    name: str = "",
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ImportRun:
    """Import a manifest (CSV, folder or ZIP) into `study` and report every row that was not taken in.

    manifest: a CSV in place of the one in the folder or ZIP. view: needed for the authors' ISIC-shaped CSV unless its file
    name tells it. name: what the person who gave the file calls it, where it is kept under another name. progress: called
    with rows done and rows in all. cancelled: asked between chunks; what came in until then stays, `finished_at` stays
    empty, and the same import run again goes on from there. An item with one bad row is left out whole.
    Raises ValidationError when the manifest as a whole cannot be read; then nothing has changed.
    """
    require_changeable(study)
    classes = {diagnosis.code: diagnosis for diagnosis in study.classes.all()}
    with open_source(Path(manifest_path), name=name) as source:
        table = source.manifest_bytes() if manifest is None else manifest
        parsed = read_manifest(
            table, name=source.name, classes=list(classes), views=study.view_codes(), view=view
        )
        run = ImportRun.objects.create(
            study=study, source=source.name[:300], rejected=_as_json(parsed.problems), notes=list(parsed.notes)
        )
        done, total = len(parsed.problems), len(parsed.problems) + len(parsed.rows)
        with ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1)) as pool:
            for chunk in _chunks(parsed.rows):
                if cancelled and cancelled():
                    return run
                bank = _Bank(study, chunk)
                outcomes = list(pool.map(lambda row, bank=bank: _prepare(row, source, bank), chunk))
                _write_chunk(run, _whole_items_only(chunk, outcomes), classes)
                done += len(chunk)
                if progress:
                    progress(done, total)
    run.finished_at = timezone.now()
    run.save(update_fields=["finished_at"])
    return run


def _as_json(problems: Sequence[RowProblem]) -> list[dict]:
    return [{"line": problem.line, "message": problem.message} for problem in problems]


def _chunks(rows: Sequence[ManifestRow]) -> Iterator[list[ManifestRow]]:
    """Rows in portions of about ROWS_PER_CHUNK; the rows of one item stay together."""
    by_item: dict[str, list[ManifestRow]] = defaultdict(list)
    for row in rows:
        by_item[row.item].append(row)
    chunk: list[ManifestRow] = []
    for rows_of_item in by_item.values():
        chunk += rows_of_item
        if len(chunk) >= ROWS_PER_CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


class _Bank:
    """What the bank already holds of a chunk's items, pictures and groups."""

    def __init__(self, study: Study, rows: Sequence[ManifestRow]):
        codes = {row.item for row in rows}
        groups = {row.group for row in rows} - {""}
        items = study.items.filter(code__in=codes).select_related("truth__diagnosis")
        self.items: dict[str, Item] = {item.code: item for item in items}
        self.images: dict[tuple[str, str], ItemImage] = {
            (image.item.code, image.view): image
            for image in ItemImage.objects.filter(item__in=self.items.values()).select_related("item")
        }
        self.groups: dict[str, Item] = {item.group: item for item in study.items.filter(group__in=groups)}

    def conflict(self, row: ManifestRow) -> str:
        """Why the row contradicts what is in the bank, or an empty string."""
        item = self.items.get(row.item)
        if item is not None:
            truth = item.truth.diagnosis.code if hasattr(item, "truth") else ""
            pairs = [
                ("class", row.diagnosis, truth),
                ("split", row.split, item.split),
                ("fold", row.fold, item.fold),
                ("group", row.group, item.group),
            ]
            for word, ours, theirs in pairs:
                if ours not in ("", None) and ours != theirs:
                    return f'{row.item} is in the bank with {word} "{theirs}"; this row says "{ours}".'
        fellow = self.groups.get(row.group)
        if item is not None or fellow is None or row.published_folds:
            return ""
        if (fellow.split, fellow.fold) != row.placement:
            where = fellow.split or "no split"
            return f'Group "{row.group}" is in the bank with {where}, fold {fellow.fold}; this row would tear it apart.'
        return ""


def _prepare(row: ManifestRow, source, bank: _Bank) -> Outcome:
    """Read, check and store one row's files. Runs in a thread: no query here, only `bank`."""
    try:
        if conflict := bank.conflict(row):
            return RowProblem(row.line, conflict)
        data = source.read(row.path)
        known = bank.images.get((row.item, row.view))
        if known is not None:
            return _compare(row, known, data, source)
        decoded = decode_image(data, name=row.path)
        return PreparedPicture(
            row,
            decoded,
            file=store_bytes(folder="images", suffix=decoded.clean.suffix, data=decoded.clean.data),
            mask=_store_mask(row, source, (decoded.width, decoded.height)),
            rendition_files=tuple(
                (made, store_bytes(folder="renditions", suffix=made.suffix, data=made.data))
                for made in decoded.renditions
            ),
        )
    except (UnreadableFile, RefusedImage) as error:
        return RowProblem(row.line, str(error))


def _compare(row: ManifestRow, known: ItemImage, data: bytes, source) -> Outcome:
    if sha256(data).hexdigest() != known.original_sha256:
        return RowProblem(
            row.line, f"{row.item} is in the bank with another {row.view} picture. Give this one an item of its own."
        )
    if row.mask and _store_mask(row, source, (known.width, known.height)) != known.mask.name:
        return RowProblem(row.line, f"{row.item} is in the bank with another mask, or none, for this picture.")
    return Unchanged(row)


def _store_mask(row: ManifestRow, source, size: tuple[int, int]) -> str:
    if not row.mask:
        return ""
    mask = decode_mask(source.read(row.mask), name=row.mask, size=size)
    return store_bytes(folder="masks", suffix=mask.suffix, data=mask.data)


def _whole_items_only(chunk: Sequence[ManifestRow], outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Turn the good rows of an item that has a bad one into problems, too."""
    broken = {row.item: row.line for row, outcome in zip(chunk, outcomes) if isinstance(outcome, RowProblem)}
    return [
        RowProblem(row.line, f"Left out with line {broken[row.item]}: an item comes in whole or not at all.")
        if row.item in broken and isinstance(outcome, PreparedPicture)
        else outcome
        for row, outcome in zip(chunk, outcomes)
    ]


@transaction.atomic
def _write_chunk(run: ImportRun, outcomes: Sequence[Outcome], classes: dict) -> None:
    """Write one chunk's rows and the run's counts together."""
    study = Study.objects.select_for_update().get(pk=run.study_id)
    prepared = [outcome for outcome in outcomes if isinstance(outcome, PreparedPicture)]
    bank = _Bank(study, [picture.row for picture in prepared])  # again, under the lock: another import may have run
    new = [picture for picture in prepared if (picture.row.item, picture.row.view) not in bank.images]
    _write_items(study, new, bank, classes)
    _write_pictures(new, bank)
    problems = [outcome for outcome in outcomes if isinstance(outcome, RowProblem)]
    run.created += len(new)
    run.unchanged += len(outcomes) - len(problems) - len(new)
    run.rejected = sorted([*run.rejected, *_as_json(problems)], key=lambda entry: entry["line"])
    run.save(update_fields=["created", "unchanged", "rejected"])


def _write_items(study: Study, pictures: Sequence[PreparedPicture], bank: _Bank, classes: dict) -> None:
    """Create missing items with their truths; further columns of new pictures go into `attributes`."""
    created: list[Item] = []
    updated: dict[str, Item] = {}
    truths: list[Truth] = []
    for picture in pictures:
        row = picture.row
        item = bank.items.get(row.item)
        if item is None:
            item = Item(study=study, code=row.item, split=row.split, fold=row.fold, group=row.group)
            bank.items[row.item] = item
            created.append(item)
            truths.append(Truth(item=item, diagnosis=classes[row.diagnosis]))
        elif item.pk:
            updated[item.code] = item
        _merge_attributes(item, row)
    Item.objects.bulk_create(created)
    Item.objects.bulk_update(updated.values(), ["attributes"])
    Truth.objects.bulk_create(truths)


def _merge_attributes(item: Item, row: ManifestRow) -> None:
    """Keep further columns. A column that differs between an item's views is kept per view."""
    for column, value in row.attributes.items():
        known = item.attributes.get(column)
        if known is None:
            item.attributes[column] = value
        elif isinstance(known, dict):
            known[row.view] = value
        elif known != value:
            others = [code for code in item.study.view_codes() if code != row.view]
            item.attributes[column] = {**dict.fromkeys(others, known), row.view: value}


def _write_pictures(pictures: Sequence[PreparedPicture], bank: _Bank) -> None:
    images = [
        ItemImage(
            item=bank.items[picture.row.item],
            view=picture.row.view,
            file=picture.file,
            mask=picture.mask,
            width=picture.decoded.width,
            height=picture.decoded.height,
            original_sha256=picture.decoded.original_sha256,
            pixel_sha256=picture.decoded.pixel_sha256,
            perceptual_hash=picture.decoded.perceptual_hash,
        )
        for picture in pictures
    ]
    ItemImage.objects.bulk_create(images)
    Provenance.objects.bulk_create(
        Provenance(
            image=image,
            original_name=picture.row.path,
            source_url=picture.row.source_url,
            licence=picture.row.licence,
            permission=picture.row.permission,
            attribution=picture.row.attribution,
            nature=picture.row.nature,
        )
        for image, picture in zip(images, pictures)
    )
    Rendition.objects.bulk_create(
        Rendition(image=image, name=made.name, file=name, width=made.width, height=made.height, sha256=made.sha256)
        for image, picture in zip(images, pictures)
        for made, name in picture.rendition_files
    )
