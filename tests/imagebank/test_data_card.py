"""The data card: what the bank holds, said in tables, with no item and no source named."""

import re

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.urls import reverse

from imagebank.models import Item, ItemImage, Membership
from imagebank.services.data_card import data_card, fingerprint
from imagebank.services.exclusion import exclude_item
from imagebank.services.leakage import check_leakage
from imagebank.services.reviews import record_review
from tests.imagebank.factories import full_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def study():
    study = full_study(classes=2, items_per_class=3)
    for number, item in enumerate(study.items.order_by("code")):
        item.split = "test" if number % 3 == 0 else "train"
        item.group = f"patient-{number // 2}"
        item.attributes = {"skin_tone": str(2 + 8 * (number % 2)), "note": f"free text {number}"} if number else {}
        item.save()
    return study


def table(card: str, heading: str) -> list[list[str]]:
    """The rows of the first table below a heading."""
    part = card.split(heading, 1)[1]
    rows = re.findall(r"^\|(.+)\|$", part.split("\n## ", 1)[0], flags=re.MULTILINE)
    return [[cell.strip() for cell in row.split("|")] for row in rows if "---" not in row]


def test_it_counts_what_is_there(study):
    first = study.items.order_by("code")[1]
    exclude_item(item=first, reason="blurred")
    Item.objects.create(study=study, code="made", attributes={"generated": True})
    card = data_card(study)
    heading, *rows = table(card, "## What is in it")
    assert heading[1:] == ["Training, focused", "Training, panoramic", "Test, focused", "Test, panoramic"]
    for row, diagnosis in zip(rows, study.classes.order_by("position")):
        for cell, (split, view) in zip(row[1:], (("train", "focused"), ("train", "panoramic"), ("test", "focused"), ("test", "panoramic"))):
            wanted = ItemImage.objects.filter(
                item__study=study, item__truth__diagnosis=diagnosis, item__split=split, view=view, item__excluded_at=None
            )
            assert int(cell) == wanted.count(), (diagnosis, split, view)
    assert "5 items with 10 pictures" in card
    assert "Generated items in the bank as well: 1;" in card
    assert ["blurred", "1"] in table(card, "items were excluded")
    tones = table(card, "## Who and what is shown")
    assert tones[0] == ["skin tone", "Training", "Test"]
    assert [row[0] for row in tones[1:]] == ["2", "10", "not said"], "numbers by size; columns of free text are no groups"
    assert sum(int(cell) for row in tones[1:] for cell in row[1:]) == 5


def test_review_and_leakage_are_told_as_far_as_they_went(study):
    assert "Not made yet" in data_card(study)
    item = study.items.first()
    for name in ("one", "two"):
        record_review(item=item, reviewer=User.objects.create_user(name), diagnosis=item.truth.diagnosis, comment="")
    check_leakage(study=study)
    card = data_card(study)
    assert ["Agreed", "1"] in table(card, "## Reference classes")
    assert "reviewers so far: 2" in card
    assert "pictures were compared" in card


def test_it_names_no_item_no_source_and_no_group(study):
    card = data_card(study)
    for item in study.items.all():
        assert item.code not in card
        assert item.group not in card
    for image in ItemImage.objects.filter(item__study=study).select_related("provenance"):
        assert image.provenance.original_name not in card


def test_the_fingerprint_is_of_the_content_alone(study):
    before = fingerprint(study)
    assert fingerprint(study) == before
    item = study.items.first()
    item.fold, item.split = 3, "train"
    item.save()
    assert fingerprint(study) != before


def test_the_page_and_the_command_give_it(study, client, capsys):
    user = User.objects.create_user("eva")
    Membership.objects.create(study=study, user=user, role="engineer")
    client.force_login(user)
    address = reverse("imagebank:data-card", args=[study.slug])
    assert address in client.get(reverse("imagebank:items", args=[study.slug])).content.decode()
    answer = client.get(address)
    assert answer["Content-Type"].startswith("text/markdown")
    call_command("data_card", study.slug)
    assert capsys.readouterr().out.strip() == answer.content.decode().strip()
