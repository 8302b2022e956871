"""A study.toml that was made to break its reader is refused in words wherever it is given."""

import pytest
from django.core.exceptions import ValidationError

from imagebank.services.sent_toml import read_sent_toml
from imagebank.services.studies import load_study
from surveys.services.setting_up.new_study import begin_study, change_study
from surveys.services.setting_up.protocol import read_preset
from tests.imagebank.factories import UserFactory
from tests.surveys.study import make_study

HOSTILE = [("a." * 2_000 + "a = 1", "more than 500 dots"), ("a = " + "[" * 100_000, "nests deeper"), ("a = [", "is not valid TOML")]


@pytest.mark.parametrize(("text", "said"), HOSTILE)
def test_a_hostile_text_is_refused(text, said):
    with pytest.raises(ValidationError, match=said):
        read_sent_toml(text, name="study.toml")
    with pytest.raises(ValidationError, match="is not valid TOML"):
        read_sent_toml(b"\xff", name="study.toml")


@pytest.mark.django_db
@pytest.mark.parametrize(("text", "said"), HOSTILE)
def test_every_door_for_a_study_toml_refuses_it(text, said, tmp_path):
    (tmp_path / "study.toml").write_text(text)
    study = make_study()
    for door in (
        lambda: load_study(path=tmp_path),
        lambda: read_preset(tmp_path),
        lambda: begin_study(preset=text.encode(), slug="new", title="", user=UserFactory()),
        lambda: change_study(study=study, preset=text.encode()),
    ):
        with pytest.raises(ValidationError, match=said):
            door()
