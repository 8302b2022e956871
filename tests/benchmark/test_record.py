"""The study's record: written on its page, told by protocol and report, and by nobody but those who may."""

import json

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.urls import reverse
from rest_framework.test import APIClient

from benchmark.core.facts import FIELDS
from benchmark.core.report.protocol.build import build_protocol
from benchmark.protocol.facts import protocol_facts
from benchmark.services.comparison import run_comparison
from benchmark.services.facts import study_facts
from benchmark.services.record import (
    LONGEST_TEXT,
    field_words,
    record_file,
    store_record,
    stored_record,
    taken_from_file,
)
from imagebank.services.archive import archive_study
from surveys.models import StudyProtocol

pytestmark = pytest.mark.django_db
ETHICS = "Board of the hospital, 12/2026 <b>approved</b>"


def page(study):
    return reverse("benchmark:record", args=[study.slug])


def test_every_field_of_a_record_has_its_words():
    assert {section: set(words["fields"]) for section, words in field_words().items()} == {
        section: set(fields) for section, fields in FIELDS.items()
    }
    assert all(label and asks for words in field_words().values() for label, asks in words["fields"].values())


def test_the_site_tells_order_answers_and_classes_by_split(study):
    told = study_facts(study)
    assert told["reading"]["order"].endswith(f"drawn from the seed {study.survey_sets.first().seed}.")
    names = list(study.classes.values_list("name", flat=True))
    assert told["reading"]["response_options"] == f"One of {len(names)} classes: {', '.join(names)}."
    assert "class_counts" not in told.get("images", {}), "nothing was split here"
    trained = study.items.filter(truth__diagnosis__name=names[0]).first()
    study.items.filter(pk=trained.pk).update(split="train")
    left = study.items.included().filter(split="test", truth__diagnosis__name=names[0]).count()
    assert study_facts(study)["images"]["class_counts"].startswith(f"{names[0]} 1 for training and {left} for testing; {names[1]} 0 for training")


def test_what_is_written_stands_in_the_protocol_and_in_the_next_report(client, study, member):
    member(study, "coordinator")
    blanks = build_protocol(protocol_facts(study)).blanks
    known = study_facts(study)["reading"]["time_limit"]
    assert client.post(page(study), {"study-ethics": f" {ETHICS}\r\n", "reading-time_limit": ""}).url == page(study)
    assert stored_record(study) == {"study": {"ethics": ETHICS}}
    assert study_facts(study)["study"]["ethics"] == ETHICS
    assert study_facts(study)["reading"]["time_limit"] == known, "an empty field leaves what the site knows"
    assert len(build_protocol(protocol_facts(study)).blanks) < len(blanks)
    assert run_comparison(study=study, plan=None).results["study"]["study"]["ethics"] == ETHICS
    shown = client.get(page(study)).content.decode()
    assert "&lt;b&gt;approved" in shown
    assert "<b>approved" not in shown
    assert f"<b>The site says by itself:</b> {known}" in shown
    assert study.trail.first().deed == "changed the study's record: study.ethics"
    client.post(page(study), {"study-ethics": ETHICS})
    assert study.trail.filter(deed__startswith="changed").count() == 1, "nothing new, nothing noted"


def test_a_file_fills_fields_and_goes_back_and_forth(client, study, member, tmp_path, capsys):
    member(study, "analyst")
    store_record(study=study, texts={"study": {"funding": "A fund."}, "network": {"version": "1"}})
    text = record_file(study)
    assert client.get(reverse("benchmark:record_file", args=[study.slug])).content.decode() == text
    assert taken_from_file(SimpleUploadedFile("facts.toml", text.encode())) == stored_record(study)
    sent = {"study-funding": "A fund.", "network-version": "1"}
    file = SimpleUploadedFile("facts.json", json.dumps({"schema": "study-facts/1", "study": {"funding": "Nobody."}}).encode())
    assert client.post(page(study), sent | {"file": file}).status_code == 302
    assert stored_record(study) == {"study": {"funding": "Nobody."}, "network": {"version": "1"}}
    (tmp_path / "facts.toml").write_text('schema = "study-facts/1"\n[readers]\nincentives = "None."\n')
    call_command("study_record", study.slug, "--take", str(tmp_path / "facts.toml"), "--json")
    assert json.loads(capsys.readouterr().out)["record"]["readers"] == {"incentives": "None."}
    call_command("study_record", study.slug)
    assert 'incentives = "None."' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"nonsense", "A readable study record was needed"),
        (b'schema = "study-facts/1"\n[study]\ncolour = "red"\n', "colour"),
        (b"x" * 1_000_001, "at most 1,000,000 bytes"),
    ],
)
def test_a_file_that_is_no_record_changes_nothing(client, study, member, data, sentence):
    member(study, "coordinator")
    answer = client.post(page(study), {"study-ethics": "Lost?", "file": SimpleUploadedFile("facts.toml", data)})
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    assert "Lost?" in answer.content.decode(), "what was typed is still there"
    assert stored_record(study) == {}


def test_too_long_unknown_and_archived_are_refused(study):
    for texts, words in (
        ({"study": {"ethics": "x" * (LONGEST_TEXT + 1)}}, "Ethics approval takes at most 5,000 characters"),
        ({"study": {"colour": "red"}}, "study.colour is no field"),
    ):
        with pytest.raises(ValidationError, match=words):
            store_record(study=study, texts=texts)
    archive_study(study=study)
    study.refresh_from_db()
    with pytest.raises(ValidationError, match="archived"):
        store_record(study=study, texts={"study": {"ethics": "late"}})


def test_nobody_writes_into_an_archived_study_s_page(client, study, member):
    member(study, "coordinator")
    archive_study(study=study)
    shown = client.get(page(study))
    assert "Save the record" not in shown.content.decode()
    client.post(page(study), {"study-ethics": "late"})
    assert stored_record(study) == {}


def test_the_protocol_tells_what_readers_get_afterwards(study):
    def told() -> str:
        return next(str(chapter) for chapter in build_protocol(protocol_facts(study)).chapters if "Ethics" in chapter.title)

    assert "Readers are not told how they did." in told()
    StudyProtocol.objects.filter(study=study).update(debrief_offered=True, certificate_issuer="The <Board>")
    assert "a coordinator may release to every reader who finished" in told()
    assert "issued by The <Board>" in told()


def test_a_script_reads_the_record_adds_to_it_and_replaces_it(study, member):
    api, address = APIClient(), f"/api/records/{study.slug}/"
    api.force_authenticate(member(study, "engineer"))
    assert api.get(address).status_code == 403
    api.force_authenticate(member(study, "coordinator"))
    store_record(study=study, texts={"study": {"ethics": ETHICS}})
    told = api.patch(address, {"texts": {"readers": {"incentives": "A book."}}}, format="json").json()
    assert told["texts"] == {"study": {"ethics": ETHICS}, "readers": {"incentives": "A book."}}
    assert told["known"]["reading"]["time_limit"] == "No limit."
    assert api.put(address, {"texts": {"study": {"ethics": "No."}}}, format="json").json()["texts"] == {"study": {"ethics": "No."}}
    refused = api.put(address, {"texts": {"study": {"colour": "red"}}}, format="json")
    assert (refused.status_code, "study.colour is no field" in refused.json()["errors"][0]["detail"]) == (400, True)
    archive_study(study=study)
    assert api.patch(address, {"texts": {}}, format="json").status_code == 403
    assert api.get(address).json()["texts"] == {"study": {"ethics": "No."}}
