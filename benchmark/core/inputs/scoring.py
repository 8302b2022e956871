"""Readings with their marks: the analysis set from which every section takes its rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from benchmark.core.inputs.anchors import weighted
from benchmark.core.inputs.readings import Readings


@dataclass(frozen=True)
class ReaderSet:
    """The readings of one group on one view. `reader` names the network when the group is a network, else None."""

    group: str
    kind: str
    view: str
    reader: str | None
    rows: pd.DataFrame

    @property
    def label(self) -> str:
        return self.reader if self.reader is not None else self.group

    @property
    def keys(self) -> dict[str, str | None]:
        """The fields that every record about this set begins with; a table without views has view null."""
        return {"group": self.group, "kind": self.kind, "reader": self.reader, "view": self.view or None}


@dataclass(frozen=True)
class Scored:
    """Readings with a column `correct`, and weights where there are anchors.

    missing: whether a blank is incorrect (kept) or excluded (dropped).
    """

    readings: Readings
    missing: str = "incorrect"
    class_order: tuple[str, ...] = ()

    @cached_property
    def frame(self) -> pd.DataFrame:
        frame = self.readings.frame
        if self.missing == "excluded":
            frame = frame[frame["answer"] != ""]
        # Plain Python strings: the many small selections that follow cost half of what they do on Arrow's.
        text = [name for name in frame.columns if isinstance(frame[name].dtype, pd.StringDtype)]
        marked = frame.astype(dict.fromkeys(text, object)).assign(
            correct=(frame["answer"] == frame["truth"]).to_numpy(bool)
        )
        return weighted(marked, self.readings.anchors)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Classes in the plan's order, then any others by name."""
        found = self.readings.classes
        return tuple(c for c in self.class_order if c in found) + tuple(c for c in found if c not in self.class_order)

    @cached_property
    def _sets(self) -> dict[tuple[str, str, str], ReaderSet]:
        frame = self.frame.assign(_set=self.frame["group"].where(self.frame["kind"] == "human", self.frame["reader"]))
        found = {}
        for (kind, name, view), rows in frame.groupby(["kind", "_set", "view"], sort=True):
            group = rows["group"].iloc[0]
            reader = name if kind == "model" else None
            found[kind, name, view] = ReaderSet(group, kind, view, reader, rows.drop(columns="_set"))
        return found

    def sets(self, kind: str | None = None) -> Iterator[ReaderSet]:
        """Every group (people) and every network, by view in reading order; people first."""
        for view in self.readings.views:
            for (set_kind, _, set_view), found in self._sets.items():
                if set_view == view and kind in (None, set_kind):
                    yield found

    def find(self, kind: str, name: str, view: str) -> ReaderSet | None:
        return self._sets.get((kind, name, view))

    def against(self, model: ReaderSet, people: ReaderSet) -> pd.DataFrame:
        """People's rows on items that the model read too, with the model's mark as column `model_correct`."""
        key = (model.label, people.group, people.view)
        if key not in self._against:
            marks = model.rows.set_index("item")["correct"]
            place = marks.index.get_indexer(people.rows["item"])
            rows = people.rows[place >= 0]
            self._against[key] = rows.assign(model_correct=marks.to_numpy(dtype=bool)[place[place >= 0]])
        return self._against[key]

    @cached_property
    def _against(self) -> dict[tuple[str, str, str], pd.DataFrame]:
        return {}
