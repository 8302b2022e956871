"""The doors to a release: the coordinator's pages, the command and the API, none of which shows a result."""

import json
import re

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from imagebank.models import Provenance
from surveys.models import DebriefRelease, StudyProtocol, SurveyResponse
from surveys.services import release_debrief, standing_release
from tests.surveys.debriefed import at, signed_in, text
from tests.surveys.study import CLASSES

pytestmark = pytest.mark.django_db
RELEASE = "/studies/small/surveys/debrief/"


def test_a_release_takes_two_presses_and_a_tick(client, read):
    study, (raw,) = read
    user = signed_in(client, study)
    Provenance.objects.update(licence="CC BY-NC 4.0")
    assert "every reader who has finished sees" in text(client, RELEASE)
    review = client.post(RELEASE, {"do": "review", "pictures": "on"})
    assert review.status_code == 200
    assert "CC BY-NC 4.0 (24)" in review.content.decode(), "both views of twelve items"
    assert client.post(RELEASE, {"do": "release", "pictures": "on"}).status_code == 422
    assert not DebriefRelease.objects.exists()
    assert client.post(RELEASE, {"do": "release", "pictures": "on", "sure": "yes"}).status_code == 302
    release = DebriefRelease.objects.get()
    assert (release.with_pictures, release.network, release.released_by) == (True, None, user)
    assert "0 of 1 have looked" in text(client, RELEASE)
    client.get(at(raw))
    assert "1 of 1 has looked" in text(client, RELEASE)
    client.post(RELEASE, {"do": "withdraw"})
    assert standing_release(study) is None
    assert "Earlier releases" in text(client, RELEASE)


@pytest.mark.parametrize("role", ["analyst", "engineer", "reviewer"])
def test_only_a_coordinator_releases_withdraws_and_writes(client, role, read):
    study, (raw,) = read
    signed_in(client, study, role)
    for data in ({"do": "review"}, {"do": "release", "sure": "yes"}, {"do": "letters"}, {"do": "withdraw"}):
        assert client.post(RELEASE, data).status_code == 403
    assert not DebriefRelease.objects.exists()
    assert client.get(at(raw)).status_code == 404, "being signed in opens no reader's page"
    assert {client.get(f"{RELEASE}{page}").status_code for page in ("preview/", "preview/1/", "certificate/")} == {403}


def test_the_preview_is_what_a_reader_sees_and_releases_nothing(client, read):
    study, (raw,) = read
    signed_in(client, study)
    shown = text(client, f"{RELEASE}preview/?pictures=on&network=")
    assert not DebriefRelease.objects.exists()
    item = text(client, f"{RELEASE}preview/1/?pictures=on&network=")
    assert client.get(re.search(r'<img src="([^"]+)"', item)[1]).status_code == 200
    assert client.get(at(raw)).status_code == 404
    release_debrief(study=study, with_pictures=True)
    body = lambda page: re.sub(r'href="[^"]*"', "", page[page.index("<main>") :])  # noqa: E731
    assert body(shown) == body(text(client, at(raw)))
    assert SurveyResponse.objects.exclude(debriefed_at=None).count() == 1, "the preview counts as nobody's look"


def test_the_letters_page_has_this_letter_only_where_it_can_be_sent(client, read):
    study, _ = read
    signed_in(client, study)
    address = "/studies/small/surveys/readers/letters/"
    assert "Your results: A small study" in text(client, address)
    StudyProtocol.objects.update(debrief_offered=False)
    assert "Your results" not in text(client, address)
    assert client.post(address, {"kind": "results"}).status_code == 404


def test_the_api_says_the_same_before_and_after_a_release_and_takes_no_link(client, read):
    study, (raw,) = read
    client.force_login(User.objects.create_superuser("root"))
    paths = client.get("/api/schema/?format=json").json()["paths"]
    assert not re.search("own_results|certificate_issuer", str(paths))
    lists = [path for path, operations in paths.items() if "get" in operations and "{" not in path and "schema" not in path]
    assert len(lists) > 15
    signed_in(client, study, "reviewer")
    before = [client.get(path).content for path in lists]
    release_debrief(study=study, with_pictures=True)
    text(Client(), at(raw))
    assert [client.get(path).content for path in lists] == before
    client.logout()
    assert {client.get(path, headers={"authorization": f"Token {raw}"}).status_code for path in lists} == {401}


def test_a_script_asks_releases_and_withdraws_and_reads_no_result(client, read):
    study, (raw,) = read
    address = "/api/debriefs/small/"
    signed_in(client, study, "analyst")
    assert {client.get(address).status_code, client.post(f"{address}release/", {"confirm": "small"}).status_code} == {403}
    signed_in(client, study)
    before = client.get(address).json()
    assert (before["may_be_released"], before["standing"], before["finished"], before["looked"]) == (True, None, 1, 0)
    for wrong in ({}, {"confirm": "other"}, {"confirm": "small", "network": "netty"}):
        assert client.post(f"{address}release/", wrong).status_code == 400
    assert client.get(at(raw)).status_code == 404
    released = client.post(f"{address}release/", {"confirm": "small", "with_pictures": True}).json()
    assert released["standing"]["with_pictures"] is True
    assert client.get(at(raw)).status_code == 200
    assert client.get(address).json()["looked"] == 1
    assert client.post(f"{address}letters/").json() == {"letters": 0}
    after = client.post(f"{address}withdraw/").json()
    assert (after["standing"], len(after["earlier"])) == (None, 1)
    assert client.get(at(raw)).status_code == 404
    assert not any(words in str([before, released, after]) for words in (*CLASSES.values(), *CLASSES, "right"))


def test_the_command_asks_for_the_address_and_names_the_networks_that_there_are(client, capsys, read):
    study, (raw,) = read
    for arguments, words in (([], "--confirm small"), (["--confirm", "small", "--network", "netty"], "those that have: none")):
        with pytest.raises(CommandError, match=words) as caught:
            call_command("release_results", "small", *arguments)
        assert caught.value.returncode == 2
        assert client.get(at(raw)).status_code == 404
    call_command("release_results", "small", "--confirm", "small", "--letters", "--json")
    assert json.loads(capsys.readouterr().out) == {
        "study": "small", "released": True, "pictures": False, "network": None, "letters": 0,
    }  # fmt: skip
    assert client.get(at(raw)).status_code == 200
    call_command("release_results", "small", "--withdraw")
    assert client.get(at(raw)).status_code == 404


def test_a_study_that_did_not_say_so_has_nothing_to_release(client, read):
    study, (raw,) = read
    StudyProtocol.objects.update(debrief_offered=False)
    signed_in(client, study)
    assert "were not told" in text(client, RELEASE)
    assert client.post(RELEASE, {"do": "release", "sure": "yes"}).status_code == 422
    assert "keep your link" not in text(client, at(raw, "thanks"))
