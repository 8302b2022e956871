"""Lists as CSV; the renderer itself stands on the ground floor, where every app may use it."""

from imagebank.tables import CsvRenderer

__all__ = ["CsvRenderer"]
