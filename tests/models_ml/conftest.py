"""A study with drawn pictures, and finished run folders of it, trained once for the whole session."""

import shutil
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from imagebank.models import Membership, Study
from tests.forked import FORKING
from tests.models_ml.bank import VIEWS, store_study, write_manifest
from tests.models_ml.factories import stored_network

TINY = [
    "model.backbone=test_efficientnet", "data.size_px=32", "recipe.batch_size=8", "recipe.epochs=2",
    "attribution.steps=8", "attribution.max_steps=16",
]  # fmt: skip


@pytest.fixture(autouse=True)
def own_folders(settings, tmp_path):
    """Every test writes to folders of its own."""
    settings.VAR_DIR = tmp_path / "var"
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.AUXILIARY_PICTURES = tmp_path / "auxiliary"
    settings.NETWORK_WEIGHTS = tmp_path / "weights"


@pytest.fixture(autouse=True)
def forks(request, monkeypatch):
    """Jobs start the core without reading torch anew; those of a test with the mark ``own_python`` begin as a worker begins them."""
    if not request.node.get_closest_marker("own_python"):
        monkeypatch.setattr("models_ml.child.subprocess", FORKING)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> Path:
    """manifest.csv and pictures: three classes, two views, six training and two test items each."""
    return write_manifest(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="session")
def trained_folders(pictures, tmp_path_factory) -> dict[str, Path]:
    """A finished run folder with predictions.csv for each view, as a GPU box would leave it."""
    from models_ml.core.cli import main

    folders = {}
    for view in VIEWS:
        folder = tmp_path_factory.mktemp("runs") / f"run-{view}"
        settings = [part for text in [*TINY, "data.folds=2"] for part in ("--set", text)]
        arguments = ["--preset", "tiny", "--view", view, "--out", str(folder), "--quiet", *settings]
        assert main(["train", str(pictures), *arguments]) == 0
        out = ["--split", "test", "--out", str(folder / "predictions.csv"), "--quiet"]
        assert main(["predict", str(folder), str(pictures), *out]) == 0
        folders[view] = folder
    return folders


@pytest.fixture
def study(db, pictures) -> Study:
    """The study of these pictures, as an import would leave it."""
    return store_study(pictures)


@pytest.fixture
def run_copy(trained_folders, tmp_path):
    """`run_copy("focused")` is a run folder of the test's own, to be spoilt at will."""

    def make(view: str = "focused") -> Path:
        return Path(shutil.copytree(trained_folders[view], tmp_path / f"copy-{view}"))

    return make


@pytest.fixture
def networks(study, trained_folders):
    """The network "small", imported for both views; returns its ensembles by view."""
    from models_ml.services.storing import import_run

    for view in VIEWS:
        import_run(study=study, folder=trained_folders[view], name="small")
    return {one.view: one for one in study.ensembles.select_related("run__study", "study")}


@pytest.fixture
def stored(study):
    """The ensemble of a stored network that answers every focused test item, item IP-6 wrongly."""
    return stored_network(study, wrong=("IP-6",))


@pytest.fixture
def person(study):
    def make(role: str | None = None) -> User:
        user = User.objects.create_user(role or "stranger", password="a-long-password")
        if role:
            Membership.objects.create(study=study, user=user, role=role)
        return user

    return make


@pytest.fixture
def run_jobs():
    """Run every waiting job in this process, oldest first, and return them as they ended."""
    from imagebank.jobs import run_job
    from imagebank.models import Job

    def run() -> list[Job]:
        return [
            run_job(pk) for pk in Job.objects.filter(state="queued").order_by("created_at").values_list("pk", flat=True)
        ]

    return run
