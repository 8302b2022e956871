"""A whole sitting through the pages, every response read for what must not be in it."""

import io
import json
import re
from uuid import uuid4

import pytest
from django.urls import reverse
from PIL import Image

from imagebank.models import Item, ItemImage, Provenance, Study
from surveys.models import Answer, StudyProtocol, SurveyItem, SurveyResponse, ViewingEvent
from surveys.services import create_survey_set, invite, revoke_invitation
from tests.surveys.study import group, make_protocol, make_study, survey

pytestmark = pytest.mark.django_db


class Sitting:
    """A reader's browser without a session, which checks every response as it comes."""

    def __init__(self, client, study, number=1):
        self.client, self.study, self.number = client, study, number
        self.invitation, self.token = invite(survey=survey(study, number), group=group(study))
        self.seen = 0

    def address(self, name, **kwargs):
        return reverse(f"surveys:{name}", kwargs={"token": self.token, **kwargs})

    def check(self, response):
        self.seen += 1
        assert response["Referrer-Policy"] == "no-referrer"
        assert response["Cache-Control"] == "no-store"
        assert not response.cookies, "reading needs no cookie"
        body = response.content
        headers = str(dict(response.headers)).encode()
        sitting = SurveyResponse.objects.filter(invitation=self.invitation).first()
        opened = sitting.block_sittings.values("block") if sitting else []
        forbidden = [
            *Item.objects.values_list("code", flat=True),
            *ItemImage.objects.values_list("public_id", flat=True),
            *ItemImage.objects.values_list("original_sha256", flat=True),
            *SurveyItem.objects.exclude(block__in=opened).values_list("public_id", flat=True),
            *(image.file.name.split("/")[-1] for image in ItemImage.objects.all()),
            "secret", "original-", "truth", "provenance", "reference class",
        ]  # fmt: skip
        for word in forbidden:
            assert word.encode() not in body, f"{word} in {response.request['PATH_INFO']}"
            assert word.encode() not in headers, f"{word} in the headers of {response.request['PATH_INFO']}"
        return response

    def get(self, name, query="", **kwargs):
        return self.check(self.client.get(self.address(name, **kwargs) + query))

    def post(self, name, data=None, **kwargs):
        return self.check(self.client.post(self.address(name, **kwargs), data or {}))

    def send(self, *events):
        address = self.address("events")
        body = json.dumps({"events": list(events)})
        return self.check(self.client.post(address, body, content_type="application/json")).json()

    def page_data(self, position):
        body = self.get("block", position=position).content.decode()
        return json.loads(re.search(r'id="block-data"[^>]*>(.*?)</script>', body).group(1))


@pytest.fixture
def sitting(client, study):
    return Sitting(client, study)


def to_first_block(sitting):
    sitting.get("landing")
    sitting.post("landing")
    sitting.get("consent")
    sitting.post("consent")
    sitting.get("about")
    sitting.post("about", {"specialty": "Genetics"})
    sitting.get("instructions")
    sitting.post("instructions")
    sitting.get("practice")
    sitting.post("practice", {"chosen": "ZQB"})
    return sitting.post("practice")


def test_a_whole_sitting_shows_nothing_of_truth_or_of_a_later_block(sitting):
    assert to_first_block(sitting).url == sitting.address("block", position=1)
    for position in (1, 2):
        data = sitting.page_data(position)
        for number, item in enumerate(data["items"], start=1):
            sitting.get("block", f"?image={number}", position=position)
            image = sitting.check(sitting.client.get(item["image"]))
            picture = Image.open(io.BytesIO(image.content))
            assert picture.size == (48, 32)
            assert not set(picture.info) & {"exif", "Comment", "xmp"}, "a comment fills it up, and says nothing"
            events = [{"id": str(uuid4()), "type": kind, "item": item["id"]} for kind in ("shown", "answer")]
            answer = sitting.send(events[0], events[1] | {"chosen": "ZQA", "rt_ms": 1234})
            last = (position - 1) * len(data["items"]) + number
            assert answer == {"saved": [event["id"] for event in events], "refused": [], "last": last}
        sitting.get("block", "?image=end", position=position)
        back = sitting.get("seal", position=position)  # a phone that opens the last page anew
        assert back.url == sitting.address("block", position=position)
        following = sitting.post("seal", position=position)
        if position == 1:
            assert following.url == sitting.address("break", position=2)
            assert sitting.check(sitting.client.get(item["image"])).status_code == 404, "sealed"
            words = sitting.get("break", position=2).content.decode()
            assert "6 panoramic images, part 2 of 2" in words
            assert "Half is done." in words
            sitting.post("break", position=2)
    assert sitting.get("thanks").status_code == 200
    response = SurveyResponse.objects.get()
    assert response.completed_at
    assert response.analysed
    assert Answer.objects.standing().count() == 12
    assert set(Answer.objects.values_list("rt_ms", flat=True)) == {1234}
    assert sitting.seen > 50


