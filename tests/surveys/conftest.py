import pytest
from django.core.cache import cache

from imagebank.models import Study
from tests.shared_rows import rows_of_a_module
from tests.surveys.debriefed import make_read_study
from tests.surveys.study import make_surveyed_study


@pytest.fixture
def study(db):
    return make_surveyed_study()


@pytest.fixture(autouse=True)
def nobody_guessed_before():
    """Tests begin with no unknown links counted."""
    cache.clear()


@pytest.fixture(scope="module")
def links_of_one(django_db_setup, django_db_blocker):
    """The links of a closed study that one reader finished."""
    with rows_of_a_module(django_db_blocker):
        yield make_read_study()[1]


@pytest.fixture
def read(links_of_one, db):
    return Study.objects.get(slug="small"), links_of_one
