"""The analysis as files: results.json, tables, figures, report.html; the same bytes for the same results."""

from __future__ import annotations

import json
from collections.abc import Callable
from os import PathLike
from pathlib import Path

from .files import write_atomically
from .results import Results
from .tables import as_csv, as_latex, as_xlsx, flat_records, paper_tables

FIGURE_KINDS = ("svg", "png", "pdf")
PLOTLY_FILE = "plotly.min.js"


def write_analysis(
    results: Results,
    out_dir: str | PathLike,
    *,
    figures: bool = True,
    pdf: bool = False,
    progress: Callable[[int, int, str], None] | None = None,
) -> list[Path]:
    """Write results.json, tables/, figures/ and report.html under out_dir; returns the files written, in order.

    figures=False leaves out figures/ (the report then has none); pdf=True adds report.pdf. Each file is written
    atomically, results.json last, so that its presence says that the folder is whole.
    """
    from .figures.catalogue import figures_of
    from .report.page import build_report

    out = Path(out_dir)
    written: list[Path] = []

    def write(relative: str, content: bytes | str) -> None:
        write_atomically(out / relative, content)
        written.append(out / relative)

    _write_tables(results, write)
    entries = figures_of(results) if figures else []
    drawings = {}
    for done, entry in enumerate(entries):
        if progress:
            progress(done, len(entries), entry.name)
        drawings[entry.name] = (_write_figure(entry, write), entry.caption)
    if entries:
        from plotly.offline import get_plotlyjs

        write(f"figures/{PLOTLY_FILE}", get_plotlyjs())
    report = build_report(results, drawings)
    write("report.html", report)
    if pdf:
        from .report.pdf import as_pdf

        write("report.pdf", as_pdf(report))
    write("results.json", results.to_json())
    return written


def _write_tables(results: Results, write: Callable[[str, bytes | str], None]) -> None:
    sheets = {section: flat_records(results, section) for section in results.sections}
    for section, records in sheets.items():
        write(f"tables/{section}.csv", as_csv(records))
    write("tables/tables.xlsx", as_xlsx(sheets))
    for name, (caption, header, rows) in paper_tables(results).items():
        if rows:
            write(f"tables/{name}.tex", as_latex(caption, header, rows))


def _write_figure(entry, write: Callable[[str, bytes | str], None]) -> bytes:
    from .figures.look import file_bytes

    drawing = entry.draw()
    content = {kind: file_bytes(drawing, kind) for kind in FIGURE_KINDS}
    for kind, data in content.items():
        write(f"figures/{entry.name}.{kind}", data)
    write(f"figures/{entry.name}.html", _figure_page(entry.page(), entry.name, entry.caption))
    return content["svg"]


def _figure_page(figure: dict, name: str, caption: str) -> str:
    """A page with one live figure; the library lies beside it, so that it opens without a network."""
    from html import escape

    data = json.dumps(figure, ensure_ascii=False).replace("<", "\\u003c")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(name)}</title><script'
        f' src="{PLOTLY_FILE}"></script></head>\n<body style="background:#fff"><div id="figure"></div><p'
        f' style="font:14px sans-serif;max-width:72ch">{escape(caption)}</p>\n<script>const figure ='
        f' {data};\nPlotly.newPlot("figure", figure.data, figure.layout, {{responsive: true, displaylogo:'
        " false});</script></body></html>\n"
    )
