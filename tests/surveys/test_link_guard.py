"""Promises about readers' links: hard to guess, and in no log, cache or referrer."""

import json
import logging
import re

import pytest
from django.core.files.base import ContentFile
from django.urls import reverse
from django.urls.resolvers import get_resolver

from config.link_free import LinkFreeFormatter, link_free_event
from imagebank.models import ItemImage
from surveys.models import SurveyItem
from surveys.reading.link_guard import GUESSES
from surveys.services import invite
from tests.surveys.sitting import begin
from tests.surveys.study import group, survey

pytestmark = pytest.mark.django_db
READER_PAGES = sorted(
    pattern.name for resolver in get_resolver().url_patterns if getattr(resolver, "app_name", "") == "surveys"
    for pattern in resolver.url_patterns if str(pattern.pattern).startswith("r/")
)  # fmt: skip


def link(study, number=1):
    return reverse("surveys:landing", kwargs={"token": invite(survey=survey(study, number), group=group(study))[1]})


def test_whoever_guesses_has_to_wait_while_others_go_on(client, study):
    begun, fresh = link(study, 1), link(study, 2)
    assert client.get(begun).status_code == 200
    for number in range(GUESSES):
        assert client.get(f"/r/guess-{number}/").status_code == 404
    waiting = client.get("/r/guess-more/")
    assert (waiting.status_code, waiting["Retry-After"]) == (429, "600")
    assert client.get(fresh).status_code == 429, "a right guess is not told apart from a wrong one"
    assert client.get(begun).status_code == 200, "who was reading goes on"
    assert client.get(fresh, REMOTE_ADDR="10.0.0.7").status_code == 200, "so does everybody elsewhere"


def test_the_reading_pages_are_known(study):
    assert (
        sorted(
            [
                "landing",
                "consent",
                "about",
                "instructions",
                "practice",
                "break",
                "block",
                "seal",
                "thanks",
                "events",
                "image",
                "output",
                "output-map",
                "own-image",
                "own-item",
                "own-results",
                "participation",
                "participation-pdf",
            ]
        )
        == READER_PAGES
    )


def written(caplog) -> str:
    """What the site's handler writes of the records that were caught."""
    return "\n".join(LinkFreeFormatter("%(message)s").format(record) for record in caplog.records)


@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "options"])
def test_every_answer_below_a_link_is_stored_nowhere_and_tells_no_address(client, study, caplog, method):
    """Whatever the method and the page: refusals, redirects and errors included."""
    token = link(study).split("/")[2]
    values = {name: {"position": 1} for name in ("break", "block", "seal")}
    values |= {name: {"public_id": "x"} for name in ("image", "output", "output-map", "own-image")}
    values["own-item"] = {"number": 1}
    for name in READER_PAGES:
        address = reverse(f"surveys:{name}", kwargs={"token": token} | values.get(name, {}))
        for target in (address, address.rstrip("/"), f"{address}nothing-here"):
            response = getattr(client, method)(target)
            policy = response["Content-Security-Policy"]
            assert response["Cache-Control"] == "no-store", target
            assert response["Referrer-Policy"] == "no-referrer"
            assert "frame-ancestors 'none'" in policy
            assert "default-src 'self'" in policy
            assert "script-src" not in policy, "scripts fall under default-src 'self'"
            assert not response.cookies
    assert token not in written(caplog)


def test_no_reading_page_loads_anything_from_elsewhere_or_runs_inline_script(client, study):
    address = link(study)
    client.post(address)
    for page in ("", "consent/"):
        text = client.get(address + page, follow=True).content.decode()
        for found in re.findall(r'(?:src|href|action)="([^"]*)"', text):
            assert found.startswith(("/", "?", "#", "data:,")), found
        assert not re.search(r"<script(?![^>]*(src=|application/json))", text)
        assert not re.search(r"\son\w+=", text)
        assert " style=" not in text


def test_a_failing_page_writes_no_link_into_the_log(client, study, caplog, monkeypatch):
    address = link(study)

    def fail(*args, **kwargs):
        raise RuntimeError(f"broken at {address}")

    monkeypatch.setattr("surveys.reading.views.start_response", fail)
    client.raise_request_exception = False
    response = client.post(address)
    assert response.status_code == 500
    assert response["Cache-Control"] == "no-store"
    token = address.split("/")[2]
    assert "Internal Server Error: /r/[link]/" in written(caplog)
    assert token not in written(caplog)
    assert token not in json.dumps(link_free_event({"request": {"url": f"https://x.org{address}"}, "tags": [address]}))


def test_the_sites_own_log_handler_writes_no_link():
    handlers = logging.getLogger().handlers + logging.getLogger("django.server").handlers
    formatters = [handler.formatter for handler in handlers if type(handler) is logging.StreamHandler]
    assert formatters
    assert all(isinstance(formatter, LinkFreeFormatter) for formatter in formatters)


def test_an_image_address_says_nothing_and_works_for_its_own_sitting_alone(client, study):
    response, other = begin(study, 1), begin(study, 2)
    from surveys.services import open_block

    open_block(survey_response=response, block=response.survey.blocks.get(position=1))
    item = SurveyItem.objects.filter(block__survey=response.survey, block__position=1).first()
    image = ItemImage.objects.filter(item=item.item, view="focused").get()
    image.file.save("telling-name-ZQA.png", ContentFile(image.file.read()), save=True)
    tokens = [invite(seat=row.seat, reader=row.reader)[1] for row in (response, other)]
    address, elsewhere = (
        reverse("surveys:image", kwargs={"token": token, "public_id": item.public_id}) for token in tokens
    )
    shown = client.get(address)
    assert shown.status_code == 200
    assert b"ZQA" not in shown.content
    assert "ZQA" not in str(shown.headers)
    assert image.public_id not in address
    assert client.get(elsewhere).status_code == 404
