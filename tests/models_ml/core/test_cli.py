import csv
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from models_ml.core import read_manifest
from models_ml.core.cli import _parser, main
from models_ml.core.config import preset, read_config
from models_ml.core.pictures.audit import audit, leak_cost
from models_ml.core.pictures.folds import with_folds
from models_ml.core.training.card import _held_out
from tests.models_ml.core.drawn import write_rows

SMALL = ["train", "{bank}", "--preset", "tiny", "--view", "focused", "--out", "{tmp}/r"]


def small(bank, out, *more):
    return ["train", str(bank), "--view", "focused", "--preset", "tiny", "--set", "recipe.epochs=1", "--set",
            "recipe.batch_size=8", "--set", "data.size_px=32", "--set", "data.folds=2", "--set",
            "model.backbone=test_efficientnet", "--quiet", "--out", str(out), *more]  # fmt: skip


def test_from_a_manifest_to_a_judged_ensemble(bank, tmp_path, capsys):
    run = tmp_path / "run"
    assert main(small(bank, run)) == 0
    assert main(["predict", str(run), str(bank), "--split", "test", "--out", str(tmp_path / "p.csv"), "--quiet"]) == 0
    assert main(["ensemble", str(tmp_path / "p.csv"), "--out", str(tmp_path / "e.csv")]) == 0
    assert main(["evaluate", str(tmp_path / "p.csv"), "--manifest", str(bank), "--out", str(tmp_path / "ev.json")]) == 0
    assert main(["evaluate", str(run)]) == 0
    assert main(["card", str(run)]) == 0
    assert main(["doctor", str(run)]) == 0
    text = capsys.readouterr().out
    assert "12 items" in text
    assert re.search(r"probabilities: calibration error 0\.\d+, Brier \d\.\d+", text)
    assert "Not a medical device" in text
    assert "checksums agree" in text
    suggested = [line.split()[4:] for line in text.splitlines() if line.startswith("Next: python -m models_ml.core ")]
    assert [_parser().parse_args(words).manifest for words in suggested] == [str(bank)] * 2
    rows = list(csv.DictReader((tmp_path / "p.csv").read_text().splitlines()))
    assert len(rows) == 24
    assert {row["member"] for row in rows} == {"fold0", "fold1"}
    assert all(sum(float(row[c]) for c in row if c.startswith("p_")) == pytest.approx(1) for row in rows)
    judged = json.loads((tmp_path / "ev.json").read_text())["results"][0]
    counts = np.array(judged["ensemble"]["confusion"]["counts"])
    assert counts.sum() == 12
    for k, name in enumerate(("HMI", "IP", "MA")):
        assert re.search(rf"^{name} +4 +{counts[k, k] / 4:.3f} ", text, re.MULTILINE)
    assert judged["ensemble"]["accuracy"]["value"] == pytest.approx(np.trace(counts[:, :3]) / 12)
    listed = (run / "fold0/SHA256SUMS").read_text()
    assert all(name in listed for name in ("weights.safetensors", "config.toml", "metrics.jsonl", "oof.csv", "card.md"))


