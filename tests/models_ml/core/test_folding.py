"""A network without its batch norms is the same function with the same gradients, or it is the network itself."""

import json
from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn

from models_ml.core import read_manifest
from models_ml.core.answers.predict import finished_members
from models_ml.core.attribution import folding
from models_ml.core.attribution.explain import explain
from models_ml.core.attribution.folding import CONVOLUTIONS, PerChannel, folded, in_half
from models_ml.core.attribution.run import explain_items
from models_ml.core.config import AttributionSpec, ModelSpec
from models_ml.core.errors import CoreError
from models_ml.core.training import checkpoint
from models_ml.core.training.network import build, for_gradients, weights_hash
from tests.performance.attribution_speed import with_statistics


def network_of(backbone: str, size_px: int = 48) -> nn.Module:
    return with_statistics(build(ModelSpec(backbone=backbone), 3, size_px=size_px, seed=3)).eval()


@pytest.fixture
def picture():
    return torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(1))


def norms(network: nn.Module) -> int:
    return sum(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules())


def per_channel(network: nn.Module) -> int:
    return sum(isinstance(module, PerChannel) for module in network.modules())


def assert_same_function(network: nn.Module, other: nn.Module, picture: torch.Tensor) -> None:
    """On another picture than the one folded with."""
    logits, gradients = [], []
    for way in (network, other):
        image = picture.flip(-1).pow(2).requires_grad_(True)
        found = way(image)
        logits.append(found.detach())
        gradients.append(torch.autograd.grad(found[:, 1].sum(), image)[0])
    assert float((logits[1] - logits[0]).abs().max()) < 1e-5 * float(logits[0].abs().max())
    assert float((gradients[1] - gradients[0]).norm()) < 1e-4 * float(gradients[0].norm())


@pytest.mark.parametrize(
    ("backbone", "left"), [("test_efficientnet", 0), ("test_resnet", 0), ("test_byobnet", 0), ("densenet121", 62)]
)
def test_no_batch_norm_is_left_and_outputs_and_gradients_are_the_same(backbone, left, picture):
    """Half of a densenet's batch norms have no convolution before them."""
    network = network_of(backbone)
    light = folded(network, picture)
    assert norms(network) > 0
    assert (norms(light), per_channel(light)) == (0, left)
    assert not any(parameter.requires_grad for parameter in light.parameters())
    assert {tensor.dtype for tensor in light.state_dict().values()} == {torch.float32}
    assert_same_function(network, light, picture)


def test_a_network_without_batch_norms_stays_as_it_is_to_the_bit(picture):
    network = network_of("test_vit", 160)
    light = folded(network, torch.zeros(1, 3, 160, 160))
    assert weights_hash(light) == weights_hash(network)


def test_the_network_itself_is_not_touched(picture):
    network = network_of("test_efficientnet").train()
    network.backbone.blocks.eval()
    network.backbone.conv_stem.requires_grad_(False)

    def state():
        modules = [(name, type(m), m.training, len(m._forward_hooks), len(m._forward_pre_hooks)) for name, m in network.named_modules()]
        return modules, [(n, p.requires_grad, p.grad, p.dtype) for n, p in network.named_parameters()], weights_hash(network)

    before = state()
    light = folded(network, picture)
    assert light is not network
    assert not light.training
    assert state() == before
    assert_same_function(network.eval(), light, picture)


def test_the_layout_of_the_weights_is_kept(picture):
    network = network_of("test_efficientnet").to(memory_format=torch.channels_last)
    strides = {name: m.weight.stride() for name, m in network.named_modules() if isinstance(m, nn.Conv2d)}
    light = folded(network, picture)
    assert {name: m.weight.stride() for name, m in light.named_modules() if isinstance(m, nn.Conv2d)} == strides
    with torch.no_grad():
        assert light.backbone.forward_features(picture).is_contiguous(memory_format=torch.channels_last)


class Hand(nn.Module):
    """Two convolutions with batch norms; the second pair's way is given."""

    def __init__(self, way, convolution=nn.Conv2d):
        super().__init__()
        self.first, self.first_norm = convolution(3, 8, 3, bias=True), nn.BatchNorm2d(8)
        self.second, self.second_norm, self.way = nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8, affine=False), way

    def forward(self, image):
        x = self.first_norm(self.first(image)).relu()
        return self.way(self, x).mean((2, 3))


def by_hand(way, **more) -> Hand:
    torch.manual_seed(0)
    network = Hand(way, **more)
    network.first_norm = with_statistics(network.first_norm)
    network.second_norm.running_mean.normal_()
    network.second_norm.running_var.uniform_(0.5, 2)
    return network.eval()


