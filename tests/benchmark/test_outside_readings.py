"""Answers of other programs come in by a page: looked at first, then whole or not at all."""

import os
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from benchmark.core.imports.draft import draft_map
from benchmark.services import outside_readings
from imagebank.models import Membership
from surveys.models import ImportedReading, Reader, ReaderGroup
from surveys.services import archive_study
from tests.surveys.study import make_study

pytestmark = pytest.mark.django_db
PAGE = "/studies/small/readings/import/"
HEADER = "EndDate,Status,Finished,ResponseId,Specialty,foc_case-ZQA-0,foc_case-ZQB-0,pan_case-ZQA-0,pan_case-ZQB-0,foc_case-ZQA-0_time\n"
QUALTRICS = (
    HEADER
    + '"End Date","Status","Finished","Response ID","What are you?","Which?","Which?","Which?","Which?","Timing"\n'
    + ",".join(['"{""ImportId"":""q""}"'] * 10) + "\n"
    + "2026-11-01 08:00:00,IP Address,True,R_1,Geneticist,Azurosis,Brunosis,Azurosis,,3.5\n"
    + "2026-11-01 09:00:00,IP Address,True,R_2,Pediatrician,Cyanosis,Brunosis,Azurosis,Azurosis,2\n"
    + "2026-11-01 09:30:00,IP Address,False,R_3,Pediatrician,,,,,\n"
)  # fmt: skip
READINGS = "reader,group,item,truth,answer,view,simulated\nA1,doctors,case-ZQA-0,ZQA,ZQB,focused,\nA2,doctors,case-ZQA-0,ZQA,,focused,yes\n"


@pytest.fixture
def study(db):
    return make_study()


@pytest.fixture
def coordinator(client, study):
    user = User.objects.create_user("cora")
    Membership.objects.create(study=study, user=user, role="coordinator")
    client.force_login(user)
    return client


def upload(client, text, name="export.csv", **more):
    data = text if isinstance(text, bytes) else text.encode()
    return client.post(PAGE, {"export": SimpleUploadedFile(name, data), **more})


def press(client, answer, **more):
    context = answer.context
    return client.post(PAGE, {"token": context["token"], "map": context["map"], **more})


def kept() -> list[Path]:
    return list((Path(settings.VAR_DIR) / "uploads").glob("*.export"))


def test_a_qualtrics_export_is_understood_looked_at_and_brought_in(coordinator, study):
    for code in ("geneticist", "pediatrician"):
        ReaderGroup.objects.create(
            study=study, code=code, singular=code, plural=f"{code}s", prefix=code[0].upper(), position=ord(code[0])
        )
    seen = upload(coordinator, QUALTRICS)
    page = seen.content.decode()
    assert seen.status_code == 200, page
    found = seen.context["found"]
    assert (found.readings, found.answered, found.items) == (8, 7, 2)
    assert dict(found.groups) == {"geneticist": 1, "pediatrician": 1}
    assert dict(found.views) == {"focused": 4, "panoramic": 4}
    assert "1 row left out" in page
    assert not ImportedReading.objects.exists(), "looking stores nothing"
    assert not Reader.objects.exists()
    done = press(coordinator, seen, **{"import": "yes"})
    assert done.url == reverse("benchmark:comparison_list", args=["small"])
    assert ImportedReading.objects.count() == 8
    reading = ImportedReading.objects.get(reader__code="R_1", item__code="case-ZQA-0", view="focused")
    assert (reading.chosen.code, reading.rt_ms) == ("ZQA", 3500)
    assert study.trail.get().deed == "8 readings imported from a file"
    assert study.trail.get().by_name == "cora"
    assert not kept(), "the file is gone once it is in"
    again = upload(coordinator, QUALTRICS)
    assert "are here already" in again.content.decode()


