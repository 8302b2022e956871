"""What the site knows about a study beyond its readings: its record for the report, and its design with the certificate."""

from collections.abc import Mapping

from benchmark.core.facts import FIELDS
from imagebank.models import Provenance, Study
from surveys.models import Reader, SurveyResponse
from surveys.services.recruiting.funnel import funnels

from .record import stored_record, with_record
from .study_record import images_record, network_record, reading_record, reference_record

SCHEMA = "study-facts/1"


def study_facts(study: Study, *, record: Mapping | None = None) -> dict:
    """The record that reports take: what people wrote, and what the site knows where they wrote nothing. Groups with
    simulated readers have no recruitment to tell; absent is not recorded. record: in the place of the stored one."""
    facts: dict = {"schema": SCHEMA}
    facts["study"] = {"title": study.title} | ({"background": study.summary} if study.summary else {})
    provenance = Provenance.objects.filter(image__item__study=study, image__view__in=study.view_codes())
    told = {"licence": _distinct(provenance, "licence"), "source": _distinct(provenance, "nature") or [study.nature]}
    images = {name: "; ".join(texts) for name, texts in told.items() if any(texts)}
    facts["images"] = images | images_record(study)
    facts["reference_standard"] = reference_record(study)
    facts["network"] = network_record(study)
    for section, told in reading_record(study).items():
        facts[section] = facts.get(section, {}) | told
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
    facts |= with_record({section: facts.get(section, {}) for section in FIELDS}, stored_record(study) if record is None else record)
    return {section: table for section, table in facts.items() if table}


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
