"""Sets of pictures that somebody hands in to be judged or audited: too few of them, no set at all, files made to mislead."""

import csv
import json
import shutil
import struct
import warnings
import zipfile
import zlib
from pathlib import Path

import pytest
from PIL import Image

from generative.core.cli import main
from generative.core.judging.evaluate import own_resolution
from generative.core.sets.setfiles import opened_set, read_or_describe
from tests.generative.core.test_cli import refused


def test_a_set_that_cannot_be_judged_is_one_sentence(tmp_path, trained, capsys):
    manifest, _ = trained
    folder = tmp_path / "set"
    folder.mkdir()
    Image.new("RGB", (16, 16)).save(folder / "a.png")
    for content, found in (
        ("item,class,path\n", "names no picture"),
        ("item,path\na,a.png\n", "it lacks class"),
        ("item,class,path\na,,b.png\n", "line 2: 'b.png' No such file"),
        ("item,class,path\na,,\n", "1 bad rows: line 2"),
        ("item,class,path,position,seed\na,late,a.png,middle,1\n", "line 2: 'middle'"),
        ("item,class,path,position,seed\na,late,a.png,nan,1\n", "line 2: 'nan'"),
    ):
        (folder / "manifest.csv").write_text(content)
        assert found in refused(capsys, "evaluate", folder, "--manifest", manifest, "--resolution", "16", "--out", tmp_path / "e.json")
    assert not (tmp_path / "e.json").exists()


def test_a_set_is_judged_at_its_own_size_256_at_most(tmp_path, trained):
    manifest, _ = trained
    for side, used in ((24, 24), (300, 256)):
        folder = tmp_path / str(side)
        folder.mkdir()
        Image.new("RGB", (side, side - 8)).save(folder / "a.png")
        (folder / "manifest.csv").write_text("item,class,path\na,late,a.png\n")
        assert own_resolution(folder) == used
    words = [str(tmp_path / "24"), "--manifest", str(manifest)]
    for name, more in (("own", []), ("said", ["--resolution", "24"])):
        assert main(["evaluate", *words, *more, "--out", str(tmp_path / name)]) == 0
    assert (tmp_path / "own").read_text() == (tmp_path / "said").read_text()


def only(manifest: Path, name: str, rows: int, split: str) -> Path:
    """A manifest of the first pictures alone, all of one split."""
    lines = list(csv.DictReader(manifest.read_text().splitlines()))[:rows]
    path = manifest.with_name(name)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, lines[0])
        writer.writeheader()
        writer.writerows(row | {"split": split} for row in lines)
    return path


@pytest.mark.parametrize("command", ["evaluate", "audit"])
@pytest.mark.parametrize(("rows", "split", "found"), [(10, "test", "has 0 (and 10 with split = test"), (4, "train", "has 4 (and 0 ")])
def test_a_set_is_not_judged_by_too_few_pictures(command, rows, split, found, trained, tmp_path, capsys):
    manifest, weights = trained
    assert main(["generate", str(weights), "--seeds", "0-1", "--out", str(tmp_path / "set.zip")]) == 0
    capsys.readouterr()
    few = only(manifest, f"few-{command}-{rows}.csv", rows, split)
    words = refused(capsys, command, tmp_path / "set.zip", "--manifest", few, "--out", tmp_path / "judged")
    assert words.startswith(f"{command}: Judging needs 5 training pictures or more")
    assert found in words
    assert not (tmp_path / "judged").exists()


def test_pictures_with_a_manifest_alone_are_audited_under_the_hash_that_freezes_them(trained, tmp_path):
    manifest, weights = trained
    assert main(["generate", str(weights), "--seeds", "0-1", "--out", str(tmp_path / "set")]) == 0
    bare = tmp_path / "bare"
    (bare / "images").mkdir(parents=True)
    for name in ("manifest.csv", *(f"images/{path.name}" for path in (tmp_path / "set" / "images").iterdir())):
        shutil.copy(tmp_path / "set" / name, bare / name)
    asked = ["audit", str(bare), "--manifest", str(manifest), "--resolution", "8", "--out", str(tmp_path / "audit")]
    assert main(asked) in (0, 1)
    with opened_set(bare) as folder:
        frozen = read_or_describe(folder)
    assert json.loads((tmp_path / "audit" / "audit.json").read_text())["set_hash"] == frozen["set_hash"]
    assert len(frozen["images"]) == 6


