"""A study is described in a form, written as its study.toml, and changed until it is read."""

import tomllib
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile

from config.study_path import study_path
from imagebank.models import Study
from surveys.coordination.certificate_pictures import certificate_pictures
from surveys.coordination.set_up_form import SetUpForm, form_can_say, form_values
from surveys.coordination.set_up_words import WORDS
from surveys.services import create_survey_set, open_block
from surveys.services.setting_up.demographics import analysed_questions
from surveys.services.setting_up.new_study import begin_study, change_study
from surveys.services.setting_up.preset_text import preset_of, toml_text
from tests.surveys.sitting import answer, begin
from tests.surveys.study import make_protocol, make_study

pytestmark = pytest.mark.django_db
FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
SAID = WORDS | {
    "title": "Hautbefunde: Ärztinnen und ein Netz",
    "slug": "haut",
    "classes": "BCC: Basalzellkarzinom\r\nNEV: Nävus (Muttermal)\r\nMélanome",
    "groups": "Fachärztin, Fachärztinnen und Fachärzte\r\nAssistenzärztin, Assistenzärztinnen",
    "about_you": "Specialty * | Dermatology; General practice\r\nYears in practice | number | verification only\r\nWhere?",
    "confidence": "on",
}


@pytest.fixture
def administrator(client):
    user = User.objects.create_superuser("root", password="a-long-password")
    client.force_login(user)
    return user


def described(client, **fields) -> Study:
    answer = client.post("/new-study/describe/", SAID | fields)
    assert answer.status_code == 302, answer.context["form"].errors
    return Study.objects.get(slug="haut")


def test_a_study_is_set_up_from_the_form_alone(client, administrator):
    study = described(client)
    assert list(study.classes.order_by("position").values_list("code", "name")) == [
        ("BCC", "Basalzellkarzinom"), ("NEV", "Nävus (Muttermal)"), ("melanome", "Mélanome"),
    ]  # fmt: skip
    assert list(study.reader_groups.values_list("plural", "colour_role")) == [
        ("Fachärztinnen und Fachärzte", "ochre"), ("Assistenzärztinnen", "plum"),
    ]  # fmt: skip
    assert [question["kind"] for question in study.protocol.questions] == ["diagnosis", "confidence"]
    asked = [(row["kind"], row["required"]) for row in study.protocol.demographic_questions]
    assert asked == [("choice", True), ("integer", False), ("text", False)]
    assert [row.get("purpose") for row in study.protocol.demographic_questions] == [None, "verification only", None]
    assert [row["code"] for row in analysed_questions(study)] == ["specialty"]
    known = preset_of(study)
    assert form_values(known)["about_you"] == SAID["about_you"].replace("\r\n", "\n"), "the form reads back what it wrote"
    assert form_can_say(known)
    assert study.protocol.consent_text.startswith("What this is.")
    assert study.members.get().role == "coordinator"


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("classes", "BCC: One", "two classes"),
        ("classes", "A: One\nA: Two", "code"),
        ("groups", "dermatologist", "for many"),
        ("about_you", "Specialty | one", "two choices"),
        ("about_you", "Years | number | to check", "verification only"),
        ("slug", "../x", "slug"),
        ("consent", "", "required"),
    ],
)
def test_what_the_form_lacks_is_told_beside_the_field(client, administrator, field, value, word):
    answer = client.post("/new-study/describe/", SAID | {field: value})
    assert answer.status_code == 400
    assert word in str(answer.context["form"].errors[field])
    assert not Study.objects.exists()


def test_the_set_up_page_changes_words_classes_and_rules_until_surveys_are_drawn(client, administrator):
    study = described(client)
    page = client.get("/studies/haut/set-up/")
    values = {name: field.value() for name, field in zip(page.context["form"].fields, page.context["form"], strict=True)}
    values = {name: value for name, value in values.items() if value not in (None, False)}
    values |= {"title": "Neu", "classes": values["classes"] + "\nSEK: Keratose", "groups": "nurse, nurses", "days": 14}
    assert client.post("/studies/haut/set-up/", values).status_code == 302
    study = Study.objects.get()
    assert (study.title, study.classes.count(), study.protocol.invitation_days) == ("Neu", 4, 14)
    assert list(study.reader_groups.values_list("plural", flat=True)) == ["nurses"]
    assert study.protocol.demographic_questions[0]["choices"] == ["Dermatology", "General practice"]


