"""The shipped generator: small, ours, what its card says, made again from its plans, and published in seconds."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from generative.core.errors import InputError
from generative.core.networks.weights import load_generator
from generative.core.sets.imageset import SetPlan, make_pictures, regenerate
from generative.core.sets.setfiles import opened_set, read_set
from generative.models import Generator, ImageSet, Publication
from generative.services.shipped import HOME, SETS, publish_shipped
from imagebank.models import Item
from imagebank.services.studies import load_study
from tests.imagebank.factories import UserFactory

FOUNDING = HOME.parent / "founding" / "study.toml"


def test_it_is_small_and_says_whose_it_is():
    assert sum(path.stat().st_size for path in HOME.rglob("*")) < 2 * 2**20
    record = json.loads((HOME / "weights" / "network.json").read_text())
    assert record["licence"] == "CC0-1.0"
    assert sorted(record["shape"]["classes"]) == ["HMI", "IP", "MA", "ML", "NF1", "Other", "TSC"]
    card = (HOME / "README.md").read_text()
    assert record["content_hash"][:12] in card
    assert f"{record['extra']['images'] / 1000:g} kimg" in card
    assert "drawn, not photographs" in card


@pytest.mark.parametrize("name", [name for name, *_ in SETS])
def test_its_sets_are_made_again_and_were_audited(name):
    """Byte for byte, but for pixels that another processor than the one that made them rounds to the next level."""
    generator, record = load_generator(HOME / "weights")
    with opened_set(HOME / f"{name}.zip") as folder:
        content = read_set(folder)
        differing = regenerate(folder, generator, record)
        again = dict(zip(content["images"], make_pictures(generator, SetPlan.from_json(content["plan"])), strict=True))
        gaps = [np.abs(again[path].image - np.asarray(Image.open(folder / path)).astype(int)) for path in differing]
    assert all(gap.max() <= 1 for gap in gaps)
    assert sum(np.count_nonzero(gap) for gap in gaps) <= 1e-4 * sum(picture.image.size for picture in again.values())
    audit = json.loads((HOME / f"{name}.audit.json").read_text())
    assert audit["set_hash"] == content["set_hash"]
    assert (audit["n_train"], audit["n_held_out"]) == (517, 140)
    assert json.loads((HOME / f"{name}.evaluation.json").read_text())["n"]["held_out"] == 140


def test_more_threads_make_the_same_bytes():
    generator, _ = load_generator(HOME / "weights")
    with opened_set(HOME / "mix.zip") as folder:
        plan = SetPlan.from_json(read_set(folder)["plan"])
    threads, made = torch.get_num_threads(), []
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            made.append([picture.image.tobytes() for picture in make_pictures(generator, plan)])
            assert torch.get_num_threads() == number
    finally:
        torch.set_num_threads(threads)
    assert made[0] == made[1]


def test_other_weights_do_not_pass_for_it(network):
    generator, record = load_generator(network)
    with opened_set(HOME / "morph.zip") as folder, pytest.raises(InputError, match="was made by the weights"):
        regenerate(folder, generator, record)


@pytest.mark.django_db
def test_it_is_published_once_in_seconds_and_can_be_rated():
    from surveys.services import stimuli_from_items

    study, user = load_study(path=FOUNDING), UserFactory(username="coordinator")
    published = publish_shipped(study=study, user=user)
    assert publish_shipped(study=study, user=user) == published
    assert Generator.objects.get().licence == "CC0-1.0"
    assert {row.condition for row in ImageSet.objects.filter(kind="sample")} == {"random", "curated"}
    assert {row.state for row in ImageSet.objects.all()} == {"published"}
    assert Publication.objects.count() == len(SETS) == 4
    assert not Item.objects.exclude(split="").exists()
    stimuli = stimuli_from_items(sources=[study], real_view="focused", singles=0, pairs=0, practice=0, seed=1)
    kinds = {spec.kind: [s for s in stimuli if s.kind == spec.kind] for spec in stimuli}
    assert {len(spec.frames) for spec in kinds["strip"]} == {5}
    assert {spec.condition for spec in kinds["strip"]} == {"morph", "shuffled", "other-z", "cross-fade"}
    assert len(kinds["grid"]) == 1
    samples = Item.objects.filter(attributes__kind="sample")
    assert {item.truth.diagnosis.code for item in samples} == set(study.classes.values_list("code", flat=True))


def test_the_class_that_was_asked_for_shows():
    """Red patches are what tells "another condition" from the others in the drawings: so they do in the pictures."""
    generator, _ = load_generator(HOME / "weights")
    reddest = {}
    for name in generator.shape.classes:
        plan = SetPlan("sample", tuple(range(12)), ({name: 1.0},) * 12, truncation=0.8, centre="class")
        images = np.stack([picture.image for picture in make_pictures(generator, plan)]).astype(float)
        reddest[name] = np.percentile(images[..., 0] - images[..., 1], 95, axis=(1, 2)).mean()
    assert reddest.pop("Other") > max(reddest.values()) + 10, reddest
