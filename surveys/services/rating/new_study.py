"""Begin a rating study: the study itself, its stimuli from the bank, its sittings and seats, in one step."""

from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from imagebank.models import Membership, Provenance, Study
from imagebank.services.members import give_role
from imagebank.services.sent_toml import read_sent_toml
from surveys.models import SurveySet

from ..setting_up.protocol import classes_without_name
from .choosing import GENERATED_VIEW, stimuli_from_items
from .setting_up import create_rating_study

# The shipped questions and words by the language of the raters; codes of questions and answers are the same in all.
SHIPPED = {"en": "study.toml", "de": "study.de.toml"}


def shipped_preset(language: str = "en") -> Path:
    """The study.toml of the shipped rating study for raters of `language`; ValidationError where there is none."""
    if language not in SHIPPED:
        raise ValidationError(
            f"The shipped questions are written in {', '.join(SHIPPED)}; {language!r} is asked for. Give a study.toml of your own."
        )
    return Path(settings.BASE_DIR) / "fixtures" / "realism" / SHIPPED[language]


def begin_rating_study(
    *,
    slug: str,
    title: str = "",
    sources: Sequence[Study],
    preset: Path,
    view: str = "",
    singles: int = 40,
    pairs: int = 0,
    practice: int = 3,
    practice_others: int = 0,
    strips: int | None = None,
    raters: int = 12,
    seed: int,
    image_sets: Sequence[str] = (),
    require_tones: bool = False,
    user=None,
) -> SurveySet:
    """Make the rating study `slug` of real and generated images from `sources`, with `user` as its coordinator.

    view: of the real images; the first of the first source when empty. Title and summary are the preset's unless given.
    The other arguments are those of `stimuli_from_items` and `create_rating_study`. The same call again returns what there is. A
    slug of a study in which `user` is no coordinator is refused. On ValidationError nothing is stored.
    """
    if slug in [source.slug for source in sources]:
        raise ValidationError(f"A rating study has an address of its own; {slug} is the study with the images.")
    found = Study.objects.filter(slug=slug).first()
    if found and user and not _coordinates(user, found):
        raise ValidationError(f"There is already a study at the address {slug}. Choose another one.")
    with transaction.atomic():
        stimuli = stimuli_from_items(
            sources=sources, real_view=view or (sources[0].view_codes() or [""])[0], singles=singles, pairs=pairs,
            practice=practice, practice_others=practice_others, seed=seed, strips=strips, image_sets=image_sets, require_tones=require_tones,
        )  # fmt: skip
        study = found or Study.objects.create(slug=slug, **_about(preset, sources, title))
        survey_set = create_rating_study(study=study, preset=preset, stimuli=stimuli, raters=raters, seed=seed)
        if user:
            give_role(study=study, who=user.get_username(), role=Membership.Role.COORDINATOR)
    return survey_set


def _coordinates(user, study: Study) -> bool:
    return user.is_superuser or study.members.filter(user=user, role=Membership.Role.COORDINATOR).exists()


def _about(preset: Path, sources: Sequence[Study], title: str) -> dict:
    """Title and summary of the preset; what the images are is said as in the studies that they come from."""
    try:
        about = read_sent_toml(preset.read_bytes(), name=preset.name).get("study", {})
    except (OSError, ValidationError):
        about = {}
    shown = Provenance.objects.filter(image__item__study__in=sources).exclude(image__view=GENERATED_VIEW)
    found = {source.nature for source in sources} | set(shown.values_list("nature", flat=True))
    natures = sorted(nature for nature in found if nature and not nature.startswith(GENERATED_VIEW))
    return {
        "title": title or about.get("title", "Real or generated?"),
        "summary": about.get("summary", ""),
        "nature": "; ".join(natures)[:100],
    }


def naming_warnings(*, sources: Sequence[Study], preset: Path) -> list[str]:
    """A sentence about the classes whose names stay in the language of the images' study, where raters are addressed in another one."""
    kept = classes_without_name(sources=sources, path=preset)
    if not kept:
        return []
    return [
        f"Raters read these classes in the words of the images’ study: {', '.join(kept)}. Until the first answer, the study.toml of the "
        "set-up page takes other words; names by language in the study.toml of the images’ study are taken by the next rating study."
    ]


def balance_warnings(certificate: dict) -> list[str]:
    """A sentence for every balance of a certificate that misses its limit."""
    return [
        f"{row['meaning'].rstrip('.')}: {row['reached']}, and at most {row['limit']} would do ({row['detail'].rstrip('.')})."
        for row in certificate["properties"]
        if row["kind"] == "balance" and not row["holds"]
    ]
