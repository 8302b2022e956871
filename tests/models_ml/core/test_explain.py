"""Attribution checked where the answer is known by hand: linear networks, Riemann sums, a planted shortcut."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from models_ml.core import read_manifest, train_ensemble
from models_ml.core.answers.predict import finished_members, load_member
from models_ml.core.attribution import metrics as explain_metrics
from models_ml.core.attribution import run
from models_ml.core.attribution.explain import Question, baseline_of, blurred, explain, explain_together
from models_ml.core.attribution.run import explain_items, file_name, picture_path, read_map
from models_ml.core.attribution.tables import SCORES, WORDS, in_words, not_located_in_words
from models_ml.core.cli import main
from models_ml.core.config import AttributionSpec, ModelSpec
from models_ml.core.errors import Cancelled, CoreError
from models_ml.core.events import ExplainProgress
from models_ml.core.pictures.pixels import decode, to_square
from models_ml.core.training import checkpoint
from models_ml.core.training.network import build
from tests.models_ml.core.drawn import write_rows
from tests.models_ml.core.linear import Linear


@pytest.fixture
def image():
    return torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("baseline", ["blur", "median", "zero", "black", "white"])
def test_on_a_linear_network_the_map_is_weight_times_difference(image, baseline):
    network = Linear().eval()
    spec = AttributionSpec(baseline=baseline, steps=8)
    found = explain(network, image, (1, 0), spec)
    difference = image - baseline_of(image, spec, network.mean)
    by_hand = ((network.weight[1] - network.weight[0]).view(1, 3, 8, 8) * difference).sum(1)[0].detach().numpy()
    assert found.map_HW == pytest.approx(by_hand, abs=1e-5)
    assert found.gap < 1e-4
    assert found.steps == 8


def test_a_network_in_training_mode_is_refused(image):
    with pytest.raises(CoreError, match="evaluation mode"):
        explain(Linear().train(), image, (0,), AttributionSpec())


def test_half_precision_gives_the_same_map_and_says_when_it_cannot():
    network = build(ModelSpec(backbone="test_efficientnet"), 3, size_px=48, seed=3).eval().requires_grad_(False)
    picture = torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(1))
    full, half = (
        explain(network, picture, (1,), AttributionSpec(steps=8, max_steps=8, precision=p)) for p in ("fp32", "fp16")
    )
    assert 0 < np.linalg.norm(half.map_HW - full.map_HW) < 0.05 * np.linalg.norm(full.map_HW)
    network.backbone.conv_stem.weight.data.mul_(1e6)  # beyond the largest half-precision number
    with pytest.raises(CoreError, match="not finite.*precision=fp32"):
        explain(network, picture, (1,), AttributionSpec(steps=8, precision="fp16"))


def test_an_ensembles_map_is_the_mean_of_raw_maps_and_contrasts_subtract(image):
    a, b = Linear().eval(), Linear().eval()
    with torch.no_grad():
        b.weight.mul_(-3)
    spec = AttributionSpec(steps=4)
    ((joint,),) = explain_together([Question([a, b], image, [(0,)], [4])], spec)
    single = explain(a, image, (0,), spec).map_HW
    assert joint.map_HW == pytest.approx(-single, abs=1e-5)
    assert explain_metrics.agreement(joint.maps_MHW) == pytest.approx(-1)


@pytest.mark.parametrize("method", ["gradcam", "smoothgrad", "occlusion"])
def test_other_methods_give_maps_without_a_gap_and_say_why(method):
    network = build(ModelSpec(backbone="test_resnet"), 3, size_px=48, seed=3).eval().requires_grad_(False)
    picture = torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(1))
    found = explain(network, picture, (1,), AttributionSpec(method=method, steps=4))
    assert found.map_HW.shape == (48, 48)
    assert np.isfinite(found.map_HW).all()
    assert found.gap is None
    assert method in found.why


def test_occlusion_finds_the_only_pixels_that_count():
    class Corner(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("mean", torch.zeros(1, 3, 1, 1))

        def forward(self, image):
            value = image[:, :, :8, :8].mean((1, 2, 3))
            return torch.stack([value, -value], 1)

    picture = torch.zeros(1, 3, 48, 48)
    picture[:, :, :8, :8] = 1
    found = explain(
        Corner().eval(), picture, (0,), AttributionSpec(method="occlusion", baseline="black")
    )
    mask = np.zeros((48, 48), bool)
    mask[:14, :14] = True
    assert explain_metrics.relevance_mass(found.map_HW, mask) == pytest.approx(1)


def test_blur_keeps_flat_pictures_and_total_light():
    flat = torch.full((1, 3, 20, 20), 0.3)
    torch.testing.assert_close(blurred(flat, 2.5), flat)
    spot = torch.zeros(1, 3, 41, 41)
    spot[:, :, 20, 20] = 1
    assert float(blurred(spot, 3.0)[0, 0].sum()) == pytest.approx(1, abs=1e-4)


def test_localisation_scores_on_maps_known_by_hand():
    mask = np.zeros((20, 20), bool)
    mask[5:10, 5:10] = True
    perfect = np.where(mask, 1.0, -1.0)
    assert explain_metrics.relevance_mass(perfect, mask) == 1
    assert explain_metrics.relevance_rank(perfect, mask) == 1
    assert explain_metrics.pointing_game(perfect, mask) == 1
    assert explain_metrics.overlap(perfect, mask) == 1
    assert explain_metrics.pointing_game(-perfect, mask) == 0
    assert explain_metrics.relevance_mass(np.ones((20, 20)), mask) == pytest.approx(mask.mean())
    assert explain_metrics.relevance_mass(-perfect * mask, mask) is None
    assert explain_metrics.relevance_rank(np.zeros((20, 20)), mask) is None
    assert explain_metrics.pointing_game(perfect, np.zeros((20, 20), bool)) is None
    assert explain_metrics.agreement(perfect[None]) is None


def test_deletion_and_insertion_of_the_right_pixels_are_extreme():
    """The probability is the mean light of the left half: a map of that half deletes best and inserts best."""
    image, fill = np.ones((3, 8, 8), np.float32), np.zeros((3, 8, 8), np.float32)
    left = np.zeros((8, 8), np.float32)
    left[:, :4] = 1

    def probability(taken):
        return np.where(taken, fill, image)[:, :, :, :4].mean(axis=(1, 2, 3))

    good = explain_metrics.perturbation_areas(left, probability)
    bad = explain_metrics.perturbation_areas(-left, probability)
    assert good[0] == pytest.approx(0.25)
    assert good[1] == pytest.approx(0.75)
    assert bad[0] == pytest.approx(0.75)
    assert bad[1] == pytest.approx(0.25)


def test_what_members_agree_on_is_what_their_sum_leaves():
    maps = np.array([[[2.0, 1.0, 0.0, -3.0]], [[1.0, -1.0, 0.0, 1.0]]])
    assert explain_metrics.agreed_share(maps).tolist() == [[1.0, 0.0, 0.0, 0.5]]


def test_skin_is_told_from_blue_cloth():
    picture = np.zeros((2, 3, 3), np.uint8)
    picture[0], picture[1] = (224, 172, 140), (40, 60, 160)
    assert explain_metrics.skin(picture).tolist() == [[True] * 3, [False] * 3]


@pytest.fixture(scope="module")
def explained(trained, bank, tmp_path_factory):
    out = tmp_path_factory.mktemp("explained")
    settings = ["steps=8", "max_steps=64", "gap=0.05"]
    found = explain_items(trained, read_manifest(bank), out, limit=6, settings=settings, device="cpu")
    return out, found, settings


def test_a_runs_report_holds_every_item_with_its_controls(explained, bank):
    out, found, _ = explained
    summary = json.loads((out / "summary.json").read_text())
    assert found.n_items == summary["items"] == 6
    assert {"predicted", "true"} <= set(summary["targets"])
    for target, own in summary["targets"].items():
        for name, estimate in own.items():
            if estimate["value"] is None:
                assert target == "contrast" or name == "agreement"
                continue
            above, control = (summary[place][target][name] for place in ("above_control", "control"))
            assert above["value"] == pytest.approx(estimate["value"] - control["value"])
            assert above["ci_low"] <= above["value"] <= above["ci_high"]
    record = json.loads((out / "items" / f"{file_name('HMI-10')}.json").read_text())
    assert set(record["weights"]) == {"fold0", "fold1"}
    assert record["maps"]["predicted"]["gap"] is not None
    assert ("contrast" in record["maps"]) == (record["answer"] != record["truth"])
    assert (out / "contact.png").is_file()
    assert "http" not in (out / "index.html").read_text().replace("http-equiv", "")


def test_every_score_stands_beside_random_weights_in_the_table_and_in_the_report(explained):
    out, _, _ = explained
    rows = list(csv.DictReader((out / "items.csv").open()))
    for name in SCORES:
        assert all(row[f"control_{name}"] for row in rows)
        assert all(bool(row[f"wrong_class_{name}"]) <= (row["target"] == "predicted") for row in rows)
    page = (out / "index.html").read_text()
    summary = json.loads((out / "summary.json").read_text())
    complete = summary["completeness"]["predicted"]
    assert complete["maps"] == 6
    assert complete["within"] == sum(float(row["gap"]) <= 0.05 for row in rows if row["target"] == "predicted")
    assert f"{complete['within']} of 6 maps add up" in page
    for name, (title, _) in WORDS.items():
        assert title in page
        assert in_words(summary["control"]["predicted"][name]) in page
        assert in_words(summary["above_control"]["predicted"][name]) in page


def test_classes_on_whose_lesions_maps_lie_no_more_than_those_of_random_weights_are_named(explained):
    out, _, _ = explained
    rows = [row for row in csv.DictReader((out / "items.csv").open()) if row["target"] == "predicted" and row["truth"] == "MA"]
    one = json.loads((out / "summary.json").read_text())["by_class"]["MA"]
    assert one["mass"]["n"] == len(rows) == 2
    assert one["above_control"]["value"] == pytest.approx(np.mean([float(r["mass"]) - float(r["control_mass"]) for r in rows]))

    def of(n, ci_low):
        return {"above_control": {"n": n, "ci_low": ci_low}}

    found = {"HMI": of(9, -0.1), "MA": of(2, -0.3), "ML": of(9, 0.2), "TSC": of(5, 0.0), "IP": of(3, None)}
    assert "by class (pictures): HMI (9), TSC (5). Where" in not_located_in_words(found)
    assert not_located_in_words({"ML": of(9, 0.2)}) == not_located_in_words(None) == ""


def test_a_controls_deletion_and_insertion_are_judged_by_the_trained_members(explained, trained, bank):
    """Recomputed by hand from the stored maps of the random networks and the members' own probabilities."""
    record = json.loads((explained[0] / "items" / f"{file_name('HMI-10')}.json").read_text())
    info = checkpoint.read_run(trained)
    item = next(i for i in read_manifest(bank).items if i.id == "HMI-10")
    square, _ = to_square(decode(item.path), 32, fit=info.cfg.data.fit, resample=info.cfg.data.resample)
    picture = torch.from_numpy(square).permute(2, 0, 1).float()[None] / 255
    networks = [load_member(info, name, "cpu") for name in record["weights"]]
    fill = baseline_of(picture, AttributionSpec(), networks[0].mean)[0].numpy()
    answer = info.labels.index(record["answer"])

    @torch.no_grad()
    def probability(taken):
        batch = np.where(taken, fill, picture[0].numpy())
        return np.mean([net(torch.from_numpy(batch)).softmax(1)[:, answer].numpy() for net in networks], axis=0)

    with np.load(explained[0] / "items" / f"{file_name('HMI-10')}.npz") as maps:
        controls = maps["control"]
    areas = [explain_metrics.perturbation_areas(m, probability) for m in controls]
    control = record["maps"]["predicted"]["control"]
    assert len(controls) == 2
    assert record["members_used"] == len(networks) or record["fallback"]
    assert [control["deletion"], control["insertion"]] == pytest.approx(np.mean(areas, axis=0).tolist(), abs=1e-5)
    assert control["agreement"] == pytest.approx(explain_metrics.agreement(controls))


