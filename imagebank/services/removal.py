"""Deleting a study whole: the rows of every room in one transaction, then the files that nothing else needs.

A room says what it holds of a study in its module `holdings`:

    HOLDINGS = (Holding("surveys.Answer", "survey_response__reader__study", "answer", "answers"), ...)

in the order in which rows must go, and, where it has them, `folders(study)` (below the site's folder), `used_by(study)`
(sentences that say which other study needs something of this one) and `untie(study)` (before the first row goes). What must be
done before readers learn the truth a room says there as well: `before_debrief(study)`, sentences about what is not done yet.
"""

import logging
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import FileField, ProtectedError, QuerySet
from django.utils import timezone

from imagebank.jobs import queue_job
from imagebank.models import Removal, Study

from .archive import require_idle
from .storing import remove_stored, stored_at
from .trail import note_deed

logger = logging.getLogger(__name__)
REMOVE = "imagebank.remove"
AT_ONCE = 500
SETTLED_AFTER_S = 60
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Holding:
    """Rows of `model` that belong to the study at the end of `path`. With words they are counted aloud."""

    model: str
    path: str
    one: str = ""
    many: str = ""
    only: dict = field(default_factory=dict)

    def rows(self, study: Study) -> QuerySet:
        # Histories refuse to be deleted through their own managers. Here a person asks for it.
        return QuerySet(apps.get_model(self.model)).filter(**{self.path: study}, **self.only)


@dataclass(frozen=True)
class Departure:
    """What deleting a study would take away, and what stands against it."""

    counts: list[tuple[str, int]]
    files: int
    obstacles: list[str]


def rooms() -> Iterator[ModuleType]:
    """The rooms' modules of holdings, those that build on others first."""
    for config in reversed(list(apps.get_app_configs())):
        if find_spec(f"{config.name}.holdings"):
            yield import_module(f"{config.name}.holdings")


def what_would_go(study: Study) -> Departure:
    """Count what a deletion of `study` would take away; changes nothing."""
    return Departure(_counts(study), len(_stored_names(study)), _obstacles(study))


def begin_removal(*, study: Study, confirmed: str, user=None) -> Removal:
    """Hide `study` from everybody at once and hand its deletion to the worker.

    confirmed: the study's address as typed by the person. Anything else, work under way, and another study that needs
    something of this one raise ValidationError; then nothing has changed.
    """
    with transaction.atomic():
        study = Study.objects.select_for_update().get(pk=study.pk)
        if confirmed.strip() != study.slug:
            raise ValidationError(f'Type the address "{study.slug}" to delete this study; "{confirmed[:60]}" was typed.')
        if study.leaving_at is not None:
            return Removal.objects.filter(study_pk=study.pk).latest("asked_at")
        obstacles = _obstacles(study)
        if obstacles:
            raise ValidationError(obstacles)
        study.leaving_at = timezone.now()
        study.save(update_fields=["leaving_at"])
        note_deed(study=study, deed="deletion begun", user=user)
        removal = Removal.objects.create(
            study_pk=study.pk,
            slug=study.slug,
            title=study.title,
            counts=_counts(study),
            asked_by=user,
            asked_by_name=user.get_username() if user else "",
        )
        removal.job = queue_job(
            study=None, kind=REMOVE, title=f"Delete {study.slug}"[:200], payload={"removal": removal.pk}, user=user
        )
        removal.save(update_fields=["job"])
    return removal


def carry_out_removal(*, removal: Removal, progress: Progress = lambda done, total: None) -> Removal:
    """Delete the study's rows, then its files. Cut off anywhere and called again, it goes on where it stopped.

    When the database holds something against it the study comes back whole, and ValidationError says why.
    """
    if removal.rows_gone_at is None:
        try:
            removal = _delete_rows(removal)
        except ProtectedError as refusal:
            _give_back(removal, refusal)
    _remove_files(removal, progress)
    return removal


def _delete_rows(removal: Removal) -> Removal:
    with transaction.atomic():
        removal = Removal.objects.select_for_update().get(pk=removal.pk)
        if removal.rows_gone_at is not None:
            return removal
        study = Study.objects.select_for_update().filter(pk=removal.study_pk, leaving_at__isnull=False).first()
        if study is None:
            raise ValidationError(f"{removal.slug} is not being deleted any more.")
        files, folders = _stored_names(study), []
        removal.counts = _counts(study)
        for room in rooms():
            if hasattr(room, "folders"):
                folders += [f"{folder}/" for folder in room.folders(study)]
            if hasattr(room, "untie"):
                room.untie(study)
            for holding in room.HOLDINGS:
                holding.rows(study).delete()
        study.delete()
        removal.files = [*(f"{_media()}/{name}" for name in sorted(files - _still_named(files))), *sorted(folders)]
        removal.files_total = len(removal.files)
        removal.rows_gone_at = timezone.now()
        removal.save()
    logger.info("Study %s is deleted; %d files are still to go.", removal.slug, removal.files_total)
    return removal


