"""The shipped rating study in German: the same study under the same codes, and not one English word from invitation to thanks."""

import re
import tomllib
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from rest_framework.test import APIClient

from imagebank.models import Study
from surveys.models import Answer, SurveyResponse
from surveys.services import ratings_frame, sample_letter, shipped_preset
from surveys.services.rating.new_study import SHIPPED
from surveys.services.setting_up.new_study import begin_study, change_study
from surveys.services.setting_up.preset_text import preset_of, toml_text
from surveys.services.setting_up.protocol import classes_without_name, names_of_classes
from tests.surveys.rating_study import make_rating_study
from tests.surveys.study import make_study
from tests.surveys.test_languages import ENGLISH, read_words
from tests.surveys.test_new_rating import ADDRESS, signed_in
from tests.surveys.test_new_study import PRESET
from tests.surveys.test_new_study import begin as begin_from_file
from tests.surveys.test_rating import VALUES, RatingSitting
from tests.surveys.test_rating_tones import fill

WORDS = {"title", "summary", "singular", "plural", "heading", "one", "many", "prompt", "hint", "low", "high", "none", "label"}
OTHER_ENGLISH = re.compile(
    r"\b(real|generated|which|how|cannot|nothing|anything|none|specialty|dermatology|years|pairs?|strips?|grids?|not sure|left)\b",
    re.IGNORECASE,
)


def told(preset: dict) -> dict:
    return tomllib.loads(shipped_preset(preset).read_text(encoding="utf-8"))


def without_words(part, name=""):
    """A preset's part with words replaced by whether there are any; choices of questions about the reader are words."""
    if isinstance(part, dict):
        return {key: without_words(value, key) for key, value in part.items() if key not in ("language", "many", "classes")}
    if isinstance(part, list):
        return [bool(row) if name == "choices" and isinstance(row, str) else without_words(row) for row in part]
    return bool(part) if isinstance(part, str) and (name in WORDS or len(part) > 40) else part


def words_in(part, name="") -> list[str]:
    """Every text of a preset that a rater sees, choices of questions about the rater among them."""
    if isinstance(part, dict):
        return [word for key, value in part.items() if key != "classes" for word in words_in(value, name if name == "texts" else key)]
    if isinstance(part, list):
        return [row for row in part if name == "choices" and isinstance(row, str)] + [word for row in part for word in words_in(row)]
    return [part] if name in (*WORDS, "texts") and isinstance(part, str) else []


@pytest.mark.parametrize("language", [code for code in SHIPPED if code != "en"])
def test_every_shipped_language_is_the_same_study_in_other_words(language):
    english, other = told("en"), told(language)
    texts = other.pop("texts")
    assert set(texts) == set(english.pop("texts"))
    assert other["study"]["language"] == language
    assert without_words(other) == without_words(english)
    assert len(words_in(english)) >= 70
    assert set(words_in(other)) & set(words_in(english)) == set(), "no text was left as it was"
    words = [row["prompt"] for row in other["questions"]] + list(texts.values()) + [other["study"]["title"]]
    assert not [word for word in words if ENGLISH.search(word)]
    places = lambda preset: [row["prompt"].count("{label}") for row in preset["questions"]]  # noqa: E731
    assert places(other) == places(english)
    founding = tomllib.loads((shipped_preset("en").parents[1] / "founding" / "study.toml").read_text(encoding="utf-8"))
    assert all(row["names"][language] for row in founding["classes"])


def test_a_language_that_is_not_shipped_is_refused_in_a_sentence():
    with pytest.raises(ValidationError, match=r"written in en, de; 'fr' is asked for\. Give a study\.toml of your own\."):
        shipped_preset("fr")