def test_ten_pictures_are_enough_to_judge_by(trained, tmp_path):
    manifest, weights = trained
    ten = only(manifest, "ten.csv", 10, "train")
    assert main(["generate", str(weights), "--seeds", "0-3", "--out", str(tmp_path / "set.zip")]) == 0
    for command, out in (("evaluate", "e.json"), ("audit", "audit")):
        asked = [command, str(tmp_path / "set.zip"), "--manifest", str(ten), "--resolution", "8", "--out", str(tmp_path / out)]
        assert main(asked) in (0, 1)
    assert json.loads((tmp_path / "e.json").read_text())["n"] == {"train": 10, "held_out": 0, "generated": 12}
    assert json.loads((tmp_path / "audit" / "audit.json").read_text())["why"].startswith("fewer than 5 held-out")


def zipped(path, entries):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_made_to_mislead_is_refused_by_what_is_wrong_with_it(tmp_path, trained, capsys):
    manifest, _ = trained
    one = ("manifest.csv", "item,class,path\n1,,p.png\n")
    outside = ("manifest.csv", f"item,class,path\n1,,../{manifest.parent.name}/0.png\n")
    obeyed = ("manifest.csv", "item,class,path\n1,,\x1b[2J.png\n")
    cases = {
        "'manifest.csv' twice": [one, one],
        "'p.png' cannot be unpacked (Is a directory); pack it again": [one, ("p.png/q.png", "x"), ("p.png", "x")],
        "cannot be unpacked (File name too long); pack it again": [one, ("a" * 300, "x")],
        "0.png cannot be read as a picture: lies outside the manifest's folder": [outside],
        r"set.zip/\x1b[2J.png cannot be read as a picture": [obeyed],
        "set.json cannot be read": [one, ("p.png", (manifest.parent / "0.png").read_bytes()), ("set.json", "[" * 100_000)],
    }
    for words, entries in cases.items():
        path = zipped(tmp_path / "set.zip", entries)
        assert words in refused(capsys, "evaluate", path, "--manifest", manifest, "--out", tmp_path / "e.json")
    assert not (tmp_path / "e.json").exists()


@pytest.mark.parametrize("side_px", [12_000, 60_000])
def test_a_picture_that_announces_too_many_pixels_is_a_bad_row(tmp_path, capsys, side_px):
    """Pillow warns of one and raises an error of its own for the other; neither is decoded."""
    parts = {b"IHDR": struct.pack(">IIBBBBB", side_px, side_px, 8, 2, 0, 0, 0), b"IDAT": zlib.compress(b"")}
    chunks = (struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts.items())
    (tmp_path / "p.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    (tmp_path / "manifest.csv").write_text("item,class,path\n1,a,p.png\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert "line 2: 'p.png' has" in refused(capsys, "train", tmp_path / "manifest.csv", "--recipe", "tiny", "--out", tmp_path / "run")


def test_no_program_is_started_for_a_picture(tmp_path, capsys):
    """Pillow hands PostScript, whatever its file is called, to Ghostscript."""
    (tmp_path / "p.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 16 16\n%%EndComments\nshowpage\n")
    (tmp_path / "manifest.csv").write_text("item,class,path\n1,a,p.png\n")
    words = refused(capsys, "train", tmp_path / "manifest.csv", "--recipe", "tiny", "--out", tmp_path / "run")
    assert "line 2: 'p.png' is no picture that can be read (JPEG, PNG, WEBP, BMP, TIFF)" in words


def test_a_sentence_about_a_zip_names_the_zip(trained, tmp_path, reference, capsys):
    _, weights = trained
    made, other = tmp_path / "set.zip", tmp_path / "other"
    assert main(["generate", str(weights), "--seeds", "0", "--out", str(made)]) == 0
    assert main(["import", str(reference / "nv_r32_c3.pkl"), "--out", str(other)]) == 0
    capsys.readouterr()
    assert "Give the network that its set.json names" in refused(capsys, "regenerate", other, made)
    with zipfile.ZipFile(made) as archive, zipfile.ZipFile(tmp_path / "changed.zip", "w") as changed:
        for name in archive.namelist():
            changed.writestr(name, archive.read(name) + (b"\n" if name == "manifest.csv" else b""))
    words = refused(capsys, "regenerate", weights, tmp_path / "changed.zip")
    assert words == f"regenerate: {tmp_path / 'changed.zip'} differs from its set.json in manifest.csv; it is not the frozen set."
