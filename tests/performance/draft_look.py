"""How long a look at an archive without a manifest takes, step by step, and how much memory the process has held by then.

    DJANGO_SETTINGS_MODULE=config.settings.test python -m tests.performance.draft_look [pictures] [columns]

Without arguments: small archives, 20,000 pictures in folders, and 200,000 pictures with a table of 30 columns. Each archive
is looked at in a process of its own.
"""

import csv
import io
import random
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import django

CASES = ((200, 0), (200, 8), (2_000, 0), (2_000, 8), (20_000, 0), (200_000, 30))
CLASSES = ("NF1", "TSC", "SWS", "CAL")


def write_archive(path: Path, pictures: int, columns: int) -> None:
    """Pictures in folders of their classes; beside them, where columns are asked for, a table of that many."""
    from tests.imagebank.factories import jpeg_bytes

    picture, chance = jpeg_bytes(), random.Random(0)
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(pictures):
            archive.writestr(f"{CLASSES[number % 4]}/p{number:06}.jpg", picture)
        if columns:
            table = io.StringIO()
            writer = csv.writer(table, lineterminator="\n")
            writer.writerow(["image", "diagnosis", "patient_id", *(f"column {n}" for n in range(columns - 3))])
            for number in range(pictures):
                told = [f"{chance.random():.6f}" if n % 2 else f"value {chance.randrange(20)}" for n in range(columns - 3)]
                writer.writerow([f"p{number:06}.jpg", CLASSES[number % 4], f"P{number // 3:06}", *told])
            archive.writestr("table.csv", table.getvalue(), zipfile.ZIP_DEFLATED)


def look(path: Path) -> None:
    django.setup()
    from imagebank.services.drafting.composing import compose
    from imagebank.services.drafting.found import look_into
    from imagebank.services.drafting.guessing import guess
    from imagebank.services.drafting.reading import Words
    from imagebank.services.sources import open_source

    words = Words(tuple((code, code) for code in CLASSES), (("focused", "focused"),))
    marks = [time.perf_counter()]
    with open_source(path) as source:
        marks.append(time.perf_counter())
        found = look_into(source)
    marks.append(time.perf_counter())
    reading = guess(found, words)
    marks.append(time.perf_counter())
    draft = compose(found, reading, words)
    marks.append(time.perf_counter())
    steps = " ".join(f"{after - before:8.2f}" for before, after in zip(marks, marks[1:]))
    held_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{steps} {marks[-1] - marks[0]:8.2f} {held_mb:8.0f}   {len(draft.parsed.rows):,} good rows", flush=True)


def main(cases) -> None:
    django.setup()
    print(f"{'pictures':>9} {'columns':>8} {'open s':>8} {'look s':>8} {'guess s':>8} {'write s':>8} {'all s':>8} {'held MB':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for pictures, columns in cases:
            path = Path(folder, "pictures.zip")
            write_archive(path, pictures, columns)
            print(f"{pictures:9,} {columns:8}", end=" ", flush=True)
            subprocess.run([sys.executable, "-m", __spec__.name, "look", str(path)], check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["look"]:
        look(Path(sys.argv[2]))
    else:
        main([tuple(map(int, sys.argv[1:]))] if sys.argv[1:] else CASES)
