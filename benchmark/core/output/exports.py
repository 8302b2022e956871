"""Readings for other programs: long CSV, Parquet, XLSX, SPSS with labels, iMRMC's input and the frame of MRMCaov.

Each carries its data dictionary: beside the CSV, as a sheet of the workbook, as labels in SPSS, in Parquet's metadata.
"""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from benchmark.core.errors import InputError, Problem
from benchmark.core.files import inert, write_atomically
from benchmark.core.inputs.assisted import ASSISTED
from benchmark.core.inputs.readings import Readings
from benchmark.core.inputs.showings import SHOWING
from benchmark.core.output.dictionary import readings_dictionary
from benchmark.core.output.tables import as_csv as table_as_csv
from benchmark.core.output.tables import as_xlsx

SPSS_NAME, SPSS_LABEL = 64, 256  # longest that SPSS takes


def long_frame(readings: Readings) -> pd.DataFrame:
    """All columns of the readings and `correct` (0/1; a missing answer is 0), one row per reading.

    The columns of assisted readings are there where any reader was asked again, with `assisted_correct`; second showings come
    last, told by `showing`, where there are any.
    """
    left_out = ("correct", "assisted_correct") if readings.is_assisted else ("correct", *ASSISTED)
    frame = readings.frame
    if not readings.second.empty:
        frame = pd.concat([frame.assign(**{SHOWING: 1}), readings.second.assign(**{SHOWING: 2})], ignore_index=True)
    frame = frame.drop(columns=[c for c in left_out if c in frame])
    if readings.is_assisted:
        second = (frame["assisted_answer"] == frame["truth"]).astype(float).where(frame["asked_again"] != "")
        frame = frame.assign(assisted_correct=second)
    return frame.assign(correct=(frame["answer"] == frame["truth"]).astype(int))


def as_csv(readings: Readings) -> bytes:
    return long_frame(readings).map(inert).to_csv(index=False, lineterminator="\n").encode("utf-8")


def dictionary_as_csv(readings: Readings) -> str:
    """The data dictionary of the exported readings, one row per column."""
    return table_as_csv(readings_dictionary(long_frame(readings).columns))


def as_parquet(readings: Readings) -> bytes:
    """Parquet, with the data dictionary as the metadata of its fields."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(long_frame(readings), preserve_index=False)
    words = {row["column"]: row["meaning"] for row in readings_dictionary(table.column_names)}
    fields = [field.with_metadata({"description": words[field.name]}) for field in table.schema]
    schema = pa.schema(fields, {**(table.schema.metadata or {}), b"dictionary": json.dumps(words).encode()})
    out = io.BytesIO()
    pq.write_table(table.cast(schema), out)
    return out.getvalue()


def as_workbook(readings: Readings) -> bytes:
    frame = long_frame(readings).astype(object)
    rows = frame.where(frame.notna(), None).to_dict("records")
    return as_xlsx({"readings": rows, "dictionary": readings_dictionary(frame.columns)})


def as_spss(readings: Readings) -> bytes:
    """SPSS .sav: truth and answers as numbered classes with value labels, missing answers as system missing."""
    import pyreadstat

    frame = long_frame(readings)
    named = [column for column in ("truth", "answer", "assistant_answer", "assisted_answer") if column in frame]
    further = sorted(set(frame[named].to_numpy().ravel()) - {"", *readings.classes})
    codes = {name: float(number) for number, name in enumerate((*readings.classes, *further), 1)}
    classes = {number: name for name, number in codes.items()}
    for column in named:
        frame[column] = frame[column].map(codes)
    frame["simulated"] = frame["simulated"].astype(int)
    names = _spss_names(list(frame.columns))
    labels = {names[row["column"]]: row["meaning"][:SPSS_LABEL] for row in readings_dictionary(frame.columns)}
    yes = {0.0: "no", 1.0: "yes"}
    marks = [column for column in ("simulated", "correct", "assisted_correct") if column in frame]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "readings.sav"
        pyreadstat.write_sav(
            frame.rename(columns=names),
            path,
            file_label="Readings",
            column_labels=labels,
            variable_value_labels={**dict.fromkeys(named, classes), **dict.fromkeys(marks, yes)},
            variable_measure=dict.fromkeys((*named, *marks), "nominal"),
        )
        return path.read_bytes()


def _spss_names(columns: list[str]) -> dict[str, str]:
    """Variable names that SPSS takes: letters, digits, underscore, beginning with a letter, at most 64, none twice."""
    found: dict[str, str] = {}
    for column in columns:
        name = "".join(ch if ch.isascii() and (ch.isalnum() or ch == "_") else "_" for ch in column)
        name = (name if name[:1].isalpha() else f"v_{name}")[:SPSS_NAME]
        taken = {other.lower() for other in found.values()}
        number, stem = 2, name
        while name.lower() in taken:
            name, number = f"{stem[: SPSS_NAME - len(str(number)) - 1]}_{number}", number + 1
        found[column] = name
    return found


def rated(readings: Readings, *, positive: str) -> pd.DataFrame:
    """reader, treatment, case, truth (0/1) and rating of every answered reading, for AUC-based programs.

    The rating is 1 when the answer is the class `positive`, else 0, with confidence added where given (a finer scale in
    the same order). treatment is kind and view. A reading without an answer has no rating and is left out. Raises
    InputError when no item, or every item, is of that class.
    """
    frame = readings.frame[readings.frame["answer"] != ""]
    truth = frame["truth"] == positive
    if truth.all() or not truth.any():
        raise InputError(f'Ratings need items of the class "{positive}" and of others; one of the two is missing.')
    rating = (frame["answer"] == positive).astype(float)
    confidence = frame["confidence"].fillna(0.0)
    width = float(confidence.abs().max()) or 1.0
    rating += 0.5 * confidence / width * rating.map({1.0: 1, 0.0: -1})
    return pd.DataFrame(
        {
            "reader": frame["reader"],
            "treatment": (frame["kind"] + "-" + frame["view"]).str.strip("-"),
            "case": frame["item"],
            "truth": truth.astype(int),
            "rating": rating,
        }
    ).reset_index(drop=True)


def as_mrmcaov(readings: Readings, *, positive: str) -> bytes:
    """The data frame that R's MRMCaov reads: `mrmc(empirical_auc(truth, rating), treatment, reader, case, data)`."""
    return rated(readings, positive=positive).map(inert).to_csv(index=False, lineterminator="\n").encode("utf-8")


