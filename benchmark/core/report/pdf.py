"""report.pdf: the same page as a tagged PDF (PDF/UA), with the details unfolded."""

from __future__ import annotations


def as_pdf(report: str) -> bytes:
    """The report's HTML as a tagged PDF. Nothing is fetched: a reference to any other resource is refused."""
    from weasyprint import HTML

    def refuse(url: str, *_: object, **__: object):
        raise ValueError(f"The report must stand alone; it refers to {url}.")

    opened = report.replace("<details>", "<details open>")
    for role, colour in (("--ink", "#20282a"), ("--muted", "#697375"), ("--rule", "#d5dbda")):
        opened = opened.replace(f"var({role})", colour)
    return HTML(string=opened, url_fetcher=refuse).write_pdf(pdf_variant="pdf/ua-1")
