"""Sections on where each network stands among the readers, and which items are hard."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmark.core.inputs.scoring import Scored
from benchmark.core.methods.proportions import wilson
from benchmark.core.sections.comparisons import matchups

Record = dict[str, Any]


def standing_section(scored: Scored) -> list[Record]:
    """Where each network stands among the readers, each met on his or her own items."""
    records = []
    for match in matchups(scored):
        own = match.rows.groupby("reader")[["model_correct", "correct"]].sum()
        gap = own["model_correct"] - own["correct"]
        beaten, equal = int((gap > 0).sum()), int((gap == 0).sum())
        share = (beaten + equal / 2) / len(own)
        records.append(
            {**match.keys, "readers": len(own), "beaten": beaten, "equalled": equal, "percentile": 100 * share}
        )
    return records


def items_section(scored: Scored, *, confidence: float) -> list[Record]:
    """Each item's share of right answers among people (Wilson's interval), hardest first, what people took it for most
    often instead, and networks that had it right."""
    records = []
    for view in scored.readings.views:
        rows = scored.frame[scored.frame["view"] == view]
        people = (
            rows[rows["kind"] == "human"]
            .groupby("item")
            .agg(truth=("truth", "first"), readings=("correct", "size"), correct=("correct", "sum"))
        )
        right = (
            rows[(rows["kind"] == "model") & rows["correct"]]
            .groupby("item")["reader"]
            .agg(lambda r: " ".join(sorted(r)))
        )
        networks = right.reindex(people.index)  # in a study of networks alone nobody's items are listed
        table = people.assign(share=people["correct"] / people["readings"], networks=networks).fillna({"networks": ""})
        mistakes = _commonest_mistakes(rows[(rows["kind"] == "human") & ~rows["correct"] & (rows["answer"] != "")])
        records += [
            {
                "item": row.Index,
                "view": view or None,
                "truth": row.truth,
                "readings": int(row.readings),
                "correct": int(row.correct),
                "share_correct": row.share,
                **dict(zip(("ci_low", "ci_high"), wilson(int(row.correct), int(row.readings), confidence=confidence))),
                **dict(zip(("taken_for", "taken_for_times"), mistakes.get(row.Index, ("", 0)))),
                "networks_correct": row.networks,
            }
            for row in table.reset_index().sort_values(["share", "item"]).set_index("item").itertuples()
        ]
    return records


def _commonest_mistakes(wrong: pd.DataFrame) -> dict[str, tuple[str, int]]:
    """By item the wrong answer that most people gave and how many did; of several as frequent the first by name."""
    times = wrong.groupby(["item", "answer"]).size().reset_index(name="times")
    first = times.sort_values(["item", "times", "answer"], ascending=[True, False, True]).drop_duplicates("item")
    return {row.item: (row.answer, int(row.times)) for row in first.itertuples()}


def hardest(records: list[Record], view: str | None, many: int = 12) -> list[Record]:
    """The items of a view that fewest people named correctly."""
    own = [record for record in records if (record["view"] or "") == (view or "")]
    return sorted(own, key=lambda r: (r["share_correct"], r["item"]))[:many]
