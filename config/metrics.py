"""`/metrics` for Prometheus: how much work waits and how the reading goes. Counts only, nothing about correctness.

Served only where METRICS_TOKEN is set, to callers that send it as `Authorization: Bearer ...`.
"""

import hmac
import time
from collections.abc import Iterator

from django.conf import settings
from django.db.models import Count, Max
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from imagebank.models import Job, WorkerBeat
from surveys.models import Answer, Seat, SurveyResponse


class StudyCollector:
    """Reads the numbers at the moment they are asked for, one query each."""

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        seats = GaugeMetricFamily("diptych_seats", "Live seats by study and state", labels=["study", "state"])
        for row in Seat.objects.live().values("survey__survey_set__study__slug", "state").annotate(n=Count("pk")):
            seats.add_metric([row["survey__survey_set__study__slug"], row["state"]], row["n"])
        yield seats
        jobs = GaugeMetricFamily("diptych_jobs", "Background jobs by state", labels=["state"])
        for row in Job.objects.values("state").annotate(n=Count("pk")).order_by("state"):
            jobs.add_metric([row["state"]], row["n"])
        yield jobs
        yield CounterMetricFamily("diptych_answers", "Saved answers, changes of mind included", Answer.objects.count())
        sittings = SurveyResponse.objects
        yield CounterMetricFamily("diptych_sittings_started", "Sittings begun", sittings.count())
        yield CounterMetricFamily("diptych_sittings_complete", "Sittings complete", sittings.complete().count())
        last = WorkerBeat.objects.aggregate(last=Max("at"))["last"]
        if last:
            yield GaugeMetricFamily(
                "diptych_worker_silent_seconds", "Since the worker was last heard of", time.time() - last.timestamp()
            )


@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    """404 without the token: whoever may not read the numbers does not learn that there are any."""
    sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not settings.METRICS_TOKEN or not hmac.compare_digest(sent.encode(), settings.METRICS_TOKEN.encode()):
        raise Http404
    registry = CollectorRegistry()
    registry.register(StudyCollector())
    ProcessCollector(registry=registry)
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
