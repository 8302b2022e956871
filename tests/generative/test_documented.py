"""The commands of docs/generated-images.md, word for word, from a published network file to published pictures."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from generative.core.cli import main
from tests.generative.core.conftest import REFERENCE
from tests.generative.core.drawn import drawn_manifest
from tests.generative.core.test_metrics import fold  # noqa: F401

pytestmark = pytest.mark.django_db
GUIDE = Path(settings.BASE_DIR) / "docs" / "generated-images.md"


def documented(heading: str) -> list[list[str]]:
    """The commands of the first block below a heading."""
    section = GUIDE.read_text(encoding="utf-8").split(f"## {heading}", 1)[1]
    return [shlex.split(line) for line in re.search(r"```sh\n(.*?)```", section, re.DOTALL)[1].splitlines()]


def test_the_five_documented_commands_import_morph_evaluate_audit_and_publish(study, tmp_path, monkeypatch, fold):  # noqa: F811
    commands = documented("Five commands: import, morph, evaluate, audit, publish")
    assert len(commands) == 5
    monkeypatch.chdir(tmp_path)
    shutil.copyfile(REFERENCE / "tf_morphnf1_r32_avg.pkl", "NETWORK.pkl")
    shutil.copytree(fold[0], "FOLD")
    drawn_manifest(tmp_path / "bank", n=40, resolution=32)
    for words in commands[:4]:
        assert words[:3] == ["python", "-m", "generative.core"]
        assert main(words[3:]) == 0, words
    assert commands[4][:3] == ["python", "manage.py", "publish_set"]
    call_command(*[study.slug if word == "STUDY" else word for word in commands[4][2:]])
    image_set = study.image_sets.get()
    assert (image_set.kind, image_set.state, image_set.licence) == ("morph", "published", "non-commercial")
    assert image_set.newest_audit.n_train == 32
    assert image_set.publications.get().items.count() == 10 * 5 * 4  # strips of five frames, and three controls of each
