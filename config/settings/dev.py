"""A developer's or evaluator's machine: `make demo` runs with these."""

from .base import *  # noqa: F403
from .base import VAR_DIR, env
from .secret import local_secret_key

DEBUG = env.bool("DEBUG", default=True)
SECRET_KEY = env("SECRET_KEY", default="") or local_secret_key(VAR_DIR)