def test_a_bad_cell_is_told_by_its_line_and_nothing_comes_in(coordinator):
    wrong = QUALTRICS.replace("Cyanosis", "Cyanosos")
    page = upload(coordinator, wrong)
    assert page.status_code == 422
    text = page.content.decode()
    assert "line 5, column &quot;foc_case-ZQA-0&quot;" in text
    assert "Cyanosos" in text
    assert "<textarea" in text, "the map is there to be mended"
    mended = page.context["map"].replace('"Azurosis" = "ZQA"', '"Cyanosos" = "ZQC", "Azurosis" = "ZQA"')
    seen = coordinator.post(PAGE, {"token": page.context["token"], "map": mended})
    assert seen.context["found"].readings == 8
    assert not ImportedReading.objects.exists()


def test_redcap_and_numbers_are_drafted_with_a_word_of_warning(coordinator):
    text = "record_id,group,foc_case_zqa_0,foc_case_zqb_0\n1,doctors,1,2\n2,doctors,3,2\n"
    draft = draft_map(
        text.encode(), items=["case_ZQA_0", "case_ZQB_0"], views=["focused"], classes={"ZQA": "A", "ZQB": "B", "ZQC": "C"}, groups={}
    )
    assert draft.kind == "redcap"
    assert 'answer = "foc_{item}"' in draft.text
    assert '"3" = "ZQC"' in draft.text
    assert any("Check answers.labels" in note for note in draft.notes)


CLASSES = {"ZQA": "Azurosis", "ZQB": "Brunosis", "ZQC": "Cyanosis"}


def drafted(header: str, row: str, *, views=("photo",)):
    items = ["case-ZQA-0", "case-ZQB-0"]
    return draft_map(f"{header}\n{row}\n".encode(), items=items, views=list(views), classes=CLASSES, groups={})


@pytest.mark.parametrize(
    ("ending", "field"),
    [("_again", "assisted_answer"), ("_with_ai", "assisted_answer"), ("_second", "assisted_answer"), ("_dx_after", "assisted_answer"),
     ("_again_time", "assisted_rt_s"), ("_again_ms", "assisted_rt_ms"), ("_asked_again", "asked_again"), ("_ai", "assistant_answer"),
     ("_network_said", "assistant_answer"), ("_assistant", "assistant"), ("_assistant_answer", "assistant_answer")],
)  # fmt: skip
def test_columns_of_second_answers_are_known_by_their_words(ending, field):
    both = "reader,group,case-ZQA-0_alone,case-ZQA-0_again2_assisted" if field != "assisted_answer" else "reader,group,case-ZQA-0_alone"
    draft = drafted(f"{both},case-ZQA-0{ending}", "r,g,Azurosis,Azurosis,Azurosis")
    assert f'{field} = "{{item}}{ending}"' in draft.text
    assert 'answer = "{item}_alone"' in draft.text
    assert any(note.startswith("Check the second answers: ") for note in draft.notes)


@pytest.mark.parametrize(
    ("header", "answer"),
    [
        ("case-ZQA-0_without_ai,case-ZQB-0_without_ai", "{item}_without_ai"),  # the first answer of somebody who never saw any
        ("second_case-ZQA-0,second_case-ZQB-0", "second_{item}"),  # there is nothing else that could be the first answer
        ("case-ZQA-0_dx,case-ZQB-0_dx,case-ZQA-0_ai,case-ZQB-0_ai", ""),  # a network's answers that nobody answered after
    ],
)
def test_what_may_be_no_second_answer_is_not_taken_for_one(header, answer):
    draft = drafted(f"reader,group,{header}", "r,g,Azurosis,Brunosis,Azurosis,Brunosis")
    assert "assist" not in draft.text
    assert f'answer = "{answer}' in draft.text


def test_a_view_called_like_a_second_answer_is_a_view():
    draft = drafted("reader,group,before_case-ZQA-0,after_case-ZQA-0", "r,g,Azurosis,Brunosis", views=("before", "after"))
    assert 'answer = "{view}_{item}"' in draft.text
    assert "assisted" not in draft.text