def test_one_random_network_alone_has_no_agreement_and_says_why(trained, bank, tmp_path):
    settings = ["steps=4", "max_steps=4", 'targets=["predicted"]']
    explain_items(trained, read_manifest(bank), tmp_path, limit=2, controls=1, settings=settings, device="cpu")
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["control"]["predicted"]["agreement"]["value"] is None
    assert "fewer than two" in summary["control"]["predicted"]["agreement"]["why"]
    assert summary["control"]["predicted"]["insertion"]["value"] is not None


def test_a_stored_map_lies_on_the_pictures_own_pixels(explained, bank):
    item = next(i for i in read_manifest(bank).items if i.id == "HMI-10")
    assert read_map(explained[0], "HMI-10").shape == Image.open(item.path).size[::-1]
    with pytest.raises(CoreError, match="holds no explanation"):
        read_map(explained[0], "nobody")


def tables_of(out):
    return {name: (out / name).read_text() for name in ("items.csv", "regions.csv", "summary.json")}


def test_a_second_call_computes_nothing_and_a_changed_setting_computes_anew(explained, trained, bank):
    out, _, settings = explained
    path = out / "items" / f"{file_name('HMI-10')}.json"
    before, tables = path.stat().st_mtime_ns, tables_of(out)
    explain_items(trained, read_manifest(bank), out, limit=6, settings=settings, device="cpu")
    assert path.stat().st_mtime_ns == before
    picture = picture_path(out, "HMI-10")
    drawn = picture.read_bytes()
    assert tables_of(out) == tables  # records that are read give the rows of those that were computed, in their order
    explain_items(trained, read_manifest(bank), out, limit=1, settings=[*settings, "baseline=median"], device="cpu")
    assert path.stat().st_mtime_ns != before
    assert picture.read_bytes() != drawn


