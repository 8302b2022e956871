"""kill -9 of the whole demo, again and again: it goes on where it was and ends as an undisturbed one does."""

import csv
import hashlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DEMO = [sys.executable, "manage.py", "demo", "--no-serve", "--scale", "0.06", "--epochs", "1"]
# The heading after which the demo is killed, and the longest wait before that, in seconds.
MOMENTS = (
    ("1 Load", 0.1), ("2 Draw", 6), ("Import it", 8), ("3 Leakage", 1), ("Assemble", 1), ("Real people", 3),
    ("Generated", 3), ("A study in which", 3), ("4 Train", 4), ("4 Train", 25), ("4 Train", 40),
    ("The classifier reads", 1), ("6 Compare", 3), ("6 Compare", 12),
)  # fmt: skip
CLOCK = ("answered_at", "completed_at")
COUNTED = (
    "imagebank_item", "imagebank_itemimage", "surveys_survey", "surveys_seat", "surveys_surveyresponse", "surveys_answer",
    "benchmark_comparison", "models_ml_trainingrun", "models_ml_prediction", "generative_imageset", "imagebank_study",
)  # fmt: skip


def begin(var: Path) -> subprocess.Popen:
    environment = {**os.environ, "DIPTYCH_VAR": str(var), "DJANGO_SETTINGS_MODULE": "config.settings.dev"}
    for name in ("DATABASE_URL", "CELERY_BROKER_URL"):
        environment.pop(name, None)
    return subprocess.Popen(
        DEMO, cwd=ROOT, env={**environment, "PYTHONUNBUFFERED": "1"}, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )  # fmt: skip


def still_running(var: Path) -> list[str]:
    """Command lines of the processes that work in this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"DIPTYCH_VAR={var}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # it ended, or is another user's
    return found


def left_by(var: Path) -> dict[str, object]:
    """What the demo is for: every file of the comparisons and predictions, and the rows of its tables.

    The clock runs on between a kill and the next start, so what it stamps is left out: two columns of the readings, the
    times of sittings, the hashes of the inputs, and the three files that repeat these.
    """
    found: dict[str, object] = {file.name: digest(file.read_bytes()) for file in (var / "demo").glob("*.csv")}
    for file in (var / "comparisons").rglob("*.*"):
        if not file.is_file():
            continue
        study, _, *rest = file.relative_to(var / "comparisons").parts
        name = "/".join(rest)
        if name == "readings.csv":
            found[f"{study}/{name}"] = [without(row, *CLOCK) for row in csv.DictReader(file.open(newline=""))]
        elif name == "results.json":
            sections = without(json.loads(file.read_text()), "inputs")
            found[f"{study}/{name}"] = sections | {"sittings": [without(r, *CLOCK) for r in sections.get("sittings", [])]}
        elif name not in ("report.html", "tables/tables.xlsx", "tables/sittings.csv", "tables/inputs.csv"):
            found[f"{study}/{name}"] = digest(file.read_bytes())
    with closing(sqlite3.connect(var / "diptych.sqlite3")) as database:
        return found | {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in COUNTED}  # noqa: S608


def without(record: dict, *names: str) -> dict:
    return {name: value for name, value in record.items() if name not in names}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.mark.slow
def test_a_demo_killed_at_many_moments_ends_like_an_undisturbed_one(tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    undisturbed = begin(whole)
    told, _ = undisturbed.communicate()
    assert undisturbed.returncode == 0, told
    draw, killed = random.Random(5), 0
    for heading, longest in MOMENTS:
        demo = begin(broken)
        for line in demo.stdout:
            if line.strip().startswith(heading):
                time.sleep(draw.uniform(0, longest))
                break
        demo.send_signal(signal.SIGKILL)
        killed += demo.wait() == -signal.SIGKILL
        demo.stdout.close()
        deadline = time.monotonic() + 60
        while still_running(broken) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert still_running(broken) == [], f"left over after a kill in '{heading}'"
    assert killed >= len(MOMENTS) - 2  # a moment may come too late
    last = begin(broken)
    told, _ = last.communicate()
    assert last.returncode == 0, told
    expected, found = left_by(whole), left_by(broken)
    assert len(expected) > 200
    assert [name for name in expected if found.get(name) != expected[name]] == []
    assert set(found) == set(expected)
