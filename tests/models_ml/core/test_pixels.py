import io
import platform
import resource
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile

from models_ml.core.config import DataSpec
from models_ml.core.errors import CoreError
from models_ml.core.pictures.augment import STRENGTHS, augment, dihedral, draws
from models_ml.core.pictures.manifest import read_manifest
from models_ml.core.pictures.pack import pack
from models_ml.core.pictures.pixels import decode, load_square, onto_picture, place, resize_bilinear, to_square


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


def test_a_large_jpeg_is_placed_as_a_whole_although_it_was_read_at_a_coarser_scale(tmp_path):
    """Else maps of a photograph would lie on a quarter of its pixels."""
    picture = Image.effect_noise((900, 1200), 60).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    for name, written in (("plain.jpg", {}), ("turned.jpg", {"exif": exif})):
        picture.save(tmp_path / name, **written)
        square, where = load_square(tmp_path / name, 96, fit="letterbox", resample="antialias")
        upright = decode(tmp_path / name)
        _, whole = to_square(upright, 96, fit="letterbox", resample="antialias")
        assert where == whole
        assert onto_picture(square[..., 0].astype(np.float32), where).shape == upright.size[::-1]


def test_transparent_parts_become_white(tmp_path):
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert (np.asarray(decode(tmp_path / "clear.png")) == 255).all()


@pytest.mark.parametrize(("mode", "name"), [("L", "grey.jpg"), ("CMYK", "print.jpg"), ("P", "palette.png"), ("1", "ink.png"), ("F", "f.tiff")])
def test_a_picture_of_any_kind_is_read_as_it_looks(tmp_path, mode, name):
    Image.new("L", (8, 8), 255).convert(mode).save(tmp_path / name)
    assert np.asarray(decode(tmp_path / name)).shape == (8, 8, 3)
    assert np.asarray(decode(tmp_path / name)).min() > 250


def test_of_an_animation_the_first_picture_is_taken(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "moves.webp", save_all=True, append_images=frames[1:], lossless=True)
    assert (np.asarray(decode(tmp_path / "moves.webp")) == (255, 0, 0)).all()


def test_sixteen_bit_greys_keep_their_upper_byte(tmp_path):
    """Converted as they are, all but the darkest 255 of 65,536 shades would be white."""
    shades = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    Image.fromarray(shades).save(tmp_path / "deep.png")
    assert (np.asarray(decode(tmp_path / "deep.png")) == (shades >> 8)[..., None]).all()


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
    moved = pack(read_manifest(bank).items[:5], data, tmp_path / "cache")
    assert (moved.key != first.key, moved.content == first.content) == (True, True)
    Image.new("RGB", (48, 48), "red").save(items[2].path)
    changed = pack(items, data, tmp_path / "cache")
    assert (changed.key != first.key, changed.content != first.content) == (True, True)
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
    from models_ml.core.pictures import augment as module

    batch, u = images(7), draws(3, np.arange(7), fold=1, epoch=2)
    monkeypatch.setattr(module, "CACHE_PIXELS", 10**9)
    whole = augment(batch, u, "paper")
    monkeypatch.setattr(module, "CACHE_PIXELS", 2 * 32 * 32)
    torch.testing.assert_close(augment(batch, u, "paper"), whole, rtol=0, atol=1e-6)


def test_bytes_as_a_pack_holds_them_are_augmented_like_their_floats(monkeypatch):
    from models_ml.core.pictures import augment as module
    from models_ml.core.pictures.feed import as_float

    batch = images(5).mul(255).byte().permute(0, 2, 3, 1).contiguous()
    u = draws(3, np.arange(5), fold=1, epoch=2)
    for at_once in (10**9, 2 * 32 * 32):
        monkeypatch.setattr(module, "CACHE_PIXELS", at_once)
        assert torch.equal(augment(batch, u, "paper"), augment(as_float(batch), u, "paper"))
        assert torch.equal(augment(batch, u, "none"), as_float(batch))


