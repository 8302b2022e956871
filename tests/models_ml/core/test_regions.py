"""A planted shortcut must show in the report, and its absence must not: tiny networks trained with and without one."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from models_ml.core import read_manifest, train_ensemble
from models_ml.core.attribution.regions import RULE, judge, regions_of, shares
from models_ml.core.attribution.run import explain_items
from models_ml.core.errors import CoreError
from models_ml.core.pictures.manifest import Item
from models_ml.core.pictures.pixels import Placement
from tests.models_ml.core.drawn import write_rows

SIDE = 32


def drawn_study(folder, *, planted: bool, marked: bool = True):
    """Spots on skin, dark in class B and light in class A, each picture with or without a blue sticker in a corner.

    planted: class B alone has the sticker and both classes have any spot, so that only the sticker tells. Otherwise
    half of either class has it.
    """
    rng, rows = np.random.default_rng(0), []
    sticker = np.zeros((SIDE, SIDE), np.uint8)
    sticker[2:9, 22:30] = 255
    lesion = (np.hypot(*(np.mgrid[:SIDE, :SIDE] - np.array([18, 13])[:, None, None])) < 6).astype(np.uint8) * 255
    for name, mask in (("sticker", sticker), ("lesion", lesion)):
        Image.fromarray(mask).save(folder / f"{name}.png")
    for k in range(64):
        label, has = "AB"[k % 2], bool(k % 2) if planted else bool(k // 2 % 2)
        pixels = np.array([200, 150, 120]) + rng.integers(-20, 20, (SIDE, SIDE, 3))
        dark = rng.random() < 0.5 if planted else label == "B"
        pixels[lesion > 0] += -90 if dark else 30
        if has:
            pixels[sticker > 0] = (40, 60, 220)
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / f"{k}.png")
        row = {"item": k, "class": label, "view": "focused", "path": f"{k}.png", "mask": "lesion.png"}
        row["split"] = "test" if k >= 48 else "train"
        rows.append(row | {"region_sticker": "sticker.png" if has and marked else ""})
    write_rows(folder / "manifest.csv", rows)
    return read_manifest(folder / "manifest.csv")


def report(folder, cfg, **planting):
    folder.mkdir()
    manifest = drawn_study(folder, **planting)
    cfg = replace(cfg, data=replace(cfg.data, augment="none"), recipe=replace(cfg.recipe, epochs=12, lr=3e-3))
    train_ensemble(cfg, manifest, folder / "run")
    settings = ["steps=16", "max_steps=64", 'targets=["predicted"]']
    explain_items(folder / "run", manifest, folder / "out", settings=settings, device="cpu")
    return json.loads((folder / "out/summary.json").read_text()), manifest


def of(summary, name):
    (found,) = [one for one in summary["regions"] if one["region"] == name]
    return found


def test_a_planted_sticker_is_reported_with_the_pictures_in_which_it_is_worst(tmp_path, tiny_cfg):
    summary, manifest = report(tmp_path / "planted", tiny_cfg, planted=True)
    found = of(summary, "sticker")
    assert found == summary["regions"][0]  # warnings come first
    assert found["warning"] is True
    assert found["pictures"] == 8
    assert found["area"]["value"] == pytest.approx(56 / SIDE**2)
    assert found["share"]["value"] > 0.3
    assert found["above_control"]["ci_low"] > 0
    assert found["sentence"].startswith("Warning, possibly a shortcut:")
    worst = [one["share"] for one in found["worst"]]
    assert worst == sorted(worst, reverse=True)
    assert {one["item"] for one in found["worst"]} <= {i.id for i in manifest.test.items if i.regions}
    assert summary["regions_rule"] == RULE
    rows = csv.DictReader((tmp_path / "planted/out/regions.csv").read_text().splitlines())
    assert {"sticker", "lesion"} <= {row["region"] for row in rows}

    by_rule, _ = _reread(tmp_path / "planted", planted=True)
    found = of(by_rule, "sticker")
    assert (found["marked"], found["warning"]) == (False, True)
    assert "rule of thumb" in found["sentence"]


def _reread(folder, **planting):
    """The same maps scored again after the marks were taken away: nothing is explained anew."""
    maps = sorted((folder / "out/items").glob("*.npz"))
    before = [path.stat().st_mtime_ns for path in maps]
    manifest = drawn_study(folder, marked=False, **planting)
    settings = ["steps=16", "max_steps=64", 'targets=["predicted"]']
    explain_items(folder / "run", manifest, folder / "out", settings=settings, device="cpu")
    assert [path.stat().st_mtime_ns for path in maps] == before
    return json.loads((folder / "out/summary.json").read_text()), manifest


def test_a_sticker_that_tells_nothing_gives_no_warning(tmp_path, tiny_cfg):
    summary, _ = report(tmp_path / "harmless", tiny_cfg, planted=False)
    found = of(summary, "sticker")
    assert found["pictures"] == 8
    assert found["warning"] is False
    assert not found["sentence"].startswith("Warning")
    assert of(summary, "lesion")["share"]["value"] > found["share"]["value"]


def record(name, share, area=0.05, control=0.05, region="clothing"):
    return {
        "item": name,
        "regions": [{"region": region, "marked": True, "share": share, "area": area, "control": control}],
    }


@pytest.mark.parametrize(
    ("region", "records", "warning"),
    [
        ("clothing", [0.4, 0.5, 0.6, 0.5], True),
        ("clothing", [0.08, 0.09, 0.09, 0.08], False),  # not twice the area
        ("clothing", [0.02, 0.9, 0.01, 0.01], False),  # one picture alone: the interval reaches zero
        ("clothing", [0.4, 0.5], None),
        ("lesion", [0.9, 0.9, 0.9, 0.9], False),
        ("skin", [0.9, 0.9, 0.9, 0.9], False),
    ],
)
def test_the_rule_of_the_warning(region, records, warning):
    rows = [record(str(k), share, region=region) for k, share in enumerate(records)]
    clusters = np.array([row["item"] for row in rows])
    (found,) = judge(rows, clusters)
    assert found["warning"] is warning
    assert ("Too few pictures" in found["sentence"]) == (warning is None)


def test_a_share_is_compared_with_random_weights_too():
    """Edges draw relevance without any learning: a share that random weights reach is no warning."""
    rows = [record(str(k), 0.4, control=0.45) for k in range(6)]
    assert judge(rows, np.arange(6))[0]["warning"] is False


def test_regions_nobody_marked_are_found_by_rule_inside_the_picture_alone():
    square = np.full((48, 48, 3), 127, np.uint8)
    where = Placement(24, 48, 12, 0, 24, 48)
    square[12:36] = (200, 150, 120)
    square[12:36, 24:] = (70, 70, 70)  # clothing
    square[14:18, 2:10] = (30, 160, 60)  # a green sticker
    lesion = np.zeros((48, 48), bool)
    lesion[22:28, 8:16] = True
    found = {r.name: r for r in regions_of(Item("1", None, "A"), square, where, lesion)}
    assert set(found) == {"lesion", "sticker", "skin", "background", "edge"}
    assert found["lesion"].marked
    assert not any(found[name].marked for name in ("sticker", "skin", "background", "edge"))
    assert found["sticker"].mask_HW.sum() == 32
    assert not found["background"].mask_HW[:12].any()
    assert found["background"].mask_HW[20, 30]
    assert found["skin"].mask_HW[30, 5]
    assert not (found["skin"].mask_HW & lesion).any()
    assert found["edge"].mask_HW[12, 20]
    assert not found["edge"].mask_HW[24, 24]
    flat = np.ones((48, 48), np.float32)
    (row,) = [r for r in shares(list(found.values()), flat, flat[None]) if r["region"] == "sticker"]
    assert row["share"] == pytest.approx(row["area"])


def test_a_marked_region_of_another_shape_is_one_sentence(tmp_path):
    Image.new("L", (30, 90)).save(tmp_path / "wide.png")
    item = Item("nine", None, "A", regions=(("clothing", tmp_path / "wide.png"),))
    with pytest.raises(CoreError, match="region clothing of 'nine' has another shape"):
        regions_of(item, np.zeros((32, 32, 3), np.uint8), Placement(50, 50, 0, 0, 32, 32), None)


def test_marks_survive_writing_and_a_missing_mask_is_named(tmp_path):
    manifest = drawn_study(tmp_path, planted=True)
    manifest.write(tmp_path / "again.csv")
    again = read_manifest(tmp_path / "again.csv")
    assert [i.regions for i in again.items] == [i.regions for i in manifest.items]
    assert again.fingerprint == manifest.fingerprint
    (tmp_path / "sticker.png").unlink()
    with pytest.raises(CoreError, match="there is no mask at .*sticker"):
        read_manifest(tmp_path / "again.csv")
