import csv
import io

import pytest
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.management import call_command
from rest_framework.test import APIClient
from rest_framework.views import APIView

from config.errors import api_error
from imagebank.models import Study

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_limits():
    cache.clear()


def as_person(user) -> APIClient:
    api = APIClient()
    api.force_authenticate(user)
    return api


def test_a_name_and_password_become_a_token_that_opens_the_api(person):
    person("analyst")
    api = APIClient()
    answer = api.post("/api/token/", {"username": "analyst", "password": "a-long-password"})
    api.credentials(HTTP_AUTHORIZATION=f"Token {answer.json()['token']}")
    assert [row["slug"] for row in api.get("/api/studies/").json()["results"]] == ["moles"]


def test_a_wrong_password_is_a_standard_400(person):
    person("analyst")
    answer = APIClient().post("/api/token/", {"username": "analyst", "password": "guess"})
    assert answer.status_code == 400
    assert answer.json()["type"] == "validation_error"


def test_guessing_passwords_is_slowed_down(person):
    person("analyst")
    api = APIClient()
    codes = [api.post("/api/token/", {"username": "analyst", "password": "guess"}).status_code for _ in range(21)]
    assert codes == [400] * 20 + [429]


def test_a_second_factor_is_not_bypassed_by_the_password(person):
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

    TOTP.activate(person("analyst"), generate_totp_secret())
    answer = APIClient().post("/api/token/", {"username": "analyst", "password": "a-long-password"})
    assert answer.status_code == 400
    assert "second factor" in answer.json()["errors"][0]["detail"]


def test_without_a_token_nothing_is_told(study):
    for address in ["studies/", "studies/moles/", "items/", "jobs/"]:
        assert APIClient().get(f"/api/{address}").status_code == 401


@pytest.mark.parametrize(
    ("role", "truths"), [("coordinator", ["NF1", "TSC"]), ("analyst", ["NF1", "TSC"]), ("reviewer", [None, None])]
)
def test_truth_only_for_roles_that_may_see_it(person, role, truths):
    rows = as_person(person(role)).get("/api/items/").json()["results"]
    assert [row["truth"] for row in rows] == truths


def test_another_studys_items_are_not_listed(person):
    api = as_person(person("analyst"))
    other = Study.objects.create(slug="other", title="Other")
    hidden = other.items.create(code="hidden", split="test")
    assert "hidden" not in api.get("/api/items/").content.decode()
    assert api.get(f"/api/items/{hidden.pk}/").status_code == 404


def test_lists_are_filtered_and_cut_into_pages(person, study):
    study.items.create(code="training", split="train", fold=1)
    api = as_person(person("analyst"))
    assert [row["code"] for row in api.get("/api/items/?split=train").json()["results"]] == ["training"]
    page = api.get("/api/items/?page_size=2").json()
    assert (page["count"], len(page["results"])) == (3, 2)
    assert api.get("/api/items/?split=nonsense").status_code == 400


def test_a_list_is_also_a_table_and_no_cell_of_it_a_formula(person, study):
    study.items.create(code="=HYPERLINK(1)", group="-1")
    answer = as_person(person("analyst")).get("/api/items/?format=csv")
    assert answer.headers["Content-Type"].startswith("text/csv")
    rows = {row["code"]: row for row in csv.DictReader(io.StringIO(answer.content.decode()))}
    assert set(rows) == {"case-0", "case-1", "'=HYPERLINK(1)"}
    assert rows["'=HYPERLINK(1)"]["group"] == "'-1"
    assert rows["case-1"]["truth"] == "TSC"


def test_an_error_and_an_empty_list_are_also_tables(person):
    api = as_person(person("analyst"))
    assert api.get("/api/jobs/?format=csv").content == b""
    assert b"invalid_choice" in api.get("/api/items/?format=csv&split=nonsense").content


def test_listing_items_takes_a_fixed_number_of_queries(person, study, django_assert_max_num_queries):
    for number in range(30):
        study.items.create(code=f"more-{number}")
    api = as_person(person("analyst"))
    with django_assert_max_num_queries(6):
        assert len(api.get("/api/items/").json()["results"]) == 32


def test_what_a_service_refuses_is_a_400_in_the_standard_form():
    answer = api_error(ValidationError("7 classes times 4 items is not 20."), {"view": APIView()})
    assert answer.status_code == 400
    assert answer.data["errors"][0]["detail"] == "7 classes times 4 items is not 20."
    answer = api_error(ValidationError({"seed": ["Too large."]}), {"view": APIView()})
    assert answer.data["errors"][0]["attr"] == "seed"


def test_the_schema_is_valid_and_free_of_warnings(tmp_path):
    target = tmp_path / "schema.yml"
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(target))
    text = target.read_text()
    assert all(address in text for address in ("/api/token/", "/api/studies/", "/api/items/", "/api/jobs/"))
