"""A rating study from images to table: set up through services, rated through the pages, simulated, exported."""

import csv
import io
import json
from uuid import uuid4

import pandas
import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.urls import reverse

from imagebank.models import Item, ItemImage, Study
from surveys.core.answer_log import log_faults, read_answer_log
from surveys.exports.files import export_files
from surveys.exports.tables import ratings_csv
from surveys.models import Answer, Seat, Stimulus, Survey, SurveyItem, SurveyResponse, ViewingEvent
from surveys.services import (
    analysis_frame,
    answer_log_fault,
    create_rating_study,
    invite,
    ratings_frame,
    readings_frame,
    shuffled,
    simulate_raters,
    single,
    stimuli_from_items,
    strip,
    verify_survey_set,
)
from surveys.services.rating.table import COLUMNS
from tests.surveys.rating_study import (
    PRESET,
    RATERS,
    make_generated,
    make_rating_study,
    make_stimuli,
    rater_opened,
    real_images,
)
from tests.surveys.study import make_study, survey
from tests.surveys.test_reading_pages import Sitting

pytestmark = pytest.mark.django_db
NAMED = ("rater", "group", "item", "condition", "truth", "question", "value", "confidence", "position", "repeat_of",
         "rt_ms", "simulated")  # fmt: skip


@pytest.fixture
def rated():
    return make_rating_study()


def test_a_rating_study_is_certified_and_has_a_seat_for_every_sitting(rated):
    survey_set = rated.survey_sets.get()
    assert survey_set.certificate["promises_hold"]
    assert Seat.objects.of_study(rated).free().count() == RATERS
    assert [row.code for row in rated.classes.all()] == ["ZQA", "ZQB", "ZQC"], "the classes of its images"
    for form in survey_set.surveys.all():
        assert [block.view for block in form.blocks.all()] == ["single", "pair", "strip", "grid"]
    ways = SurveyItem.objects.filter(stimulus__code="strip-1", repeat_of=None).values_list("order", flat=True)
    assert sorted(map(tuple, ways)) == [(1, 2, 3, 4, 5)] * 3 + [(5, 4, 3, 2, 1)] * 3, "half of the raters see it reversed"
    frozen = {row["stimulus"]: row for row in survey_set.design["stimuli"]}
    pixels = ItemImage.objects.get(item__code="made-07").pixel_sha256
    assert frozen["strip-1"]["frames"][0] == {
        "item": "made-07", "view": "generated", "origin": "generated", "pixel_sha256": pixels, "box": [],
    }  # fmt: skip


def test_the_same_call_changes_nothing_and_another_draw_is_refused(rated):
    stimuli = [single(image, "real") for image in real_images(make_study("other"))[:6]]
    with pytest.raises(ValidationError, match="already has surveys"):
        create_rating_study(study=rated, preset=PRESET, stimuli=stimuli, raters=RATERS, seed=12)
    bank, study = make_study("again-bank"), Study.objects.create(slug="again", title="Again")
    stimuli = make_stimuli(bank)
    first = create_rating_study(study=study, preset=PRESET, stimuli=stimuli, raters=6, seed=1)
    assert create_rating_study(study=study, preset=PRESET, stimuli=stimuli, raters=6, seed=1) == first
    with pytest.raises(ValidationError, match="drawn with seed 1"):
        create_rating_study(study=study, preset=PRESET, stimuli=stimuli, raters=6, seed=2)


def test_what_cannot_be_shown_is_refused_in_a_sentence_and_nothing_is_stored():
    bank, study = make_study("bank"), Study.objects.create(slug="rated", title="Rated")
    image = make_generated(bank, "made", 3)

    def refused(words, *stimuli, raters=6):
        with pytest.raises(ValidationError, match=words):
            create_rating_study(study=study, preset=PRESET, stimuli=stimuli, raters=raters, seed=1)
        assert not Stimulus.objects.exists()
        assert not study.survey_sets.exists()

    refused("needs stimuli to rate")
    refused("strip has 3 to 12 frames; found 1", strip("short", [image]))
    refused("every frame is real or generated", single(image, "painted"))
    refused("Two stimuli have the code", single(image, "real"), single(image, "real"))
    refused("has no class QQQ", single(image, "generated", label="QQQ"))
    refused("at least 6 raters", single(image, "generated"), raters=3)
    Item.objects.filter(pk=image.item_id).update(excluded_at="2026-01-01T00:00Z", exclusion_reason="a copy")
    image.item.refresh_from_db()
    refused("excluded from the bank", single(image, "generated"))


