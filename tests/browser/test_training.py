"""A network trained and explained from the site in a real browser, by a real server and a real worker: curves grow,
cancel, continue, end; maps are made while one watches, kept when it is cancelled, and turned by keys."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import PBKDF2PasswordHasher, make_password
from django.db import connection
from playwright.sync_api import expect

from imagebank.models import ItemImage, Membership, Rendition
from tests.browser.test_reading import accessible, open_browser
from tests.models_ml.bank import store_study, write_manifest

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]
ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 180
EPOCHS = 15  # so many that a run is still at work after two steps of .3 s, of an epoch or more each
SEEN_S = 1.5  # until a worker has seen that a job is to stop


@pytest.fixture
def site(tmp_path, settings, transactional_db):
    """A server and a worker of their own, over a study of drawn pictures; gives the server's address and the worker's process."""
    settings.VAR_DIR, settings.MEDIA_ROOT = tmp_path / "var", tmp_path / "var" / "media"
    study = store_study(write_manifest(tmp_path / "pictures"))
    Rendition.objects.bulk_create(  # the pictures are small: each is its own web copy
        Rendition(image=image, name=name, file=image.file.name, width=48, height=48, sha256="0" * 64)
        for image in ItemImage.objects.all()
        for name in ("reading", "thumbnail")
    )
    # The tests' own quick hash is none that a server accepts.
    user = get_user_model().objects.create(username="engineer", password=make_password("a-long-password", hasher=PBKDF2PasswordHasher()))
    Membership.objects.create(study=study, user=user, role="engineer")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ, "DIPTYCH_VAR": str(tmp_path / "var"), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1",
        "DATABASE_URL": database_for_others(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings.dev",
    }  # fmt: skip
    server = ["gunicorn", "config.wsgi", "--threads", "4", "--bind", f"127.0.0.1:{port}", "--log-level", "warning"]
    worker = ["tests.browser.forking_worker", "worker", "--pool", "solo", "--loglevel", "WARNING"]
    running = [
        subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, env=environment) for command in (server, worker)
    ]
    address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            with urlopen(f"{address}/healthz", timeout=5):  # noqa: S310 - our own server
                break
        except OSError:
            time.sleep(0.2)
    yield address, running[1].pid
    for process in running:
        process.kill()  # a child that still trains notices, and stops in order
        process.wait()


def database_for_others(folder: Path) -> str:
    """Address of this test's database for other processes: a copy of the file, or the server's own."""
    if connection.vendor == "sqlite":
        copy = sqlite3.connect(folder / "site.sqlite3")
        connection.ensure_connection()
        connection.connection.backup(copy)
        copy.close()
        return f"sqlite:///{folder / 'site.sqlite3'}"
    name = connection.settings_dict
    place = f"{name['HOST']}:{name['PORT']}" if name["PORT"] else name["HOST"]
    return f"postgres://{quote(name['USER'])}:{quote(name['PASSWORD'])}@{place}/{name['NAME']}"


def rows(page) -> list[tuple[int, int]]:
    """Fold and epoch of every line of the table under the curves."""
    folds_and_epochs = "rows => rows.map(row => [row.cells[0], row.cells[1]].map(cell => Number(cell.textContent)))"
    return [tuple(row) for row in page.locator("#curve-numbers tbody tr").evaluate_all(folds_and_epochs)]


class Held:
    """The process that the worker has started, stopped as soon as `has_begun()`; it goes on when and as long as it is let. So no
    machine is too fast to be watched, or too slow."""

    def __init__(self, worker: int, has_begun):
        deadline = time.monotonic() + PATIENCE_S
        while not has_begun():
            assert time.monotonic() < deadline, "the worker's process does not begin"
            time.sleep(0.02)
        (self.number,) = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal() and self.parent(entry) == worker)
        os.kill(self.number, signal.SIGSTOP)

    @staticmethod
    def parent(entry: Path) -> int | None:
        try:
            return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended meanwhile
            return None

    def go_on(self, seconds: float | None = None) -> None:
        """For so long, or for good."""
        os.kill(self.number, signal.SIGCONT)
        if seconds is not None:
            time.sleep(seconds)
            os.kill(self.number, signal.SIGSTOP)


def has_epochs(var: Path) -> bool:
    return any('"EpochDone"' in path.read_text() for path in var.glob("networks/*/watched-focused/run/events.jsonl"))


def explain(page, worker: int, var: Path):
    """Press Explain, watch, cancel after the first picture, see it kept, continue from there, and look at the maps."""
    page.get_by_role("link", name="watched", exact=True).click()
    page.get_by_label("Random networks").fill("4")
    page.get_by_role("button", name="Explain", exact=True).click()
    explaining = Held(worker, lambda: any(var.glob("networks/*/watched-focused/attributions/*/maps/items/*.json")))
    page.get_by_text("explaining").wait_for()
    here = page.url
    page.get_by_role("link", name="Follow or cancel the job").click()
    page.get_by_role("button", name="Cancel this job").click()
    page.wait_for_timeout(1000 * SEEN_S)
    explaining.go_on()
    page.get_by_text("Cancelled on request.").wait_for()
    page.goto(here)
    done = page.locator("a.net-card").count()
    assert 0 < done < 6
    assert f"{done} picture" in page.locator("#set-state").inner_text()
    accessible(page)

    page.get_by_role("button", name="Continue where it stopped").click()
    page.goto(here)
    page.locator("a.net-card").nth(5).wait_for()  # the page comes anew by itself
    page.wait_for_load_state()  # the cards are there before the script that listens
    page.locator("#map-opacity").focus()
    page.keyboard.press("Home")
    page.locator("a.net-card").first.click()
    page.get_by_text("Item 1 of 6").wait_for()
    expect(page.locator("#map-opacity-shown")).to_have_text("0%")  # the opacity stays from page to page
    page.keyboard.press("ArrowRight")
    page.get_by_text("Item 2 of 6").wait_for()
    accessible(page)


def test_a_run_is_started_watched_cancelled_continued_finished_and_explained(chromium, site, tmp_path):
    address, worker = site
    context, page = open_browser(chromium, (1280, 800))
    context.set_default_timeout(1000 * PATIENCE_S)
    page.goto(f"{address}/account/login/?next=/studies/spots/networks/start/")
    page.locator("input[name=login]").fill("engineer")
    page.locator("input[name=password]").fill("a-long-password")
    page.locator("main form button").first.click()
    page.get_by_label("Name").fill("watched")
    page.get_by_label("Epochs").fill(str(EPOCHS))
    page.get_by_label("Folds", exact=True).fill("2")
    page.get_by_label("Further settings").fill(
        "model.backbone=test_efficientnet\ndata.size_px=32\nrecipe.batch_size=4\nrecipe.patience=0"
    )
    page.get_by_role("button", name="Start training").click()
    page.get_by_text("The first epoch has not ended yet.").wait_for()

    training = Held(worker, lambda: has_epochs(tmp_path / "var"))
    numbers = page.locator("#curve-numbers")
    numbers.locator("summary").click()
    first = rows(page)
    deadline = time.monotonic() + PATIENCE_S
    while len(rows(page)) < len(first) + 2:
        assert time.monotonic() < deadline, "the curves do not grow"
        training.go_on(0.3)
        page.wait_for_timeout(2500)  # the page comes anew every two seconds
    assert numbers.get_attribute("open") is not None, "what was opened stays open while the page refreshes itself"
    assert page.locator("polyline.curve").count() > 2
    assert page.evaluate("document.activeElement.matches('#curve-numbers > summary')"), "the focus stays"
    accessible(page)

    page.locator("#cancel-run").click()
    page.wait_for_timeout(1000 * SEEN_S)
    training.go_on()
    page.locator("#resume-run").wait_for()
    stopped = rows(page)
    assert 0 < len(stopped) < 2 * EPOCHS
    assert page.get_by_text("cancelled").first.is_visible()

    page.locator("#resume-run").click()
    page.locator("#cancel-run").wait_for()
    page.get_by_role("link", name="watched", exact=True).wait_for()  # the ensemble has answered the test items
    page.get_by_text("files of the run folder").wait_for()  # the page comes anew by itself
    assert rows(page)[: len(stopped)] == stopped
    assert rows(page) == [(fold, epoch) for fold in (0, 1) for epoch in range(1, EPOCHS + 1)]
    assert page.get_by_text("finished").first.is_visible()
    explain(page, worker, tmp_path / "var")
    assert not page.faults
