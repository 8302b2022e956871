"""Latent arithmetic and image sets: names everywhere, exact endpoints, byte-identical regeneration."""

import copy
import csv
import json
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from generative.core.errors import InputError
from generative.core.networks.generator import Generator
from generative.core.networks.shape import LabelConstraint, NetworkShape
from generative.core.networks.weights import NetworkRecord
from generative.core.sets import latents
from generative.core.sets.imageset import SetPlan, make_pictures, regenerate, write_set
from generative.core.sets.projection import project
from generative.core.sets.setfiles import inert_cell, opened_set, read_set

CLASSES = ("early", "intermediate", "late")
SHAPE = NetworkShape(
    resolution=16, classes=CLASSES, z_dim=8, w_dim=8, channel_base=128, channel_max=8,
    constraint=LabelConstraint.mean_of(CLASSES, "intermediate", ("early", "late")),
)  # fmt: skip


@pytest.fixture(scope="module")
def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        g = Generator(SHAPE).eval()
        g.mapping.w_avg.normal_()
    return g


RECORD = NetworkRecord(SHAPE, licence="test", hashes={"generator": "0" * 64})


def morph(positions, **options):
    return SetPlan("morph", (4,), ({"early": 1.0}, {"late": 1.0}), positions=positions, **options)


def test_the_middle_of_a_morph_is_the_intermediate_class(network):
    """Exactly, for any seed: rows average, so [.5, .5] and the middle's label are one vector."""
    half = make_pictures(network, morph((0.5,)))[0].image
    named = make_pictures(network, SetPlan("sample", (4,), ({"intermediate": 1.0},)))[0].image
    assert np.abs(half.astype(int) - named.astype(int)).max() <= 1
    assert latents.nearest_class(SHAPE, torch.tensor([0.5, 0.0, 0.5])) == "intermediate"
    assert latents.nearest_class(SHAPE, torch.tensor([0.9, 0.0, 0.1])) == "early"


def test_seeds_not_their_neighbours_decide_a_picture(network):
    many = make_pictures(network, SetPlan("sample", (1, 2, 3), ({"early": 1.0},) * 3))
    alone = make_pictures(network, SetPlan("sample", (2,), ({"early": 1.0},)))
    assert np.array_equal(many[1].image, alone[0].image)


def test_noise_is_the_seeds_own_shared_by_a_strip_and_not_by_two_seeds(network):
    """As the published scripts draw it: after z, in the seed's own series, every layer's map from coarse to fine."""
    series = np.random.RandomState(4)
    series.randn(8)
    maps = latents.drawn_noise(network, 4)
    assert [tuple(found.shape) for found in maps] == [(px, px) for px in (4, 8, 8, 16, 16)]
    assert all(np.array_equal(found.numpy(), series.randn(*found.shape).astype(np.float32)) for found in maps)
    loud = copy.deepcopy(network)
    for name, parameter in loud.named_parameters():
        if name.endswith("noise_strength"):
            parameter.data.fill_(0.5)
    ws = latents.styles(loud, latents.draw_z([4], 8), latents.label_vector(SHAPE, {"early": 1.0})[None], truncation=1, centre="global")
    first, again, other = latents.pictures(loud, ws.repeat(3, 1, 1), noise="seed", seeds=[4, 4, 5])
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    stored = latents.pictures(loud, ws, noise="const")[0]
    assert not np.array_equal(first, stored), "the network's stored noise is left where it is"
    assert np.array_equal(stored, latents.pictures(loud, ws, noise="const")[0])


@settings(max_examples=12, deadline=None)
@given(cut=st.integers(0, 6), seed=st.integers(0, 1000))
def test_a_mix_is_the_column_below_the_cut_and_the_row_above(network, cut, seed):
    label = latents.label_vector(SHAPE, {"early": 1.0})[None]
    a = latents.styles(network, latents.draw_z([seed], 8), label, truncation=1.0, centre="global")
    b = latents.styles(network, latents.draw_z([seed + 1], 8), label, truncation=1.0, centre="global")
    mixed = latents.mix_styles(a, b, cut)[0, 0]
    assert torch.equal(mixed[:cut], b[0, :cut])
    assert torch.equal(mixed[cut:], a[0, cut:])


def test_cut_by_resolution_counts_layers():
    wide = NetworkShape(resolution=256)
    assert [latents.cut_layer(wide, r) for r in (4, 8, 16, 256)] == [1, 3, 5, 14]
    with pytest.raises(InputError, match="no layer of 7 px.*4, 8, 16"):
        latents.cut_layer(wide, 7)