def test_a_second_training_command_only_adds_what_is_missing(bank, tmp_path, capsys):
    assert main(small(bank, tmp_path / "run", "--fold", "1")) == 0
    before = (tmp_path / "run/fold1/weights.safetensors").stat().st_mtime_ns
    assert main(["train", str(bank), "--quiet", "--out", str(tmp_path / "run")]) == 0
    assert (tmp_path / "run/fold1/weights.safetensors").stat().st_mtime_ns == before
    assert (tmp_path / "run/fold0/result.json").is_file()


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["train", "{bank}", "--out", "{tmp}/r"], "Say what to train"),
        (["train", "{bank}", "--preset", "huge", "--out", "{tmp}/r"], "There is no preset 'huge'"),
        (["train", "{bank}", "--preset", "tiny", "--view", "side", "--out", "{tmp}/r"], "no pictures of view 'side'"),
        (["train", "{bank}", "--preset", "tiny", "--folds", "x", "--out", "{tmp}/r"], "Folds are whole numbers"),
        (["train", "{bank}", "--preset", "tiny", "--fold", "9", "--out", "{tmp}/r"], "Fold 9 has no pictures"),
        (["train", "{tmp}/none.csv", "--preset", "tiny", "--out", "{tmp}/r"], "A manifest in CSV"),
        (["predict", "{tmp}", "{bank}", "--out", "{tmp}/p.csv"], "is not a run directory"),
        (["ensemble", "{tmp}/none.csv", "--out", "{tmp}/e.csv"], "Predictions in CSV"),
        (["train", "{bank}", "--config", "{tmp}/picture", "--out", "{tmp}/r"], "picture: it is no text in UTF-8."),
        (["ensemble", "{tmp}/picture", "--out", "{tmp}/e.csv"], "picture: it is no text in UTF-8."),
        (["isic", "{bank}", "{tmp}", "--labels", "{tmp}/picture", "--out", "{tmp}/i.csv"], "it is no text in UTF-8."),
        (["isic", "{tmp}/isic.csv", "{tmp}", "--out", "{tmp}/i.csv"], "line 2: tfrecord must be a whole number; it is 'x'"),
        (["split", "{bank}", "--view", "focused", "--folds", "1", "--out", "{tmp}/s.csv"], "1 folds are asked for; 2 to"),
        (["split", "{bank}", "--view", "focused", "--folds", "99", "--out", "{tmp}/s.csv"], "99 folds are asked for; 2 to 30"),
        (["explain", "{tmp}", "{bank}", "--limit", "0", "--out", "{tmp}/x"], "At least one item (--limit)"),
        (["explain", "{tmp}", "{bank}", "--controls", "-1", "--out", "{tmp}/x"], "no less than 0 networks"),
        ([*SMALL, "--device", "tpu"], "There is no device 'tpu'; there are auto, cpu and cuda"),
        ([*SMALL, "--set", "model.backbone=no_such"], "timm has no network 'no_such'"),
        ([*SMALL, "--set", "model.backbone_args={foo=1}"], "model.backbone_args do not suit 'test_resnet'"),
        ([*SMALL, "--set", "model.backbone=test_vit", "--set", "data.size_px=50"], "cannot take pictures of 50 px"),
        ([*SMALL, "--set", "data.size_px=2"], "data.size_px must lie in 16 to 4096 pixels; it is 2."),
        ([*SMALL, "--set", "model.weights={tmp}/none.pth"], "Pretrained weights were expected at"),
        ([*SMALL, "--set", "epochs=3"], "There is no setting 'epochs'; recipe.epochs may be meant."),
        ([*SMALL, "--set", "recipe.bach_size=3"], "recipe.batch_size"),
        ([*SMALL, "--set", "recipe.zzz=3"], "the command config prints all of them"),
        (["bench", "--seconds", "0"], "A measurement takes some seconds"),
        (["compare", "{tmp}/one.csv"], "Two networks or more are needed"),
        (["compare", "{tmp}", "{tmp}"], "is not a run directory"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(bank, tmp_path, capsys, argv, words):
    (tmp_path / "picture").write_bytes(b"\xff\xd8\xff\xe0")
    (tmp_path / "isic.csv").write_text("image_name,diagnosis,tfrecord\nISIC_1,nevus,x\n")
    assert main([a.replace("{bank}", str(bank)).replace("{tmp}", str(tmp_path)) for a in argv]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error
    assert not (tmp_path / "r").exists()


def test_the_items_asked_for_must_be_a_text_file(trained, bank, tmp_path, capsys):
    (tmp_path / "picture").write_bytes(b"\xff\xd8\xff\xe0")
    command = ["predict", str(trained), str(bank), "--items", str(tmp_path / "picture"), "--out", str(tmp_path / "p.csv")]
    assert main(command) == 2
    assert "A list of items was expected at" in capsys.readouterr().err


def test_another_studys_manifest_cannot_give_the_clusters(trained, bank, tmp_path, capsys):
    predict = ["predict", str(trained), str(bank), "--out", str(tmp_path / "p.csv"), "--quiet"]
    assert main(predict) == 0
    other = read_manifest(bank)
    replace(other, items=tuple(replace(i, id=f"other-{i.id}") for i in other.items)).write(tmp_path / "other.csv")
    assert main(["evaluate", str(tmp_path / "p.csv"), "--manifest", str(tmp_path / "other.csv")]) == 2
    assert "12 of the 12 pictures are not in" in capsys.readouterr().err


def test_two_runs_are_compared_on_the_pictures_that_both_held_out(trained, bank, tmp_path, capsys):
    other = tmp_path / "other"
    assert main(small(bank, other, "--set", "recipe.seed=5")) == 0
    capsys.readouterr()
    assert main(["compare", str(trained), str(other)]) == 0
    pair, settings = capsys.readouterr().out.splitlines()
    known = [{row["item"]: row for row in csv.DictReader((run / "oof.csv").open())} for run in (trained, other)]
    right = [
        {item: max(("HMI", "IP", "MA"), key=lambda name: float(row[f"p_{name}"])) == row["truth"] for item, row in rows.items()}
        for rows in known
    ]
    alone = [sum(one[item] and not two[item] for item in one) for one, two in (right, right[::-1])]
    assert pair.endswith(f"n = 30; right alone: {alone[0]} and {alone[1]}")
    assert f"accuracy {(alone[0] - alone[1]) / 30:+.3f} [" in pair
    assert "recipe.seed is 5, was 0" in settings


def test_files_of_predictions_are_compared_with_themselves_without_a_difference(trained, bank, tmp_path, capsys):
    out = tmp_path / "p.csv"
    assert main(["predict", str(trained), str(bank), "--out", str(out), "--quiet"]) == 0
    capsys.readouterr()
    assert main(["compare", str(out), str(out), "--manifest", str(bank)]) == 0
    assert "accuracy +0.000 [+0.000, +0.000], Brier +0.000 [+0.000, +0.000], exact p = 1, n = 12" in capsys.readouterr().out
    assert main(["compare", str(trained), str(out)]) == 0
    assert "answered no picture both" in capsys.readouterr().out


def test_a_temperatures_effect_is_told_beside_what_was_before(trained, bank, tmp_path, capsys):
    out, found = tmp_path / "p.csv", {}
    assert main(["predict", str(trained), str(bank), "--out", str(out), "--quiet"]) == 0
    for name, more in (("plain", []), ("calibrated", ["--calibrated", str(trained)])):
        capsys.readouterr()
        assert main(["evaluate", str(out), *more]) == 0
        found[name] = [line for line in capsys.readouterr().out.splitlines() if "calibration error" in line]
    (plain,) = found["plain"]
    assert found["calibrated"][1] == plain.replace("probabilities:", "probabilities without the temperature:")
    assert found["calibrated"][0] != plain


def test_recorded_folds_that_are_not_as_many_as_asked_for_are_named(bank, tmp_path, capsys):
    with_folds(read_manifest(bank), folds=3, source="grouped", seed=0).write(tmp_path / "folds.csv")
    assert main(small(tmp_path / "folds.csv", tmp_path / "run", "--fold", "0")) == 0
    assert "has 3 folds, which are taken; data.folds=2 counts only where folds are drawn" in capsys.readouterr().err
    assert main(small(tmp_path / "folds.csv", tmp_path / "drawn", "--fold", "0", "--set", "data.fold_source=grouped")) == 0
    assert "note:" not in capsys.readouterr().err


def test_the_card_says_how_the_run_did_and_on_what(trained):
    card = (trained / "card.md").read_text()
    rows = list(csv.DictReader((trained / "oof.csv").open()))
    right = sum(max(("HMI", "IP", "MA"), key=lambda name: float(row[f"p_{name}"])) == row["truth"] for row in rows)
    assert f"- accuracy {right / 30:.3f} (" in card
    assert re.search(r"^\| HMI \| 10 \| \d\.\d{3} \|", card, re.MULTILINE)
    assert re.search(r"training took .* s; seed 0", card)
    assert card.startswith("# tiny: ensemble of 2 networks")
    assert "s on 1 processor thread; python" in (trained / "fold0/card.md").read_text()


def test_the_cards_skin_tones_stand_in_their_order_and_a_class_never_answered_is_said():
    judged = {
        "out_of_fold": {
            "n": 4, "accuracy_clustered": {"value": 0.5, "ci_low": None, "ci_high": None}, "brier": 1.0, "log_loss": 1.0,
            "balanced_accuracy": {"value": 0.5, "ci_low": 0.1, "ci_high": 0.9}, "calibration": {"ece": 0.0},
            "confusion": {"classes": ["A", "B"], "counts": [[2, 0, 0], [2, 0, 0]]},
        },
        "skin_tone": [{"skin_tone": t, "n": 1, "value": 1.0, "ci_low": None, "ci_high": None} for t in ("10", "dark", "2")],
    }  # fmt: skip
    lines = _held_out(judged)
    assert "| A | 2 | 1.000 | 0.500 |" in lines
    assert "| B | 2 | 0.000 | never answered |" in lines
    assert [line.split(" | ")[0] for line in lines[-3:]] == ["| 2", "| 10", "| dark"]


def test_a_printed_configuration_is_one_that_can_be_given_back(tmp_path, capsys):
    assert main(["config", "--preset", "modern", "--set", "recipe.epochs=7"]) == 0
    (tmp_path / "mine.toml").write_text(capsys.readouterr().out)
    assert read_config(tmp_path / "mine.toml") == preset("modern", epochs=7)


def test_every_option_of_every_command_is_explained():
    commands = next(a for a in _parser()._actions if a.dest == "==SUPPRESS==" or a.choices).choices
    silent = [
        f"{name} {option.option_strings[0]}"
        for name, command in commands.items() for option in command._actions
        if option.option_strings and not option.help
    ]  # fmt: skip
    assert len(commands) == 16
    assert silent == []


def test_doctor_names_what_training_needs(capsys):
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert all(words in said for words in ("torch ", "captum ", "GiB free on the disk", "main memory: "))


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 8 bytes")])
def test_no_memory_in_any_command_is_one_sentence_and_other_faults_stay_visible(monkeypatch, bank, tmp_path, capsys, error):
    from models_ml.core.answers import predict

    def fail(*arguments, **settings):
        raise error

    monkeypatch.setattr(predict, "predict_items", fail)
    command = ["predict", str(tmp_path), str(bank), "--out", str(tmp_path / "p.csv"), "--quiet"]
    assert main(command) == 2
    said = capsys.readouterr().err
    assert "error: The device ran out of memory; what was saved before is kept." in said
    assert said.count("\n") == 1
    error = RuntimeError("shapes cannot be multiplied")
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        main(command)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [("train", "the following arguments are required"), ("evaluate p.csv --seed -1", "a seed is a whole number, 0 or more; found '-1'")],
)
def test_bad_usage_exits_2(capsys, words, sentence):
    with pytest.raises(SystemExit) as caught:
        main(words.split())
    assert caught.value.code == 2
    assert sentence in capsys.readouterr().err


@pytest.fixture
def leaky(bank, tmp_path):
    """A re-encoded, slightly cropped copy of a fold-0 picture is put into fold 1."""
    manifest = with_folds(read_manifest(bank), folds=2, source="grouped", seed=0)
    rng = np.random.default_rng(0)
    smooth = Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)).resize(
        (200, 200), Image.Resampling.BICUBIC
    )
    smooth.save(tmp_path / "original.png")
    smooth.crop((2, 2, 198, 198)).resize((190, 190)).save(tmp_path / "copy.jpg", quality=70)
    items = [i for i in manifest.items if i.split == "test" or i.fold is not None]
    one, two = (next(k for k, i in enumerate(items) if i.fold == f and i.label == "HMI") for f in (0, 1))
    items[one] = replace(items[one], path=tmp_path / "original.png")
    items[two] = replace(items[two], path=tmp_path / "copy.jpg")
    changed = replace(manifest, items=tuple(items))
    changed.write(tmp_path / "leaky.csv")
    return tmp_path / "leaky.csv", items[one].id, items[two].id


