"""The answers about grids, cell by cell."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from imagebank.models import Study
from surveys.models import Stimulus

from .table import ratings_frame

if TYPE_CHECKING:
    import pandas

CELL_COLUMNS = (
    "rater", "group", "item", "question", "cell", "row", "column", "marked", "row_class", "row_seed", "column_class",
    "column_seed", "condition", "position", "repeat_of", "simulated", "survey", "answered_at", "completed_at", "analysed",
)  # fmt: skip
_SHARED = ("condition", "position", "repeat_of", "simulated", "survey", "answered_at", "completed_at", "analysed")


def cells_frame(*, study: Study, analysed_only: bool = False) -> "pandas.DataFrame":
    """One row per rater, grid, question about cells, and cell.

    item: code of the grid. cell: from 1, row by row; row and column: its place, from 1. marked: yes, no, or empty where the
    question was not answered. row_class and row_seed: what the row took its colour from; column_class and column_seed: what
    the column took its shape from; empty where the publisher did not say.
    """
    import pandas

    ratings = ratings_frame(study=study, analysed_only=analysed_only)
    grids = {grid.code: grid for grid in _grids(study)}
    asked = ratings[ratings["question_kind"] == "cells"]
    rows = [row for rating in asked.itertuples(index=False) for row in _cells(rating, grids[rating.item])]
    return pandas.DataFrame(rows, columns=list(CELL_COLUMNS))


def _grids(study: Study):
    return Stimulus.objects.filter(study=study, kind=Stimulus.Kind.GRID).select_related("item")


def _cells(rating, grid: Stimulus) -> Iterator[tuple]:
    marked = None if rating.value == "" else set(json.loads(rating.value))
    facts = grid.item.attributes
    shared = tuple(getattr(rating, name) for name in _SHARED)
    for place in range(len(rating.presented.split(" "))):
        row, column = divmod(place, grid.columns)
        yield (
            rating.rater, rating.group, rating.item, rating.question, place + 1, row + 1, column + 1,
            "" if marked is None else "yes" if place + 1 in marked else "no",
            facts.get("row_class", ""), _nth(facts.get("row_seeds"), row),
            facts.get("column_class", ""), _nth(facts.get("column_seeds"), column), *shared,
        )  # fmt: skip


def _nth(values, place: int):
    return values[place] if isinstance(values, list) and place < len(values) else ""
