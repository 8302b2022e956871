"""The certificate of participation as a PDF, where the machine has what sets one (WeasyPrint and Pango)."""

from functools import cache
from types import ModuleType

from PIL import ImageFile


@cache
def _weasyprint() -> ModuleType | None:
    """The package, or None where it or Pango is missing. Importing it makes Pillow accept truncated pictures: taken back."""
    accepted = ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        import weasyprint
    except (ImportError, OSError):
        return None
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = accepted
    return weasyprint


def sets_pdf() -> bool:
    return _weasyprint() is not None


def pdf_of(html: str) -> bytes:
    """The page as a tagged PDF. Nothing is fetched: a reference outside it is refused."""
    weasyprint = _weasyprint()
    alone = weasyprint.urls.URLFetcher(allowed_protocols=("data",), fail_on_errors=True)
    return weasyprint.HTML(string=html, url_fetcher=alone).write_pdf(pdf_variant="pdf/ua-1")
