"""Both networks, their losses and every gradient against the stored numbers."""

import pytest
import torch

from generative.core.errors import InputError
from generative.core.networks import ops
from generative.core.networks.discriminator import Discriminator
from generative.core.networks.generator import Generator, Precision
from generative.core.networks.shape import LabelConstraint, NetworkShape
from generative.core.networks.weights import load_discriminator, load_generator
from generative.core.training import losses, phases
from generative.core.training.recipe import auto
from tests.generative.core.conftest import read_npz


@pytest.fixture(scope="module")
def want():
    return read_npz("nv_r32_c3.io.npz")


@pytest.fixture
def g(pytorch_folder):
    return load_generator(pytorch_folder)[0].requires_grad_(True)


@pytest.fixture
def d(pytorch_folder):
    return load_discriminator(pytorch_folder)


def close(found, wanted, atol=1e-5):
    torch.testing.assert_close(found, wanted, rtol=0, atol=atol)


@torch.no_grad()
def test_styles_are_exact_and_images_within_1e5(g, want):
    z, c = want["z"], want["c"]
    assert torch.equal(g.styles(z, c), want["ws"])
    assert torch.equal(g.styles(z, c, truncation=0.7), want["ws_psi0.7"])
    assert torch.equal(g.styles(z, c, truncation=0.5, cutoff=3), want["ws_psi0.5_cut3"])
    close(g(z, c), want["img_const"])
    close(g(z, c, noise="none"), want["img_none"])
    close(g(z, c, truncation=0.7), want["img_const_psi0.7"])
    close(g(z[:1].repeat(5, 1), want["morph_c"]), want["morph_img"])
    close(g.synthesis(want["mix_ws"]), want["mix_img"])


@torch.no_grad()
def test_logits_are_within_1e5(d, want):
    assert torch.equal(d.label_vector(want["c"]), want["D_cmap"])
    close(d(want["img_const"], want["c"]), want["D_logits"])
    close(d(want["img_const"][:4], want["c"][:4]), want["D_logits_batch4"])


def gradients_match(network, want, prefix):
    """Every stored gradient within 1e-4 of its largest entry, and none stored that we lack."""
    ours = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
    stored = {key.removeprefix(prefix): value for key, value in want.items() if key.startswith(prefix)}
    assert stored
    assert stored.keys() <= ours.keys()
    for name in ours.keys() - stored.keys():
        assert ours[name].abs().max() == 0, name
    worst = max((float((ours[n] - v).abs().max() / v.abs().max().clamp_min(1e-8)), n) for n, v in stored.items())
    assert worst[0] < 1e-4, worst


def test_generator_loss_and_gradients(g, d, want):
    loss = losses.generator_loss(d(g(want["z"], want["c"]), want["c"]))
    loss.backward()
    close(loss, want["Gmain_loss"])
    gradients_match(g, want, "Gmain_grad/")


def test_r1_and_its_gradients(d, want):
    real = want["img_none"]  # the stored penalty takes these pictures as the real ones
    logits = d(real, want["c"])
    penalty = losses.gradient_penalty(losses.image_slope(d, real, want["c"]))
    loss = (torch.nn.functional.softplus(-logits).squeeze(1) + 0.5 * penalty).mean()
    loss.backward()
    torch.testing.assert_close(penalty, want["R1_penalty"], rtol=1e-4, atol=0)
    close(loss, want["Dreal_R1gamma1_loss"])
    gradients_match(d, want, "Dreal_R1_grad/")


def test_path_length_and_its_gradients(g, want):
    ws = g.styles(want["z"][:4], want["c"][:4])
    path = losses.path_length(losses.style_slope(g.synthesis, ws, want["PL_noise"]), torch.zeros([]))
    loss = 2.0 * path.penalty.mean()
    loss.backward()
    torch.testing.assert_close(path.lengths, want["PL_lengths"], rtol=1e-4, atol=0)
    torch.testing.assert_close(path.mean, want["PL_mean_after"], rtol=1e-4, atol=0)
    torch.testing.assert_close(loss, want["PL_penalty_w2"], rtol=1e-4, atol=0)
    gradients_match(g, want, "PL_grad/")


@torch.no_grad()
def test_tensorflow_network_with_averaged_labels(tensorflow_folder):
    want = read_npz("tf_morphnf1_r32_avg.io.npz")
    g, record = load_generator(tensorflow_folder)
    z, c = want["z"], want["c"]
    close(g.styles(z, c), want["ws"], 2e-6)
    close(g(z, c), want["img_const"])
    close(g(z[:1].repeat(5, 1), want["morph_c_idx0_to_idx1"]), want["morph_img"])
    close(g.mapping.embed.rows() * 3**0.5, want["label_embed_rows"], 2e-6)
    close(load_discriminator(tensorflow_folder)(want["img_const"], c), want["D_logits"])
    middle = g(z[:1], torch.tensor([[0.0, 0.0, 1.0]]))
    close(middle, want["intermediate_img"])
    close(g(z[:1], torch.tensor([[0.5, 0.5, 0.0]])), middle)
    assert record.source["format"] == "tensorflow"


