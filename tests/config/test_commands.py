"""Every verb under manage.py speaks to scripts, too: one JSON object with --json, and exit codes."""

import json

import pytest
from django.core.management import CommandError, call_command, get_commands, load_command_class

from tests.surveys.study import make_surveyed_study

pytestmark = pytest.mark.django_db
ROOMS = {"benchmark", "generative", "imagebank", "models_ml", "surveys"}
OWN = sorted(name for name, room in get_commands().items() if room in ROOMS)


@pytest.mark.parametrize("name", [name for name in OWN if name != "demo"])  # the demo serves a site and never ends by itself
def test_every_command_takes_json(name):
    parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
    assert "--json" in parser._option_string_actions


def said(capsys, *command: str) -> dict:
    """What a command printed with --json, and nothing but that."""
    call_command(*command, "--json")
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def study(settings, tmp_path):
    settings.MEDIA_ROOT, settings.VAR_DIR = tmp_path / "var" / "media", tmp_path / "var"
    return make_surveyed_study("small")


def test_what_is_printed_is_what_was_done(study, capsys, tmp_path):
    drawn = said(capsys, "assemble_surveys", "small", "--seed", "7")
    stored = study.survey_sets.get()
    assert (drawn["study"], drawn["seed"], drawn["design_sha256"]) == ("small", 7, stored.design_sha256)
    assert drawn["certificate"] == stored.certificate
    people = tmp_path / "people.csv"
    people.write_text("email,group\nanna@example.org,geneticist\n", encoding="utf-8")
    assert said(capsys, "invite_readers", "small", str(people), "--dry-run")["usable"] == 1
    (invited,) = said(capsys, "invite_readers", "small", str(people))["invited"]
    assert invited["email"] == "anna@example.org"
    assert "/r/" in invited["link"]
    out = tmp_path / "readings.csv"
    assert said(capsys, "export_readings", "small", str(out)) == {"study": "small", "rows": 0, "file": str(out)}
    assert said(capsys, "verify_answers", "small") == {"study": "small", "answers": 0, "faults": []}
    assert said(capsys, "erase_contacts", "small")["erased"] == 1
    assert said(capsys, "end_study", "small", "archive") == {"study": "small", "step": "archive"}
    deleted = said(capsys, "delete_study", "small", "--confirm", "small")
    assert 12 in deleted["deleted"].values()


def test_bad_input_is_one_sentence_and_leaves_with_2(study):
    with pytest.raises(CommandError, match="There is no study") as caught:
        call_command("export_readings", "elsewhere", "out.csv", "--json")
    assert caught.value.returncode == 2
