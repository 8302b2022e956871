"""Writing down what was done to a study."""

from imagebank.models import Study, TrailEntry


def note_deed(*, study: Study, deed: str, user=None) -> TrailEntry:
    """Keep for good that `user` (None: a command) did `deed` to `study`."""
    return TrailEntry.objects.create(
        study=study, slug=study.slug, deed=deed[:200], by=user, by_name=user.get_username() if user else ""
    )
