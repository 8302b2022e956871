"""The checklist fields of STARD-AI, TRIPOD+AI, CLAIM 2024 and GRRAS, filled from the data and from the study's record.

What neither holds is "not recorded"; nothing is guessed.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from benchmark.core.figures.flow import flow_rows
from benchmark.core.results import Results
from benchmark.core.wording import interval, number, on_view, percent, plural, readable

NOT_RECORDED = "not recorded"
AGREEMENT = "GRRAS"


@dataclass(frozen=True)
class Item:
    """One item of a guideline with what the report can say about it; answer None: not recorded."""

    guideline: str
    identifier: str
    topic: str
    answer: str | None


@cache
def _lists() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("checklists.toml").read_text(encoding="utf-8"))


def guidelines() -> dict[str, str]:
    """Names of the guidelines, each with its reference."""
    return {name: table["reference"] for name, table in _lists().items()}


def checklist(results: Results) -> list[Item]:
    """Every item of every guideline, in their order."""
    answers = {**_from_data(results), **_from_record(results)}
    for key, text in _from_assisted(results).items():
        answers[key] = " ".join(part for part in (answers[key], text) if part)
    return _filled(answers, tuple(guidelines()))


def rating_checklist(results: Results) -> list[Item]:
    """The items of GRRAS for a rating study; the other guidelines are of diagnosis, which raters do not make."""
    answers = _from_record(results)
    told = {key: answers.get(key) or text for key, text in _from_ratings(results).items()}
    return _filled({"sample_size": None, **answers, **told}, (AGREEMENT,))


def _filled(answers: dict[str, str | None], names: tuple[str, ...]) -> list[Item]:
    return [
        Item(name, identifier, topic, answers[key])
        for name in names
        for identifier, topic, key in _lists()[name]["items"]
    ]


def _from_record(results: Results) -> dict[str, str | None]:
    """What the study's own record says, by the key of a checklist's answer; its fields win over what the data say."""
    study = results.get("study") or {}

    def told(*fields: str) -> str | None:
        found = [study.get(section, {}).get(name) for section, name in (field.split(".") for field in fields)]
        return " ".join(text.strip().rstrip(".") + "." for text in found if text) or None

    always = {
        "background": told("study.background"),
        "intended_use": told("study.intended_use"),
        "design": told("study.design"),
        "ethics": told("study.ethics", "study.consent"),
        "eligibility": told("images.eligibility", "images.exclusions"),
        "exclusions": told("images.exclusions"),
        "series": told("images.series"),
        "setting": told("study.setting", "study.dates"),
        "dates": told("study.dates"),
        "source": told("images.source", "images.licence"),
        "assessors": told("reference_standard.assessors"),
        "devices": told("images.devices"),
        "preprocessing": told("images.preprocessing"),
        "deidentification": told("images.deidentification"),
        "network": told("network.description", "network.version"),
        "development": told("network.development", "network.training_data", "network.auxiliary_data"),
        "training_data": told("network.training_data", "network.auxiliary_data"),
        "initialization": told("network.initialization", "network.seeds"),
        "training": told("network.training", "network.hardware"),
        "selection": told("network.selection"),
        "ensemble": told("network.ensemble"),
        "explanation": told("network.explanation"),
        "model_availability": told("network.availability"),
        "end_user": told("network.end_user"),
        "external": told("network.external_testing"),
        "reference": told("reference_standard.method", "reference_standard.certainty"),
        "reference_rationale": told("reference_standard.rationale"),
        "disagreement": told("reference_standard.disagreement"),
        "interval": told("reference_standard.interval"),
        "blinding_readers": told("readers.blinding"),
        "blinding_reference": told("reference_standard.blinding"),
        "fairness": " ".join(text for text in (told("fairness.assessment", "images.skin_tone"), _kinds_of_images(results)) if text) or None,
        "demographics": told("images.demographics", "images.skin_tone"),
        "severity": told("images.severity"),
        "representative": told("images.representative"),
        "adverse": told("reading.adverse_events"),
        "implications": told("study.implications"),
        "registration": told("study.registration"),
        "funding": told("study.funding"),
        "interests": told("study.interests"),
        "availability": told("study.data_availability", "study.code_availability", "network.availability"),
        "data_availability": told("study.data_availability"),
        "code_availability": told("study.code_availability"),
        "involvement": told("study.involvement"),
        "raters": told("readers.population", "readers.qualification"),
        "sampling": told("readers.sampling", "readers.recruitment", "images.series"),
        "rating_process": told(
            "reading.order", "reading.response_options", "reading.display", "reading.time_limit", "reading.breaks", "reading.aids",
            "reading.prevalence_told",
        ),
        "independence": told("reading.independence"),
        "rater_characteristics": told("readers.qualification", "images.demographics"),
        "imbalance": told("network.training"),
    }
    instead = {
        "aim": told("study.aim"),
        "title": told("study.title"),
        "protocol": told("study.protocol"),
        "sample_size": told("sample_size.planned"),
        "partition": told("images.partition"),
        "leakage_check": told("images.leakage_check"),
        "threshold": told("network.threshold"),
    }
    return {**always, **{key: text for key, text in instead.items() if text}}


def _kinds_of_images(results: Results) -> str | None:
    """What the results are told apart by."""
    named = dict.fromkeys(readable(record["attribute"]) for record in results.records("subgroups"))
    return f"Accuracy and the network's lead are given by {', '.join(named)} of the images." if named else None


def _from_data(results: Results) -> dict[str, str | None]:
    """What the readings, the plan and the certificate say."""
    design, plan = results["design"], results["plan"]
    questions = [record["question"] for record in results["paired"]]
    stamped = f"Analysis plan with SHA-256 {plan['sha256']}." if plan["declared"] else None
    blank = "counted as incorrect" if plan["missing"] == "incorrect" else "left out"
    people = results.records("accuracy", kind="human")
    missing = sum(r["readings"] - r["answered"] for r in people)
    flow = [row for row in flow_rows(results) if row["people"] is not None]
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    failures = "Confusion matrices and the hardest images are given." if results.records("items") else None
    variability = "Every reader's accuracy, and variance components of readers and images, are given."
    return {
        "title": results["title"] or None,
        "summary": 'Given in "In short".',
        "aim": " ".join(questions) or None,
        "categories": f"{len(design['classes'])} classes: {', '.join(map(readable, design['classes']))}.",
        "threshold": None,
        "statistics": 'Given in "Methods".',
        "missing": f"{missing} answers of readers are missing; they are {blank}.",
        "prespecified": f"{plan['primary_contrasts']} contrasts were planned; all others are exploratory. {variability}"
        if plan["declared"]
        else f"No plan was declared: all analyses are exploratory. {variability}",
        "variability": variability if people else None,
        "sample_size": None,
        "partition": None,
        "leakage_check": None,
        "flow": "; ".join(f"{plural(r['group'])}: {r['words'].lower()} {r['people']}" for r in flow) + "."
        if flow
        else None,
        "class_counts": _class_counts(results),
        "crosstab": "Confusion matrices with counts are given for every group, network and view.",
        "estimates": " ".join(_estimates(results)) or None,
        "limitations": 'Given in "What these results do not say".',
        "protocol": stamped,
        "audit": "Readings, predictions, plan and results are kept with their SHA-256; see Provenance.",
        "versions": f"Analysis: {versions}.",
        "sensitivity": f"{len(results['sensitivity'])} comparisons were repeated under other rules; see the table."
        if results.records("sensitivity")
        else None,
        "failures": failures,
        "images_only": "The image alone.",
        "not_applicable": "Not applicable: one image is read.",
        "not_computed_updating": "Not done: no network was updated.",
        **_agreement(results),
    }


def _from_assisted(results: Results) -> dict[str, str]:
    """What an assisted arm adds to the answers: how readers met the network, and what came of it."""
    records = results.records("assistance")
    if not records:
        return {}
    names = ", ".join(dict.fromkeys(readable(record["assistant"]) for record in records))
    blank = sum(record["readings"] - record["answered_assisted"] for record in records)
    estimates = [
        f"{plural(r['group'])} with the output of {readable(r['assistant'])}{on_view(r['view'])}:"
        f" {percent(r['accuracy_assisted'])} ({interval(r['accuracy_assisted_ci_low'], r['accuracy_assisted_ci_high'])})."
        for r in records
    ]
    return {
        "aim": " ".join(record["question"] for record in records),
        "design": f"Within the readers: each image alone, then again at once with the output of {names} in sight"
        + (", or at some images, drawn, with nothing in sight." if results.records("assistance_control") else "."),
        "end_user": f"The readers were its users: they answered alone, then with the output of {names} in sight; changed answers"
        " and reliance are given.",
        "missing": f"{blank} second answers are missing.",
        "estimates": " ".join(estimates),
    }


def _class_counts(results: Results) -> str:
    counts: dict[str, int] = {}
    for record in results.records("class_accuracy"):
        counts[record["class"]] = max(counts.get(record["class"], 0), record["items"])
    return "Items per class: " + ", ".join(f"{readable(name)} {count}" for name, count in counts.items()) + "."


def _estimates(results: Results) -> list[str]:
    return [
        f"{readable(r['reader']) if r['kind'] == 'model' else plural(r['group'])}{on_view(r['view'])}: {percent(r['accuracy'])}"
        f" ({interval(r['ci_low'], r['ci_high'])})."
        for r in results["accuracy"]
    ]


def _agreement(results: Results) -> dict[str, str | None]:
    records = results.records("agreement")
    names = ("agreement_named", "agreement_device", "agreement_statistics", "agreement_counts", "agreement_estimates")
    if not records:
        return dict.fromkeys((*names, "agreement_details"))
    again = results.records("within_reader")
    counts = [
        f"{plural(r['group'])}{on_view(r['view'])}: {r['readers']} raters, {r['items']} images, {r['ratings']} ratings."
        for r in records
    ]
    estimates = [
        f"{plural(r['group'])}{on_view(r['view'])}: Fleiss' kappa {number(r['fleiss_kappa'])}"
        f" ({interval(r['fleiss_kappa_ci_low'], r['fleiss_kappa_ci_high'], 2, 1)}), alpha {number(r['krippendorff_alpha'])},"
        f" AC1 {number(r['gwet_ac1'])}."
        for r in records
    ]
    return {
        "agreement_named": "Agreement among readers is a section of this report.",
        "agreement_device": f"A reader's choice among {len(results['design']['classes'])} classes for an image.",
        "agreement_statistics": 'Given in "Methods".',
        "agreement_counts": " ".join([*counts, *(f"{plural(r['group'])}{on_view(r['view'])}, with themselves: {r['pairs']} pairs." for r in again)]),
        "agreement_estimates": " ".join([*estimates, *(_with_themselves(r) for r in again)]),
        "agreement_details": "tables/agreement.csv and tables/confusion.csv hold every number.",
    }


def _with_themselves(record: dict) -> str:
    return (
        f"{plural(record['group'])}{on_view(record['view'])}, with themselves: {percent(record['same'])}"
        f" ({interval(record['same_ci_low'], record['same_ci_high'])}), kappa {number(record['cohen_kappa'])}, AC1 {number(record['gwet_ac1'])}."
    )


def _from_ratings(results: Results) -> dict[str, str | None]:
    """What the ratings of a rating study say to the items of GRRAS."""
    design, records = results["design"], results.records("rating_agreement")
    shown = ", ".join(f"{count} {name}" for name, count in design["shown"].items())
    scales = ", ".join(readable(r["question"]) for r in records if r["kind"] == "scale")
    named = ", ".join(readable(r["question"]) for r in records if r["kind"] != "scale")
    estimates = [
        f"{readable(r['question'])}: alpha {number(r['krippendorff_alpha'])} ({interval(r['ci_low'], r['ci_high'], 2, 1)})."
        for r in records
    ]
    counts = [f"{readable(r['question'])}: {r['images']} images, {r['ratings']} ratings." for r in records]
    repeated = [f"{readable(r['question'])}, with themselves: {r['pairs']} pairs of answers." for r in results.records("self_agreement")]
    device = f"Ordered scales: {scales or 'none'}. Choices: {named or 'none'}." if records else None
    return {
        "agreement_named": "Agreement among raters is a section of this report." if records else None,
        "agreement_device": device,
        "source": f"Real and generated pictures: {shown}.",
        "rating_process": "Raters did not know which images were generated.",
        "agreement_statistics": 'Given in "Methods".' if records else None,
        "agreement_counts": f"{design['evaluators']} raters. {' '.join([*counts, *repeated])}",
        "agreement_estimates": " ".join(estimates) or None,
        "agreement_details": "tables/rating_agreement.csv and tables/evaluators.csv hold every number.",
    }
