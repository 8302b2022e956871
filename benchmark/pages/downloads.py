"""Files made on demand: a section of the results (CSV and XLSX keep every digit, LaTeX is rounded like a journal), and
the readings of a comparison for other programs."""

from dataclasses import dataclass

from benchmark.models import Comparison
from benchmark.pages.presenting import table_of
from benchmark.pages.topics import Section

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
KINDS = ("csv", "xlsx", "tex")
READINGS_KINDS = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "xlsx": XLSX,
    "sav": "application/x-spss-sav",
    "imrmc": "text/plain; charset=utf-8",
    "mrmcaov": "text/csv; charset=utf-8",
}


@dataclass(frozen=True)
class TableFile:
    content: bytes
    content_type: str


def table_file(results: dict, section: Section, kind: str) -> TableFile:
    """The section as `kind`, one of KINDS; cells that a spreadsheet would run as formulas are escaped."""
    from benchmark.core.output.tables import as_csv, as_latex, as_xlsx, flat_records
    from benchmark.core.results import Results

    if kind == "tex":
        table = table_of(results, section, on_page=False)
        header = [column.label for column in table.columns]
        rows = [[cell.text for cell in row] for row in table.rows]
        return TableFile(as_latex(table.title + ".", header, rows).encode(), "application/x-tex")
    records = flat_records(Results(results), section.name)
    if kind == "xlsx":
        return TableFile(as_xlsx({section.name: records}), XLSX)
    return TableFile(as_csv(records).encode(), "text/csv; charset=utf-8")


def readings_file(comparison: Comparison, kind: str, positive: str) -> TableFile:
    """The readings that the comparison analysed as `kind`, one of READINGS_KINDS; `positive`: the class that counts as
    positive in iMRMC's and MRMCaov's form. Names that a program cannot read raise InputError."""
    from benchmark.core.inputs.readings import read_readings
    from benchmark.core.output.exports import FORMATS, RATED

    readings = read_readings(comparison.folder / "readings.csv")
    content = RATED[kind](readings, positive=positive) if kind in RATED else FORMATS[kind](readings)
    return TableFile(content, READINGS_KINDS[kind])
