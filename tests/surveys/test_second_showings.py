"""Items that come a second time in a reading study: a page like every other for the reader, apart from everything compared."""

import hashlib
import io
import json
import re
from decimal import Decimal
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from PIL import Image

from imagebank.models import Study
from surveys.coordination.seat_grid import live_cells
from surveys.coordination.set_up_form import SetUpForm, form_can_say, form_values
from surveys.exports.files import export_files
from surveys.exports.tables import readings_csv
from surveys.models import Answer, ImportedReading, SurveyItem, SurveyResponse
from surveys.questions import required_counts
from surveys.services import (
    answer_log_fault,
    create_survey_set,
    finish_response,
    import_readings,
    load_protocol,
    open_block,
    readings_frame,
    record_model_answers,
    seal_block,
    simulate_readers,
    store_survey_set,
    verify_survey_set,
)
from surveys.services.setting_up.new_study import change_study
from surveys.services.setting_up.preset_text import preset_of, toml_text
from surveys.services.setting_up.protocol import SHOWN_AND_REPEATED
from tests.surveys.sitting import answer, begin, read_all, read_block
from tests.surveys.study import PRESET, group, make_protocol, make_study, make_surveyed_study, survey
from tests.surveys.test_blinding import visible
from tests.surveys.test_reading_pages import Sitting, to_first_block

pytestmark = pytest.mark.django_db
ACCURACIES = {(group, view): 0.7 for group in ("geneticist", "pediatrician") for view in ("focused", "panoramic")}


@pytest.fixture
def again():
    """Blocks of 6 items of which one comes a second time."""
    return make_surveyed_study(repeats=Decimal("0.2"))


def preset(tmp_path, line="", tail=""):
    path = tmp_path / "study.toml"
    path.write_text(PRESET.replace("per_class = 2", f"per_class = 2\n{line}") + tail)
    return path


# --- setting up and drawing


def test_rows_are_the_pages_of_the_design_and_the_certificate_holds(again):
    survey_set = again.survey_sets.get()
    assert survey_set.design["repeats"] == 0.2
    assert SurveyItem.objects.count() == 4 * 2 * 7
    for item in SurveyItem.objects.exclude(repeat_of=None).select_related("repeat_of"):
        assert (item.repeat_of.block_id, item.repeat_of.item_id) == (item.block_id, item.item_id)
        assert item.position - item.repeat_of.position >= 2
    found = verify_survey_set(survey_set=survey_set)
    assert found.certificate["promises_hold"]
    assert "second showings" in {row["name"] for row in found.certificate["properties"]}


def test_a_second_showing_whose_row_leads_to_another_item_breaks_the_promise(again):
    row = SurveyItem.objects.exclude(repeat_of=None).order_by("block__survey__number", "block__position").first()
    other = SurveyItem.objects.first_showings().filter(block=row.block_id).exclude(item=row.item_id).first()
    SurveyItem.objects.filter(pk=row.pk).update(repeat_of=other)
    found = verify_survey_set(survey_set=again.survey_sets.get()).certificate
    assert not found["promises_hold"]
    assert found["properties"][0]["problems"] == ["Survey 1, block 1 (focused) differs from the design."]


def test_a_study_without_second_showings_has_no_trace_of_them(study):
    assert "repeats" not in study.survey_sets.get().design
    assert "showing" not in readings_frame(study=study).columns
    assert "repeats" not in preset_of(study)["survey_set"]
    dictionary = next(file for file in export_files(study) if file.name == "data-dictionary.csv")
    assert "showing" not in [column for _, column, _ in dictionary.rows(study)]


def test_a_design_drawn_elsewhere_is_stored_with_its_second_showings(again):
    other = make_study("other")
    make_protocol(other, repeats=Decimal("0.2"))
    store_survey_set(study=other, seed=7, document=again.survey_sets.get().design)
    assert SurveyItem.objects.filter(block__survey__survey_set__study=other).exclude(repeat_of=None).count() == 8


