import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

from tests.models_ml.core.drawn import write_bank


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def bank(tmp_path_factory):
    """Three classes, ten training and four test pictures each, 48 px, with masks."""
    return write_bank(tmp_path_factory.mktemp("bank"), masks=True)


@pytest.fixture(scope="session")
def folded(bank):
    """The bank in two folds that keep groups together."""
    from models_ml.core import read_manifest
    from models_ml.core.pictures.folds import with_folds

    return with_folds(read_manifest(bank), folds=2, source="grouped", seed=0)


@pytest.fixture(scope="session")
def tiny_cfg():
    """A configuration whose whole ensemble trains in seconds."""
    from dataclasses import replace

    from models_ml.core.config import DataSpec, ModelSpec, preset

    cfg = preset("tiny", view="focused", epochs=3, batch_size=8)
    return replace(
        cfg, model=ModelSpec(backbone="test_efficientnet", head_dropouts=2), data=DataSpec(size_px=32, folds=2)
    )


@pytest.fixture(scope="session")
def trained(bank, tiny_cfg, tmp_path_factory):
    """A finished run of two members."""
    from models_ml.core import read_manifest, train_ensemble

    folder = tmp_path_factory.mktemp("runs") / "run"
    train_ensemble(tiny_cfg, read_manifest(bank), folder)
    return folder
