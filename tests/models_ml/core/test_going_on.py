"""A training that was cancelled, killed or out of room goes on to the same bits; what it may not go on from is refused."""

import json
import os
import resource
import shutil
import signal
import sys
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch

from models_ml.core import predict_items, read_manifest, train_ensemble
from models_ml.core.cli import main
from models_ml.core.config import write_config
from models_ml.core.errors import Cancelled, CoreError
from models_ml.core.events import EpochDone, FoldDone
from models_ml.core.files import clear_parts, replacing
from models_ml.core.pictures.folds import with_folds
from models_ml.core.pictures.pack import pack
from models_ml.core.training.checkpoint import read_result
from models_ml.core.training.loop import fit
from models_ml.core.training.network import build
from tests.forked import Forked
from tests.models_ml.core.test_loop import recipe


def test_cancelled_after_any_step_and_continued_gives_the_same_bits(bank, folded, tiny_cfg, tmp_path):
    """Also where the pictures lie elsewhere by then, as after a move to another machine."""
    elsewhere = shutil.copytree(bank.parent, tmp_path / "elsewhere")
    moved = with_folds(read_manifest(elsewhere / bank.name), folds=2, source="grouped", seed=0)
    cfg = recipe(tiny_cfg, epochs=2, accumulate=1, clip_norm=1.0)
    whole = fit(cfg, folded, 0, tmp_path / "whole")
    calls = iter(range(10**6))
    runs = 0
    while True:  # stop after every second step
        result = fit(cfg, (folded, moved)[runs % 2], 0, tmp_path / "parts", cancelled=lambda: next(calls) % 2 == 1)
        runs += 1
        if result.complete:
            break
        assert result.status == "cancelled"
        assert (tmp_path / "parts" / "weights.safetensors").is_file()
    assert runs >= 3
    assert result.weights_sha256 == whole.weights_sha256
    assert (tmp_path / "parts/metrics.jsonl").read_text() == (tmp_path / "whole/metrics.jsonl").read_text()
    assert (tmp_path / "parts/oof.csv").read_text() == (tmp_path / "whole/oof.csv").read_text()


def test_killed_in_mid_epoch_and_started_again_gives_the_same_bits(bank, tiny_cfg, tmp_path):
    """SIGKILL to the command itself, as soon as a state file stands within the second epoch."""
    cfg = replace(tiny_cfg, recipe=replace(tiny_cfg.recipe, epochs=5), data=replace(tiny_cfg.data, augment="light"))
    write_config(cfg, tmp_path / "cfg.toml")
    command = ["train", str(bank), "--config", str(tmp_path / "cfg.toml"), "--fold", "0", "--state-every", "0", "--quiet", "--out",
               str(tmp_path / "killed")]  # fmt: skip
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = Forked([sys.executable, "-m", "models_ml.core", *command], env=env)
    state = tmp_path / "killed/fold0/state.pt"
    deadline = time.monotonic() + 120
    cursor = (0, 0)
    while cursor < (2, 1) and process.poll() is None and time.monotonic() < deadline:
        if state.is_file():
            found = torch.load(state, weights_only=True)
            cursor = (found["epoch"], found["step"])
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (2, 1) <= cursor < (6, 0)
    assert read_result(tmp_path / "killed/fold0") is None
    assert main(command) == 0
    killed = read_result(tmp_path / "killed/fold0")
    whole = train_ensemble(cfg, read_manifest(bank), tmp_path / "whole", folds=[0]).folds[0]
    assert killed.weights_sha256 == whole.weights_sha256
    assert killed.score == whole.score


def cancelled_after_the_first_fold(cfg, folded, folder):
    done = []

    def note(event):
        if isinstance(event, FoldDone):
            done.append(event)

    return train_ensemble(cfg, folded, folder, on_event=note, cancelled=lambda: bool(done))


def test_an_ensemble_cancelled_between_folds_keeps_them_and_finishes_later(folded, tiny_cfg, tmp_path):
    cfg = recipe(tiny_cfg, epochs=1)
    first = cancelled_after_the_first_fold(cfg, folded, tmp_path / "run")
    assert first.status == "cancelled"
    assert [r.status for r in first.folds] == ["finished", "cancelled"]
    digest = first.folds[0].weights_sha256
    second = train_ensemble(cfg, folded, tmp_path / "run")
    assert second.complete
    assert second.folds[0].weights_sha256 == digest
    assert (tmp_path / "run/oof.csv").read_text().count("\n") == 31


