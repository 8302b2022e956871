"""What stands at the top of every page of a study: its name, its rooms, and what is drawn or simulated in it."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from config.study_path import link, study_state, study_tags
from imagebank.models import Study
from imagebank.permissions import WORKING_ROLES, Role, roles_of


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
    notice: str
    reopens: str
    roles: frozenset[str]

    @property
    def may_invite(self) -> bool:
        """Whether a link is given to somebody who has not begun."""
        return not self.state

    @property
    def may_read(self) -> bool:
        """Whether who has begun can go on, and get a new link."""
        return self.state in ("", "recruitment closed")


# What each state closes, in the rooms where its forms are missed (none named: everywhere), and the press that opens it.
NOTICES = {
    "archived": ("This study is archived: it can be looked at, not changed.", (), "Take it out of the archive"),
    "reading closed": (
        "Reading is closed: no answers are taken, nobody is invited and no link is sent.",
        ("Surveys", "Readers"),
        "Open it again",
    ),
    "recruitment closed": (
        "Recruitment is closed, so nobody new can be invited. Who has begun goes on.",
        ("Surveys", "Readers"),
        "Open it again",
    ),
}

# Name, where it leads (the first address that exists), the addresses that belong to it, and who may go there.
ROOMS = (
    ("Images", ("imagebank:items",), ("imagebank:i", "imagebank:l", "imagebank:review", "imagebank:exclude"), ()),
    (
        "Surveys",
        ("surveys:overview",),
        ("surveys:overview", "surveys:certificate", "surveys:preview", "benchmark:assistance"),
        ("coordinator",),
    ),
    (
        "Readers",
        ("surveys:readers",),
        ("surveys:r", "surveys:seat", "surveys:inv", "surveys:letters", "surveys:erase", "surveys:debrief"),
        ("coordinator",),
    ),
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
    state = study_state(study)
    words, where, press = NOTICES.get(state, ("", (), ""))
    if (where and current not in where) or here == "surveys:end" or here.startswith("surveys:debrief"):  # the page that opens it says more
        words = press = ""
    elif words and Role.COORDINATOR not in own:
        words, press = f"{words} A coordinator can open it again.", ""
    return Chrome(study, rooms, study_tags(study), state, words, press, own)
