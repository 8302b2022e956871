"""Sections `rasch_items` and `rasch_readers`: items and readers on one logit scale, the networks placed on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from benchmark.core.errors import NotConverged
from benchmark.core.inputs.scoring import Scored
from benchmark.core.methods.glmm import RandomEffect, fit_glmm
from benchmark.core.methods.rasch import fit_rasch, item_fit, normal_chances, place_reader
from benchmark.core.methods.twoway import codes
from benchmark.core.plans.plan import Plan
from benchmark.core.sections.new_image_methods import affordable

Record = dict[str, Any]
ANSWERS_FOR_OWN_ESTIMATE = 30  # an item with fewer has a shrunken difficulty only
SHRUNKEN = "logistic model with random items and readers, shrunken estimates"
NO_SPREAD = 1e-6  # logits: a spread that the fit has set to zero
IMAGES_ALIKE = "images do not differ beyond chance in this model, so that no image has a difficulty of its own"
READERS_ALIKE = "readers do not differ beyond chance in this model, so that no reader has a place among them"
MARGINAL = "Rasch model by marginal maximum likelihood"


@dataclass(frozen=True)
class _Scale:
    """Difficulties and abilities in logits (ability 0 is the average reader), each with its standard error."""

    method: str
    difficulty: np.ndarray
    difficulty_se: np.ndarray
    ability: np.ndarray
    ability_se: np.ndarray
    sd_reader: float
    infit: np.ndarray
    outfit: np.ndarray


def rasch_sections(scored: Scored, plan: Plan) -> dict[str, list[Record]]:
    """One scale per view for all people who read on it; networks are placed by maximum likelihood."""
    items, readers = [], []
    for view in scored.readings.views:
        rows = scored.frame[scored.frame["view"] == view]
        people = rows[rows["kind"] == "human"]
        if people.empty:
            continue
        found = _scale_of(people, plan)
        own_items, own_readers = _records(view or None, rows, people, found)
        items += own_items
        readers += own_readers
    return {"rasch_items": items, "rasch_readers": readers}


def _scale_of(people: pd.DataFrame, plan: Plan) -> _Scale | str:
    """The fitted scale, or why there is none."""
    (reader, n_readers), (item, n_items) = codes(people["reader"]), codes(people["item"])
    why = affordable(plan, n_readers, n_items)
    if why:
        return why
    if n_readers < 3 or n_items < 3:
        return "at least three readers and three items are needed"
    right = people["correct"].to_numpy(dtype=float)
    if right.all() or not right.any():
        return "every answer was right, or every answer was wrong"
    answers = np.bincount(item)
    share = np.bincount(item, weights=right) / answers
    crossed = not people.duplicated(["reader", "item"]).any()
    try:
        if crossed and answers.min() >= ANSWERS_FOR_OWN_ESTIMATE and share.min() > 0 and share.max() < 1:
            return _marginal(reader, item, right, n_readers, n_items)
        return _shrunken(reader, item, right)
    except (NotConverged, ValueError, np.linalg.LinAlgError) as error:
        return f"the model of items and readers was not fitted ({str(error).rstrip('.')})"


def _marginal(reader: np.ndarray, item: np.ndarray, right: np.ndarray, n_readers: int, n_items: int) -> _Scale:
    table = np.full((n_readers, n_items), np.nan)
    table[reader, item] = right
    fit = fit_rasch(table)
    ability = fit.discrimination * fit.ability
    p = special.expit(ability[:, None] - fit.difficulty[None, :])
    information = np.where(np.isnan(table), 0.0, p * (1 - p))
    own = information.sum(axis=1) + 1 / fit.discrimination**2
    return _Scale(
        MARGINAL, fit.difficulty, 1 / np.sqrt(information.sum(axis=0)), ability, 1 / np.sqrt(own),
        float(fit.discrimination), fit.infit, fit.outfit,
    )  # fmt: skip


def _shrunken(reader: np.ndarray, item: np.ndarray, right: np.ndarray) -> _Scale:
    one = np.ones(len(right))
    fit = fit_glmm(right, one[:, None], (RandomEffect(item, one), RandomEffect(reader, one)))
    difficulty, ability = -(fit.beta[0] + fit.modes[0]), fit.modes[1]
    known = normal_chances(ability[reader] - difficulty[item], np.hypot(fit.mode_sds[1][reader], fit.mode_sds[0][item]))
    infit, outfit = item_fit(item, right, known)
    return _Scale(SHRUNKEN, difficulty, fit.mode_sds[0], ability, fit.mode_sds[1], float(fit.sd[1]), infit, outfit)


def _records(
    view: str | None, rows: pd.DataFrame, people: pd.DataFrame, scale: _Scale | str
) -> tuple[list[Record], list[Record]]:
    by_item = people.groupby("item", sort=True)["correct"].agg(["size", "sum"])
    by_reader = people.groupby("reader", sort=True).agg(
        group=("group", "first"), size=("correct", "size"), sum=("correct", "sum")
    )
    fields = ("difficulty", "difficulty_se", "infit", "outfit")
    alike = not isinstance(scale, str) and not scale.difficulty_se.max() > NO_SPREAD
    truth = people.drop_duplicates("item").set_index("item")["truth"]
    items = []
    for k, row in enumerate(by_item.itertuples()):
        values = dict.fromkeys(fields) if isinstance(scale, str) else {f: float(getattr(scale, f)[k]) for f in fields}
        items.append({"item": row.Index, "view": view, "truth": truth[row.Index], "readings": int(row.size),
                      "correct": int(row.sum), **values, **_method(scale)})  # fmt: skip
        if alike:  # every image has the mean's difficulty then, and a standard error of 0 would claim to know it
            items[-1].update(difficulty_se=None, why=IMAGES_ALIKE)
    readers = []
    for k, row in enumerate(by_reader.itertuples()):
        place = _place(scale, None if isinstance(scale, str) else (scale.ability[k], scale.ability_se[k]))
        readers.append({"reader": row.Index, "group": row.group, "kind": "human", "view": view,
                        "readings": int(row.size), "correct": int(row.sum), **place})  # fmt: skip
    for name, own in rows[rows["kind"] == "model"].groupby("reader", sort=True):
        marks = own.set_index("item")["correct"].reindex(by_item.index).astype(float).to_numpy()
        readers.append({"reader": name, "group": own["group"].iloc[0], "kind": "model", "view": view,
                        "readings": int(np.isfinite(marks).sum()), "correct": int(np.nansum(marks)),
                        **_network_place(scale, marks)})  # fmt: skip
    return items, readers


def _method(scale: _Scale | str) -> Record:
    return {"method": None, "why": scale} if isinstance(scale, str) else {"method": scale.method, "why": None}


def _place(scale: _Scale | str, found: tuple[float, float] | None, why: str | None = None) -> Record:
    """Ability in logits with its standard error, and its percentile among the population of readers."""
    record: Record = {"ability": None, "ability_se": None, "percentile": None, **_method(scale)}
    if isinstance(scale, str):
        return record
    if found is None:
        return {**record, "why": why}
    record.update(ability=float(found[0]), ability_se=float(found[1]) if found[1] > NO_SPREAD else None)
    if scale.sd_reader > NO_SPREAD:
        record["percentile"] = float(100 * special.ndtr(found[0] / scale.sd_reader))
    else:
        record["why"] = READERS_ALIKE
    return record


def _network_place(scale: _Scale | str, marks: np.ndarray) -> Record:
    if isinstance(scale, str):
        return _place(scale, None)
    ability = place_reader(marks, scale.difficulty)
    if ability is None:
        return _place(scale, None, "a network that is always right, or always wrong, has no finite place")
    p = special.expit(ability - scale.difficulty[np.isfinite(marks)])
    return _place(scale, (ability, 1 / np.sqrt(float((p * (1 - p)).sum()))))