def test_a_shuffled_control_is_in_neither_direction():
    spec = next(spec for spec in make_stimuli(make_study("bank")) if spec.kind == "strip")
    codes = [frame.image.item.code for frame in spec.frames]
    for seed in range(30):
        control = shuffled(spec, seed=seed)
        order = [frame.image.item.code for frame in control.frames]
        assert sorted(order) == sorted(codes)
        assert order not in (codes, codes[::-1])
    assert (control.code, control.condition) == ("strip-1-shuffled", "shuffled")


def new():
    return str(uuid4())


class RatingSitting(Sitting):
    """A rater's browser; besides what readers never see, nothing about condition, origin or role may come."""

    def __init__(self, client, study):
        self.client, self.study = client, study
        self.invitation, self.token = invite(seat=survey(study).seats.get())
        self.seen = 0

    def check(self, response):
        super().check(response)
        body = response.content + str(dict(response.headers)).encode()
        for word in (b"random sample", b"curated", b"style mix", b"morph", b"catch", b"repeat_of", b"strip-1", b"made-"):
            assert word not in body, f"{word} in {response.request['PATH_INFO']}"
        if response["Content-Type"].startswith("text/html"):
            page = json.loads(body.split(b'id="block-data"')[1].split(b">")[1].split(b"<")[0]) if b"block-data" in body else {}
            fields = {"id", "chosen", "image", "frames", "heads", "columns", "label", "answers", "masked", "done", "after"}
            assert all(set(item) <= fields for item in page.get("items", ()))
        return response


def begin(sitting):
    for name, data in (("landing", {}), ("consent", {}), ("about", {"specialty": "Dermatology"}), ("instructions", {})):
        sitting.get(name)
        sitting.post(name, data)
    practice = sitting.get("practice").content.decode()
    assert "Practice" in practice
    return sitting.post("practice")


VALUES = {
    "origin": {"answer": "generated", "confidence": 80}, "realism": 5, "condition": "ZQB", "plausibility": 2,
    "artefacts": ["blur"], "where": [{"x": 0.5, "y": 0.25}], "remark": "=HYPERLINK(1)", "generated_one": "left",
    "same_lesion": "yes", "direction": "forward", "smoothness": 6, "course": 4, "first_implausible": 3,
    "implausible_cells": [2, 3], "colour_not_from_row": [1], "shape_not_from_column": [], "tone_implausible": [4],
}  # fmt: skip


