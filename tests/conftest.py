"""What every test shares: one thread per process, and a sentence for each thing that this machine lacks."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")  # what is promised to the bit is promised of a processor
# The synchronous browser driver runs an event loop in the thread in which tests use the database.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")

import pytest
from hypothesis import settings as hypothesis_settings

hypothesis_settings.register_profile("diptych", deadline=None, max_examples=25)
hypothesis_settings.load_profile("diptych")
os.fsync = lambda handle: None  # a power cut is no test's matter, and thousands of files are written

DATABASE_FIXTURES = {"db", "transactional_db", "live_server", "client", "admin_client", "django_db_setup"}


def pytest_addoption(parser):
    parser.addoption(
        "--database-only", action="store_true", help="Only tests that touch the database, for a run on PostgreSQL."
    )


def touches_database(item: pytest.Item) -> bool:
    return bool(
        item.get_closest_marker("django_db") or DATABASE_FIXTURES.intersection(getattr(item, "fixturenames", ()))
    )


def missing_for(item: pytest.Item) -> str | None:
    """Why this test cannot run here, naming the package that would help, or None."""
    if item.get_closest_marker("browser") and not shutil.which("chromium"):
        return "needs a browser: Debian package chromium"
    if item.get_closest_marker("postgres") and not os.environ.get("TEST_POSTGRES_URL"):
        return "needs PostgreSQL: Debian package postgresql, its address in TEST_POSTGRES_URL (.ci/run does both)"
    if item.get_closest_marker("redis") and not os.environ.get("TEST_REDIS_URL"):
        return "needs Redis: Debian package redis-server, its address in TEST_REDIS_URL (.ci/run does both)"
    return None


def is_wanted(item: pytest.Item, *, database_only: bool) -> bool:
    """Whether this run is about the test at all: tests of minutes take TEST_SLOW=1."""
    if item.get_closest_marker("slow") and not os.environ.get("TEST_SLOW"):
        return False
    return not database_only or (touches_database(item) and not item.get_closest_marker("once"))


def pytest_report_header() -> str:
    return "" if os.environ.get("TEST_SLOW") else "Tests of several minutes are left out; TEST_SLOW=1 runs them too."


def pytest_collection_modifyitems(config, items):
    database_only = config.getoption("--database-only")
    unwanted = [item for item in items if not is_wanted(item, database_only=database_only)]
    items[:] = [item for item in items if is_wanted(item, database_only=database_only)]
    if unwanted:
        config.hook.pytest_deselected(items=unwanted)
    for item in items:
        reason = missing_for(item)
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def migrated_database(django_db_setup, tmp_path_factory) -> Path:
    """An SQLite file with every table, to be copied for processes that a test starts: migrating takes seconds. Needs the mark django_db."""
    from django.db import connection

    if connection.vendor != "sqlite":
        pytest.fail(f"A test with a database file of its own needs a run on SQLite, not on {connection.vendor}; mark it once.")
    path = tmp_path_factory.mktemp("migrated") / "database.sqlite3"
    with closing(sqlite3.connect(connection.settings_dict["NAME"])) as ours, closing(sqlite3.connect(path)) as copy:
        ours.backup(copy)
    return path
