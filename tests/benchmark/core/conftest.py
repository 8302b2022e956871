"""Readings made for tests, and the published numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[3]
REFERENCE = {entry["name"]: entry for entry in json.loads((ROOT / "tests/reference/statistics.json").read_text())}


@pytest.fixture(scope="session")
def reference():
    """Published entries by name: reference["sleep_paired_t"]["expected"]."""
    return REFERENCE


@pytest.fixture(scope="session")
def duong_sim():
    """30 readers x 28 of 140 items, human and classifier correctness: one row per reading."""
    data = REFERENCE["duong_sim_dataset"]["data"]
    rows = [
        (reader, item, item // 20, int(h), int(c))
        for reader, (items, human, clf) in enumerate(zip(data["items"], data["human"], data["clf"]))
        for item, h, c in zip(items, human, clf)
    ]
    return pd.DataFrame(rows, columns=["reader", "item", "class_", "human", "model"])


@pytest.fixture(scope="session")
def crossed_small():
    """5 readers x 20 items fully crossed: human (5, 20), classifier (20,) correctness."""
    data = REFERENCE["crossed_small_single_modality_percent_correct"]["data"]
    human = np.array([[int(mark) for mark in row] for row in data["human"]])
    return human, np.array([int(mark) for mark in data["clf"]])


CLASSES = ("HMI", "IP", "MA", "ML", "NF1", "TSC", "Other")


def founding_like(seed: int = 0, *, blank: float = 0.004, sets: int = 6) -> pd.DataFrame:
    """Simulated readings in the founding study's design: 7 x 20 items, `sets` x 5 surveys, two groups, two views."""
    rng = np.random.default_rng(seed)
    items = {name: [f"{name}-{k:02d}" for k in range(20)] for name in CLASSES}
    hard = {item: rng.normal() for names in items.values() for item in names}

    def answer(truth: str, logit: float, blank: float) -> str:
        if rng.random() < blank:
            return ""
        if rng.random() < 1 / (1 + np.exp(-logit)):
            return truth
        return str(rng.choice([name for name in CLASSES if name != truth]))

    rows = [
        ("classifier", "classifier", item, truth, answer(truth, 2 - hard[item] / 2, 0), "model", "", view, "", "")
        for view in ("focused", "panoramic")
        for truth, names in items.items()
        for item in names
    ]
    surveys = []
    for _ in range(sets):
        order = {truth: rng.permutation(names) for truth, names in items.items()}
        surveys += [[(t, i) for t, names in order.items() for i in names[4 * k : 4 * k + 4]] for k in range(5)]
    for number, survey in enumerate(surveys, 1):
        for group, mean, spread in (("medical-geneticist", 0.5, 0.35), ("pediatrician", -0.2, 0.7)):
            skill = rng.normal(mean, spread)
            for block, view in enumerate(("focused", "panoramic"), 1):
                for truth, item in survey:
                    given = answer(truth, skill + (block - 1) * 0.4 - hard[item], blank)
                    reader = f"{group[:3]}-{number:02d}"
                    rows.append((reader, group, item, truth, given, "human", f"S{number:02d}", view, block, "yes"))
    columns = ["reader", "group", "item", "truth", "answer", "kind", "survey", "view", "block", "simulated"]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture(scope="session")
def founding_frame():
    return founding_like()


@pytest.fixture(scope="session")
def founding_results(founding_frame):
    from benchmark.core import Readings, analyse

    return analyse(Readings.from_frame(founding_frame))


@pytest.fixture(scope="session")
def crossed_results():
    """A small crossed study with everything that a table of readings may hold, and a network's probabilities."""
    from benchmark.core import Readings, analyse

    from .crossed_study import QUICK, crossed_predictions, small_study

    return analyse(Readings.from_frame(small_study()), predictions=crossed_predictions(), plan=QUICK)


def people_and_networks() -> pd.DataFrame:
    """The answers of 10 people and 4 networks to 160 stimuli (Geirhos et al. 2019, CC-BY-4.0) as a readings table."""
    places = [ROOT / "fixtures/human-vs-cnn-16/answers.csv"]
    places += [parent / "shared/data/human-vs-cnn-16/answers.csv" for parent in ROOT.parents]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        pytest.skip("the data set human-vs-cnn-16 is not in fixtures/")
    raw = pd.read_csv(path, dtype=str, keep_default_na=False)
    group = raw["reader_kind"].map({"human": "people", "model": "networks"})
    answer = raw["object_response"].replace("na", "")
    return pd.DataFrame(
        {
            "reader": raw["reader"], "group": group, "kind": raw["reader_kind"], "item": raw["item"],
            "view": raw["experiment"], "truth": raw["category"], "answer": answer, "position": raw["trial"],
        }
    )  # fmt: skip


@pytest.fixture(scope="session")
def real_frame():
    return people_and_networks()