def test_pictures_explained_together_have_what_they_have_one_at_a_time(trained, bank, tmp_path, monkeypatch):
    """As on a GPU: in groups of four, cut short between them and continued."""
    told = []

    def explain_into(folder, **more):
        explain_items(
            trained, read_manifest(bank), tmp_path / folder, limit=7, settings=["steps=16", "max_steps=16"], device="cpu",
            **more,
        )  # fmt: skip
        with open(tmp_path / folder / "items.csv", newline="") as handle:
            return list(csv.DictReader(handle)), stored(folder)

    def stored(folder):
        return {path.stem: path for path in (tmp_path / folder / "items").glob("*.npz")}

    rows, alone = explain_into("alone")
    monkeypatch.setitem(run.TOGETHER, "cpu", 4)
    with pytest.raises(Cancelled, match="after 4 of 7 items"):
        explain_into("groups", on_event=told.append, cancelled=lambda: any(isinstance(one, ExplainProgress) for one in told))
    before = {name: path.stat().st_mtime_ns for name, path in stored("groups").items()}
    grouped, groups = explain_into("groups")
    assert len(before) == 4
    assert before.items() <= {name: path.stat().st_mtime_ns for name, path in groups.items()}.items()
    assert alone.keys() == groups.keys()
    for name, path in alone.items():
        with np.load(path) as maps, np.load(groups[name]) as others:
            assert list(maps) == list(others)
            for key in maps:
                assert np.abs(others[key] - maps[key]).max() <= 1e-4 * np.abs(maps[key]).max()
    assert [(row["item"], row["class"], row["answer"]) for row in grouped] == [
        (row["item"], row["class"], row["answer"]) for row in rows
    ]
    for name in ("deletion", "insertion", "agreement"):
        assert [float(row[name]) for row in grouped] == pytest.approx([float(row[name]) for row in rows], abs=0.01)


