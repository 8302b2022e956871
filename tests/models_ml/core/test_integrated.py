"""Integrated Gradients of several targets along one path: the maps of each alone, for the passes that are needed and no more."""

import tempfile
from dataclasses import replace

import numpy as np
import pytest
import torch

from models_ml.core.attribution import path
from models_ml.core.attribution.explain import Question, baseline_of, explain, explain_pictures, explain_targets
from models_ml.core.attribution.map_store import MapStore
from models_ml.core.attribution.path import Walk, at_once, next_batch
from models_ml.core.config import AttributionSpec, ModelSpec
from models_ml.core.errors import CoreError
from models_ml.core.training.network import build
from tests.models_ml.core.linear import Linear

EVERY = [(1,), (3,), (1, 3), (0,)]  # of a wrong answer: the answer, the truth, their contrast, the least probable class


def assert_same(map_HW, other_HW):
    """But for the rounding of 32-bit arithmetic."""
    assert np.abs(other_HW).max() > 0
    assert np.abs(map_HW - other_HW).max() < 1e-5 * np.abs(other_HW).max()


def test_integrated_gradients_equal_a_float64_riemann_sum_for_every_target_of_one_walk():
    network = build(ModelSpec(backbone="test_efficientnet"), 4, size_px=32, seed=3).eval().requires_grad_(False)
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    found = explain_targets(network, picture, EVERY, AttributionSpec(baseline="black", steps=64, max_steps=64))
    double, x = network.double(), picture.double()
    of_classes = torch.zeros(4, *x.shape[1:], dtype=torch.float64)
    for points in torch.arange(0.5, 200).split(50):
        at = (x * (points / 200).view(-1, 1, 1, 1)).requires_grad_(True)
        logits = double(at).sum(0)
        for k in range(4):
            of_classes[k] += torch.autograd.grad(logits[k], at, retain_graph=True)[0].sum(0) / 200
    for target, one in zip(EVERY, found):
        total = of_classes[target[0]] - sum(of_classes[k] for k in target[1:])
        by_hand = (total * x[0]).sum(0).numpy()
        assert np.corrcoef(one.map_HW.ravel(), by_hand.ravel())[0, 1] > 0.9999
        assert np.abs(one.map_HW - by_hand).max() < 0.02 * np.abs(by_hand).max()
        assert one.gap < 0.01


def test_steps_double_where_the_path_is_rough_until_the_gap_is_small_enough_and_no_further():
    """The map is that of many steps everywhere, for fewer of them."""
    network = build(ModelSpec(backbone="test_resnet"), 3, size_px=32, seed=3).eval().requires_grad_(False)
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    rough = explain(network, picture, (1,), AttributionSpec(steps=2, max_steps=2, gap=1e-4))
    fine = explain(network, picture, (1,), AttributionSpec(steps=8, max_steps=512, gap=2e-4))
    everywhere = explain(network, picture, (1,), AttributionSpec(steps=512, max_steps=512))
    assert rough.steps == 2
    assert rough.gap > 0.01
    assert 8 < fine.steps < 256
    assert fine.gap <= 2e-4
    assert fine.why == ""
    assert np.corrcoef(fine.map_HW.ravel(), everywhere.map_HW.ravel())[0, 1] > 0.999
    stopped = explain(network, picture, (1,), AttributionSpec(steps=8, max_steps=64, gap=1e-9))
    assert stopped.steps == 64
    assert stopped.gap > 1e-9
    assert stopped.why.startswith("stopped at 64 steps: the output ends")


def test_the_map_is_captums_of_many_steps_and_its_stored_gap_is_that_of_the_map_itself():
    from captum.attr import IntegratedGradients

    network = build(ModelSpec(backbone="test_resnet"), 3, size_px=32, seed=3).eval().requires_grad_(False)
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    spec = AttributionSpec(gap=1e-3)
    found = explain(network, picture, (1,), spec)
    baseline = baseline_of(picture, spec, network.mean)
    captums = IntegratedGradients(network).attribute(
        picture, baseline, target=1, n_steps=400, method="riemann_middle", internal_batch_size=16
    )
    by_hand = captums.sum(1)[0].numpy()
    assert np.corrcoef(found.map_HW.ravel(), by_hand.ravel())[0, 1] > 0.999
    with torch.no_grad():
        difference = float(network(picture)[0, 1] - network(baseline)[0, 1])
    assert found.gap == pytest.approx(abs(difference - found.map_HW.sum()) / abs(difference), abs=1e-4)


