"""A section of the results as one file: CSV and XLSX keep every digit, LaTeX is rounded like a journal."""

from dataclasses import dataclass

from benchmark.presenting import table_of
from benchmark.sections import Section

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
KINDS = ("csv", "xlsx", "tex")


@dataclass(frozen=True)
class TableFile:
    content: bytes
    content_type: str


def table_file(results: dict, section: Section, kind: str) -> TableFile:
    """The section as `kind`, one of KINDS; cells that a spreadsheet would run as formulas are escaped."""
    from benchmark.core.results import Results
    from benchmark.core.tables import as_csv, as_latex, as_xlsx, flat_records

    if kind == "tex":
        table = table_of(results, section, on_page=False)
        header = [column.label for column in table.columns]
        rows = [[cell.text for cell in row] for row in table.rows]
        return TableFile(as_latex(table.title + ".", header, rows).encode(), "application/x-tex")
    records = flat_records(Results(results), section.name)
    if kind == "xlsx":
        return TableFile(as_xlsx({section.name: records}), XLSX)
    return TableFile(as_csv(records).encode(), "text/csv; charset=utf-8")
