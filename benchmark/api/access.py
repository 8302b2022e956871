"""Whose comparisons a request may start, and what the start of a job answers."""

from rest_framework import serializers

from benchmark.pages.results import STARTING_ROLES
from imagebank.models import Study
from imagebank.study_access import study_called

LARGEST_SEED = 2**31 - 1


def study_to_change(user, slug: str) -> Study:
    """The study called `slug` in which `user` may start work; unknown to strangers, refused to other roles."""
    refusal = "Starting comparisons and stamping plans is for this study's analysts and coordinators."
    return study_called(user, slug, *STARTING_ROLES, refusal=refusal)


class StartedOut(serializers.Serializer):
    job = serializers.UUIDField(help_text="Follow it at /api/jobs/; its result names the comparison.")