@contextmanager
def disk_that_takes_no_more_than(size: int):
    """No file of this process may grow beyond it: the operating system refuses, as a full disk does."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, former[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)


def test_a_full_disk_in_mid_save_is_a_sentence_and_the_run_continues_to_the_same_bits(folded, tiny_cfg, tmp_path):
    cfg = recipe(tiny_cfg, epochs=2)
    whole = fit(cfg, folded, 0, tmp_path / "whole", state_every_s=0)
    calls = iter(range(10**6))
    fit(cfg, folded, 0, tmp_path / "run", cancelled=lambda: next(calls) == 1, state_every_s=0)
    state = (tmp_path / "run/state.pt").read_bytes()
    (tmp_path / "run/result.json").unlink()
    with disk_that_takes_no_more_than(len(state) // 2), pytest.raises(CoreError, match=r"state.pt could not be written .*") as it:
        fit(cfg, folded, 0, tmp_path / "run", state_every_s=0)
    assert "File too large" in str(it.value)
    assert "what was saved before is kept. Make room" in str(it.value)
    assert (tmp_path / "run/state.pt").read_bytes() == state
    assert not list((tmp_path / "run").glob(".*.part"))
    assert fit(cfg, folded, 0, tmp_path / "run", state_every_s=0).weights_sha256 == whole.weights_sha256


def test_a_pack_that_finds_no_room_is_a_sentence_and_not_a_killed_process(bank, tiny_cfg, tmp_path):
    items = read_manifest(bank).train.items
    with disk_that_takes_no_more_than(10_000), pytest.raises(CoreError, match=r"pack-.*npy could not be written"):
        pack(items, tiny_cfg.data, tmp_path)
    assert not list(tmp_path.iterdir())
    assert len(pack(items, tiny_cfg.data, tmp_path).ids) == len(items)


def test_a_run_goes_on_with_as_many_threads_as_it_was_begun_with(folded, tiny_cfg, tmp_path):
    """Their number decides how sums are rounded, and so the bits."""
    cfg, calls, seen = recipe(tiny_cfg, epochs=1, max_steps=1), iter(range(10**6)), []
    train_ensemble(cfg, folded, tmp_path, folds=[0], cancelled=lambda: next(calls) > 0)
    heading = json.loads((tmp_path / "run.json").read_text())
    assert heading["threads"] == torch.get_num_threads() == 1
    (tmp_path / "run.json").write_text(json.dumps(heading | {"threads": 2}))
    train_ensemble(cfg, folded, tmp_path, folds=[0], on_event=lambda event: seen.append((type(event), torch.get_num_threads())))
    assert (EpochDone, 2) in seen
    assert torch.get_num_threads() == 1


def test_what_a_killed_process_had_begun_to_write_goes_and_what_is_written_now_stays(tmp_path):
    left = tmp_path / ".state.pt.killed.part"
    left.write_bytes(b"half")
    with replacing(tmp_path / "weights.safetensors") as part:
        clear_parts(tmp_path)
        assert part.is_file()
        part.write_bytes(b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["weights.safetensors"]


def test_a_training_begun_by_another_version_is_refused_in_words_and_may_be_begun_anew(folded, tiny_cfg, tmp_path):
    cfg, calls = recipe(tiny_cfg, epochs=1, max_steps=1), iter(range(10**6))
    fit(cfg, folded, 0, tmp_path, cancelled=lambda: next(calls) == 1)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    del state["version"]
    torch.save(state, tmp_path / "state.pt")
    before = (tmp_path / "state.pt").read_bytes()
    with pytest.raises(CoreError, match=r"was begun by another version of this program.* delete .*state\.pt to train this fold"):
        fit(cfg, folded, 0, tmp_path)
    assert (tmp_path / "state.pt").read_bytes() == before
    (tmp_path / "state.pt").unlink()
    (tmp_path / ".state.pt.killed.part").write_bytes(b"half")
    assert fit(cfg, folded, 0, tmp_path).complete
    assert not list(tmp_path.glob(".*.part"))


def test_another_configuration_or_manifest_in_the_same_folder_is_refused(folded, tiny_cfg, tmp_path):
    cfg = recipe(tiny_cfg, epochs=1)
    train_ensemble(cfg, folded, tmp_path / "run", folds=[0])
    with pytest.raises(CoreError, match=r"another configuration \(recipe.lr is 1.0, was 0.003\)"):
        train_ensemble(recipe(cfg, lr=1.0), folded, tmp_path / "run")
    fewer = replace(folded, items=folded.items[1:])
    with pytest.raises(CoreError, match="another manifest"):
        train_ensemble(cfg, fewer, tmp_path / "run")


def test_where_nothing_was_trained_yet_another_configuration_may_begin(folded, tiny_cfg, tmp_path):
    cfg = recipe(tiny_cfg, epochs=1)
    with pytest.raises(Cancelled):
        train_ensemble(cfg, folded, tmp_path / "run", folds=[0], cancelled=lambda: True)
    assert (tmp_path / "run/run.json").is_file()
    assert train_ensemble(recipe(cfg, lr=0.01), folded, tmp_path / "run", folds=[0]).complete


def test_a_run_continues_without_the_file_of_its_first_weights(folded, tiny_cfg, tmp_path):
    network = build(tiny_cfg.model, 3, size_px=32, seed=5)
    torch.save(network.state_dict(), tmp_path / "first.pth")
    cfg = replace(recipe(tiny_cfg, epochs=2), model=replace(tiny_cfg.model, weights=str(tmp_path / "first.pth")))
    whole = train_ensemble(cfg, folded, tmp_path / "whole", folds=[0])
    calls = iter(range(10**6))
    train_ensemble(cfg, folded, tmp_path / "run", folds=[0], cancelled=lambda: next(calls) > 1)
    (tmp_path / "first.pth").unlink()
    again = train_ensemble(cfg, folded, tmp_path / "run", folds=[0])
    assert again.folds[0].weights_sha256 == whole.folds[0].weights_sha256


def test_a_member_cancelled_before_its_first_epoch_was_done_does_not_answer(folded, tiny_cfg, bank, tmp_path):
    cfg = recipe(tiny_cfg, epochs=1)
    first = cancelled_after_the_first_fold(cfg, folded, tmp_path / "run")
    assert [(r.fold, r.best_epoch) for r in first.folds] == [(0, 1), (1, 0)]
    assert predict_items(tmp_path / "run", folded).members == ("fold0",)
    assert (tmp_path / "run/oof.csv").read_text().count("fold1") == 0
    calls = iter(range(10**6))
    train_ensemble(cfg, folded, tmp_path / "new", folds=[0], cancelled=lambda: next(calls) > 1)
    with pytest.raises(CoreError, match="no trained member yet; the command train continues"):
        predict_items(tmp_path / "new", folded)
