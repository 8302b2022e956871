"""Raters learn which images were generated, in the questions that have a right answer."""

import pytest
from django.core.exceptions import ValidationError

from imagebank.models import ItemImage, Study
from surveys.models import Stimulus, SurveyItem, SurveyResponse
from surveys.services import release_debrief
from surveys.services.ending.afterwards import clean_afterwards
from surveys.services.ending.debriefing import read_elsewhere
from surveys.services.ending.own_results import own_results
from tests.shared_rows import rows_of_a_module
from tests.surveys.debriefed import at, make_rated_study, make_read_study, text

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def rater_and_link(django_db_setup, django_db_blocker, tmp_path_factory):
    """One of six simulated raters' sitting, and a link to it, of a closed rating study."""
    with rows_of_a_module(django_db_blocker):
        _, sitting, raw = make_rated_study(tmp_path_factory.mktemp("rated"))
        yield sitting.pk, raw


@pytest.fixture
def rated(rater_and_link, db):
    sitting, raw = rater_and_link
    return Study.objects.get(slug="rated"), SurveyResponse.objects.get(pk=sitting), raw


def test_a_rater_learns_what_was_generated_and_neither_catches_nor_repeats(client, rated):
    study, sitting, raw = rated
    assert client.get(at(raw)).status_code == 404
    release_debrief(study=study, with_pictures=True)
    blocks = own_results(sitting, with_pictures=True, network=None)
    assert [block.view for block in blocks] == ["single", "pair"], "what has a right answer"
    listed = SurveyItem.objects.filter(public_id__in=[item.public_id for block in blocks for item in block.items])
    assert set(listed.values_list("stimulus__role", flat=True)) == {Stimulus.Role.RATED}
    assert not listed.exclude(repeat_of=None).exists()
    for block in blocks:
        assert [item.position for item in block.items] == list(range(1, len(block.items) + 1)), "no gap tells of a catch"
    for row in listed.filter(block__view="single").prefetch_related("stimulus__frames"):
        item = next(item for item in blocks[0].items if item.public_id == row.public_id)
        assert item.judged.truth == row.stimulus.frames.get().origin
    for row in listed.filter(block__view="pair").prefetch_related("stimulus__frames"):
        item = next(item for item in blocks[1].items if item.public_id == row.public_id)
        left = row.stimulus.frames.get(position=row.order[0] if row.order else 1)
        assert item.judged.truth == ("left" if left.origin == "generated" else "right")
    hidden = SurveyItem.objects.filter(block__survey=sitting.survey).exclude(pk__in=listed)
    assert hidden.filter(stimulus__role=Stimulus.Role.CATCH).exists()
    assert {client.get(at(raw, "own-image", public_id=row.public_id)).status_code for row in hidden} == {404}
    pair = listed.filter(block__view="pair").first()
    assert client.get(at(raw, "own-image", public_id=pair.public_id) + "?place=00012").status_code == 404, "no place, and no crash"
    assert {client.get(at(raw, "own-image", public_id=pair.public_id) + f"?place={n}").status_code for n in (1, 2)} == {200}
    page = text(client, at(raw))
    assert "Guessing would reach about 50%" in page
    assert not any(word in page for word in ("catch", "random sample", "curated", "made-", "strip-1"))


def test_a_german_rater_reads_german_answers(client, rated):
    study, sitting, raw = rated
    study.protocol.__class__.objects.update(language="de")
    release_debrief(study=study, with_pictures=True)
    page = text(client, at(raw))
    assert "Künstlich" in page
    assert "Generated" not in page
    assert "Not sure" not in page


def test_pictures_that_are_read_elsewhere_are_named_before_they_are_told(rated):
    rated, _, _ = rated
    study, _ = make_read_study()
    assert list(read_elsewhere(study)) == [], "other pixels, or reading closed"
    rated.protocol.__class__.objects.filter(study=rated).update(reading_closed_at=None)
    bank = Study.objects.get(slug="rated-bank")
    shown = ItemImage.objects.filter(item__study=study, view="focused").first()
    ItemImage.objects.filter(stimulus_frames__stimulus__study=rated, item__study=bank).update(pixel_sha256=shown.pixel_sha256)
    assert list(read_elsewhere(study)) == [rated]


def test_a_rating_study_without_a_right_answer_has_nothing_to_tell():
    scale = {"code": "realism", "kind": "scale"}
    with pytest.raises(ValidationError, match="none of this rating study's questions has a right answer"):
        clean_afterwards({"debrief": True}, questions=[scale], rates=True)
    assert clean_afterwards({"debrief": False}, questions=[scale], rates=True)["debrief_offered"] is False
    assert clean_afterwards({"debrief": True}, questions=[scale, {"kind": "pair"}], rates=True)["debrief_offered"] is True
