"""Each role on each page of a study, by the addresses that there are: whoever adds a page says here who may open it."""

import re

import pytest
from django.contrib.auth.models import User
from django.urls import get_resolver

from imagebank.models import Membership
from tests.surveys.study import make_surveyed_study

pytestmark = pytest.mark.django_db
C, A, R, E = "coordinator", "analyst", "reviewer", "engineer"
EVERYBODY, WORKERS, MAKERS, ANALYSTS = {C, A, R, E}, {C, A, E}, {C, E}, {C, A}
BELOW = "studies/<slug:slug>/"
# The first line that fits says who may come in.
WHO = (
    (r"|images/|images/item/<int:pk>/|images/<str:public_id>/<slug:rendition>/|jobs/|jobs/<uuid:pk>/", EVERYBODY),
    (r"images/review/|images/item/<int:pk>/review/", {R}),
    (r"images/(leakage|split)/.*|jobs/.*", WORKERS),
    (r"images/data-card\.md", WORKERS),
    (r"(delete|end|set-up|people|readings|images)/.*", {C}),
    (r"study\.toml|surveys/exports/.*|surveys/(readings|ratings|recruitment)\.csv|surveys/recruitment/.*", ANALYSTS),
    (r"surveys/new-rating/", set()),  # needs the permission to begin studies
    (r"surveys/.*", {C}),
    (r"(protocol|record)/.*", ANALYSTS),
    (r"precision/|planning/simulate/|rehearsals/start/", ANALYSTS),
    (r"results/(start|predictions)/.*|results/<int:pk>/(check|renewal|documents)/", ANALYSTS),
    (r"(plan|planning|rehearsals|results)/.*", WORKERS),
    (r"generated/(add|import|train)/|generated/.*/(decide|audit|publish|suspected)/", MAKERS),
    (r"networks/(auxiliary|gpu-box|import|start|take-part)/.*", MAKERS),
    (r"networks/(ensembles/<int:pk>/explain|attributions/<int:pk>/remove)/", MAKERS),
    (r"networks/runs/<int:pk>/(cancel|ensembles|onnx|predict|remove|resume)/", MAKERS),
    (r"(generated|networks)/.*", WORKERS),
)
MADE_UP = {
    "int": "1", "uuid": "00000000-0000-0000-0000-000000000000", "slug": "x", "str": "x", "path": "x.csv",
}  # fmt: skip


def addresses() -> list[str]:
    """Every address below a study, as it is written."""
    found = set()
    for pattern in get_resolver().url_patterns:
        for leaf in getattr(pattern, "url_patterns", [pattern]):
            written = f"{pattern.pattern}{'' if leaf is pattern else leaf.pattern}"
            if written.startswith(BELOW):
                found.add(written.removeprefix(BELOW))
    return sorted(found)


def example(written: str) -> str:
    return "/studies/small/" + re.sub(r"<(\w+):\w+>", lambda place: MADE_UP[place[1]], written)


def visit(client, address: str) -> int:
    """The answer to the way in which the address is meant to be used."""
    answer = client.get(address)
    return client.post(address).status_code if answer.status_code == 405 else answer.status_code


def test_each_role_comes_in_where_the_table_says_and_nowhere_else(client):
    study = make_surveyed_study()
    people = {role: User.objects.create_user(role) for role in (C, A, R, E)}
    for role, user in people.items():
        Membership.objects.create(study=study, user=user, role=role)
    seen = {}
    for role, user in people.items():
        client.force_login(user)
        for written in addresses():
            status = visit(client, example(written))
            assert status < 500, (role, written)
            if status != 403:
                seen.setdefault(written, set()).add(role)
    assert len(addresses()) > 110
    wrong = {}
    for written in addresses():
        expected = next((roles for rule, roles in WHO if re.fullmatch(rule, written)), None)
        if seen.get(written, set()) != expected:
            wrong[written] = (seen.get(written, set()), expected)
    assert not wrong


def test_for_strangers_no_study_exists_and_visitors_are_asked_to_sign_in(client):
    make_surveyed_study()
    for written in addresses():
        answer = visit(client, example(written))
        assert answer == 302, written
    client.force_login(User.objects.create_user("stranger"))
    for written in addresses():
        assert visit(client, example(written)) == 404, written


def test_what_a_reviewer_may_open_names_no_class_of_an_item(client):
    """The reference class is what a reviewer's judgement is held against."""
    study = make_surveyed_study()
    item = study.items.first()
    reviewer = User.objects.create_user("rita")
    Membership.objects.create(study=study, user=reviewer, role=R)
    client.force_login(reviewer)
    for address in ("images/", f"images/item/{item.pk}/"):
        text = client.get(f"/studies/small/{address}").content.decode()
        assert "Reference class" not in text
    rows = client.get("/api/items/").json()["results"]
    assert {row["truth"] for row in rows} == {None}
