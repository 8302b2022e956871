"""Readings of surveys that share anchors, of readers and items whose chances are known beforehand."""

import numpy as np
import pandas as pd

from benchmark.core.inputs.readings import Readings

CLASSES = tuple("ABCD")


def readers_of(
    seed: int, *, per_class: int = 10, shared_out: int = 2, anchors: int = 2, sets: int = 3, group: str = "derm", skill: float = 0.0,
    anchor_ease: float = 0.0, fatigue: float = 0.0,
) -> pd.DataFrame:  # fmt: skip
    """One reader for each survey: all anchors, and `shared_out` others of every class. Log odds of a right answer are 1 + skill
    + the reader's own + the item's ease, for anchors + anchor_ease, for the later half of the readers - fatigue."""
    rng, items = np.random.default_rng(seed), np.random.default_rng(99)
    ease = items.normal(size=(4, per_class))
    rows, surveys = [], (per_class - anchors) // shared_out
    readers = sets * surveys
    for number in range(readers):
        if number % surveys == 0:
            dealt = [rng.permutation(np.arange(anchors, per_class)) for _ in CLASSES]
        own, place = rng.normal(0, 0.5), number % surveys
        shown = [(k, n) for k in range(4) for n in (*range(anchors), *dealt[k][place * shared_out :][:shared_out])]
        for k, n in shown:
            odds = 1 + skill + own + ease[k, n] + anchor_ease * (n < anchors) - fatigue * (number >= readers / 2)
            right = rng.random() < 1 / (1 + np.exp(-odds))
            rows.append(
                {
                    "reader": f"{group}{number:02d}", "group": group, "kind": "human", "survey": f"S{number:02d}", "view": "focused", "block": 1,
                    "item": f"{CLASSES[k]}{n:02d}", "truth": CLASSES[k],
                    "answer": CLASSES[k] if right else CLASSES[(k + rng.integers(1, 4)) % 4], "anchor": "yes" if n < anchors else "",
                    "completed_at": f"2026-03-{number + 1:02d}T09:00:00Z",
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def network_of(frame: pd.DataFrame, seed: int = 5, share: float = 0.8) -> pd.DataFrame:
    """A network that is right on about that share of the items."""
    rows = frame.drop_duplicates(["item", "view"])[["view", "item", "truth"]]
    right = np.random.default_rng(seed).random(len(rows)) < share
    wrong = rows["truth"].map({name: CLASSES[(k + 1) % 4] for k, name in enumerate(CLASSES)})
    return rows.assign(reader="net", group="network", kind="model", answer=rows["truth"].where(right, wrong))


def study(seed: int = 1, *, groups: tuple[str, ...] = ("derm",), **how) -> Readings:
    people = [readers_of(seed + 17 * n, group=group, **how) for n, group in enumerate(groups)]
    return Readings.from_frame(pd.concat([*people, network_of(people[0])], ignore_index=True))
