"""Does it hold for every kind of image? Accuracy and the network's lead by skin tone, sex, age and whatever is known of the items.

All of it is exploratory and about new images of the same kinds: a few kinds of image may differ by chance alone, so p is adjusted
over each table, and images of one kind are held against others of the same class.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from benchmark.core.inputs.attributes import FEWEST, ItemAttributes, kinds_of
from benchmark.core.inputs.scoring import Scored
from benchmark.core.methods.distributions import t_quantile, t_two_sided_p
from benchmark.core.methods.proportions import clustered_proportion, within_scale
from benchmark.core.methods.twoway import centred, codes, two_way_mean, two_way_variance
from benchmark.core.methods.weighting import weights_of
from benchmark.core.plans.plan import Plan
from benchmark.core.sections.comparisons import matchups
from benchmark.core.sections.contrasts import adjusted
from benchmark.core.sections.description import counts_of

Record = dict[str, Any]
TESTED = ("difference", "se", "df", "p", "ci_low", "ci_high")
ONE_KIND = "every class is of one kind alone, so that kind and class cannot be told apart"
TOO_FEW = "the classes with images of more than one kind have too few of them"
NO_SPREAD = "no reading differs from its class's mean, so that the spread cannot be estimated"


def subgroup_sections(scored: Scored, attributes: ItemAttributes, plan: Plan) -> dict[str, list[Record]]:
    """Sections `subgroups`, every group and network by kind of image, and `subgroup_differences`, network minus readers by kind."""
    items = pd.Index(scored.frame["item"].unique())
    kinds = {attribute.name: kinds_of(attribute, items) for attribute in attributes.attributes}
    kinds = {name: found for name, found in kinds.items() if len(found)}
    return {
        "subgroups": adjusted([r for name, of_item in kinds.items() for r in _accuracies(scored, name, of_item, plan)]),
        "subgroup_differences": adjusted([r for name, of_item in kinds.items() for r in _leads(scored, name, of_item, plan)]),
    }


def _by_kind(rows: pd.DataFrame, of_item: pd.Series) -> Iterator[tuple[str, pd.DataFrame, np.ndarray]]:
    """Each kind of FEWEST images or more with the rows of which the kind is known, and which of these are of it."""
    kind = rows["item"].map(of_item)
    known = rows[kind.notna()]
    for name in of_item.cat.categories:
        own = (kind[kind.notna()] == name).to_numpy()
        if known["item"][own].nunique() >= FEWEST:
            yield name, known, own


def _accuracies(scored: Scored, name: str, of_item: pd.Series, plan: Plan) -> Iterator[Record]:
    for found in scored.sets():
        for kind, rows, own in _by_kind(found.rows, of_item):
            here = rows[own]
            ci = clustered_proportion(
                here["correct"], here["reader"], here["item"], here["truth"], confidence=plan.confidence, weights=weights_of(here)
            )
            yield {
                **found.keys, "attribute": name, "kind_of_image": kind, **counts_of(here), "accuracy_ci_low": ci.low,
                "accuracy_ci_high": ci.high, **_beside_the_others(rows, own, plan.confidence),
            }  # fmt: skip


def _beside_the_others(rows: pd.DataFrame, own: np.ndarray, confidence: float) -> Record:
    """Accuracy on images of this kind minus that on all others of the same class, for new images (and new readers, of people).

    Only classes with images of both kinds tell anything. People: two-way variance, its degrees of freedom no more than those of the
    kind with fewer images. A network may be right on all five images of a kind, around whose mean they do not spread: its variance
    is that of its answers shuffled among the images of a class, as Mantel & Haenszel (1959) have it.
    """
    told = (pd.Series(own).groupby(rows["truth"].to_numpy()).transform("nunique") == 2).to_numpy()
    if not told.any():
        return {**dict.fromkeys(TESTED), "why": ONE_KIND}
    rows, own = rows[told], own[told]
    (reader, readers), (item, items), (strata, classes) = codes(rows["reader"]), codes(rows["item"]), codes(rows["truth"])
    fewest = min(rows["item"][side].nunique() for side in (own, ~own))
    if fewest < 2 or items - classes < 2:
        return {**dict.fromkeys(TESTED), "why": TOO_FEW}
    y, weight = rows["correct"].to_numpy(dtype=float), weights_of(rows)
    weight = np.ones(len(rows)) if weight is None else weight
    x = centred(own.astype(float), strata, weight)
    share = weight * x / float(weight @ x**2)
    estimate = float(share @ y)
    if readers == 1:
        apart = np.bincount(strata, weights=centred(y, strata) ** 2) / (np.bincount(strata) - 1)
        variance, df = float(share**2 @ apart[strata]), float(items - classes)
    else:
        found = two_way_variance(share * (centred(y, strata, weight) - estimate * x), reader, item, strata)
        variance, df = found.variance, min(found.df or 0.0, float(fewest - 1))
    if variance <= 1e-24:
        return {**dict.fromkeys(TESTED), "difference": estimate, "why": NO_SPREAD}
    se = float(np.sqrt(variance))
    half = t_quantile(0.5 + confidence / 2, df) * se
    low, high = within_scale(estimate - half, estimate + half)
    return {"difference": estimate, "se": se, "df": df, "p": t_two_sided_p(estimate / se, df), "ci_low": low, "ci_high": high, "why": None}


def _leads(scored: Scored, name: str, of_item: pd.Series, plan: Plan) -> Iterator[Record]:
    for match in matchups(scored):
        for kind, rows, own in _by_kind(match.rows.assign(_d=match.differences), of_item):
            here = rows[own]
            test = two_way_mean(
                here["_d"].to_numpy(), here["reader"], here["item"], here["truth"], confidence=plan.confidence, weights=weights_of(here)
            )
            low, high = within_scale(test.ci_low, test.ci_high)
            yield {
                **match.keys, "attribute": name, "kind_of_image": kind, "readers": test.readers, "items": test.items,
                "readings": test.n, "difference": test.estimate, "se": test.se, "df": test.df, "p": test.p, "ci_low": low,
                "ci_high": high, "why": test.why,
            }  # fmt: skip
