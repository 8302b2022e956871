"""A study begins from a preset, on the site, without code."""

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile

from imagebank.models import Study

pytestmark = pytest.mark.django_db

PRESET = b"""
schema = "study-preset/1"
[study]
slug = "preset"
title = "Preset"
question = "Which one?"
[[classes]]
code = "A"
name = "First"
[[classes]]
code = "B"
name = "Second"
[[views]]
code = "photo"
label = "photo"
[[reader_groups]]
code = "nurse"
singular = "nurse"
plural = "nurses"
"""


@pytest.fixture
def administrator(client):
    user = User.objects.create_superuser("root", password="a-long-password")
    client.force_login(user)
    return user


def begin(client, **fields):
    return client.post("/new-study/", {"title": "Moles again", "slug": "moles-2"} | fields)


def test_a_shipped_preset_becomes_a_study_of_ones_own(client, administrator):
    answer = begin(client, shipped="founding")
    assert (answer.status_code, answer.url) == (302, "/studies/moles-2/")
    study = Study.objects.get()
    assert (study.title, study.classes.count(), study.view_codes()) == ("Moles again", 7, ["focused", "panoramic"])
    assert study.members.get().role == "coordinator"
    page = client.get("/studies/moles-2/").content.decode()
    assert "medical geneticists, pediatricians" in page
    assert "6, with 4 items of every class in each survey" in page


def test_a_preset_of_ones_own_is_read(client, administrator):
    assert begin(client, preset=SimpleUploadedFile("study.toml", PRESET)).status_code == 302
    assert list(Study.objects.get().reader_groups.values_list("plural", flat=True)) == ["nurses"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Choose one preset"),
        ({"preset": SimpleUploadedFile("study.toml", b"not toml")}, "not valid TOML"),
        ({"preset": SimpleUploadedFile("study.toml", PRESET.replace(b"[[views]]", b"[[sights]]"))}, "needs [[views]]"),
        ({"preset": SimpleUploadedFile("study.toml", b"a = 1\n" * 100_000)}, "at most 512 KiB"),
    ],
)
def test_a_bad_preset_leaves_nothing_behind(client, administrator, fields, words):
    answer = begin(client, **fields)
    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert not Study.objects.exists()


def test_a_taken_address_is_refused_and_the_study_there_untouched(client, administrator):
    Study.objects.create(slug="moles-2", title="Mine")
    assert "already a study" in begin(client, shipped="founding").content.decode()
    assert Study.objects.get().title == "Mine"


def test_it_takes_the_right_to_add_studies(client):
    client.force_login(User.objects.create_user("ann"))
    assert client.get("/new-study/").status_code == 403
