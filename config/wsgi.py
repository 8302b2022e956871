"""WSGI entry point: `gunicorn config.wsgi`."""

import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.production")

application = get_wsgi_application()
import_module(settings.ROOT_URLCONF)  # every page's code: the first visitor of each process would wait seconds for it
