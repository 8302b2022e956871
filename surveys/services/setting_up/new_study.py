"""Begin a study, or change it before it is read: classes, views, question, reader groups and words from one preset."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ProtectedError

from imagebank.models import ItemImage, Study
from imagebank.services.members import give_role
from imagebank.services.sent_toml import read_sent_toml
from imagebank.services.studies import load_study
from surveys.models import Answer

from .preset_text import preset_file, preset_of
from .protocol import load_protocol, names_of_classes

NAME = "study.toml"
SIDES = ("width", "height")
SHARED_OUT = ("per_rater_max", "min_raters", "repeats", "catches_per_rater", *SIDES)


def begin_study(*, preset: bytes, slug: str, title: str, user) -> Study:
    """Make a new study from the text of a study.toml, with `user` as its coordinator.

    slug: its address, new on this site. Raises ValidationError, having made nothing, when the address is taken or the
    preset is incomplete.
    """
    if Study.objects.filter(slug=slug).exists():
        raise ValidationError(f"There is already a study at the address {slug}. Choose another one.")
    _refuse_ratings(preset)
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
        rates = study.stimuli.exists()
        study = _reword(preset, study) if rates else _load(preset, slug=study.slug)
        _remove_groups(study, {row["code"] for row in read_sent_toml(preset, name=NAME).get("reader_groups", [])})
        if nature and not study.nature:  # noted from the pictures, so that readers are told
            study.nature = nature
            study.save(update_fields=["nature"])
        _refuse_orphans(study)
        if (rates or study.survey_sets.exists()) and (changed := _drawn_parts(before, preset_of(study))):
            raise ValidationError(
                f"The surveys are drawn, so that only words may change now; this would change {', '.join(changed)}. "
                "Begin a new study for another design."
            )
    return study


def _refuse_ratings(preset: bytes) -> None:
    """A rating study shows pictures that are there already, so it begins with those."""
    if "stimuli" in read_sent_toml(preset, name=NAME):
        raise ValidationError(
            "This is the file of a rating study, which begins with published pictures: “Generated” in the study that has them, "
            "“Begin a rating study”, and give the file there."
        )


def _load(preset: bytes, *, slug: str, title: str = "") -> Study:
    with preset_file(preset) as path:
        study = load_study(path=path, slug=slug, title=title)
        load_protocol(study=study, path=path)
    return study


def _reword(preset: bytes, study: Study) -> Study:
    """Give a drawn rating study the title, questions and words of a preset; its classes are renamed, none is added."""
    with preset_file(preset) as path:
        name_of = names_of_classes(path)
        said = read_sent_toml(preset, name=NAME)
        sizes = {kind: {side: shown[side] for side in SIDES} for kind, shown in study.protocol.stimuli.items()}
        if absent := [f"stimuli.{kind}" for kind in sizes if kind not in said.get("stimuli", {})]:
            raise ValidationError(f"The drawn sittings show {', '.join(sizes)}; the file lacks the table {', '.join(absent)}; add it.")
        protocol = load_protocol(study=study, path=path, blocks=set(sizes))
    protocol.stimuli = {kind: shown | sizes[kind] for kind, shown in protocol.stimuli.items()}
    protocol.save(update_fields=["stimuli"])
    about = said["study"]
    study.title, study.summary = about.get("title", study.title), about.get("summary", "").strip()
    study.save(update_fields=["title", "summary"])
    for row in study.classes.all():
        row.name = name_of(row)
        row.save(update_fields=["name"])
    return Study.objects.get(pk=study.pk)


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
        "how stimuli are shared out": lambda preset: {
            kind: [shown.get(name) for name in SHARED_OUT] for kind, shown in preset.get("stimuli", {}).items()
        },
    }
    return [name for name, part in parts.items() if part(before) != part(after)]
