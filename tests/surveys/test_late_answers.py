"""Two devices of one reader: the later choice counts, whichever arrives last, and what does not count is kept and told."""

from uuid import uuid4

import pytest

from surveys.models import Answer, ViewingEvent
from surveys.services import open_block, record_answer, seal_block
from tests.surveys.sitting import answer, begin_by_link
from tests.surveys.test_reading_pages import Sitting

pytestmark = pytest.mark.django_db
TEN_MINUTES_MS = 600_000
SURE = {"code": "sure", "kind": "confidence", "prompt": "How sure?", "step": 2, "required": False}


class Desk:
    """A page that was opened before the reader took the phone, and knows of no answer given since."""

    def __init__(self, client, study):
        self.sitting = Sitting(client, study)
        self.response = begin_by_link(self.sitting.token)
        self.block = self.response.survey.blocks.get(position=1)
        open_block(survey_response=self.response, block=self.block)
        self.item = self.block.survey_items.get(position=1)

    def sends(self, *choices, after=None, waited_ms=0, **values):
        """Choices about the first image, each made after the one before; returns them and what the server says."""
        events = []
        for code in choices:
            events.append({"id": str(uuid4()), "type": "answer", "item": self.item.public_id, "chosen": code, "after": after,
                           "waited_ms": waited_ms, **values})  # fmt: skip
            after = events[-1]["id"]
        return events, self.sitting.send(*events)

    def stands(self):
        return list(Answer.objects.standing().filter(survey_item=self.item).values_list("question", "chosen__code", "value"))


@pytest.fixture
def desk(client, study):
    return Desk(client, study)


def test_an_answer_that_comes_late_does_not_take_the_place_of_a_later_choice(desk):
    answer(desk.response, desk.item, "ZQB")  # on the phone, while the desk has no line
    events, told = desk.sends("ZQA", waited_ms=TEN_MINUTES_MS)
    assert [row["code"] for row in told["refused"]] == ["overtaken"]
    assert "later on another device" in told["refused"][0]["why"]
    desk.sitting.send(*events)  # the acknowledgement was lost on the way
    assert desk.stands() == [("", "ZQB", None)]
    kept = ViewingEvent.objects.get(kind=ViewingEvent.Kind.LATE)
    assert kept.detail == {"why": "overtaken", "question": "", "chosen": "ZQA", "waited_ms": TEN_MINUTES_MS}
    assert str(kept.event_id) == events[0]["id"]


def test_a_later_choice_counts_although_its_page_knew_nothing_of_the_earlier_one(desk):
    answer(desk.response, desk.item, "ZQB")
    _, told = desk.sends("ZQA")
    assert told["refused"] == []
    assert told["last"] == 2, "the page learns that it was not alone: it knew of none and brought one"
    assert desk.stands() == [("", "ZQA", None)]
    assert Answer.objects.count() == 2


def test_answers_that_waited_together_count_in_their_order(desk):
    desk.sends("ZQA", "ZQB", "ZQC", waited_ms=TEN_MINUTES_MS)
    assert desk.stands() == [("", "ZQC", None)]
    _, told = desk.sends("ZQA", after=3, waited_ms=TEN_MINUTES_MS)
    assert told["refused"] == [], "the page knew of the third one: this is a change of mind, however long it was on its way"
    assert [row.waited_ms for row in Answer.objects.order_by("sequence")] == [TEN_MINUTES_MS] * 4


def test_a_second_thought_counts_by_its_own_time_although_the_first_came_too_late(desk):
    answer(desk.response, desk.item, "ZQB")
    first, told = desk.sends("ZQA", waited_ms=TEN_MINUTES_MS)
    assert len(told["refused"]) == 1
    desk.sends("ZQC", after=first[0]["id"])
    assert desk.stands() == [("", "ZQC", None)]


