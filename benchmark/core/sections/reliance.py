"""Sections on reliance: what readers did with an answer once a network's output was in sight.

Named measures follow Schemmer et al. (2023), RAIR and RSR, and Bucinca et al. (2021), over-reliance. All shares have
intervals that take readers and items as samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from benchmark.core.inputs.scoring import Scored
from benchmark.core.methods.proportions import clustered_proportion
from benchmark.core.plans.plan import Plan
from benchmark.core.sections.assistance import AssistedSet, assisted_sets

Record = dict[str, Any]
NONE = "there is no such reading"
SAME_ALREADY = "the first answer was the network's already"
ABSTAINED = "the network abstained"


def reliance_sections(scored: Scored, plan: Plan) -> Record:
    """Sections `assistance_changes` and `assistance_reliance`; none where no network's output was in sight."""
    sets = list(assisted_sets(scored))
    if not sets:
        return {}
    return {
        "assistance_changes": [record for found in sets for record in _changes(found, plan)],
        "assistance_reliance": [record for found in sets for record in _measures(found, plan)],
    }


def situations(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """Readings by who was right before the output was shown, each a mask over rows; a blank counts as a wrong answer."""
    alone, network = rows["alone"].to_numpy(bool), rows["network"].to_numpy(bool)
    silent = (rows["assistant_answer"] == "").to_numpy()
    same = (rows["answer"] == rows["assistant_answer"]).to_numpy()
    both_wrong = ~alone & ~network & ~silent
    found = {
        "reader wrong, network right": ~alone & network,
        "reader right, network wrong": alone & ~network & ~silent,
        "both right": alone & network,
        "both wrong, same answer": both_wrong & same,
        "both wrong, different answers": both_wrong & ~same,
    }
    if silent.any():
        found["reader right, network abstained"] = alone & silent
        found["reader wrong, network abstained"] = ~alone & silent
    return found


def _changes(found: AssistedSet, plan: Plan) -> Iterator[Record]:
    """Every situation: how many answers changed, to the network's, and how many were right afterwards."""
    rows = found.rows
    second = rows["assisted_answer"]
    withheld = (second == "").to_numpy()
    changed = (second != rows["answer"]).to_numpy() & ~withheld
    followed = changed & (second == rows["assistant_answer"]).to_numpy()
    right = rows["assisted"].to_numpy(bool)
    for name, here in situations(rows).items():
        own = rows[here]
        record = {
            **found.keys, "situation": name, "readings": len(own), "share_of_readings": len(own) / len(rows),
            "readers": int(own["reader"].nunique()), "items": int(own["item"].nunique()),
            "unanswered": int(withheld[here].sum()),
        }  # fmt: skip
        whys = [None if len(own) else NONE]
        for key, mark in (("changed", changed), ("to_network", followed), ("right_after", right)):
            record[key] = int(mark[here].sum())
            impossible = key == "to_network" and _cannot_follow(name)
            if impossible:
                whys.append(impossible)
            record.update(_share(key, mark[here], own, plan, known=len(own) > 0 and not impossible))
        yield {**record, "why": "; ".join(why for why in whys if why) or None}


def _cannot_follow(situation: str) -> str | None:
    if "abstained" in situation:
        return ABSTAINED
    return SAME_ALREADY if situation in ("both right", "both wrong, same answer") else None


def _share(key: str, mark: np.ndarray, rows: pd.DataFrame, plan: Plan, *, known: bool) -> Record:
    """Fields <key>_share with its interval, null where it is not known."""
    names = (f"{key}_share", f"{key}_share_ci_low", f"{key}_share_ci_high")
    if not known:
        return dict.fromkeys(names)
    ci = clustered_proportion(mark, rows["reader"], rows["item"], rows["truth"], confidence=plan.confidence)
    return dict(zip(names, (float(mark.mean()), ci.low, ci.high)))


MEASURES = {
    "answers changed": "another answer afterwards, of all readings",
    "benefit": "right afterwards, of those wrong before",
    "harm": "wrong afterwards, of those right before",
    "over-reliance": "the network's wrong answer afterwards, of all readings in which the network was wrong",
    "under-reliance": "another answer than the network's afterwards, of all readings in which the network was right",
    "RAIR": "right afterwards, of those in which the reader was wrong before and the network right",
    "RSR": "right afterwards, of those in which the reader was right before and the network wrong",
    "switched to the network": "the network's answer afterwards, of those in which the two differed before",
    "agreement before": "the network's answer before it was shown, of all readings in which it answered",
    "agreement after": "the network's answer afterwards, of all readings in which it answered",
}


def _measures(found: AssistedSet, plan: Plan) -> Iterator[Record]:
    """Each named measure as a share; a reading in which the network abstained tells nothing of reliance on it."""
    rows = found.rows
    first, second, advice = (rows[name].to_numpy() for name in ("answer", "assisted_answer", "assistant_answer"))
    alone, network, assisted = (rows[name].to_numpy(bool) for name in ("alone", "network", "assisted"))
    every, advised = np.ones(len(rows), dtype=bool), advice != ""
    wrong = advised & ~network
    counted = {
        "answers changed": (every, (second != first) & (second != "")),
        "benefit": (~alone, assisted),
        "harm": (alone, ~assisted),
        "over-reliance": (wrong, second == advice),
        "under-reliance": (network, second != advice),
        "RAIR": (~alone & network, assisted),
        "RSR": (alone & wrong, assisted),
        "switched to the network": (advised & (first != advice), second == advice),
        "agreement before": (advised, first == advice),
        "agreement after": (advised, second == advice),
    }
    for name, (among, mark) in counted.items():
        own, hits = rows[among], mark[among]
        ci = clustered_proportion(hits, own["reader"], own["item"], own["truth"], confidence=plan.confidence)
        yield {
            **found.keys, "measure": name, "meaning": MEASURES[name], "count": int(hits.sum()), "readings": len(own),
            "readers": int(own["reader"].nunique()), "items": int(own["item"].nunique()),
            "value": float(hits.mean()) if len(own) else None, "ci_low": ci.low, "ci_high": ci.high,
            "ci_method": ci.method if len(own) else None, "why": None if len(own) else NONE,
        }  # fmt: skip
