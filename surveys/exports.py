"""Files that leave the house: CSV that a spreadsheet cannot mistake for formulas."""

from imagebank.tables import csv_text, spreadsheet_safe

__all__ = ["csv_text", "readings_csv", "spreadsheet_safe"]


def readings_csv(study, analysed_only: bool = False) -> str:
    """The study's readings.csv."""
    from surveys.services import readings_frame

    frame = readings_frame(study=study, analysed_only=analysed_only).astype(object)
    return csv_text(frame.columns, frame.itertuples(index=False, name=None))


def cells_csv(study, analysed_only: bool = False) -> str:
    """The answers about grids, one row per cell."""
    from surveys.services import cells_frame

    frame = cells_frame(study=study, analysed_only=analysed_only).astype(object)
    return csv_text(frame.columns, frame.itertuples(index=False, name=None))


def ratings_csv(study, analysed_only: bool = False, for_analysis: bool = False) -> str:
    """The rating study's ratings.csv, or what the analysis reads of it."""
    from surveys.services import analysis_frame, ratings_frame

    frame = ratings_frame(study=study, analysed_only=analysed_only)
    frame = (analysis_frame(frame) if for_analysis else frame).astype(object)
    return csv_text(frame.columns, frame.itertuples(index=False, name=None))
