"""What the leakage check finds, and what it leaves alone."""

import csv
import hashlib
import io
import json
from pathlib import Path

import imagehash
import numpy as np
import pytest
from django.core.management import call_command
from PIL import Image, ImageDraw, ImageEnhance

from imagebank.leakage import Picture, correlation, find_leaks
from imagebank.models import LeakageFinding
from imagebank.services.leakage import check_leakage

from .factories import ItemFactory, ItemImageFactory, StudyFactory, encoded

SHARED = Path(__file__).parents[3] / "shared" / "data" / "isic2017-256"
REPOSITORY_SHARED = Path(__file__).parents[2] / "shared" / "data" / "isic2017-256"
ISIC = next((folder for folder in (REPOSITORY_SHARED, SHARED) if folder.is_dir()), None)
IDENTICAL_PAIRS = {
    ("0012970", "0012127"), ("0012175", "0015982"), ("0012271", "0016018"),
    ("0012221", "0016002"), ("0012152", "0015979"), ("0012216", "0016001"),
}  # fmt: skip


def skin(seed: int, size=(320, 240)) -> Image.Image:
    """A smooth skin-coloured ground with dark spots: alike from far, different in detail."""
    random = np.random.default_rng(seed)
    ground = np.array([205, 165, 140]) + random.normal(0, 12, (4, 5, 1))
    picture = Image.fromarray(np.uint8(np.clip(ground, 0, 255))).resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    for _ in range(40):
        x, y, radius = random.uniform(0, size[0]), random.uniform(0, size[1]), random.uniform(2, 14)
        shade = random.uniform(0.45, 0.8)
        colour = tuple(int(level * shade) for level in (205, 160, 130))
        draw.ellipse((x - radius, y - radius * random.uniform(0.5, 1), x + radius, y + radius), fill=colour)
    return picture


def again(picture: Image.Image, quality: int) -> Image.Image:
    return Image.open(io.BytesIO(encoded(picture, "JPEG", quality=quality))).convert("RGB")


class Bank:
    """Pictures in memory, for the check without a database."""

    def __init__(self):
        self.pictures, self.pixels = [], {}

    def add(self, picture: Image.Image, *, view="focused", group="", split="train", fold=None, data=None) -> int:
        key = len(self.pictures)
        self.pixels[key] = np.asarray(picture)
        pixel_sha = hashlib.sha256(self.pixels[key].tobytes()).hexdigest()
        self.pictures.append(
            Picture(
                key,
                f"item-{key}",
                view,
                group,
                split,
                fold,
                hashlib.sha256(data or encoded(picture, "PNG")).hexdigest(),
                pixel_sha,
                int(str(imagehash.phash(picture)), 16),
            )  # fmt: skip
        )
        return key

    def leaks(self, views=("focused", "panoramic")):
        return find_leaks(self.pictures, lambda picture: self.pixels[picture.key], views=views).findings

    def found(self, **options) -> set[tuple[str, int, int]]:
        return {(finding.kind, finding.first, finding.second) for finding in self.leaks(**options)}


def test_each_kind_is_found_once_under_its_own_name():
    bank = Bank()
    original = bank.add(skin(1), data=b"one")
    same_file = bank.add(skin(1), split="test", data=b"one")
    same_pixels = bank.add(skin(2), split="train", data=b"two"), bank.add(skin(2), split="test", data=b"other file")
    near = bank.add(skin(3)), bank.add(again(skin(3), 40), split="test")
    torn = bank.add(skin(4), group="patient", fold=0), bank.add(skin(5), group="patient", fold=1)
    whole = bank.add(skin(6, (640, 480)), view="panoramic", split="test")
    crop = bank.add(again(skin(6, (640, 480)).crop((200, 120, 420, 300)).resize((440, 360)), 80))
    for seed in range(20, 40):
        bank.add(skin(seed), view=("focused", "panoramic")[seed % 2], split=("train", "test")[seed % 3 == 0])
    assert bank.found() == {
        ("bytes", original, same_file), ("pixels", *same_pixels), ("near", *near), ("crop", whole, crop),
        ("group", *torn),
    }  # fmt: skip


def test_near_duplicates_survive_compression_size_and_brightness():
    changes = [
        lambda picture: again(picture, 25),
        lambda picture: picture.resize((160, 120)),
        lambda picture: ImageEnhance.Brightness(picture).enhance(1.15),
    ]
    for seed in range(3):
        for change in changes:
            bank = Bank()
            pair = bank.add(skin(seed)), bank.add(change(skin(seed)), split="test")
            assert bank.found() == {("near", *pair)}


