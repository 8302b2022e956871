"""A small study that people and a network have read, and one comparison of it, computed once for all tests."""

import pytest
from django.db import transaction

from benchmark.core.output import writing
from benchmark.models import Comparison
from benchmark.services.comparison import run_comparison
from imagebank.models import Membership, Study, Truth
from surveys.services import record_model_answers, simulate_readers
from tests.surveys.study import make_surveyed_study

PLAN = """schema = "analysis-plan/1"
title = "Network against people"

[data]
analysed = "first complete per seat"

[primary]
multiplicity = "holm"

[[primary.contrasts]]
model = "network"
group = "geneticist"
view = "focused"

[bootstrap]
draws = 100
"""


@pytest.fixture(autouse=True)
def one_kind_of_drawing(monkeypatch, request):
    """Drawing is most of a comparison's time; tests of files of every kind ask for `all_drawings`."""
    if "all_drawings" not in request.fixturenames:
        monkeypatch.setattr(writing, "FIGURE_KINDS", ("svg",))


@pytest.fixture
def all_drawings():
    """Every figure as SVG, PNG and PDF, as the product writes them."""


def read_study(slug: str = "small", *, people: bool = True, network: bool = True) -> Study:
    """Every seat filled by a simulated reader; the network misses one item in four."""
    study = make_surveyed_study(slug)
    views = study.protocol.view_order
    if people:
        groups = study.reader_groups.filter(kind="human")
        simulate_readers(study=study, seed=3, accuracies={(g.code, v): 0.6 for g in groups for v in views})
    if network:
        classes = list(study.classes.values_list("code", flat=True))
        truth = Truth.objects.filter(item__study=study).order_by("item").values_list("item__code", "diagnosis__code")
        answers = {
            (item, view): code if place % 4 else next(other for other in classes if other != code)
            for place, (item, code) in enumerate(truth)
            for view in views
        }
        record_model_answers(study=study, name="network", answers=answers)
    return study


@pytest.fixture(scope="module")
def read_once(django_db_setup, django_db_blocker):
    """The read study's key: its readings take long to simulate, so a module's tests share them.

    Each test changes them in a transaction of its own, inside this one; both are rolled back.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        yield read_study().pk
        transaction.set_rollback(True)


@pytest.fixture
def study(read_once, db, settings, tmp_path) -> Study:
    settings.VAR_DIR = tmp_path
    return Study.objects.get(pk=read_once)


@pytest.fixture(scope="module")
def kept_comparison(tmp_path_factory):
    """Where `comparison` keeps it for the tests of a module: its row, and the folder of its files."""
    return {"folder": tmp_path_factory.mktemp("compared")}


@pytest.fixture
def comparison(study, kept_comparison, settings) -> Comparison:
    """The study's comparison without a plan, computed once for a module; tests look at it and change nothing of its files."""
    settings.VAR_DIR = kept_comparison["folder"]
    if "row" not in kept_comparison:
        kept_comparison["row"] = run_comparison(study=study)
        return kept_comparison["row"]
    values = {field.attname: getattr(kept_comparison["row"], field.attname) for field in Comparison._meta.concrete_fields}
    found = Comparison(**values)
    found.save(force_insert=True)
    return found


@pytest.fixture
def member(db, client, django_user_model):
    """A function that signs somebody in with a role in a study."""

    def sign_in(study, role: str):
        user, _ = django_user_model.objects.get_or_create(username=f"{role}-of-{study.slug}")
        Membership.objects.get_or_create(study=study, user=user, role=role)
        client.force_login(user)
        return user

    return sign_in
