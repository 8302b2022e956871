"""What a machine without a GPU can tell of one: nothing is waited for in a step, nothing is compiled in vain."""

from dataclasses import replace

import pytest
import torch
from torch._dynamo.testing import CompileCounter

from models_ml.core import read_manifest
from models_ml.core.attribution.path import room_for_maps
from models_ml.core.device import best_layout, choose_device, free_memory
from models_ml.core.errors import CoreError
from models_ml.core.pictures import feed
from models_ml.core.pictures.pack import pack
from models_ml.core.training.loop import Fit, open_fold
from models_ml.core.training.run import prepare
from tests.fake_gpu import GPU, FakeGpu, Inline
from tests.models_ml.core.drawn import write_bank

GIB = 2**30


@pytest.fixture
def memory(monkeypatch):
    """A GPU's: what is free, what torch keeps of it, what of that is in use."""

    def of(free, kept=0, used=0):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device=None: (free, 80 * GIB))
        monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device=None: kept)
        monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device=None: used)

    return of


@pytest.mark.parametrize(("free", "augment"), [(8 * GIB, "modern"), (1000, "paper")], ids=["resident", "streamed"])
def test_a_step_waits_for_nothing_on_a_gpu(free, augment, bank, tiny_cfg, memory, monkeypatch, tmp_path):
    """Augmentation, bf16 forward, clipping, fused optimiser and average; the backward pass is left out."""
    memory(free)
    monkeypatch.setattr(feed, "ThreadPoolExecutor", Inline)
    monkeypatch.setattr("torch.cuda.amp.common.amp_definitely_not_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_, **__: True)
    changed = {"precision": "bf16", "channels_last": True, "ema_decay": 0.9, "clip_norm": 1.0, "accumulate": 2}
    cfg = replace(tiny_cfg, recipe=replace(tiny_cfg.recipe, **changed), data=replace(tiny_cfg.data, augment=augment))
    cfg, manifest, labels, _ = prepare(cfg, read_manifest(bank))
    packed = pack(manifest.train.items, cfg.data, tmp_path)
    with FakeGpu() as gpu:
        run = Fit(cfg, open_fold(manifest.train, labels, packed, 0, GPU), 0, tmp_path)
        gpu.parameters = list(run.network.parameters())
        run.train_mode()
        for positions in run.batches():
            gpu.waits.clear()  # the series of noise is moved once
            run.optimise(positions, 2)
    assert (run.data.feed._resident is not None) == (free > 1000)
    assert len(run.unsettled) == run.step == 1
    assert {loss.device for loss, _ in run.unsettled} == {GPU}
    assert [wait for wait in gpu.waits if "4194304" not in wait] == []


def test_folds_of_different_sizes_share_one_compiled_program(tiny_cfg, tmp_path):
    """What is left at an epoch's end differs from fold to fold; a program for each would soon be one too many for torch."""
    manifest = write_bank(tmp_path / "bank", classes=2, per_class=13)
    changed = {"compile": True, "accumulate": 1, "batch_size": 6}
    cfg = replace(tiny_cfg, recipe=replace(tiny_cfg.recipe, **changed), data=replace(tiny_cfg.data, folds=5))
    cfg, manifest, labels, folds = prepare(cfg, read_manifest(manifest))
    packed, counter, sizes = pack(manifest.train.items, cfg.data, tmp_path), CompileCounter(), set()
    for fold in (folds[0], folds[-1]):
        data = open_fold(manifest.train, labels, packed, fold, torch.device("cpu"))
        run = Fit(cfg, data, fold, tmp_path / str(fold), backend=counter)
        run.train_mode()
        steps = run.batches()
        for positions in steps[-2:]:
            run.optimise(positions, len(steps))
        sizes.update(map(len, steps))
    assert len(sizes) > 2, sizes
    assert counter.frame_count == 1


def test_memory_that_torch_keeps_for_the_next_fold_counts_as_free(memory):
    memory(free=10 * GIB, kept=60 * GIB, used=5 * GIB)
    assert free_memory(GPU) == 65 * GIB


def test_a_large_gpu_keeps_the_maps_of_long_paths_in_its_memory(memory):
    memory(free=120 * GIB)
    assert room_for_maps(GPU) == 15 * GIB
    memory(free=3 * GIB)
    assert room_for_maps(GPU) == 2 * GIB
    assert room_for_maps(torch.device("cpu")) == 2**28


def test_a_network_trained_in_any_layout_is_explained_in_that_which_a_gpu_takes_best():
    network = torch.nn.Conv2d(4, 4, 3)
    assert best_layout(network, torch.device("cpu")).weight.is_contiguous()
    assert best_layout(network, GPU).weight.is_contiguous(memory_format=torch.channels_last)


def test_more_processes_than_gpus_are_told_how_many_to_start(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert choose_device() == torch.device("cuda", 1)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(CoreError, match=r"Process 3 of this machine finds no GPU .* --nproc-per-node 2\."):
        choose_device()
