"""Whose studies a request may see or change, and what the start of a job answers."""

from django.shortcuts import get_object_or_404
from rest_framework import serializers, viewsets
from rest_framework.exceptions import PermissionDenied
from rest_framework.renderers import JSONRenderer

from benchmark.pages.results import STARTING_ROLES
from imagebank.models import Study
from imagebank.permissions import has_role

LARGEST_SEED = 2**31 - 1


def studies_with_role(user, *roles) -> list[Study]:
    return [study for study in Study.objects.visible_to(user) if has_role(user, study, *roles)]


def study_to_change(user, slug: str) -> Study:
    """The study called `slug` in which `user` may start work; unknown to strangers, refused to other roles."""
    study = get_object_or_404(Study.objects.visible_to(user), slug=slug)
    if not has_role(user, study, *STARTING_ROLES):
        raise PermissionDenied("Starting comparisons and stamping plans is for this study's analysts and coordinators.")
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
        study = get_object_or_404(Study.objects.visible_to(self.request.user), slug=self.kwargs["slug"])
        if not has_role(self.request.user, study, *self.roles):
            raise PermissionDenied(self.refusal)
        return study


class StartedOut(serializers.Serializer):
    job = serializers.UUIDField(help_text="Follow it at /api/jobs/; its result names the comparison.")