def test_how_sure_one_was_goes_with_what_one_said(desk):
    """Said on the desk, without a line; said otherwise on the phone; then the desk's "how sure" must not stand beside the phone's."""
    protocol = desk.response.reader.study.protocol
    protocol.questions = [{"code": "", "kind": "diagnosis", "prompt": "Which?", "step": 1}, SURE]
    protocol.save()
    answer(desk.response, desk.item, "ZQB")
    said, _ = desk.sends("ZQA", waited_ms=TEN_MINUTES_MS)
    _, told = desk.sends(None, after=said[0]["id"], question="sure", value=90)
    assert [row["code"] for row in told["refused"]] == ["overtaken"]
    assert desk.stands() == [("", "ZQB", None)]
    record_answer(survey_response=desk.response, survey_item=desk.item, question="sure", value=40, event_id=uuid4())
    _, told = desk.sends("ZQC")
    assert [row["code"] for row in told["refused"]] == ["closed"]
    assert set(desk.stands()) == {("", "ZQB", None), ("sure", None, 40)}
    assert [row.detail["why"] for row in ViewingEvent.objects.filter(kind="late").order_by("pk")] == ["overtaken", "overtaken", "closed"]


def test_what_comes_after_the_seal_is_kept_beside_the_answers(desk):
    for survey_item in desk.block.survey_items.all():
        answer(desk.response, survey_item)
    seal_block(survey_response=desk.response, block=desk.block)
    _, told = desk.sends("ZQC", waited_ms=TEN_MINUTES_MS)
    assert [row["code"] for row in told["refused"]] == ["sealed"]
    assert ViewingEvent.objects.get(kind="late").detail["chosen"] == "ZQC"
    assert desk.stands() == [("", "ZQA", None)]


def test_a_browser_cannot_call_an_answer_late(desk):
    told = desk.sitting.send({"id": str(uuid4()), "type": "late", "item": desk.item.public_id, "detail": {}})
    assert "for the server to say" in told["refused"][0]["why"]


def test_a_window_that_is_come_back_to_learns_how_many_answers_there_are(desk):
    answer(desk.response, desk.item)
    assert desk.sitting.send({"id": str(uuid4()), "type": "visible"})["last"] == 1
    assert "last" not in desk.sitting.send({"id": str(uuid4()), "type": "hidden"})
    data = desk.sitting.page_data(1)
    assert (data["known"], [item.get("after") for item in data["items"]][:2]) == (1, [1, None])


@pytest.mark.parametrize("odd", ['"\\u0000"', '"cut \\ud83d"', "NaN", "1e400", '{"\\u0000": ["\\udc00"]}'])
def test_what_no_database_keeps_holds_up_nothing(desk, client, odd):
    """A late answer and a shown image with such a value, and an answer behind them: all are told, and the answer stands."""
    answer(desk.response, desk.item, "ZQB")
    late = f'"type": "answer", "chosen": "ZQA", "value": {odd}, "at": {odd}, "after": null, "waited_ms": {TEN_MINUTES_MS}'
    parts = (late, f'"type": "shown", "detail": {{"why": {odd}}}', f'"type": "answer", "question": {odd}, "value": {odd}',
             '"type": "answer", "chosen": "ZQA"')  # fmt: skip
    events = ", ".join(f'{{"id": "{uuid4()}", "item": "{desk.item.public_id}", {part}}}' for part in parts)
    told = client.post(desk.sitting.address("events"), f'{{"events": [{events}]}}', content_type="application/json").json()
    assert (len(told["saved"]), len(told["refused"])) == (2, 2)
    assert desk.stands() == [("", "ZQA", None)]
    assert ViewingEvent.objects.filter(kind__in=["late", "shown"]).count() == 2


def test_an_endless_nest_is_refused(desk, client):
    nest = '{"events": ' + "[" * 40_000 + "]" * 40_000 + "}"
    assert client.post(desk.sitting.address("events"), nest, content_type="application/json").status_code == 400


def test_an_image_and_its_answer_cost_the_database_fifteen_questions(client, desk, django_assert_max_num_queries):
    """Hundreds of readers save at the same moment: what is asked of the database for each is asked a hundred times a second."""
    shown = {"type": "shown", "item": desk.item.public_id, "detail": {"width": 400, "height": 300}}
    choice = {"type": "answer", "item": desk.item.public_id, "chosen": "ZQA", "after": None, "waited_ms": 3, "rt_ms": 900}
    for most in (100, 15, 15):  # the first request of a process asks for more
        events = {"events": [event | {"id": str(uuid4())} for event in (shown, choice)]}
        with django_assert_max_num_queries(most):
            told = client.post(desk.sitting.address("events"), events, content_type="application/json").json()
        assert len(told["saved"]) == 2
        choice["after"] = told["last"]
