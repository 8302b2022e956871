"""Readings with second showings, from readers whose agreement with themselves and with each other is known beforehand."""

import numpy as np
import pandas as pd

from benchmark.core.inputs.readings import Readings

CLASSES = tuple("ABCD")


def readers_of(
    seed: int, *, readers: int = 12, items: int = 60, again: int = 12, within: float = 0.8, shared: float = 0.75, group: str = "derm",
    view: str = "focused",
) -> pd.DataFrame:  # fmt: skip
    """Every reader reads every item once and `again` of them twice.

    A reader's leaning on an item is the truth with chance `shared`, else another class, the same at both showings; an answer is
    the leaning with chance `within`, else a class drawn from all four. Two answers of a reader are then the same with chance
    w^2 + (1 - w^2) / 4, and all of them are right with chance w s + (1 - w) / 4.
    """
    rng = np.random.default_rng(seed)
    rows = []
    truth = {f"i{n:03d}": CLASSES[n % 4] for n in range(items)}
    for r in range(readers):
        repeated = set(rng.choice(items, again, replace=False))
        for n, (item, right) in enumerate(truth.items()):
            leaning = right if rng.random() < shared else CLASSES[rng.integers(4)]
            for showing in (1, 2) if n in repeated else (1,):
                kept = rng.random() < within
                seconds = 9 * rng.lognormal(0, 0.4) * (0.8 if showing == 2 else 1)
                rows.append(
                    {
                        "reader": f"{group}{r:02d}", "group": group, "survey": "S1", "view": view, "block": 1,
                        "position": n + 1 if showing == 1 else items + 37 * n % 53, "item": item, "truth": right,
                        "answer": leaning if kept else CLASSES[rng.integers(4)], "showing": showing,
                        "confidence": round(0.5 + 0.4 * kept * rng.random(), 3), "rt_ms": int(1000 * seconds),
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)


def network_of(frame: pd.DataFrame) -> pd.DataFrame:
    """A network that is always right, on every item of the frame."""
    rows = frame.drop_duplicates(["item", "view"])[["survey", "view", "item", "truth"]]
    return rows.assign(reader="net", group="network", kind="model", answer=rows["truth"])


def study(seed: int = 1, **how) -> Readings:
    people = readers_of(seed, **how)
    return Readings.from_frame(pd.concat([people.assign(kind="human"), network_of(people)], ignore_index=True))
