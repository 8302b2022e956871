"""Which sittings count: the completion rule, and the first complete one per seat."""

from dataclasses import dataclass

import pandas as pd

from .readings import Readings


@dataclass(frozen=True)
class Completion:
    """`analysed`: the readings that count. `sittings`: one row per human reader and survey with `answered`, `asked`,
    `complete` and `status` (analysed, extra, incomplete)."""

    analysed: Readings
    sittings: pd.DataFrame


def apply_completion(readings: Readings, *, threshold: float = 0.95) -> Completion:
    """Keep the first complete sitting of each group for each survey; networks are kept as they are.

    A sitting is complete when MORE than `threshold` of its questions are answered (56 questions at .95: at least 54).
    First is by `completed_at` (server time) where the column stands, else by the order of rows. Readings without a
    survey belong to no seat and no sitting, so the rule does not touch them. Source: Duong et al. 2022, Methods.
    """
    table = readings.table
    human = table[table["kind"] == "human"]
    groups = human.groupby(["group", "survey", "reader"], sort=False)
    sittings = groups.agg(answered=("answered", "sum"), asked=("answered", "size")).reset_index()
    completed = groups["completed_at"].max() if "completed_at" in table.columns else None
    sittings["completed_at"] = completed.fillna("").astype(str).to_numpy() if completed is not None else ""
    seated = sittings["survey"] != ""
    sittings["complete"] = ~seated | (sittings["answered"] > threshold * sittings["asked"])
    order = sittings[sittings["complete"]].sort_values("completed_at", kind="stable")
    first = order.index[(order["survey"] == "") | ~order.duplicated(["group", "survey"])]
    sittings["status"] = "incomplete"
    sittings.loc[sittings["complete"], "status"] = "extra"
    sittings.loc[first, "status"] = "analysed"
    kept = sittings.loc[sittings["status"] == "analysed", ["group", "survey", "reader"]]
    keys = pd.MultiIndex.from_frame(table[["group", "survey", "reader"]])
    keep = (table["kind"] == "model") | keys.isin(pd.MultiIndex.from_frame(kept))
    return Completion(Readings(table[keep].reset_index(drop=True), readings.sha256), sittings)