def test_a_whole_rating_shows_nothing_of_truth_and_gives_the_table(client, rated, tmp_path):
    sitting = RatingSitting(client, rated)
    begin(sitting)
    for position, kind in enumerate(("single", "pair", "strip", "grid"), start=1):
        data = sitting.page_data(position)
        assert data["kind"] == kind
        asked = [question["code"] for question in data["questions"]]
        for item in data["items"]:
            for frame in item["frames"]:
                assert sitting.check(sitting.client.get(frame)).status_code == 200
            events = [{"id": new(), "type": "shown", "item": item["id"]}]
            events += [{"id": new(), "type": "answer", "item": item["id"], "question": code, "value": VALUES[code],
                        "rt_ms": 900} for code in asked if code != "plausibility" or item["label"]]  # fmt: skip
            assert sitting.send(*events)["refused"] == []
        sitting.post("seal", position=position)
        if position < 4:
            assert "part" in sitting.get("break", position=position + 1).content.decode()
            sitting.post("break", position=position + 1)
    assert sitting.get("thanks").status_code == 200
    response = SurveyResponse.objects.get()
    assert response.completed_at
    assert response.analysed
    assert answer_log_fault(response) is None
    table = ratings_frame(study=rated)
    assert tuple(table.columns) == COLUMNS
    assert COLUMNS[: len(NAMED)] == NAMED
    of = dict(iter(table.groupby("question")))
    assert set(of["origin"]["truth"]) == {"real", "generated"}
    assert set(of["origin"]["value"]) == {"generated"}
    assert set(of["origin"]["confidence"]) == {80}
    assert set(of["generated_one"]["truth"]) <= {"left", "right"}
    assert set(of["direction"]["truth"]) <= {"forward", "reversed"}
    assert of["implausible_cells"]["value"].iloc[0] == "[2, 3]"
    assert set(of["condition"]["label"]) >= {"ZQA", "ZQB"}
    assert of["origin"]["repeat_of"].notna().sum() == 1
    assert not table["simulated"].any()
    assert "'=HYPERLINK(1)" in ratings_csv(rated), "no formula for a spreadsheet"
    files = {file.name: file for file in export_files(rated)}
    assert tuple(files["ratings.csv"].columns) == COLUMNS
    assert len(list(csv.DictReader(io.StringIO(files["ratings.csv"].text(rated))))) == len(table)
    (tmp_path / "answers.csv").write_text(files["answers.csv"].text(rated), encoding="utf-8")
    assert log_faults(read_answer_log(tmp_path / "answers.csv")) == [], "the exported chain is whole"
    assert readings_frame(study=rated).empty, "ratings are no readings"


def test_the_side_of_the_generated_image_is_recorded_as_it_was_shown(rated):
    response, _ = rater_opened(rated)
    frame = ratings_frame(study=rated)
    for row in frame[frame["question"] == "generated_one"].itertuples():
        left, right = row.presented.split()
        assert (left if row.truth == "left" else right).startswith("made-")


def test_practice_pictures_are_served_at_practice_alone_and_later_frames_not_before(client, rated):
    sitting = RatingSitting(client, rated)
    for name, data in (("landing", {}), ("consent", {}), ("about", {"specialty": "Dermatology"}), ("instructions", {})):
        sitting.post(name, data)
    practice = Stimulus.objects.get(study=rated, role="practice")
    first = SurveyItem.objects.filter(block__survey=survey(rated), block__position=1).first()
    pair = SurveyItem.objects.filter(block__survey=survey(rated), block__position=2).first()
    assert sitting.get("image", public_id=practice.public_id).status_code == 200
    assert sitting.get("image", public_id=first.public_id).status_code == 404
    sitting.post("practice")
    assert sitting.get("image", public_id=practice.public_id).status_code == 404
    assert sitting.get("image", public_id=first.public_id).status_code == 200
    assert sitting.get("image", "?place=2", public_id=first.public_id).status_code == 404, "it has one frame"
    assert sitting.get("image", "?place=x", public_id=first.public_id).status_code == 404
    assert sitting.get("image", "?place=1", public_id=pair.public_id).status_code == 404
    assert not Answer.objects.exists()


def test_without_script_a_form_answers_step_by_step(client, rated):
    sitting = RatingSitting(client, rated)
    begin(sitting)
    item = sitting.page_data(1)["items"][0]["id"]
    answer = {"item": item, "step": "1", "q-origin": "real", "q-origin-confidence": "65"}
    assert sitting.post("block", answer, position=1).url.endswith("?image=1&step=2")
    assert sitting.post("block", {"item": item, "step": "2", "q-realism": "9"}, position=1).url.endswith("step=2")
    assert sitting.post("block", {"item": item, "step": "2", "q-realism": "4"}, position=1).url.endswith("step=3")
    assert sitting.post("block", {"item": item, "step": "3"}, position=1).url.endswith("?image=2"), "left blank"
    standing = dict(Answer.objects.standing().values_list("question", "value"))
    assert standing == {"origin": {"answer": "real", "confidence": 65}, "realism": 4}
    assert ViewingEvent.objects.filter(kind="shown").exists()


