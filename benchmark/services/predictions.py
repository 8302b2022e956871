"""Class probabilities of networks, kept for the comparisons of a study."""

import io
import tempfile
from collections.abc import Iterable
from pathlib import Path

from django.core.exceptions import ValidationError

from benchmark.core.errors import InputError
from benchmark.core.files import write_atomically
from benchmark.core.inputs.long_table import opened
from benchmark.core.inputs.predictions import read_predictions
from benchmark.models import StoredPredictions
from imagebank.core.spreadsheets import TableError, plain_csv
from imagebank.models import Item, Study
from imagebank.tables import spreadsheet_safe

from .networks import write_network_predictions

LARGEST_FILE = 50 * 2**20


def store_predictions(*, study: Study, data: bytes, title: str, user=None) -> StoredPredictions:
    """Check a predictions.csv and keep it; the same file again returns what is there.

    Every bad row is named in one ValidationError, and so are items that the study does not have. The stored copy has
    cells that no spreadsheet takes for a formula.
    """
    if len(data) > LARGEST_FILE:
        raise ValidationError(f"A predictions.csv may have {LARGEST_FILE // 2**20} MiB at most; split it by network.")
    try:
        table = opened("predictions.csv", data, by_program=True)
        safe = plain_csv(table, spreadsheet_safe).encode()
        found = read_predictions(_named(safe, "predictions.csv"))
    except TableError as error:
        raise ValidationError(str(error)) from error
    except InputError as error:
        raise ValidationError([error.summary, *map(str, error.problems)]) from error
    known = {spreadsheet_safe(code) for code in Item.objects.filter(study=study).values_list("code", flat=True)}
    strangers = sorted(set(found.frame["item"]) - known)
    if strangers:
        raise ValidationError(
            f"The study has no items called {', '.join(strangers[:5])}"
            f"{' and others' if len(strangers) > 5 else ''}; predictions must be about its own items."
        )
    stored, created = StoredPredictions.objects.get_or_create(
        study=study,
        sha256=found.sha256,
        defaults={
            "title": title[:200],
            "networks": sorted(set(found.frame["model"])),
            "rows": len(found.frame),
            "stored_by": user,
        },
    )
    if created or not stored.path.exists():
        write_atomically(stored.path, safe)
    return stored


def store_predictions_files(*, study: Study, paths: list[Path], title: str, user=None) -> StoredPredictions:
    """The same for files of one header, e.g. one per view, taken together."""
    lines = [path.read_bytes().decode("utf-8").splitlines(keepends=True) for path in paths]
    if len({file[0] for file in lines}) != 1:
        raise ValidationError("Files of predictions that are taken together need the same columns in the same order.")
    data = "".join([lines[0][0], *(line for file in lines for line in file[1:])]).encode()
    return store_predictions(study=study, data=data, title=title, user=user)


def store_network_predictions(
    *, study: Study, names: Iterable[str] | None = None, keep_in: Study | None = None, user=None
) -> StoredPredictions:
    """Keep what the study's own networks (those of `names`, or all) predict now for the items of its surveys.

    keep_in: another study with the same items that the predictions are kept for.
    """
    known = set(study.ensembles.values_list("name", flat=True))
    wanted = sorted(known if names is None else known.intersection(names))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.csv"
        write_network_predictions(study=study, out=path, names=wanted)
        return store_predictions(study=keep_in or study, data=path.read_bytes(), title=", ".join(wanted), user=user)


def _named(data: bytes, name: str) -> io.BytesIO:
    """An open file with a name, as the reader of tables wants it for its messages."""
    file = io.BytesIO(data)
    file.name = name
    return file
