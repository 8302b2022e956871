"""Suspected copies are quarantined and cannot be published without a decision on record; what is published is frozen,
labelled as generated, and enough for a rating that knows nothing of generators."""

import numpy as np
import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from PIL import Image

from generative.models import CopyDecision, Publication
from generative.services.auditing import decide_copy, record_audit
from generative.services.publishing import publication_csv, publish_set
from imagebank.models import Item, Truth
from tests.imagebank.factories import UserFactory

pytestmark = pytest.mark.django_db


def report(image_set, *suspected: int, neighbour="late-0") -> dict:
    codes = [sample.code for sample in image_set.samples.all()]
    suspects = [
        {"item": codes[i], "nearest_item": neighbour, "space": "pixels", "distance": 0.01, "threshold": 0.02, "variant": "whole"}
        for i in suspected
    ]  # fmt: skip
    return {
        "schema": "audit/1", "set_hash": image_set.set_hash, "suspects": suspects, "features": "random convolutions",
        "calibration": "12 held-out pictures", "n_train": 30, "n_held_out": 12, "ratios": dict.fromkeys(codes, 1.5),
    }  # fmt: skip


@pytest.fixture
def curator():
    return UserFactory(username="curator")


def test_suspected_copies_hold_the_set_until_somebody_decides_and_says_why(made, study, curator):
    image_set = made("sample")
    audit = record_audit(image_set=image_set, report=report(image_set, 1, 4))
    assert (image_set.state, audit.n_suspected) == ("quarantined", 2)
    assert audit.findings.first().neighbour.item.code == "late-0"
    with pytest.raises(ValidationError, match="2 of the 6 pictures are suspected copies"):
        publish_set(image_set=image_set, view="focused", user=curator)
    first, second = image_set.samples.filter(quarantined=True)
    with pytest.raises(ValidationError, match="needs a reason"):
        decide_copy(sample=first, publish=True, why="  ", user=curator)
    decide_copy(sample=first, publish=True, why="Same body part, another lesion.", user=curator)
    decide_copy(sample=second, publish=False, why="It is that patient.", user=curator)
    image_set.refresh_from_db()
    assert image_set.state == "audited"
    made_public = publish_set(image_set=image_set, view="focused", user=curator, matched_reals=False)
    indices = {item.attributes["index"] for item in made_public.items.all()}
    assert indices == {0, 1, 2, 3, 5}
    decision = CopyDecision.objects.get(sample=first)
    assert (decision.decided_by, decision.why) == (curator, "Same body part, another lesion.")
    with pytest.raises(ValidationError, match="published and frozen"):
        decide_copy(sample=second, publish=True, why="On second thoughts.", user=curator)
    with pytest.raises(ValidationError, match="not suspected"):
        decide_copy(sample=image_set.samples.first(), publish=True, why="x", user=curator)


def test_without_an_audit_a_reason_is_needed_and_kept(made, curator):
    image_set = made("sample")
    with pytest.raises(ValidationError, match="was not audited"):
        publish_set(image_set=image_set, view="focused", user=curator)
    done = publish_set(image_set=image_set, view="focused", user=curator, unaudited_reason="No training pictures are at hand.")
    assert (done.unaudited_reason, done.published_by) == ("No training pictures are at hand.", curator)
    assert publish_set(image_set=image_set, view="focused", user=curator) == done
    assert Publication.objects.count() == 1


def test_published_pictures_are_items_that_say_what_they_are_and_enter_no_survey(made, study):
    image_set = made("sample", condition="curated")
    record_audit(image_set=image_set, report=report(image_set))
    done = publish_set(image_set=image_set, view="focused")
    generated = [item for item in done.items.all() if item.attributes["generated"]]
    reals = [item for item in done.items.all() if not item.attributes["generated"]]
    assert (len(generated), len(reals)) == (6, 6)
    for item in generated:
        facts = item.attributes
        assert (facts["kind"], facts["condition"], facts["image_set"]) == ("sample", "curated", image_set.set_hash)
        assert facts["stated_label"] in ("Early stage", "Late stage")
        assert facts["stated_class"] in ("early", "late")
        image = item.images.get()
        assert image.provenance.nature == "generated, not a photograph"
        with image.file.open("rb") as file, Image.open(file) as shown:
            sample = image_set.samples.get(index=facts["index"])
            with sample.file.open("rb") as original, Image.open(original) as wanted:
                assert np.array_equal(np.array(shown), np.array(wanted))
    sizes = {(item.images.get().width, item.images.get().file.name[-4:]) for item in done.items.all()}
    assert sizes == {(32, ".png")}, "real and generated differ in nothing but the picture"
    assert len({item.attributes["source_item"] for item in reals}) == 6
    assert {item.attributes["matches"] for item in reals} == {item.code for item in generated}
    assert all(Item.objects.get(study=study, code=item.attributes["source_item"]).split == "test" for item in reals)
    assert not Item.objects.filter(pk__in=done.items.all()).testing().exists()
    assert not Truth.objects.filter(item__in=done.items.all()).exists()
    assert not any(word in item.code for item in done.items.all() for word in ("early", "late", "gen", "real"))
    table = publication_csv(publication=done).splitlines()
    assert len(table) == 13