def test_a_design_that_shows_other_things_again_is_refused(again):
    document = again.survey_sets.get().design
    other = make_study("other")
    make_protocol(other)
    with pytest.raises(ValidationError, match="The study shows 0 % of every block again, the design 20 %; draw the surveys anew"):
        store_survey_set(study=other, seed=7, document=document)
    other.protocol.repeats = Decimal("0.2")
    other.protocol.save()
    block = document["surveys"][0]["blocks"][0]
    strange = next(code for code in other.items.values_list("code", flat=True) if code not in block["items"])
    block["repeats"][0]["item"] = strange
    with pytest.raises(ValidationError, match=f"Survey 1 shows {strange} a second time in its block focused and never a first."):
        store_survey_set(study=other, seed=7, document=document)
    assert not other.survey_sets.exists()


def test_a_study_toml_says_how_much_comes_again_and_is_given_back(tmp_path):
    study = Study.objects.create(slug="small", title="Small")
    protocol = load_protocol(study=study, path=preset(tmp_path, "repeats = 0.085"))
    assert protocol.repeats == Decimal("0.085")
    assert protocol.repeats_percent == "8.5"
    assert preset_of(study)["survey_set"]["repeats"] == 0.085
    assert protocol.landing_text.startswith("You are invited to read 14 images and")  # as many as come: nothing is given away


@pytest.mark.parametrize("share", ["0.51", "-0.1", "true", '"a few"'])
def test_a_share_that_is_none_is_refused(tmp_path, share):
    study = Study.objects.create(slug="small", title="Small")
    with pytest.raises(ValidationError, match=r"survey_set.repeats must be a share from 0 to 0.5 of a block's images; the preset says"):
        load_protocol(study=study, path=preset(tmp_path, f"repeats = {share}"))


def test_nothing_comes_again_where_a_networks_answer_is_shown(tmp_path):
    study = Study.objects.create(slug="small", title="Small")
    second = '[[questions]]\ncode = "second"\nkind = "assisted"\nstep = 2\nprompt = "And now?"\n'
    with pytest.raises(ValidationError) as refusal:
        load_protocol(study=study, path=preset(tmp_path, "repeats = 0.1", second))
    assert refusal.value.messages == [SHOWN_AND_REPEATED]


def test_once_surveys_are_drawn_the_share_stays(again):
    said = preset_of(again)
    said["survey_set"]["repeats"] = 0.5
    with pytest.raises(ValidationError, match="this would change the size or the order of the surveys"):
        change_study(study=again, preset=toml_text(said).encode())


def test_the_form_says_it_too_and_refuses_it_beside_a_network(again):
    known = preset_of(again)
    form = SetUpForm(form_values(known), known=known)
    assert form_values(known)["repeats"] == "20"
    assert form.is_valid(), form.errors
    assert form.preset()["survey_set"]["repeats"] == 0.2
    assert form_can_say(known | {"texts": known["texts"]})
    refused = SetUpForm(form_values(known) | {"assisted": "on"}, known=known)
    assert refused.errors["repeats"] == [SHOWN_AND_REPEATED]
    none = SetUpForm(form_values(known) | {"repeats": "0"}, known=known)
    assert none.is_valid()
    assert "repeats" not in none.preset()["survey_set"]


# --- reading


def test_a_sitting_is_complete_by_its_first_showings(again):
    """Twelve questions count; whoever leaves the second showings blank has answered all of them."""
    response = begin(again)
    assert required_counts(again)[response.survey_id] == 12
    for block in response.survey.blocks.all():
        read_block(response, block.position, skip=[block.survey_items.exclude(repeat_of=None).get().position])
    response = finish_response(survey_response=response)
    assert response.completed_at
    assert response.analysed
    assert answer_log_fault(response) is None


def test_a_second_answer_stands_in_for_no_first_one(again):
    response = begin(again)
    for block in response.survey.blocks.all():
        first = block.survey_items.exclude(repeats=None).get()
        read_block(response, block.position, skip=[first.position])
    assert finish_response(survey_response=response).completed_at is None


