"""What our commands share: one sentence and exit code 2 for bad input, a progress bar on a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.core.management import CommandError

from imagebank.models import Study

BAD_INPUT, CHECK_FAILED = 2, 1


def study_named(slug: str) -> Study:
    """The study of that slug, or exit code 2 with the slugs there are."""
    study = Study.objects.filter(slug=slug).first()
    if study is None:
        known = ", ".join(Study.objects.values_list("slug", flat=True)) or "none yet"
        raise CommandError(f'There is no study "{slug}". Studies: {known}.', returncode=BAD_INPUT)
    return study


@contextmanager
def input_errors() -> Iterator[None]:
    """Turn a service's ValidationError into its sentence and exit code 2."""
    try:
        yield
    except ValidationError as error:
        raise CommandError(" ".join(error.messages), returncode=BAD_INPUT) from error


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A callback (done, total) that draws a bar when somebody is watching."""
    from tqdm import tqdm

    with tqdm(desc=title, disable=not sys.stderr.isatty(), leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
