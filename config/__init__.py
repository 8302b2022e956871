"""The roof: settings, addresses and the background worker. Wiring only."""

from .celery import app as celery_app

__all__ = ["celery_app"]
