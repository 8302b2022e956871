"""The one loop: the weighted loss, progress, early stop, what each member answers, and what is refused."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from models_ml.core import predict_items, read_manifest, train_ensemble
from models_ml.core.config import ModelSpec, write_config
from models_ml.core.errors import Cancelled, CoreError
from models_ml.core.events import EpochDone, FoldDone, RunDone, StepDone
from models_ml.core.pictures.folds import with_folds
from models_ml.core.pictures.pack import pack
from models_ml.core.pictures.sampling import epoch_order, loss_weights
from models_ml.core.training import distributed
from models_ml.core.training.loop import fit, weighted_loss
from models_ml.core.training.network import build


def recipe(cfg, **changes):
    return replace(cfg, recipe=replace(cfg.recipe, **changes))


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(folded, tiny_cfg, tmp_path):
    cfg = recipe(tiny_cfg, epochs=1)
    a, b = (fit(cfg, folded, 0, tmp_path / name).weights_sha256 for name in "ab")
    assert a == b
    assert fit(recipe(cfg, seed=1), folded, 0, tmp_path / "c").weights_sha256 != a


def test_the_same_weights_are_the_same_file(trained, tmp_path):
    """Checksums of equal runs are equal: the library alone writes the facts of the header in a random order."""
    from safetensors import safe_open

    from models_ml.core.answers.predict import load_member
    from models_ml.core.training import checkpoint

    info = checkpoint.read_run(trained)
    network = load_member(info, "fold0", "cpu")
    facts = {f"fact{k}": k for k in range(12)}
    for name in ("one", "other"):
        checkpoint.save_weights(network, tmp_path / name, labels=info.labels, **facts)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    checkpoint.load_weights(network, tmp_path / "one", info.labels)
    with safe_open(tmp_path / "one", framework="pt") as handle:
        text = (tmp_path / "one").read_bytes()[8:4000].decode(errors="replace")
        assert handle.metadata()["fact3"] == "3"
    assert text.index('"fact0"') < text.index('"fact1"') < text.index('"fact10"') < text.index('"fact2"')


def test_accumulated_passes_give_the_gradient_of_the_whole_batch():
    """Weighted mean over 12 pictures in passes of 5, 5 and 2, against torch's own weighted cross-entropy."""
    torch.manual_seed(0)
    linear = torch.nn.Linear(6, 4).double()
    x, y = torch.randn(12, 6).double(), torch.randint(0, 4, (12,))
    weight = torch.tensor([5.0, 1.0, 5.0, 1.0]).double()
    expected = torch.nn.functional.cross_entropy(linear(x), y, weight=weight)
    expected_gradient = torch.autograd.grad(expected, linear.weight)[0]
    total = 0.0
    for rows in (slice(0, 5), slice(5, 10), slice(10, 12)):
        loss = weighted_loss(linear(x[rows]), y[rows], weight) / weight[y].sum()
        loss.backward()
        total += float(loss.detach())
    assert total == pytest.approx(float(expected.detach()), rel=1e-12)
    torch.testing.assert_close(linear.weight.grad, expected_gradient, rtol=1e-12, atol=1e-15)


def norm_free(cfg, **changes):
    """A network without batch statistics or dropout, whose gradient is a plain sum over pictures."""
    model = ModelSpec(backbone="test_vit", backbone_args={"img_size": 32}, head_dropouts=1, head_dropout=0.0)
    auxiliary = replace(cfg.data, auxiliary_classes=("MA",))
    return recipe(replace(cfg, model=model, data=auxiliary), epochs=1, own_weight=5.0, **changes)


def test_accumulation_changes_nothing_but_rounding_in_the_loop(folded, tiny_cfg, tmp_path):
    whole = fit(norm_free(tiny_cfg, batch_size=8, accumulate=1), folded, 0, tmp_path / "a")
    parts = fit(norm_free(tiny_cfg, batch_size=3, accumulate=3), folded, 0, tmp_path / "b")
    nine = fit(norm_free(tiny_cfg, batch_size=9, accumulate=1), folded, 0, tmp_path / "c")
    history = [json.loads((tmp_path / name / "metrics.jsonl").read_text()) for name in "abc"]
    assert history[1]["train_loss"] == pytest.approx(history[2]["train_loss"], rel=1e-5)
    assert history[1]["held_out_loss"] == pytest.approx(history[2]["held_out_loss"], rel=1e-4)
    assert abs(history[0]["train_loss"] - history[2]["train_loss"]) > 1e-4
    assert {whole.status, parts.status, nine.status} == {"finished"}


