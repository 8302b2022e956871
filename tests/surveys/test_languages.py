"""What readers are told, in their language: nothing is left out, and what is committed compiled belongs to what is written."""

import ast
import gettext
import re
from pathlib import Path
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils.translation import override, templatize

from surveys.languages import TRANSLATED, clean_language, language_of_words
from surveys.models import StudyProtocol
from surveys.reading.context import counted, words_for
from surveys.reading.words import script_words
from surveys.services import invite, revoke_invitation
from surveys.services.setting_up.default_words import default_texts
from tests.surveys.rating_study import make_rating_study
from tests.surveys.study import group, make_surveyed_study, survey
from tests.surveys.test_rating import RatingSitting
from tests.surveys.test_reading_pages import Sitting, to_first_block

ROOT = Path(__file__).resolve().parents[2]
LOCALE = ROOT / "surveys" / "locale"
TEMPLATES = sorted((ROOT / "templates" / "surveys").rglob("*.html"))
CALLS = {"_": (0,), "gettext": (0,), "gettext_noop": (0,), "gettext_lazy": (0,), "ngettext": (0, 1), "pgettext": (1,)}
LANGUAGES = [code for code in TRANSLATED if code != "en"]


def strings_in(source: str) -> set[str]:
    """Every literal that is handed to a function of translation."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        name = getattr(getattr(node, "func", None), "id", "")
        for place in CALLS.get(name, ()):
            if place < len(node.args) and isinstance(node.args[place], ast.Constant):
                found.add(node.args[place].value)
    return found


def marked_strings() -> set[str]:
    """What is marked for translation in the reading pages' templates and in the surveys' code."""
    found = set().union(*(strings_in(path.read_text()) for path in (ROOT / "surveys").rglob("*.py")))
    for path in TEMPLATES:
        calls = re.findall(r"p?n?gettext\(.*?\)(?=\s)|_\(.*?\)(?=\s)", templatize(path.read_text()) + " ", flags=re.DOTALL)
        found |= set().union(*(strings_in(call.strip()) for call in calls)) if calls else set()
    return found


def written(language: str) -> dict[str, list[str]]:
    """The translations in the .po: by the original, one for every plural form."""
    text = (LOCALE / language / "LC_MESSAGES" / "django.po").read_text()
    entry = r'msgid "(.*)"\n(?:msgid_plural "(.*)"\n)?((?:msgstr.* ".*"\n?)+)'
    unquoted = lambda said: ast.literal_eval(f'"{said}"')  # noqa: E731
    return {
        unquoted(name): [unquoted(said) for said in re.findall(r'msgstr.*? "(.*)"', said)]
        for original, plural, said in re.findall(entry, text)
        for name in filter(None, (original, plural))
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_marked_string_has_a_translation_and_none_is_left_over(language):
    assert len(marked_strings()) > 120
    translations = written(language)
    assert marked_strings() - set(translations) == set()
    assert set(translations) - marked_strings() == set()
    assert not [original for original, said in translations.items() if not all(said)]
    assert "fuzzy" not in (LOCALE / language / "LC_MESSAGES" / "django.po").read_text()


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_are_those_of_the_original(language):
    places = lambda text: sorted(re.findall(r"%\(\w+\)s|\{\w+\}", text))  # noqa: E731
    wrong = {original: said for original, said in written(language).items()
             if any(places(one) != places(original) for one in said)}  # fmt: skip
    assert not wrong


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_words_belong_to_the_written_ones(language):
    """A fresh machine has no msgfmt, so the compiled file is committed."""
    with (LOCALE / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
        catalogue = gettext.GNUTranslations(file)._catalog
    compiled = {}
    for name, said in catalogue.items():
        original = name[0] if isinstance(name, tuple) else name
        compiled.setdefault(original.rpartition("\x04")[2], []).append(said)
    compiled.pop("")
    plurals = {
        "%(count)s %(view)s images", "%(cases)s images", "and read %(number)s images on %(day)s.",
        "and read %(number)s images, from %(began)s to %(finished)s.",
        "%(number)s images are not counted, because they were taken out afterwards or have no certain answer.",
    }  # fmt: skip
    assert compiled == {name: said for name, said in written(language).items() if name not in plurals}


def test_templates_of_readers_hold_no_words_that_are_not_marked():
    staff = {
        "_head", "_letter", "_picture", "_post", "_preview_bar", "_seat_grid", "_set_up_field", "_set_up_fields", "certificate", "delete",
        "describe", "end", "erase", "exports", "invite_list", "invited", "letters", "new_rating", "new_study", "overview",
        "preview", "readers", "recruitment", "seat", "set_up", "withdraw",
    }  # fmt: skip
    bare = []
    for path in TEMPLATES:
        text = path.read_text()
        if path.stem in staff or "{% extends \"base.html\" %}" in text or "surveys/_head.html" in text:
            continue
        text = re.sub(r"{% blocktranslate.*?{% endblocktranslate %}", "", text, flags=re.DOTALL)
        text = re.sub(r"{% block body_class %}.*?{% endblock %}|&\w+;", "", text)
        text = re.sub(r'<p class="quiet" lang="en">.*?</p>', "", text)  # the preview's own words, for coordinators
        text = re.sub(r"{%.*?%}|{{.*?}}|{#.*?#}", "", text, flags=re.DOTALL)
        attributes = re.findall(r'(?:aria-label|alt|title|placeholder|aria-valuetext)="([^"]*)"', text)
        words = re.sub(r"<script.*?</script>|<[^>]*>", "", text, flags=re.DOTALL)
        bare += [f"{path.name}: {word}" for word in re.findall(r"[A-Za-z]{3,}", " ".join([words, *attributes]))]
    assert bare == []


def test_a_language_without_words_of_ours_is_addressed_in_english_around_its_own_texts():
    assert language_of_words(StudyProtocol(language="de")) == "de"
    assert language_of_words(StudyProtocol(language="de-ch")) == "de"
    assert language_of_words(StudyProtocol(language="fr")) == "en"
    assert clean_language("fr") == "fr"
    with pytest.raises(Exception, match="code of a language"):
        clean_language("english")


GERMAN = {
    "language": "de", "landing_text": "Bitte lesen Sie sechs Fälle.", "consent_text": "Die Teilnahme ist freiwillig.",
    "instructions_text": "Wählen Sie eines.", "practice_text": "Nur zur Übung.", "break_text": "Die Hälfte ist geschafft.",
    "thanks_text": "Alles gespeichert.", "question": "Welche Erkrankung ist am besten zu sehen?",
}  # fmt: skip
ENGLISH = re.compile(
    r"\b(the|and|your|you|this|image|images|question|answer|answers|next|back|start|continue|begin|please|saved?|part|finished)\b",
    re.IGNORECASE,
)


def read_words(body: str) -> str:
    """What stands on a page for a person, without the study's English title, names of classes and markup."""
    main = re.sub(r"<title>.*?</title>|<script.*?</script>|<style.*?</style>", "", body, flags=re.DOTALL)
    said = " ".join(re.findall(r'(?:aria-label|alt|aria-valuetext|data-last)="([^"]*)"', main))
    return re.sub(r"<[^>]*>", " ", main).replace("A small study", "") + said