class Counted(torch.nn.Module):
    """A network that notes how many pictures went through it, and how many came back with a gradient."""

    def __init__(self, network):
        super().__init__()
        self.network, self.mean, self.std, self.forwards, self.backwards = network, network.mean, network.std, 0, 0
        self.batches = []  # pictures that went through at once

    def forward(self, image):
        logits = self.network(image)
        self.forwards += len(image)
        self.batches.append(len(image))
        logits.register_hook(self.count)
        return logits

    def count(self, gradient_NC):
        self.backwards += int(gradient_NC.any(1).sum())


@pytest.fixture
def rough():
    """A network whose rectifiers make paths rough, and a picture."""
    network = build(ModelSpec(backbone="test_resnet"), 4, size_px=32, seed=3).eval().requires_grad_(False)
    return Counted(network).eval(), torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def test_no_gradient_is_computed_twice_when_pieces_are_halved(rough):
    network, picture = rough
    found = explain(network, picture, (1,), AttributionSpec(steps=4, gap=1e-4))
    assert found.steps > 4
    assert network.forwards == network.backwards == found.steps + 1


def test_targets_share_their_forward_passes_and_a_contrast_costs_none(rough):
    network, picture = rough
    found = explain_targets(network, picture, EVERY, AttributionSpec(steps=20, max_steps=20))
    assert [one.steps for one in found] == [20] * 4
    assert (network.forwards, network.backwards) == (21, 3 * 21)
    answer, truth, contrast, _ = (one.map_HW for one in found)
    assert_same(contrast, answer - truth)
    assert np.abs(contrast).max() > 0


def test_every_target_has_the_map_the_gap_and_the_steps_that_it_has_alone(rough):
    """However long the others walk; and for no more passes than one after the other."""
    network, picture = rough
    spec, most = AttributionSpec(steps=8, max_steps=128, gap=5e-4), [128, 128, 128, 8]
    together = explain_targets(network, picture, EVERY, spec, most)
    passes = network.forwards, network.backwards
    network.forwards = network.backwards = 0
    alone = [explain(network, picture, target, replace(spec, max_steps=k)) for target, k in zip(EVERY, most)]
    assert len({one.steps for one in alone}) > 2
    for one, other in zip(together, alone):
        assert (one.steps, one.why) == (other.steps, other.why)
        assert_same(one.map_HW, other.map_HW)
        assert (one.score, one.baseline_score) == pytest.approx((other.score, other.baseline_score), abs=1e-5)
        assert one.gap == pytest.approx(other.gap, abs=1e-4)
    assert passes[0] < 0.75 * network.forwards
    assert passes[1] < network.backwards


def test_a_target_that_is_finished_costs_nothing_more(rough):
    network, picture = rough
    spec = AttributionSpec(steps=8, max_steps=64, gap=1e-9)
    found = explain_targets(network, picture, [(0,), (1,), (2,)], spec, [8, 64, 8])
    assert [one.steps for one in found] == [8, 64, 8]
    assert (network.forwards, network.backwards) == (65, 9 + 65 + 9)


def test_a_contrast_that_goes_on_alone_costs_one_backward_pass(rough):
    network, picture = rough
    found = explain_targets(network, picture, [(1,), (3,), (1, 3)], AttributionSpec(steps=8, gap=1e-9), [8, 8, 64])
    assert found[2].steps == 64
    assert (network.forwards, network.backwards) == (65, 2 * 9 + 56)
    alone = explain(network, picture, (1, 3), AttributionSpec(steps=8, max_steps=64, gap=1e-9))
    assert_same(found[2].map_HW, alone.map_HW)


