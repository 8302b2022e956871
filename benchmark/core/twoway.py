"""Readers and items both as samples: the two-way variance of a mean difference with Satterthwaite's t.

With N readings by R readers of I items in K classes and e the difference minus its class mean,

    V_R  = R / (R - 1) * sum_r (sum_i e)^2 / N^2          V_I = sum_i n_k / (n_k - 1) * (sum_r e)^2 / N^2
    V_RI = N / (N - 1) * sum e^2 / N^2                    V = max(V_R + V_I - V_RI, V_R, V_I)
    df   = V^2 / (V_R^2 / (R - 1) + V_I^2 / (I - K))

Any sparse design. Sources: Cameron, Gelbach & Miller 2011 (two-way clustering); Satterthwaite 1946.
"""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TwoWayResult:
    """A mean with the standard error that holds for new readers and new items; None and `why` if not estimable."""

    difference: float | None
    se: float | None = None
    t: float | None = None
    df: float | None = None
    p: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    var_reader: float | None = None
    var_item: float | None = None
    var_both: float | None = None
    readers: int = 0
    items: int = 0
    readings: int = 0
    why: str | None = None


def two_way(values, readers, items, classes, *, level: float = 0.95) -> TwoWayResult:
    """Mean of `values` over readings, with the two-way variance of the module.

    values: float (N,); readers, items, classes: labels (N,), class by item. Fewer than two readers, a class with one
    item, or no variance leaves all but the mean None.
    """
    from scipy import stats

    d = np.asarray(values, float)
    if not len(d):
        return TwoWayResult(None, why="there are no readings")
    reader = np.unique(np.asarray(readers), return_inverse=True)[1]
    item_names, item_first, item = np.unique(np.asarray(items), return_index=True, return_inverse=True)
    class_of_reading = np.unique(np.asarray(classes), return_inverse=True)[1]
    class_of_item = class_of_reading[item_first]
    r, i, k, n = reader.max() + 1, len(item_names), class_of_item.max() + 1, len(d)
    mean = float(d.mean())
    facts = {"difference": mean, "readers": int(r), "items": i, "readings": n}
    per_class = np.bincount(class_of_item)
    if r < 2:
        return TwoWayResult(**facts, why=f"needs at least two readers, found {r}")
    if per_class.min() < 2:
        return TwoWayResult(**facts, why="needs at least two items in every class")
    e = d - (np.bincount(class_of_reading, d) / np.bincount(class_of_reading))[class_of_reading]
    factor = per_class / (per_class - 1)
    v_r = r / (r - 1) * np.sum(np.bincount(reader, e) ** 2) / n**2
    v_i = np.sum(factor[class_of_item] * np.bincount(item, e) ** 2) / n**2
    v_ri = n / (n - 1) * np.sum(e**2) / n**2
    v = max(v_r + v_i - v_ri, v_r, v_i)
    parts = {"var_reader": float(v_r), "var_item": float(v_i), "var_both": float(v_ri)}
    if v < 1e-18:
        return TwoWayResult(**facts, **parts, why="the differences do not vary within classes")
    df = v**2 / (v_r**2 / (r - 1) + v_i**2 / (i - k))
    se = math.sqrt(v)
    half = stats.t.ppf((1 + level) / 2, df) * se
    return TwoWayResult(
        **facts, **parts, se=se, t=mean / se, df=float(df), p=float(2 * stats.t.sf(abs(mean / se), df)),
        ci_low=mean - half, ci_high=mean + half,
    )  # fmt: skip