@pytest.mark.django_db
def test_a_whole_sitting_in_german_holds_no_english_word(client):
    study = make_surveyed_study(**GERMAN)
    study.views = [{"code": "focused", "label": "Ausschnitt"}, {"code": "panoramic", "label": "Übersicht"}]
    study.save()
    sitting = Sitting(client, study)
    pages = []

    def got(response):
        if response.status_code == 200 and response["Content-Type"].startswith("text/html"):
            pages.append(response.content.decode())
        return response

    for name in ("landing", "consent", "about", "instructions"):
        got(sitting.get(name))
        if name == "about":
            wrong = sitting.post(name, {"specialty": "", "years": "viele"})
            assert wrong.status_code == 422
            assert "Bitte geben Sie eine ganze Zahl von 0 bis 70 ein." in wrong.content.decode()
        sitting.post(name, {"specialty": "Genetics"} if name == "about" else {})
    got(sitting.get("practice"))
    sitting.post("practice")
    got(sitting.get("block", position=1))
    refused = sitting.post("seal", position=1)
    assert "Noch nicht gezeigt: Bild 1, 2, 3, 4, 5, 6." in refused.content.decode()
    for position in (1, 2):
        data = sitting.page_data(position)
        assert data["words"]["next"] == "Weiter"
        for item in data["items"]:
            sitting.send({"id": str(uuid4()), "type": "shown", "item": item["id"]})
            sitting.send({"id": str(uuid4()), "type": "answer", "item": item["id"], "chosen": "ZQA"})
        got(sitting.get("block", "?image=end", position=position))
        sitting.post("seal", position=position)
        if position == 1:
            words = got(sitting.get("break", position=2)).content.decode()
            assert "Als Nächstes: 6 Bilder (Übersicht), Teil 2 von 2." in words
            sitting.post("break", position=2)
    got(sitting.get("thanks"))
    got(sitting.get("landing"))
    assert len(pages) == 11
    for page in pages:
        assert '<html lang="de">' in page
        assert ' lang="en"' not in page
        assert ENGLISH.findall(read_words(page)) == [], read_words(page)
        assert "Gezeichnet, keine Fotos" in page


