"""What the coordinator's pages share: how one is rendered, how a refusal is told, how a file is sent."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from imagebank.permissions import has_role
from surveys.services import assisted_question


def page(request: HttpRequest, template: str, status: int = 200, **context) -> HttpResponse:
    """A page of `request.study` that no cache keeps."""
    study = request.study
    context |= {"coordinates": has_role(request.user, study, "coordinator")}
    protocol = getattr(study, "protocol", None)
    context |= {"study": study, "protocol": protocol, "survey_set": study.survey_sets.first()}
    context |= {"asks_twice": assisted_question(protocol) is not None}
    response = render(request, f"surveys/{template}.html", context, status=status)
    response["Cache-Control"] = "private, no-store"
    return response


def told(request: HttpRequest, done: str, action, **kwargs):
    """Call the service `action` and say `done`, or say its refusal; returns what it returned, None when refused."""
    try:
        result = action(**kwargs)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return None
    messages.success(request, done)
    return result


def download(content: str | bytes, name: str, content_type: str = "text/csv; charset=utf-8") -> HttpResponse:
    """A file that is saved under `name` and kept in no cache."""
    response = HttpResponse(content, content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response
