"""What the site knows about a study beyond its readings: its record for the report, and its design with the certificate."""

from imagebank.models import Provenance, Study
from surveys.funnel import funnels

SCHEMA = "study-facts/1"


def study_facts(study: Study) -> dict:
    """The record that reports take. Groups with simulated readers have no recruitment to tell; absent is not recorded."""
    facts: dict = {"schema": SCHEMA}
    if study.summary:
        facts["study"] = {"background": study.summary}
    provenance = Provenance.objects.filter(image__item__study=study)
    images = {
        "licence": "; ".join(_distinct(provenance, "licence")),
        "source": "; ".join(_distinct(provenance, "nature")) or study.nature,
    }
    if images := {name: text for name, text in images.items() if text}:
        facts["images"] = images
    recruitment = {
        funnel.group.code: {
            "contacted": funnel.reached["contacted"],
            "agreed": funnel.reached["agreed"],
            "started": funnel.reached["started"],
            "complete": funnel.reached["completed"],
        }
        for funnel in funnels(study)
        if funnel.reached["contacted"] and not funnel.simulated
    }
    if recruitment:
        facts["recruitment"] = recruitment
    return facts


def _distinct(provenance, field: str) -> list[str]:
    return sorted(set(provenance.exclude(**{field: ""}).values_list(field, flat=True)))


def survey_design(study: Study) -> dict | None:
    """The design.json of the study's surveys, its certificate included; None where none were drawn here."""
    drawn = study.survey_sets.first()
    return drawn.design if drawn and "certificate" in drawn.design else None