def used_elsewhere(net, x):
    y = net.second(x)
    return net.second_norm(y) + y.sigmoid()


def used_where_nothing_comes_through(net, x):
    y = net.second(x)
    return net.second_norm(y) + (y - 100).relu()


def convolution_twice(net, x):
    return net.second_norm(net.second(x)) + net.second(-x)


def norm_twice(net, x):
    return net.second_norm(net.second(x)) + net.second_norm(x)


def changed_in_place(net, x):
    return net.second_norm(net.second(x).relu_())


def one_after_another(net, x):
    return net.second_norm(net.second(x)).tanh()


@pytest.mark.parametrize(
    "way", [used_elsewhere, used_where_nothing_comes_through, convolution_twice, norm_twice, changed_in_place]
)
def test_a_convolution_whose_output_is_not_the_norms_alone_keeps_its_weights(way, picture):
    network = by_hand(way)
    light = folded(network, picture)
    assert torch.equal(light.second.weight, network.second.weight)
    assert (norms(light), per_channel(light)) == (0, 1)
    assert not torch.equal(light.first.weight, network.first.weight)
    assert_same_function(network, light, picture)


def test_a_pair_with_bias_and_one_without_weights_are_both_folded(picture):
    network = by_hand(one_after_another)
    light = folded(network, picture)
    assert (norms(light), per_channel(light)) == (0, 0)
    assert_same_function(network, light, picture)


def weights_read_elsewhere(net, x):
    return net.second_norm(net.second(x)) + net.second.weight.sum()


def fails_in_64_bits(net, x):
    return net.second_norm(net.second(x)) if x.dtype == torch.float32 else x.no_such_thing


@pytest.mark.parametrize("way", [weights_read_elsewhere, fails_in_64_bits])
def test_what_is_not_understood_stays_the_network_itself(way, picture):
    network = by_hand(way)
    assert folded(network, picture) is network


def test_other_precisions_and_networks_that_cannot_be_copied_stay_themselves(picture):
    half = by_hand(one_after_another).half()
    assert folded(half, picture.half()) is half
    network = by_hand(one_after_another)
    network.kept = network.first.weight * 2  # no leaf of the graph, so torch does not copy it
    with pytest.raises(RuntimeError):
        deepcopy(network)
    assert folded(network, picture) is network


def test_convolutions_and_norms_with_changed_behaviour_are_not_taken_for_plain_ones(picture):
    class Standardised(nn.Conv2d):
        def forward(self, x):
            weight = (self.weight - self.weight.mean((1, 2, 3), keepdim=True)) / self.weight.std((1, 2, 3), keepdim=True)
            return self._conv_forward(x, weight, self.bias)

    class Twice(nn.BatchNorm2d):
        def forward(self, x):
            return 2 * super().forward(x)

    network = by_hand(one_after_another, convolution=Standardised)
    network.second_norm = Twice(8).eval()
    light = folded(network, picture)
    assert (norms(light), per_channel(light)) == (1, 1)
    assert_same_function(network, light, picture)


@pytest.mark.parametrize("method", ["integrated-gradients", "smoothgrad"])
def test_maps_are_those_of_the_network_itself(method, picture):
    network, spec = network_of("test_efficientnet"), AttributionSpec(method=method, steps=16, max_steps=16)
    own, light = (explain(way, picture, (1,), spec) for way in (network, folded(network, picture)))
    assert np.linalg.norm(light.map_HW - own.map_HW) < 1e-5 * np.linalg.norm(own.map_HW)
    assert [light.score, light.baseline_score] == pytest.approx([own.score, own.baseline_score], rel=1e-5)


def test_the_map_of_a_folded_network_is_a_float64_riemann_sum_of_the_network_itself(picture):
    network = network_of("test_efficientnet").requires_grad_(False)
    spec = AttributionSpec(baseline="black", steps=64, max_steps=64)
    found = explain(folded(network, picture), picture, (1,), spec)
    double, x = network.double(), picture.double()
    total = torch.zeros_like(x)
    for points in torch.arange(0.5, 200).split(50):
        at = (x * (points / 200).view(-1, 1, 1, 1)).requires_grad_(True)
        total += torch.autograd.grad(double(at)[:, 1].sum(), at)[0].sum(0, keepdim=True) / 200
    by_riemann = (total * x).sum(1)[0].numpy()
    assert np.abs(found.map_HW - by_riemann).max() < 0.02 * np.abs(by_riemann).max()


