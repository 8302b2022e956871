"""Simulated readings of an assisted arm: every reader alone, then with a network's output in sight."""

from __future__ import annotations

import numpy as np
import pandas as pd

CLASSES = ("HMI", "IP", "MA", "NF1")


def assisted_study(
    seed: int = 0,
    *,
    readers: int = 8,
    items: int = 40,
    groups: tuple[str, ...] = ("medical-geneticist", "pediatrician"),
    views: tuple[str, ...] = ("focused", "panoramic"),
    network_right: float = 0.8,
    trust: float = 0.45,
    second_look: float = 0.05,
    silent: float = 0.0,
    blank: float = 0.0,
) -> pd.DataFrame:
    """Crossed readers x items per group and view; the network's own rows are there too.

    trust: how often a reader who differs takes the network's answer, on average over readers; second_look: how often an
    answer changes to another class for no reason of the network's; silent, blank: shares of images without the network's
    answer, and of second answers not given.
    """
    rng = np.random.default_rng(seed)
    truth = {f"img{i:02d}": CLASSES[i % len(CLASSES)] for i in range(items)}
    hard = {item: rng.normal() for item in truth}
    other = {name: [c for c in CLASSES if c != name] for name in CLASSES}
    said, rows = {}, []
    for view in views:
        for item, name in truth.items():
            right = rng.random() < 1 / (1 + np.exp(-(np.log(network_right / (1 - network_right)) - hard[item] / 2)))
            answer = "" if rng.random() < silent else name if right else str(rng.choice(other[name]))
            said[view, item] = answer
            row = {"reader": "classifier", "group": "network", "kind": "model", "view": view, "item": item}
            rows.append({**row, "truth": name, "answer": answer})
    for number, group in enumerate(groups):
        for r in range(readers):
            skill, takes = rng.normal(0.8 - 0.7 * number, 0.5), np.clip(rng.normal(trust, 0.2), 0, 1) if trust else 0.0
            for block, view in enumerate(views, 1):
                for place, item in enumerate(rng.permutation(list(truth)), 1):
                    name, advice = truth[item], said[view, item]
                    right = rng.random() < 1 / (1 + np.exp(-(skill - hard[item])))
                    first = name if right else str(rng.choice(other[name]))
                    second = first
                    if advice and advice != first and rng.random() < takes:
                        second = advice
                    elif rng.random() < second_look:
                        second = str(rng.choice(other[first]))
                    rows.append(
                        {
                            "reader": f"{group[:3]}-{r:02d}", "group": group, "kind": "human", "view": view, "block": block,
                            "survey": f"S{r:02d}", "position": place, "item": item, "truth": name, "answer": first,
                            "rt_ms": int(1000 * np.exp(rng.normal(2.2, 0.5))), "assistant": "classifier",
                            "assistant_answer": advice, "assisted_answer": "" if rng.random() < blank else second,
                            "assisted_rt_ms": int(1000 * np.exp(rng.normal(1.6, 0.5))),
                        }
                    )  # fmt: skip
    return pd.DataFrame(rows, dtype=object).fillna("").assign(simulated="yes")
