"""Rating studies through the API: begun from published pictures, listed, and their answers taken out."""

import csv
import io

import pytest
from django.contrib.auth.models import Permission, User
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from imagebank.models import Membership, Study
from surveys.models import Seat
from surveys.services import simulate_raters
from surveys.services.rating.cells import CELL_COLUMNS
from surveys.services.rating.table import COLUMNS
from tests.surveys.rating_study import make_rating_study
from tests.surveys.study import make_study
from tests.surveys.test_rating_tones import fill

pytestmark = pytest.mark.django_db
ADDRESS = "/api/rating-studies/"


def client_of(study, role, *, begins=False):
    user, new = User.objects.get_or_create(username=role)
    if begins:
        user.user_permissions.add(Permission.objects.get(codename="add_study"))
    Membership.objects.create(study=study, user=user, role=role)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.get_or_create(user=user)[0].key}")
    return client


@pytest.fixture
def bank():
    study = make_study("bank")
    fill(study, real=[1, 4, 7, 10], made=[1, 4, 7, 7])
    return study


ASKED = {"slug": "rated", "sources": ["bank"], "view": "focused", "singles": 6, "practice": 1, "raters": 6, "seed": 3}


def test_a_rating_study_is_begun_from_published_pictures(bank):
    client = client_of(bank, "coordinator", begins=True)
    made = client.post(ADDRESS, ASKED, format="json")
    assert made.status_code == 201, made.json()
    row = made.json()
    assert (row["study"], row["stimuli"], row["sittings"], row["complete"]) == ("rated", 7, 6, 0)
    assert row["promises_hold"]
    assert row["warnings"] == []
    assert client.post(ADDRESS, ASKED, format="json").json()["survey_set"] == row["survey_set"], "the same call again"
    assert [one["study"] for one in client.get(ADDRESS).json()["results"]] == ["rated"]
    assert client.get(f"{ADDRESS}rated/").json() == row
    assert Seat.objects.of_study(Study.objects.get(slug="rated")).free().count() == 6
    link = client.post("/api/invitations/", {"study": "rated", "group": "rater"}).json()["link"]
    assert APIClient().get(link).status_code == 200, "and a rater opens it"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 4}, "drawn with seed 3"),
        ({"slug": "bank"}, "has an address of its own"),
        ({"slug": "new", "singles": 40}, "there are 4"),
        ({"slug": "new", "raters": 2}, "at least 6 raters"),
        ({"slug": "new", "image_sets": ["ffffff"]}, "No picture of the image set"),
        ({"slug": "new", "sources": ["nowhere"]}, "nowhere"),
        ({"slug": "new", "seed": -1}, "greater than or equal to 0"),
        ({"slug": "no slug"}, "valid"),
    ],
)
def test_what_cannot_be_begun_is_refused_in_words_and_nothing_is_stored(bank, change, words):
    client = client_of(bank, "coordinator", begins=True)
    client.post(ADDRESS, ASKED, format="json")
    before = Study.objects.count()
    answer = client.post(ADDRESS, ASKED | change, format="json")
    assert answer.status_code == 400, answer.content
    assert words in answer.content.decode(), answer.content
    assert Study.objects.count() == before


def test_only_who_may_begin_studies_and_coordinates_the_sources_begins_one(bank):
    assert APIClient().post(ADDRESS, ASKED, format="json").status_code == 401
    assert client_of(bank, "coordinator").post(ADDRESS, ASKED, format="json").status_code == 403, (
        "no permission to begin"
    )
    assert client_of(bank, "analyst", begins=True).post(ADDRESS, ASKED, format="json").status_code == 403
    other = client_of(make_study("other"), "reviewer", begins=True)
    assert other.post(ADDRESS, ASKED, format="json").status_code == 400, "a study that one does not see does not exist"
    client_of(bank, "engineer")
    assert not Study.objects.filter(slug="rated").exists()


def test_another_study_is_not_taken_over_by_its_address(bank):
    client = client_of(bank, "coordinator", begins=True)
    Study.objects.create(slug="theirs", title="Theirs")
    answer = client.post(ADDRESS, ASKED | {"slug": "theirs"}, format="json")
    assert answer.status_code == 400
    assert "already a study at the address theirs" in answer.content.decode()
    assert not Study.objects.get(slug="theirs").stimuli.exists()


def test_answers_come_a_page_at_a_time_and_as_csv_for_those_who_may_see_truth():
    rated = make_rating_study(kinds=["single", "grid"])
    simulate_raters(study=rated, seed=1, leave_open=[(f"S{number:02d}", "rater") for number in range(3, 7)])
    analyst, reviewer = client_of(rated, "analyst"), client_of(rated, "reviewer")
    assert analyst.get(f"{ADDRESS}rated/").json()["complete"] == 2
    for address, columns in (("/api/ratings/?study=rated&", COLUMNS), (f"{ADDRESS}rated/cells/?", CELL_COLUMNS)):
        page = analyst.get(f"{address}page_size=5").json()
        assert set(page["results"][0]) == set(columns)
        whole = csv.DictReader(io.StringIO(analyst.get(f"{address}format=csv").content.decode()))
        assert len(list(whole)) == page["count"]
        assert reviewer.get(address).status_code == 404
        assert analyst.get(f"{address}analysed=maybe").status_code == 400
    assert analyst.get(f"{ADDRESS}rated/cells/").json()["count"] == 2 * 4 * 4, "raters, questions, cells"
    assert reviewer.get(ADDRESS).json()["count"] == 0


def test_the_schema_describes_rating_studies():
    schema = APIClient().get("/api/schema/?format=json").json()
    paths = [path for path in schema["paths"] if "rating-studies" in path]
    assert sorted(paths) == [ADDRESS, f"{ADDRESS}{{slug}}/", f"{ADDRESS}{{slug}}/cells/"]
    row = schema["components"]["schemas"]["RatingOut"]["properties"]
    assert set(row) == set(COLUMNS)
    assert set(schema["components"]["schemas"]["CellOut"]["properties"]) == set(CELL_COLUMNS)
