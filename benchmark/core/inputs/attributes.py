"""attributes.csv: what images show or come from beside their class, one row per item: skin tone, sex, age, part of the body."""

from __future__ import annotations

import io
from dataclasses import dataclass
from os import PathLike

import pandas as pd

from benchmark.core.inputs.readers import NUMBER, Covariate, read_covariates, told_choices

BESIDE = ("item", "class", "truth", "view", "split", "fold", "group", "path", "mask")  # columns that are no attribute
FEWEST = 5  # items: no kind of fewer is told by itself
MOST_LEVELS = 12  # choices of more are names, not kinds
FEW_NUMBERS = 3  # a number with more values is told by thirds of the items


@dataclass(frozen=True)
class ItemAttributes:
    """The attributes of one attributes.csv in the order of its columns; source and sha256 say where it came from."""

    attributes: tuple[Covariate, ...]
    source: str
    sha256: str
    rows: int


def read_item_attributes(source: str | PathLike | io.IOBase) -> ItemAttributes:
    """Read attributes.csv: `item` once each, and one column per attribute; an empty cell: not known.

    A column of numbers alone is a number, any other a choice. Raises InputError for an item without a code or named twice, and
    for a table without an attribute.
    """
    found, table = read_covariates(source, "item", a="an", asked="attribute", beside=BESIDE)
    return ItemAttributes(found, table.name, table.sha256, len(table.frame))


def kinds_of(attribute: Covariate, items: pd.Index) -> pd.Series:
    """The kind of each of these items of which it is known, as an ordered category; empty where there are no two to compare.

    Choices that fewer than FEWEST items have are merged; a number with many values is cut into thirds of the items.
    """
    known = attribute.values[attribute.values.index.isin(items)]
    if attribute.kind == NUMBER:
        kinds = _thirds(known) if known.nunique() > FEW_NUMBERS else known.map("{:g}".format)
        kept = kinds[kinds.map(kinds.value_counts()) >= FEWEST]
        order = list(dict.fromkeys(kinds[known.sort_values(kind="stable").index]))
    else:
        kept, _ = told_choices(known, FEWEST)
        order = sorted(kept.unique())
    order = [kind for kind in order if (kept == kind).any()]
    if not 2 <= len(order) <= MOST_LEVELS:
        return pd.Series(dtype=object)
    return kept.astype(pd.CategoricalDtype(order, ordered=True))


def _thirds(values: pd.Series) -> pd.Series:
    """Each value's third, told by its ends: "1 to 4"; equal values are in one third."""
    third = pd.qcut(values.rank(method="average"), 3, labels=False, duplicates="drop")
    ends = values.groupby(third).agg(["min", "max"])
    words = {k: f"{low:g} to {high:g}" if low != high else f"{low:g}" for k, low, high in ends.itertuples()}
    return third.map(words)
