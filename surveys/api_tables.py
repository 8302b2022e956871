"""Lists as CSV: `Accept: text/csv` or `?format=csv`."""

from rest_framework.renderers import BaseRenderer

from surveys.exports import csv_text


class CsvRenderer(BaseRenderer):
    """The rows of one page, a header first; no rows, no header. How many there are in all is said by the JSON form.

    Text that a spreadsheet would run as a formula is put behind an apostrophe.
    """

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(self, data, accepted_media_type=None, renderer_context=None) -> str:
        rows = data.get("results", data.get("errors", [data])) if isinstance(data, dict) else data or []
        return csv_text(rows[0], ([as_text(value) for value in row.values()] for row in rows)) if rows else ""


def as_text(value):
    """A list becomes one cell."""
    return "; ".join(str(part) for part in value) if isinstance(value, list | tuple) else value
