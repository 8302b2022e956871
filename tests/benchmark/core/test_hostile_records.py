"""Records of studies that were made to break their reader: each is refused in words, with little memory."""

import pytest

from benchmark.core.errors import InputError
from benchmark.core.facts import read_facts
from benchmark.core.plans.plan import Plan

HEAD = '{"schema": "study-facts/1", '


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("facts.json", "[" * 100_000, "nests deeper than any"),
        ("facts.toml", "a = " + "[" * 100_000, "nests deeper than any such file"),
        ("facts.toml", "a." * 2_000 + "a = 1", "more than 500 dots"),
        ("facts.toml", '"a b" . ' * 2_000 + "a = 1", "more than 500 dots"),
        ("facts.toml", "a = {" + "b." * 2_000 + "b = 1}", "more than 500 dots"),
        ("facts.json", HEAD + '"study": {"title": "\\ud800"}}', "surrogates not allowed"),
        ("facts.json", HEAD + '"study": {"title": "a\\u0000b"}}', "contains a zero character"),
        ("facts.json", HEAD + '"recruitment": {"a\\u0000b": {"contacted": 1}}}', "contains a zero character"),
    ],
)
def test_a_hostile_record_is_refused_in_words(tmp_path, name, text, said):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as refusal:
        read_facts(tmp_path / name)
    assert said in " ".join([refusal.value.summary, *map(str, refusal.value.problems)])


def test_prose_of_many_sentences_is_no_nesting(tmp_path):
    prose = 'We read. "So", he said ... ' + "e. g. this, and so on. " * 100
    (tmp_path / "facts.toml").write_text(f"schema = 'study-facts/1'\n[study]\naim = '''\n{prose}'''\n", encoding="utf-8")
    assert read_facts(tmp_path / "facts.toml") == {"study": {"aim": prose}}


@pytest.mark.parametrize("text", ["a." * 2_000 + "a = 1", "a = " + "[" * 100_000])
def test_a_hostile_plan_is_refused_in_words(text):
    with pytest.raises(InputError, match="The analysis plan is not well-formed TOML"):
        Plan.from_toml(text=text)
