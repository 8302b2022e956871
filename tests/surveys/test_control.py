"""The control arm on the platform: drawn with the output and frozen, told to nobody beforehand, read, exported and imported."""

import json
from collections import Counter

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from imagebank.models import Membership
from surveys.coordination.set_up_form import SetUpForm, form_can_say, form_values
from surveys.models import Answer, ControlItem, ReaderGroup, ShownOutput, StudyProtocol, SurveyItem, ViewingEvent
from surveys.questions import parse_questions
from surveys.services import (
    assistance_fault,
    control_summary,
    hand_out_output,
    import_readings,
    invite,
    open_block,
    readings_frame,
    seal_block,
    simulate_readers,
)
from surveys.services.setting_up.preset_text import preset_of
from tests.surveys.assisted import PRESET, freeze, make_assisted_study
from tests.surveys.sitting import answer, begin, begin_by_link
from tests.surveys.study import group, survey
from tests.surveys.test_assistance import post, second

pytestmark = pytest.mark.django_db
CONTROLLED = PRESET.replace("And now, with the network's answer in sight?", "And once more?") + "control = 0.25\n"
NOTHING = {"answer": None, "shares": {}, "map": "", "control": True}


@pytest.fixture
def study(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path / "media"
    study = make_assisted_study(tmp_path, text=CONTROLLED)
    freeze(study, tmp_path)
    return study


def control_of(response, block) -> list[SurveyItem]:
    """The block's items, those that are control for the response's reader first."""
    control = set(ControlItem.objects.filter(group=response.group).values_list("survey_item", flat=True))
    items = block.survey_items.select_related("block", "item")
    return sorted(items, key=lambda item: (item.pk not in control, item.position))


def opened(study, token=None):
    response = begin_by_link(token) if token else begin(study)
    block = next(b for b in response.survey.blocks.order_by("position") if b.position == 1)
    open_block(survey_response=response, block=block)
    items = control_of(response, block)
    assert 0 < ControlItem.objects.filter(group=response.group, survey_item__in=items).count() < len(items)
    return response, items


def test_the_control_items_are_drawn_with_the_output_balanced_and_frozen(study, tmp_path):
    """Six items a block, two of each of three classes; an item is read by two groups."""
    frozen = study.assistance
    assert frozen.control == {"seed": 7, "shares": {"focused": 0.25, "panoramic": 0.25}}
    rows = ControlItem.objects.values_list("group__code", "survey_item__block", "survey_item__item__truth__diagnosis__code")
    by_block = Counter((group, block) for group, block, _ in rows)
    blocks = SurveyItem.objects.values("block").distinct().count() * 2
    assert set(by_block.values()) <= {1, 2}
    assert len(by_block) == blocks, "1.5 of six: one or two in every reader's block"
    assert max(Counter(rows).values()) == 1, "half of two: none or one of a class"
    by_item = Counter(ControlItem.objects.values_list("survey_item__item", "survey_item__block__view"))
    assert set(by_item.values()) == {1}, "a quarter of two readers: none or one"
    assert len(by_item) == len(rows) == 12, "a quarter of 48"
    summary = control_summary(frozen)
    assert (summary.control, summary.places, summary.of_item, summary.readers) == (12, 48, (0, 1), (2, 2))
    assert sum(len(seat.items) for seat in summary.seats) == len(rows)
    # Again, it is the same draw; another network does not change it; a row that was moved is found.
    kept = set(rows)
    sha256 = frozen.sha256
    assert freeze(study, tmp_path).sha256 == sha256
    assert set(rows.all()) == kept
    frozen = type(frozen).objects.get(study=study)
    assert assistance_fault(frozen) is None
    ControlItem.objects.first().delete()
    assert "is not what was frozen" in assistance_fault(frozen)


def test_a_draw_that_is_not_the_seeds_is_found_though_its_hash_agrees(study):
    from surveys.services.sitting.assistance import _sha256

    frozen = study.assistance
    one = ControlItem.objects.first()
    free = SurveyItem.objects.filter(block=one.survey_item.block).exclude(control_items__group=one.group).first()
    ControlItem.objects.filter(pk=one.pk).update(survey_item=free)
    rows = frozen.outputs.select_related("item", "answer").order_by("view", "item__code")
    frozen.sha256 = _sha256(frozen.network, list(rows), frozen.control, list(frozen.control_items.all()))
    frozen.save()
    assert "not those that the seed draws" in assistance_fault(frozen)


def test_a_study_without_control_has_the_hash_it_had(tmp_path, settings):
    import hashlib

    settings.MEDIA_ROOT = tmp_path / "media"
    study = make_assisted_study(tmp_path)
    frozen = freeze(study, tmp_path)
    rows = frozen.outputs.select_related("item", "answer").order_by("view", "item__code")
    content = ["small", *([r.item.code, r.view, r.answer.code, r.probabilities, r.map_sha256] for r in rows)]
    assert frozen.sha256 == hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    assert (frozen.control, ControlItem.objects.count(), control_summary(frozen)) == ({}, 0, None)
    assert "control" not in study.protocol.questions[-1]


def test_nobody_begins_before_a_changed_share_is_frozen_again(study, tmp_path, client, django_user_model):
    protocol = StudyProtocol.objects.get(study=study)
    protocol.questions[-1]["control"] = 0.5
    protocol.save()
    _, link = invite(survey=survey(study), group=group(study))
    assert Client().post(reverse("surveys:landing", args=[link])).status_code == 409
    user = django_user_model.objects.create_user("anna")
    Membership.objects.create(user=user, study=study, role="coordinator")
    client.force_login(user)
    page = reverse("benchmark:assistance", args=[study.slug])
    assert "was changed since the output was frozen" in client.get(page).content.decode()
    freeze(type(study).objects.get(pk=study.pk), tmp_path)
    told = client.get(page).content.decode()
    assert "was changed since" not in told
    assert "24 of 48 places" in told
    assert Client().post(reverse("surveys:landing", args=[link])).status_code == 302


def test_the_reader_hears_that_nothing_is_shown_when_the_own_answer_is_closed_and_not_before(study):
    _, token = invite(survey=survey(study), group=group(study))
    response, (control, *_others, shown) = opened(study, token)
    address = reverse("surveys:block", args=[token, 1])
    pages = [Client().get(f"{address}?image={item.position}").content.decode() for item in (control, shown)]
    for page in pages:
        assert "No second opinion this time: look again and answer.</p>" not in page
        assert "Go on to the second answer" in page
        assert '"output": {' not in page
    assert post(token, "output", control.public_id, accept="application/json").json()["code"] == "too-early"
    answer(response, control, "ZQA")
    answer(response, shown, "ZQA")
    assert post(token, "output", control.public_id, accept="application/json").json() == NOTHING
    handed = post(token, "output", shown.public_id, accept="application/json").json()
    assert handed["shares"]
    assert "control" not in handed
    # The page after a reload, with and without its script; the map of a control image is nowhere.
    page = Client().get(f"{address}?image={control.position}").content.decode()
    assert 'class="network-words nothing" role="status">No second opinion this time' in page
    assert json.dumps(NOTHING) in page
    assert "data-network" not in page
    assert Client().get(reverse("surveys:output-map", args=[token, control.public_id])).status_code == 404
    assert Client().get(reverse("surveys:output-map", args=[token, shown.public_id])).status_code == 200
    plain = post(token, "output", control.public_id, accept="text/html")
    assert plain["Location"] == f"{address}?image={control.position}"
    with pytest.raises(ValidationError, match="You have been asked again about this image"):
        answer(response, control, "ZQB")
    second(response, control, "ZQC")
    kinds = dict(ViewingEvent.objects.filter(kind__in=("output", "control")).values_list("survey_item", "kind"))
    assert kinds == {control.pk: "control", shown.pk: "output"}
    # What is on record is for the server to say.
    forged = {"events": [{"id": "6f0d2f0e-0000-4000-8000-000000000000", "type": "control", "item": shown.public_id}]}
    events = Client().post(reverse("surveys:events", args=[token]), json.dumps(forged), content_type="application/json")
    assert "for the server to say" in events.json()["refused"][0]["why"]


def test_a_control_image_is_another_readers_output(study):
    """Two groups read the same survey; what is control is the reader's own matter."""
    first, second_reader = begin(study), begin(study, 1, "pediatrician")
    for response in (first, second_reader):
        open_block(survey_response=response, block=response.survey.blocks.get(position=1))
    own = {
        response.group.code: set(ControlItem.objects.filter(group=response.group).values_list("survey_item", flat=True))
        for response in (first, second_reader)
    }
    item = next(item for item in first.survey.blocks.get(position=1).survey_items.all()
                if (item.pk in own["geneticist"]) != (item.pk in own["pediatrician"]))  # fmt: skip
    found = []
    for response in (first, second_reader):
        answer(response, item, "ZQA")
        found.append(hand_out_output(survey_response=response, survey_item=item) is None)
    assert found == [item.pk in own["geneticist"], item.pk in own["pediatrician"]]


def read_first_block(study) -> None:
    response, items = opened(study)
    for number, item in enumerate(items):
        answer(response, item, "ZQA")
        hand_out_output(survey_response=response, survey_item=item)
        if number:
            second(response, item, "ZQB")
        ViewingEvent.objects.create(survey_response=response, survey_item=item, kind="shown", event_id=f"00000000-0000-4000-8000-{item.pk:012}")
    if len(items) == Answer.objects.filter(question="second").count() + 1:
        second(response, items[0], "ZQC")
        second(response, items[0], None)  # taken back
    seal_block(survey_response=response, block=items[0].block)


def test_a_control_reading_has_no_assistant_and_comes_back(study, tmp_path):
    read_first_block(study)
    frame = readings_frame(study=study)
    asked = frame[frame["asked_again"] == "yes"]
    assert len(asked) == 6
    control = asked[asked["assistant"] == ""]
    assert len(control) == ControlItem.objects.filter(group__code="geneticist", survey_item__block__survey__number=1,
                                                       survey_item__block__position=1).count()  # fmt: skip
    assert set(control["assistant_answer"]) == {""}
    assert sorted(control["assisted_answer"])[:1] == [""], "one second answer was taken back"
    assert set(asked["assistant"]) == {"", "small"}
    assert set(frame.loc[frame["asked_again"] == "", "assisted_answer"]) == {""}
    path = tmp_path / "readings.csv"
    asked.assign(reader="H1", group="guest", seat="").to_csv(path, index=False)
    other = make_assisted_study(tmp_path, slug="elsewhere")
    assert import_readings(study=other, path=path).created == 6
    assert import_readings(study=other, path=path).unchanged == 6
    back = readings_frame(study=other)
    columns = ["item", "view", "answer", "assistant", "assistant_answer", "assisted_answer", "asked_again"]
    assert back[columns].values.tolist() == asked[columns].values.tolist()


def test_simulated_readers_answer_again_without_an_output_too(study):
    accuracies = {(row.code, view): 0.6 for row in ReaderGroup.objects.filter(study=study) for view in study.view_codes()}
    simulate_readers(study=study, seed=3, accuracies=accuracies)
    frame = readings_frame(study=study)
    assert set(frame["asked_again"]) == {"yes"}
    assert (frame["assisted_answer"] != "").all()
    control = frame[frame["assistant"] == ""]
    assert len(control) == ControlItem.objects.count()
    changed = (control["answer"] != control["assisted_answer"]).mean()
    assert changed < 0.25, "a second look is rarely another one"


def test_preview_and_practice_show_both_kinds(study, client, django_user_model):
    user = django_user_model.objects.create_user("anna")
    Membership.objects.create(user=user, study=study, role="coordinator")
    client.force_login(user)
    practice = client.get(reverse("surveys:preview-words", args=[study.slug, survey(study).code, "practice"])).content.decode()
    assert '"example": {"answer": "ZQA"' in practice
    assert json.dumps(NOTHING) in practice
    assert "Practice, 1 of 2" in practice
    preview = client.get(reverse("surveys:preview", args=[study.slug, survey(study).code, 1])).content.decode()
    block = survey(study).blocks.get(position=1)
    assert preview.count(json.dumps(NOTHING)) == ControlItem.objects.filter(group__code="geneticist", survey_item__block=block).count()
    assert ShownOutput.objects.filter(view=block.view).count() == preview.count('"example": {') * 2
    _, token = invite(survey=survey(study), group=group(study))
    for button in ("landing", "consent"):
        Client().post(reverse(f"surveys:{button}", args=[token]))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"control": 1}, "control is a share from 0 to 0.9 in whole per cent, e.g. 0.25; it is 1"),
        ({"control": 0.333}, "in whole per cent"),
        ({"control": "a quarter"}, "it is 'a quarter'"),
        ({"control": True}, "it is True"),
        ({"kind": "comment", "control": 0.2}, 'control belongs to the kind "assisted"'),
    ],
)
def test_a_share_that_is_none_is_refused(row, words):
    rows = [{"kind": "diagnosis", "prompt": "Which?"}, {"code": "a", "kind": "assisted", "prompt": "And?", "step": 2} | row]
    with pytest.raises(ValidationError) as refusal:
        parse_questions(rows, blocks=["focused"], stimuli={})
    assert words in " ".join(refusal.value.messages)


def test_the_form_says_the_share_and_words_that_hold_with_and_without(study):
    preset = preset_of(study)
    assert preset["questions"][-1]["control"] == 0.25
    assert form_can_say(preset)
    values = form_values(preset)
    assert values["control"] == 25
    form = SetUpForm(values | {"control": 40}, known=preset)
    assert form.is_valid()
    assert form.preset()["questions"][-1] == preset["questions"][-1] | {"control": 0.4}
    fresh = SetUpForm(values | {"control": 30, "slug": "new"})
    assert fresh.is_valid(), fresh.errors
    asked = fresh.preset()["questions"][-1]
    assert (asked["control"], asked["prompt"]) == (0.3, "And once more: which diagnosis is it?")
    without = SetUpForm(values | {"control": 0, "slug": "new"})
    assert without.is_valid()
    assert "in sight" in without.preset()["questions"][-1]["prompt"]
    assert "control" not in without.preset()["questions"][-1]
