"""Readings for other programs: long CSV, Parquet, XLSX, SPSS with value labels, and the iMRMC input format."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from .errors import InputError
from .files import inert, write_atomically
from .readings import Readings
from .tables import as_xlsx


def long_frame(readings: Readings) -> pd.DataFrame:
    """All columns of the readings and `correct` (0/1; a missing answer is 0), one row per reading."""
    frame = readings.frame.drop(columns=[c for c in ("correct",) if c in readings.frame])
    return frame.assign(correct=(frame["answer"] == frame["truth"]).astype(int))


def as_csv(readings: Readings) -> bytes:
    return long_frame(readings).map(inert).to_csv(index=False, lineterminator="\n").encode("utf-8")


def as_parquet(readings: Readings) -> bytes:
    out = io.BytesIO()
    long_frame(readings).to_parquet(out, index=False)
    return out.getvalue()


def as_workbook(readings: Readings) -> bytes:
    frame = long_frame(readings).astype(object)
    return as_xlsx({"readings": frame.where(frame.notna(), None).to_dict("records")})


def as_spss(readings: Readings) -> bytes:
    """SPSS .sav: truth and answer as numbered classes with value labels, missing answers as system missing."""
    import pyreadstat

    frame = long_frame(readings)
    codes = {name: float(number) for number, name in enumerate(readings.classes, 1)}
    labels = {number: name for name, number in codes.items()}
    for column in ("truth", "answer"):
        frame[column] = frame[column].map(codes)
    frame["simulated"] = frame["simulated"].astype(int)
    frame.columns = [_spss_name(column) for column in frame.columns]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "readings.sav"
        pyreadstat.write_sav(frame, path, variable_value_labels={"truth": labels, "answer": labels})
        return path.read_bytes()


def _spss_name(column: str) -> str:
    """A variable name that SPSS takes: letters, digits, underscore, beginning with a letter, at most 64 characters."""
    name = "".join(ch if ch.isascii() and (ch.isalnum() or ch == "_") else "_" for ch in column)
    return (name if name[:1].isalpha() else f"v_{name}")[:64]


def as_imrmc(readings: Readings, *, positive: str) -> bytes:
    """iMRMC input: a truth row (reader -1) per case and a score row per reading; modality = view, or network and view.

    The score is 1 when the answer is the class `positive`, else 0, with confidence added where given (a finer scale in
    the same order). Raises InputError when no item, or every item, is of that class.
    """
    frame = readings.frame
    truth = frame.drop_duplicates("item").set_index("item")["truth"] == positive
    if truth.all() or not truth.any():
        raise InputError(f'iMRMC needs items of the class "{positive}" and of others; one of the two is missing.')
    modality = (frame["kind"] + "-" + frame["view"]).str.strip("-")
    score = (frame["answer"] == positive).astype(float)
    confidence = frame["confidence"].fillna(0.0)
    width = float(confidence.abs().max()) or 1.0
    score += 0.5 * confidence / width * score.map({1.0: 1, 0.0: -1})
    lines = [
        f"NR: {frame['reader'].nunique()}",
        f"N0: {int((~truth).sum())}",
        f"N1: {int(truth.sum())}",
        f"NM: {modality.nunique()}",
        "BEGIN DATA:",
        *(f"-1,{item},0,{int(positive_case)}" for item, positive_case in truth.sort_index().items()),
        *(f"{r},{i},{m},{s:.6g}" for r, i, m, s in zip(frame["reader"], frame["item"], modality, score)),
    ]
    return ("\n".join(lines) + "\n").encode("utf-8")


FORMATS: dict[str, Callable[[Readings], bytes]] = {
    "csv": as_csv,
    "parquet": as_parquet,
    "xlsx": as_workbook,
    "sav": as_spss,
}


def export(readings: Readings, path: Path, *, positive: str | None = None) -> None:
    """Write readings in the format that the file's ending names: csv, parquet, xlsx, sav, or imrmc (needs
    `positive`)."""
    kind = path.suffix.lstrip(".").lower()
    if kind == "imrmc":
        if positive is None:
            raise InputError("An iMRMC file needs the class that counts as positive; give --positive CLASS.")
        write_atomically(path, as_imrmc(readings, positive=positive))
    elif kind in FORMATS:
        write_atomically(path, FORMATS[kind](readings))
    else:
        raise InputError(f"The ending of {path.name} must be one of {', '.join([*FORMATS, 'imrmc'])}.")