SMALL = {"resolution": 16, "z_dim": 8, "w_dim": 8, "channel_base": 128, "channel_max": 8}


def test_the_constraint_is_set_per_network():
    tie = LabelConstraint.mean_of(("early", "mid", "late"), "mid", ("early", "late"), discriminator=False)
    shape = NetworkShape(classes=("early", "mid", "late"), constraint=tie, **SMALL)
    rows = Generator(shape).mapping.embed.rows()
    torch.testing.assert_close(rows[1], (rows[0] + rows[2]) / 2)
    assert shape.free_rows(generator=False) is None
    assert NetworkShape.from_json(shape.to_json()) == shape


def test_a_wrong_class_name_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="early, late"):
        NetworkShape(classes=("early", "late"), **SMALL).class_index("middle")
    with pytest.raises(InputError, match="three different classes"):
        LabelConstraint.mean_of(("a", "b"), "c", ("a", "b"))


@torch.no_grad()
def test_pictures_do_not_depend_on_the_batch_nor_truncated_to_zero_on_z(g, want):
    z, c = want["z"], want["c"]
    close(g(z[3:4], c[3:4]), g(z, c)[3:4])
    flat = g(z, c[:1].repeat(8, 1), truncation=0.0)
    close(flat, flat[:1].expand_as(flat), 1e-6)


@torch.no_grad()
@pytest.mark.parametrize(("dtype", "most"), [(torch.bfloat16, 0.06), (torch.float16, 0.01)])
def test_half_precision_agrees_with_float32(g, d, want, dtype, most):
    low = Precision(dtype=dtype, count=2)
    ws = want["ws"]
    images = g.synthesis(ws, precision=low)
    assert images.dtype == torch.float32
    assert (images - want["img_const"]).abs().mean() < most * want["img_const"].std()
    logits = d(want["img_const"], want["c"], precision=low)
    assert (logits - want["D_logits"]).abs().max() < 10 * most


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_what_is_compiled_is_a_whole_graph_with_the_same_gradients(precision):
    """A break of the graph (a random generator inside, a number asked for) would undo what compiling is for."""
    recipe = auto(8).with_options(batch=4, channel_base=64, channel_max=8, z_dim=8, w_dim=8, precision=precision)
    shape = recipe.shape(("a", "b"))
    g, d = Generator(shape), Discriminator(shape)
    players = phases.Players(g, d, recipe, torch.zeros([]))
    rng = torch.Generator().manual_seed(0)
    images, ws = torch.randn(4, 3, 8, 8, generator=rng), torch.randn(4, shape.num_ws, 8, generator=rng)
    options = {"precision": players.precision}
    for network, arguments, more in (
        (players.synthesis, (ws,), {"noise": g.synthesis.fresh_noise(4, rng)}),
        (players.judge, (images, torch.eye(2)[[0, 1, 0, 1]]), {}),
    ):
        compiled = torch.compile(network, fullgraph=True, dynamic=False, backend="aot_eager")
        first = arguments[0].requires_grad_(True)
        wanted, found = (f(*arguments, **options, **more) for f in (network, compiled))
        torch.testing.assert_close(found, wanted)
        sides = [first, *network.parameters()]
        gradients = [torch.autograd.grad(out.square().sum(), sides, allow_unused=True) for out in (found, wanted)]
        assert sum(gradient is not None for gradient in gradients[0]) > len(sides) // 2
        for a, b in zip(*gradients, strict=True):
            assert (a is None) == (b is None)
            if a is not None:
                torch.testing.assert_close(a, b)


def test_a_gpus_way_of_filtering_gives_the_same_networks_and_gradients(g, d, want, monkeypatch):
    """Filter and convolution at once, in the networks and in both second derivatives, on the processor."""
    monkeypatch.setattr(ops, "conv2d_up2", ops.conv2d_up2_at_once)
    monkeypatch.setattr(ops, "conv2d_down2", ops.conv2d_down2_at_once)
    with torch.no_grad():
        close(g(want["z"], want["c"]), want["img_const"])
        close(d(want["img_const"], want["c"]), want["D_logits"])
    test_r1_and_its_gradients(d, want)
    test_path_length_and_its_gradients(g, want)
