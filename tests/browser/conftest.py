"""Debian's Chromium through Playwright; without it these tests say so and skip."""

import os
import shutil

import pytest
from django.urls import Resolver404, resolve

CHROMIUM = shutil.which("chromium")
# Playwright's own event loop runs in the thread that also talks to the test database.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")


@pytest.fixture(scope="session")
def chromium():
    if CHROMIUM is None:
        pytest.skip("Debian's package chromium is not installed")
    sync_api = pytest.importorskip("playwright.sync_api", reason="the Python package playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def addresses(settings):
    """Use the surveys' own addresses until the project's contain them."""
    try:
        resolve("/r/token/", urlconf="config.urls")
    except Resolver404:
        settings.ROOT_URLCONF = "tests.surveys.urls"
