"""A stored comparison: right numbers, the same bytes again, and pages for those who may see them."""

import json

import pandas as pd
import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from scipy import stats

from benchmark.services.comparison import run_comparison
from imagebank.models import Membership, Truth
from surveys.services import readings_frame, record_model_answers, simulate_readers
from tests.surveys.study import make_surveyed_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(settings, tmp_path):
    """Every seat filled by a simulated reader; the network misses one item in four."""
    settings.VAR_DIR = tmp_path
    study = make_surveyed_study()
    views = study.protocol.view_order
    groups = study.reader_groups.filter(kind="human")
    simulate_readers(study=study, seed=3, accuracies={(g.code, v): 0.6 for g in groups for v in views})
    classes = list(study.classes.values_list("code", flat=True))
    truth = list(Truth.objects.filter(item__study=study).order_by("item").values_list("item__code", "diagnosis__code"))
    answers = {
        (item, view): code if place % 4 else next(other for other in classes if other != code)
        for place, (item, code) in enumerate(truth)
        for view in views
    }
    record_model_answers(study=study, name="network", answers=answers)
    return study


def test_the_t_tests_equal_scipys_on_the_exported_table(study):
    comparison = run_comparison(study=study)
    table = pd.read_csv(comparison.folder / "readings.csv", dtype=str, keep_default_na=False)
    table["right"] = (table["answer"] == table["truth"]).astype(float)
    by_survey = table.pivot_table(index=["group", "survey"], columns="view", values="right", aggfunc="mean")
    assert comparison.results["paired"]
    for record in comparison.results["paired"]:
        network, people = by_survey.loc["model" if "model" in by_survey.index else networks_group(table)], by_survey.loc[record["group"]]
        expected = stats.ttest_rel(network[record["view"]], people[record["view"]])
        assert record["t"] == pytest.approx(expected.statistic, rel=1e-9)
        assert record["p"] == pytest.approx(expected.pvalue, rel=1e-9)


def networks_group(table) -> str:
    return table.loc[table["kind"] == "model", "group"].iloc[0]


def test_simulated_readers_are_marked_in_the_results_and_in_the_report(study):
    comparison = run_comparison(study=study)
    assert comparison.simulated
    assert comparison.results["simulated"] is True
    assert "simulated readers" in (comparison.folder / "report.html").read_text()


def test_running_again_returns_the_same_comparison_and_the_same_bytes(study):
    first = run_comparison(study=study)
    files = {path: path.read_bytes() for path in first.folder.rglob("*") if path.is_file()}
    assert run_comparison(study=study).pk == first.pk
    (first.folder / "results.json").unlink()
    again = run_comparison(study=study)
    assert again.pk == first.pk
    assert {path: path.read_bytes() for path in again.folder.rglob("*") if path.is_file()} == files
    assert json.loads((again.folder / "results.json").read_text()) == again.results


def test_a_study_without_a_network_is_refused_with_a_sentence(db, settings, tmp_path):
    settings.VAR_DIR = tmp_path
    study = make_surveyed_study()
    assert not len(readings_frame(study=study))
    with pytest.raises(ValidationError, match="needs complete readings of people and of a network"):
        run_comparison(study=study)


def test_results_are_for_the_studys_own_analysts(client, django_user_model, study):
    comparison = run_comparison(study=study)
    page = reverse("benchmark:comparison_detail", args=[study.slug, comparison.pk])
    stranger = django_user_model.objects.create_user("stranger")
    client.force_login(stranger)
    assert client.get(page).status_code == 404
    Membership.objects.create(study=study, user=stranger, role=Membership.Role.ANALYST)
    shown = client.get(page)
    assert shown.status_code == 200
    assert "simulated readers" in shown.content.decode()
    drawn = sorted((comparison.folder / "figures").glob("*.svg"))
    assert drawn
    figure = reverse("benchmark:comparison_file", args=[study.slug, comparison.pk, f"figures/{drawn[0].name}"])
    assert b"<svg" in b"".join(client.get(figure).streaming_content)
    outside = reverse("benchmark:comparison_file", args=[study.slug, comparison.pk, "../../secret_key"])
    assert client.get(outside).status_code == 404
