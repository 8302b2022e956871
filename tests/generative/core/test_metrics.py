"""Metrics against closed forms and known failures; the audit finds planted copies and spares honest pictures."""

import numpy as np
import pytest

from generative.core.errors import InputError
from generative.core.judging import metrics, privacy, variants
from generative.core.judging.features import DrawnFeatures
from tests.generative.core.drawn import drawn_table


def normal(n, d=64, seed=0, scale=1.0, shift=0.0):
    return np.random.default_rng(seed).normal(shift, scale, (n, d))


def test_kid_equals_the_double_sum_over_distinct_pairs():
    a, b = normal(7, 3, 1), normal(5, 3, 2)

    def k(x, y):
        return (x @ y / 3 + 1) ** 3

    within = [np.mean([k(x[i], x[j]) for i in range(len(x)) for j in range(len(x)) if i != j]) for x in (a, b)]
    across = np.mean([k(x, y) for x in a for y in b])
    assert metrics.kid(a, b) == pytest.approx(sum(within) - 2 * across, rel=1e-12)


def test_kid_is_unbiased_where_fid_rewards_collapse():
    """Equal Gaussians: KID is 0 on average over draws; a shrunk set has the larger KID but the smaller FID."""
    values = [metrics.kid(normal(60, 512, s), normal(60, 512, 100 + s)) for s in range(30)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(30)
    real, same, shrunk = normal(281, 2048, 1), normal(2000, 2048, 2), normal(2000, 2048, 3, scale=0.9)
    assert metrics.kid(real, shrunk) > metrics.kid(real, same)
    assert metrics.fid_legacy(real, shrunk) < metrics.fid_legacy(real, same)


def test_fid_equals_the_matrix_square_root_formula():
    from scipy.linalg import sqrtm

    a, b = normal(60, 6, 1), normal(70, 6, 2, scale=1.3, shift=0.4)
    ca, cb = np.cov(a.T), np.cov(b.T)
    gap = a.mean(0) - b.mean(0)
    wanted = gap @ gap + np.trace(ca + cb - 2 * sqrtm(ca @ cb).real)
    assert metrics.fid_legacy(a, b) == pytest.approx(wanted, rel=1e-6)


def test_interval_covers_and_baseline_is_near_zero():
    real, fake = normal(80, 16, 1), normal(80, 16, 2, shift=0.5)
    found = metrics.kid_interval(real, fake, draws=200)
    assert found.low < found.value < found.high
    assert found.low > 0
    again = metrics.kid_interval(real, fake, draws=200)
    assert again == found
    base = metrics.split_half_baseline(real)
    assert base.low < 0 < base.high
    assert base.high < found.value


def test_too_few_pictures_give_null_and_the_reason():
    found = metrics.kid_interval(normal(3), normal(30))
    assert found.value is None
    assert "fewer than 5" in found.why
    assert metrics.support(normal(4), normal(30)).why


def test_recall_sees_dropped_modes_and_precision_strays():
    rng = np.random.default_rng(0)
    modes = np.concatenate([normal(60, 4, 1), normal(60, 4, 2, shift=30.0)])
    half = normal(100, 4, 3)
    dropped = metrics.support(modes, half)
    assert dropped.recall == pytest.approx(0.5, abs=0.1)
    assert dropped.precision > 0.85
    assert dropped.coverage < 0.6
    stray = metrics.support(half, rng.normal(100, 1, (50, 4)))
    assert stray.precision == stray.coverage == 0
    interval = metrics.recall_interval(modes, half)["recall"]
    assert interval[0] < dropped.recall < interval[1]


def test_label_fidelity_and_its_refusal():
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    found = metrics.label_fidelity(p, ("early", "late"), ["early", "late", "late"])
    assert found.accuracy == pytest.approx(2 / 3)
    assert found.by_class == {"early": 1.0, "late": 0.5}
    assert "no class stage" in metrics.label_fidelity(p, ("early", "late"), ["stage"] * 3).why


def test_morph_quality_of_an_even_a_jumping_and_a_dead_strip():
    even = metrics.morph_quality(np.linspace(0, 1, 5)[:, None], np.linspace(0, 1, 5))
    assert (even.unevenness, even.detour, even.monotony, even.midpoint) == (1.0, 1.0, 1.0, 0.5)
    jump = metrics.morph_quality(np.array([[0.0], [0.0], [1.0], [1.0], [0.5]]), np.array([0, 0.5, 0.2, 0.6, 1]))
    assert jump.unevenness > 2
    assert jump.detour == pytest.approx(3.0)
    assert jump.monotony == 0.75
    assert metrics.morph_quality(np.zeros((3, 2))).why == "the frames do not differ"


# --- copies


def textured(n, seed, resolution=32):
    """Smooth random pictures: no two alike."""
    import torch
    import torch.nn.functional as F

    x = torch.randn(n, 3, 6, 6, generator=torch.Generator().manual_seed(seed))
    x = F.interpolate(x, size=(resolution, resolution), mode="bicubic", align_corners=False)
    images = (x * 50 + 128).clamp(0, 255).byte().numpy()
    table = drawn_table(n, resolution)
    names = tuple(f"{seed}-{i}" for i in range(n))
    return type(table)(images, table.labels, table.classes, names, names, ("train",) * n, names, str(seed))


def test_planted_copies_are_found_however_turned_and_honest_pictures_are_not():
    train, held_out, fresh = textured(30, 1), textured(40, 2), textured(20, 3)
    noise = np.random.default_rng(0).normal(0, 4, (3, 3, 32, 32))
    turned = np.rot90(train.images[5], 1, axes=(1, 2))
    mirrored = train.images[9][:, :, ::-1]
    crop = variants.cropped(train.images[12:13], 32)[0][0]
    copies = np.clip(np.stack([turned, mirrored, crop]) + noise, 0, 255).astype(np.uint8)
    items = [f"fresh-{i}" for i in range(20)] + ["turned", "mirrored", "crop"]
    report = privacy.audit(items, np.concatenate([fresh.images, copies]), train, held_out, DrawnFeatures())
    assert {"turned", "mirrored", "crop"} <= set(report.quarantined)
    found = {(s.item, s.nearest_item) for s in report.suspects if s.space == "pixels"}
    assert {("turned", "1-5"), ("mirrored", "1-9"), ("crop", "1-12")} <= found
    honest = [item for item in report.quarantined if item.startswith("fresh")]
    assert len(honest) <= 1
    assert report.share_below["pixels"] == pytest.approx(3 / 23, abs=0.05)
    assert report.authenticity["pixels"] < 1
    assert 0.3 < report.asymmetry["pixels"] < 0.9


def test_vectors_of_real_pictures_are_computed_once_and_a_damaged_file_is_no_harm(tmp_path):
    class Counted(DrawnFeatures):
        seen = 0

        def __call__(self, images):
            Counted.seen += len(images)
            return super().__call__(images)

    train, held_out, fresh = textured(12, 1, 48), textured(9, 2, 48), textured(5, 3, 48)
    items = list(fresh.items)
    first = privacy.audit(items, fresh.images, train, held_out, Counted(), cache=tmp_path)
    once = Counted.seen
    again = privacy.audit(items, fresh.images, train, held_out, Counted(), cache=tmp_path)
    assert Counted.seen == 2 * once - 13 * (12 + 9)
    assert again == first == privacy.audit(items, fresh.images, train, held_out, Counted())
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:500])
    assert privacy.audit(items, fresh.images, train, held_out, Counted(), cache=tmp_path) == first


