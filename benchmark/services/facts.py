"""What the site knows about a study beyond its readings: its record for the report, and its design with the certificate."""

from imagebank.models import Provenance, Study
from surveys.funnel import funnels
from surveys.models import Reader, SurveyResponse

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
    if sittings := _left_out(study):
        facts["sittings"] = sittings
    return facts


def _left_out(study: Study) -> dict[str, dict[str, int]]:
    """Sittings of people that were begun and are in no table of readings: not finished, or finished with too few answers."""
    begun = SurveyResponse.objects.of_study(study).filter(completed_at=None, reader__kind=Reader.Kind.HUMAN)
    begun = begun.filter(block_sittings__isnull=False).distinct()
    groups = study.reader_groups.filter(kind=Reader.Kind.HUMAN).values_list("code", flat=True)
    counted = {group: {"unfinished": 0, "too_few": 0} for group in groups if study.survey_sets.exists()}
    for _, group, finished in begun.values_list("pk", "reader__group__code", "finished_at"):
        counted[group]["unfinished" if finished is None else "too_few"] += 1
    return counted


def _distinct(provenance, field: str) -> list[str]:
    return sorted(set(provenance.exclude(**{field: ""}).values_list(field, flat=True)))


def survey_design(study: Study) -> dict | None:
    """The design.json of the study's surveys, its certificate included; None where none were drawn here."""
    drawn = study.survey_sets.first()
    return drawn.design if drawn and "certificate" in drawn.design else None
