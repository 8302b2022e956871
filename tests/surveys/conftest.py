import pytest
from django.core.cache import cache

from tests.surveys.study import make_surveyed_study


@pytest.fixture
def study(db):
    return make_surveyed_study()


@pytest.fixture(autouse=True)
def nobody_guessed_before():
    """Tests begin with no unknown links counted."""
    cache.clear()
