"""The assisted arm: an own answer first, closed before a network's output is seen, then a second one beside it."""

import io
import json
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from imagebank.models import Membership
from imagebank.services.studies import load_study
from surveys.coordination.set_up_form import SetUpForm, form_can_say, form_values
from surveys.models import Answer, ReaderGroup, ShownOutput, ViewingEvent
from surveys.questions import parse_questions
from surveys.reading.outputs import output_for_page
from surveys.services import (
    NetworkOutput,
    answer_log_fault,
    assistance_fault,
    assisted_question,
    finish_response,
    freeze_assistance,
    hand_out_output,
    import_readings,
    invite,
    load_protocol,
    open_block,
    readings_frame,
    record_answer,
    record_model_answers,
    seal_block,
    simulate_readers,
)
from surveys.services.setting_up.preset_text import preset_of, toml_text
from tests.surveys.assisted import PRESET, freeze, made_up_outputs, make_assisted_study
from tests.surveys.sitting import answer, begin, begin_by_link
from tests.surveys.study import group, make_study, survey

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path / "media"
    study = make_assisted_study(tmp_path)
    freeze(study, tmp_path)
    return study


@pytest.fixture
def sitting(study):
    """A response in its first block, with that block's items."""
    response = begin(study)
    block = response.survey.blocks.get(position=1)
    open_block(survey_response=response, block=block)
    return response, list(block.survey_items.select_related("block", "item").order_by("position"))


def second(response, survey_item, code):
    return record_answer(
        survey_response=response, survey_item=survey_item, question="second", value=code, event_id=uuid4(), rt_ms=2100
    )


def test_the_output_comes_after_the_own_answer_and_closes_it(sitting):
    response, (first, other, *_rest) = sitting
    with pytest.raises(ValidationError, match="before this one is still open"):
        hand_out_output(survey_response=response, survey_item=first)
    assert not ViewingEvent.objects.filter(kind="output").exists()
    answer(response, first, "ZQA")
    answer(response, first, "ZQB")  # a change of mind before the output is seen
    with pytest.raises(ValidationError, match="was not shown yet"):
        second(response, first, "ZQA")
    output = hand_out_output(survey_response=response, survey_item=first)
    assert output.item == first.item
    assert output.view == first.block.view
    for code in ("ZQA", None):
        with pytest.raises(ValidationError, match="You have seen the network's answer"):
            answer(response, first, code)
    second(response, first, "ZQA")
    second(response, first, "ZQC")
    assert hand_out_output(survey_response=response, survey_item=first) == output
    assert ViewingEvent.objects.filter(kind="output").count() == 1
    answer(response, other, "ZQA")  # of another image nothing is closed
    standing = Answer.objects.standing().filter(survey_item=first).values_list("question", "chosen__code", "value")
    assert sorted(standing) == [("", "ZQB", None), ("second", None, "ZQC")]
    assert answer_log_fault(response) is None


def test_a_blank_gets_no_output_and_another_block_none(sitting):
    response, items = sitting
    answer(response, items[0], "ZQA")
    answer(response, items[0], None)
    with pytest.raises(ValidationError, match="still open"):
        hand_out_output(survey_response=response, survey_item=items[0])
    later = response.survey.blocks.get(position=2).survey_items.first()
    with pytest.raises(ValidationError, match="not open"):
        hand_out_output(survey_response=response, survey_item=later)
    for item in items:
        answer(response, item, "ZQA")
    # Sealing asks whether every image was shown; here only what it closes matters.
    for item in items:
        ViewingEvent.objects.create(survey_response=response, survey_item=item, kind="shown", event_id=uuid4())
    seal_block(survey_response=response, block=items[0].block)
    with pytest.raises(ValidationError, match="not open"):
        hand_out_output(survey_response=response, survey_item=items[0])


def read_twice(response, first="ZQA", then="ZQB"):
    for block in response.survey.blocks.order_by("position"):
        open_block(survey_response=response, block=block)
        for item in block.survey_items.order_by("position"):
            answer(response, item, first)
            hand_out_output(survey_response=response, survey_item=item)
            second(response, item, then)
            ViewingEvent.objects.create(survey_response=response, survey_item=item, kind="shown", event_id=uuid4())
        seal_block(survey_response=response, block=block)
    return finish_response(survey_response=response)


