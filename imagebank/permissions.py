"""Who may do what in a study: roles per study, the decorator that pages use, and the predicates behind them.

An administrator (superuser) has every role in every study. A study in which somebody has no role does not exist for
them: its pages answer 404, so that not even its name leaks. A member without the right role is told so (403).
"""

from collections.abc import Callable, Iterable
from functools import wraps

import rules
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from imagebank.models import Membership, Study

Role = Membership.Role

# Reviewers judge a diagnosis independently, so they see where a picture comes from but not the reference class.
TRUTH_ROLES = (Role.COORDINATOR, Role.ANALYST, Role.ENGINEER)
PROVENANCE_ROLES = (Role.COORDINATOR, Role.REVIEWER)
WORKING_ROLES = (Role.COORDINATOR, Role.ANALYST, Role.ENGINEER)

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
ARCHIVED = "This study is archived: it can be looked at, not changed. A coordinator can take it out of the archive."

FORM_ONLY = "This page is a form and nothing else, and an archived study takes none."


def has_role(user, study: Study, *roles: str) -> bool:
    """Whether `user` has one of `roles` in `study`; with no roles named, any role will do."""
    if not user.is_authenticated or not user.is_active:
        return False
    if user.is_superuser:
        return True
    memberships = Membership.objects.filter(study=study, user=user)
    return (memberships.filter(role__in=roles) if roles else memberships).exists()


def may_change(user, study: Study, *roles: str) -> bool:
    """Whether pages offer `user` the forms that are for `roles`: nobody those of an archived study."""
    return study.archived_at is None and has_role(user, study, *roles)


def roles_of(user, study: Study) -> frozenset[str]:
    """Every role of `user` in `study`, by one query; an administrator has them all."""
    return roles_in(user, [study])[study.pk]


def roles_in(user, studies: Iterable[Study]) -> dict[int, frozenset[str]]:
    """The roles of `user` in each of `studies`, by its key; one query for all of them."""
    keys = [study.pk for study in studies]
    if not user.is_authenticated or not user.is_active:
        return dict.fromkeys(keys, frozenset())
    if user.is_superuser:
        return dict.fromkeys(keys, frozenset(Role.values))
    held: dict[int, set[str]] = {key: set() for key in keys}
    for key, role in Membership.objects.filter(study__in=keys, user=user).values_list("study", "role"):
        held[key].add(role)
    return {key: frozenset(roles) for key, roles in held.items()}


def require_role(*roles: str) -> Callable:
    """Guard a view `(request, slug, ...)`: sign in first, then have one of `roles` in the study called `slug`.

    Sets `request.study`. Somebody without any role in the study gets 404, a member without the right one 403. In an
    archived study only those forms are taken whose view is marked `@allowed_in_archive`, and a page marked
    `@only_to_change` says so in place of its form.
    """

    def guard(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        @login_required
        def guarded(request: HttpRequest, slug: str, *args, **kwargs) -> HttpResponse:
            study = get_object_or_404(Study.objects.visible_to(request.user), slug=slug)
            if not has_role(request.user, study, *roles):
                wanted = " or ".join(Role(role).label.lower() for role in roles)
                raise PermissionDenied(f"This page is for the {wanted} of this study. Ask a coordinator for that role.")
            request.study = study
            changes = request.method not in SAFE_METHODS or getattr(view, "changes", False)
            if study.archived_at and changes and not getattr(view, "in_archive", False):
                raise PermissionDenied(FORM_ONLY if request.method in SAFE_METHODS else ARCHIVED)
            return view(request, slug, *args, **kwargs)

        return guarded

    return guard


def allowed_in_archive(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Mark a view, below `require_role`, whose forms an archived study takes too: people's rights, and leaving the archive."""
    view.in_archive = True
    return view


def only_to_change(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Mark a view, below `require_role`, whose page is a form and nothing else: an archived study has none to show."""
    view.changes = True
    return view


def role_predicate(*roles: str) -> rules.Predicate:
    """The rule "has one of `roles` in the study that this object is or belongs to"."""

    @rules.predicate(name=f"has role {', '.join(roles) or 'any'}")
    def allowed(user, target) -> bool:
        if target is None:
            return False
        return has_role(user, target if isinstance(target, Study) else target.study, *roles)

    return allowed


may_see_study = role_predicate()
may_see_truth = role_predicate(*TRUTH_ROLES)
may_see_provenance = role_predicate(*PROVENANCE_ROLES)
may_run_jobs = role_predicate(*WORKING_ROLES)
may_coordinate = role_predicate(Role.COORDINATOR)
may_analyse = role_predicate(Role.ANALYST)
