import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile

from models_ml.core.augment import STRENGTHS, augment, dihedral, draws
from models_ml.core.config import DataSpec
from models_ml.core.errors import CoreError
from models_ml.core.manifest import read_manifest
from models_ml.core.pack import pack
from models_ml.core.pixels import decode, load_square, onto_picture, place, resize_bilinear, to_square


def gradient(height, width):
    y, x = np.mgrid[:height, :width]
    return np.stack([y * 255 / (height - 1), x * 255 / (width - 1), (y + x) % 256], -1).astype(np.uint8)


def test_plain_bilinear_is_torchs_without_antialiasing_to_a_grey_level():
    """Oracle: torch's interpolate, align_corners=False, antialias=False; the antialiased one differs by more."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (61, 47, 3), dtype=np.uint8)
    ours = resize_bilinear(image, 30, 33).astype(float)
    batch = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    plain = torch.nn.functional.interpolate(batch, size=(30, 33), mode="bilinear", antialias=False)
    smooth = torch.nn.functional.interpolate(batch, size=(30, 33), mode="bilinear", antialias=True)
    assert np.abs(ours - plain[0].permute(1, 2, 0).numpy()).max() <= 0.501
    assert np.abs(ours - smooth[0].permute(1, 2, 0).numpy()).max() > 10


def test_the_default_resampling_is_pillows_antialiased_one():
    image = Image.fromarray(gradient(90, 60))
    square, where = to_square(image, 30, fit="letterbox", resample="antialias")
    box = np.asarray(image.resize((20, 30), Image.Resampling.BILINEAR))
    assert (square[:, 5:25] == box).all()
    assert (square[:, :5] == 127).all()
    assert (where.top, where.left, where.box_height, where.box_width) == (0, 5, 30, 20)


@pytest.mark.parametrize("fit", ["letterbox", "stretch"])
def test_a_map_on_the_square_lands_on_the_same_spot_of_the_picture(fit):
    where = place(80, 160, 64, fit)
    spot = np.zeros((64, 64), np.float32)
    spot[where.top + where.box_height // 4, where.left + where.box_width // 2] = 7.0
    back = onto_picture(spot, where)
    y, x = np.unravel_index(back.argmax(), back.shape)
    assert back.shape == (80, 160)
    assert (y / 80, x / 160) == (pytest.approx(0.25, abs=0.03), pytest.approx(0.5, abs=0.03))
    assert back.sum() == pytest.approx(7.0, rel=0.05)


def test_exif_rotation_is_applied(tmp_path):
    image = Image.fromarray(gradient(20, 40))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    assert decode(tmp_path / "turned.jpg").size == (20, 40)


def test_transparent_parts_become_white(tmp_path):
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert (np.asarray(decode(tmp_path / "clear.png")) == 255).all()


def test_hostile_and_damaged_files_are_one_sentence(tmp_path):
    whole = io.BytesIO()
    Image.fromarray(gradient(64, 64)).save(whole, "JPEG")
    cases = {
        "cut.jpg": whole.getvalue()[: len(whole.getvalue()) // 2],
        "text.jpg": b"hello",
        "empty.png": b"",
        "vector.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
    }
    for name, data in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(CoreError, match=name):
            decode(tmp_path / name)
    with pytest.raises(CoreError, match="There is no picture"):
        decode(tmp_path / "gone.png")


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path):
    Image.new("1", (12_000, 12_000)).save(tmp_path / "bomb.png")
    with pytest.raises(CoreError, match=r"bomb\.png"):
        decode(tmp_path / "bomb.png")


def test_a_pack_is_made_once_and_anew_when_a_file_changes(bank, tmp_path):
    import shutil

    shutil.copytree(bank.parent, tmp_path / "bank")
    items, data = read_manifest(tmp_path / "bank/manifest.csv").items[:5], DataSpec(size_px=16)
    seen = []
    first = pack(items, data, tmp_path / "cache", on_event=seen.append)
    assert first.pixels_NHWC.shape == (5, 16, 16, 3)
    assert seen[-1].done == 5
    seen.clear()
    assert pack(items, data, tmp_path / "cache", on_event=seen.append).key == first.key
    assert not seen
    Image.new("RGB", (48, 48), "red").save(items[2].path)
    changed = pack(items, data, tmp_path / "cache")
    assert changed.key != first.key
    assert (changed.pixels_NHWC[2] == (255, 0, 0)).all()
    assert (changed.pixels_NHWC[1] == first.pixels_NHWC[1]).all()
    assert (first.pixels_NHWC[0] == load_square(items[0].path, 16, fit="letterbox", resample="antialias")[0]).all()


def images(n=6, side=32):
    return torch.rand(n, 3, side, side, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("kind", STRENGTHS)
def test_a_pictures_changes_depend_on_its_own_seed_alone(kind):
    batch = images()
    u = draws(3, np.arange(6), fold=1, epoch=2)
    together = augment(batch, u, kind)
    alone = torch.cat([augment(batch[k : k + 1], u[k : k + 1], kind) for k in range(6)])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)
    assert not torch.equal(together, augment(batch, draws(3, np.arange(6), fold=1, epoch=3), kind))
    assert together.min() >= 0
    assert together.max() <= 1 + 1e-6
    assert torch.isfinite(together).all()


def test_portions_of_a_large_batch_are_the_whole(monkeypatch):
    from models_ml.core import augment as module

    batch, u = images(7), draws(3, np.arange(7), fold=1, epoch=2)
    monkeypatch.setattr(module, "CACHE_PIXELS", 10**9)
    whole = augment(batch, u, "paper")
    monkeypatch.setattr(module, "CACHE_PIXELS", 2 * 32 * 32)
    torch.testing.assert_close(augment(batch, u, "paper"), whole, rtol=0, atol=1e-6)


def test_draws_are_uniform_and_uncorrelated():
    u = draws(0, np.arange(4000), fold=0, epoch=1)
    assert u.min() >= 0
    assert u.max() < 1
    assert np.abs(u.mean(axis=0) - 0.5).max() < 0.025
    assert np.abs(np.corrcoef(u.T) - np.eye(u.shape[1])).max() < 0.08


def test_without_moving_light_augmentation_is_brightness_and_contrast():
    """Draws of 0.999 switch every event off but the brightest light change stays within its range."""
    batch = images(2) * 0.5 + 0.2
    off = np.full((2, 48), 0.999, dtype=np.float32)
    torch.testing.assert_close(augment(batch, off, "light"), batch, rtol=0, atol=1e-5)


def test_each_single_change_does_what_it_says():
    from models_ml.core import augment_ops as ops

    batch = images(3)
    torch.testing.assert_close(ops.shift_hsv(batch, torch.zeros(3, 3)), batch, rtol=0, atol=1e-5)
    red = torch.zeros(1, 3, 2, 2)
    red[:, 0] = 1
    green = ops.shift_hsv(red, torch.tensor([[1 / 3, 0.0, 0.0]]))
    torch.testing.assert_close(green[0, :, 0, 0], torch.tensor([0.0, 1.0, 0.0]), rtol=0, atol=1e-5)
    flat = torch.full((1, 3, 16, 16), 0.3)
    torch.testing.assert_close(ops.gaussian_blur(flat, torch.ones(1)), flat, rtol=0, atol=1e-6)
    torch.testing.assert_close(ops.motion_blur(flat, torch.tensor([0.6])), flat, rtol=0, atol=1e-6)
    speck = flat.clone()
    speck[0, :, 8, 8] = 1.0
    torch.testing.assert_close(ops.median_blur(speck), flat)
    rows = torch.nn.functional.pad(batch, (1, 1, 1, 1), mode="reflect").unfold(2, 3, 1).unfold(3, 3, 1)
    torch.testing.assert_close(ops.median_blur(batch), rows.flatten(4).median(-1).values)
    dull = 0.45 + 0.1 * batch
    assert ops.clahe(dull).std() > 1.5 * dull.std()


def test_eight_views_are_the_eight_symmetries_of_the_square():
    batch = images(1)
    views = [dihedral(batch, k) for k in range(8)]
    assert torch.equal(views[0], batch)
    assert len({v.numpy().tobytes() for v in views}) == 8


def test_a_recipe_without_augmentation_leaves_the_picture_alone():
    batch = images(2)
    assert augment(batch, draws(0, np.arange(2), fold=0, epoch=1), "none") is batch
    assert replace(DataSpec(), augment="none").augment == "none"


def test_a_library_that_forgives_truncation_changes_nothing(tmp_path, monkeypatch):
    """WeasyPrint sets this for the whole process when it is imported."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8))
    for name in ("a.png", "a.jpg"):
        buffer = io.BytesIO()
        noise.save(buffer, {"a.png": "PNG", "a.jpg": "JPEG"}[name])
        (tmp_path / name).write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
        monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
        with pytest.raises(CoreError, match="damaged"):
            decode(tmp_path / name)