def test_noise_has_the_deviation_asked_for_and_two_pictures_get_different_noise():
    from models_ml.core.pictures import augment_ops as ops

    grey = torch.full((3, 3, 64, 64), 0.5)
    noise = ops.add_noise(grey.clone(), torch.tensor([0.02, 0.05, 0.05]), torch.tensor([5, 2**23, 2**24 - 1])) - 0.5
    assert noise.flatten(1).std(1).numpy() == pytest.approx([0.02, 0.05, 0.05], rel=0.03)
    assert noise.flatten(1).mean(1).abs().max() < 0.002
    assert np.abs(np.corrcoef(noise.flatten(1).numpy()) - np.eye(3)).max() < 0.03
    again = ops.add_noise(grey[:1].clone(), torch.tensor([0.05]), torch.tensor([2**23])) - 0.5
    assert torch.equal(again[0], noise[1])


def test_freed_memory_is_kept_on_a_processor_and_the_device_is_chosen_as_before():
    """Batches that were freed are written again without new pages from the kernel: 38 MB would be more than 9,000 of them. The
    first few may still need some, until one freed block is longer than the batch by what its alignment takes."""
    from models_ml.core.device import _keep_freed_memory, choose_device

    assert choose_device("cpu") == torch.device("cpu")
    _keep_freed_memory()  # a second time does no harm
    if platform.libc_ver()[0] == "glibc":
        for _ in range(12):
            torch.empty(16, 3, 448, 448).zero_()
        before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
        for _ in range(6):
            torch.empty(16, 3, 448, 448).zero_()
        assert resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before < 1000
    if not torch.cuda.is_available():
        with pytest.raises(CoreError, match="finds none on this machine"):
            choose_device("cuda")


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
    from models_ml.core.pictures import augment_ops as ops

    batch = images(3)
    torch.testing.assert_close(ops.shift_hsv(batch.clone(), torch.zeros(3, 3)), batch, rtol=0, atol=1e-5)
    red = torch.zeros(1, 3, 2, 2)
    red[:, 0] = 1
    green = ops.shift_hsv(red, torch.tensor([[1 / 3, 0.0, 0.0]]))
    torch.testing.assert_close(green[0, :, 0, 0], torch.tensor([0.0, 1.0, 0.0]), rtol=0, atol=1e-5)
    flat = torch.full((1, 3, 16, 16), 0.4)  # a whole number of bytes
    torch.testing.assert_close(ops.gaussian_blur(flat.clone(), torch.ones(1)), flat, rtol=0, atol=1e-6)
    torch.testing.assert_close(ops.motion_blur(flat.clone(), torch.tensor([0.6])), flat, rtol=0, atol=1e-6)
    speck = flat.clone()
    speck[0, :, 8, 8] = 1.0
    torch.testing.assert_close(ops.median_blur(speck), flat)
    in_bytes = batch.mul(255).round() / 255
    rows = torch.nn.functional.pad(in_bytes, (1, 1, 1, 1), mode="reflect").unfold(2, 3, 1).unfold(3, 3, 1)
    torch.testing.assert_close(ops.median_blur(batch.clone()), rows.flatten(4).median(-1).values)
    dull = 0.45 + 0.1 * batch
    assert ops.clahe(dull.clone()).std() > 1.5 * dull.std()


def sampled(batch, u, kind="paper"):
    """The movement spelt out pixel by pixel in float64: flips, transposition, distortion, affine, one bilinear look."""
    s, (n, _, height, width) = STRENGTHS[kind], batch.shape
    out = np.zeros(batch.shape)
    for k in range(n):
        v = u[k].astype(np.float64)
        on = v[0] < s.p_affine
        angle, factor = on * np.radians((2 * v[1] - 1) * s.rotate_deg), 1 / (1 + on * (2 * v[2] - 1) * s.scale)
        for row in range(height):
            for column in range(width):
                x, y = (2 * column + 1) / width - 1, (2 * row + 1) / height - 1
                x, y = x - on * (2 * v[3] - 1) * 2 * s.shift, y - on * (2 * v[4] - 1) * 2 * s.shift
                x, y = (
                    factor * (np.cos(angle) * x + np.sin(angle) * y),
                    factor * (np.cos(angle) * y - np.sin(angle) * x),
                )
                x, y = (-x if v[8] < s.p_flip else x), (-y if v[9] < s.p_upend else y)
                x, y = (y, x) if v[7] < s.p_transpose else (x, y)
                if v[5] < s.p_distort:
                    x, y = distorted(x, y, v)
                out[k, :, row, column] = looked_up(
                    batch[k].numpy(), (y + 1) * height / 2 - 0.5, (x + 1) * width / 2 - 0.5
                )
    return out


