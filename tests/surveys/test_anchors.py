"""Items that every survey of a reading study shows: set up, drawn and stored, told to analysts, and to no reader."""

import json

import pytest
from django.core.exceptions import ValidationError

from imagebank.models import Study
from surveys.coordination.certificate_pictures import certificate_pictures
from surveys.coordination.set_up_form import SetUpForm, form_can_say, form_values
from surveys.exports.files import export_files
from surveys.exports.tables import readings_csv
from surveys.models import ImportedReading, SurveyItem
from surveys.services import (
    create_survey_set,
    import_readings,
    load_protocol,
    readings_frame,
    record_model_answers,
    store_survey_set,
    verify_survey_set,
)
from surveys.services.setting_up.design import anchors_of
from surveys.services.setting_up.new_study import change_study
from surveys.services.setting_up.preset_text import preset_of, toml_text
from tests.surveys.sitting import begin, read_all
from tests.surveys.study import PRESET, make_protocol, make_study, make_surveyed_study, survey
from tests.surveys.test_blinding import visible
from tests.surveys.test_reading_pages import Sitting, to_first_block
from tests.surveys.test_second_showings import normal

pytestmark = pytest.mark.django_db
NAMED = ["case-ZQA-1", "case-ZQB-2", "case-ZQC-0"]


@pytest.fixture
def anchored():
    """Blocks of 6 items, 3 of them anchors; 3 surveys in each of two sets."""
    return make_surveyed_study(anchors=1)


def preset(tmp_path, line="", tail=""):
    path = tmp_path / "study.toml"
    path.write_text(PRESET.replace("per_class = 2", f"per_class = 2\n{line}") + tail)
    return path


# --- setting up and drawing


def test_every_survey_shows_them_and_the_certificate_holds(anchored):
    anchors = anchors_of(anchored)
    assert len(anchors) == 3
    rows = SurveyItem.objects.filter(block__view="focused")
    shown = {code: rows.filter(item__code=code).count() for code in anchored.items.values_list("code", flat=True)}
    assert {count for code, count in shown.items() if code in anchors} == {6}
    assert {count for code, count in shown.items() if code not in anchors} == {2}
    found = verify_survey_set(survey_set=anchored.survey_sets.get())
    assert found.redrawn
    assert found.certificate["promises_hold"]
    assert "anchors" in {row["name"] for row in found.certificate["properties"]}


def test_a_study_without_anchors_has_no_trace_of_them(study):
    assert "anchors" not in study.survey_sets.get().design
    assert "anchor" not in readings_frame(study=study).columns
    assert "anchors" not in preset_of(study)["survey_set"]
    assert anchors_of(study) == frozenset()
    dictionary = next(file for file in export_files(study) if file.name == "data-dictionary.csv")
    assert "anchor" not in [column for _, column, _ in dictionary.rows(study)]


def test_named_anchors_are_those(anchored):
    other = make_study("other")
    make_protocol(other, anchor_items=NAMED)
    create_survey_set(study=other, seed=7)
    assert sorted(anchors_of(other)) == sorted(NAMED)
    assert other.survey_sets.get().design["anchors"]["chosen"] == "named"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"anchors": 2}, "A survey with 2 items per class has no room for 2 anchors per class beside one that is not; ask for fewer anchors"),
        ({"anchor_items": ["case-ZQA-1"]}, "Every class needs the same number of anchors; named are ZQA 1, ZQB 0, ZQC 0. Name as many of each."),
        ({"anchor_items": ["none"]}, "Anchors are items of the study; it has no none."),
        ({"per_class": 3, "anchors": 1}, "4 items per class with 1 anchor: the other 3 cannot be split evenly"),
    ],
)
def test_what_cannot_be_drawn_is_refused_and_nothing_is_stored(asked, said):
    study = make_study("other")
    make_protocol(study, **asked)
    with pytest.raises(ValidationError) as refusal:
        create_survey_set(study=study, seed=7)
    assert refusal.value.messages[0].startswith(said)
    assert not study.survey_sets.exists()


def test_a_design_drawn_elsewhere_must_have_the_anchors_that_the_study_asks_for(anchored):
    document = anchored.survey_sets.get().design
    other = make_study("other")
    make_protocol(other)
    with pytest.raises(ValidationError, match="The study asks for no anchors of each class in every survey, the design has 1 anchor of each class"):
        store_survey_set(study=other, seed=7, document=document)
    other.protocol.anchor_items = NAMED
    other.protocol.save()
    with pytest.raises(ValidationError, match="The study asks for the anchors case-ZQA-1, case-ZQB-2, case-ZQC-0 in every survey"):
        store_survey_set(study=other, seed=7, document=document)
    other.protocol.anchors, other.protocol.anchor_items = 1, []
    other.protocol.save()
    store_survey_set(study=other, seed=7, document=document)
    assert anchors_of(other) == anchors_of(anchored)


def test_a_study_toml_says_how_many_or_which_and_is_given_back(tmp_path):
    study = Study.objects.create(slug="small", title="Small")
    assert load_protocol(study=study, path=preset(tmp_path, "anchors = 1")).common == 1
    assert preset_of(study)["survey_set"]["anchors"] == 1
    protocol = load_protocol(study=study, path=preset(tmp_path, 'anchors = ["a", "b"]'))
    assert (protocol.anchors, protocol.anchor_items) == (0, ["a", "b"])
    assert preset_of(study)["survey_set"]["anchors"] == ["a", "b"]
    assert load_protocol(study=study, path=preset(tmp_path)).common == 0


