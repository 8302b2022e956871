"""Which studies a request of the programming interface may see or change: found and refused alike in every room."""

from django.shortcuts import get_object_or_404
from rest_framework import viewsets
from rest_framework.exceptions import PermissionDenied
from rest_framework.renderers import JSONRenderer

from imagebank.models import Study
from imagebank.permissions import Role, has_role


def studies_with(user, *roles: str) -> list[Study]:
    """The studies in which `user` has one of the roles."""
    return [study for study in Study.objects.visible_to(user) if has_role(user, study, *roles)]


def study_called(user, slug: str, *roles: str, refusal: str = "") -> Study:
    """The study called `slug`; unknown to strangers. Members with none of the roles are refused, in these words where there are some."""
    study = get_object_or_404(Study.objects.visible_to(user), slug=slug)
    if not has_role(user, study, *roles):
        named = " or ".join(Role(role).label.lower() for role in roles)
        raise PermissionDenied(refusal or f"This is for the {named} of this study.")
    return study


class OfOneStudy(viewsets.GenericViewSet):
    """What a study has once, by the study's slug. Who has none of `roles` is told `refusal`; strangers find nothing."""

    roles: tuple[str, ...] = ()
    refusal = ""
    queryset = Study.objects.none()
    lookup_field = "slug"
    lookup_value_regex = r"[-\w]+"
    renderer_classes = (JSONRenderer,)

    def get_study(self) -> Study:
        return study_called(self.request.user, self.kwargs["slug"], *self.roles, refusal=self.refusal)
