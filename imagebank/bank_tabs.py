"""The tabs over the pages of the image bank."""

from django.http import HttpRequest

from imagebank.permissions import WORKING_ROLES, Role, has_role, may_change


def bank_tabs(request: HttpRequest) -> dict[str, bool | int]:
    """Where this person has business, as names for templates; `waiting`: items that wait for their review."""
    may_review = may_change(request.user, request.study, Role.REVIEWER)
    return {
        "works": has_role(request.user, request.study, *WORKING_ROLES),
        "coordinates": may_change(request.user, request.study, Role.COORDINATOR),
        "may_review": may_review,
        "waiting": request.study.items.waiting_for(request.user).count() if may_review else 0,
    }
