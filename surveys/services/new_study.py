"""Begin a study, or change it before it is read: classes, views, question, reader groups and words from one preset."""

import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ProtectedError

from imagebank.models import ItemImage, Study
from imagebank.services.members import give_role
from imagebank.services.studies import load_study
from surveys.models import Answer

from .preset_text import preset_of
from .protocol import load_protocol


def begin_study(*, preset: bytes, slug: str, title: str, user) -> Study:
    """Make a new study from the text of a study.toml, with `user` as its coordinator.

    slug: its address, new on this site. Raises ValidationError, having made nothing, when the address is taken or the
    preset is incomplete.
    """
    if Study.objects.filter(slug=slug).exists():
        raise ValidationError(f"There is already a study at the address {slug}. Choose another one.")
    with transaction.atomic():
        study = _load(preset, slug=slug, title=title)
        give_role(study=study, who=user.get_username(), role="coordinator")
    return study


def change_study(*, study: Study, preset: bytes) -> Study:
    """Give `study` the title, classes, views, groups, rules and words of the text of a study.toml; its address stays.

    Once surveys are drawn only words may change, once a person has answered nothing: ValidationError then, and where
    pictures or readers exist of what the preset no longer names. Nothing is changed by a refusal.
    """
    with transaction.atomic():
        Study.objects.select_for_update().get(pk=study.pk)
        if Answer.objects.of_study(study).exists():
            raise ValidationError(
                "The set-up is fixed since the first answer. Begin a new study, with this one's study.toml, for a changed one."
            )
        before, nature = preset_of(study), study.nature
        study = _load(preset, slug=study.slug)
        _remove_groups(study, {row["code"] for row in tomllib.loads(preset.decode()).get("reader_groups", [])})
        if nature and not study.nature:  # noted from the pictures, so that readers are told
            study.nature = nature
            study.save(update_fields=["nature"])
        _refuse_orphans(study)
        if study.survey_sets.exists() and (changed := _drawn_parts(before, preset_of(study))):
            raise ValidationError(
                f"The surveys are drawn, so that only words may change now; this would change {', '.join(changed)}. "
                "Begin a new study for another design."
            )
    return study


def _load(preset: bytes, *, slug: str, title: str = "") -> Study:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "study.toml"
        path.write_bytes(preset)
        study = load_study(path=path, slug=slug, title=title)
        load_protocol(study=study, path=path)
    return study


def _remove_groups(study: Study, kept: set[str]) -> None:
    gone = study.reader_groups.exclude(code__in=kept)
    try:
        gone.delete()
    except ProtectedError as error:
        names = ", ".join(gone.values_list("plural", flat=True))
        raise ValidationError(f"There are readers or seats of {names}; keep that group.") from error


def _refuse_orphans(study: Study) -> None:
    pictures = ItemImage.objects.filter(item__study=study).exclude(view__in=study.view_codes())
    views = sorted(set(pictures.values_list("view", flat=True)))
    if views:
        raise ValidationError(f"There are pictures of the view {', '.join(views)}; keep it.")


def _drawn_parts(before: dict, after: dict) -> list[str]:
    """What the drawn surveys rest on and `after` has differently."""
    parts = {
        "classes": lambda preset: [row["code"] for row in preset["classes"]],
        "views": lambda preset: [row["code"] for row in preset["views"]],
        "groups of readers": lambda preset: [row["code"] for row in preset.get("reader_groups", [])],
        "the size or the order of the surveys": lambda preset: preset.get("survey_set"),
    }
    return [name for name, part in parts.items() if part(before) != part(after)]