def test_patients_on_both_sides_are_refused_and_missing_held_out_is_said():
    train, fresh = textured(20, 1), textured(8, 3)
    with pytest.raises(InputError, match="both in training and held out"):
        privacy.audit(["x"] * 8, fresh.images, train, train, DrawnFeatures())
    report = privacy.audit([str(i) for i in range(8)], fresh.images, train, train.where([]), DrawnFeatures())
    assert report.calibration == "training pictures against other groups"
    assert report.asymmetry["pixels"] is None
    assert "fewer than 5 held-out" in report.why


def test_quarantine_is_written_for_curators_under_numbers(tmp_path):
    train, held_out = textured(12, 1), textured(12, 2)
    items = ["../../=evil", "b"]
    report = privacy.audit(items, train.images[:2], train, held_out, DrawnFeatures())
    privacy.save_quarantine(tmp_path / "q", report, items, train.images[:2], train)
    names = sorted(path.name for path in (tmp_path / "q").iterdir())
    assert names[:2] == ["0000.png", "0001.png"]
    assert names[-1] == "quarantine.csv"
    assert not (tmp_path.parent / "=evil").exists()


# --- features


@pytest.fixture(scope="module")
def fold(tmp_path_factory):
    """A classifier's fold as its own room writes it: settings, weights with the class names in their header."""
    import json

    import timm
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("fold")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        backbone = timm.create_model("test_resnet", num_classes=0).eval()
        head = torch.nn.Linear(backbone.num_features, 2)
    state = {f"backbone.{key}": value for key, value in backbone.state_dict().items()}
    state |= {f"head.linear.{key}": value for key, value in head.state_dict().items()}
    save_file(
        {key: value.detach().contiguous() for key, value in state.items()}, folder / "weights.safetensors",
        metadata={"classes": json.dumps(["early", "late"])},
    )  # fmt: skip
    (folder / "config.toml").write_text('[model]\nbackbone = "test_resnet"\n[data]\nsize_px = 32\n')
    return folder, backbone, head


