"""What the surveys' commands share: a study by its slug, and services' refusals as one sentence."""

from abc import ABC, abstractmethod

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from imagebank.models import Study
from imagebank.services.archive import require_changeable


class StudyCommand(ABC, BaseCommand):
    """A command about one study. `act(study, **options)` returns the line that says what changed.

    An archived study takes only those commands that say `in_archive`.
    """

    in_archive = False

    def add_arguments(self, parser):
        parser.add_argument("study", help="the study's slug")

    @abstractmethod
    def act(self, study: Study, **options) -> str: ...

    def handle(self, *args, **options):
        study = Study.objects.filter(slug=options.pop("study")).first()
        if study is None:
            known = ", ".join(Study.objects.values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"There is no study of that slug; there are: {known}.", returncode=2)
        try:
            if not self.in_archive:
                require_changeable(study)
            line = self.act(study, **options)
        except ValidationError as error:
            raise CommandError("\n".join(error.messages), returncode=2) from error
        except OSError as error:
            raise CommandError(
                f"{error.filename or 'The file'} cannot be used: {error.strerror}.", returncode=2
            ) from error
        self.stdout.write(line)
