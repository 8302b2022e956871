"""A small study with drawn pictures in three classes, a network to make pictures with, and sets made once."""

import io

import numpy as np
import pytest
from PIL import Image

from generative.models import ImageSet
from generative.services.networks import register_generator
from generative.services.sets import add_set
from imagebank.models import Item, Membership
from tests.forked import FORKING
from tests.generative.core.conftest import REFERENCE
from tests.imagebank.factories import (
    DiagnosisClassFactory,
    ItemFactory,
    ItemImageFactory,
    MembershipFactory,
    StudyFactory,
)

CLASSES = {"early": "Early stage", "intermediate": "Intermediate stage", "late": "Late stage"}
LEVELS = (60, 128, 196)


@pytest.fixture(autouse=True)
def store(settings, tmp_path):
    settings.VAR_DIR = tmp_path / "var"
    settings.MEDIA_ROOT = settings.VAR_DIR / "media"


@pytest.fixture(autouse=True)
def forks(request, monkeypatch):
    """Jobs start the core without reading torch anew; those of a test with the mark ``own_python`` begin as a worker begins them."""
    if not request.node.get_closest_marker("own_python"):
        monkeypatch.setattr("generative.services.core.subprocess", FORKING)


def drawn_jpeg(seed: int, level: int, side: int = 32) -> bytes:
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 12, (1, 1, 3)) + rng.normal(0, 8, (side, side, 3))
    buffer = io.BytesIO()
    Image.fromarray(np.clip(level + noise, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


@pytest.fixture
def study(db):
    """Ten training and four test items of each of three classes."""
    made = StudyFactory(slug="stages", title="Stages", nature="drawn, not photographs", views=[{"code": "focused", "label": "focused"}])  # fmt: skip
    for position, (code, name) in enumerate(CLASSES.items()):
        diagnosis = DiagnosisClassFactory(study=made, code=code, name=name, position=position)
        for number in range(14):
            split = Item.Split.TRAIN if number < 10 else Item.Split.TEST
            item = ItemFactory(study=made, code=f"{code}-{number}", split=split, diagnosis=diagnosis)
            ItemImageFactory(item=item, data=drawn_jpeg(100 * position + number, LEVELS[position]))
    return made


@pytest.fixture(scope="session")
def network(tmp_path_factory):
    """The reference network with averaged labels, 32 px, as a weights folder."""
    from generative.core.importers.load import import_network

    folder = tmp_path_factory.mktemp("network") / "weights"
    import_network(REFERENCE / "tf_morphnf1_r32_avg.pkl", folder, classes=("late", "early", "intermediate"), licence="test")
    return folder


@pytest.fixture(scope="session")
def set_files(network, tmp_path_factory):
    """ZIPs by kind: six samples, two strips of four frames, a grid of two by three."""
    from generative.core.networks.weights import load_generator
    from generative.core.sets.imageset import SetPlan, make_pictures, write_set

    generator, record = load_generator(network)
    ends = ({"early": 1.0}, {"late": 1.0})
    plans = {
        "sample": SetPlan("sample", (0, 1, 2, 3, 4, 5), (*ends, *ends, *ends), truncation=0.7),
        "morph": SetPlan("morph", (0, 1), ends, positions=(0.0, 0.3, 0.7, 1.0), truncation=0.7),
        "mix": SetPlan("mix", (1, 2), ends, column_seeds=(3, 4, 5), cut=4, truncation=0.7),
    }
    folder, files = tmp_path_factory.mktemp("sets"), {}
    for kind, plan in plans.items():
        files[kind] = folder / f"{kind}.zip"
        write_set(files[kind], make_pictures(generator, plan), plan.to_json(), record, kind=kind)
    return files


@pytest.fixture
def generator(study, network):
    return register_generator(study=study, folder=network, title="Stages by the authors")


@pytest.fixture
def made(study, generator, set_files):
    """`made("morph")`: that set, frozen in the study."""

    def add(kind: str, condition: str = "random") -> ImageSet:
        return add_set(study=study, path=set_files[kind], title=f"A {kind}", condition=condition)

    return add


@pytest.fixture
def as_role(client, study):
    """`as_role("engineer")`: the client, signed in as somebody with that role."""

    def sign_in(role: str):
        client.force_login(MembershipFactory(study=study, role=Membership.Role(role)).user)
        return client

    return sign_in