def test_second_answers_stand_beside_the_first_in_the_long_table(study, tmp_path):
    response = read_twice(begin(study))
    assert response.completed_at, "twelve images, each answered twice, are all 24 questions"
    record_model_answers(study=study, name="small", answers={(row.item.code, row.view): row.answer.code
                                                             for row in ShownOutput.objects.all()})  # fmt: skip
    frame = readings_frame(study=study)
    human, network = frame[frame["kind"] == "human"], frame[frame["kind"] == "model"]
    assert len(human) == 12
    assert set(human["answer"]) == {"ZQA"}
    assert set(human["assisted_answer"]) == {"ZQB"}
    assert set(human["assistant"]) == {"small"}
    assert set(human["assisted_rt_ms"]) == {2100}
    outputs = {(row.item.code, row.view): row.answer.code for row in ShownOutput.objects.all()}
    assert all(row.assistant_answer == outputs[row.item, row.view] for row in human.itertuples())
    assert set(network["assistant"]) == {""}
    assert network["assisted_rt_ms"].isna().all()
    # A study that was finished elsewhere comes in with the same columns, and goes out with them.
    path = tmp_path / "readings.csv"
    human.assign(reader="H1", group="guest", seat="").to_csv(path, index=False)
    other = make_assisted_study(tmp_path, slug="elsewhere")
    assert import_readings(study=other, path=path).created == 12
    assert import_readings(study=other, path=path).created == 0
    back = readings_frame(study=other)
    columns = ["item", "view", "answer", "assistant", "assistant_answer", "assisted_answer", "assisted_rt_ms"]
    assert back[columns].values.tolist() == human[columns].values.tolist()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"assistant": ""}, "assistant_answer stands without an assistant"),
        ({"assistant": "", "assistant_answer": "", "assisted_answer": ""}, "assisted_rt_ms stands without an assistant and without"),
        ({"asked_again": "perhaps"}, "asked_again is 'perhaps', expected yes or nothing"),
        ({"asked_again": "no"}, "assistant stands where asked_again is no"),
        ({"assisted_answer": "ZZZ"}, "assisted_answer 'ZZZ' is none of ZQA, ZQB, ZQC"),
        ({"assisted_rt_ms": "soon"}, "assisted_rt_ms is 'soon', expected a number"),
        ({"assisted_rt_ms": "-5"}, "expected no time before the output"),
        ({"kind": "model"}, "assistant stands at a network, which reads alone"),
        ({"assistant": "n" * 81}, "assistant is longer than 80 characters"),
    ],
)
def test_an_imported_second_answer_is_checked(study, tmp_path, change, words):
    path = tmp_path / "readings.csv"
    row = {"reader": "H1", "group": "guest", "item": "case-ZQA-0", "truth": "ZQA", "answer": "ZQA", "view": "focused",
           "assistant": "small", "assistant_answer": "ZQC", "assisted_answer": "ZQA", "assisted_rt_ms": "900"}  # fmt: skip
    row |= change
    path.write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n")
    with pytest.raises(ValidationError, match=words):
        import_readings(study=study, path=path)


def test_an_assistant_answers_an_image_one_way(study, tmp_path):
    path = tmp_path / "readings.csv"
    rows = [f"H{n},guest,case-ZQA-0,ZQA,ZQA,focused,small,{said},ZQA" for n, said in enumerate(("ZQC", "ZQC", "ZQB"))]
    path.write_text("\n".join(["reader,group,item,truth,answer,view,assistant,assistant_answer,assisted_answer", *rows]) + "\n")
    with pytest.raises(ValidationError, match="Line 4: small answered ZQB here and ZQC in an earlier row"):
        import_readings(study=study, path=path)


