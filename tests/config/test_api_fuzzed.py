"""Whatever a program sends, the API answers as its own schema says."""

import pytest
import schemathesis
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, given, settings
from rest_framework.authtoken.models import Token
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from config.wsgi import application
from tests.surveys.sitting import begin
from tests.surveys.study import make_surveyed_study

CHECKS = [not_a_server_error, response_schema_conformance, content_type_conformance]


@pytest.fixture
def one_connection(db):
    """Keep the test's own connection open between requests, as Django's test client does for its requests."""
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    yield
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


def test_every_answer_is_as_the_schema_says(study, one_connection):
    begin(make_surveyed_study())
    token = Token.objects.create(user=User.objects.create_superuser("fuzzer")).key
    headers = {"Authorization": f"Token {token}"}
    schema = schemathesis.openapi.from_wsgi("/api/schema/?format=json", application)
    answers = {}
    for operation in (result.ok() for result in schema.get_all_operations()):

        @settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def ask(case):
            response = case.call(headers=headers)
            answers.setdefault(case.operation.label, set()).add(response.status_code)
            case.validate_response(response, checks=CHECKS)

        ask()
    assert {"GET /api/seats/", "GET /api/readings/", "POST /api/invitations/"} <= set(answers)
    assert {"GET /api/studies/", "GET /api/items/", "POST /api/token/", "POST /api/jobs/{id}/cancel/"} <= set(answers)
    assert 200 in answers["GET /api/items/"]
    assert 200 in answers["GET /api/seats/"]
