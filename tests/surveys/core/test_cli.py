"""The commands as a person types them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from surveys.core import read_design, write_design
from surveys.core.__main__ import main

from .studies import founding_items

ROOT = Path(__file__).parents[3]


@pytest.fixture
def items_csv(tmp_path):
    path = tmp_path / "items.csv"
    rows = [f"{item},{name},note" for item, name in founding_items().items()]
    path.write_text("item,class,extra\n" + "\n".join(rows) + "\n")
    return path


def run(*arguments, **kwargs):
    command = [sys.executable, "-m", "surveys.core", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, **kwargs)


def test_assemble_then_verify_then_catch_a_swap(items_csv, tmp_path, founding):
    out = tmp_path / "design.json"
    drawn = run("assemble", items_csv, "--per-class", 4, "--sets", 6, "--seed", 7, "--out", out)
    assert (drawn.returncode, drawn.stderr) == (0, "")
    assert "repeats over all pairs: holds" in drawn.stdout
    assert out.read_text() == founding.to_json()  # another process, another hash seed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["design.json", "items.csv"]

    checked = run("verify", out, items_csv)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "Every promise holds." in checked.stdout

    data = json.loads(out.read_text())
    first, second = (data["surveys"][n]["blocks"][0]["items"] for n in (0, 1))
    first[0], second[0] = second[0], first[0]
    out.write_text(json.dumps(data))
    refused = run("verify", out, items_csv)
    assert refused.returncode == 1
    assert f"item {second[0]} is in block panoramic but not in block focused" in refused.stdout.replace("\n      ", " ")
    assert "A promise is broken." in refused.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["assemble", "ITEMS", "--per-class", "3", "--sets", "6", "--seed", "7", "--out", "OUT"],
            "nearest: 2 or 4 per class",
        ),
        (
            ["assemble", "nowhere.csv", "--per-class", "4", "--sets", "6", "--seed", "7", "--out", "OUT"],
            "cannot be read",
        ),
        (
            ["assemble", "ITEMS", "--per-class", "4", "--sets", "1", "--seed", "7", "--out", "no/such/place.json"],
            "cannot be written",
        ),
        (["verify", "ITEMS", "ITEMS"], "not complete JSON"),
        (["verify", "OUT", "ITEMS"], "cannot be read"),
    ],
)
def test_bad_input_exits_2_with_one_sentence(items_csv, tmp_path, capsys, arguments, sentence):
    places = {"ITEMS": str(items_csv), "OUT": str(tmp_path / "design.json")}
    assert main([places.get(argument, argument) for argument in arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert sentence in captured.err
    assert "Traceback" not in captured.err
    assert not (tmp_path / "design.json").exists()


def test_bad_usage_exits_2():
    done = run("assemble", "items.csv", "--per-class", "many")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_views_and_their_order_are_options(items_csv, tmp_path, capsys):
    out = tmp_path / "design.json"
    options = ["--views", "focused, panoramic,close", "--view-order", "counterbalanced", "--max-run", "4"]
    command = ["assemble", str(items_csv), "--per-class", "10", "--sets", "2", "--seed", "1", "--out", str(out)]
    assert main([*command, *options]) == 0
    design = read_design(out)
    assert design.views == ("focused", "panoramic", "close")
    assert len({tuple(b.view for b in s.blocks) for s in design.surveys}) > 1
    assert main(["verify", str(out), str(items_csv), "--no-redraw"]) == 0
    assert "seed: holds" not in capsys.readouterr().out


def test_a_failed_write_leaves_the_old_design(founding, tmp_path, monkeypatch):
    path = tmp_path / "design.json"
    path.write_text("old")

    def fail(*_):
        raise RuntimeError("no rename")

    monkeypatch.setattr("surveys.core.files.os.replace", fail)
    with pytest.raises(RuntimeError):
        write_design(founding, path)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["design.json"]


def test_the_pages_of_a_survey_in_reading_order(founding):
    survey = founding.survey(3)
    entries = list(survey.entries())
    assert len(entries) == 56
    assert [e.view for e in entries] == ["focused"] * 28 + ["panoramic"] * 28
    assert (entries[28].block, entries[28].position, entries[28].item) == (2, 1, survey.blocks[1].items[0])
    with pytest.raises(KeyError):
        founding.survey(31)
