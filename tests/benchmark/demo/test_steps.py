"""What the demo's steps keep, do again, and tell."""

import csv
import errno
import json

import pytest
from django.core.management import CommandError, call_command

from benchmark.demo import networks, serving, steps
from benchmark.demo.console import Console
from benchmark.demo.events import EventTail
from benchmark.demo.networks import ViewRun
from benchmark.demo.processes import StepFailed


def table(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def prediction(member, view, truth="NF1", nf1=0.9, **more):
    return {"model": "classifier", "member": member, "item": "T001", "view": view, "truth": truth, "p_NF1": nf1,
            "p_TSC": round(1 - nf1, 3), **more}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    for view, nf1 in (("focused", 0.9), ("panoramic", 0.2)):
        table(tmp_path / f"predictions-{view}.csv", [prediction(f"fold{k}", view, nf1=nf1, tta_views=1) for k in range(5)])
        ensemble = prediction("ensemble", view, nf1=nf1, members_used=5, fallback="", answer="NF1")
        table(tmp_path / f"ensemble-{view}.csv", [ensemble])
    (tmp_path / "manifest.csv").write_text("item,class,view,path\n")
    return tmp_path


def test_predictions_of_both_views_come_together_as_the_contract_says(folder):
    rows = networks.rows_of(networks.combined_predictions(folder, ("focused", "panoramic")))
    assert list(rows[0]) == ["model", "member", "item", "view", "truth", "p_NF1", "p_TSC"]
    assert [(row["view"], row["member"]) for row in rows].count(("panoramic", "ensemble")) == 1
    assert len(rows) == 12
    answers = networks.answers_of(folder / "ensemble-panoramic.csv")
    assert answers == {("T001", "panoramic"): "TSC"}
    assert (networks.accuracy(folder / "ensemble-focused.csv"), networks.accuracy(folder / "ensemble-panoramic.csv")) == (1, 0)


def test_views_with_other_classes_are_refused(folder):
    table(folder / "ensemble-panoramic.csv", [dict.fromkeys(("model", "member", "item", "view", "truth", "p_NF1"), 1)])
    with pytest.raises(StepFailed, match="different classes"):
        networks.combined_predictions(folder, ("focused", "panoramic"))


def test_a_finished_view_is_kept_and_another_recipe_begins_anew(folder):
    def run(epochs):
        return ViewRun(folder, folder / "manifest.csv", "focused", (f"recipe.epochs={epochs}",))

    first = run(2)
    assert not first.prepare()
    first.run.mkdir()
    assert not run(2).prepare(), "begun, not finished"
    assert first.run.exists()
    (folder / "network-focused.key").write_text(f"{first.key} done")
    for name in ("predictions-focused.csv", "ensemble-focused.csv"):
        (folder / name).write_text("x")
    assert run(2).prepare()
    assert not run(3).prepare()
    assert not first.run.exists()
    assert not (folder / "ensemble-focused.csv").exists()


def test_progress_is_read_from_the_events_that_come_after_the_start(folder):
    run = ViewRun(folder, folder / "manifest.csv", "focused")
    run.run.mkdir()
    events = run.run / "events.jsonl"
    events.write_text(json.dumps({"event": "FoldDone", "progress": 0.2, "seconds_left": 1}) + "\n")
    tail = EventTail(events)
    with events.open("a") as file:
        file.write(json.dumps({"event": "FoldDone", "fold": 1, "progress": 0.5, "seconds_left": 30.0}) + "\n")
        file.write('{"event": "Step')
    assert [event["fold"] for event in run.take(tail.read())] == [1]
    assert (run.share, run.seconds_left) == (networks.TRAINING_SHARE * 0.5, 30.0)
    assert tail.read() == []


def test_without_a_terminal_there_are_lines_and_no_bars(capsys):
    lines = []
    console = Console(lines.append)
    with console.bar("pictures") as progress:
        progress(1, 2)
    console.say("done")
    assert lines == ["    done"]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("count", "words"), [(0, "no pair crosses"), (1, "1 pair crosses"), (1200, "1,200 pairs cross")])
def test_counts_agree_with_their_verbs(count, words):
    assert steps._pairs(count) == words


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "is full.*DIPTYCH_VAR"),
        (StepFailed("Training stopped."), "Training stopped."),
        (KeyboardInterrupt(), "Run the same command again"),
    ],
)
def test_a_failing_step_is_one_sentence(monkeypatch, tmp_path, settings, error, sentence):
    settings.VAR_DIR = tmp_path

    def fails(console):
        raise error

    monkeypatch.setattr(steps, "load_founding", fails)
    with pytest.raises(CommandError, match=sentence):
        call_command("demo", "--no-serve")


@pytest.mark.django_db
def test_an_occupied_port_is_told_before_anything_is_computed(monkeypatch, tmp_path, settings):
    settings.VAR_DIR = tmp_path
    monkeypatch.setattr(steps, "load_founding", lambda console: pytest.fail("computed"))

    def taken(host, port):
        raise StepFailed(f"Port {port} of {host} cannot be used.")

    monkeypatch.setattr(serving, "require_free", taken)
    with pytest.raises(CommandError, match="Port 8123 of 127.0.0.1"):
        call_command("demo", "--address", "127.0.0.1:8123")


@pytest.mark.django_db
def test_two_demos_do_not_compute_in_one_folder(monkeypatch, tmp_path, settings):
    settings.VAR_DIR = tmp_path

    def again(console):
        call_command("demo", "--no-serve")

    monkeypatch.setattr(steps, "load_founding", again)
    with pytest.raises(CommandError, match="Another demo is being computed"):
        call_command("demo", "--no-serve")


@pytest.mark.parametrize(
    ("cpu_info", "in_bfloat16"), [("flags : fpu amx_bf16 amx_tile", True), ("flags : fpu avx512_bf16", False), (None, False)]
)
def test_the_networks_train_in_bfloat16_only_where_the_processor_has_units_for_it(tmp_path, cpu_info, in_bfloat16):
    path = tmp_path / "cpuinfo"
    if cpu_info:
        path.write_text(cpu_info)

    settings = networks.settings_here(path)

    assert settings.keys() == networks.SETTINGS.keys()
    assert all((networks.BFLOAT16 in changes) == in_bfloat16 for changes in settings.values())