def test_pictures_that_only_look_alike_raise_no_alarm():
    bank = Bank()
    for seed in range(100, 160):
        bank.add(skin(seed), split=("train", "test")[seed % 2], view=("focused", "panoramic")[seed % 3 == 0])
    assert bank.leaks() == ()


def test_relatives_that_stay_together_raise_no_alarm():
    bank = Bank()
    for split, fold in (("train", 0), ("train", 0)):
        bank.add(skin(1), group="photograph", split=split, fold=fold)
    bank.add(skin(7, (640, 480)), view="panoramic", fold=1)
    bank.add(skin(7, (640, 480)).crop((100, 100, 300, 300)), fold=1)
    assert bank.leaks() == ()


def test_crops_are_found_at_many_sizes_and_places():
    bank, expected = Bank(), set()
    random = np.random.default_rng(5)
    for seed in range(12):
        picture = skin(200 + seed, (640, 480))
        whole = bank.add(picture, view="panoramic", split="test")
        side = int(random.uniform(0.22, 0.7) * 480)
        left, top = int(random.uniform(0, 640 - side)), int(random.uniform(0, 480 - side))
        crop = bank.add(again(picture.crop((left, top, left + side, top + side)).resize((300, 300)), 75))
        expected.add(("crop", whole, crop))
    found = bank.found()
    assert found <= expected
    assert len(found) >= 11


def test_of_a_crowd_of_identical_pictures_each_is_reported_with_one_other_across_a_border(monkeypatch):
    monkeypatch.setattr("imagebank.leakage.pictures.CROWD", 4)
    bank = Bank()
    for split in ("train", "train", "train", "train", "test"):
        bank.add(skin(1), split=split)
    for split in ("train", "train"):
        bank.add(skin(1), split=split, group="one patient")
    findings = bank.leaks()
    assert {(f.first, f.second) for f in findings} == {(key, 4) for key in (0, 1, 2, 3)} | {(4, 5), (4, 6)}
    assert all(f.crosses_split and f.kind == "bytes" for f in findings)