def test_truncation_to_nothing_is_the_centre_global_or_of_the_class(network):
    plan = SetPlan("sample", (1, 2), ({"early": 1.0}, {"late": 1.0}), truncation=0.0)
    first, second = (p.image for p in make_pictures(network, plan))
    assert np.array_equal(first, second), "the global centre forgets the class"
    own = SetPlan("sample", (1, 2, 3), ({"early": 1.0}, {"late": 1.0}, {"late": 1.0}), truncation=0.0, centre="class")
    early, late, again = (p.image for p in make_pictures(network, own))
    assert np.array_equal(late, again)
    assert not np.array_equal(early, late)


def test_truncation_of_the_first_layers_leaves_the_finer_ones_as_they_were(network):
    z, c = latents.draw_z([4], 8), latents.label_vector(SHAPE, {"early": 1.0})[None]
    whole = latents.styles(network, z, c, truncation=1.0, centre="global")
    all_layers = latents.styles(network, z, c, truncation=0.3, centre="global")
    some = latents.styles(network, z, c, truncation=0.3, centre="global", cutoff=2)
    assert torch.equal(some, torch.cat([all_layers[:, :2], whole[:, 2:]], dim=1))
    assert not torch.equal(all_layers, whole)
    for wrong in (0, SHAPE.num_ws + 1):
        with pytest.raises(InputError, match=rf"first 1 to {SHAPE.num_ws} layers of this network; found {wrong}"):
            latents.styles(network, z, c, truncation=0.3, centre="global", cutoff=wrong)


def test_a_plan_without_a_cutoff_is_the_plan_it_was():
    """Names and hashes of earlier sets come from the plan's JSON."""
    assert "cutoff" not in morph((0.0, 1.0)).to_json()
    assert morph((0.0, 1.0), cutoff=3).to_json()["cutoff"] == 3


def test_perceptual_spacing_makes_steps_even():
    """A path that races at first: linear frames are uneven, perceptual ones even to a few per cent."""

    def path(positions):
        return np.array([[np.sqrt(t), 0.0] for t in positions])

    found = latents.morph_positions(6, "perceptual", path)
    steps = np.diff(path(found)[:, 0])
    assert found[0] == 0
    assert found[-1] == 1
    assert steps.max() / steps.min() < 1.2
    assert np.ptp(np.diff(latents.morph_positions(6, "linear"))) < 1e-9


@pytest.mark.parametrize(
    ("call", "found"),
    [
        (lambda: latents.morph_positions(1, "linear"), "2 frames"),
        (lambda: latents.morph_positions(5, "even"), "linear, perceptual"),
        (lambda: latents.label_vector(SHAPE, {"middle": 1.0}), "classes are early, intermediate, late"),
        (lambda: latents.label_vector(SHAPE, {"early": 0.4}), "sum to 1"),
        (lambda: latents.draw_z([-1], 8), "Seeds must lie"),
        (lambda: SetPlan.from_json({"kind": "sample", "colour": 1}), "cannot be read"),
        (lambda: latents.pictures(None, torch.zeros(1, 6, 8), noise="random"), "one of seed, const, none"),
    ],
)
def test_bad_requests_are_one_sentence(call, found):
    with pytest.raises(InputError, match=found):
        call()


def test_a_set_is_made_again_byte_for_byte_and_a_change_is_noticed(network, tmp_path):
    plan = morph((0.0, 0.25, 0.5, 1.0), truncation=0.7, centre="class")
    written = write_set(tmp_path / "set", make_pictures(network, plan), plan.to_json(), RECORD, kind="morph")
    assert regenerate(tmp_path / "set", network, RECORD) == []
    assert read_set(tmp_path / "set")["set_hash"] == written["set_hash"]
    with open(tmp_path / "set" / "manifest.csv") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["class"] for row in rows] == ["early", "early", "intermediate", "late"]
    assert rows[1]["label"] == "early:0.75;late:0.25"
    assert not any(name in row["item"] for row in rows for name in CLASSES)
    (tmp_path / "set" / "images" / "00002.png").write_bytes(b"other")
    with pytest.raises(InputError, match="differs from its set.json in images/00002.png"):
        read_set(tmp_path / "set")


