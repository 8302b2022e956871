"""Studies run elsewhere as readings.csv: Qualtrics and REDCap exports, wide tables and long ones, by a mapping file."""

from .run import Imported, import_readings

__all__ = ["Imported", "import_readings"]