def test_of_a_crowd_of_near_duplicates_none_that_crosses_a_border_is_lost(monkeypatch):
    """Beside what comparing every pair finds: a burst in two folds with two test pictures, and a patient's own; a second burst
    that crosses nothing; a pair."""
    bank, random = Bank(), np.random.default_rng(3)

    clean = {seed: np.float32(skin(seed, (128, 96))) for seed in (1, 2, 3)}

    def noisy(seed):
        return Image.fromarray(np.uint8(np.clip(clean[seed] + random.normal(0, 1, (96, 128, 3)), 0, 255)))

    for number in range(30):
        split = "test" if number in (17, 23) else "train"
        bank.add(noisy(1), split=split, fold=None if split == "test" else number % 2, group="own" if number in (4, 6, 17) else "")
    burst = [bank.add(noisy(2), fold=0) for _ in range(9)]
    pair = bank.add(noisy(3), fold=0), bank.add(noisy(3), split="test")
    monkeypatch.setattr("imagebank.leakage.pictures.CROWD", 10**6)
    every = bank.leaks()
    monkeypatch.setattr("imagebank.leakage.pictures.CROWD", 4)
    fewer = bank.leaks()

    def told(findings, border):
        return {key for each in findings if getattr(each, border) for key in (each.first, each.second)}

    assert (len([each for each in every if each.kind == "near"]), len(fewer)) == (30 * 29 // 2 - 1 + 36 + 1, 29 + 8 + 1)
    assert told(fewer, "crosses_split") == told(every, "crosses_split") == {*range(30), *pair}
    assert {each.first for each in fewer if each.second in burst} == {burst[0]}
    assert set(fewer) <= set(every)


def test_what_crosses_a_border_says_which():
    bank = Bank()
    for split, fold in (("train", 0), ("train", 1), ("test", None), ("", None)):
        bank.add(skin(1), split=split, fold=fold)
    crossed = {(f.first, f.second): (f.crosses_split, f.crosses_fold) for f in bank.leaks()}
    assert crossed == {
        (0, 1): (False, True), (0, 2): (True, False), (1, 2): (True, False),
        (0, 3): (False, False), (1, 3): (False, False), (2, 3): (False, False),
    }  # fmt: skip


def test_correlation_equals_numpys_and_a_flat_picture_correlates_with_nothing():
    random = np.random.default_rng(0)
    first, second = random.normal(size=(2, 8, 8))
    assert correlation(first, second) == pytest.approx(np.corrcoef(first.ravel(), second.ravel())[0, 1])
    assert correlation(first, np.ones((8, 8))) == 0.0


@pytest.mark.skipif(ISIC is None, reason="needs the folder shared/data/isic2017-256 beside the repository")
def test_all_six_identical_pairs_of_isic_2017_are_found():
    """Hashes of all 2,750 pictures; near-duplicates among the last 400, where some of the pairs lie."""
    pictures, files = [], {}
    with (ISIC / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    for key, row in enumerate(rows):
        data = (ISIC / row["file"]).read_bytes()
        files[key] = data
        sha = hashlib.sha256(data).hexdigest()
        hashed = key >= len(rows) - 400
        phash = int(str(imagehash.phash(Image.open(io.BytesIO(data)))), 16) if hashed else None
        pictures.append(Picture(key, row["image_id"], "dermoscopy", "", row["split"], None, sha, sha, phash))

    def load(picture):
        return np.asarray(Image.open(io.BytesIO(files[picture.key])).convert("RGB"))

    findings = find_leaks(pictures, load).findings
    names = {key: row["image_id"].removeprefix("ISIC_") for key, row in enumerate(rows)}
    identical = {frozenset((names[f.first], names[f.second])) for f in findings if f.kind == "bytes"}
    assert identical == {frozenset(pair) for pair in IDENTICAL_PAIRS}
    near = [f for f in findings if f.kind == "near"]
    assert len(near) <= 6, "79,800 pairs that look alike hold only a handful of real near-duplicates"


@pytest.mark.django_db
def test_the_report_and_the_command_name_what_was_found(capsys):
    study = StudyFactory()
    data = encoded(skin(1), "JPEG")
    train, test = ItemFactory(study=study, split="train", fold=0), ItemFactory(study=study, split="test")
    ItemImageFactory(item=train, data=data)
    ItemImageFactory(item=test, data=data)
    ItemImageFactory(item=ItemFactory(study=study), data=encoded(skin(2), "JPEG"))
    seen = []
    report = check_leakage(study=study, progress=lambda done, total: seen.append((done, total)))
    finding = report.findings.get()
    assert (finding.kind, finding.crosses_split, finding.score) == (LeakageFinding.Kind.BYTES, True, 1.0)
    assert {finding.first.item, finding.second.item} == {train, test}
    assert (report.images, report.pairs_compared, seen[-1]) == (3, 3, (100, 100))
    with pytest.raises(SystemExit) as failed:
        call_command("check_leakage", study.slug, "--json")
    assert failed.value.code == 1
    printed = json.loads(capsys.readouterr().out)
    assert printed["findings"][0]["first"] == {"item": train.code, "view": "focused"}


@pytest.mark.django_db
def test_excluded_items_are_not_compared():
    study = StudyFactory()
    data = encoded(skin(1), "JPEG")
    ItemImageFactory(item=ItemFactory(study=study), data=data)
    excluded = ItemFactory(study=study, excluded_at="2026-01-01T00:00Z", exclusion_reason="blurred")
    ItemImageFactory(item=excluded, data=data)
    assert check_leakage(study=study).images == 1


def body_before_a_wall(seed: int, size=(640, 800)) -> Image.Image:
    """The same outlines and shadows in every picture; wall, skin, marks and texture of its own."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    light = 1 - ((x - 320) / 420.0) ** 2
    trunk, arm = abs(x - 300) < 170 - 20 * np.cos(y / 130), abs(x - 545) < 45
    shape = np.where(trunk | arm, 180 * light + 30, 70.0)
    noise = np.kron(random.normal(0, 7, (size[1] // 4, size[0] // 4)), np.ones((4, 4)))
    grey = shape + np.where(trunk | arm, noise, noise * 0.4)
    tint = np.array([1.0, random.uniform(0.84, 0.9), random.uniform(0.76, 0.84)])
    return Image.fromarray(np.uint8(np.clip(grey[..., None] * tint, 0, 255)))


def test_two_bodies_in_the_same_pose_are_no_crop_and_their_own_crops_are_found():
    """At thumbnail size outlines decide; the last look is at the pictures' full size."""
    bank, full, expected = Bank(), {}, set()
    for seed in range(3):
        picture = body_before_a_wall(seed)
        crop = again(picture.crop((330, 260, 630, 560)), 85).resize((448, 448))
        pair = []
        for made, view, split in ((picture, "panoramic", "train"), (crop, "focused", "test")):
            small = made.copy()
            small.thumbnail((320, 320))
            pair.append(bank.add(small, view=view, split=split))
            full[pair[-1]] = np.asarray(made)
        expected.add(("crop", *pair))
    result = find_leaks(
        bank.pictures,
        lambda picture: bank.pixels[picture.key],
        load_full=lambda picture: full[picture.key],
        views=("focused", "panoramic"),
    )
    assert {(f.kind, f.first, f.second) for f in result.findings if f.kind == "crop"} == expected