def test_looking_at_the_link_uses_nothing_up(sitting):
    for _ in range(3):
        assert sitting.get("landing").status_code == 200
    assert not SurveyResponse.objects.exists()
    assert sitting.invitation.seat.state == "reserved"


def test_every_address_leads_to_the_place_where_the_reader_is(sitting):
    assert sitting.get("thanks").url == sitting.address("landing")
    sitting.post("landing")
    for name in ("about", "instructions", "practice", "thanks"):
        assert sitting.get(name).url == sitting.address("consent")
    assert sitting.get("block", position=2).url == sitting.address("consent")


def test_without_script_the_form_saves_one_answer_however_often_it_is_sent(sitting):
    to_first_block(sitting)
    page = sitting.get("block", "?image=1", position=1).content.decode()
    fields = dict(re.findall(r'name="(item|event_id)" value="([^"]+)"', page))
    for _ in range(2):
        following = sitting.post("block", fields | {"chosen": "ZQC"}, position=1)
        assert following.url.endswith("?image=2")
    assert Answer.objects.get().chosen.code == "ZQC"
    page = sitting.get("block", "?image=2", position=1).content.decode()
    fields = dict(re.findall(r'name="(item|event_id)" value="([^"]+)"', page))
    sitting.post("block", fields, position=1)
    assert ViewingEvent.objects.filter(kind="shown").count() == 1
    assert "Image 2" in sitting.get("block", "?image=end", position=1).content.decode(), "told what was skipped"


def test_without_script_a_choice_waits_for_what_is_asked_beside_it_and_no_slider_answers_by_itself(sitting, study):
    StudyProtocol.objects.filter(study=study).update(questions=[
        {"code": "", "kind": "diagnosis", "prompt": "Which?"},
        {"code": "sure", "kind": "confidence", "prompt": "How sure?", "required": False},
    ])  # fmt: skip
    to_first_block(sitting)
    page = sitting.get("block", "?image=1", position=1).content.decode()
    sent = re.findall(r'<input[^>]* name="q-[^>]*>', page)
    assert [re.search(r'type="(\w+)".* value="(.*?)"', one).groups() for one in sent] == [("number", "")]
    fields = dict(re.findall(r'name="(item|event_id)" value="([^"]+)"', page)) | {"step": "1", "q-sure": ""}
    assert sitting.post("block", fields | {"chosen": "ZQC"}, position=1).url.endswith("?image=1&step=1")
    assert sitting.post("block", fields | {"q-sure": "80"}, position=1).url.endswith("?image=2")
    assert [(row.question, row.value) for row in Answer.objects.order_by("sequence")] == [("", None), ("sure", 80)]
    assert sitting.post("block", fields | {"chosen": "ZQA", "event_id": str(uuid4())}, position=1).url.endswith("?image=2")


def test_a_second_device_resumes_at_the_same_place_with_the_same_answers(sitting, study):
    to_first_block(sitting)
    items = sitting.page_data(1)["items"]
    sitting.send({"id": str(uuid4()), "type": "answer", "item": items[0]["id"], "chosen": "ZQB"})
    sitting.client = type(sitting.client)()
    sitting.get("landing")
    assert sitting.post("landing").url == sitting.address("block", position=1)
    data = sitting.page_data(1)
    assert data["items"][0]["chosen"] == "ZQB"
    assert data["start"] == 1


