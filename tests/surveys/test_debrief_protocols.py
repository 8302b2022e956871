"""Results follow from the study's rules: blanks, repeats, confidence, language; and a study.toml says whether there are any."""

import tomllib
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from surveys.coordination.set_up_form import SetUpForm, form_can_say, form_values
from surveys.models import Answer, SurveyItem
from surveys.services import close_reading, create_survey_set, load_protocol, open_recruitment, release_debrief
from surveys.services.ending.own_results import own_results
from surveys.services.setting_up.new_study import begin_study
from surveys.services.setting_up.preset_text import preset_of, toml_text
from tests.surveys.debriefed import AFTERWARDS, ISSUER, at, compared, make_read_study, read_by_link, sitting_of, text
from tests.surveys.study import PRESET, make_study

pytestmark = pytest.mark.django_db
FOUNDING = Path(__file__).resolve().parents[2] / "fixtures" / "founding" / "study.toml"


def test_wrong_ones_come_first_then_what_was_left_blank(client):
    study, _ = make_read_study(0, completion_threshold="0.5")
    open_recruitment(study=study)
    raw, sitting = read_by_link(study, 1, right=3, blank=1)
    close_reading(study=study)
    compared(study)
    release_debrief(study=study, with_pictures=True)
    block = own_results(sitting, with_pictures=True, network=None)[0]
    assert [item.rank for item in block.items] == [2, 2, 2, 0, 0, 1]
    first, blank, last = (text(client, at(raw, "own-item", number=number)) for number in (1, 5, 12))
    assert "not right" in first
    assert study.protocol.question in first
    assert "It was" in first
    assert "left blank" in blank
    assert 'rel="next"' in first
    assert 'rel="prev"' not in first
    assert "To the overview" in last


def test_a_repeat_is_scored_once():
    study, (raw,) = make_read_study(repeats="0.5")
    blocks = own_results(sitting_of(raw), with_pictures=True, network=None)
    assert SurveyItem.objects.filter(block__survey=sitting_of(raw).survey).count() == 18
    assert [[item.position for item in block.items] for block in blocks] == [[1, 2, 3, 4, 5, 6]] * 2, "no gap tells of a repeat"
    assert {item.public_id for block in blocks for item in block.items} <= set(
        SurveyItem.objects.filter(repeat_of=None).values_list("public_id", flat=True)
    )


def test_confidence_is_set_against_what_was_right(client):
    questions = [
        {"code": "", "kind": "diagnosis", "prompt": "Which?"},
        {"code": "confidence", "kind": "confidence", "prompt": "How sure?", "step": 1, "low": "guessed", "high": "certain"},
    ]
    study, (raw,) = make_read_study(questions=questions, completion_threshold="0.3", closed=False)
    sitting = sitting_of(raw)
    last = sitting.answers.count()
    rows = SurveyItem.objects.filter(block__survey=sitting.survey, block__position=1).order_by("position")
    Answer.objects.bulk_create(
        Answer(survey_response=sitting, survey_item=row, question="confidence", value=90 if place < 2 else 10,
               event_id=f"00000000-0000-0000-0000-{place:012d}", sequence=last + 1 + place, entry_sha256="x")
        for place, row in enumerate(rows)
    )  # fmt: skip
    steps = own_results(sitting, with_pictures=False, network=None)[0].sureness
    assert [(low, step.right, step.of) for low, _, step in steps] == [(75, 2, 2), (0, 0, 4)]


def test_a_german_study_tells_it_in_german(client):
    study, (raw,) = make_read_study(language="de")
    release_debrief(study=study, with_pictures=True)
    page = text(client, at(raw))
    assert '<html lang="de">' in page
    assert "2 von 6 richtig" in page
    assert "How you did" not in page
    assert "nicht richtig" in text(client, at(raw, "own-item", number=1))


def load(study, folder, more: str):
    (folder / "study.toml").write_text(PRESET + more, encoding="utf-8")
    return load_protocol(study=study, path=folder / "study.toml")


def test_the_file_says_it_gets_it_back_and_the_first_answer_fixes_it(tmp_path):
    study = make_study()
    protocol = load(study, tmp_path, AFTERWARDS)
    assert (protocol.debrief_offered, protocol.certificate_issuer) == (True, ISSUER)
    assert preset_of(study)["afterwards"] == {"debrief": True, "certificate_issuer": ISSUER}
    create_survey_set(study=study, seed=1)
    _, sitting = read_by_link_without_questions(study)
    assert sitting.finished_at
    with pytest.raises(ValidationError, match="would change certificate_issuer, debrief_offered"):
        load(study, tmp_path, "")
    assert load(study, tmp_path, AFTERWARDS).debrief_offered


def read_by_link_without_questions(study):
    study.protocol.__class__.objects.filter(study=study).update(demographic_questions=[])
    return read_by_link(study, 1)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('debrief = "yes"', "is true or false; the preset says 'yes'"),
        ("certificate_issuer = true", "is one line of at most 200 characters"),
        ('certificate_issuer = "two\\nlines"', "is one line of at most 200 characters"),
        ("certificate = true", "knows debrief and certificate_issuer; the preset names certificate"),
    ],
)
def test_what_the_table_cannot_be_is_one_sentence(tmp_path, table, words):
    with pytest.raises(ValidationError) as refusal:
        load(make_study(), tmp_path, f"\n[afterwards]\n{table}\n")
    assert words in refusal.value.messages[0]


def test_the_form_says_the_same_as_the_file():
    known = tomllib.loads(FOUNDING.read_text(encoding="utf-8") + AFTERWARDS)
    begun = begin_study(preset=toml_text(known).encode(), slug="new", title="", user=User.objects.create_superuser("root"))
    known = preset_of(begun)
    assert form_can_say(known)
    values = form_values(known)
    assert (values["debrief"], values["certificate_issuer"]) == (True, ISSUER)
    form = SetUpForm(values | {"landing": "x", "instructions": "x", "consent": "x"}, known=known)
    assert form.is_valid(), form.errors
    assert form.preset()["afterwards"] == known["afterwards"]
    silent = SetUpForm(form.data | {"debrief": "", "certificate_issuer": " "}, known=known)
    assert silent.is_valid()
    assert "afterwards" not in silent.preset()
