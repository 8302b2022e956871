"""A drawn bank keeps the manifest's contract, is the same on every run, and goes on where it was interrupted."""

import csv
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from imagebank.drawing import contact_sheet, draw_bank
from imagebank.drawing.bank import MANIFEST_COLUMNS
from imagebank.drawing.plan import plan_bank

CLASSES = ["HMI", "IP", "MA", "NF1", "ML", "TSC", "Other"]


def pixels(folder, path):
    with Image.open(folder / path) as image:
        return np.asarray(image.convert("RGB"))


def all_pixels(manifest):
    """Decoded pictures and masks of a bank by path."""
    with manifest.open(newline="", encoding="utf-8") as file:
        paths = [row[column] for row in csv.DictReader(file) for column in ("path", "mask")]
    return {path: pixels(manifest.parent, path).tobytes() for path in paths}


def test_manifest_keeps_the_contract(small_bank, rows):
    assert list(rows[0]) == list(MANIFEST_COLUMNS)
    assert set(MANIFEST_COLUMNS) >= {"item", "class", "view", "path", "split", "fold", "group", "mask", "licence"}
    assert len(rows) == 7 * (1 + 1 + 2 + 3)
    for row in rows:
        size = {"panoramic": (160, 200), "focused": (96, 96)}[row["view"]]
        with (
            Image.open(small_bank.parent / row["path"]) as picture,
            Image.open(small_bank.parent / row["mask"]) as mask,
        ):
            assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", size)
            assert (mask.format, mask.mode, mask.size) == ("PNG", "L", size)
            assert set(np.unique(np.asarray(mask))) <= {0, 255}


def test_every_picture_says_that_it_is_drawn(small_bank, rows):
    for row in rows:
        assert row["nature"] == "drawn, not a photograph"
        assert row["licence"] == "CC0-1.0"
        assert "not a photograph" in row["attribution"]
        with Image.open(small_bank.parent / row["path"]) as picture:
            assert b"drawn, not a photograph" in picture.info["comment"]


def test_each_test_item_has_one_picture_of_each_view(rows):
    views = defaultdict(list)
    for row in rows:
        if row["split"] == "test":
            views[row["item"]].append(row["view"])
    assert len(views) == 7
    assert all(sorted(seen) == ["focused", "panoramic"] for seen in views.values())


def test_relatives_stay_on_one_side(rows):
    """All pictures of a photograph share its group, and no group is in both splits."""
    splits, pictures = defaultdict(set), defaultdict(Counter)
    for row in rows:
        splits[row["group"]].add(row["split"])
        pictures[row["group"]][row["view"]] += 1
    assert all(len(seen) == 1 for seen in splits.values())
    assert all(count["panoramic"] == 1 and count["focused"] >= 1 for count in pictures.values())
    assert max(count["focused"] for count in pictures.values()) == 2
    training = [(row["item"], row["view"]) for row in rows if row["split"] == "train"]
    assert len(set(training)) == len(training)


def test_nothing_that_a_file_shows_names_its_class(small_bank, rows):
    for row in rows:
        with Image.open(small_bank.parent / row["path"]) as picture:
            shown = " ".join([row["item"], row["group"], row["path"], row["mask"], str(picture.info["comment"])])
        words = set(shown.replace("/", " ").replace("-", " ").replace(".", " ").split())
        assert not words & set(CLASSES)


def test_focused_pictures_are_cut_out_of_their_panoramic_picture(small_bank, rows):
    """The panoramic picture inside the crop's box and the crop at that size show the same, up to noise and sharpness."""
    panoramic = {row["group"]: row for row in rows if row["view"] == "panoramic"}
    agreement = []
    for row in rows:
        if row["view"] != "focused":
            continue
        left, top, width, height = map(int, row["crop_box"].split())
        whole = pixels(small_bank.parent, panoramic[row["group"]]["path"]).astype(float)
        part = whole[top : top + height, left : left + width]
        with Image.open(small_bank.parent / row["path"]) as picture:
            small = np.asarray(picture.resize(part.shape[1::-1], Image.Resampling.BOX)).astype(float)
        agreement.append(np.abs(part - small).mean())
    assert len(agreement) == 7 * 4
    assert np.median(agreement) < 8
    assert max(agreement) < 16


def test_two_processes_draw_the_same_as_one(small_bank, small_recipe, tmp_path):
    assert all_pixels(draw_bank(small_recipe, tmp_path, scale=1, seed=3, processes=2)) == all_pixels(small_bank)
    assert (tmp_path / "manifest.csv").read_bytes() == small_bank.read_bytes()


def test_another_seed_draws_other_pictures(small_bank, small_recipe, tmp_path):
    few = replace(small_recipe, training={view: dict.fromkeys(CLASSES, 1) for view in small_recipe.training})
    other = all_pixels(draw_bank(few, tmp_path, scale=1, seed=4, processes=1))
    here = all_pixels(small_bank)
    shared = [path for path in other if path in here and path.startswith("images")]
    assert len(shared) == 14
    assert not any(other[path] == here[path] for path in shared)


