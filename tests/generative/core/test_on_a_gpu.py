"""What a machine without a GPU can tell of one: a step waits for nothing, a run that goes on finds its state where it belongs."""

import pytest
import torch

from generative.core.device import device_of
from generative.core.errors import InputError
from generative.core.judging.features import DrawnFeatures
from generative.core.networks import convolution, ops
from generative.core.networks.generator import Generator
from generative.core.sets import latents
from generative.core.training import loop, phases, snapshots
from generative.core.training.distributed import Group
from generative.core.training.recipe import tiny
from tests.fake_gpu import GPU, FakeGpu, NoGenerator
from tests.generative.core.drawn import drawn_table

SMALL = {"channel_base": 64, "channel_max": 8, "z_dim": 8, "w_dim": 8, "fixed_p": 0.5, "pipeline": "bgc", "channels_last": True}


@pytest.mark.parametrize(
    "options",
    [{"precision": "fp16", "relativistic": True, "diff_augment": True, "balanced": True},
     {"precision": "bf16", "transition": [0, 10], "unconditional_loss": True}],
    ids=["fp16", "transition"],
)  # fmt: skip
def test_a_step_waits_for_nothing_on_a_gpu(options, monkeypatch, tmp_path):
    """Both main phases but for their backward passes: augmentation, the GPU's own convolutions, fused Adam, the average."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device=None: (2**33, 2**33))
    there = lambda cls, seed, device: cls(NoGenerator(), torch.Generator().manual_seed(seed))  # noqa: E731
    monkeypatch.setattr(phases.Chance, "seeded", classmethod(there))
    recipe = tiny(16).with_options(**SMALL, **options)
    with FakeGpu() as gpu:
        run = loop._Run(recipe, drawn_table(40, 16), tmp_path, 0, None, "widen", "own", str(GPU), Group(), None)
        gpu.waits.clear()
        run.step = 1  # neither path lengths nor R1 nor a step of p
        found = run._advance()
    assert {value.device for value in (*found.values(), run.signs, run.pictures)} == {GPU}
    assert gpu.waits == []


class _Nowhere(torch.Generator):
    """Stands for the random generator of a device that has none."""

    device = torch.device("meta")


def test_no_backward_pass_asks_for_a_number_or_leaves_its_device(monkeypatch, tmp_path):
    """A step with path lengths and R1, both differentiated twice, on tensors that have shape and place but no numbers: whoever asks for
    one is refused. Convolutions in the form that a GPU gets."""
    there = lambda cls, seed, device: cls(_Nowhere(), torch.Generator().manual_seed(seed))  # noqa: E731
    drawn = torch.randn
    known = lambda generator: None if type(generator) is _Nowhere else generator  # noqa: E731
    monkeypatch.setattr(torch, "randn", lambda *n, generator=None, **k: drawn(*n, generator=known(generator), **k))
    monkeypatch.setattr(phases.Chance, "seeded", classmethod(there))
    monkeypatch.setattr(ops, "conv2d_up2", ops.conv2d_up2_at_once)
    monkeypatch.setattr(ops, "conv2d_down2", ops.conv2d_down2_at_once)
    monkeypatch.setattr(convolution, "_wants_even", lambda x: x.dtype == torch.float16)
    recipe = tiny(8).with_options(**SMALL, precision="fp16", relativistic=True, transition=[0, 10], unconditional_loss=True)
    run = loop._Run(recipe, drawn_table(40, 8), tmp_path, 0, None, "widen", "own", "meta", Group(), None)
    found = run._advance()
    assert found.keys() == {"loss_g", "path", "loss_d", "r1"}
    assert {value.device.type for value in (*found.values(), run.signs, run.players.path_mean)} == {"meta"}
    with pytest.raises(RuntimeError, match="meta"):
        float(found["r1"])


def test_a_run_that_goes_on_counts_its_steps_where_the_optimiser_does():
    """A fused Adam reads the number of steps on the GPU; one that lies in main memory would be read as if it lay there."""
    with FakeGpu():
        network = torch.nn.Linear(3, 2).to(GPU)
        adam = torch.optim.Adam(network.parameters(), lr=0.1, betas=(0.0, 0.99), fused=True)
        kept = {f"g/{name}/{key}": torch.ones(()) if key == "step" else torch.zeros(tuple(p.shape))
                for name, p in network.named_parameters() for key in ("step", "exp_avg", "exp_avg_sq")}  # fmt: skip
        snapshots.restore_optimiser("g", network, adam, kept | {"d/weight/step": torch.ones(())})
    states = [adam.state[p] for p in network.parameters()]
    assert [state["step"].device for state in states] == [GPU, GPU]
    assert {value.device for state in states for value in state.values()} == {GPU}


def test_torchrun_gives_every_process_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch, "zeros", lambda n, device: None)
    assert [device_of(name) for name in ("auto", "cuda:1")] == ["cuda", "cuda:1"]
    monkeypatch.setenv("WORLD_SIZE", "3")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert device_of("auto") == device_of("cuda") == "cuda:1"
    assert device_of("cpu") == "cpu"
    with pytest.raises(InputError, match="a GPU of its own"):
        device_of("cuda:0")
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(InputError, match="found --device cuda, process 3 and 2 GPUs"):
        device_of("auto")


@pytest.mark.parametrize("centre", ["global", "class"])
def test_pictures_and_features_are_made_on_a_gpu_from_what_lies_on_the_processor(centre):
    """Labels, z and noise come from the seeds, on the processor, so that a GPU is given the same."""
    recipe = tiny(8).with_options(channel_base=64, channel_max=8, z_dim=8, w_dim=8)
    generator = Generator(recipe.shape(("early", "late"))).eval().requires_grad_(False)
    z, c = latents.draw_z([1, 2], 8), torch.eye(2)
    with FakeGpu() as gpu:
        there = generator.to(GPU)
        ws = latents.styles(there, z, c, truncation=0.7, centre=centre)
        image = there.synthesis(ws[:1], noise=latents.drawn_noise(there, 1))
        vectors = DrawnFeatures(str(GPU))._features(image)
    assert {x.device for x in (ws, image, vectors)} == {GPU}
    assert not [wait for wait in gpu.waits if "to cpu" in wait], "no number is asked for between two pictures"


def test_vectors_of_one_device_are_not_kept_for_another(monkeypatch):
    """Equal identities mean equal vectors, and those of a GPU are not a processor's to the bit."""
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda name: "Some GPU")
    plain, there = DrawnFeatures(), DrawnFeatures("meta")
    there.device = "cuda"
    assert (plain.identity, there.identity) == (plain.name, f"{plain.name} on Some GPU")


def test_a_device_that_is_not_there_is_one_sentence(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch, "zeros", lambda n, device: None)
    assert [device_of(name) for name in ("auto", "cpu", "cuda:1")] == ["cuda", "cpu", "cuda:1"]
    for name, sentence in (("cuda:2", "2 GPUs count from cuda:0"), ("gpu", "no device 'gpu'"), ("cuda:x", "no device"), ("cpu:1", "no device"),
                           ("cuda:", "no device"), ("cpu:", "no device"), ("auto:", "no device"), ("cuda:\u0661", "no device"),
                           ("meta", "no device"), ("mps", "no device")):  # fmt: skip
        with pytest.raises(InputError, match=sentence):
            device_of(name)
