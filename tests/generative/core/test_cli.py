"""The commands as a person types them: import, render, train, generate, morph, mix, project, evaluate, audit."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from generative.core import commands
from generative.core.cli import build_parser, main, seed_list
from generative.core.commands import telling
from tests.generative.core.drawn import FAST, drawn_manifest

ROOT = Path(__file__).resolve().parents[3]


def refused(capsys, *arguments):
    """Run a command that must end with status 2 and return its one sentence."""
    assert main([str(a) for a in arguments]) == 2
    text = capsys.readouterr().err.strip()
    assert "Traceback" not in text
    assert len(text.splitlines()) == 1
    return text


def test_import_and_render_match_the_reference_to_1e5(tmp_path, reference, capsys):
    weights, out = tmp_path / "weights", tmp_path / "out.npz"
    assert main(["import", str(reference / "nv_r32_c3.pkl"), "--out", str(weights), "--licence", "non-commercial"]) == 0
    assert "non-commercial" in capsys.readouterr().out
    want = np.load(reference / "nv_r32_c3.io.npz")
    for truncation, noise, ws, image in ((1.0, "const", "ws", "img_const"), (1.0, "none", "ws", "img_none"),
                                         (0.7, "const", "ws_psi0.7", "img_const_psi0.7")):  # fmt: skip
        np.savez(tmp_path / "in.npz", z=want["z"], c=want["c"], truncation=truncation, noise=noise)
        assert main(["render", str(weights), str(tmp_path / "in.npz"), "--out", str(out)]) == 0
        with np.load(out) as found:
            assert np.array_equal(found["ws"], want[ws])
            assert found["images"].dtype == np.float32
            assert np.abs(found["images"] - want[image]).max() < 1e-5


def test_render_refuses_bad_inputs(tmp_path, pytorch_folder, capsys):
    given = tmp_path / "in.npz"
    for content, found in (
        ({"z": np.zeros((2, 5)), "c": np.zeros((2, 3))}, r"z of shape (N, 32); found (2, 5)"),
        ({"z": np.zeros((2, 32))}, "c of shape (N, 3); found None"),
        ({"z": np.zeros((2, 32)), "c": np.zeros((1, 3))}, "z has 2 rows and c 1"),
        ({"z": np.full((2, 32), np.nan), "c": np.zeros((2, 3))}, "not finite"),
        ({"z": np.zeros((2, 32)), "c": np.zeros((2, 3)), "noise": "loud"}, "const or none"),
    ):
        np.savez(given, **content)
        assert found in refused(capsys, "render", pytorch_folder, given, "--out", tmp_path / "o.npz")
    for content in (b"", b"x", b"PK\x03\x04broken"):
        given.write_bytes(content)
        assert "cannot be read" in refused(capsys, "render", pytorch_folder, given, "--out", tmp_path / "o.npz")
    assert not (tmp_path / "o.npz").exists()


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path, trained, capsys):
    manifest, weights = trained
    (tmp_path / "file").touch()
    inside = tmp_path / "file" / "x"
    judged = [manifest.parent, "--manifest", manifest, "--resolution", "16"]
    for arguments in (
        ["generate", weights, "--seeds", "0", "--out", inside],
        ["generate", weights, "--seeds", "0", "--out", inside.with_suffix(".zip")],
        ["evaluate", *judged, "--out", inside],
        ["audit", *judged, "--out", tmp_path / "file"],
        ["train", manifest, *FAST, "--out", inside],
    ):
        assert str(tmp_path / "file") in refused(capsys, *arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_probe_without_its_network_is_refused_before_the_search(tmp_path, trained, capsys):
    manifest, weights = trained
    words = ["audit", manifest.parent, "--manifest", manifest, "--resolution", "16", "--probe", "2", "--out", tmp_path / "audit"]
    assert "--probe needs --weights" in refused(capsys, *words)
    assert "no network.json" in refused(capsys, *words, "--weights", tmp_path)
    assert not (tmp_path / "audit").exists()


def test_five_commands_from_a_published_file_to_an_audited_set(tmp_path, reference, capsys):
    """import, morph, evaluate, audit, regenerate."""
    weights, morph = tmp_path / "weights", tmp_path / "morph"
    manifest = drawn_manifest(tmp_path / "data", n=40, resolution=32)
    pickle = reference / "tf_morphnf1_r32_avg.pkl"
    assert main(["import", str(pickle), "--out", str(weights), "--classes", "late,early,intermediate"]) == 0
    assert main(["morph", str(weights), "--from", "early", "--to", "late", "--seeds", "0-1", "--steps", "5",
                 "--spacing", "perceptual", "--truncation", "0.7", "--out", str(morph)]) == 0  # fmt: skip
    with Image.open(morph / "strip.png") as strip, Image.open(morph / "morph-1.webp") as film:
        assert strip.size == (5 * 32, 2 * 32)
        assert film.n_frames == 8
    page = (morph / "index.html").read_text()
    assert page.count("data:image/") == 3
    assert "http" not in page
    judged = ["--manifest", str(manifest), "--resolution", "32"]
    assert main(["evaluate", str(morph), *judged, "--out", str(tmp_path / "e.json")]) == 0
    report = json.loads((tmp_path / "e.json").read_text())
    assert report["kid"]["low"] < report["kid"]["value"] < report["kid"]["high"]
    assert report["kid"]["value"] > report["kid_baselines"]["split_half"]["high"]
    assert {row["class"] for row in report["kid_by_class"]} == {"early", "intermediate", "late"}
    assert len(report["morphs"]) == 2
    assert report["label_fidelity"]["why"]
    assert "not a trained network" in report["features"]
    assert main(["audit", str(morph), *judged, "--out", str(tmp_path / "audit")]) in (0, 1)
    assert json.loads((tmp_path / "audit" / "audit.json").read_text())["schema"] == "audit/1"
    assert main(["regenerate", str(weights), str(morph)]) == 0
    said = capsys.readouterr().out
    suggested = [line.split()[4:] for line in said.splitlines() if line.startswith("Next: python -m generative.core ")]
    assert [vars(build_parser().parse_args(words))["command"] for words in suggested] == ["morph", "evaluate", "audit"]
    for line in (f"KID {report['kid']['value']:.4g} [", "2 strips: largest step ", "gives their own label: the features are not a classifier's"):
        assert line in said


def test_work_that_takes_long_says_how_far_it_is(tmp_path, trained, monkeypatch):
    _, weights = trained
    told, save = [], telling.save_json
    monkeypatch.setattr(telling, "save_json", lambda path, content: told.append((path, content)) or save(path, content))
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    for name, words, last in (
        ("generate", ["--seeds", "0-2"], {"what": "making the pictures", "done": 9, "total": 9}),
        ("morph", ["--from", "early", "--to", "late", "--seeds", "0-1", "--steps", "3"], {"what": "making the pictures", "done": 6, "total": 6}),
        ("mix", ["--rows", "0-1", "--columns", "2-4", "--row-class", "late", "--column-class", "early"],
         {"what": "making the pictures", "done": 11, "total": 11}),
        ("project", [str(tmp_path / "a.png"), "--class", "late", "--steps", "4"], {"what": "searching for the style", "done": 4, "total": 4}),
    ):  # fmt: skip
        told.clear()
        assert main([name, str(weights), *words, "--progress", str(tmp_path / "far.json"), "--out", str(tmp_path / name)]) == 0
        assert {path for path, _ in told} == {tmp_path / "far.json"}
        assert told[0][1]["done"] == 1
        assert told[-1][1] == last
        assert not (tmp_path / "far.json").exists()


def test_an_audit_of_training_pictures_fails_with_status_one(tmp_path, trained, capsys):
    """The 'generated' set is the training folder itself: an image set of any generator needs only its manifest."""
    manifest = drawn_manifest(tmp_path / "data", n=40, resolution=32, seed=4)
    assert main(["audit", str(manifest.parent), "--manifest", str(manifest), "--resolution", "32", "--out",
                 str(tmp_path / "audit")]) == 1  # fmt: skip
    content = json.loads((tmp_path / "audit" / "audit.json").read_text())
    assert len(content["quarantined"]) >= 32
    assert (tmp_path / "audit" / "curators-only" / "quarantine.csv").exists()


def test_generate_mix_and_project_write_sets(tmp_path, trained):
    _, weights = trained
    assert main(["generate", str(weights), "--seeds", "3,5", "--truncation", "0.8", "--centre", "class", "--out",
                 str(tmp_path / "set.zip")]) == 0  # fmt: skip
    assert main(["regenerate", str(weights), str(tmp_path / "set.zip")]) == 0
    assert main(["mix", str(weights), "--rows", "1,2", "--columns", "3-5", "--row-class", "early", "--column-class",
                 "late", "--coarse-to", "4", "--out", str(tmp_path / "mix")]) == 0  # fmt: skip
    with Image.open(tmp_path / "mix" / "grid.png") as grid:
        assert grid.size == (4 * 8, 3 * 8)
    picture = tmp_path / "mix" / "images" / "00000.png"
    assert main(["project", str(weights), str(picture), "--class", "late", "--steps", "5", "--out",
                 str(tmp_path / "p")]) == 0  # fmt: skip
    plan = json.loads((tmp_path / "p" / "set.json").read_text())["plan"]
    assert plan["distance"] <= plan["start_distance"]
    assert (plan["of"], len(plan["curve"])) == ("00000.png", 5)
    assert {"pair.png", "index.html"} <= {path.name for path in (tmp_path / "p").iterdir()}
    assert main(["regenerate", str(weights), str(tmp_path / "p")]) == 0
    page = (tmp_path / "p" / "index.html").read_text()
    assert "only the right one is generated" in page
    assert "no patient is shown" not in page
    page = (tmp_path / "mix" / "index.html").read_text()
    assert '<figure style="width:512px">' in page, "eight pixels are shown as 128"
    assert "<li>3</li><li>4</li><li>5</li>" in page



MAKING = {
    "generate": ["--seeds", "3"],
    "morph": ["--from", "early", "--to", "late", "--seeds", "3", "--steps", "3", "--spacing", "perceptual"],
    "mix": ["--rows", "1", "--columns", "2", "--row-class", "early", "--column-class", "late"],
}


@pytest.mark.parametrize("command", MAKING)
def test_truncation_of_the_first_layers_is_recorded_and_made_again(command, tmp_path, trained, capsys):
    """By a size or by a number of layers: the same pictures, others than with all layers truncated, made again to the byte."""
    weights, sets = str(trained[1]), {}
    for name, cutoff in (("all", []), ("size", ["--truncation-to", "4"]), ("layers", ["--truncation-layers", "1"])):
        assert main([command, weights, *MAKING[command], "--truncation", "0.2", *cutoff, "--out", str(tmp_path / name)]) == 0
        sets[name] = json.loads((tmp_path / name / "set.json").read_text())
        assert main(["regenerate", weights, str(tmp_path / name)]) == 0
    assert "cutoff" not in sets["all"]["plan"]
    assert sets["size"]["plan"]["cutoff"] == 1
    assert sets["size"]["set_hash"] == sets["layers"]["set_hash"]
    assert sets["size"]["images"] != sets["all"]["images"]
    assert "1 of 4" in (tmp_path / "size" / "index.html").read_text()
    assert "first 1 to 4 layers of this network; found 9" in refused(
        capsys, command, weights, *MAKING[command], "--truncation-layers", "9", "--out", tmp_path / "none")  # fmt: skip
    assert not (tmp_path / "none").exists()


def test_bad_requests_are_one_sentence_with_status_two(tmp_path, trained, capsys):
    manifest, weights = trained
    out = tmp_path / "out"
    base = ["train", manifest, *FAST, "--out", out]
    assert "none of early, mature" in refused(capsys, *base, "--classes", "early,mature")
    assert "no recipe 'best'" in refused(capsys, "train", manifest, "--recipe", "best", "--out", out)
    assert "power of two" in refused(capsys, "train", manifest, "--recipe", "tiny", "--resolution", "100", "--out", out)
    assert "no recipe option speed" in refused(capsys, *base, "--set", "speed=3")
    assert "lr must be a number; found 'fast'" in refused(capsys, *base, "--set", "lr=fast")
    assert "its views are focused" in refused(capsys, *base, "--view", "panoramic")
    assert "at least 500 pictures" in refused(capsys, *base, "--set", "minimum_images=500")
    asked = {"train": base, "generate": ["generate", weights, "--out", out], "audit": ["audit", weights, "--manifest", manifest, "--out", out]}
    for command, words in asked.items():
        text = refused(capsys, *words, "--device", "abacus")
        assert text == f"{command}: There is no device 'abacus'; give --device auto (a GPU where there is one), cpu, cuda (cuda:1 is the second GPU)."
    if not torch.cuda.is_available():
        assert "A GPU was asked for (--device cuda) and cannot be used here (" in refused(capsys, *asked["generate"], "--device", "cuda")
    assert "no class 'old'" in refused(capsys, "generate", weights, "--classes", "old", "--out", out)
    assert "two different classes" in refused(capsys, "morph", weights, "--from", "late", "--to", "late", "--out", out)
    assert "holds no network.json" in refused(capsys, "generate", tmp_path, "--out", out)
    newest = tmp_path / "trained" / "snapshots" / "kimg-0000002.000"
    newest.mkdir(parents=True)
    (newest / "network.json").touch()
    assert f"newest weights are {newest}," in refused(capsys, "generate", tmp_path / "trained", "--out", out)
    assert "cannot be read as a picture" in refused(
        capsys, "project", weights, manifest, "--class", "late", "--out", out)  # fmt: skip
    judged = ["--manifest", manifest, "--resolution", "8", "--out", out]
    assert "neither set.json nor manifest.csv" in refused(capsys, "evaluate", weights, *judged)
    data = Path(manifest).parent
    assert "not a classifier's fold" in refused(capsys, "evaluate", data, *judged, "--features", tmp_path)
    assert not out.exists()


def test_bad_rows_are_all_reported_with_their_lines(tmp_path, capsys):
    manifest = drawn_manifest(tmp_path / "data", n=30, resolution=8)
    lines = manifest.read_text().splitlines()
    lines[2] = lines[2].replace(".png", ".gone")
    lines[4] = lines[4].replace("3.png", "../../outside.png")
    (tmp_path / "data" / "6.png").write_bytes(b"not a picture")
    lines[9] = lines[9].replace("train", "validation")
    manifest.write_text("\n".join(lines) + "\n")
    text = refused(capsys, "train", manifest, *FAST, "--out", tmp_path / "out")
    assert "4 bad rows" in text
    for found in ("line 3", "line 5", "outside the manifest's folder", "line 8", "line 10", "neither train nor test"):
        assert found in text


@pytest.mark.parametrize(
    ("words", "found"),
    [("train m.csv --out r --seed -1", "0 or more, is needed; found '-1'"), ("audit s.zip --manifest m.csv --out a --seed x", "found 'x'"),
     ("evaluate s.zip --manifest m.csv --out e --resolution 0", "a whole number, 1 or more, is needed; found '0'"),
     ("generate w --out s --seeds 9-1", "the range '9-1' is empty")],
)  # fmt: skip
def test_numbers_that_cannot_be_are_refused_with_the_option_they_belong_to(capsys, words, found):
    with pytest.raises(SystemExit) as caught:
        main(words.split())
    assert (caught.value.code, found in capsys.readouterr().err) == (2, True)


def test_seeds_are_lists_and_ranges():
    assert seed_list("0-3,17") == (0, 1, 2, 3, 17)


def test_every_option_says_what_it_is():
    (known,) = (action for action in build_parser()._actions if action.dest == "command")
    silent = [f"{name} {action.dest}" for name, sub in known.choices.items() for action in sub._actions if not action.help]
    assert silent == []


def test_out_of_memory_on_a_gpu_is_one_sentence(monkeypatch, capsys):
    def full(options):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")

    monkeypatch.setitem(commands.COMMANDS, "train", full)
    assert "there is not enough memory (the GPU's, where one was used)" in refused(capsys, "train", "m.csv", "--out", "run")


def test_the_package_loads_without_torch_or_numpy():
    code = (
        "import sys, generative.core, generative.core.cli, generative.core.training.recipe;"
        "print(sorted({'torch', 'numpy', 'scipy', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_pictures_never_take_the_place_of_a_network_or_of_any_other_folder(trained, tmp_path, capsys):
    _, snapshot = trained
    weights, mine = tmp_path / "weights", tmp_path / "mine"
    shutil.copytree(snapshot, weights)
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    before = {path.name: path.read_bytes() for path in weights.iterdir()}
    for taken in (weights, mine, mine / "thesis.txt"):
        words = refused(capsys, "generate", weights, "--seeds", "0", "--out", taken)
        assert f"{taken} is there and holds no set.json, so it is not replaced" in words
    assert {path.name: path.read_bytes() for path in weights.iterdir()} == before
    assert (mine / "thesis.txt").read_text() == "years of work"
    assert main(["generate", str(weights), "--seeds", "0", "--out", str(tmp_path / "set")]) == 0
    assert main(["generate", str(weights), "--seeds", "1", "--out", str(tmp_path / "set")]) == 0, "a set is replaced by a set"
    capsys.readouterr()


def test_pictures_that_come_out_otherwise_are_named_with_the_device_that_made_them(trained, tmp_path, capsys):
    _, weights = trained
    assert main(["generate", str(weights), "--seeds", "0", "--out", str(tmp_path / "set")]) == 0
    record = tmp_path / "set" / "set.json"
    content = json.loads(record.read_text())
    del content["set_hash"]
    content["plan"]["seeds"] = [1] * len(content["plan"]["seeds"])
    content["generator"]["device"] = "GPU of\x1b[2J somebody"
    record.write_text(json.dumps(content))
    capsys.readouterr()
    assert main(["regenerate", str(weights), str(tmp_path / "set")]) == 1
    told = capsys.readouterr().out.strip().splitlines()[-1]
    assert told.endswith(r"The set was made on GPU of\x1b[2J somebody, and this was cpu: their last bits differ, so give --device.")


def test_a_grid_comes_as_png_as_animation_and_as_a_page(trained, tmp_path):
    _, weights = trained
    out = tmp_path / "mix"
    asked = ["mix", str(weights), "--rows", "1-3", "--columns", "4,5", "--row-class", "early", "--column-class", "late", "--out", str(out)]
    assert main(asked) == 0
    with Image.open(out / "mix.webp") as moving, Image.open(out / "grid.png") as still:
        assert moving.n_frames == 4, "three rows, there and back"
        grid, side = np.array(still), 8
        for row, frame in enumerate((0, 1, 2)):
            moving.seek(frame)
            assert np.array_equal(np.array(moving.convert("RGB")), grid[(row + 1) * side : (row + 2) * side])
    page = (out / "index.html").read_text()
    assert page.count("data:image/") == 2
    assert "colours change, the shapes of a column stay" in page


def test_a_morph_without_a_classifier_of_its_stages_says_why_there_is_no_monotony(trained, tmp_path):
    manifest, weights = trained
    assert main(["morph", str(weights), "--from", "early", "--to", "late", "--seeds", "0", "--steps", "3", "--out", str(tmp_path / "m.zip")]) == 0
    asked = ["evaluate", str(tmp_path / "m.zip"), "--manifest", str(manifest), "--resolution", "8", "--out", str(tmp_path / "e.json")]
    assert main(asked) == 0
    (strip,) = json.loads((tmp_path / "e.json").read_text())["morphs"]
    assert strip["monotony"] is None
    assert strip["stages_why"] == "the features are no classifier of the classes that the strip passes"
