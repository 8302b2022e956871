"""The whole analysis: readings (and predictions) under a plan, to results. Pure: no files, no clock, no state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from benchmark.core.inputs.attributes import ItemAttributes
from benchmark.core.inputs.completion import EXTRA, INCOMPLETE, KEPT, Completion, complete_sittings
from benchmark.core.inputs.predictions import Predictions, add_model_readings
from benchmark.core.inputs.readers import ReaderAnswers
from benchmark.core.inputs.readings import Readings
from benchmark.core.inputs.scoring import Scored
from benchmark.core.methods.bootstrap import StudyDraws
from benchmark.core.plans.deviations import deviations_section
from benchmark.core.plans.plan import Plan
from benchmark.core.sections.agreement import agreement_sections, consistency_sections
from benchmark.core.sections.anchors import anchor_sections
from benchmark.core.sections.assistance import assistance_sections
from benchmark.core.sections.comparisons import adjust_by_largest_t, new_images_section, paired_sections
from benchmark.core.sections.contrasts import equivalence_section, groups_section, networks_section, views_section
from benchmark.core.sections.covariates import covariate_sections
from benchmark.core.sections.description import accuracy_section, confusion_section, reader_accuracy_section
from benchmark.core.sections.item_response import rasch_sections
from benchmark.core.sections.new_image_methods import methods_section, mixed_models_section
from benchmark.core.sections.order import carry_over_section, order_model_section, order_section
from benchmark.core.sections.performance import class_accuracy_section, class_differences_section, metrics_section
from benchmark.core.sections.probabilities import probability_sections, reader_confidence_sections
from benchmark.core.sections.reader_auc import reader_auc_sections
from benchmark.core.sections.reliance import reliance_sections
from benchmark.core.sections.sensitivity import sensitivity_section
from benchmark.core.sections.standing import items_section, standing_section
from benchmark.core.sections.subgroups import subgroup_sections
from benchmark.core.sections.teams import teams_section
from benchmark.core.sections.times import speed_accuracy_section, time_model_section, time_section
from benchmark.core.sections.within_reader import within_reader_sections

from .errors import InputError
from .notes import notes
from .results import SCHEMA, Results, plain
from .software import versions

Progress = Callable[[int, int, str], None]


def analyse(
    readings: Readings,
    *,
    predictions: Predictions | None = None,
    readers: ReaderAnswers | None = None,
    attributes: ItemAttributes | None = None,
    plan: Plan | None = None,
    seed: int = 0,
    stamped_sha256: str | None = None,
    registered: Plan | None = None,
    progress: Progress | None = None,
) -> Results:
    """Analyse readings under a plan; the same inputs, plan and seed give the same results.

    readers: what readers said about themselves; attributes: what is known of items; without them nothing is asked of these.
    stamped_sha256: the plan's SHA-256 from before the first answer; another one is a deviation. registered: that plan
    itself, so that every field that differs is named.
    progress: called with (steps done, steps in all, name of the next step). Raises InputError when nothing is left to
    analyse or the predictions contradict the readings.
    """
    plan = plan or Plan()
    all_readings = add_model_readings(readings, predictions) if predictions is not None else readings
    completion = complete_sittings(all_readings, plan.completion) if plan.completion else Completion(all_readings, ())
    if completion.readings.frame.empty:
        raise InputError("No sitting is complete under the plan's rule; there is nothing to analyse.")
    scored = Scored(completion.readings, plan.missing, plan.classes)
    seed = plan.bootstrap_seed if plan.bootstrap_seed is not None else seed
    content: dict[str, Any] = _facts(readings, predictions, plan, seed, completion, scored)
    content["plan"]["stamped_sha256"] = registered.sha256 if registered else stamped_sha256
    if readers is not None:
        content["inputs"].append({"file": readers.source, "sha256": readers.sha256, "rows": readers.rows})
    if attributes is not None:
        content["inputs"].append({"file": attributes.source, "sha256": attributes.sha256, "rows": attributes.rows})
    steps = _steps(scored, plan, seed, content, predictions, registered)
    if readers is not None:
        steps.insert(-1, ("readers' answers about themselves", lambda: covariate_sections(scored, readers, plan)))
    if attributes is not None:
        steps.insert(-1, ("kinds of images", lambda: subgroup_sections(scored, attributes, plan)))
    for done, (name, section) in enumerate(steps):
        if progress:
            progress(done, len(steps), name)
        content.update(plain(section()))
    if progress:
        progress(len(steps), len(steps), "done")
    return Results(content)


def _steps(
    scored: Scored, plan: Plan, seed: int, content: dict, predictions: Predictions | None, registered: Plan | None
) -> list[tuple[str, Callable[[], dict]]]:
    """The sections in order; each returns what it adds to the content, and may read what came before."""
    level = plan.confidence
    draws = StudyDraws.of(scored.frame, draws=plan.bootstrap_draws, seed=seed)

    def comparisons() -> dict:
        paired, points = paired_sections(scored, plan)
        new = new_images_section(scored, plan, paired)
        adjust_by_largest_t(paired, new, scored, plan, draws)
        return {"paired": paired, "paired_units": points, "new_images": new}

    def contrasts() -> dict:
        paired, new = content["paired"], content["new_images"]
        return {
            "new_images_methods": methods_section(scored, plan, paired, new, draws),
            "equivalence": equivalence_section(plan, paired, new),
            "networks": networks_section(scored, plan),
            "views": views_section(scored, plan),
            "groups": groups_section(scored, plan),
            "sensitivity": sensitivity_section(scored, plan, paired, new),
        }

    def description() -> dict:
        return {
            "metrics": metrics_section(scored, draws, confidence=level),
            "class_accuracy": class_accuracy_section(scored, draws, confidence=level),
            "class_differences": class_differences_section(scored, draws, plan),
            "standing": standing_section(scored),
            "items": items_section(scored, confidence=level),
        }

    def order() -> dict:
        return {
            "order": order_section(scored, plan),
            "carry_over": carry_over_section(scored, plan),
            "order_model": order_model_section(scored, plan),
            "times": time_section(scored, plan),
            "time_model": time_model_section(scored, plan),
            "speed_accuracy": speed_accuracy_section(scored, plan),
        }

    def probabilities() -> dict:
        return {
            **reader_confidence_sections(scored, draws, seed=seed, confidence=level),
            **reader_auc_sections(scored, confidence=level),
            **(
                probability_sections(predictions, draws, seed=seed, confidence=level) if predictions is not None else {}
            ),
        }

    def assistance() -> dict:
        paired, new = content["paired"], content["new_images"]
        return {**assistance_sections(scored, plan, draws, paired, new), **reliance_sections(scored, plan)}

    return [
        ("accuracy", lambda: {"accuracy": accuracy_section(scored, confidence=level)}),
        ("comparisons", comparisons),
        ("further contrasts", contrasts),
        ("assisted reading", assistance),
        ("confusion matrices", lambda: {"confusion": confusion_section(scored, confidence=level)}),
        ("agreement", lambda: agreement_sections(scored, draws, confidence=level)),
        ("agreement within readers", lambda: within_reader_sections(scored, plan)),
        ("error consistency", lambda: consistency_sections(scored, draws, confidence=level)),
        ("readers", lambda: {"reader_accuracy": reader_accuracy_section(scored, confidence=level)}),
        ("metrics and classes", description),
        ("order and time", order),
        ("probabilities", probabilities),
        ("teams", lambda: {"teams": teams_section(scored, predictions, draws, confidence=level)}),
        ("mixed models", lambda: {"mixed_models": mixed_models_section(scored, plan)}),
        ("item response", lambda: rasch_sections(scored, plan)),
        ("anchors", lambda: anchor_sections(scored, plan, content["rasch_readers"], seed=seed)),
        ("deviations", lambda: {"deviations": deviations_section(scored, plan, content, registered)}),
    ]


def _facts(
    readings: Readings, predictions: Predictions | None, plan: Plan, seed: int, completion: Completion, scored: Scored
) -> dict[str, Any]:
    inputs = [{"file": readings.source, "sha256": readings.sha256, "rows": readings.rows}]
    if predictions is not None:
        inputs.append({"file": predictions.source, "sha256": predictions.sha256, "rows": len(predictions.frame)})
    frame = scored.frame
    people = frame[frame["kind"] == "human"]
    return {
        "schema": SCHEMA,
        "title": plan.title,
        "simulated": readings.is_simulated,
        "simulated_readings": int(readings.frame["simulated"].sum()),
        "inputs": inputs,
        "plan": {
            "declared": plan.declared,
            "sha256": plan.sha256,
            "alpha": plan.alpha,
            "confidence": plan.confidence,
            "missing": plan.missing,
            "multiplicity": plan.multiplicity,
            "bootstrap_draws": plan.bootstrap_draws,
            "primary_contrasts": len(plan.primary),
            "estimand": plan.estimand,
            "hypotheses": list(plan.hypotheses),
            "registration": plan.registration or None,
            "mixed_models": plan.mixed_models,
            "margin": plan.margin,
            "unit": plan.unit,
            "completion": asdict(plan.completion) if plan.completion else None,
            "contrasts": [asdict(contrast) for contrast in plan.primary],
            "secondary": [asdict(extra) for extra in plan.secondary],
            "sensitivity": [asdict(extra) for extra in plan.sensitivity],
        },
        "seed": seed,
        "versions": versions(),
        "design": {
            "items": int(frame["item"].nunique()),
            "classes": list(scored.classes),
            "views": [v or None for v in scored.readings.views],
            "groups": list(scored.readings.human_groups),
            "models": list(scored.readings.models),
            "surveys": int(people.loc[people["survey"] != "", "survey"].nunique()),
            "human_readers": int(people["reader"].nunique()),
        },
        "notes": list(notes(readings, plan, scored, predictions)),
        "sittings": [vars(sitting) for sitting in completion.sittings],
        "flow": _flow(completion),
    }


def _flow(completion: Completion) -> list[dict[str, Any]]:
    groups = sorted({sitting.group for sitting in completion.sittings})
    return [
        {
            "group": group,
            "sittings": sum(s.group == group for s in completion.sittings),
            "complete": completion.count(KEPT, group) + completion.count(EXTRA, group),
            "analysed": completion.count(KEPT, group),
            "extra": completion.count(EXTRA, group),
            "incomplete": completion.count(INCOMPLETE, group),
            "unfinished": None,  # a table of readings does not tell who is still reading
        }
        for group in groups
    ]