def test_the_coordinator_sees_first_showings_counted(again):
    response = begin(again)
    read_block(response, 1)
    cell = next(cell for cell in live_cells(again) if cell.seat.pk == response.seat_id)
    assert (cell.answered, cell.questions) == (6, 12)


def test_no_block_is_sealed_before_its_second_showings_were_seen(again):
    response = begin(again)
    block = response.survey.blocks.get(position=1)
    open_block(survey_response=response, block=block)
    for survey_item in block.survey_items.first_showings():
        answer(response, survey_item)
    place = block.survey_items.exclude(repeat_of=None).get().position
    with pytest.raises(ValidationError, match=f"Not shown yet: image {place}."):
        seal_block(survey_response=response, block=block)


# --- out and in


def test_both_answers_leave_with_their_showing(again):
    response = read_all(begin(again))
    frame = readings_frame(study=again)
    assert frame.columns[-1] == "showing"
    assert len(frame) == 14
    second = frame[frame.showing == 2]
    assert len(second) == 2
    for row in second.itertuples():
        first = frame[(frame["item"] == row.item) & (frame.view == row.view) & (frame.showing == 1)]
        assert len(first) == 1
        assert first.position.item() < row.position
    assert Answer.objects.filter(survey_response=response).count() == 14
    rows = next(file for file in export_files(again) if file.name == "data-dictionary.csv").rows(again)
    assert ("readings.csv", "showing") in [(name, column) for name, column, _ in rows]


def test_a_network_reads_what_comes_again_once(again):
    answers = {(f"case-{code}-{n}", view): code for code in ("ZQA", "ZQB", "ZQC") for n in range(4)
               for view in ("focused", "panoramic")}  # fmt: skip
    record_model_answers(study=again, name="Classifier", answers=answers)
    frame = readings_frame(study=again)
    assert len(frame) == 48
    assert (frame.answer == frame.truth).all()


def test_an_export_comes_in_again_as_it_left(again, tmp_path):
    read_all(begin(again))
    text = readings_csv(again)
    path = tmp_path / "readings.csv"
    path.write_text(text)
    other = make_study("other")
    assert import_readings(study=other, path=path).created == 14
    assert import_readings(study=other, path=path).unchanged == 14
    assert ImportedReading.objects.filter(showing=2).count() == 2
    kept = readings_frame(study=other)
    assert sorted(kept.showing) == [1] * 12 + [2] * 2


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["R1,g,case-ZQA-0,ZQA,ZQA,2"], "Line 2: a second showing of case-ZQA-0 to R1, of which the file has no first."),
        (["R1,g,case-ZQA-0,ZQA,ZQA,1", "R1,g,case-ZQA-0,ZQA,ZQA,2", "R1,g,case-ZQA-0,ZQA,ZQB,2"],
         "Line 4: the same reader, item, view and survey as line 3, second showings both."),
        (["R1,g,case-ZQA-0,ZQA,ZQA,1", "R1,g,case-ZQA-0,ZQA,ZQA,3"], "Line 3: showing is '3', expected 1 or 2."),
    ],
)  # fmt: skip
def test_bad_showings_are_named_by_line(rows, said, tmp_path):
    study = make_study("other")
    path = tmp_path / "readings.csv"
    path.write_text("\n".join(["reader,group,item,truth,answer,showing", *rows]) + "\n")
    with pytest.raises(ValidationError) as refusal:
        import_readings(study=study, path=path)
    assert said in refusal.value.messages
    assert not ImportedReading.objects.exists()


# --- simulated readers


