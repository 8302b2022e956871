"""Begin a study: its classes, views, question, reader groups and words from one preset."""

from pathlib import Path
from tempfile import TemporaryDirectory

from django.core.exceptions import ValidationError
from django.db import transaction

from imagebank.models import Study
from imagebank.services.members import give_role
from imagebank.services.studies import load_study
from surveys.services.protocol import load_protocol


def begin_study(*, preset: bytes, slug: str, title: str, user) -> Study:
    """Make a new study from the text of a study.toml, with `user` as its coordinator.

    slug: its address, new on this site. Raises ValidationError, having made nothing, when the address is taken or the
    preset is incomplete.
    """
    if Study.objects.filter(slug=slug).exists():
        raise ValidationError(f"There is already a study at the address {slug}. Choose another one.")
    with TemporaryDirectory() as folder, transaction.atomic():
        path = Path(folder) / "study.toml"
        path.write_bytes(preset)
        study = load_study(path=path, slug=slug, title=title)
        load_protocol(study=study, path=path)
        give_role(study=study, who=user.get_username(), role="coordinator")
    return study
