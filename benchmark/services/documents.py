"""The report as a tagged PDF and the tables for Word: made on request, since setting the pages takes a while."""

import json
from collections.abc import Callable
from pathlib import Path

from benchmark.models import Comparison

from .input_files import PICTURES, RATINGS

REPORT, TABLES = "report.pdf", "tables.docx"


def documents_folder(comparison: Comparison) -> Path:
    """Beside the comparison's own folder, whose every byte can be computed again without them."""
    return comparison.folder.with_name(f"{comparison.folder.name}.documents")


def documents(comparison: Comparison) -> list[Path]:
    """The documents that were made and belong to the present results."""
    return sorted(documents_folder(comparison).glob("*.*"))


def make_documents(*, comparison: Comparison, progress: Callable[[int, int, str], None] | None = None) -> list[Path]:
    """Write report.pdf and, of a comparison of people and networks, tables.docx."""
    from benchmark.core.files import write_atomically
    from benchmark.core.output.word import as_docx
    from benchmark.core.report.pdf import as_pdf
    from benchmark.core.results import Results

    results, home = Results(comparison.results_as_written()), documents_folder(comparison)
    if progress:
        progress(0, 2, "Setting the pages")
    write_atomically(home / REPORT, as_pdf(_printed_report(comparison, results)))
    if RATINGS not in comparison.hashes:
        if progress:
            progress(1, 2, "Tables for Word")
        write_atomically(home / TABLES, as_docx(results))
    if progress:
        progress(2, 2, "Done")
    return documents(comparison)


def _printed_report(comparison: Comparison, results) -> str:
    from benchmark.core.commands.studies import read_pictures
    from benchmark.core.figures.catalogue import figures_of
    from benchmark.core.figures.ratings import rating_figures
    from benchmark.core.inputs.pictures import read_item_pictures
    from benchmark.core.report.page import build_report
    from benchmark.core.report.ratings import build_rating_report

    listed = json.loads((comparison.folder / "figures" / "figures.json").read_text(encoding="utf-8"))
    svg = {row["name"]: (comparison.folder / "figures" / row["files"]["svg"]).read_text("utf-8") for row in listed}
    if RATINGS in comparison.hashes:
        pictures = read_pictures(comparison.folder / PICTURES)
        return build_rating_report(results, rating_figures(results), svg, pictures=pictures, printed=True)
    folder = comparison.folder / PICTURES
    pictures = read_item_pictures(folder) if PICTURES in comparison.hashes else None
    return build_report(results, figures_of(results), svg, pictures=pictures, printed=True)
