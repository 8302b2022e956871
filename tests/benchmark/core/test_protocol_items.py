"""The guidelines' items of a protocol: every one leads to a chapter, and asks for fields that a study's record can have."""

import pytest

from benchmark.core.errors import InputError
from benchmark.core.facts import FIELDS
from benchmark.core.report.protocol.build import CHAPTERS, build_protocol
from benchmark.core.report.protocol.checklists import guidelines
from benchmark.core.report.protocol.document import BLANK, Chapter, Paragraph, Points, Table, blank

ANCHORS = {anchor for anchor, _, _ in CHAPTERS}


@pytest.mark.parametrize("name", sorted(guidelines()))
def test_items_lead_to_chapters_and_ask_for_known_fields(name):
    items = guidelines()[name]["items"]
    numbers = [number for number, *_ in items]
    assert len(numbers) == len(set(numbers))
    for number, _, _, anchor, fields in items:
        assert anchor in ANCHORS, number
        for field in fields:
            section, _, own = field.partition(".")
            assert field in ("person", "plan", "none") or own in FIELDS[section], (number, field)


def test_spirit_has_every_number_of_its_thirty_four_items():
    numbers = {int("".join(filter(str.isdigit, number))) for number, *_ in guidelines()["SPIRIT"]["items"]}
    assert numbers == set(range(1, 35))
    assert len(guidelines()["SPIRIT-AI"]["items"]) == 15


def test_blanks_are_found_wherever_they_stand():
    one, two = blank("the sponsor"), blank("the number")
    chapter = Chapter("a", "A", [Paragraph(f"Paid by {one}."), Points([two, one]), Table("", ["x"], [[two]])])
    assert chapter.blanks == [one, two]
    assert not BLANK.findall("[To be written by somebody: else]")


def test_other_facts_are_refused_with_a_sentence():
    with pytest.raises(InputError, match="protocol-facts/1"):
        build_protocol({"schema": "results/1"})
