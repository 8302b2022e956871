"""Debian's Chromium through Playwright; without it these tests say so and skip."""

import shutil

import pytest

CHROMIUM = shutil.which("chromium")


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
def quiet_server(live_server, chromium, transactional_db):
    """After each test close its pages and let their last requests end, so that none meets the emptying of the database."""
    import threading
    import time

    from django.core.signals import request_finished, request_started

    open_requests, lock = [0], threading.Lock()

    def count(step):
        def receiver(**kwargs):
            with lock:
                open_requests[0] += step

        return receiver

    began, ended = count(1), count(-1)
    request_started.connect(began)
    request_finished.connect(ended)
    yield
    for context in chromium.contexts:
        context.close()
    quiet_since, deadline = time.monotonic(), time.monotonic() + 15
    while time.monotonic() < min(quiet_since + 0.7, deadline):
        if open_requests[0] > 0:
            quiet_since = time.monotonic()
        time.sleep(0.05)
    request_started.disconnect(began)
    request_finished.disconnect(ended)
