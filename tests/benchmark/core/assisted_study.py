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
    control: float = 0.0,
) -> pd.DataFrame:
    """Crossed readers x items per group and view; the network's own rows are there too.

    trust: how often a reader who differs takes the network's answer, on average over readers; second_look: how often an
    answer changes to another class for no reason of the network's; silent, blank: shares of images without the network's
    answer, and of second answers not given; control: share of each reader's images without any output.
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
                without = set(rng.permutation(list(truth))[: round(control * items)]) if control else set()
                for place, item in enumerate(rng.permutation(list(truth)), 1):
                    name, advice = truth[item], "" if item in without else said[view, item]
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
                            "rt_ms": int(1000 * np.exp(rng.normal(2.2, 0.5))),
                            "assistant": "" if item in without else "classifier", "asked_again": "yes" if control else "",
                            "assistant_answer": advice, "assisted_answer": "" if rng.random() < blank else second,
                            "assisted_rt_ms": int(1000 * np.exp(rng.normal(1.6, 0.5))),
                        }
                    )  # fmt: skip
    return pd.DataFrame(rows, dtype=object).fillna("").assign(simulated="yes")


CAUSES = ("second look", "network")


EVERY_NTH = 4  # reading of a reader's class is control


def without_difference(rng: np.random.Generator, *, readers: int, items: int, per_reader: int, cause: str) -> pd.DataFrame:
    """A study with a control arm whose gains with output and without do not differ over new readers and new images.

    The marks of `without_gain`, and `control`: every fourth reading of each reader's class, shifted from reader to reader.
    "second look": both second answers are surer than the first by the same amount, a gain of the second look and of nothing
    else. "network": without output nobody changes, and with it the gain is zero on average, but not for each reader and image.
    """
    rows = without_gain(rng, readers=readers, items=items, per_reader=per_reader, cause=cause, surer=0.4)
    within = rows.groupby(["reader", "truth"]).cumcount()
    control = (within + rows["reader"] + rows["truth"]) % EVERY_NTH == 0
    if cause == "network":
        rows["assisted"] = rows["assisted"].where(~control, rows["alone"])
    return rows.assign(control=control)


def without_gain(
    rng: np.random.Generator, *, readers: int, items: int, per_reader: int, cause: str, surer: float = 0.0
) -> pd.DataFrame:
    """Marks alone, assisted and of the network in a study whose mean gain over new readers and new images is zero.

    "second look": both answers come from one latent score whose two conditions are exchangeable; readers, images, and their
    interactions with the condition are normal (Roe and Metz 1997). "network": readers take a network's answer where theirs
    differs, each as often as he or she trusts it, and the network is as accurate as they are over all images, so that what
    it knows and does not know of an image is shared by all who read it. surer: a second look raises the score by so much.
    """
    hard = rng.normal(0, 1, items)
    if cause == "second look":
        skill = rng.normal(0, 0.5, (readers, 1))
        alone, assisted = (
            skill + hard + rng.normal(0, 0.3, (readers, 1)) + rng.normal(0, 0.5, items) + rng.normal(0, 1, (readers, items)) > -0.7 - more
            for more in (0.0, surer)
        )
        network = np.ones(items, dtype=bool)
    else:
        nodes, weights = np.polynomial.hermite_e.hermegauss(31)
        chance = _right(1.0 + 0.5 * nodes[:, None] - hard)
        network = rng.random(items) < (weights / weights.sum()) @ chance
        alone = rng.random((readers, items)) < _right(1.0 + rng.normal(0, 0.5, (readers, 1)) - hard)
        takes = rng.random((readers, items)) < rng.beta(2, 2, (readers, 1))
        assisted = np.where(takes, network, alone)
    item = np.array([rng.permutation(items)[:per_reader] for _ in range(readers)]).ravel()
    reader = np.repeat(np.arange(readers), per_reader)
    marks = {"alone": alone[reader, item], "assisted": assisted[reader, item], "network": network[item]}
    return pd.DataFrame({"reader": reader, "item": item, "truth": item % 4, **marks})


def _right(logit: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logit))