class OneByOne(torch.nn.Module):
    """A network whose rounding does not depend on what else is in the batch: a rectifier close to its switch would turn."""

    def __init__(self, network):
        super().__init__()
        self.network, self.mean, self.std = network, network.mean, network.std

    def forward(self, image):
        return torch.cat([self.network(one) for one in image.split(1)])


def test_several_pictures_share_their_batches_and_each_has_the_maps_that_it_has_alone(rough, monkeypatch):
    """To the bit, for different targets and lengths; the rounds of all together are waited for once each."""
    network, picture = Counted(OneByOne(rough[0].network)).eval(), rough[1]
    waits, fetched = [], path._fetched
    monkeypatch.setattr(path, "_fetched", lambda *tensors: waits.append(1) or fetched(*tensors))
    spec, most = AttributionSpec(steps=8, max_steps=128, gap=5e-4), [128, 128, 128, 8]
    lighter = [(picture * share).contiguous() for share in (1, 0.8, 0.6, 0.4, 0.2)]
    asked = [EVERY, [(2,), (1,)], EVERY, [(3,)], [(0,)]]
    questions = [Question([network], image, own, most[: len(own)]) for image, own in zip(lighter, asked)]
    together = explain_pictures(network, questions, spec)
    batches, waited, passes = network.batches, len(waits), (network.forwards, network.backwards)
    network.batches, network.forwards, network.backwards = [], 0, 0
    waits.clear()
    alone = [explain_targets(network, one.image_1CHW, one.targets, spec, one.max_steps) for one in questions]
    for own, others in zip(together, alone):
        for one, other in zip(own, others, strict=True):
            assert (one.steps, one.gap, one.why) == (other.steps, other.gap, other.why)
            assert one.map_HW.tobytes() == other.map_HW.tobytes()
    assert len({one.steps for own in alone for one in own}) > 2
    assert passes == (network.forwards, network.backwards)
    assert len(batches) < 0.75 * len(network.batches)
    assert waited < 0.5 * len(waits) < len(batches)


def test_a_round_of_many_batches_is_waited_for_once(rough, monkeypatch):
    network, picture = rough
    waits, fetched = [], path._fetched
    monkeypatch.setattr(path, "_fetched", lambda *tensors: waits.append(1) or fetched(*tensors))
    explain(network, picture, (1,), AttributionSpec(steps=40, max_steps=40))
    assert network.batches == [16, 16, 9]
    assert len(waits) == 1


def test_a_gpus_batches_have_equal_sizes():
    left, sizes = 196, []
    while left:
        sizes.append(next_batch(left, 64, of_equal_size=True))
        left -= sizes[-1]
    assert sizes == [49] * 4
    assert next_batch(65, 64, of_equal_size=True) == 33
    assert next_batch(5, 64, of_equal_size=True) == 5


def test_the_gradients_of_one_forward_pass_are_captums_own_of_every_target(rough):
    """Places that ask for different targets go through together; a single place's weight gives its gradient alone."""
    from captum.attr import Saliency

    network, picture = rough
    walk = Walk(network, [picture], [torch.zeros_like(picture)], [EVERY])
    (own,) = walk.paths
    asked = [((1,), [(0.25, 0.75)]), ((3,), [(0.25, 0.75), (0.0, 0.125)]), ((0,), [(0.0, 0.125)]), ((1, 3), [(0.5, 1.0)])]
    walk.visit([(0, *one) for one in asked])
    for target, pieces in asked:
        for place in {end for piece in pieces for end in piece}:
            plus, *minus = target
            point = (picture * place).requires_grad_()
            captums = Saliency(network.network).attribute(point, target=plus, abs=False)
            for other in minus:
                captums = captums - Saliency(network.network).attribute(point, target=other, abs=False)
            by_captum = (captums * picture).sum(1)[0].numpy()
            assert_same(own.map_of(target, {place: 1.0}).numpy(), by_captum)
            logits = network.network(point)[0].detach().double()
            assert own.scores[target][place] == pytest.approx(
                float(logits[plus] - sum(logits[other] for other in minus)), abs=1e-6
            )


