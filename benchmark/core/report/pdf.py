"""report.pdf: the same page as a tagged PDF (PDF/UA), with the details unfolded."""

from __future__ import annotations

from PIL import ImageFile


def as_pdf(report: str) -> bytes:
    """The report's HTML as a tagged PDF. Nothing is fetched: a reference to any other resource is refused."""
    HTML = _weasyprint_html()

    def refuse(url: str, *_: object, **__: object):
        raise ValueError(f"The report must stand alone; it refers to {url}.")

    opened = report.replace("<details>", "<details open>")
    for role, colour in (("--ink", "#20282a"), ("--muted", "#697375"), ("--rule", "#d5dbda")):
        opened = opened.replace(f"var({role})", colour)
    return HTML(string=opened, url_fetcher=refuse).write_pdf(pdf_variant="pdf/ua-1")


def _weasyprint_html():
    """weasyprint's HTML class. Importing it tells Pillow, for the whole process, to accept truncated pictures: that is
    taken back, since imports of pictures refuse them in the same process."""
    accepted = ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        from weasyprint import HTML
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = accepted
    return HTML
