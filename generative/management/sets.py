"""What the commands about sets share: a set is named by its file or by the beginning of its hash."""

import json
from pathlib import Path

from django.core.exceptions import ValidationError
from django.core.management import CommandError

from generative.models import ImageSet
from generative.services.sets import add_set
from imagebank.management.terminal import BAD_INPUT, progress_bar
from imagebank.models import Study

LEAST_PREFIX = 6


def add_set_arguments(parser) -> None:
    parser.add_argument("study", help="Slug of the study.")
    parser.add_argument("set", help="A ZIP or folder, or the first six digits or more of the hash of a set that is there.")
    parser.add_argument(
        "--condition", choices=ImageSet.Condition.values, default=ImageSet.Condition.RANDOM,
        help="Of a set that comes in: random as it came, curated chosen by somebody.",
    )  # fmt: skip
    parser.add_argument("--title", default="")


def named_set(study: Study, name: str, *, condition: str, title: str) -> ImageSet:
    """The set of that file (taken in when it is new) or hash; exit code 2 when there is none or more than one."""
    if Path(name).exists():
        with progress_bar("Reading the set") as progress:
            return add_set(study=study, path=Path(name), title=title, condition=condition, progress=progress)
    found = study.image_sets.filter(set_hash__startswith=name)[:2] if len(name) >= LEAST_PREFIX else []
    if len(found) != 1:
        raise CommandError(f'"{name}" is neither a file nor the beginning of one set\'s hash in {study.slug}.', returncode=BAD_INPUT)
    return found[0]


def read_report(path: Path) -> dict:
    """An audit.json of the command line. Raises ValidationError when it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValidationError(f"{path.name} cannot be read as an audit report: {error}.") from error