def test_what_is_frozen_is_complete_hashed_and_fixed_by_the_first_answer(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path / "media"
    study = make_assisted_study(tmp_path)
    _, link = invite(survey=survey(study), group=group(study))
    page = Client().post(reverse("surveys:landing", args=[link]))
    assert page.status_code == 409, "nobody begins without anything to see"
    assert "not ready" in page.content.decode()
    outputs = made_up_outputs(study, tmp_path)
    some = dict(list(outputs.items())[1:])
    with pytest.raises(ValidationError, match=r"lacks 1, first case-ZQA-0 \(focused\)"):
        freeze_assistance(study=study, network="small", outputs=some)
    key = next(iter(outputs))
    for wrong, words in (
        (NetworkOutput("ZZZ", {}, outputs[key].layer), "'ZZZ', which is none of"),
        (NetworkOutput("ZQA", {"ZQA": 0.9, "ZQB": 0.2}, outputs[key].layer), "no probabilities"),
        (NetworkOutput("ZQA", {"ZQA": float("nan")}, outputs[key].layer), "no probabilities"),
        (NetworkOutput("ZQA", {"ZQA": 1}), "has no map"),
    ):
        with pytest.raises(ValidationError, match=words):
            freeze_assistance(study=study, network="small", outputs=outputs | {key: wrong})
    assert not ShownOutput.objects.exists()
    frozen = freeze(study, tmp_path)
    assert frozen.outputs.count() == len(outputs)
    assert assistance_fault(frozen) is None
    again = freeze_assistance(study=study, network="other", outputs=outputs)
    assert again.sha256 != frozen.sha256
    assert study.assistance == again
    row = again.outputs.first()
    row.probabilities = row.probabilities | {"ZQA": 0.123}
    row.save()
    assert "not what was frozen" in assistance_fault(again)
    response = begin(study, 2)
    block = response.survey.blocks.get(position=1)
    open_block(survey_response=response, block=block)
    answer(response, block.survey_items.first())
    with pytest.raises(ValidationError, match="fixed since the first answer"):
        freeze(study, tmp_path)


def test_a_study_without_second_answers_freezes_nothing(tmp_path):
    study = make_study()
    with pytest.raises(ValidationError, match='a question of the kind "assisted"'):
        freeze_assistance(study=study, network="small", outputs={})


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"code": "second", "kind": "assisted", "prompt": "And now?"}], "must come at an earlier step"),
        ([{"kind": "diagnosis", "prompt": "Which?"}, {"code": "second", "kind": "assisted", "prompt": "And now?"}],
         "must come at an earlier step"),
        ([{"kind": "diagnosis", "prompt": "Which?"},
          *({"code": code, "kind": "assisted", "prompt": "And now?", "step": 2} for code in ("a", "b"))],
         "asks 2 questions of the kind assisted"),
        ([{"kind": "diagnosis", "prompt": "Which?"},
          {"code": "a", "kind": "assisted", "prompt": "And now?", "step": 2, "shows": ["truth"]}], "found truth"),
        ([{"kind": "diagnosis", "prompt": "Which?", "blocks": ["panoramic"]},
          {"code": "a", "kind": "assisted", "prompt": "And now?", "step": 2}], "in the block focused"),
    ],
)  # fmt: skip
def test_a_second_answer_needs_a_first_one(rows, words):
    with pytest.raises(ValidationError) as refusal:
        parse_questions(rows, blocks=["focused", "panoramic"], stimuli={})
    assert words in " ".join(refusal.value.messages)


def test_a_rating_study_asks_no_second_answer():
    rows = [{"code": "a", "kind": "assisted", "prompt": "And now?", "step": 2}]
    with pytest.raises(ValidationError, match='"assisted" belongs to readings'):
        parse_questions(rows, blocks=["single"], stimuli={"single": {}})


def test_the_study_file_comes_back(study, tmp_path):
    text = toml_text(preset_of(study))
    assert 'kind = "assisted"' in text
    again = make_assisted_study(tmp_path, text=text, slug="again")
    assert again.protocol.questions == study.protocol.questions


def post(token, name, public_id, **headers):
    return Client().post(reverse(f"surveys:{name}", args=[token, public_id]), headers=headers)


def test_the_page_hands_out_what_the_study_shows_and_nothing_else(study):
    _, token = invite(survey=survey(study), group=group(study))
    response = begin_by_link(token)
    block = response.survey.blocks.get(position=1)
    open_block(survey_response=response, block=block)
    item = block.survey_items.select_related("item").order_by("position")[0]
    address = reverse("surveys:block", args=[token, 1])
    page = Client().get(address).content.decode()
    assert "data-network" not in page
    assert "Show the network's answer" in page
    assert '"output": {' not in page, "nothing of the output is sent before it is handed out"
    assert Client().get(reverse("surveys:output-map", args=[token, item.public_id])).status_code == 404
    refused = post(token, "output", item.public_id, accept="application/json")
    assert refused.status_code == 409
    assert refused.json()["code"] == "too-early"
    forged = {"events": [{"id": str(uuid4()), "type": "output", "item": item.public_id}]}
    events = Client().post(reverse("surveys:events", args=[token]), json.dumps(forged), content_type="application/json")
    assert "for the server to say" in events.json()["refused"][0]["why"]
    answer(response, item, "ZQA")
    handed = post(token, "output", item.public_id, accept="application/json").json()
    frozen = ShownOutput.objects.get(item=item.item, view="focused")
    assert handed == {
        "answer": frozen.answer.code, "shares": frozen.probabilities,
        "map": reverse("surveys:output-map", args=[token, item.public_id]),
    }  # fmt: skip
    picture = Client().get(handed["map"])
    assert picture["Cache-Control"] == "no-store"
    assert Image.open(io.BytesIO(picture.content)).size == (48, 32)
    page = Client().get(f"{address}?image=1").content.decode()
    assert "data-network" in page
    assert handed["map"] in page
    assert "case-" not in page + json.dumps(handed)
    plain = post(token, "output", item.public_id, accept="text/html")
    assert plain.status_code == 302
    assert plain["Location"] == f"{address}?image=1"
    # Another reader's image is nobody else's business.
    other = survey(study, 2).blocks.get(position=1).survey_items.first()
    assert post(token, "output", other.public_id, accept="application/json").status_code == 404
    # A window that was left open over a part that another one sealed.
    following = response.survey.blocks.get(position=2)
    later = following.survey_items.first()
    assert post(token, "output", later.public_id, accept="application/json").status_code == 404
    response.block_sittings.update(sealed_at=timezone.now())
    open_block(survey_response=response, block=following)
    left = post(token, "output", item.public_id, accept="application/json")
    assert (left.status_code, left.json()["code"]) == (409, "sealed")
    assert post(token, "output", later.public_id, accept="application/json").json()["code"] != "sealed"


