import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse

from imagebank.models import Study
from imagebank.permissions import has_role, require_role

pytestmark = pytest.mark.django_db


@require_role("coordinator", "analyst")
def page(request, slug):
    return HttpResponse(request.study.title)


def visit(rf, user, slug="moles"):
    request = rf.get(f"/studies/{slug}/")
    request.user = user
    return page(request, slug)


def test_a_stranger_is_sent_to_sign_in(rf, study):
    response = visit(rf, AnonymousUser())
    assert response.status_code == 302
    assert response.url.startswith("/account/login/")


@pytest.mark.parametrize("role", ["coordinator", "analyst"])
def test_the_named_roles_enter_and_the_study_is_at_hand(rf, person, role):
    assert visit(rf, person(role)).content == b"Moles"


def test_a_member_without_the_role_is_told_which_one_it_takes(rf, person):
    with pytest.raises(PermissionDenied, match="coordinator or analyst"):
        visit(rf, person("engineer"))


def test_without_any_role_the_study_does_not_exist(rf, person):
    with pytest.raises(Http404):
        visit(rf, person())


def test_a_role_in_one_study_opens_no_other(rf, person):
    analyst = person("analyst")
    other = Study.objects.create(slug="other", title="Other")
    assert not has_role(analyst, other)
    with pytest.raises(Http404):
        visit(rf, analyst, "other")


def test_an_administrator_has_every_role(rf, study):
    assert visit(rf, User.objects.create_superuser("root")).status_code == 200


def test_a_deactivated_account_has_no_role(person, study):
    analyst = person("analyst")
    analyst.is_active = False
    assert not has_role(analyst, study)


@pytest.mark.parametrize(
    ("permission", "allowed"),
    [
        ("see_truth", {"coordinator", "analyst", "engineer"}),
        ("see_provenance", {"coordinator", "reviewer"}),
        ("run_jobs", {"coordinator", "analyst", "engineer"}),
        ("coordinate", {"coordinator"}),
        ("analyse", {"analyst"}),
    ],
)
def test_named_permissions_follow_the_roles(person, study, permission, allowed):
    roles = ["coordinator", "analyst", "reviewer", "engineer"]
    granted = {role for role in roles if person(role).has_perm(f"imagebank.{permission}", study)}
    assert granted == allowed
    assert not person().has_perm(f"imagebank.{permission}", study)