@pytest.mark.parametrize("shipped", ["founding", "human-vs-cnn-16"])
def test_the_file_of_a_study_sets_up_the_same_study_again(administrator, shipped):
    text = (FIXTURES / shipped / "study.toml").read_bytes()
    first = begin_study(preset=text, slug="first", title="One", user=administrator)
    written = toml_text(preset_of(first))
    again = preset_of(begin_study(preset=written.encode(), slug="second", title="One", user=administrator))
    assert again | {"study": again["study"] | {"slug": "first"}} == preset_of(first) == tomllib.loads(written)


def test_the_form_left_as_it_is_changes_nothing_of_the_founding_preset(administrator):
    text = (FIXTURES / "founding" / "study.toml").read_bytes()
    study = begin_study(preset=text, slug="first", title="One", user=administrator)
    preset = preset_of(study)
    form = SetUpForm(form_values(preset), known=preset)
    assert form.is_valid(), form.errors
    assert form.preset() == preset
    change_study(study=study, preset=toml_text(form.preset()).encode())
    assert preset_of(Study.objects.get()) == preset


def test_a_question_that_the_form_cannot_say_is_left_to_the_file(administrator, client):
    text = (FIXTURES / "founding" / "study.toml").read_bytes()
    extra = b'\n[[questions]]\ncode = "why"\nkind = "comment"\nprompt = "Why?"\n'
    study = begin_study(preset=text + extra, slug="first", title="One", user=administrator)
    assert not form_can_say(preset_of(study))
    page = client.get("/studies/first/set-up/").content.decode()
    assert "change its file" in page
    assert 'name="classes"' not in page
    file = SimpleUploadedFile("study.toml", text.replace(b'name = "Another condition"', b'name = "None of these"'))
    assert client.post("/studies/first/set-up/", {"preset": file}).status_code == 302
    assert study.classes.get(code="Other").name == "None of these"


def test_an_address_left_empty_is_made_from_the_title(client, administrator):
    for _ in range(2):
        assert client.post("/new-study/describe/", SAID | {"slug": "", "title": "Haut"}).status_code == 302
    assert list(Study.objects.order_by("pk").values_list("slug", flat=True)) == ["haut", "haut-2"]
    refused = client.post("/new-study/describe/", SAID | {"slug": "", "title": "皮膚"})
    assert "No address can be made from the title" in str(refused.context["form"].errors["slug"])


def test_what_cannot_be_asked_about_the_reader_is_told_all_at_once(study):
    asked = [
        {"code": "a", "prompt": "A?", "purpose": "Analysis"},
        {"code": "b", "prompt": "B?", "kind": "choice", "choices": ["one"]},
        {"code": "b", "kind": "date"},
        {"code": "group", "prompt": "Group?"},
    ]
    with pytest.raises(ValidationError) as refusal:
        change_study(study=study, preset=changed_by(study, demographic_questions=asked))
    told = " ".join(refusal.value.messages)
    for words in ("purpose 'Analysis'", "two choices or more; it has 1", "lacks prompt", "kind 'date'", "'group' needs another code", "the code 'b'"):
        assert words in told


def test_a_question_named_like_a_column_gets_a_code_of_its_own():
    form = SetUpForm(SAID | {"about_you": "Group? | A; B | verification only\nOf age * | number | Analysis"})
    assert form.is_valid(), form.errors
    rows = form.cleaned_data["about_you"]
    assert [(row["code"], row["purpose"]) for row in rows] == [("group-stated", "verification only"), ("of-age", "analysis")]


def test_text_of_any_kind_survives_the_file():
    odd = {"study": {"a": 'quote " \\ \x7f \x01', "b": 'two\n"""\\lines'}, "x": [{"k v": [1, 0.5, True, "é"], "t": {"u": "w"}}]}
    assert tomllib.loads(toml_text(odd)) == odd


def test_a_coordinator_alone_sets_up(client, administrator):
    study = described(client)
    analyst = User.objects.create_user("ana")
    study.members.create(user=analyst, role="analyst")
    client.force_login(analyst)
    assert client.get("/studies/haut/set-up/").status_code == 403
    assert client.get("/studies/haut/study.toml").status_code == 200
    assert client.get("/new-study/describe/").status_code == 403