def test_simulated_raters_sit_through_the_services_and_are_marked(rated):
    assert simulate_raters(study=rated, seed=3, leave_open=[("S01", "rater")]) == RATERS - 1
    assert Seat.objects.of_study(rated).free().count() == 1
    table = ratings_frame(study=rated, analysed_only=True)
    assert table["simulated"].all()
    assert table["rater"].nunique() == RATERS - 1
    required = table[~table["question"].isin(["artefacts", "where", "remark"])]
    assert (required["value"] != "").all()
    again = ratings_frame(study=rated, analysed_only=True)
    pandas.testing.assert_frame_equal(table, again)
    with pytest.raises(ValidationError, match="no rating study"):
        simulate_raters(study=make_study("plain"), seed=1)


def test_a_coordinator_sees_the_raters_seats_and_takes_the_table(admin_client, rated):
    rater_opened(rated)
    page = admin_client.get(reverse("surveys:overview", kwargs={"slug": rated.slug})).content.decode()
    assert "S01, rater: reading by R01" in page
    exports = admin_client.get(reverse("surveys:exports", kwargs={"slug": rated.slug})).content.decode()
    assert "ratings.csv" in exports
    certificate = reverse("surveys:certificate", kwargs={"slug": rated.slug})
    assert "Every promise holds" in admin_client.post(certificate).content.decode(), "recomputed"
    for name in ("certificate", "design-file", "ratings-file"):
        assert admin_client.get(reverse(f"surveys:{name}", kwargs={"slug": rated.slug})).status_code == 200
    for position in range(1, 5):
        address = reverse("surveys:preview", kwargs={"slug": rated.slug, "code": "S01", "position": position})
        assert "block-data" in admin_client.get(address).content.decode()


def test_a_published_set_is_rated_with_its_matched_reals_strips_and_sheets():
    """The attributes are those that the generators' publication writes."""
    bank = make_study("bank")
    for number in range(3):
        made = make_generated(bank, f"made-{number}", number)
        real = make_generated(bank, f"match-{number}", number)
        attributes = {"generated": True, "kind": "sample", "condition": "random", "stated_class": "ZQC"}
        Item.objects.filter(pk=made.item_id).update(attributes=attributes)
        attributes = {"generated": False, "kind": "matched-real", "stated_class": "ZQC", "matches": f"made-{number}"}
        Item.objects.filter(pk=real.item_id).update(attributes=attributes)
        frame = make_generated(bank, f"frame-{number}", number)
        attributes = {"generated": True, "kind": "morph-frame", "strip": "S", "frame": 2 - number, "control": "cross-fade"}
        Item.objects.filter(pk=frame.item_id).update(attributes=attributes)
    picture = make_generated(bank, "sheet", 9, size=60)
    attributes = {"generated": True, "kind": "mix-grid", "rows": 2, "columns": 2, "tile_px": 20}
    Item.objects.filter(pk=picture.item_id).update(attributes=attributes)
    ItemImage.objects.filter(item__study=bank, item__attributes__generated__isnull=False).update(view="focused")
    specs = stimuli_from_items(sources=[bank], real_view="focused", singles=4, pairs=1, practice=1, seed=2)
    by = {kind: [spec for spec in specs if spec.kind == kind] for kind in ("single", "pair", "strip", "grid")}
    assert [len(rows) for rows in by.values()] == [5, 1, 1, 1]
    for real, made in zip(by["single"][:4:2], by["single"][1:4:2], strict=True):
        assert real.code == made.code.replace("made", "match")
        assert (real.condition, made.condition, made.label) == ("real", "random", "ZQC")
    assert [frame.image.item.code for frame in by["strip"][0].frames] == ["frame-2", "frame-1", "frame-0"]
    assert by["strip"][0].condition == "cross-fade"
    assert by["grid"][0].frames[3].box == (40, 40, 60, 60)
    study = Study.objects.create(slug="rated", title="Rated")
    create_rating_study(study=study, preset=PRESET, stimuli=specs, raters=6, seed=1)
    assert study.protocol.stimuli["grid"]["width"] == 20
    with pytest.raises(ValidationError, match="there are 3"):
        stimuli_from_items(sources=[bank], real_view="focused", singles=6, pairs=1, seed=2)


