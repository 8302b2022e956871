"""The analysis as files: results.json, tables, figures, report.html; the same bytes for the same results."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import Any

from benchmark.core.files import write_atomically
from benchmark.core.inputs.pictures import Pictures
from benchmark.core.output.check import NAME as CHECK
from benchmark.core.output.check import RATING_PARTS, check_program, plan_records, rating_plan_records
from benchmark.core.output.dictionary import dictionary_of
from benchmark.core.output.tables import as_csv, as_latex, as_xlsx, flat_records, paper_tables
from benchmark.core.results import RATINGS_SCHEMA, Results

FIGURE_KINDS = ("svg", "png", "pdf")
PLOTLY_FILE = "plotly.min.js"
FONTS_FILE = "figures/fonts.txt"  # there only where a font was wanting

Write = Callable[[str, bytes | str], None]


def write_analysis(
    results: Results,
    out_dir: str | PathLike,
    *,
    figures: bool = True,
    pdf: bool = False,
    word: bool = False,
    pictures: Pictures | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> list[Path]:
    """Write results.json, tables/, figures/, report.html and check.R under out_dir; returns the files written, in order.

    pictures: of the items, for those who may see them; the report shows the hardest.
    figures=False leaves out figures/ (the report then has none); pdf=True adds report.pdf, word=True tables/tables.docx.
    Each file is written atomically, results.json last, so that its presence says that the folder is whole.
    """
    from benchmark.core.figures.catalogue import figures_of
    from benchmark.core.report.page import build_report

    written, write = _writer(Path(out_dir))
    _write_tables(results, write, plan=plan_records(results))
    write(CHECK, check_program())
    for name, (caption, header, rows) in paper_tables(results).items():
        if rows:
            write(f"tables/{name}.tex", as_latex(caption, header, rows))
    if word:
        from benchmark.core.output.word import as_docx

        write("tables/tables.docx", as_docx(results))
    entries = figures_of(results) if figures else []
    drawings = _write_figures(entries, write, progress)
    _write_report(partial(build_report, results, entries, drawings, pictures=pictures), write, pdf)
    write("results.json", results.to_json())
    return written


def write_ratings(
    results: Results,
    out_dir: str | PathLike,
    *,
    pictures: Mapping[str, bytes] | None = None,
    pdf: bool = False,
    progress: Callable[[int, int, str], None] | None = None,
) -> list[Path]:
    """Write the analysis of a rating study in the same way; its results.json has the schema "ratings/1".

    pictures: JPEG bytes by image; the best and the worst ones are shown in the report.
    """
    from benchmark.core.figures.ratings import rating_figures
    from benchmark.core.report.ratings import build_rating_report

    written, write = _writer(Path(out_dir))
    _write_tables(results, write, plan=rating_plan_records(results))
    write(CHECK, check_program(RATING_PARTS))
    entries = rating_figures(results)
    drawings = _write_figures(entries, write, progress)
    _write_report(partial(build_rating_report, results, entries, drawings, pictures=pictures), write, pdf)
    write("results.json", results.to_json())
    return written


def _writer(out: Path) -> tuple[list[Path], Write]:
    written: list[Path] = []
    (out / FONTS_FILE).unlink(missing_ok=True)  # of an earlier run, perhaps before a font was there

    def write(relative: str, content: bytes | str) -> None:
        write_atomically(out / relative, content)
        written.append(out / relative)

    return written, write


def _write_figures(entries, write: Write, progress: Callable[[int, int, str], None] | None) -> dict[str, str]:
    from benchmark.core.figures.letters import without_font

    drawings = {}
    for done, entry in enumerate(entries):
        if progress:
            progress(done, len(entries), entry.name)
        drawings[entry.name] = _write_figure(entry, write)
    if told := without_font(drawings.values()):
        write(FONTS_FILE, told + "\n")
    if entries:
        write(f"figures/{PLOTLY_FILE}", plotly_script())
        write("figures/figures.json", _figure_list(entries))
    return drawings


def _write_report(build: Callable[..., str], write: Write, pdf: bool) -> None:
    write("report.html", build())
    if pdf:
        from benchmark.core.report.pdf import as_pdf

        write("report.pdf", as_pdf(build(printed=True)))


def _write_tables(results: Results, write: Write, **further: list[dict[str, Any]]) -> None:
    """Every section as a table of its own, then the `further` ones by name; all of them in the workbook and the dictionary."""
    sheets = {section: flat_records(results, section) for section in results.sections} | further
    for section, records in sheets.items():
        write(f"tables/{section}.csv", as_csv(records))
    dictionary = dictionary_of(sheets, of_ratings=results["schema"] == RATINGS_SCHEMA)
    write("tables/dictionary.csv", as_csv(dictionary))
    write("tables/tables.xlsx", as_xlsx({"dictionary": dictionary, **sheets}))


def _write_figure(entry, write: Write) -> str:
    """Write one figure in every form, its data beside it; returns its SVG."""
    drawing = entry.draw()
    content = {kind: drawing.as_bytes(kind) for kind in FIGURE_KINDS}
    for kind, data in content.items():
        write(f"figures/{entry.name}.{kind}", data)
    write(f"figures/{narrow_file(entry.name)}", entry.draw_narrow().as_bytes("svg"))
    write(f"figures/{entry.name}.csv", as_csv(entry.data()))
    write(f"figures/{entry.name}.html", _figure_page(entry))
    return content["svg"].decode("utf-8")


def fonts_wanting(folder: Path) -> str | None:
    """The sentence on letters that the figures in a folder of results could not be drawn with; None where all were drawn."""
    path = folder / FONTS_FILE
    return path.read_text(encoding="utf-8").strip() if path.exists() else None


def are_drawn_as_now(folder: Path) -> bool:
    """Whether figures drawn now would have the same files and no letter more than those in a folder of results."""
    from benchmark.core.figures.letters import without_font

    wide = [path for path in (folder / "figures").glob("*.svg") if not path.name.endswith(narrow_file(""))]
    whole = all(path.with_name(narrow_file(path.stem)).exists() for path in wide)
    return whole and (fonts_wanting(folder) is None or without_font(path.read_text(encoding="utf-8") for path in wide) is not None)


def narrow_file(name: str) -> str:
    """The file in figures/ that holds a figure's form for a phone."""
    return f"{name}-narrow.svg"


