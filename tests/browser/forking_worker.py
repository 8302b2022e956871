"""A Celery worker whose jobs start the core in forks of it: ``python -m tests.browser.forking_worker worker --pool solo``."""

import sys

import django
import timm  # noqa: F401 - read once, before the first job


def main() -> None:
    django.setup()
    from celery.__main__ import main as celery

    from models_ml import child
    from tests.forked import FORKING

    child.subprocess = FORKING
    sys.argv[1:1] = ["-A", "config"]
    celery()


if __name__ == "__main__":
    main()
