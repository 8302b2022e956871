"""The shipped presets and real data say what their publications say. Numbers are written out here, not read back."""

import csv
import gzip
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from pathlib import Path

import pytest

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
FOUNDING_CLASSES = ["HMI", "IP", "MA", "NF1", "ML", "TSC", "Other"]


def read_toml(path: Path) -> dict:
    with path.open("rb") as file:
        return tomllib.load(file)


@pytest.fixture(scope="module")
def founding() -> dict:
    return read_toml(FIXTURES / "founding" / "study.toml")


@pytest.fixture(scope="module")
def plan(founding) -> dict:
    return read_toml(FIXTURES / "founding" / founding["analysis"]["plan"])


def test_founding_study_has_its_seven_classes_in_order(founding):
    assert [row["code"] for row in founding["classes"]] == FOUNDING_CLASSES
    assert all(row["name"] and row["sign"] for row in founding["classes"])
    assert [row["code"] for row in founding["classes"] if not row["genetic"]] == ["Other"]
    assert {row["code"]: row["genes"] for row in founding["classes"]}["ML"] == ["PTPN11", "RAF1", "BRAF"]


def test_founding_survey_arithmetic_closes(founding):
    """4 of each of 7 classes are 28 items, 5 surveys cover 140, 6 sets are 30 surveys of 56 questions."""
    survey_set, bank = founding["survey_set"], founding["image_bank"]
    assert (survey_set["per_class"], survey_set["sets"], survey_set["block_order"]) == (4, 6, ["focused", "panoramic"])
    assert bank["test_items_per_class"] == 20
    assert survey_set["items_per_survey"] == 28 == 4 * len(founding["classes"])
    assert survey_set["surveys_per_set"] == 5 == 140 // 28
    assert survey_set["surveys"] == 30
    assert survey_set["questions_per_survey"] == 56
    assert [view["code"] for view in founding["views"]] == survey_set["block_order"]


def test_founding_completion_needs_54_of_56_questions(founding):
    rule = founding["completion"]
    assert (rule["threshold"], rule["comparison"]) == (0.95, ">")
    assert 54 / 56 > rule["threshold"] >= 53 / 56
    assert rule["analysed"] == "first complete per seat"


def test_founding_readers_and_recruitment(founding):
    people = {row["code"]: row for row in founding["reader_groups"] if row["kind"] == "human"}
    assert set(people) == {"medical-geneticist", "pediatrician"}
    funnel = {row["group"]: row for row in founding["reference"]["recruitment"]}
    numbers = {
        group: (row["contacted"], row["agreed"], row["completed"], row["analysed"]) for group, row in funnel.items()
    }
    assert numbers == {"medical-geneticist": (105, 37, 32, 30), "pediatrician": (379, 37, 32, 30)}
    questions = {row["code"]: row["purpose"] for row in founding["demographic_questions"]}
    assert questions == {
        "specialty": "analysis",
        "years_in_practice": "verification only",
        "practice_location": "verification only",
    }


def test_founding_training_sets_have_the_published_sizes(founding):
    training = founding["image_bank"]["training"]
    assert training["focused"] == {"HMI": 97, "IP": 115, "MA": 123, "ML": 102, "NF1": 230, "TSC": 122, "Other": 244}
    assert training["panoramic"] == {"HMI": 90, "IP": 84, "MA": 103, "ML": 79, "NF1": 120, "TSC": 91, "Other": 235}
    assert (sum(training["focused"].values()), sum(training["panoramic"].values())) == (1033, 802)