@pytest.mark.django_db
def test_a_whole_rating_in_german_holds_no_english_word(client):
    study = make_rating_study(preset=shipped_preset("de"))
    study.classes.filter(code="ZQA").update(name="Eins")
    assert study.protocol.language == "de"
    sitting = RatingSitting(client, study)
    pages = []

    def got(response):
        assert response.status_code == 200
        pages.append(response.content.decode())
        return pages[-1]

    for name in ("landing", "consent", "about", "instructions"):
        got(sitting.get(name))
        if name == "about":
            assert "Bitte beantworten Sie diese Frage." in sitting.post(name, {"specialty": ""}).content.decode()
        sitting.post(name, {"specialty": "Dermatologie"} if name == "about" else {})
    assert "Nur zur Übung" in got(sitting.get("practice"))
    sitting.post("practice")
    headings = ("Bilder, 1 von", "Bildpaare, 1 von", "Bildreihen, 1 von", "Bildtafeln, 1 von")
    for position, heading in enumerate(headings, start=1):
        page = got(sitting.get("block", position=position))
        assert heading in page
        data = sitting.page_data(position)
        for item in data["items"]:
            events = [{"id": str(uuid4()), "type": "shown", "item": item["id"]}]
            events += [{"id": str(uuid4()), "type": "answer", "item": item["id"], "question": question["code"],
                        "value": VALUES[question["code"]], "rt_ms": 900}
                       for question in data["questions"] if question["code"] != "plausibility" or item["label"]]  # fmt: skip
            assert sitting.send(*events)["refused"] == []
        got(sitting.get("block", "?image=end", position=position))
        sitting.post("seal", position=position)
        if position < len(headings):
            got(sitting.get("break", position=position + 1))
            sitting.post("break", position=position + 1)
    assert "Die Ergebnisse werden" in got(sitting.get("thanks"))
    got(sitting.get("landing"))
    assert len(pages) == 4 + 1 + 8 + 3 + 2
    for page in pages:
        assert '<html lang="de">' in page
        words = read_words(page.replace("Real or generated?", ""))
        assert ENGLISH.findall(words) == [], words
        assert OTHER_ENGLISH.findall(words) == [], words
    assert SurveyResponse.objects.get().completed_at
    assert set(ratings_frame(study=study)["question"]) == set(VALUES), "codes are the same in every language"


@pytest.mark.django_db
def test_the_letter_of_a_german_rating_study_is_german():
    study = make_rating_study(preset=shipped_preset("de"))
    letter = sample_letter(group=study.reader_groups.get(), kind="invitation")
    assert "Sie sind eingeladen, Bilder zu beurteilen" in letter.body
    words = re.sub(r"Real or generated\?|http\S+", "", f"{letter.subject} {letter.body}")
    assert ENGLISH.findall(words) == [], words


@pytest.fixture
def bank():
    study = make_study("bank")
    study.classes.filter(code="ZQA").update(name="Neurofibromatosis type 1", names={"de": "Neurofibromatose Typ 1"})
    fill(study, real=[1, 4, 7, 10], made=[1, 4, 7, 7])
    return study


DRAWN = {"slug": "echt", "view": "focused", "singles": 4, "pairs": 0, "practice": 1, "raters": 6, "seed": 2}


@pytest.mark.django_db
def test_page_command_and_api_begin_a_german_rating_study_with_its_classes_named(client, bank, capsys):
    page = signed_in(client, bank).get(ADDRESS).content.decode()
    assert '<option value="de">Deutsch</option>' in page
    drawn = client.post(ADDRESS, DRAWN | {"language": "de"}, follow=True).content.decode()
    assert f"in the words of the images’ study: {bank.classes.get(code='ZQB').name}" in drawn
    call_command("create_rating_study", "zwei", "--from", "bank", "--singles", "4", "--raters", "6", "--seed", "2", "--language", "de")
    assert "Warning: Raters read these classes in the words of the images’ study" in capsys.readouterr().out
    api = APIClient()
    api.force_authenticate(bank.members.get().user)
    sent = DRAWN | {"sources": ["bank"]}
    third = api.post("/api/rating-studies/", sent | {"slug": "drei", "language": "de"}, format="json")
    assert third.status_code == 201
    assert "in the words of the images’ study" in third.json()["warnings"][-1]
    text = shipped_preset("de").read_text(encoding="utf-8")
    assert api.post("/api/rating-studies/", sent | {"slug": "vier", "preset": text}, format="json").status_code == 201
    other = api.post("/api/rating-studies/", sent | {"slug": "drei", "language": "en"}, format="json")
    assert "asks its raters in the language de, not en" in other.content.decode()
    refused = api.post("/api/rating-studies/", sent | {"slug": "x", "preset": "no toml"}, format="json")
    assert refused.status_code == 400
    assert "study.toml is not valid TOML" in refused.content.decode()
    assert api.post("/api/rating-studies/", sent | {"slug": "x", "language": "fr"}, format="json").status_code == 400
    for study in Study.objects.exclude(slug="bank"):
        assert study.title == "Echt oder künstlich? Klinisch Tätige beurteilen Hautbilder"
        assert study.protocol.language == "de"
        assert study.classes.get(code="ZQA").name == "Neurofibromatose Typ 1"
        assert study.classes.get(code="ZQB").name == bank.classes.get(code="ZQB").name, "what is not named keeps its name"