def _give_back(removal: Removal, refusal: ProtectedError) -> None:
    kinds = sorted({str(row._meta.verbose_name_plural) for row in refusal.protected_objects})
    words = f"{removal.title} was kept whole: {', '.join(kinds)} of another study need something of it."[:300]
    with transaction.atomic():
        Study.objects.filter(pk=removal.study_pk).update(leaving_at=None)
        Removal.objects.filter(pk=removal.pk).update(refusal=words, finished_at=timezone.now())
    raise ValidationError(words)


def _remove_files(removal: Removal, progress: Progress) -> None:
    left = list(removal.files)
    while left:
        batch, left = left[:AT_ONCE], left[AT_ONCE:]
        needed = _needed(batch)
        for name in batch:
            if name not in needed:
                _remove(name, removal.rows_gone_at.timestamp())
        # Noted after the deed: whoever was cut off between the two finds these files gone, and goes on.
        Removal.objects.filter(pk=removal.pk).update(files=left)
        progress(removal.files_total - len(left), removal.files_total)
    removal.files, removal.finished_at = [], removal.finished_at or timezone.now()
    removal.save(update_fields=["files", "finished_at"])


def _needed(batch: list[str]) -> set[str]:
    """Those of `batch` that a row of another study names: equal pictures are one file."""
    root = f"{_media()}/"
    named = {name.removeprefix(root) for name in batch if name.startswith(root)}
    needed = {f"{root}{name}" for name in _still_named(named)}
    for room in rooms():
        if hasattr(room, "still_used"):
            needed |= {name for name in batch if name.endswith("/") and room.still_used(name.rstrip("/"))}
    return needed


def _remove(name: str, wanted_after: float) -> None:
    """Remove a file or folder; what is gone already is fine.

    A file that an import stores again at this moment is left alone until the import's rows can be seen, or never came.
    """
    if name.endswith("/"):
        folder = Path(settings.VAR_DIR) / name
        if folder.exists():
            shutil.rmtree(folder)
        return
    stored = name.removeprefix(f"{_media()}/")
    while not remove_stored(stored, wanted_after=wanted_after):
        wanted_after = stored_at(stored)
        while time.time() - wanted_after < SETTLED_AFTER_S:
            time.sleep(1)
        if _needed([name]):
            return


def _counts(study: Study) -> list[tuple[str, int]]:
    """What is held aloud, from the ground floor up; nothing is said of what there is none of."""
    said = [holding for room in rooms() for holding in room.HOLDINGS if holding.one]
    numbers = [(holding, holding.rows(study).count()) for holding in reversed(said)]
    return [(holding.one if number == 1 else holding.many, number) for holding, number in numbers if number]


def _obstacles(study: Study) -> list[str]:
    found = [sentence for room in rooms() if hasattr(room, "used_by") for sentence in room.used_by(study)]
    try:
        require_idle(study)
    except ValidationError as busy:
        found += busy.messages
    return found


def _file_fields() -> Iterator[tuple[type, str]]:
    for model in apps.get_models():
        for column in model._meta.get_fields():
            if isinstance(column, FileField):
                yield model, column.name


def _stored_names(study: Study) -> set[str]:
    """The files in the media store that rows of `study` name."""
    paths = {holding.model: holding.path for room in rooms() for holding in room.HOLDINGS}
    names: set[str] = set()
    for model, column in _file_fields():
        path = paths.get(model._meta.label)
        if path:
            names |= set(QuerySet(model).filter(**{path: study}).exclude(**{column: ""}).values_list(column, flat=True))
    return names


def _media() -> Path:
    return Path(settings.MEDIA_ROOT).relative_to(settings.VAR_DIR)


def _still_named(names: Iterable[str]) -> set[str]:
    """Those of `names` that some row names now."""
    wanted, found = sorted(names), set()
    for model, column in _file_fields():
        for start in range(0, len(wanted), AT_ONCE):
            some = wanted[start : start + AT_ONCE]
            found |= set(QuerySet(model).filter(**{f"{column}__in": some}).values_list(column, flat=True))
    return found