def test_without_a_difference_of_outputs_there_is_no_gap_and_the_reason_is_given():
    network = Linear().eval()
    with torch.no_grad():
        network.weight.zero_()
    found = explain(network, torch.rand(1, 3, 8, 8), (1,), AttributionSpec(steps=4))
    assert found.gap is None
    assert found.why.startswith("picture and baseline give the same output")
    assert (found.steps, float(np.abs(found.map_HW).max())) == (4, 0)


def test_a_long_paths_maps_stay_within_their_memory_and_give_the_same_map_to_the_bit(monkeypatch, tmp_path):
    network = build(ModelSpec(backbone="test_resnet"), 3, size_px=32, seed=3).eval().requires_grad_(False)
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    spec, stores = AttributionSpec(steps=8, max_steps=256, gap=1e-9), []

    class Watched(MapStore):
        def __init__(self, limit):
            super().__init__(limit)
            stores.append(self)

    monkeypatch.setattr("models_ml.core.attribution.path.MapStore", Watched)
    in_memory = explain(network, picture, (1,), spec)
    monkeypatch.setattr("models_ml.core.attribution.path.MAPS_BYTES", 10 * 32 * 32 * 4)
    in_file = explain(network, picture, (1,), spec)
    assert [(len(store.in_memory), len(store.in_file)) for store in stores] == [(257, 0), (10, 247)]
    assert in_file.map_HW.tobytes() == in_memory.map_HW.tobytes()
    assert (in_file.gap, in_file.steps) == (in_memory.gap, 256)


def test_the_maps_of_several_targets_have_one_memory_and_a_contrast_takes_none_of_it(monkeypatch, rough):
    network, picture = rough
    spec = AttributionSpec(steps=20, max_steps=20)
    in_memory = explain_targets(network, picture, EVERY, spec)
    stores = []
    monkeypatch.setattr("models_ml.core.attribution.path.MapStore", lambda limit: stores.append(MapStore(limit)) or stores[-1])
    monkeypatch.setattr("models_ml.core.attribution.path.MAPS_BYTES", 10 * 32 * 32 * 4)
    in_file = explain_targets(network, picture, EVERY, spec)
    assert [(len(store.in_memory), len(store.in_file)) for store in stores] == [(10, 3 * 21 - 10)]
    assert [one.map_HW.tobytes() for one in in_file] == [one.map_HW.tobytes() for one in in_memory]


def test_a_long_path_without_room_for_its_maps_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr("models_ml.core.attribution.path.MAPS_BYTES", 0)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(CoreError, match="did not fit into .*gone .*Make room there"):
        explain(Linear().eval(), torch.rand(1, 3, 8, 8), (1,), AttributionSpec(steps=4))


def test_where_memory_does_not_suffice_fewer_pictures_are_taken_at_once():
    class Small(Linear):
        def forward(self, image):
            if len(image) > 3:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().forward(image)

    picture = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    spec = AttributionSpec(steps=32, max_steps=32)
    found = explain(Small().eval(), picture, (1,), spec)
    assert found.map_HW == pytest.approx(explain(Linear().eval(), picture, (1,), spec).map_HW, abs=1e-6)


def test_where_memory_does_not_suffice_for_the_gradients_fewer_are_taken_at_once(rough):
    network, picture = rough
    spec = AttributionSpec(steps=32, max_steps=32)
    found = explain_targets(network, picture, EVERY, spec)

    class Small(Counted):
        def count(self, gradient_NC):
            if len(gradient_NC) > 3:
                raise torch.OutOfMemoryError("CUDA out of memory")
            super().count(gradient_NC)

    small = Small(network.network).eval()
    for one, other in zip(explain_targets(small, picture, EVERY, spec), found):
        assert_same(one.map_HW, other.map_HW)
    assert small.backwards == 3 * 33


def test_large_pictures_go_to_the_processor_one_at_a_time():
    assert [at_once(torch.empty(1, 3, side, side)) for side in (64, 96, 224, 448)] == [16, 16, 2, 1]