def test_second_answers_come_in_by_the_map_that_was_guessed(coordinator, study):
    """Both views, times and the network's answers; the network's name is put right before the press."""
    ends = ("alone", "again", "again_time", "ai")
    names = [f"{view}_case-ZQA-0_{end}" for view in ("foc", "pan") for end in ends]
    cells = ["Azurosis", "Brunosis", "2.5", "Brunosis", "Cyanosis", "Azurosis", "4", "Azurosis"]
    seen = upload(coordinator, f"reader,group,{','.join(names)}\np1,surgeons,{','.join(cells)}\n")
    assert seen.status_code == 200, seen.content.decode()
    assert seen.context["found"].readings == 2
    page = seen.content.decode()
    assert "Check the second answers" in page
    mended = seen.context["map"].replace('assistant_is = "network"', 'assistant_is = "Net 1"')
    coordinator.post(PAGE, {"token": seen.context["token"], "map": mended, "import": "yes"})
    reading = ImportedReading.objects.get(view="focused")
    assert reading.chosen.code == "ZQA"
    assert reading.second_answer == {"assistant": "Net 1", "assistant_answer": "ZQB", "assisted_answer": "ZQB", "assisted_rt_ms": 2500.0}
    assert ImportedReading.objects.get(view="panoramic").second_answer["assisted_answer"] == "ZQA"


def test_without_the_networks_answers_the_map_waits_for_them(coordinator):
    text = "reader,group,case-ZQA-0,case-ZQA-0_with_ai\np1,surgeons,Azurosis,Brunosis\n"
    page = upload(coordinator, text)
    assert page.status_code == 422
    assert "a table [assisted.answers], is needed" in page.content.decode()
    mended = page.context["map"] + '"case-ZQA-0" = "ZQB"\n'
    seen = coordinator.post(PAGE, {"token": page.context["token"], "map": mended})
    assert seen.context["found"].readings == 1, seen.content.decode()


def test_a_long_table_of_second_answers_is_known_by_its_columns(coordinator):
    header = "participant,specialty,case,diagnosis,view,assistant,ai_diagnosis,diagnosis_with_ai"
    draft = drafted(header, "p1,surgeons,case-ZQA-0,Azurosis,focused,Net,Brunosis,Brunosis")
    for line in ('answer = "diagnosis"', 'assistant = "assistant"', 'assistant_answer = "ai_diagnosis"', 'assisted_answer = "diagnosis_with_ai"'):
        assert line in draft.text
    assert "[assisted]" not in draft.text


def test_columns_called_like_items_alone_are_told_from_the_readers(coordinator):
    """ "{item}" would fit the reader's own column, too."""
    seen = upload(coordinator, "reader,group,case-ZQA-0,case-ZQB-0\np1,surgeons,Azurosis,Brunosis\n")
    assert seen.context["found"].readings == 2, seen.content.decode()


def test_a_long_table_needs_no_pattern(coordinator):
    seen = upload(coordinator, "participant,specialty,case,diagnosis,view\np1,surgeons,case-ZQA-0,Azurosis,focused\n")
    assert seen.context["found"].readings == 1, seen.content.decode()
    press(coordinator, seen, **{"import": "yes"})
    assert ImportedReading.objects.get().chosen.code == "ZQA"


def test_readings_csv_comes_in_as_it_is_and_simulated_stays_simulated(coordinator, study):
    seen = upload(coordinator, READINGS)
    assert "1 simulated" in seen.content.decode()
    press(coordinator, seen, **{"import": "yes"})
    assert list(Reader.objects.order_by("code").values_list("code", "simulated")) == [("A1", False), ("A2", True)]
    other = upload(coordinator, READINGS.replace("A2,doctors,case-ZQA-0,ZQA,,focused,yes", "A2,doctors,case-ZQB-0,ZQB,,focused,"))
    assert "already a reader of the group doctors, kind human, simulated" in other.content.decode()


