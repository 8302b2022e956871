"""One core, one process-wide import of the two reference networks."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from pathlib import Path

import numpy as np
import pytest
import torch

REFERENCE = Path(__file__).resolve().parents[2] / "reference" / "stylegan2"


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    torch.set_num_threads(1)


def read_npz(name):
    return {key: torch.from_numpy(value) for key, value in np.load(REFERENCE / name).items()}


@pytest.fixture(scope="session")
def reference():
    return REFERENCE


@pytest.fixture(scope="session")
def pytorch_folder(tmp_path_factory):
    from generative.core.importers.load import import_network

    folder = tmp_path_factory.mktemp("networks") / "pytorch"
    import_network(REFERENCE / "nv_r32_c3.pkl", folder, classes=("late", "early", "intermediate"), licence="test")
    return folder


@pytest.fixture(scope="session")
def tensorflow_folder(tmp_path_factory):
    from generative.core.importers.load import import_network

    folder = tmp_path_factory.mktemp("networks") / "tensorflow"
    import_network(
        REFERENCE / "tf_morphnf1_r32_avg.pkl", folder, classes=("late", "early", "intermediate"), licence="test"
    )
    return folder


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """(manifest, snapshot) of a short run through the command line."""
    from generative.core.cli import main
    from tests.generative.core.drawn import FAST, drawn_manifest

    folder = tmp_path_factory.mktemp("trained")
    manifest = drawn_manifest(folder / "data")
    assert main(["train", str(manifest), *FAST, "--ordinal", "early,intermediate,late", "--kimg", "0.048", "--out",
                 str(folder / "run")]) == 0  # fmt: skip
    return manifest, sorted((folder / "run" / "snapshots").iterdir())[-1]
