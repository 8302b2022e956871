"""A whole design as arrays, for counting."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .design import Design
from .shape import Shape, shape_of


@dataclass(frozen=True)
class Table:
    """Items, here those that are no anchors, are sorted by class, then code; classes are numbered in sorted order.

    survey_of: survey within its set, shape (sets, items). class_of: shape (items,).
    position_of[view]: position from 0 of every item in its survey of every set, shape (sets, items).
    class_at[view]: the class at every position, shape (surveys, block length).
    anchors_at[view]: position of every anchor in every survey, shape (surveys, anchors).
    """

    shape: Shape
    survey_of: np.ndarray
    class_of: np.ndarray
    position_of: dict[str, np.ndarray]
    class_at: dict[str, np.ndarray]
    anchors_at: dict[str, np.ndarray]


def table_of(design: Design, items: Mapping[str, str]) -> Table:
    """The arrays of a design that keeps its promises."""
    shape = shape_of(items, per_class=design.per_class, sets=design.sets, anchors=design.anchors.per_class)
    rest = shape.rest
    names = sorted(set(items).difference(design.anchors.items), key=lambda item: (items[item], item))
    number_of = {name: number for number, name in enumerate((*names, *design.anchors.items))}  # anchors last
    classes = sorted(set(items.values()))
    class_of = np.array([classes.index(items[name]) for name in number_of], dtype=np.int64)
    survey_of = np.empty((shape.sets, rest.items), dtype=np.int64)
    position_of = {view: np.empty_like(survey_of) for view in design.views}
    class_at = {view: np.empty((shape.surveys, shape.block_length), dtype=np.int64) for view in design.views}
    anchors_at = {view: np.empty((shape.surveys, len(design.anchors.items)), dtype=np.int64) for view in design.views}
    for row, survey in enumerate(design.surveys):
        for block in survey.blocks:
            numbers = np.fromiter((number_of[item] for item in block.items), dtype=np.int64, count=shape.block_length)
            (shared,), (common,) = (numbers < rest.items).nonzero(), (numbers >= rest.items).nonzero()
            survey_of[survey.set - 1, numbers[shared]] = row % shape.surveys_per_set
            position_of[block.view][survey.set - 1, numbers[shared]] = shared
            anchors_at[block.view][row, numbers[common] - rest.items] = common
            class_at[block.view][row] = class_of[numbers]
    return Table(shape, survey_of, class_of[: rest.items], position_of, class_at, anchors_at)
