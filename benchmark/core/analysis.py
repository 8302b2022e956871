"""The whole analysis: readings and plan in, one dictionary of flat records out (schema results/1)."""

import dataclasses
import importlib.metadata
import platform
from dataclasses import dataclass, field

import pandas as pd

from .agreement import agreement, count_answers
from .completion import apply_completion
from .description import NO_ANSWER, accuracy_record, confusion_record
from .errors import InputError
from .paired import paired_test
from .plan import Plan
from .readings import Readings
from .twoway import two_way

SCHEMA = "results/1"
PACKAGES = ("numpy", "pandas", "scipy", "statsmodels", "matplotlib", "plotly")


@dataclass(frozen=True)
class Results:
    """`document` is results.json; `differences` the per-survey (or per-reader) differences behind every paired test."""

    document: dict
    differences: pd.DataFrame = field(repr=False)


@dataclass(frozen=True)
class _Contrast:
    """Readings of one human group that one network answered too, with d = network minus reader."""

    model: str
    group: str
    view: str
    rows: pd.DataFrame

    @property
    def unit(self) -> str:
        return "survey" if (self.rows["survey"] != "").any() else "reader"

    @property
    def unit_differences(self) -> pd.Series:
        return self.rows.groupby(self.unit, sort=True)["difference"].mean()

    @property
    def key(self) -> dict:
        return {"model": self.model, "group": self.group, "view": self.view}


def analyse(readings: Readings, *, plan: Plan | None = None, predictions_sha256: str = "", seed: int = 0) -> Results:
    """Compare every network with every group of people on every view, and describe all of them.

    Sittings go through the completion rule first; a blank counts as the plan says. Without people or without a network
    the comparison sections are empty and the description stands. Equal inputs give equal documents.
    """
    plan = plan or Plan()
    completion = apply_completion(readings, threshold=plan.completion_threshold)
    if not len(completion.analysed.table):
        raise InputError("No sitting is complete, so there is nothing to analyse; see the completion rule in the plan.")
    contrasts = _contrasts(completion.analysed.table, plan)
    sensitivity = _contrasts(completion.analysed.table, dataclasses.replace(plan, missing="excluded"))
    document = {
        "schema": SCHEMA,
        "simulated": readings.simulated,
        "inputs": {"readings_sha256": readings.sha256, "predictions_sha256": predictions_sha256,
                   "plan_sha256": plan.sha256, "seed": seed},
        "versions": _versions(),
        "plan": dataclasses.asdict(plan),
        "sittings": _sittings(completion.sittings),
        **_description(completion.analysed, plan),
        "paired": _adjusted([_paired(contrast, plan) for contrast in contrasts], plan),
        "new_images": [_new_images(contrast, plan) for contrast in contrasts],
        "missing_excluded": [_paired(contrast, plan) for contrast in sensitivity],
    }  # fmt: skip
    differences = [
        contrast.unit_differences.rename_axis("unit").reset_index().assign(**contrast.key) for contrast in contrasts
    ]
    columns = ["model", "group", "view", "unit", "difference"]
    return Results(document, pd.concat(differences)[columns] if differences else pd.DataFrame(columns=columns))


def _contrasts(table: pd.DataFrame, plan: Plan) -> list[_Contrast]:
    if plan.missing == "excluded":
        table = table[table["answered"]]
    people, networks = table[table["kind"] == "human"], table[table["kind"] == "model"]
    found = []
    for (model, view), answers in networks.groupby(["reader", "view"], sort=False):
        share = answers.groupby("item")["correct"].mean()
        for group, rows in people[people["view"] == view].groupby("group", sort=False):
            both = rows[rows["item"].isin(share.index)]
            if len(both):
                difference = both["item"].map(share) - both["correct"].astype(float)
                found.append(_Contrast(model, group, view, both.assign(difference=difference)))
    return found


def _paired(contrast: _Contrast, plan: Plan) -> dict:
    result = paired_test(contrast.unit_differences.to_numpy(), level=plan.confidence_level)
    return contrast.key | {"unit": contrast.unit} | dataclasses.asdict(result)


def _new_images(contrast: _Contrast, plan: Plan) -> dict:
    rows = contrast.rows
    result = two_way(rows["difference"], rows["reader"], rows["item"], rows["truth"], level=plan.confidence_level)
    record = contrast.key | dataclasses.asdict(result)
    fixed = paired_test(contrast.unit_differences.to_numpy(), level=plan.confidence_level)
    ratio = result.se / (fixed.sd / fixed.n**0.5) if result.se and fixed.sd else None
    return record | {"se_ratio": ratio}


def _adjusted(records: list[dict], plan: Plan) -> list[dict]:
    """Holm's adjustment over the primary family; records outside it, or without p, get None."""
    from statsmodels.stats.multitest import multipletests

    def primary(record: dict) -> bool:
        return record["p"] is not None and (
            not plan.primary or (record["model"], record["group"], record["view"]) in plan.primary
        )

    family = [record for record in records if primary(record)]
    adjusted = multipletests([record["p"] for record in family], method="holm")[1] if family else []
    for record in records:
        record["p_holm"] = None
    for record, p in zip(family, adjusted, strict=True):
        record["p_holm"] = float(p)
    return records


def _description(readings: Readings, plan: Plan) -> dict:
    accuracy, confusion, agreements = [], [], []
    for kind, group, view, rows in _reading_groups(readings.table):
        accuracy.append(accuracy_record(rows, group, kind, view, level=plan.confidence_level))
        confusion.append(confusion_record(rows, group, view, readings.classes))
        if kind == "human":
            agreements.append({"group": group, "view": view} | _agreement(rows, readings.classes))
    return {"accuracy": accuracy, "confusion": confusion, "agreement": agreements}


def _reading_groups(table: pd.DataFrame):
    """(kind, name, view, rows): people by their group, every network by itself and once per item."""
    people = table[table["kind"] == "human"]
    for (group, view), rows in people.groupby(["group", "view"], sort=False):
        yield "human", group, view, rows
    networks = table[table["kind"] == "model"].drop_duplicates(["reader", "item", "view"])
    for (reader, view), rows in networks.groupby(["reader", "view"], sort=False):
        yield "model", reader, view, rows


def _agreement(rows: pd.DataFrame, classes: list[str]) -> dict:
    """Alpha, AC1 and plain agreement over the answers given; Fleiss' kappa with "no answer" as one more category."""
    given = agreement(count_answers(rows["item"], rows["answer"], classes))
    with_blanks = rows["answer"].where(rows["answered"], NO_ANSWER)
    all_ratings = agreement(count_answers(rows["item"], with_blanks, [*classes, NO_ANSWER]))
    return dataclasses.asdict(given) | {"fleiss_kappa": all_ratings.fleiss_kappa}


def _sittings(sittings: pd.DataFrame) -> list[dict]:
    if sittings.empty:
        return []
    table = sittings.groupby(["group", "status"], sort=False).size().unstack(fill_value=0)
    return [
        {"group": group, **{name: int(row.get(name, 0)) for name in ("analysed", "extra", "incomplete")}}
        for group, row in table.iterrows()
    ]


def _versions() -> dict:
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in PACKAGES}
