"""Setting up a study from its preset."""

import pytest
from django.core.exceptions import ValidationError

from imagebank.models import DiagnosisClass, Study
from imagebank.services.studies import load_study

from .factories import ItemFactory

PRESET = """
[study]
slug = "small"
title = "A small study"
summary = "Two classes."
[study.citation]
authors = ["A B", "C D"]
year = 2021
title = "On two classes"
doi = "10.1/x"
[[classes]]
code = "B"
name = "Class B"
sign = "brown"
[[classes]]
code = "A"
name = "Class A"
[[views]]
code = "focused"
label = "focused"
"""


@pytest.fixture
def preset(tmp_path):
    (tmp_path / "study.toml").write_text(PRESET)
    return tmp_path / "study.toml"


def state():
    return list(Study.objects.values()), list(DiagnosisClass.objects.order_by("position").values())


@pytest.mark.django_db
def test_a_preset_becomes_a_study_and_loading_it_again_changes_nothing(preset):
    study = load_study(path=preset)
    assert [(row.code, row.name, row.description) for row in study.classes.all()] == [
        ("B", "Class B", "brown"),
        ("A", "Class A", ""),
    ]
    assert study.view_codes() == ["focused"]
    assert study.citation == "A B, C D. (2021). On two classes. doi:10.1/x"
    before = state()
    load_study(path=preset.parent)
    assert state() == before


@pytest.mark.django_db
def test_classes_can_change_places_and_unused_ones_go(preset):
    study = load_study(path=preset)
    text = PRESET.replace('code = "B"', 'code = "T"').replace('code = "A"', 'code = "B"').replace('"T"', '"A"')
    preset.write_text(text.replace("Class B", "x").replace("Class A", "y"))
    load_study(path=preset)
    assert list(study.classes.values_list("code", "name")) == [("A", "x"), ("B", "y")]
    preset.write_text(PRESET.replace('code = "A"', 'code = "C"'))
    load_study(path=preset)
    assert list(study.classes.values_list("code", flat=True)) == ["B", "C"]


@pytest.mark.django_db
def test_a_class_with_items_cannot_be_dropped_and_nothing_changes(preset):
    study = load_study(path=preset)
    ItemFactory(study=study, diagnosis=study.classes.get(code="A"))
    before = state()
    preset.write_text(PRESET.replace('code = "A"', 'code = "C"').replace("A small study", "Another"))
    with pytest.raises(ValidationError, match="items of the classes A"):
        load_study(path=preset)
    assert state() == before


@pytest.mark.django_db
def test_all_that_a_preset_lacks_is_said_at_once(preset):
    preset.write_text('[study]\ntitle = "x"\n[[classes]]\ncode = "A"\n')
    with pytest.raises(ValidationError) as error:
        load_study(path=preset)
    for words in ("[study] slug", "[[views]]", "name of [[classes]] number 1"):
        assert words in error.value.messages[0]
    with pytest.raises(ValidationError, match="cannot be read"):
        load_study(path=preset.parent / "absent.toml")