def distorted(x, y, v):
    """Lens, five uneven columns and rows, or a wave, by the third that draw 6 falls into."""
    if v[6] < 1 / 3:
        factor = 1 + (2 * v[36] - 1) * 0.5 * (x * x + y * y)
        return x * factor, y * factor
    if v[6] < 2 / 3:
        knots = [np.concatenate([[0], np.cumsum(2 * v[a : a + 5] + 1e-3)]) for a in (37, 42)]
        even = np.linspace(-1, 1, 6)
        return tuple(np.interp(c, even, 2 * k / k[-1] - 1) for c, k in zip((x, y), knots))
    return (
        x + 0.012 * np.sin(5 * y + 2 * np.pi * v[36]),
        y + 0.012 * np.sin(5 * x + 2 * np.pi * v[37]),
    )


def looked_up(image, y, x):
    y0, x0, total = int(np.floor(y)), int(np.floor(x)), 0.0
    for yy, xx in ((y0, x0), (y0, x0 + 1), (y0 + 1, x0), (y0 + 1, x0 + 1)):
        if 0 <= yy < image.shape[1] and 0 <= xx < image.shape[2]:
            total = total + image[:, yy, xx] * (1 - abs(y - yy)) * (1 - abs(x - xx))
    return total


def test_movements_composed_into_one_grid_are_the_movements_pixel_by_pixel():
    """All three distortions, with and without flips, transposition and affine movement."""
    from models_ml.core.pictures import augment as module

    batch, u = images(12, 16), draws(5, np.arange(12), fold=0, epoch=1)
    u[:, 6] = np.tile([0.1, 0.5, 0.9], 4)  # every distortion four times
    drawn, paper = torch.from_numpy(u), STRENGTHS["paper"]
    moved = module._moved(batch, module._symmetry(drawn, paper) @ module._affine(drawn, paper), drawn, paper)
    assert len({(row[5] < 0.7, row[7] < 0.5, row[8] < 0.5, row[9] < 0.5) for row in u}) > 6
    assert moved.numpy() == pytest.approx(sampled(batch, u), abs=2e-5)


def test_hue_saturation_and_value_are_those_of_the_standard_library():
    import colorsys

    from models_ml.core.pictures import augment_ops as ops

    batch, shift = images(4, 8), torch.tensor([[0.05, 0.07, -0.03], [-0.05, -0.07, 0.03], [0.5, 0, 0], [0, 1, 1]])
    batch[0, :, 0, 0], batch[0, :, 0, 1] = 0.4, 0.0  # grey and black have no hue
    expected = np.empty(batch.shape)
    for n in range(4):
        for at in np.ndindex(8, 8):
            h, s, v = colorsys.rgb_to_hsv(*(float(c) for c in batch[(n, slice(None), *at)]))
            dh, ds, dv = (float(d) for d in shift[n])
            expected[(n, slice(None), *at)] = colorsys.hsv_to_rgb(
                (h + dh) % 1, np.clip(s + ds, 0, 1), np.clip(v + dv, 0, 1)
            )
    assert ops.shift_hsv(batch.clone(), shift).numpy() == pytest.approx(expected, abs=1e-5)


def test_changes_leave_the_batch_they_were_given_and_pictures_not_drawn_alone():
    batch = images(6)
    before = batch.clone()
    augment(batch, draws(3, np.arange(6), fold=1, epoch=2), "paper")
    assert torch.equal(batch, before)


def test_the_hole_of_cutout_is_a_square_of_its_share_around_its_centre():
    from models_ml.core.pictures.augment_ops import stretch

    for centre in (0.0, 0.31, 0.5, 0.998):
        pixels = [k for k in range(32) if abs(k + 0.5 - centre * 32) < 0.375 * 32 / 2]
        assert list(range(32))[stretch(centre, 0.375, 32)] == pixels


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
