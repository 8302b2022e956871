"""What the commands about one study share: the study by its slug, and services' refusals as one sentence."""

from abc import ABC, abstractmethod

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from imagebank.models import Study
from imagebank.services.archive import require_changeable

from .outcome import Outcome, add_json_argument, tell
from .terminal import BAD_INPUT, study_named


class StudyCommand(ABC, BaseCommand):
    """A command about one study. `act(study, **options)` returns what changed, in words and as facts.

    An archived study takes only those commands that say `in_archive`. With `--json` the facts are printed, the study among
    them. Bad input leaves with 2.
    """

    in_archive = False

    def add_arguments(self, parser):
        parser.add_argument("study", help="the study's slug")
        add_json_argument(parser)

    @abstractmethod
    def act(self, study: Study, **options) -> Outcome: ...

    def handle(self, *args, **options):
        study = study_named(options.pop("study"))
        slug = study.slug
        try:
            if not self.in_archive:
                require_changeable(study)
            outcome = self.act(study, **options)
        except ValidationError as error:
            raise CommandError("\n".join(error.messages), returncode=BAD_INPUT) from error
        except OSError as error:
            raise CommandError(
                f"{error.filename or 'The file'} cannot be used: {error.strerror}.", returncode=BAD_INPUT
            ) from error
        told = Outcome(outcome.text, {"study": slug} | outcome.facts, outcome.exit_code)
        tell(self, told, as_json=options["json"])