def test_the_studys_classifier_gives_features_and_probabilities(fold):
    """Equal to the backbone and head used directly, normalisation included."""
    import torch

    from generative.core.judging.features import IMAGENET_MEAN, IMAGENET_STD, open_features

    folder, backbone, head = fold
    found = open_features(str(folder))
    images = textured(5, 1).images
    with torch.no_grad():
        x = torch.from_numpy(images).float() / 255
        x = (x - torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1)) / torch.tensor(IMAGENET_STD).view(1, 3, 1, 1)
        wanted = backbone(x)
        shares = head(wanted).softmax(dim=1).double().numpy()
    features = found(images)
    assert np.abs(features - wanted.numpy()).max() < 1e-5
    assert np.abs(found.probabilities(features) - shares).max() < 1e-5
    assert found.classes == ("early", "late")
    assert "test_resnet" in found.name


def test_unusable_features_are_refused(tmp_path, fold):
    from generative.core.judging.features import open_features

    folder, _, _ = fold
    with pytest.raises(InputError, match="not a classifier's fold"):
        open_features(str(tmp_path))
    with pytest.raises(InputError, match="cannot be built"):
        open_features(f"no_such_net:{folder / 'weights.safetensors'}:32")
    with pytest.raises(InputError, match="lacks .* tensors of test_resnet"):
        open_features(f"test_resnet:{folder / 'weights.safetensors'}:32")
    with pytest.raises(InputError, match="size in pixels"):
        open_features("a:b:c")


class _Staged:
    """Features that are the picture's mean, and a classifier of three stages that knows them exactly."""

    name, classes = "means", ("early", "intermediate", "late")

    def __call__(self, images):
        return images.reshape(len(images), -1).mean(axis=1, keepdims=True).astype(float)

    def probabilities(self, features):
        near = np.exp(-np.abs(features - np.array([[0.0, 100.0, 200.0]])) / 20)
        return near / near.sum(axis=1, keepdims=True)


def test_a_strips_stages_count_the_classes_it_passes_and_every_class_has_its_baseline():
    from generative.core.data import ImageTable
    from generative.core.judging.evaluate import LoadedSet, evaluate

    def table(levels, names):
        images = np.stack([np.full((3, 8, 8), level, np.uint8) for level in levels])
        codes = tuple(str(i) for i in range(len(levels)))
        labels = np.array([_Staged.classes.index(name) for name in names])
        return ImageTable(images, labels, _Staged.classes, codes, codes, ("train",) * len(codes), codes, "x")

    rng = np.random.default_rng(0)
    train = table(np.repeat([0, 100, 200], 12) + rng.integers(0, 9, 36), np.repeat(_Staged.classes, 12))
    names = ["early", "early", "intermediate", "late", "late"]
    positions = [0.0, 0.25, 0.5, 0.75, 1.0]
    rows = [{"class": n, "seed": "1", "position": str(t)} for n, t in zip(names, positions, strict=True)]
    found = evaluate(LoadedSet(table([0, 50, 100, 150, 200], names), tuple(rows)), train, train.where([]), _Staged())
    (strip,) = found["morphs"]
    assert strip["monotony"] == 1.0
    assert strip["midpoint"] == pytest.approx(0.5, abs=0.02)
    assert strip["unevenness"] == pytest.approx(1.0)
    assert [row["class"] for row in found["kid_by_class"]] == list(_Staged.classes)
    assert all(row["split_half"]["value"] is not None for row in found["kid_by_class"])
    assert found["kid_baselines"]["train_vs_held_out"]["why"]