def test_an_item_on_which_the_ensemble_abstains_has_no_answer(trained, bank, tmp_path):
    settings = ["method=gradcam", "ensemble.fallback=abstain", "ensemble.threshold=1.0"]
    explain_items(trained, read_manifest(bank), tmp_path, limit=2, controls=0, settings=settings, device="cpu")
    with open(tmp_path / "items.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert {(row["answer"], row["members_used"], row["fallback"]) for row in rows} == {("", "0", "abstain")}
    assert all(row["class"] for row in rows)


def test_a_planted_watermark_shows_in_the_report(tmp_path, tiny_cfg):
    """Class B differs from class A by a corner mark alone: nearly all relevance must lie in that corner."""
    rng, rows = np.random.default_rng(0), []
    corner = np.zeros((32, 32), np.uint8)
    corner[1:9, 1:9] = 255
    Image.fromarray(corner).save(tmp_path / "mask.png")
    for k in range(48):
        label = "AB"[k % 2]
        pixels = rng.integers(90, 160, (32, 32, 3), dtype=np.uint8)
        if label == "B":
            pixels[2:8, 2:8] = (250, 250, 60)
        Image.fromarray(pixels).save(tmp_path / f"{k}.png")
        split = "test" if k >= 40 else "train"
        rows.append(
            {"item": k, "class": label, "view": "focused", "path": f"{k}.png", "split": split, "mask": "mask.png"}
        )
    write_rows(tmp_path / "manifest.csv", rows)
    cfg = replace(
        tiny_cfg, data=replace(tiny_cfg.data, augment="none"), recipe=replace(tiny_cfg.recipe, epochs=12, lr=3e-3)
    )
    manifest = read_manifest(tmp_path / "manifest.csv")
    train_ensemble(cfg, manifest, tmp_path / "run")
    with_mark = [str(k) for k in range(41, 48, 2)]
    found = explain_items(
        tmp_path / "run",
        manifest,
        tmp_path / "out",
        items=with_mark,
        settings=["steps=16", "max_steps=64"],
        device="cpu",
    )
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert found.n_items == 4
    assert summary["mask_share"]["value"] < 0.07
    assert summary["targets"]["true"]["mass"]["value"] > 0.5
    assert summary["targets"]["true"]["mass"]["value"] > 2 * summary["control"]["true"]["mass"]["value"]
    # The mark decides: putting back the pixels of the trained map makes the answer sooner than those of random weights.
    assert summary["above_control"]["true"]["insertion"]["ci_low"] > 0
    assert summary["above_control"]["true"]["deletion"]["ci_high"] < 0


def test_export_writes_onnx_that_gives_the_same_probabilities(trained, tmp_path, capsys):
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    assert main(["export", str(trained), "--out", str(tmp_path), "--quiet"]) == 0
    facts = json.loads((tmp_path / "export.json").read_text())
    assert facts["classes"] == ["HMI", "IP", "MA"]
    assert all(f["difference"] < 1e-5 for f in facts["files"].values())
    info = checkpoint.read_run(trained)
    assert {name: f["weights_sha256"] for name, f in facts["files"].items()} == {
        f"{name}.onnx": digest for name, digest in finished_members(info)
    }
    assert (facts["size_px"], facts["fit"], facts["resample"], facts["views"]) == (
        info.cfg.data.size_px, info.cfg.data.fit, info.cfg.data.resample, info.cfg.recipe.tta_views,
    )  # fmt: skip
    assert main(["export", str(trained), "--out", str(tmp_path / "no"), "--tolerance", "-1"]) == 2
    assert "fold0.onnx was not kept: its probabilities differ from torch's by up to" in capsys.readouterr().err
    assert not list((tmp_path / "no").glob("*"))


def test_isic_files_are_read_as_published_with_a_table_that_can_be_changed(tmp_path, bank, capsys):
    picture = read_manifest(bank).items[0].path.read_bytes()
    for name in ("ISIC_1", "ISIC_2", "ISIC_3", "ISIC_4"):
        (tmp_path / f"{name}.jpg").write_bytes(picture)
    (tmp_path / "2019.csv").write_text("image,MEL,NV,UNK\nISIC_1,1.0,0.0,0.0\nISIC_2,0.0,1.0,0.0\n")
    (tmp_path / "2020.csv").write_text(
        "image_name,patient_id,diagnosis,tfrecord\nISIC_3,IP_7,seborrheic keratosis,20\n"
        "ISIC_4,IP_8,cafe-au-lait macule,3\nISIC_9,IP_9,nevus,-1\n"
    )
    for year in ("2019", "2020"):
        argv = ["isic", str(tmp_path / f"{year}.csv"), str(tmp_path), "--out", str(tmp_path / f"{year}-out.csv")]
        assert main(argv) == 0
    old, new = (read_manifest(tmp_path / f"{year}-out.csv").items for year in ("2019", "2020"))
    assert [i.label for i in old] == ["melanoma", "nevus"]
    assert [(i.label, i.fold, i.group) for i in new] == [("BKL", 0, "isic:IP_7"), ("unknown", 3, "isic:IP_8")]
    (tmp_path / "labels.toml").write_text('[labels]\n"seborrheic keratosis" = "SK"\n"cafe-au-lait macule" = ""\n')
    argv = ["isic", str(tmp_path / "2020.csv"), str(tmp_path), "--labels", str(tmp_path / "labels.toml")]
    assert main([*argv, "--out", str(tmp_path / "own.csv")]) == 0
    assert [i.label for i in read_manifest(tmp_path / "own.csv").items] == ["SK"]
    (tmp_path / "bad.csv").write_text("image_name,diagnosis\nISIC_1,plague\nISIC_8,nevus\n")
    assert main(["isic", str(tmp_path / "bad.csv"), str(tmp_path), "--out", str(tmp_path / "x.csv")]) == 2
    error = capsys.readouterr().err
    assert "line 2: label 'plague'" in error
    assert "line 3: there is no picture ISIC_8.jpg" in error
