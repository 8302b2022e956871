"""An archived study answers the API and is not changed by it."""

from collections.abc import Mapping

from rest_framework.permissions import SAFE_METHODS, BasePermission

from imagebank.models import Study
from imagebank.permissions import ARCHIVED

OWNERS = ("study", "reader", "group", "survey_set", "ensemble", "image_set")


class ArchivedIsReadOnly(BasePermission):
    """Refuses every request that would change an archived study, unless its view is marked `allowed_in_archive`."""

    message = ARCHIVED

    def has_permission(self, request, view) -> bool:
        handler = getattr(view, getattr(view, "action", None) or request.method.lower(), None)
        if request.method in SAFE_METHODS or getattr(handler, "in_archive", False):
            return True
        study = study_at_stake(request, view)
        return study is None or study.archived_at is None


def study_at_stake(request, view) -> Study | None:
    """The study that the request names in its address or body, or to which the row of its address belongs."""
    named = view.kwargs.get("slug")  # goes first, or a body that names an open study would open an archived one
    named = named or (request.data.get("study") if isinstance(request.data, Mapping) else None)
    if named:  # blanks around it do not count in the fields of a body either
        return Study.objects.visible_to(request.user).filter(slug=str(named).replace("\x00", "").strip()).first()
    where = getattr(view, "lookup_url_kwarg", None) or getattr(view, "lookup_field", None)
    if where not in view.kwargs:
        return None
    try:
        return study_of(view.get_queryset().filter(**{view.lookup_field: view.kwargs[where]}).first())
    except ValueError:  # no key of any row; the view answers 404
        return None


def study_of(row) -> Study | None:
    """The study that `row` belongs to, along the names by which our rows know their owners."""
    while row is not None and not isinstance(row, Study):
        row = next((getattr(row, name) for name in OWNERS if getattr(row, name, None) is not None), None)
    return row