def test_a_group_in_words_gets_a_code_that_addresses_take(coordinator, study):
    seen = upload(coordinator, READINGS.replace("doctors", "Ärzte im 1. Jahr"))
    press(coordinator, seen, **{"import": "yes"})
    assert ReaderGroup.objects.get().code == "arzte-im-1-jahr"
    assert coordinator.get("/studies/small/surveys/recruitment/").status_code == 200


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"PK\x03\x04rest", "is a damaged workbook"),
        ("reader;group\na;b\n".encode("utf-16-le"), "UTF-16 without its mark"),
        ("name,größe\n".encode() + b"a,\xff\n", "UTF-8, but line 2"),
        (b"reader\n1\n", "Columns parted by commas"),
        (b"reader,group;item\na,b;c\n", "as many commas as semicolons"),
        (b"reader,group\n", "at least one row"),
        (b"", "empty"),
        (b'a,b\n"' + b"x" * 200_000 + b'",1\n', "is not a well-formed CSV"),
        (b"a,b\n1,2\n", "item"),
        (READINGS.replace("A1", "A" * 90).encode(), "longer than 80"),
        (READINGS.replace("A1", "A\x00").encode(), "control character"),
        (READINGS.replace("ZQA,ZQB", "ZQC,ZQB").encode(), "reference class"),
        (READINGS.replace("case-ZQA-0", "=HYPERLINK()").encode(), "no item"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_in_a_sentence(coordinator, data, why):
    answer = upload(coordinator, data)
    assert answer.status_code == 422
    assert why in answer.content.decode().split("<main")[1], answer.context.get("problems")
    assert not ImportedReading.objects.exists()


def test_a_file_too_large_and_a_map_that_is_none_are_refused(coordinator, monkeypatch):
    bad = upload(coordinator, QUALTRICS, map=SimpleUploadedFile("map.toml", b"\xff\xfe"))
    assert "must be UTF-8 text" in bad.content.decode()
    bad = upload(coordinator, QUALTRICS, map=SimpleUploadedFile("map.toml", b"nonsense"))
    assert "could not be read" in bad.content.decode()
    monkeypatch.setattr(outside_readings, "MOST_READINGS", 7)
    assert "7 readings may come in here at once; the file has 8." in upload(coordinator, QUALTRICS).content.decode()
    monkeypatch.setattr(outside_readings, "LARGEST_EXPORT", 10)
    assert "An export may have" in upload(coordinator, QUALTRICS).content.decode()


def test_a_formula_that_came_in_leaves_as_text(coordinator):
    seen = upload(coordinator, READINGS.replace("A1", "=1+1"))
    press(coordinator, seen, **{"import": "yes"})
    assert "\n'=1+1,doctors" in coordinator.get("/studies/small/surveys/readings.csv").content.decode()


def test_a_token_opens_only_ones_own_upload_to_ones_own_study(coordinator, client, study):
    seen = upload(coordinator, READINGS)
    token = seen.context["token"]
    other = make_study("other")
    user = User.objects.create_user("otto")
    Membership.objects.create(study=other, user=user, role="coordinator")
    client.force_login(user)
    answer = client.post("/studies/other/readings/import/", {"token": token, "import": "yes"})
    assert "no longer there" in answer.content.decode()
    forged = client.post("/studies/other/readings/import/", {"token": "x" + token, "import": "yes"})
    assert "no longer there" in forged.content.decode()
    assert not ImportedReading.objects.exists()


def test_an_upload_that_nobody_came_back_to_is_removed_after_a_day(coordinator):
    upload(coordinator, READINGS)
    old = kept()[0]
    os.utime(old, (time.time() - 25 * 3600,) * 2)
    upload(coordinator, QUALTRICS)
    assert not old.exists()


@pytest.mark.parametrize("role", ["analyst", "engineer", "reviewer"])
def test_only_the_coordinator_brings_answers_in(client, study, role):
    user = User.objects.create_user(role)
    Membership.objects.create(study=study, user=user, role=role)
    client.force_login(user)
    assert client.get(PAGE).status_code == 403
    assert upload(client, READINGS).status_code == 403


def test_without_images_the_page_says_what_to_do_first(client):
    make_study("small", per_class=0)
    client.force_login(User.objects.create_superuser("root"))
    assert "No images yet" in client.get(PAGE).content.decode()


API = "/api/readings/import/"


@pytest.fixture
def program(study):
    """`program("analyst")` is an API client of somebody with that role in the study, or with none."""

    def sign_in(role: str | None = "coordinator") -> APIClient:
        user = User.objects.create_user(f"program-{role}")
        if role:
            Membership.objects.create(study=study, user=user, role=role)
        api = APIClient()
        api.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.create(user=user).key}")
        return api

    return sign_in