def test_two_processes_give_the_losses_of_one(bank, tiny_cfg, tmp_path):
    """torchrun with two gloo processes; weighted loss, own classes five times."""
    cfg = norm_free(tiny_cfg, batch_size=9)
    write_config(cfg, tmp_path / "cfg.toml")
    arguments = [
        "train",
        str(bank),
        "--config",
        str(tmp_path / "cfg.toml"),
        "--fold",
        "0",
        "--quiet",
        "--device",
        "cpu",
    ]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    two = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--master-port=0",
           "--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0", "-m", "models_ml.core"]  # fmt: skip
    done = subprocess.run([*two, *arguments, "--out", str(tmp_path / "two")], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    train_ensemble(cfg, read_manifest(bank), tmp_path / "one", folds=[0], device="cpu")
    rows = {n: json.loads((tmp_path / n / "fold0/metrics.jsonl").read_text()) for n in ("one", "two")}
    for key in ("train_loss", "held_out_loss"):
        assert rows["two"][key] == pytest.approx(rows["one"][key], rel=1e-5)
    held_out = {n: (tmp_path / n / "fold0/oof.csv").read_text().splitlines() for n in ("one", "two")}
    assert [row.split(",")[2] for row in held_out["two"]] == [row.split(",")[2] for row in held_out["one"]]


@pytest.mark.parametrize("local_rank", [0, 1])
def test_one_process_of_a_machine_reads_the_pictures_and_all_raise_what_it_refuses(monkeypatch, local_rank):
    """The group is played: what every process says is what this one says, and what the first one said."""
    said = [None]
    monkeypatch.setattr(distributed, "world", lambda: 2)
    monkeypatch.setattr(distributed, "share", lambda value: [*said, value])
    monkeypatch.setenv("LOCAL_RANK", str(local_rank))
    order = []
    assert distributed.first_here(lambda: order.append("read") or "pack") == "pack"
    assert order == ["read"]
    said[:] = [CoreError("cat.png is damaged")]
    with pytest.raises(CoreError, match=r"cat\.png is damaged"):
        distributed.first_here(lambda: order.append("again"))
    assert order == ["read", *["again"] * (local_rank == 0)]


def test_progress_is_told_with_time_left_and_ends_at_one(folded, tiny_cfg, tmp_path):
    events = []
    result = train_ensemble(recipe(tiny_cfg, epochs=2), folded, tmp_path / "run", on_event=events.append)
    assert result.complete
    shares = [e.progress for e in events]
    assert shares == sorted(shares)
    assert isinstance(events[-1], RunDone)
    assert shares[-1] == 1.0
    assert [e.fold for e in events if isinstance(e, FoldDone)] == [0, 1]
    assert sum(isinstance(e, EpochDone) for e in events) == 4
    steps = [e for e in events if isinstance(e, StepDone)]
    assert steps
    assert steps[-1].seconds_left >= 0
    lines = [json.loads(line) for line in (tmp_path / "run/events.jsonl").read_text().splitlines()]
    assert len(lines) == len(events)


def test_early_stopping_keeps_the_best_epoch(folded, tiny_cfg, tmp_path):
    cfg = recipe(tiny_cfg, epochs=30, lr=1e-9, patience=2, ema_decay=0.0, schedule="constant", head_only_epochs=0)
    result = fit(cfg, folded, 0, tmp_path / "run")
    assert result.status == "stopped early"
    assert result.epochs_done == result.best_epoch + 3 < 30


def test_divergence_is_a_sentence_and_leaves_the_last_good_state(folded, tiny_cfg, tmp_path):
    good = recipe(tiny_cfg, epochs=2)
    fit(good, folded, 0, tmp_path / "run", cancelled=lambda: (tmp_path / "run/metrics.jsonl").exists())
    state = torch.load(tmp_path / "run/state.pt", weights_only=True)
    state["network"]["head.linear.weight"].fill_(float("inf"))
    torch.save(state, tmp_path / "run/state.pt")
    weights = (tmp_path / "run/weights.safetensors").read_bytes()
    with pytest.raises(CoreError, match="diverged in epoch 2"):
        fit(good, folded, 0, tmp_path / "run")
    assert (tmp_path / "run/weights.safetensors").read_bytes() == weights


def test_all_unreadable_pictures_are_named_before_training(bank, tiny_cfg, tmp_path):
    manifest = read_manifest(bank)
    (tmp_path / "bad.png").write_bytes(manifest.items[0].path.read_bytes()[:100])
    (tmp_path / "text.png").write_text("not a picture")
    items = list(manifest.items)
    items[0], items[1] = replace(items[0], path=tmp_path / "bad.png"), replace(items[1], path=tmp_path / "text.png")
    with pytest.raises(CoreError) as caught:
        train_ensemble(tiny_cfg, replace(manifest, items=tuple(items)), tmp_path / "run")
    assert f"line 2, item {items[0].id!r}: bad.png" in str(caught.value)
    assert f"line 3, item {items[1].id!r}: text.png" in str(caught.value)
    assert not list((tmp_path / "run/cache").glob("pack-*"))


def test_shuffled_labels_give_chance(bank, tiny_cfg, tmp_path):
    """A network that learnt anything from shuffled labels would have seen the held-out ones."""
    manifest = with_folds(read_manifest(bank), folds=2, source="grouped", seed=0)
    labels = np.random.default_rng(3).permutation([i.label for i in manifest.train.items])
    shuffled = tuple(replace(i, label=str(name)) for i, name in zip(manifest.train.items, labels))
    result = fit(recipe(tiny_cfg, epochs=4), replace(manifest, items=shuffled), 0, tmp_path / "run")
    rows = (tmp_path / "run/oof.csv").read_text().splitlines()[1:]
    assert len(rows) == 15
    assert result.score < 0.75


def test_each_member_predicts_every_test_item_and_the_second_call_computes_nothing(trained, bank, tmp_path):
    manifest = read_manifest(bank)
    seen = []
    found = predict_items(trained, manifest, out=tmp_path / "p.csv", on_event=lambda e: seen.append(type(e).__name__))
    assert found.probs_MNC.shape == (2, 12, 3)
    assert found.probs_MNC.sum(-1) == pytest.approx(np.ones((2, 12)))
    seen.clear()
    again = predict_items(trained, manifest, out=tmp_path / "q.csv", on_event=lambda e: seen.append(type(e).__name__))
    assert "PredictProgress" not in seen
    assert (again.probs_MNC == found.probs_MNC).all()
    assert (tmp_path / "p.csv").read_text() == (tmp_path / "q.csv").read_text()


def test_exactly_the_items_asked_for_are_predicted_or_none(trained, bank):
    manifest = read_manifest(bank)
    found = predict_items(trained, manifest, items=["MA-11", "HMI-10"])
    assert found.items == ("HMI-10", "MA-11")
    with pytest.raises(CoreError, match=r"1 of the items asked for .*'NF1-99'"):
        predict_items(trained, manifest, items=["MA-11", "NF1-99"])


def test_cancelling_a_prediction_says_so(trained, bank):
    with pytest.raises(Cancelled, match="cancelled"):
        predict_items(trained, read_manifest(bank), items=["MA-11"], cancelled=lambda: True)


def test_a_changed_weights_file_and_an_unknown_class_are_refused(trained, bank, tmp_path):

    run = shutil.copytree(trained, tmp_path / "run")
    manifest = read_manifest(bank)
    strange = replace(manifest, items=tuple(replace(i, label="XYZ") if i.id == "MA-11" else i for i in manifest.items))
    with pytest.raises(CoreError, match="has the class 'XYZ'"):
        predict_items(run, strange)
    weights = run / "fold1/weights.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(CoreError, match="SHA-256 differs"):
        predict_items(run, manifest)


def test_a_run_of_other_classes_does_not_load(trained):
    from models_ml.core.pictures.manifest import LabelSpace
    from models_ml.core.training.checkpoint import load_weights, read_run

    info = read_run(trained)
    network = build(info.cfg.model, 3, size_px=32, seed=0)
    with pytest.raises(CoreError, match="was trained on the classes HMI, IP, MA; A, B, C were expected"):
        load_weights(network, trained / "fold0/weights.safetensors", LabelSpace(("A", "B", "C"), ("A",)))


def test_ratio_sampling_mixes_own_and_auxiliary_as_asked_and_takes_all_turns():
    labels = np.array([0] * 6 + [1] * 2 + [2] * 50)
    cfg = recipe_of(sampler="ratio", auxiliary_per_own=1.0)
    seen = set()
    for epoch in range(1, 8):
        order = epoch_order(labels, (0, 1), cfg, fold=0, epoch=epoch)
        drawn = labels[order]
        assert ((drawn == 0).sum(), (drawn == 1).sum(), (drawn == 2).sum()) == (4, 4, 8)
        assert set(np.flatnonzero(labels == 1)) <= set(order)
        seen |= set(order[drawn == 2])
    assert len(seen) == 50


def test_an_epochs_order_is_a_function_of_seed_fold_and_epoch():
    labels = np.repeat([0, 1, 2], 20)
    cfg = recipe_of(sampler="shuffle")
    first = epoch_order(labels, (0, 1, 2), cfg, fold=0, epoch=1)
    assert (first == epoch_order(labels, (0, 1, 2), cfg, fold=0, epoch=1)).all()
    assert sorted(first) == list(range(60))
    assert (first != epoch_order(labels, (0, 1, 2), cfg, fold=0, epoch=2)).any()
    assert (first != epoch_order(labels, (0, 1, 2), cfg, fold=1, epoch=1)).any()
    assert loss_weights(3, (0, 2), recipe_of(own_weight=5.0)).tolist() == [5, 1, 5]


def recipe_of(**changes):
    from models_ml.core.config import Recipe

    return Recipe(**changes)


def test_bfloat16_channels_last_and_eight_views_train_and_predict(folded, tiny_cfg, tmp_path):
    cfg = recipe(tiny_cfg, epochs=1, precision="bf16", channels_last=True, tta_views=8)
    train_ensemble(cfg, folded, tmp_path / "run", folds=[0])
    found = predict_items(tmp_path / "run", folded)
    assert found.probs_MNC.sum(-1) == pytest.approx(np.ones((1, 12)))
    state = torch.load(tmp_path / "run/fold0/state.pt", weights_only=True)
    assert state["network"]["head.linear.weight"].dtype == torch.float32


def test_eight_views_are_averaged_as_logits(trained, bank):
    from models_ml.core.answers.inference import logits_of
    from models_ml.core.answers.predict import load_member
    from models_ml.core.pictures.augment import dihedral
    from models_ml.core.pictures.feed import Feed
    from models_ml.core.training.checkpoint import read_run

    info = read_run(trained)
    network = load_member(info, "fold0", "cpu")
    feed = Feed(pack(read_manifest(bank).test.items, info.cfg.data, trained / "cache"), torch.device("cpu"))
    rows = np.arange(12)
    averaged = logits_of(network, feed, rows, batch_size=5, views=8)
    with torch.no_grad():
        by_hand = torch.stack([network(dihedral(feed.get(rows), v)) for v in range(8)]).mean(0)
    assert averaged == pytest.approx(by_hand.numpy(), abs=1e-5)


def test_out_of_memory_is_a_sentence_that_says_what_to_lower():
    from models_ml.core.device import memory_in_words

    with pytest.raises(CoreError, match="ran out of memory at 64 pictures .*recipe.batch_size"), memory_in_words(64):
        raise torch.OutOfMemoryError("CUDA out of memory")