def test_the_plain_form_answers_twice(study):
    _, token = invite(survey=survey(study), group=group(study))
    response = begin_by_link(token)
    block = response.survey.blocks.get(position=1)
    open_block(survey_response=response, block=block)
    item = block.survey_items.order_by("position")[0]
    address = reverse("surveys:block", args=[token, 1])
    fields = {"item": item.public_id, "event_id": str(uuid4()), "step": "1"}
    went = Client().post(address, fields | {"chosen": "ZQA"})
    assert went["Location"] == f"{address}?image=1&step=2"
    post(token, "output", item.public_id, accept="text/html")
    page = Client().get(f"{address}?image=1&step=1").content.decode()
    assert '<div class="step" tabindex="-1" role="group" aria-labelledby="where" data-step="1" hidden>' in page, "it is closed"
    late = Client().post(address, fields | {"chosen": "ZQB", "event_id": str(uuid4())})
    assert late["Location"] == f"{address}?image=1&step=1", "a page kept from before changes nothing"
    assert Answer.objects.get().chosen.code == "ZQA"
    went = Client().post(address, fields | {"step": "2", "q-second": "ZQB"})
    assert went["Location"] == f"{address}?image=2"
    assert Answer.objects.get(question="second").value == "ZQB"


@pytest.mark.parametrize("shows", [("answer",), ("probabilities",), ("map",)])
def test_a_study_shows_only_what_it_says(tmp_path, settings, shows):
    settings.MEDIA_ROOT = tmp_path / "media"
    study = make_assisted_study(tmp_path, text=PRESET + f"shows = {json.dumps(list(shows))}\n")
    frozen = freeze(study, tmp_path)
    assert all(bool(row.map_file) == ("map" in shows) for row in frozen.outputs.all())
    page = output_for_page(frozen.outputs.first(), assisted_question(study.protocol), "/map/")
    assert [name for name, there in (("answer", page["answer"] is not None), ("probabilities", page["shares"]),
                                     ("map", page["map"])) if there] == list(shows)  # fmt: skip


def test_practice_and_preview_show_it_too(study, client, django_user_model):
    user = django_user_model.objects.create_user("anna", password="x")
    Membership.objects.create(user=user, study=study, role="coordinator")
    client.force_login(user)
    practice = client.get(reverse("surveys:preview-words", args=[study.slug, survey(study).code, "practice"])).content
    assert b'"example": {"answer": "ZQA"' in practice
    preview = client.get(reverse("surveys:preview", args=[study.slug, survey(study).code, 1])).content.decode()
    item = survey(study).blocks.get(position=1).survey_items.first()
    address = reverse("surveys:output-map-preview", args=[study.slug, item.public_id])
    assert '"example": {' in preview
    assert address in preview
    assert client.get(address)["Content-Type"] == "image/jpeg"
    assert not ViewingEvent.objects.exists()


def test_simulated_readers_look_again_through_the_same_doors(study):
    accuracies = {(row.code, view): 0.6 for row in ReaderGroup.objects.filter(study=study) for view in study.view_codes()}
    simulate_readers(study=study, seed=3, accuracies=accuracies)
    frame = readings_frame(study=study)
    assert set(frame["assistant"]) == {"small"}
    assert (frame["assisted_answer"] != "").all()
    changed = frame[frame["answer"] != frame["assisted_answer"]]
    assert 0 < len(changed) < len(frame) / 2
    assert (changed["assisted_answer"] == changed["assistant_answer"]).all()
    right_before = (frame["answer"] == frame["truth"]).mean()
    assert (frame["assisted_answer"] == frame["truth"]).mean() > right_before


def test_the_shipped_preset_asks_twice_and_the_form_can_say_it(tmp_path):
    path = Path(settings.BASE_DIR) / "fixtures" / "assisted" / "study.toml"
    study = load_study(path=path)
    load_protocol(study=study, path=path)
    question = assisted_question(study.protocol, "focused")
    assert (question.code, question.step, question.shows) == ("second", 2, ("answer", "probabilities", "map"))
    assert form_can_say(preset_of(study))
    values = form_values(preset_of(study))
    assert (values["assisted"], values["confidence"]) == (True, False)
    form = SetUpForm(values | {"assisted": False}, known=preset_of(study))
    assert form.is_valid()
    assert "questions" not in form.preset()