def test_a_reencoded_crop_in_another_fold_fails_the_audit(leaky, bank, capsys):
    path, one, two = leaky
    assert main(["audit", str(path)]) == 1
    text = capsys.readouterr().out
    assert one in text
    assert two in text
    assert "1 leaks" in text
    assert main(["audit", str(bank)]) == 0


def test_split_with_duplicates_keeps_them_together_and_passes_the_audit(leaky, tmp_path, capsys):
    path, one, two = leaky
    out = tmp_path / "folds.csv"
    assert main(["split", str(path), "--folds", "2", "--duplicates", "--out", str(out)]) == 0
    fold = {i.id: i.fold for i in read_manifest(out).items}
    assert fold[one] == fold[two]
    assert main(["audit", str(out)]) == 0


def test_the_cost_of_leaks_is_the_accuracy_without_them(leaky, tmp_path):
    path, one, two = leaky
    head = {"model": "m", "member": "fold0", "view": "focused", "truth": "HMI"}
    given = ((one, 1), (two, 1), ("HMI-5", 0), ("HMI-6", 1))
    rows = [{**head, "item": name, "p_HMI": p, "p_IP": 1 - p} for name, p in given]
    write_rows(tmp_path / "oof.csv", rows)
    manifest = read_manifest(path)
    cost = leak_cost(audit(manifest), manifest, tmp_path / "oof.csv")
    assert (cost.accuracy_all, cost.n_all, cost.accuracy_clean, cost.n_clean) == (0.75, 4, 0.5, 2)


def test_a_group_in_two_folds_is_a_leak(bank):
    manifest = with_folds(read_manifest(bank), folds=2, source="grouped", seed=0)
    items = tuple(replace(i, group="p") if i.id in ("HMI-0", "HMI-1", "HMI-2") else i for i in manifest.items)
    forced = tuple(replace(i, fold=0 if i.id == "HMI-0" else 1) if i.group else i for i in items)
    found = audit(replace(manifest, items=forced), pictures=False)
    assert found.leaks
    assert all(p.reason == "group" for p in found.leaks)
