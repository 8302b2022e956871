"""Is the process alive (`/healthz`), and can it serve (`/readyz`)?"""

import os
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse

from imagebank.models import WorkerBeat
from imagebank.services.storing import StoreAway


class ProbesFirst:
    """Middleware: answers the probes before anything else looks at the request.

    An engine or a load balancer asks a process by its address, over HTTP, and by none of the site's names; the host check
    would refuse it, and the way to HTTPS send it elsewhere.
    """

    def __init__(self, get_response: Callable):
        self.get_response = get_response
        self.probes = {"/healthz": healthz, "/readyz": readyz}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.probes.get(request.path_info, self.get_response)(request)


def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers. Touches nothing else, so that a slow database does not get the process killed."""
    return HttpResponse("ok", content_type="text/plain")


def readyz(request: HttpRequest) -> JsonResponse:
    """What the site leans on, each "ok" or a short word of what is wrong; 503 when pages cannot be served.

    A silent worker is reported but leaves the answer at 200: pages and readers' answers do not need it, and taking
    the site away because jobs wait would be the greater harm.
    """
    checks = {"database": check_database(), "storage": check_storage()}
    reachable = checks["database"] == "ok"
    checks["migrations"] = check_migrations() if reachable else "not known"
    needed = all(state == "ok" for state in checks.values())
    checks["worker"] = check_worker() if needed else "not known"
    return JsonResponse({"ready": needed, "checks": checks}, status=200 if needed else 503)


def check_database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "unreachable"
    return "ok"


def check_migrations() -> str:
    executor = MigrationExecutor(connection)
    return "pending" if executor.migration_plan(executor.loader.graph.leaf_nodes()) else "ok"


def check_storage() -> str:
    if settings.AWS_STORAGE_BUCKET_NAME:
        try:
            default_storage.check()
        except StoreAway:
            return "bucket unreachable"
    folder = settings.MEDIA_ROOT
    folder.mkdir(parents=True, exist_ok=True)
    return "ok" if os.access(folder, os.W_OK) else "not writable"


def check_worker() -> str:
    return "ok" if WorkerBeat.objects.lives() else "silent"


@dataclass(frozen=True)
class SiteFact:
    """Something an administrator sets up once; `good` where nothing is left to do."""

    name: str
    good: bool
    words: str


def site_facts() -> list[SiteFact]:
    """What studies on this site will lean on, in words for an administrator's pages."""
    works, sends = WorkerBeat.objects.lives(), not settings.EMAIL_BACKEND.endswith("filebased.EmailBackend")
    return [
        SiteFact(
            "Worker", works, "runs" if works else "none runs, so imports, letters and trainings wait; start it with celery -A config worker"
        ),
        SiteFact(
            "Letters", sends, "go out by the mail server" if sends else "are kept as files and reach nobody; set EMAIL_URL"
        ),
        SiteFact("Address", not settings.SITE_URL.startswith("http://localhost"), f"readers' links begin with {settings.SITE_URL} (SITE_URL)"),
    ]
