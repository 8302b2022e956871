import pytest
from django.urls import Resolver404, resolve

from tests.surveys.study import make_surveyed_study


@pytest.fixture(autouse=True)
def addresses(request, settings):
    """Use the surveys' own addresses until the project's contain them."""
    try:
        resolve("/r/token/", urlconf="config.urls")
    except Resolver404:
        settings.ROOT_URLCONF = "tests.surveys.urls"


@pytest.fixture
def study(db):
    return make_surveyed_study()