@pytest.mark.parametrize("said", ["-1", "true", '"two"', "1.5", "[]", "[1]", '[" "]'])
def test_anchors_that_are_none_are_refused(tmp_path, said):
    study = Study.objects.create(slug="small", title="Small")
    with pytest.raises(ValidationError, match="survey_set.anchors must be how many images of each class every survey shows, or a list of"):
        load_protocol(study=study, path=preset(tmp_path, f"anchors = {said}"))


def test_more_anchors_than_a_survey_holds_are_refused(tmp_path):
    study = Study.objects.create(slug="small", title="Small")
    with pytest.raises(ValidationError, match="survey_set.anchors is 2, of per_class 2: a survey needs one image of each class at least that is no"):
        load_protocol(study=study, path=preset(tmp_path, "anchors = 2"))


def test_once_surveys_are_drawn_the_anchors_stay(anchored):
    said = preset_of(anchored)
    said["survey_set"]["anchors"] = 0
    with pytest.raises(ValidationError, match="this would change the size or the order of the surveys"):
        change_study(study=anchored, preset=toml_text(said).encode())


def test_the_form_says_it_too(anchored):
    known = preset_of(anchored)
    form = SetUpForm(form_values(known), known=known)
    assert form_values(known)["anchors"] == 1
    assert form.is_valid(), form.errors
    assert form.preset()["survey_set"]["anchors"] == 1
    assert form_can_say(known)
    named = SetUpForm(form_values(known) | {"anchors": "case-ZQA-1, case-ZQB-2\ncase-ZQC-0"}, known=known)
    assert named.is_valid()
    assert named.preset()["survey_set"]["anchors"] == NAMED
    assert form_can_say(named.preset())
    for none in ("0", "", " "):
        form = SetUpForm(form_values(known) | {"anchors": none}, known=known)
        assert form.is_valid()
        assert "anchors" not in form.preset()["survey_set"]
    refused = SetUpForm(form_values(known) | {"anchors": "2"}, known=known)
    assert refused.errors["anchors"] == ["A survey has 2 of every class; at least one of them must be no anchor."]


# --- out and in


def test_rows_of_anchors_say_so(anchored):
    read_all(begin(anchored))
    items = anchored.items.values_list("code", "truth__diagnosis__code")
    record_model_answers(study=anchored, name="Net", answers={(code, view): truth for code, truth in items for view in ("focused", "panoramic")})
    frame = readings_frame(study=anchored)
    assert set(frame.loc[frame.anchor == "yes", "item"]) == anchors_of(anchored)
    assert set(frame.anchor) == {"yes", ""}
    assert not set(frame.loc[frame.anchor == "", "item"]) & anchors_of(anchored)
    assert (frame.loc[frame.reader != "Net", "anchor"] == "yes").sum() == 6
    rows = next(file for file in export_files(anchored) if file.name == "data-dictionary.csv").rows(anchored)
    assert ("readings.csv", "anchor") in [(name, column) for name, column, _ in rows]


def test_an_export_comes_in_again_as_it_left(anchored, tmp_path):
    read_all(begin(anchored))
    path = tmp_path / "readings.csv"
    path.write_text(readings_csv(anchored))
    other = make_study("other")
    assert import_readings(study=other, path=path).created == 12
    assert ImportedReading.objects.filter(anchor=True).count() == 6
    assert set(readings_frame(study=other).query("anchor == 'yes'")["item"]) == anchors_of(anchored)


def test_a_strange_mark_is_named_by_its_line(tmp_path):
    study = make_study("other")
    path = tmp_path / "readings.csv"
    path.write_text("reader,group,item,truth,answer,anchor\nR1,g,case-ZQA-0,ZQA,ZQA,x\n")
    with pytest.raises(ValidationError) as refusal:
        import_readings(study=study, path=path)
    assert refusal.value.messages == ["Line 2: anchor is 'x', expected yes, no or nothing."]


# --- for the reader images like every other


def test_neither_page_nor_address_nor_file_tells_an_anchor(client, anchored):
    sitting = Sitting(client, anchored)
    to_first_block(sitting)
    rows = list(SurveyItem.objects.filter(block__survey=survey(anchored), block__position=1).order_by("position"))
    data = sitting.page_data(1)
    assert [item["id"] for item in data["items"]] == [row.public_id for row in rows]
    assert len({json.dumps(item | {"id": "", "image": ""}) for item in data["items"]}) == 1
    files = [sitting.check(client.get(item["image"])) for item in data["items"]]
    assert len({repr(visible(file)[:-1]) for file in files}) == 1, "of one length, type, quality and headers"
    pages = [normal(sitting.get("block", f"?image={row.position}", position=1).content.decode(), rows) for row in rows[1:]]
    assert len(set(pages)) == 1
    assert "anchor" not in pages[0].lower()


def test_an_anchor_has_a_name_of_its_own_in_every_survey(anchored):
    """Two readers who compare addresses learn nothing."""
    of_one = SurveyItem.objects.filter(item__code__in=anchors_of(anchored)).values_list("public_id", flat=True)
    assert len(set(of_one)) == len(of_one) == 3 * 6 * 2


def test_the_certificate_in_pictures_tells_anchors_from_the_others(anchored):
    words = {picture.title: picture.words for picture in certificate_pictures(anchored.survey_sets.get())}
    assert words["How often an item is read"] == (
        "Each of the 3 anchors is in 6 surveys, each of the 9 other items in 2, and so is read that often by each kind of reader."
    )
    assert words["Any two items in one survey"].startswith("Of 36 pairs without anchors, ")
    assert words["Early and late"].startswith("Mean position of each item that is no anchor over its 2 surveys")
