"""report.pdf: the same page as a tagged PDF (PDF/UA), with the details unfolded."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import ImageFile

CHATTY = ("weasyprint", "weasyprint.progress", "fontTools", "fontTools.subset", "fontTools.ttLib")


def as_pdf(report: str) -> bytes:
    """The printed form of the report as a tagged PDF. Nothing is fetched: a reference outside it is refused."""
    with _quiet():
        weasyprint = _weasyprint()
        alone = weasyprint.urls.URLFetcher(allowed_protocols=("data",), fail_on_errors=True)
        return weasyprint.HTML(string=report, url_fetcher=alone).write_pdf(
            pdf_variant="pdf/ua-1", finisher=_scope_headers
        )


def _scope_headers(_document, pdf) -> None:
    """Say of every header cell whether it heads its column or its row, which the typesetter leaves out."""
    elements = {
        made.reference: made for made in pdf.objects if isinstance(made, dict) and made.get("Type") == "/StructElem"
    }
    for cell in elements.values():
        if cell["S"] == "/TH":
            row = elements[cell["P"]]
            scope = "/Column" if elements[row["P"]]["S"] == "/THead" else "/Row"
            cell["A"]["Scope"] = scope


def _weasyprint():
    """The package. Importing it tells Pillow, for the whole process, to accept truncated pictures: that is taken back,
    since imports of pictures refuse them in the same process."""
    accepted = ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        import weasyprint
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = accepted
    return weasyprint


@contextmanager
def _quiet() -> Iterator[None]:
    """Errors only from the libraries that set the page, while they do; their levels are put back afterwards."""
    loggers = [logging.getLogger(name) for name in CHATTY]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        yield
    finally:
        for logger, level in zip(loggers, levels):
            logger.setLevel(level)
