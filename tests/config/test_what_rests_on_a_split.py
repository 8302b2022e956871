"""A test set is not drawn anew under surveys, networks or generators that rest on it."""

import pytest
from django.core.exceptions import ValidationError

from generative.models import GeneratorRun
from imagebank.models import Item
from imagebank.services.splits import draw_split, standing_against
from models_ml.models import TrainingRun
from tests.imagebank.factories import full_study
from tests.surveys.study import make_surveyed_study

pytestmark = pytest.mark.django_db


def states(study) -> list:
    return list(Item.objects.filter(study=study).order_by("pk").values_list("split", "fold"))


def refused(study, **asked) -> str:
    before = states(study)
    with pytest.raises(ValidationError) as refusal:
        draw_split(study=study, seed=0, **({"per_class": 1, "folds": 0} | asked))
    assert states(study) == before
    return " ".join(refusal.value.messages)


def test_surveys_hold_the_test_set_but_not_the_folds():
    study = make_surveyed_study()
    assert "Surveys are drawn from this test set" in refused(study)
    assert standing_against(study, test_set=False) == []


def test_a_network_holds_both():
    study = full_study(items_per_class=4)
    TrainingRun.objects.create(study=study, name="n", view="focused", config={}, fingerprint="f", manifest_fingerprint="m")
    assert "1 training run learned by this split; remove it first." in refused(study)
    assert "1 training run" in refused(study, per_class=None, folds=2)
    TrainingRun.objects.update(origin=TrainingRun.Origin.ANSWERS)
    assert standing_against(study, test_set=True) == []


def test_a_generator_holds_the_test_set():
    study = full_study(items_per_class=4)
    GeneratorRun.objects.create(study=study, title="g", recipe="tiny", resolution=16, view="focused", total_kimg=1)
    assert "1 training of a generator used this split" in refused(study)
    assert standing_against(study, test_set=False) == []