SAID = 'original = "Neurofibromatosis type 1"\n'


@pytest.mark.django_db
def test_a_rating_study_begins_with_questions_of_ones_own_and_keeps_its_words_until_the_first_answer(client, bank):
    own = shipped_preset("de").read_text(encoding="utf-8").replace("Wie realistisch wirkt es?", "Wie wirkt es?")
    own = own.replace("[stimuli.single]", f'[[classes]]\n{SAID}name = "Neurofibromatose Typ 1"\n\n[stimuli.single]')
    bank.classes.update(names={})
    bad = SimpleUploadedFile("study.toml", own.replace(SAID, "").encode())
    refused = signed_in(client, bank).post(ADDRESS, DRAWN | {"preset": bad})
    assert refused.status_code == 422
    assert "class 1 of a rating study needs a name and either the code" in refused.content.decode()
    assert client.post(ADDRESS, DRAWN | {"preset": SimpleUploadedFile("study.toml", own.encode())}).status_code == 302
    study = Study.objects.get(slug="echt")
    asked = lambda: {row["code"]: row["prompt"] for row in Study.objects.get(slug="echt").protocol.questions}  # noqa: E731
    assert asked()["realism"] == "Wie wirkt es?"
    given = client.get("/studies/echt/study.toml").content.decode()
    changed = given.replace("Wie wirkt es?", "Wie echt wirkt es?").replace("Neurofibromatose Typ 1", "NF1")
    answer = client.post("/studies/echt/set-up/", {"preset": SimpleUploadedFile("study.toml", changed.encode())})
    assert answer.status_code == 302, answer.content.decode()
    study = Study.objects.get(slug="echt")
    assert asked()["realism"] == "Wie echt wirkt es?"
    assert study.classes.get(code="ZQA").name == "NF1"
    assert toml_text(preset_of(study)) == changed, "and it comes back as it was given"
    for before, after, why in (
        ("repeats = 0.08", "repeats = 0.5", "how stimuli are shared out"),
        ("[stimuli.single]", "[stimuli.grid]", "lacks the table stimuli.single; add it"),
    ):
        with pytest.raises(ValidationError, match=why):
            change_study(study=study, preset=changed.replace(before, after).encode())
    assert toml_text(preset_of(Study.objects.get(slug="echt"))) == changed
    assert not Answer.objects.exists()


@pytest.mark.django_db
def test_a_study_says_by_language_what_its_classes_are_called():
    """Whatever it is about: said in its study.toml, changed by it at any time, and given back with it."""
    user = User.objects.create_superuser("root", password="a-long-password")
    named = PRESET.replace(b'name = "First"', 'name = "First"\nnames = { de = "Erste", fr = "Première" }'.encode())
    study = begin_study(slug="own", title="", preset=named, user=user)
    first = study.classes.get(code="A")
    assert first.names == {"de": "Erste", "fr": "Première"}
    assert [names_of_classes(shipped_preset(code))(first) for code in ("de", "en")] == ["Erste", "First"]
    assert [classes_without_name(sources=[study], path=shipped_preset(code)) for code in ("de", "en")] == [["Second"], []]
    assert preset_of(study)["classes"][0] == {"code": "A", "name": "First", "names": {"de": "Erste", "fr": "Première"}}
    change_study(study=study, preset=PRESET)
    assert study.classes.get(code="A").names == first.names, "a file that says nothing of them changes nothing"
    change_study(study=study, preset=named.replace(b"Erste", b"Eins"))
    assert study.classes.get(code="A").names["de"] == "Eins"
    for wrong in (b'names = "Erste"', b'names = { xx = "Erste" }', b'names = { de = "" }', b"names = { de = 1 }"):
        with pytest.raises(ValidationError, match="The names of the class A stand by codes of languages"):
            change_study(study=study, preset=PRESET.replace(b'name = "First"', b'name = "First"\n' + wrong))


@pytest.mark.django_db
def test_the_file_of_a_rating_study_is_sent_where_it_belongs(admin_client):
    page = admin_client.get("/new-study/").content.decode()
    assert 'value="founding"' in page
    assert 'value="realism"' not in page
    answer = begin_from_file(admin_client, preset=SimpleUploadedFile("study.toml", shipped_preset("de").read_bytes()))
    assert answer.status_code == 400
    assert "begins with published pictures" in answer.content.decode()
    assert Study.objects.count() == 0