def _figure_list(entries) -> str:
    """What figures/ holds, for programs: names, titles, captions, text alternatives and files."""
    kinds = (*FIGURE_KINDS, "html", "csv")
    found = [
        {
            "name": entry.name,
            "title": entry.title,
            "caption": entry.caption,
            "words": entry.words,
            "files": {kind: f"{entry.name}.{kind}" for kind in kinds} | {"narrow": narrow_file(entry.name)},
        }
        for entry in entries
    ]
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n"


def plotly_script() -> bytes:
    """The library of the live figures, read from the installed package without importing it."""
    return (Path(find_spec("plotly").origin).parent / "package_data" / PLOTLY_FILE).read_bytes()


def _figure_page(entry) -> str:
    """A page with one live figure; the library lies beside it once for all, so that it opens without a network."""
    from html import escape

    data, small = (
        json.dumps(form(), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
        for form in (entry.page, entry.page_narrow)
    )
    title, caption, words = (escape(text, quote=True) for text in (entry.title, entry.caption, entry.words))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{title}</title><script src="{PLOTLY_FILE}"></script></head>\n'
        '<body style="background:#fff;color:#20282a;font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:1.5rem auto;'
        'padding:0 1rem">'
        f'<h1 style="font-size:1.2rem">{title}</h1><div id="figure" role="img" aria-label="{words}"></div>\n'
        f'<p style="max-width:72ch">{caption}</p><p><a href="{entry.name}.csv">Data</a> · <a href="{entry.name}.svg">SVG</a>'
        f' · <a href="{entry.name}.pdf">PDF</a> · <a href="{entry.name}.png">PNG</a></p>\n'
        f"<script>const phone = window.matchMedia('(max-width: 600px)');\nconst wide = {data};\nconst narrow = {small};\n"
        "const draw = () => { const figure = phone.matches ? narrow : wide; Plotly.react('figure', figure.data,"
        " figure.layout, {responsive: true, displaylogo: false}); };\n"
        "draw(); phone.addEventListener('change', draw);</script></body></html>\n"
    )
