"""The long tables of a study as CSV that a spreadsheet cannot mistake for formulas."""

from imagebank.tables import csv_text
from surveys.services import analysis_frame, cells_frame, ratings_frame, readings_frame


def readings_csv(study, analysed_only: bool = False) -> str:
    """The study's readings.csv."""
    return _csv(readings_frame(study=study, analysed_only=analysed_only))


def cells_csv(study, analysed_only: bool = False) -> str:
    """The answers about grids, one row per cell."""
    return _csv(cells_frame(study=study, analysed_only=analysed_only))


def ratings_csv(study, analysed_only: bool = False, for_analysis: bool = False) -> str:
    """The rating study's ratings.csv, or what the analysis reads of it."""
    frame = ratings_frame(study=study, analysed_only=analysed_only)
    return _csv(analysis_frame(frame) if for_analysis else frame)


def _csv(frame) -> str:
    return csv_text(frame.columns, frame.astype(object).itertuples(index=False, name=None))
