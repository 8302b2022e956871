"""Pages of a large study ask the database as often as those of a small one."""

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from imagebank.models import Study
from surveys.models import Reader, Seat
from tests.surveys.large import make_large_study

pytestmark = pytest.mark.django_db
PAGES = (
    "/", "/studies/{s}/", "/studies/{s}/end/", "/studies/{s}/delete/", "/studies/{s}/set-up/", "/studies/{s}/images/",
    "/studies/{s}/images/?page=2", "/studies/{s}/images/leakage/", "/studies/{s}/surveys/", "/studies/{s}/surveys/certificate/",
    "/studies/{s}/surveys/readers/", "/studies/{s}/surveys/readers/letters/", "/studies/{s}/surveys/readers/list/",
    "/studies/{s}/surveys/seats/{seat}/", "/studies/{s}/surveys/recruitment/", "/studies/{s}/surveys/recruitment.csv",
    "/studies/{s}/surveys/exports/", "/studies/{s}/surveys/readings.csv", "/studies/{s}/surveys/exports/bundle.zip",
    "/studies/{s}/results/", "/studies/{s}/plan/", "/studies/{s}/planning/", "/studies/{s}/precision/", "/studies/{s}/jobs/",
    "/studies/{s}/surveys/readers/{reader}/withdraw/", "/api/studies/", "/api/items/?study={s}", "/api/surveys/?study={s}",
    "/api/seats/?study={s}", "/api/readers/?study={s}", "/api/invitations/?study={s}", "/api/readings/?study={s}",
    "/api/survey-sets/", "/api/progress/?study={s}", "/metrics",
)  # fmt: skip


def queries_of(client, study) -> dict[str, int]:
    """How often each page asks the database, once everything that is kept between requests is there."""
    names = {
        "s": study.slug, "seat": Seat.objects.of_study(study).first().pk, "reader": Reader.objects.filter(study=study)[0].pk,
    }  # fmt: skip
    found = {}
    for page in PAGES:
        cache.clear()
        with CaptureQueriesContext(connection) as asked:
            answer = client.get(page.format(**names))
            content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert answer.status_code in (200, 404), (page, answer.status_code)
        assert content
        found[page] = len(asked)
    return found


def test_no_page_asks_more_often_the_larger_the_study_is(client, settings):
    settings.METRICS_TOKEN = ""
    client.force_login(User.objects.create_superuser("root"))
    small = queries_of(client, make_large_study(items=120, seats=8, slug="small"))
    large = queries_of(client, make_large_study(items=360, seats=48, slug="large"))
    grown = {page: (small[page], large[page]) for page in PAGES if large[page] > small[page] and page != "/"}
    assert not grown
    assert max(large.values()) < 70, large


def test_the_first_page_shows_twenty_studies_at_a_time(client):
    client.force_login(User.objects.create_superuser("root"))
    Study.objects.bulk_create(Study(slug=f"s{n}", title=f"Study {n}.") for n in range(45))
    first = client.get("/").content.decode()
    assert ("Study 19." in first, "Study 20." in first) == (True, False)
    assert "Study 44." in client.get("/?page=3").content.decode()
    with CaptureQueriesContext(connection) as asked:
        client.get("/")
    assert len(asked) < 20 * 20
