"""Who may use the surveys' part of the API: coordinators everything, analysts also readings and recruitment."""

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.renderers import JSONRenderer

from imagebank.models import Membership, Study
from imagebank.permissions import Role, has_role
from imagebank.tables import CsvRenderer

COORDINATES = (Role.COORDINATOR,)
COORDINATORS_ONLY = "This is for the coordinator of this study. Ask a coordinator for that role."
READS_RESULTS = (Role.COORDINATOR, Role.ANALYST)


def studies_of(user, *roles: str) -> QuerySet[Study]:
    """The studies in which `user` has one of `roles`."""
    if not user or not user.is_authenticated or not user.is_active:
        return Study.objects.none()
    studies = Study.objects.visible_to(user)
    if user.is_superuser:
        return studies
    return studies.filter(pk__in=Membership.objects.filter(user=user, role__in=roles).values("study"))


class OfMyStudies:
    """A viewset whose rows belong to studies in which the signed-in person has one of `roles`, as JSON and as CSV."""

    roles = COORDINATES
    renderer_classes = (JSONRenderer, CsvRenderer)

    def my_studies(self) -> QuerySet[Study]:
        return studies_of(self.request.user if self.request else None, *self.roles)


class StudyField(serializers.SlugRelatedField):
    """A study by its slug, among those that the signed-in person may see."""

    def __init__(self, **kwargs):
        super().__init__(slug_field="slug", queryset=Study.objects.all(), **kwargs)

    def get_queryset(self):
        return Study.objects.visible_to(self.context["request"].user)


def require_coordinator(user, study: Study) -> None:
    if not has_role(user, study, *COORDINATES):
        raise PermissionDenied(COORDINATORS_ONLY)
