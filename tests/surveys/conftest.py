import pytest

from tests.surveys.study import make_surveyed_study


@pytest.fixture
def study(db):
    return make_surveyed_study()
