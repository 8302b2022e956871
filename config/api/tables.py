"""Lists as CSV: `Accept: text/csv` or `?format=csv`."""

import csv
import io

from rest_framework.renderers import BaseRenderer

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def cell(value) -> str:
    """One value as text; text that a spreadsheet would run as a formula is put behind an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return cell("; ".join(str(part) for part in value))
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA_STARTS) else text


class CsvRenderer(BaseRenderer):
    """The rows of one page, a header first; no rows, no header. How many there are in all is said by the JSON form."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(self, data, accepted_media_type=None, renderer_context=None) -> str:
        rows = data.get("results", data.get("errors", [data])) if isinstance(data, dict) else data or []
        text = io.StringIO()
        if rows:
            writer = csv.writer(text)
            writer.writerow(rows[0])
            writer.writerows([cell(value) for value in row.values()] for row in rows)
        return text.getvalue()