def test_images_are_served_only_for_the_open_block(sitting, study):
    later = SurveyItem.objects.filter(block__survey=survey(study), block__position=2).first()
    other = SurveyItem.objects.filter(block__survey=survey(study, 2), block__position=1).first()
    sitting.post("landing")
    first = SurveyItem.objects.filter(block__survey=survey(study), block__position=1).first()
    assert sitting.get("image", public_id=first.public_id).status_code == 404, "not before the block is open"
    to_first_block(sitting)
    assert sitting.get("image", public_id=first.public_id).status_code == 200
    for forbidden in (later, other):
        address = sitting.address("image", public_id=forbidden.public_id)
        assert sitting.client.get(address).status_code == 404
    refused = sitting.client.post(
        sitting.address("events"),
        json.dumps({"events": [{"id": str(uuid4()), "type": "answer", "item": later.public_id, "chosen": "ZQA"}]}),
        content_type="application/json",
    ).json()
    assert refused["refused"][0]["why"] == "This image is not open for answers."
    assert not Answer.objects.exists()


@pytest.mark.parametrize("body", ["", "[]", "{", '{"events": 3}', '{"events": {}}'])
def test_what_is_not_a_list_of_events_is_refused_whole(sitting, body):
    to_first_block(sitting)
    answer = sitting.client.post(sitting.address("events"), body, content_type="application/json")
    assert answer.status_code == 400


def test_bad_events_are_refused_one_by_one_and_the_good_ones_are_saved(sitting):
    to_first_block(sitting)
    item = sitting.page_data(1)["items"][0]["id"]
    good = str(uuid4())
    answer = sitting.send(
        7,
        {"id": "no", "type": "answer", "item": item, "chosen": "ZQA"},
        {"id": str(uuid4()), "type": "answer", "item": item, "chosen": "nothing"},
        {"id": str(uuid4()), "type": "dance", "item": item},
        {"id": good, "type": "answer", "item": item, "chosen": "ZQA", "rt_ms": "soon", "at": 3},
    )
    assert answer["saved"] == [good]
    assert len(answer["refused"]) == 4
    assert Answer.objects.get().rt_ms is None


def test_a_revoked_link_is_closed_kindly_and_no_log_names_it(sitting, caplog):
    to_first_block(sitting)
    revoke_invitation(invitation=sitting.invitation)
    response = sitting.get("block", position=1)
    assert response.status_code == 410
    assert b"has been closed" in response.content
    assert sitting.client.get("/r/unknown/").status_code == 404
    assert sitting.token not in caplog.text
    assert "unknown" not in caplog.text


def test_a_block_with_unseen_images_is_not_sealed(sitting):
    to_first_block(sitting)
    response = sitting.post("seal", position=1)
    assert response.status_code == 409
    assert b"Look at every image" in response.content


def test_a_wrong_answer_about_oneself_keeps_the_others(sitting):
    sitting.post("landing")
    sitting.post("consent")
    response = sitting.post("about", {"specialty": "Genetics", "years": "many"})
    assert response.status_code == 422
    assert b"whole number from 0 to 70" in response.content
    assert re.search(rb'value="Genetics" checked', response.content)


@pytest.mark.parametrize(
    ("natures", "told"), [(("drawn, not a photograph",), True), (("drawn, not a photograph", ""), False)]
)
def test_readers_are_told_when_every_picture_is_drawn(client, natures, told):
    study = make_study("bank")
    Study.objects.update(nature="")
    for number, provenance in enumerate(Provenance.objects.order_by("pk")):
        provenance.nature = natures[number % len(natures)]
        provenance.save()
    study.refresh_from_db()
    make_protocol(study)
    create_survey_set(study=study, seed=7)
    _, token = invite(survey=survey(study), group=group(study))
    page = client.get(reverse("surveys:landing", kwargs={"token": token})).content.decode()
    assert ("Drawn, not a photograph" in page) is told
