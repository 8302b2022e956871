"""Debian's Chromium through Playwright; without it these tests say so and skip."""

import shutil
import socket
import threading
import time
from importlib import import_module

import pytest
from django.conf import settings

CHROMIUM = shutil.which("chromium")
PATIENCE_S = 15


@pytest.fixture(scope="session")
def chromium():
    if CHROMIUM is None:
        pytest.skip("Debian's package chromium is not installed")
    sync_api = pytest.importorskip("playwright.sync_api", reason="the Python package playwright is not installed")
    import_module(settings.ROOT_URLCONF)  # every page's code: the first page would wait for it, longer than a test does
    sync_api.expect.set_options(timeout=1000 * PATIENCE_S)  # its own 5 seconds are short on a busy machine
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def quiet_server(live_server, chromium, transactional_db):
    """After each test close its pages and let their last requests end, so that none meets the emptying of the database."""
    yield
    for context in chromium.contexts:
        context.close()
    deadline = time.monotonic() + PATIENCE_S
    with socket.create_connection((live_server.thread.host, live_server.thread.port), timeout=PATIENCE_S) as last:
        last.shutdown(socket.SHUT_WR)
        last.recv(1)  # the server takes connections in order: all that came before this one have their thread now
    while connections_open() and time.monotonic() < deadline:
        time.sleep(0.01)


def connections_open() -> bool:
    """Whether a thread of the test server still serves a connection; the browser has closed its own with their page."""
    return any("process_request_thread" in thread.name for thread in threading.enumerate())
