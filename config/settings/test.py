"""Tests: everything written goes to a folder that is thrown away, jobs run in the calling process."""

import os
import tempfile

os.environ.setdefault("DIPTYCH_VAR", tempfile.mkdtemp(prefix="diptych-test-"))

from .base import *  # noqa: E402, F403

SECRET_KEY = "only-for-tests"  # noqa: S105
DEBUG = False
ALLOWED_HOSTS = ["*"]
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
