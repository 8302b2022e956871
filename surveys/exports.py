"""Files that leave the house: CSV that a spreadsheet cannot mistake for formulas."""

import csv
import io
from collections.abc import Iterable

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def spreadsheet_safe(value) -> str:
    """The text of a cell; text that a spreadsheet would run as a formula starts with an apostrophe. None is empty."""
    if value is None or value != value:
        return ""
    if isinstance(value, bool | int | float):
        return str(value)
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def csv_text(header: Iterable[str], rows: Iterable[Iterable]) -> str:
    """UTF-8 text of a CSV file with escaped cells."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([spreadsheet_safe(value) for value in row] for row in rows)
    return buffer.getvalue()


def readings_csv(study, analysed_only: bool = False) -> str:
    """The study's readings.csv."""
    from surveys.services import readings_frame

    frame = readings_frame(study=study, analysed_only=analysed_only).astype(object)
    return csv_text(frame.columns, frame.itertuples(index=False, name=None))


def ratings_csv(study, analysed_only: bool = False) -> str:
    """The rating study's ratings.csv."""
    from surveys.services import ratings_frame

    frame = ratings_frame(study=study, analysed_only=analysed_only).astype(object)
    return csv_text(frame.columns, frame.itertuples(index=False, name=None))