def as_imrmc(readings: Readings, *, positive: str) -> bytes:
    """iMRMC input: counts, then a truth row (reader -1, modality 0) per case, then a row per rating.

    Names must not hold a comma or a line break, and no reader may be called -1: iMRMC would read them otherwise.
    """
    frame = rated(readings, positive=positive)
    problems = [
        Problem(
            None, column, f'iMRMC cannot read the name "{name}": commas, line breaks and the reader -1 are its own.'
        )
        for column in ("reader", "case", "treatment")
        for name in frame[column].unique()
        if any(mark in name for mark in ",\n\r") or (column == "reader" and name == "-1") or not name
    ]
    if problems:
        raise InputError("The readings cannot be written for iMRMC; nothing was written.", problems)
    truth = frame.drop_duplicates("case").set_index("case")["truth"].sort_index()
    lines = [
        f"N0: {int((truth == 0).sum())}",
        f"N1: {int((truth == 1).sum())}",
        f"NR: {frame['reader'].nunique()}",
        f"NM: {frame['treatment'].nunique()}",
        "BEGIN DATA:",
        *(f"-1,{case},0,{mark}" for case, mark in truth.items()),
        *(f"{row.reader},{row.case},{row.treatment},{row.rating:.6g}" for row in frame.itertuples()),
    ]
    return ("\n".join(lines) + "\n").encode("utf-8")


FORMATS: dict[str, Callable[[Readings], bytes]] = {
    "csv": as_csv,
    "parquet": as_parquet,
    "xlsx": as_workbook,
    "sav": as_spss,
}
RATED: dict[str, Callable[..., bytes]] = {"imrmc": as_imrmc, "mrmcaov": as_mrmcaov}


def export(readings: Readings, path: Path, *, positive: str | None = None) -> None:
    """Write readings in the format that the file's ending names: csv, parquet, xlsx, sav; imrmc and mrmcaov need
    `positive`. A CSV gets its data dictionary beside it."""
    kind = path.suffix.lstrip(".").lower()
    if kind in RATED:
        if positive is None:
            raise InputError(f"A .{kind} file needs the class that counts as positive; give --positive CLASS.")
        write_atomically(path, RATED[kind](readings, positive=positive))
    elif kind in FORMATS:
        write_atomically(path, FORMATS[kind](readings))
        if kind == "csv":
            write_atomically(path.with_name(f"{path.stem}-dictionary.csv"), dictionary_as_csv(readings))
    else:
        raise InputError(f"The ending of {path.name} must be one of {', '.join([*FORMATS, *RATED])}.")
