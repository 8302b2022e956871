"""The page on which a rating study begins."""

import pytest
from django.contrib.auth.models import Permission, User

from imagebank.models import Membership, Study
from surveys.models import Seat
from tests.surveys.study import make_study
from tests.surveys.test_rating_tones import fill

pytestmark = pytest.mark.django_db
ADDRESS = "/studies/bank/surveys/new-rating/"


@pytest.fixture
def bank():
    return make_study("bank")


def signed_in(client, study, role="coordinator", *, begins=True):
    user = User.objects.create_user(role)
    Membership.objects.create(study=study, user=user, role=role)
    if begins:
        user.user_permissions.add(Permission.objects.get(codename="add_study"))
    client.force_login(user)
    return client


def test_a_coordinator_draws_a_rating_study_of_chosen_sets_and_sees_its_certificate(client, bank):
    fill(bank, real=[1, 4, 7, 10], made=[1, 4, 7, 7])
    signed_in(client, bank)
    form = client.get(ADDRESS).content.decode()
    assert "2 single pictures" in form
    assert 'value="bank-realism"' in form
    asked = {"title": "Are they real?", "slug": "are-they", "image_sets": ["0abc"], "view": "focused", "singles": 4, "pairs": 0,
             "practice": 1, "raters": 6, "seed": 2}  # fmt: skip
    refused = client.post(ADDRESS, asked | {"singles": 40})
    assert refused.status_code == 422
    assert "there are 2" in refused.content.decode()
    page = client.post(ADDRESS, asked, follow=True)
    assert page.redirect_chain[-1][0] == "/studies/are-they/surveys/certificate/"
    assert "Real beside generated" in page.content.decode()
    made = Study.objects.get(slug="are-they")
    assert made.title == "Are they real?"
    assert Seat.objects.of_study(made).free().count() == 6
    shown = {frame.image.item.attributes.get("image_set") for row in made.stimuli.all() for frame in row.frames.all()}
    assert shown == {None, "0abc"}


def test_without_published_pictures_the_page_says_what_comes_first(client, bank):
    assert "Nothing is published yet" in signed_in(client, bank).get(ADDRESS).content.decode()


@pytest.mark.parametrize(("role", "begins"), [("coordinator", False), ("analyst", True), ("reviewer", True)])
def test_nobody_else_begins_one(client, bank, role, begins):
    assert signed_in(client, bank, role, begins=begins).get(ADDRESS).status_code in (403, 404)
