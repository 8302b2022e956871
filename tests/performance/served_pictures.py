"""What the length of a picture's file would tell, what hiding it weighs and costs; on the site's own studies. Not a test.

    python -m tests.performance.served_pictures
    python -m tests.performance.served_pictures --photographs bank/manifest.csv --class NEV --side 512

The first reads the database of this folder (that of `make demo`); pictures that were not made yet are made. The second needs
no database: it encodes the pictures of a manifest as readers would get them, and asks whether their length tells the class.
"""

import argparse
import csv
import os
import statistics
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
SERVED_AT_MOST = 200


def area_under_curve(scores: Sequence[float], positive: Sequence[bool]) -> float | None:
    """Chance that a positive one has the larger score; None where all are alike."""
    yes = [score for score, is_so in zip(scores, positive, strict=True) if is_so]
    no = [score for score, is_so in zip(scores, positive, strict=True) if not is_so]
    if not yes or not no:
        return None
    return sum((a > b) + 0.5 * (a == b) for a in yes for b in no) / (len(yes) * len(no))


def told(what: str, lengths: Sequence[int], area: float | None, more: Iterable[str] = ()) -> None:
    middle = f"{min(lengths):,}, {statistics.median(lengths):,.0f}, {max(lengths):,} bytes (least, median, most)"
    parts = [f"{len(lengths)} files", middle, *([f"area by length {area:.2f}"] if area is not None else []), *more]
    print(f"{what}: {'; '.join(parts)}")


def site() -> None:
    import django

    django.setup()
    from imagebank.models import Study
    from surveys.services import prepare_study

    for study in Study.objects.filter(survey_sets__isnull=False).distinct():
        before, there = time.process_time(), study.served_pictures.count()
        prepare_study(study=study)
        made, spent = study.served_pictures.count() - there, time.process_time() - before
        print(f"{study.slug}: {made} pictures made, {there} were there; {spent:.1f} processor seconds")
        for view in study.protocol.view_order:
            _view(study, view)


def _view(study, view: str) -> None:
    from surveys.core.uniform import common_length
    from surveys.models import Block, StimulusFrame
    from surveys.services.sitting.pictures import parts_of_block, picture_for_reader, served_pictures, stored_bytes

    blocks = list(Block.objects.filter(survey__survey_set__study=study, view=view).select_related("survey"))
    parts = {block.pk: parts_of_block(study, block) for block in blocks}
    rows = {pk: list(served_pictures(study=study, view=view, parts=shown).values()) for pk, shown in parts.items() if shown}
    files = {row.pk: row for shown in rows.values() for row in shown}
    if not files:
        return
    origins = dict(StimulusFrame.objects.filter(stimulus__study=study).values_list("image", "origin"))
    area = area_under_curve([r.bytes for r in files.values()], [origins.get(r.image_id) == "real" for r in files.values()])
    filled = sum(len(shown) * common_length([row.bytes for row in shown]) for shown in rows.values())
    weight = filled / sum(row.bytes for shown in rows.values() for row in shown)
    served = [(pk, part) for pk, shown in parts.items() for part in shown][:SERVED_AT_MOST]
    before = time.process_time()
    for pk, part in served:
        picture_for_reader(study=study, view=view, parts=parts[pk], part=part, salt="x")
    between = time.process_time()
    for row in list(files.values())[:SERVED_AT_MOST]:
        stored_bytes(row)
    after = time.process_time()
    filling, reading = (between - before) / len(served), (after - between) / min(len(files), SERVED_AT_MOST)
    told(
        f"  {view}", [row.bytes for row in files.values()], area,
        [f"a block weighs {weight:.2f} times", f"served in {1000 * filling:.1f} ms, the file alone read in {1000 * reading:.1f} ms"],
    )  # fmt: skip


def photographs(manifest: Path, side: int, of_class: str) -> None:
    from PIL import Image, ImageOps

    from surveys.core.uniform import Chain, common_length, encode

    with manifest.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    lengths = []
    for row in rows:
        with Image.open(manifest.parent / row["path"]) as picture:
            lengths.append(len(encode(ImageOps.exif_transpose(picture).convert("RGB"), Chain(long_side=side))))
    area = area_under_curve(lengths, [row["class"] == of_class for row in rows])
    weight = common_length(lengths) * len(lengths) / sum(lengths)
    told(f"{manifest} at {side} px, {of_class} against the rest", lengths, area, [f"together {weight:.2f} times"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photographs", type=Path, metavar="MANIFEST")
    parser.add_argument("--class", dest="of_class", default="")
    parser.add_argument("--side", type=int, default=512)
    options = parser.parse_args()
    if options.photographs:
        photographs(options.photographs, options.side, options.of_class)
    else:
        site()
