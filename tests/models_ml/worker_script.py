"""A worker in miniature, to be killed: runs a command of the core through models_ml.child without a database."""

import sys
from pathlib import Path

import django

django.setup()

from models_ml.child import run_core  # noqa: E402


class NoJob:
    payload: dict = {}
    def progress(self, **said):
        pass

    def check_cancelled(self):
        pass

    def log(self, text):
        pass


if __name__ == "__main__":
    run_core(sys.argv[2:], home=Path(sys.argv[1]), job=NoJob())