@pytest.mark.django_db
def test_a_closed_link_speaks_the_studys_language_and_an_unknown_one_the_browsers(client):
    study = make_surveyed_study(language="de")
    invitation, token = invite(survey=survey(study), group=group(study))
    revoke_invitation(invitation=invitation)
    assert "Dieser Link wurde geschlossen" in client.get(reverse("surveys:landing", kwargs={"token": token})).content.decode()
    unknown = reverse("surveys:landing", kwargs={"token": "unknown"})
    asked = {"fr, de-AT;q=0.8, en;q=0.5": "nicht bekannt", "en-GB,de": "not known", "": "not known", "it": "not known"}
    for languages, words in asked.items():
        assert words in client.get(unknown, headers={"accept-language": languages}).content.decode()


@pytest.mark.django_db
def test_a_french_study_marks_what_is_french(client):
    study = make_surveyed_study(language="fr", landing_text="Veuillez lire six cas.")
    sitting = Sitting(client, study)
    page = sitting.get("landing").content.decode()
    assert '<html lang="en">' in page
    assert '<div lang="fr"><p>Veuillez lire six cas.</p></div>' in page
    to_first_block(sitting)
    assert '<h1 id="question" lang="fr">' in sitting.get("block", position=1).content.decode()


@pytest.mark.django_db
def test_the_coordinator_previews_in_the_readers_language_and_works_in_english(admin_client):
    make_surveyed_study(language="de")
    preview = admin_client.get("/studies/small/surveys/preview/S01/1/").content.decode()
    assert '<html lang="de">' in preview
    assert "Weiter" in preview
    assert "Ende dieses Teils" in preview
    assert "Every seat" in admin_client.get("/studies/small/surveys/exports/").content.decode()


def test_words_that_count_have_both_forms():
    with override("de"):
        assert script_words()["marked"] == {"one": "1 Stelle markiert.", "other": "{number} Stellen markiert."}


@pytest.mark.django_db
def test_a_rating_study_in_german_has_its_usual_answers_and_ends_in_german(client):
    study = make_rating_study(kinds=["single", "pair"])
    protocol = study.protocol
    protocol.language = "de"
    protocol.stimuli["pair"] |= {"heading": "Bildpaare", "one": "Bildpaar", "many": "Bildpaare"}
    protocol.save()
    sitting = RatingSitting(client, study)
    for name, data in (("landing", {}), ("consent", {}), ("about", {"specialty": "Dermatology"}), ("instructions", {})):
        sitting.post(name, data)
    sitting.post("practice")
    page = sitting.get("block", position=1).content.decode()
    for words in (">Echt<", ">Künstlich<", "Offen lassen", "Im Bild markieren", "Tastenkürzel"):
        assert words in page
    with override("de"):
        assert counted(study, "pair", 4) == "4 Bildpaare"
        assert words_for(study, "pair")["first"] == "Beginnen (Bildpaar 1)"


def test_a_german_study_that_says_nothing_itself_tells_readers_in_german():
    preset = {"study": {"language": "de", "question": "Welche Erkrankung?"}, "classes": [1, 2], "views": [{"code": "a"}]}
    texts = default_texts(preset)
    assert texts["landing_text"].startswith("Sie sind eingeladen, 2 Bilder zu beurteilen und jeweils eine Frage")
    for text in texts.values():
        assert ENGLISH.findall(text) == []
    assert default_texts(preset | {"study": {"language": "fr"}}) == {}
    assert default_texts(preset | {"stimuli": {}})["instructions_text"].startswith("Beurteilen Sie jedes Bild für sich")