def test_founding_results_are_the_published_ones(founding):
    published = {
        (row["group"], row["view"]): (row["difference_points"], row["p"])
        for row in founding["reference"]["differences"]
    }
    assert published == {
        ("medical-geneticist", "focused"): (24.6, 1.55e-12),
        ("medical-geneticist", "panoramic"): (15.6, 9.27e-9),
        ("pediatrician", "focused"): (40.1, 5.24e-14),
        ("pediatrician", "panoramic"): (31.5, 1.85e-12),
    }
    by_class = {row["class"]: (row["classifier"], row["medical-geneticist"], row["pediatrician"])
                for row in founding["reference"]["class_accuracy_percent"]}  # fmt: skip
    assert by_class == {"NF1": (80.0, 77.5, 61.7), "MA": (85.0, 49.2, 28.3)}
    size = founding["reference"]["sample_size"]
    assert (size["readers_per_group"], size["power"], size["difference_points"]) == (30, 0.95, 10.0)


def test_the_stated_sample_size_needs_the_stated_sd(founding):
    """The largest SD of the differences with which 30 pairs have 95 % power for 10 points rounds to .147."""
    optimize, stats = pytest.importorskip("scipy.optimize"), pytest.importorskip("scipy.stats")
    critical = stats.t.ppf(0.975, 29)
    largest = optimize.brentq(lambda sd: 1 - stats.nct.cdf(critical, 29, 0.10 / sd * 30**0.5) - 0.95, 0.05, 0.3)
    assert round(largest, 3) == founding["reference"]["sample_size"]["largest_sd_for_claim"] == 0.147


def test_founding_classifier_and_ensemble_rule(founding):
    classifier = founding["classifier"]
    assert classifier["members"] == founding["image_bank"]["folds"]["count"] == 5
    assert classifier["ensemble"] == {
        "rule": "confident-mean",
        "threshold": 0.5,
        "inclusive": True,
        "fallback": "mean of all members, flagged",
    }
    assert classifier["presets"] == {"focused": "paper_focused", "panoramic": "paper_panoramic"}


def test_founding_texts_say_what_readers_must_know(founding):
    texts = founding["texts"]
    assert {"landing", "consent", "instructions", "practice", "break_between_blocks", "thanks"} <= set(texts)
    assert "no outside resources" in texts["instructions"]
    assert "represents best" in texts["instructions"]
    assert "best represented" in founding["study"]["question"]
    assert not any(f"({row['code']})" in " ".join(texts.values()) for row in founding["classes"])


def test_analysis_plan_has_four_primary_contrasts_under_holm(founding, plan):
    contrasts = {(row["model"], row["group"], row["view"]) for row in plan["primary"]["contrasts"]}
    groups = [row["code"] for row in founding["reader_groups"] if row["kind"] == "human"]
    assert contrasts == {("classifier", group, view["code"]) for group in groups for view in founding["views"]}
    assert plan["primary"]["multiplicity"] == "holm"
    assert plan["data"]["missing"] == "incorrect"
    assert [row["missing"] for row in plan["sensitivity"] if "missing" in row] == ["excluded"]
    assert all(isinstance(seed, int) for seed in plan["seeds"].values())
    assert plan["data"]["completion_threshold"] == founding["completion"]["threshold"]


# --- real readings: people and networks name objects by their outlines


OUTLINES = FIXTURES / "human-vs-cnn-16"