def send(api, text, **more):
    data = text if isinstance(text, bytes) else text.encode()
    return api.post(API, {"study": "small", "export": SimpleUploadedFile("export.csv", data), **more}, format="multipart")


def told(answer) -> list[str]:
    return [error["detail"] for error in answer.json()["errors"]]


def test_a_program_tries_an_export_and_brings_it_in_by_the_map_it_was_given(program, study):
    api, before = program(), kept()
    guessed = send(api, QUALTRICS)
    assert guessed.status_code == 400
    assert told(guessed)[0].startswith("This table needs a map.toml that says which column is what; none was sent.")
    tried = send(api, QUALTRICS, trial=True)
    assert tried.status_code == 200, tried.content
    seen = tried.json()
    assert (seen["created"], seen["readings"], seen["answered"], seen["items"]) == (8, 8, 7, 2)
    assert sum(seen["readers"].values()) == 2
    assert seen["views"] == {"focused": 4, "panoramic": 4}
    assert any("1 row left out" in note for note in seen["notes"])
    assert not ImportedReading.objects.exists(), "a trial stores nothing"
    chart = SimpleUploadedFile("map.toml", seen["map"].encode())
    done = send(api, QUALTRICS, map=chart)
    assert done.status_code == 201, done.content
    assert ImportedReading.objects.count() == done.json()["created"] == 8
    assert (study.trail.get().deed, study.trail.get().by_name) == ("8 readings imported from a file", "program-coordinator")
    chart.seek(0)
    again = send(api, QUALTRICS, map=chart).json()
    assert (again["created"], again["unchanged"]) == (0, 8)
    assert set(kept()) == set(before), "nothing of an upload stays"


def test_a_readings_csv_needs_no_map_and_simulated_stays_simulated(program):
    done = send(program(), READINGS)
    assert done.status_code == 201, done.content
    assert (done.json()["simulated"], done.json()["map"]) == (1, "")
    assert list(Reader.objects.order_by("code").values_list("code", "simulated")) == [("A1", False), ("A2", True)]


def test_a_program_is_refused_in_the_words_of_the_page(program, monkeypatch):
    api, before = program(), kept()
    bad = READINGS.replace("ZQA,ZQB", "ZQC,ZQB")
    refused = send(api, bad)
    assert refused.status_code == 400
    assert "reference class" in " ".join(told(refused))
    assert "is a damaged workbook" in told(send(api, b"PK\x03\x04rest"))[0]
    assert "must be UTF-8 text" in told(send(api, QUALTRICS, map=SimpleUploadedFile("map.toml", b"\xff")))[0]
    monkeypatch.setattr(outside_readings, "SHOWN_PROBLEMS", 1)
    assert told(send(api, QUALTRICS.replace("Cyanosis", "Cyanosos"), trial=True))[1].endswith("more.")
    monkeypatch.setattr(outside_readings, "MOST_READINGS", 1)
    assert "1 readings may come in here at once; the file has 2." in told(send(api, READINGS))[0]
    monkeypatch.setattr(outside_readings, "LARGEST_EXPORT", 10)
    assert "An export may have" in told(send(api, READINGS))[0]
    assert not ImportedReading.objects.exists()
    assert set(kept()) == set(before)


@pytest.mark.parametrize(("role", "status"), [("analyst", 403), ("engineer", 403), ("reviewer", 403), (None, 404)])
def test_only_a_coordinators_program_brings_answers_in(program, role, status):
    assert send(program(role), READINGS).status_code == status
    assert send(APIClient(), READINGS).status_code == 401
    assert not ImportedReading.objects.exists()


def test_an_archived_study_takes_no_answers_from_a_program(program, study):
    api = program()
    archive_study(study=study)
    for trial in (True, False):
        refused = send(api, READINGS, trial=trial)
        assert refused.status_code == 403
        assert "archived" in told(refused)[0]