def test_a_rater_without_grids_has_no_such_part_and_nobody_is_invited_for_nothing():
    """One grid for twelve raters, six of whom see it: the others' sittings end with the images."""
    bank = make_study("bank")
    few = [spec for spec in make_stimuli(bank) if spec.kind in ("single", "grid")]
    study = Study.objects.create(slug="few", title="Few")
    create_rating_study(study=study, preset=PRESET, stimuli=few, raters=12, seed=1)
    parts = [list(one.blocks.order_by("position").values_list("view", "position")) for one in Survey.objects.all()]
    assert sorted(parts) == [[("single", 1)]] * 6 + [[("single", 1), ("grid", 2)]] * 6
    assert all(block.survey_items.exists() for one in Survey.objects.all() for block in one.blocks.all())
    assert verify_survey_set(survey_set=study.survey_sets.get()).certificate["promises_hold"]
    alone = [spec for spec in few if spec.kind == "grid"]
    with pytest.raises(ValidationError, match="6 of 12 raters would have nothing to rate"):
        create_rating_study(study=Study.objects.create(slug="alone", title="Alone"), preset=PRESET, stimuli=alone, raters=12, seed=1)


def test_the_analysis_reads_one_truth_per_stimulus(rated, tmp_path):
    simulate_raters(study=rated, seed=3)
    table = analysis_frame(ratings_frame(study=rated))
    assert (table.groupby(["image", "question"])["truth"].nunique() == 1).all()
    assert not table.duplicated(["evaluator", "image", "question", "showing"]).any()
    again, catches = table[table["showing"] == "again"], table[table["showing"] == "catch"]
    assert set(zip(again["evaluator"], again["image"], again["question"])) <= set(
        zip(table.loc[table["showing"] == "", "evaluator"], table.loc[table["showing"] == "", "image"],
            table.loc[table["showing"] == "", "question"])
    )  # fmt: skip
    repeats = SurveyItem.objects.filter(block__survey__survey_set__study=rated).exclude(repeat_of=None).count()
    assert again[again["kind"] == "reality"].shape[0] == repeats == 4
    assert set(catches["image"]) == {"made-04"}
    assert set(catches["kind"]) == {"reality"}
    assert "made-04" not in set(table.loc[table["showing"] != "catch", "image"])
    assert set(table["kind"]) == {"reality", "choice", "scale", "class", "mark", "frame"}
    assert set(table.loc[table["question"] == "generated_one", "truth"]) == {"right"}
    cells = table[table["question"] == "implausible_cells"]
    assert set(cells["image"]) == {f"grid-1 cell {cell}" for cell in (1, 2, 3, 4)}, "every cell is answered for itself"
    assert set(cells["answer"]) <= {"yes", "no"}


def test_commands_make_simulate_and_export_a_rating_study(tmp_path):
    bank = make_study("bank")
    for number in range(8):
        make_generated(bank, f"made-{number}", 30 * number)
    out = io.StringIO()
    call_command(
        "create_rating_study", "rated", "--from", "bank", "--preset", PRESET, "--singles", "4", "--pairs", "1",
        "--practice", "2", "--raters", "6", "--seed", "5", stdout=out,
    )  # fmt: skip
    assert "6 sittings of 7 stimuli in rated" in out.getvalue()
    rated = Study.objects.get(slug="rated")
    assert rated.nature == "drawn, not photographs"
    kinds = list(rated.stimuli.values_list("kind", "role").order_by("kind", "role"))
    assert kinds == [("pair", "rated")] + [("single", "practice")] * 2 + [("single", "rated")] * 4
    call_command("simulate_raters", "rated", "--seed", "1", stdout=out)
    assert "6 simulated raters" in out.getvalue()
    call_command("export_ratings", "rated", tmp_path / "ratings.csv", stdout=out)
    table = pandas.read_csv(tmp_path / "ratings.csv")
    assert tuple(table.columns) == COLUMNS
    assert table["simulated"].all()