def read_csv(path: Path) -> list[dict[str, str]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def readings() -> list[dict[str, str]]:
    return read_csv(OUTLINES / "readings.csv")


def test_outline_accuracies_are_the_published_ones(readings):
    """Geirhos et al. 2019: AlexNet, GoogLeNet, VGG-16, ResNet-50, people, in per cent; blanks count as wrong."""
    right = defaultdict(list)
    for row in readings:
        right[row["view"], row["group"]].append(row["answer"] == row["truth"])
    accuracy = {key: 100 * sum(values) / len(values) for key, values in right.items()}
    groups = ["alexnet", "googlenet", "vgg", "resnet50", "people"]
    assert [round(accuracy["silhouettes", group]) for group in groups] == [44, 49, 48, 54, 75]
    assert [round(accuracy["edges", group]) for group in groups] == [40, 28, 24, 18, 87]
    assert accuracy["silhouettes", "people"] == pytest.approx(75.31, abs=0.005)
    assert accuracy["edges", "people"] == pytest.approx(87.12, abs=0.0051)
    for row in read_toml(OUTLINES / "study.toml")["reference"]["accuracy_percent"]:
        assert [row[group] for group in groups] == [round(accuracy[row["view"], group]) for group in groups]


def test_outline_readings_are_complete_and_crossed(readings):
    """10 people and 4 networks read each of 160 items in each view; nobody reads in two experiments but the networks."""
    assert len(readings) == 2 * 14 * 160
    seen = Counter((row["view"], row["reader"]) for row in readings)
    assert set(seen.values()) == {160}
    people = {reader for (_, reader) in seen if not reader.isalnum()}
    assert len(people) == 20
    kinds = {
        row["kind"]: {other["group"] for other in readings if other["kind"] == row["kind"]} for row in readings[:1]
    }
    assert kinds == {"model": {"alexnet", "googlenet", "vgg", "resnet50"}}
    assert sum(row["answer"] == "" for row in readings) == 34 + 22
    assert all(row["rt_ms"] == "" for row in readings if row["kind"] == "model" or row["answer"] == "")


def test_outline_preset_manifest_and_readings_agree(readings):
    preset, manifest = read_toml(OUTLINES / "study.toml"), read_csv(OUTLINES / "manifest.csv")
    assert Counter(row["class"] for row in manifest) == {row["code"]: 20 for row in preset["classes"]}
    assert len(preset["classes"]) == 16
    truth = {(row["item"], row["view"]): row["class"] for row in manifest}
    assert all(truth[row["item"], row["view"]] == row["truth"] for row in readings)
    assert {row["group"] for row in readings} == {row["code"] for row in preset["reader_groups"]}
    assert all((OUTLINES / row["path"]).is_file() and row["licence"] == "CC-BY-4.0" for row in manifest)
    assert {row["answer"] for row in readings} - {""} <= {row["code"] for row in preset["classes"]}


def test_outline_files_are_what_the_converter_makes(tmp_path):
    """The shipped files come from the published ones by the shipped script, byte for byte."""
    script = [sys.executable, str(OUTLINES / "convert.py")]
    assert subprocess.run([*script, "--check"], timeout=60).returncode == 0
    assert subprocess.run([*script, "--out", str(tmp_path)], capture_output=True, timeout=60).returncode == 0
    (tmp_path / "readings.csv").write_bytes(b"changed")
    changed = subprocess.run([*script, "--check", "--out", str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert (changed.returncode, changed.stderr) == (
        1,
        "readings.csv is not what the published files give; run convert.py again.\n",
    )


# --- small real data of other shapes


def test_viper_is_the_published_table():
    rows = read_csv(FIXTURES / "viper" / "viperObs.csv.gz")
    assert len(rows) == 20382
    assert len({row["readerID"] for row in rows}) == 43
    assert len({row["caseID"] for row in rows}) == 715
    assert {row["modalityID"].strip() for row in rows} == {"FFDM", "SFM"}
    scores = [int(row["score"]) for row in rows]
    assert (min(scores), max(scores)) == (0, 201)


def test_bluebirds_is_the_published_table():
    rows = read_csv(FIXTURES / "bluebirds" / "answers.csv")
    assert len(rows) == 39 * 108
    votes, truth, right = defaultdict(int), {}, []
    for row in rows:
        votes[row["item"]] += 1 if row["answer"] == "1" else -1
        truth[row["item"]] = row["truth"]
        right.append(row["answer"] == row["truth"])
    assert sum(right) / len(right) == pytest.approx(0.6356, abs=5e-5)
    assert sum((votes[item] > 0) == (truth[item] == "1") for item in truth) == 82


def test_every_fixture_is_described_with_its_licence():
    text = (FIXTURES / "README.md").read_text(encoding="utf-8")
    for folder in (path.name for path in FIXTURES.iterdir() if path.is_dir()):
        assert f"`{folder}/`" in text
    for licence in ("CC0-1.0", "CC-BY-4.0", "CC0", "MIT"):
        assert licence in text