@pytest.mark.once  # of the simulation's numbers; its rows are written on both databases by other tests
def test_simulated_readers_agree_with_themselves_more_than_with_each_other():
    study = make_study("many", per_class=20)
    make_protocol(study, per_class=10, sets=8, repeats=Decimal("0.5"))
    create_survey_set(study=study, seed=3)
    simulate_readers(study=study, seed=5, accuracies=ACCURACIES)
    frame = readings_frame(study=study)
    frame = frame[frame.answer != ""]
    key = ["reader", "item", "view"]
    pairs = frame[frame.showing == 1].merge(frame[frame.showing == 2], on=key, suffixes=("", "_again"))
    within = (pairs.answer == pairs.answer_again).mean()
    first = frame[frame.showing == 1]
    both = first.merge(first, on=["item", "view"], suffixes=("", "_other"))
    both = both[both.reader != both.reader_other]
    between = (both.answer == both.answer_other).mean()
    changed = (pairs.answer == pairs.truth).mean() - (pairs.answer_again == pairs.truth).mean()
    assert len(pairs) > 900
    assert 0.7 < within < 0.95
    assert between + 0.1 < within
    assert abs(changed) < 0.05  # nothing is learned
    assert group(study).code == "geneticist"


# --- for the reader a page like every other


def open_the_block(client, study):
    sitting = Sitting(client, study)
    to_first_block(sitting)
    rows = list(SurveyItem.objects.filter(block__survey=survey(study), block__position=1).order_by("position"))
    second = next(row for row in rows if row.repeat_of_id)
    return sitting, rows, second, next(row for row in rows if row.pk == second.repeat_of_id)


def test_neither_page_nor_address_nor_file_tells_that_an_image_comes_again(client, again):
    sitting, rows, second, first = open_the_block(client, again)
    data = sitting.page_data(1)
    assert [item["id"] for item in data["items"]] == [row.public_id for row in rows]
    assert len({tuple(sorted(item)) for item in data["items"]}) == 1, "every page says the same kinds of things"
    assert len({json.dumps(item | {"id": "", "image": ""}) for item in data["items"]}) == 1, "and the same of each"
    files = {item["id"]: sitting.check(client.get(item["image"])) for item in data["items"]}
    assert len({repr(visible(file)[:-1]) for file in files.values()}) == 1, "of one length, type, quality and headers"
    assert len({hashlib.sha256(file.content).digest() for file in files.values()}) == 7, "and no two the same bytes"
    pixels = [Image.open(io.BytesIO(files[row.public_id].content)).convert("RGB").tobytes() for row in (first, second)]
    assert pixels[0] == pixels[1]
    pages = [normal(sitting.get("block", f"?image={row.position}", position=1).content.decode(), rows) for row in rows[1:]]
    assert len(set(pages)) == 1, "the first page alone has nothing to go back to"
    for word in ("again", "repeat", "showing", "second time"):
        assert word not in pages[0].lower().split("</script>")[-1]


def normal(page: str, rows: list[SurveyItem]) -> str:
    """A page without what every page of a block has of its own: names of its images, numbers, and what changes at each load."""
    page = re.sub(r'name="event_id" value="[^"]*"|nonce="[^"]*"|csrf\w*" value="[^"]*"', "", page)
    for row in rows:
        page = page.replace(row.public_id, "ITEM")
    return re.sub(r"\d+|end", "N", page)


def test_both_answers_are_kept_in_the_log_without_script_too(client, again):
    sitting, rows, second, first = open_the_block(client, again)
    for row, code in ((first, "ZQB"), (second, "ZQC")):
        sitting.post("block", {"item": row.public_id, "chosen": code, "event_id": str(uuid4()), "step": "1"}, position=1)
    answers = Answer.objects.order_by("sequence")
    assert [(answer.survey_item_id, answer.chosen.code) for answer in answers] == [(first.pk, "ZQB"), (second.pk, "ZQC")]
    assert answer_log_fault(SurveyResponse.objects.get()) is None
    log = next(file for file in export_files(again) if file.name == "answers.csv")
    assert [row[8] for row in log.rows(again)] == [first.public_id, second.public_id]


def test_the_whole_block_counts_every_page(client, again):
    """ "7 images": as many as come; nothing says that six of them are different."""
    sitting, *_ = open_the_block(client, again)
    assert "of 7" in sitting.get("block", "?image=1", position=1).content.decode()
    for item in sitting.page_data(1)["items"]:
        sitting.send({"id": str(uuid4()), "type": "shown", "item": item["id"]})
    sitting.post("seal", position=1)
    assert "7 panoramic images, part 2 of 2" in sitting.get("break", position=2).content.decode()