def test_another_networks_set_is_not_regenerated(network, tmp_path):
    plan = SetPlan("sample", (1,), ({"early": 1.0},))
    write_set(tmp_path / "set", make_pictures(network, plan), plan.to_json(), RECORD, kind="sample")
    other = NetworkRecord(SHAPE, hashes={"generator": "1" * 64})
    with pytest.raises(InputError, match="was made by the weights"):
        regenerate(tmp_path / "set", network, other)


def test_zips_of_equal_sets_are_equal_and_names_that_climb_out_are_refused(network, tmp_path):
    plan = SetPlan("sample", (1, 2), ({"early": 1.0}, {"late": 1.0}))
    for name in ("a.zip", "b.zip"):
        write_set(tmp_path / name, make_pictures(network, plan), plan.to_json(), RECORD, kind="sample")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with opened_set(tmp_path / "a.zip") as folder:
        assert len(read_set(folder)["images"]) == 2
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../../outside.txt", "x")
    with pytest.raises(InputError, match="outside the set"), opened_set(tmp_path / "evil.zip"):
        pass
    (tmp_path / "noise.zip").write_bytes(b"no zip")
    with pytest.raises(InputError, match="neither a set folder nor a ZIP"), opened_set(tmp_path / "noise.zip"):
        pass


def test_a_half_written_set_never_appears(network, tmp_path):
    plan = SetPlan("sample", (1,), ({"early": 1.0},))

    def full(path):
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match="No space left"):
        write_set(tmp_path / "set", make_pictures(network, plan), plan.to_json(), RECORD, kind="sample",
                  extra_files={"grid.png": full})  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_formula_cells_are_made_inert():
    assert inert_cell("=1+1") == "'=1+1"
    assert inert_cell("early") == "early"


def test_projection_comes_near_its_picture_and_is_repeatable(network):
    target = make_pictures(network, SetPlan("sample", (7,), ({"late": 1.0},)))[0].image.transpose(2, 0, 1)
    label = latents.label_vector(SHAPE, {"late": 1.0})
    first = project(network, target, label, steps=60)
    again = project(network, target, label, steps=60)
    assert first.distance < 0.35 * first.start
    assert torch.equal(first.w, again.w)


def test_a_network_of_grey_pictures_makes_and_projects_them_and_one_of_two_colours_is_refused():
    shape = NetworkShape(8, ("a", "b"), z_dim=8, w_dim=8, channel_base=64, channel_max=8, colours=1)
    grey = Generator(shape).eval()
    images = latents.pictures(grey, latents.styles(grey, latents.draw_z([1, 2], 8), torch.eye(2), truncation=1.0, centre="global"))
    assert images.shape == (2, 8, 8, 3)
    assert np.ptp(images, axis=3).max() == 0
    found = project(grey, images[0].transpose(2, 0, 1), torch.eye(2)[0], steps=3)
    assert found.distance <= found.start
    with pytest.raises(InputError, match="3 colours, or 1 where they are grey; this network makes 2"):
        NetworkShape(8, colours=2)


def test_plan_survives_json():
    for plan in (morph((0.0, 1.0), spacing="perceptual"), morph((0.0, 1.0), truncation=0.5, cutoff=3)):
        assert SetPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_a_changed_plan_is_noticed_too(network, tmp_path):
    """Pictures and manifest intact, but the record of how they were made was edited."""
    plan = SetPlan("sample", (1,), ({"early": 1.0},))
    write_set(tmp_path / "set", make_pictures(network, plan), plan.to_json(), RECORD, kind="sample")
    path = tmp_path / "set" / "set.json"
    path.write_text(path.read_text().replace('"truncation": 1.0', '"truncation": 0.5'))
    with pytest.raises(InputError, match="changed after it was frozen"):
        read_set(tmp_path / "set")


def test_a_mix_set_holds_its_sources_and_every_cell(network):
    plan = SetPlan("mix", (1, 2), ({"early": 1.0}, {"late": 1.0}), column_seeds=(3, 4, 5), cut=2)
    made = make_pictures(network, plan)
    assert [p.note["role"] for p in made] == ["row"] * 2 + ["column"] * 3 + ["mix"] * 6
    alone = make_pictures(network, SetPlan("sample", (2, 3), ({"early": 1.0}, {"late": 1.0})))
    assert np.array_equal(made[1].image, alone[0].image)
    assert np.array_equal(made[2].image, alone[1].image)
    assert (made[-1].note["row_seed"], made[-1].note["column_seed"]) == (2, 5)
