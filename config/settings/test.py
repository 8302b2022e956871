"""Tests: everything written goes to a folder that is thrown away, jobs run in the calling process."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

if "DIPTYCH_VAR" not in os.environ:
    os.environ["DIPTYCH_VAR"] = tempfile.mkdtemp(prefix="diptych-test-")
    maker = os.getpid()  # a forked child must not throw away what its parent still uses
    atexit.register(lambda: os.getpid() == maker and shutil.rmtree(os.environ["DIPTYCH_VAR"], ignore_errors=True))
elif "PYTEST_XDIST_WORKER" in os.environ and Path(os.environ["DIPTYCH_VAR"]).name.startswith("diptych-test-"):
    # A folder for each of the processes that share the tests: some tests ask which files there are.
    os.environ["DIPTYCH_VAR"] = str(Path(os.environ["DIPTYCH_VAR"]) / os.environ["PYTEST_XDIST_WORKER"])

from .base import *  # noqa: E402, F403

SECRET_KEY = "only-for-tests"  # noqa: S105
DEBUG = False
ALLOWED_HOSTS = ["*"]
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_AUTOREFRESH = True  # look for a static file when it is asked for, not for all of them with every test's client

# A file, as a site has one: the test server's threads would share one connection to a database in memory, and undo
# each other's transactions.
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # noqa: F405
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test-database.sqlite3")}  # noqa: F405
    # A power cut is no test's matter, as with fsync=off for PostgreSQL in .ci/run.
    DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA foreign_keys=ON;"  # noqa: F405