def test_a_strip_comes_with_its_frames_and_with_controls_nobody_should_take_for_a_morph(made):
    image_set = made("morph")
    record_audit(image_set=image_set, report=report(image_set))
    done = publish_set(image_set=image_set, view="focused")
    strips = [item for item in done.items.all() if item.attributes["kind"] == "morph-strip"]
    assert sorted(item.attributes["control"] for item in strips) == sorted(["", "shuffled", "other-z", "cross-fade"] * 2)
    for strip in strips:
        frames = [done.items.get(code=code) for code in strip.attributes["frame_codes"]]
        assert [frame.attributes["frame"] for frame in frames] == [0, 1, 2, 3]
        assert {frame.group for frame in frames} == {strip.group}
        with strip.images.get().file.open("rb") as file, Image.open(file) as shown:
            whole = np.array(shown)
        assert whole.shape == (32, 128, 3)
        for number, frame in enumerate(frames):
            with frame.images.get().file.open("rb") as file, Image.open(file) as shown:
                assert np.array_equal(np.array(shown), whole[:, 32 * number : 32 * (number + 1)])
        assert (strip.attributes["start"], strip.attributes["end"]) == ("early", "late")
    plain = next(item for item in strips if item.attributes["control"] == "")
    labels = [done.items.get(code=code).attributes["stated_label"] for code in plain.attributes["frame_codes"]]
    assert labels == ["Early stage", "Early stage 70 %, Late stage 30 %", "Early stage 30 %, Late stage 70 %", "Late stage"]


def test_a_strip_with_a_frame_left_out_is_left_out_whole(made, curator):
    image_set = made("morph")
    record_audit(image_set=image_set, report=report(image_set, 2))
    decide_copy(sample=image_set.samples.get(index=2), publish=False, why="A copy.", user=curator)
    done = publish_set(image_set=image_set, view="focused", controls=False)
    assert [item.attributes["seed"] for item in done.items.all() if item.attributes["kind"] == "morph-strip"] == ["1"]


def test_a_grid_is_one_picture_with_its_geometry(made, curator):
    image_set = made("mix")
    record_audit(image_set=image_set, report=report(image_set))
    (item,) = publish_set(image_set=image_set, view="focused").items.all()
    facts = item.attributes
    assert (facts["kind"], facts["rows"], facts["columns"], facts["tile_px"]) == ("mix-grid", 2, 3, 32)
    assert (facts["row_class"], facts["column_class"]) == ("early", "late")
    image = item.images.get()
    assert (image.width, image.height) == (4 * 32, 3 * 32)


def test_a_grid_of_which_a_cell_is_left_out_is_not_published(made, curator):
    image_set = made("mix")
    record_audit(image_set=image_set, report=report(image_set, 7))
    decide_copy(sample=image_set.samples.get(index=7), publish=False, why="A copy.", user=curator)
    with pytest.raises(ValidationError, match="nothing remains to publish"):
        publish_set(image_set=image_set, view="focused")
    assert not Publication.objects.exists()


def test_a_published_set_stays(made):
    image_set = made("sample")
    publish_set(image_set=image_set, view="focused", unaudited_reason="A test.")
    with pytest.raises(ProtectedError):
        image_set.delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        Publication.objects.create(image_set=image_set, study=image_set.study, view="focused")


def test_a_report_about_another_set_and_an_unknown_view_are_refused(made):
    image_set = made("sample")
    with pytest.raises(ValidationError, match="is about set 000000"):
        record_audit(image_set=image_set, report={**report(image_set), "set_hash": "0" * 64})
    with pytest.raises(ValidationError, match='no view "x-ray"; its views are focused'):
        publish_set(image_set=image_set, view="x-ray")