def test_an_interrupted_bank_goes_on_and_keeps_what_is_whole(small_bank, small_recipe, tmp_path):
    class Stop(Exception):
        pass

    def stop_after_nine(done, total):
        if done >= 9:
            raise Stop

    with pytest.raises(Stop):
        draw_bank(small_recipe, tmp_path, scale=1, seed=3, processes=1, progress=stop_after_nine)
    assert not (tmp_path / "manifest.csv").exists()
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("images/*/*.jpg")}
    assert len(kept) >= 9
    damaged, lost, *_ = sorted(kept)
    damaged.write_bytes(damaged.read_bytes()[:900])
    lost.unlink()
    (tmp_path / "masks" / "focused" / ".T001.png.1.part").write_bytes(b"half")
    steps = []
    manifest = draw_bank(
        small_recipe, tmp_path, scale=1, seed=3, processes=1, progress=lambda *step: steps.append(step)
    )
    assert all_pixels(manifest) == all_pixels(small_bank)
    siblings = {damaged.name, lost.name}
    assert all(path.stat().st_mtime_ns == when for path, when in kept.items() if path.name not in siblings)
    assert steps == sorted(steps)
    assert steps[0] == (0, 49)
    assert steps[-1] == (49, 49)
    assert not list(tmp_path.rglob("*.part"))


def test_another_recipe_is_drawn_anew_but_another_scale_is_not(small_bank, small_recipe, tmp_path):
    one = replace(small_recipe, training={view: dict.fromkeys(CLASSES, 1) for view in small_recipe.training})
    manifest = draw_bank(one, tmp_path, scale=1, seed=3, processes=1)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("images/*/*.jpg")}
    draw_bank(small_recipe, tmp_path, scale=0.5, seed=3, processes=1)
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())
    darker = replace(one, camera={**one.camera, "exposure": [0.5, 0.5]})
    first = next(iter(before))
    bright = pixels(tmp_path, first).mean()
    draw_bank(darker, manifest.parent, scale=1, seed=3, processes=1)
    assert pixels(tmp_path, first).mean() < 0.75 * bright


def test_full_bank_has_the_published_numbers(founding_recipe):
    plan = plan_bank(founding_recipe, scale=1, seed=7)
    training = [photograph for photograph in plan if photograph.split == "train"]
    test = [photograph for photograph in plan if photograph.split == "test"]
    crops = Counter()
    for photograph in training:
        crops[photograph.class_code] += photograph.crops
    assert crops == {"HMI": 97, "IP": 115, "MA": 123, "ML": 102, "NF1": 230, "TSC": 122, "Other": 244}
    assert Counter(photograph.class_code for photograph in training) == {
        "HMI": 90, "IP": 84, "MA": 103, "ML": 79, "NF1": 120, "TSC": 91, "Other": 235,
    }  # fmt: skip
    assert Counter(photograph.class_code for photograph in test) == dict.fromkeys(CLASSES, 20)
    assert all(photograph.crops == 1 for photograph in test)
    assert len({photograph.code for photograph in plan}) == 802 + 140
    in_order_of_code = [photograph.class_code for photograph in sorted(test, key=lambda one: one.code)]
    runs = sum(a != b for a, b in zip(in_order_of_code, in_order_of_code[1:]))
    assert runs > 100  # codes are not handed out class by class


def test_a_larger_bank_contains_the_smaller(founding_recipe):
    half, full = (plan_bank(founding_recipe, scale=scale, seed=7) for scale in (0.5, 1.0))
    number = {photograph.code: photograph.key(7) for photograph in full}
    assert all(number[photograph.code] == photograph.key(7) for photograph in half)


@pytest.mark.parametrize("scale", [0, -1, 21])
def test_an_impossible_scale_is_refused(founding_recipe, scale):
    with pytest.raises(ValueError, match="above 0 and at most 20"):
        plan_bank(founding_recipe, scale=scale, seed=7)


def test_contact_sheet_shows_every_class(small_bank, tmp_path):
    sheet = contact_sheet(small_bank, tmp_path / "sheet.png", per_class=1)
    with Image.open(sheet) as picture:
        assert picture.height > 7 * 200
        assert len(np.unique(np.asarray(picture.convert("L")))) > 100
    with pytest.raises(ValueError, match="no pictures of the split"):
        contact_sheet(small_bank, tmp_path / "sheet.png", split="validation")


def test_the_painter_needs_no_django():
    code = (
        "import sys; sys.modules['django'] = None; import imagebank.drawing as painter; "
        "assert 'scipy' not in sys.modules; painter.draw_bank, painter.contact_sheet; print('ok')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "ok", done.stderr


def test_a_finished_bank_is_known_without_opening_a_picture_and_a_short_file_is_drawn_again(
    small_bank, small_recipe, tmp_path, monkeypatch
):
    few = replace(small_recipe, training={view: dict.fromkeys(CLASSES, 1) for view in small_recipe.training})
    manifest = draw_bank(few, tmp_path, scale=1, seed=3, processes=1)
    steps = []
    with monkeypatch.context() as closed:
        closed.setattr("imagebank.drawing.bank.draw_photograph", lambda *_: pytest.fail("opened"))
        assert draw_bank(few, tmp_path, scale=1, seed=3, processes=1) == manifest
    victim = next(tmp_path.glob("images/focused/*.jpg"))
    whole = victim.read_bytes()
    victim.write_bytes(whole[:-100])
    draw_bank(few, tmp_path, scale=1, seed=3, processes=1, progress=lambda *step: steps.append(step))
    assert victim.read_bytes() == whole
    assert steps[-1] == (28, 28)
