"""Settings of a web process that a test starts and kills: a database in a file."""

import os
from pathlib import Path

from config.settings.test import *  # noqa: F403
from config.settings.test import DATABASES

DATABASES["default"]["NAME"] = Path(os.environ["DIPTYCH_VAR"]) / "killed.sqlite3"