def test_a_group_without_its_words_is_named(administrator):
    text = b'schema="study-preset/1"\n[study]\nslug="a"\ntitle="A"\n[[classes]]\ncode="A"\nname="A"\n[[views]]\ncode="p"\n'
    begin_study(preset=text, slug="fine", title="", user=administrator)
    with pytest.raises(ValidationError, match="reader group 1 lacks singular, plural"):
        begin_study(preset=text + b'[[reader_groups]]\ncode="n"\n', slug="b", title="", user=administrator)


def changed_by(study: Study, **tables) -> bytes:
    return toml_text(preset_of(study) | tables).encode()


def test_drawn_surveys_leave_the_words_free_and_nothing_else(study):
    preset = preset_of(study)
    change_study(study=study, preset=changed_by(study, texts=preset["texts"] | {"consent": "Other words."}))
    study = Study.objects.get()
    assert (study.protocol.consent_text, study.nature) == ("Other words.", "drawn, not photographs")
    for tables, named in (
        ({"survey_set": preset["survey_set"] | {"per_class": 1}}, "the size"),
        ({"reader_groups": preset["reader_groups"][:1]}, "readers or seats of pediatricians"),
        ({"views": preset["views"][:1], "survey_set": {"per_class": 2, "sets": 2}}, "pictures of the view panoramic"),
        ({"classes": [*preset["classes"], {"code": "NEW", "name": "New"}]}, "classes"),
    ):
        with pytest.raises(ValidationError, match=named):
            change_study(study=study, preset=changed_by(study, **tables))
        assert Study.objects.get().view_codes() == ["focused", "panoramic"]


def test_the_first_answer_fixes_the_set_up(study, client):
    response = begin(study)
    open_block(survey_response=response, block=response.survey.blocks.get(position=1))
    answer(response, response.survey.blocks.get(position=1).survey_items.first())
    with pytest.raises(ValidationError, match="fixed since the first answer"):
        change_study(study=study, preset=changed_by(study))
    client.force_login(User.objects.create_superuser("root"))
    assert "fixed since the first answer" in client.get(f"/studies/{study.slug}/set-up/").content.decode()


@pytest.mark.parametrize(("sets", "said"), [(1, "at one position only"), (2, "always")])
def test_the_certificate_says_of_early_and_late_what_holds(sets, said):
    study = make_study()
    make_protocol(study, sets=sets, per_class=1)
    words = next(p.words for p in certificate_pictures(create_survey_set(study=study, seed=1)) if p.title == "Early and late")
    assert said in words
    assert (f"{sets} survey," if sets == 1 else f"{sets} surveys,") in words


def test_reading_has_not_begun_while_nobody_reads(study):
    step = study_path(study=study, user=User.objects.create_superuser("root"))[3]
    assert (step.name, step.progress) == ("Reading", "not begun")
    begin(study)
    assert study_path(study=study, user=User.objects.get())[3].progress == "under way"


def test_a_german_study_begins_with_german_words_and_asks_for_its_own_question_and_consent(client, administrator):
    left = {"language": "de", "question": WORDS["question"], "consent": WORDS["consent"].replace("\n", "\r\n")}
    refused = client.post("/new-study/describe/", SAID | left)
    assert refused.status_code == 400
    assert set(refused.context["form"].errors) == {"question", "consent"}
    own = {"question": "Welche Diagnose?", "consent": "Die Teilnahme ist freiwillig.", "thanks": "Herzlichen Dank."}
    study = described(client, **left | own)
    assert study.protocol.language == "de"
    assert study.protocol.thanks_text == "Herzlichen Dank."
    sure = {"prompt": "Wie sicher sind Sie?", "low": "geraten", "high": "sicher"}
    known = preset_of(study)
    assert sure.items() <= known["questions"][1].items()
    again = SetUpForm(form_values(known) | {"language": "en"}, known=known)
    assert again.is_valid(), again.errors
    assert again.preset()["questions"][1]["prompt"] == "How sure are you?"
    known["questions"][1]["prompt"] = "Sicher?"
    assert form_can_say(known), "a file's own words stay"
    known["questions"][1]["prompt"] = "How sure are you?"
    assert form_can_say(known), "and so do ours in the language in which they stand"
    assert study.protocol.instructions_text.startswith("Wählen Sie zu jedem Bild die Antwort")
    assert study.protocol.break_text.startswith("Dieser Teil ist abgeschlossen")
    page = client.get("/studies/haut/set-up/").content.decode()
    assert '<option value="de" selected>Deutsch</option>' in page
