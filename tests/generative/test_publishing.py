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
from generative.services.pictures import real_pictures
from generative.services.publishing import publication_csv, publish_set
from imagebank.models import Item
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
    made_public = publish_set(image_set=image_set, view="focused", user=curator)
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


def shown(item) -> np.ndarray:
    with item.images.get().file.open("rb") as file, Image.open(file) as picture:
        return np.array(picture)


def test_published_pictures_are_items_that_say_what_they_are_and_enter_no_survey(made, study):
    image_set = made("sample", condition="curated")
    record_audit(image_set=image_set, report=report(image_set))
    done = publish_set(image_set=image_set, view="focused")
    assert done.items.count() == 6 + 2
    for item in done.items.filter(attributes__kind="sample"):
        facts = item.attributes
        assert (facts["kind"], facts["condition"], facts["image_set"]) == ("sample", "curated", image_set.set_hash)
        assert (facts["generated"], facts["origin"]) == (True, "generated")
        assert (facts["stated_class"], facts["stated_label"]) in (("early", "Early stage"), ("late", "Late stage"))
        assert item.truth.diagnosis.code == facts["stated_class"]
        assert item.images.get().provenance.nature == "generated, not a photograph"
        sample = image_set.samples.get(index=facts["index"])
        with sample.file.open("rb") as original, Image.open(original) as wanted:
            assert np.array_equal(shown(item), np.array(wanted))
        assert not any(word in item.code for word in ("early", "late", "gen", "0000"))
    assert not Item.objects.filter(pk__in=done.items.all()).exclude(split="").exists()
    assert real_pictures(study, "focused").count() == 42
    assert len(publication_csv(publication=done).splitlines()) == 1 + 6 + 2


def test_catches_are_a_samples_tiles_out_of_order_and_state_no_class(made):
    image_set = made("sample")
    record_audit(image_set=image_set, report=report(image_set))
    done = publish_set(image_set=image_set, view="focused")
    catches = done.items.filter(attributes__role="catch")
    assert catches.count() == 2
    for item in catches:
        sample = image_set.samples.get(index=item.attributes["index"])
        with sample.file.open("rb") as original, Image.open(original) as wanted:
            whole = np.array(wanted)
        assert not np.array_equal(shown(item), whole)
        assert np.array_equal(np.sort(shown(item).reshape(-1, 3), axis=0), np.sort(whole.reshape(-1, 3), axis=0))
        assert (item.attributes["kind"], item.attributes["condition"], item.attributes["stated_class"]) == ("catch", "catch", "")
        assert not hasattr(item, "truth")


def test_a_strip_comes_frame_by_frame_with_controls_nobody_should_take_for_a_morph(made):
    image_set = made("morph")
    record_audit(image_set=image_set, report=report(image_set))
    done = publish_set(image_set=image_set, view="focused")
    strips: dict[str, list] = {}
    for item in done.items.all():
        strips.setdefault(item.attributes["strip"], []).append(item)
    kinds = sorted(items[0].attributes["condition"] for items in strips.values())
    assert kinds == sorted(["cross-fade", "morph", "other-z", "shuffled"] * 2)
    plain = {}
    for name, items in strips.items():
        items.sort(key=lambda item: item.attributes["frame"])
        assert [item.attributes["frame"] for item in items] == [0, 1, 2, 3]
        assert {item.group for item in items} == {name}
        seeds = sorted({item.attributes["seed"] for item in items})
        assert seeds == (["0", "1"] if items[0].attributes["condition"] == "other-z" else [items[0].attributes["seed"]])
        assert {(item.attributes["start"], item.attributes["end"]) for item in items} == {("early", "late")}
        plain[items[0].attributes["seed"], items[0].attributes["condition"]] = items
    words = [item.attributes["stated_label"] for item in plain["0", "morph"]]
    assert words == ["Early stage", "Early stage 70 %, Late stage 30 %", "Early stage 30 %, Late stage 70 %", "Late stage"]
    pictures = {key: [shown(item) for item in items] for key, items in plain.items()}
    morph, mixed = pictures["0", "morph"], pictures["0", "shuffled"]
    assert {a.tobytes() for a in morph} == {b.tobytes() for b in mixed}
    assert not all(np.array_equal(a, b) for a, b in zip(morph, mixed))
    assert np.array_equal(pictures["0", "other-z"][0], morph[0])
    assert np.array_equal(pictures["0", "other-z"][1], pictures["1", "morph"][1])
    fade = pictures["0", "cross-fade"]
    assert np.array_equal(fade[0], morph[0])
    assert np.array_equal(fade[3], morph[3])
    assert abs(fade[1].astype(float) - (2 * morph[0].astype(float) + morph[3]) / 3).max() <= 0.5


def test_a_strip_with_a_frame_left_out_is_left_out_whole(made, curator):
    image_set = made("morph")
    record_audit(image_set=image_set, report=report(image_set, 2))
    decide_copy(sample=image_set.samples.get(index=2), publish=False, why="A copy.", user=curator)
    done = publish_set(image_set=image_set, view="focused", controls=False)
    assert {item.attributes["seed"] for item in done.items.all()} == {"1"}


def test_a_grid_is_one_picture_with_its_geometry(made, curator):
    image_set = made("mix")
    record_audit(image_set=image_set, report=report(image_set))
    (item,) = publish_set(image_set=image_set, view="focused").items.all()
    facts, whole = item.attributes, shown(item)
    assert (facts["kind"], facts["rows"], facts["columns"], facts["tile_px"]) == ("mix-grid", 2, 3, 32)
    assert (facts["row_class"], facts["column_class"]) == ("early", "late")
    assert whole.shape == (3 * 32, 4 * 32, 3)
    assert (whole[:32, :32] == 255).all()
    mixed = image_set.samples.get(note__row_seed="2", note__column_seed="5")
    with mixed.file.open("rb") as file, Image.open(file) as wanted:
        assert np.array_equal(whole[64:, 96:], np.array(wanted))


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
    study = image_set.study
    study.views += [{"code": "close", "label": "close"}]
    study.save()
    publish_set(image_set=image_set, study=study, view="focused", unaudited_reason="A test.")
    with pytest.raises(ValidationError, match='already, as pictures of the view "focused"'):
        publish_set(image_set=image_set, study=study, view="close")
    with pytest.raises(ValidationError, match='no view "x-ray"; its views are focused, close'):
        publish_set(image_set=image_set, study=study, view="x-ray")
