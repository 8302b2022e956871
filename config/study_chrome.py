"""What stands at the top of every page of a study: its name, its rooms, and what is drawn or simulated in it."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from config.study_path import link, study_state, study_tags
from imagebank.models import Study
from imagebank.permissions import WORKING_ROLES, roles_of


@dataclass(frozen=True)
class Room:
    """One entry of the study's bar."""

    name: str
    url: str
    here: bool


@dataclass(frozen=True)
class Chrome:
    study: Study
    rooms: list[Room]
    tags: list[str]
    state: str


# Name, where it leads (the first address that exists), the addresses that belong to it, and who may go there.
ROOMS = (
    ("Images", ("imagebank:items",), ("imagebank:i", "imagebank:l", "imagebank:review", "imagebank:exclude"), ()),
    (
        "Surveys",
        ("surveys:overview",),
        ("surveys:overview", "surveys:certificate", "surveys:preview"),
        ("coordinator",),
    ),
    ("Readers", ("surveys:readers",), ("surveys:r", "surveys:seat", "surveys:inv", "surveys:letters", "surveys:erase"), ("coordinator",)),
    ("Networks", ("models_ml:runs",), ("models_ml:", "benchmark:network_"), WORKING_ROLES),
    ("Results", ("benchmark:comparison_list",), ("benchmark:",), WORKING_ROLES),
    ("Exports", ("surveys:exports",), ("surveys:export", "surveys:verify"), ("coordinator", "analyst")),
    ("Generated", ("generative:overview",), ("generative:",), WORKING_ROLES),
    ("Jobs", ("job-list",), ("job-",), ()),
)


def study_chrome(request: HttpRequest) -> dict:
    """Context processor: `chrome` on pages that `require_role` guards, worked out only where a template shows it."""
    study = getattr(request, "study", None)
    return {"chrome": SimpleLazyObject(lambda: _chrome(request, study))} if study else {}


def _chrome(request: HttpRequest, study: Study) -> Chrome:
    here = getattr(request.resolver_match, "view_name", "")
    current = next((name for name, _, prefixes, _ in ROOMS if here.startswith(prefixes)), None)
    own = roles_of(request.user, study)
    rooms = [
        Room(name, url, name == current)
        for name, targets, _, roles in ROOMS
        if (not roles or own.intersection(roles)) and (url := link(study, *targets))
    ]
    return Chrome(study, rooms, study_tags(study), study_state(study))
