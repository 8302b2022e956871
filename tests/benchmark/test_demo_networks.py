"""The demo's last word about its networks: runs, ensembles and one job for the worker, also when it is run again."""

import pytest

from benchmark.demo.console import Console
from benchmark.demo.site_networks import NETWORK, show_networks
from imagebank.models import Job
from models_ml.models import TrainingRun
from tests.models_ml.bank import VIEWS
from tests.models_ml.conftest import own_folders, pictures, study, trained_folders  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db


def test_the_demos_runs_stand_on_the_site_and_a_second_demo_changes_nothing(study, trained_folders, tmp_path):  # noqa: F811
    for view in VIEWS:
        (tmp_path / f"network-{view}").symlink_to(trained_folders[view])
        (tmp_path / f"predictions-{view}.csv").symlink_to(trained_folders[view] / "predictions.csv")
    said = []
    for _ in range(2):
        show_networks(Console(said.append), study=study, folder=tmp_path, views=VIEWS)
    assert TrainingRun.objects.filter(name=NETWORK, complete=True).count() == 2
    assert Job.objects.get().kind == "models_ml.explain"
    assert sum("2 members, 12 predictions" in line for line in said) == 4