@pytest.mark.parametrize("backbone", ["test_efficientnet", "densenet121"])
def test_half_precision_gives_the_same_map_on_a_folded_network_and_says_when_it_cannot(backbone, picture):
    network = network_of(backbone)
    light, spec = folded(network, picture), AttributionSpec(steps=4, max_steps=4, precision="fp16")
    own, half = (explain(way, picture, (1,), spec).map_HW for way in (network, light))
    full = explain(light, picture, (1,), AttributionSpec(steps=4, max_steps=4)).map_HW
    assert np.isfinite(half).all()
    off = np.linalg.norm(own - full)  # what half precision costs the network itself
    assert 0 < np.linalg.norm(half - full) < max(1.5 * off, 0.02 * np.linalg.norm(full))
    if backbone == "test_efficientnet":
        network.backbone.conv_stem.weight.data.mul_(1e6)
        with pytest.raises(CoreError, match="not finite.*precision=fp32"):
            explain(folded(network, picture), picture, (1,), spec)


def test_a_run_folds_every_network_once_and_names_the_stored_one(trained, bank, tmp_path, monkeypatch):
    seen = []

    def watched(network, image):
        seen.append(network)
        return folded(network, image)

    monkeypatch.setattr(folding, "folded", watched)
    settings = ["steps=4", "max_steps=4"]
    explain_items(trained, read_manifest(bank), tmp_path / "ig", limit=3, controls=2, settings=settings, device="cpu")
    assert len(seen) == len(set(seen)) == 4
    assert all(norms(network) > 0 for network in seen)
    record = json.loads(next((tmp_path / "ig" / "items").glob("*.json")).read_text())
    assert record["weights"] == dict(finished_members(checkpoint.read_run(trained)))
    settings = ["method=gradcam"]
    explain_items(trained, read_manifest(bank), tmp_path / "cam", limit=1, controls=1, settings=settings, device="cpu")
    assert len(seen) == 4


def counted(call, name: str) -> int:
    with torch.profiler.profile() as seen:
        call()
    return sum(event.count for event in seen.key_averages() if event.key == name)


def test_explaining_and_training_copy_no_picture_before_an_activation(picture):
    """In place, SiLU copies its input where a gradient is wanted: one copy per activation."""
    plain, image = network_of("test_efficientnet"), picture
    active = sum(type(module) is nn.SiLU for module in plain.modules())
    light = folded(plain, image)
    copying = deepcopy(light)
    for module in copying.modules():
        if type(module) is nn.SiLU:
            module.inplace = True
    spec = AttributionSpec(steps=2, max_steps=2)
    calls = [lambda net=net: explain(net, image, (0,), spec) for net in (copying, light)]
    before, now = (counted(call, "aten::clone") for call in calls)
    assert active > 5
    assert before - now == active
    assert np.array_equal(*(call().map_HW for call in calls))
    assert all(module.inplace for module in plain.modules() if type(module) is nn.SiLU)  # predicting stays in place
    assert not any(module.inplace for module in for_gradients(plain).modules() if type(module) is nn.SiLU)


def test_no_gradient_of_a_weight_is_computed(picture):
    light = folded(network_of("test_efficientnet"), picture)
    assert not any(parameter.requires_grad for parameter in light.parameters())
    with torch.profiler.profile(record_shapes=True) as seen:
        explain(light, picture, (0,), AttributionSpec(steps=2, max_steps=2))
    masks = [event.concrete_inputs[-1] for event in seen.events() if event.name == "aten::convolution_backward"]
    assert len(masks) > 10
    assert all(list(mask) == [True, False, False] for mask in masks)


def test_half_precision_weights_are_made_once_and_give_the_same_map_to_the_bit(picture):
    light, image = folded(network_of("test_efficientnet"), picture), picture
    half, spec = in_half(light, image), AttributionSpec(steps=2, max_steps=2, precision="fp16")
    assert half is not light
    assert half.head.linear.weight.dtype == torch.float32
    layers = sum(type(module) in CONVOLUTIONS for module in light.modules())
    before, now = (counted(lambda net=net: explain(net, image, (0,), spec), "aten::_to_copy") for net in (light, half))
    assert before - now >= layers
    assert np.array_equal(explain(half, image, (0,), spec).map_HW, explain(light, image, (0,), spec).map_HW)


def test_a_network_that_half_precision_weights_change_keeps_its_own():
    class Scaled(nn.Module):
        """Uses a layer's weights in a way that autocast does not know."""

        def __init__(self):
            super().__init__()
            self.layer = nn.Conv2d(3, 4, 3)

        def forward(self, image):
            return (image[:, :, :3, :3].flatten(1) @ (self.layer.weight.float().flatten(1).T / 3)).float() * 1.1

    odd = Scaled().eval().requires_grad_(False)
    with torch.no_grad():
        odd.layer.weight.mul_(1.001)
    assert in_half(odd, torch.rand(1, 3, 16, 16)) is odd
