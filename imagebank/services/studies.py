"""Set up a study from a preset file (study.toml)."""

import os
from pathlib import Path

from django.conf.locale import LANG_INFO
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, ProtectedError

from imagebank.models import DiagnosisClass, Study

from .archive import require_changeable
from .sent_toml import read_sent_toml

NAME_MOST = 150  # letters of a class's name


def load_study(*, path: str | os.PathLike, slug: str = "", title: str = "") -> Study:
    """Create or update the study that a preset describes: title, summary, citation, nature, classes and views.

    path: study.toml or the folder that holds it. slug, title: instead of the preset's own, so that one preset can serve
    several studies. Loading it again changes nothing; other tables of the preset belong to
    other rooms and are left alone. A class that the preset no longer names is removed while nothing uses it.
    Raises ValidationError naming everything that is missing.
    """
    preset = _read_preset(Path(path))
    about = preset["study"]
    slug = slug or about["slug"]
    with transaction.atomic():
        for known in Study.objects.filter(slug=slug):
            require_changeable(known)
        study, _ = Study.objects.update_or_create(
            slug=slug,
            defaults={
                "title": title or about["title"],
                "summary": about.get("summary", "").strip(),
                "citation": _citation(about.get("citation", "")),
                "nature": about.get("nature", ""),
                "views": [{"code": view["code"], "label": view.get("label", view["code"])} for view in preset["views"]],
            },
        )
        _load_classes(study, preset["classes"])
        study.full_clean()
    return study


def _read_preset(path: Path) -> dict:
    file = path / "study.toml" if path.is_dir() else path
    try:
        preset = read_sent_toml(file.read_bytes(), name=file.name)
    except OSError as error:
        raise ValidationError(f"{file} cannot be read ({error.strerror}). Give a study.toml or its folder.") from error
    missing = [f"[study] {key}" for key in ("slug", "title") if not preset.get("study", {}).get(key)]
    missing += [f"[[{table}]]" for table in ("classes", "views") if not preset.get(table)]
    missing += [
        f"{key} of [[{table}]] number {number}"
        for table, keys in (("classes", ("code", "name")), ("views", ("code",)))
        for number, row in enumerate(preset.get(table, []), start=1)
        for key in keys
        if not row.get(key)
    ]
    missing += [
        f"different codes in [[{table}]]"
        for table in ("classes", "views")
        if len({row.get("code") for row in preset.get(table, [])}) < len(preset.get(table, []))
    ]
    if missing:
        raise ValidationError(f"{file.name} needs {', '.join(missing)}.")
    return preset


def _citation(citation: dict | str) -> str:
    """One line from the preset's citation table: authors, year, title, publisher, DOI."""
    if isinstance(citation, str):
        return citation
    authors = citation.get("authors", [])
    people = authors if isinstance(authors, str) else ", ".join(authors)
    parts = [people, f"({citation['year']})" if "year" in citation else "", citation.get("title", "").strip()]
    parts += [citation.get("publisher", ""), f"doi:{citation['doi']}" if citation.get("doi") else ""]
    return ". ".join(part for part in parts if part)


def _load_classes(study: Study, classes: list[dict]) -> None:
    codes = [row["code"] for row in classes]
    gone = study.classes.exclude(code__in=codes)
    try:
        gone.delete()
    except ProtectedError as error:
        raise ValidationError(
            f"{study.slug} has items of the classes {', '.join(gone.values_list('code', flat=True))}, which the "
            "preset no longer names. Keep them in the preset."
        ) from error
    wanted = [(row["code"], position) for position, row in enumerate(classes)]
    if list(study.classes.order_by("position").values_list("code", "position")) != wanted:
        # Positions are unique: move all out of the way before giving out the new ones.
        study.classes.update(position=F("position") + 1000)
    for position, row in enumerate(classes):
        description = row.get("description", row.get("sign", ""))
        named = {"names": names_in_languages(row)} if "names" in row else {}
        DiagnosisClass.objects.update_or_create(
            study=study,
            code=row["code"],
            defaults={"name": row["name"], "description": description, "position": position, **named},
        )


def names_in_languages(row: dict) -> dict[str, str]:
    """A preset's names of a class by language, such as names = { de = "Tuberöse Sklerose" }; ValidationError for anything else."""
    names = row.get("names", {})
    words = isinstance(names, dict) and all(isinstance(name, str) and 0 < len(name.strip()) <= NAME_MOST for name in names.values())
    if not words or any(code not in LANG_INFO for code in names):
        raise ValidationError(
            f"The names of the class {row.get('code', '?')} stand by codes of languages, up to {NAME_MOST} letters each, such as "
            f'names = {{ de = "Tuberöse Sklerose" }}; found {names!r}.'
        )
    return {code: name.strip() for code, name in names.items()}
