"""A small crossed study with confidence, times and positions, and the probabilities of its network."""

import numpy as np
import pandas as pd

from benchmark.core import Plan
from benchmark.core.inputs.predictions import Predictions

QUICK = Plan(bootstrap_draws=200)


def small_study(readers=8, items=24, seed=3, *, confidence=True, both_orders=True) -> pd.DataFrame:
    """Crossed readers x items on two views, three classes, one network; with confidence, times and positions."""
    rng = np.random.default_rng(seed)
    classes, rows = ("a", "b", "c"), []
    hard, skill = rng.normal(size=items), rng.normal(0, 0.5, readers)
    for view in ("close", "wide"):
        for i in range(items):
            truth = classes[i % 3]
            answer = truth if rng.random() < 0.8 else classes[(i + 1) % 3]
            rows.append(("net", "net", f"i{i}", truth, answer, "model", view, "", "", "", "", 0.8))
    for r in range(readers):
        flip = both_orders and r % 2
        for block, view in enumerate(("wide", "close") if flip else ("close", "wide"), 1):
            for position, i in enumerate(rng.permutation(items), 1):
                truth, p = classes[i % 3], 1 / (1 + np.exp(-(0.8 + skill[r] - hard[i] + 0.5 * (view == "wide"))))
                right = rng.random() < p
                sure = round(float(np.clip(0.5 * p + 0.5 * right, 0.05, 0.99)), 2) if confidence else ""
                milliseconds = int(1000 * np.exp(1.5 - 0.3 * right - 0.01 * position + rng.normal(0, 0.3)))
                answer = truth if right else classes[(i + 1) % 3]
                rows.append((f"r{r}", "people", f"i{i}", truth, answer, "human", view, "S1", block, position,
                             milliseconds, sure))  # fmt: skip
    columns = [
        "reader",
        "group",
        "item",
        "truth",
        "answer",
        "kind",
        "view",
        "survey",
        "block",
        "position",
        "rt_ms",
        "confidence",
    ]
    return pd.DataFrame(rows, columns=columns)


def crossed_network(view: str) -> pd.DataFrame:
    """The network's own readings of a view."""
    frame = small_study()
    return frame[(frame["kind"] == "model") & (frame["view"] == view)].reset_index(drop=True)


def crossed_predictions() -> Predictions:
    """Probabilities of the network for one of the views; the largest is that of its answer."""
    own, rng = crossed_network("close"), np.random.default_rng(2)
    p = rng.dirichlet([1, 1, 1], len(own)) * 0.4
    p[np.arange(len(own)), own["answer"].map({"a": 0, "b": 1, "c": 2})] += 0.6
    table = pd.DataFrame({"model": "net", "member": "ensemble", "item": own["item"], "view": "close",
                          "truth": own["truth"], **{f"p_{c}": p[:, k] for k, c in enumerate("abc")}})  # fmt: skip
    return Predictions(table, ("a", "b", "c"), "made", "0")
