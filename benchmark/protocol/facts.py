"""All facts of a study's protocol as plain data, as the study stands now."""

from collections.abc import Mapping
from datetime import date

from django.conf.locale import LANG_INFO
from django.core.exceptions import ValidationError
from django.utils import timezone

from benchmark.core.plans.plan import Plan
from benchmark.core.report.protocol.facts import SCHEMA
from benchmark.models import AnalysisPlan
from benchmark.services.planning import rating_design_of
from benchmark.services.plans import answers_of_people
from benchmark.services.record import stored_record, with_record
from benchmark.services.study_record import reference_record
from imagebank.models import Study
from surveys.models import Reader, StudyProtocol

from . import material
from .networks import assistance_of, networks_of
from .privacy import exports_of, privacy_of
from .standing import stands_on
from .words import letter_words, pages

# The world that the planning page begins with: where nobody says otherwise, power is computed in it.
ASSUMED = {"accuracy_readers": 0.75, "difference": 0.1, "sd_reader": 0.35, "sd_item": 1.0, "correlation": 0.5}


LARGEST_SD = {"sd_reader": 3.0, "sd_item": 4.0}


def checked_world(assumed: Mapping[str, float]) -> dict[str, float]:
    """The assumed world, where power can be computed in it; otherwise ValidationError."""
    world = {**ASSUMED, **assumed}
    people, network = world["accuracy_readers"], world["accuracy_readers"] + world["difference"]
    if not (0 < people < 1 and 0 < network < 1 and world["difference"]):
        raise ValidationError(
            "Accuracies of readers and network between 0 and 100 % and a difference other than 0 are needed; found"
            f" {100 * people:g} and {100 * network:g} %."
        )
    wrong = [name for name, most in {**LARGEST_SD, "correlation": 1.0}.items() if not 0 <= world[name] <= most]
    if wrong:
        raise ValidationError(f"{wrong[0]} lies between 0 and {({**LARGEST_SD, 'correlation': 1.0})[wrong[0]]:g}; found {world[wrong[0]]:g}.")
    return world


def protocol_facts(
    study: Study, *, record: Mapping | None = None, assumed: Mapping[str, float] | None = None, on: date | None = None
) -> dict:
    """The facts that `benchmark.core.report.protocol.build` takes.

    record: the study's record, as `benchmark.core.facts.read_facts` reads it; fills what only people know. assumed: what
    power is computed with, where it differs from ASSUMED. on: the day that stands on the protocol; today.
    """
    protocol = StudyProtocol.objects.filter(study=study).select_related("study").first()
    stamped = AnalysisPlan.objects.filter(study=study).current()
    plan = Plan.from_toml(text=stamped.text) if stamped else None
    about = _about(study, protocol)
    read_elsewhere = about["kind"] == "imported"
    surveys = material.surveys_of(study, None if read_elsewhere else protocol)
    images, record = material.images_of(study), _record(study, record or {})
    return {
        "schema": SCHEMA,
        "written_on": f"{on or timezone.localdate():%-d %B %Y}",
        "study": about,
        "record": record,
        "plan": _stamped(stamped),
        "classes": list(study.classes.order_by("position").values("code", "name", "description")),
        "views": _views(study, protocol),
        "images": images,
        "stimuli": material.stimuli_of(study, protocol),
        "surveys": surveys,
        "groups": material.readers_of(study) if read_elsewhere else material.groups_of(study, surveys),
        "reading": material.reading_of(study, protocol),
        "letter": None if read_elsewhere else letter_words(study, protocol),
        "pages": [] if read_elsewhere else pages(study, protocol),
        "networks": networks_of(study, plan),
        "assistance": assistance_of(study),
        "afterwards": {
            "debrief": bool(protocol and protocol.debrief_offered), "issuer": protocol.certificate_issuer if protocol else "",
        },
        "privacy": privacy_of(study, protocol),
        "exports": exports_of(study, protocol),
        "stands_on": stands_on(study, plan=stamped, bank=images["fingerprint"], record=record),
        "assumed": checked_world(assumed or {}),
        "rating_design": rating_design_of(study) if about["kind"] == "rating" else None,
    }


def _about(study: Study, protocol: StudyProtocol | None) -> dict:
    language = protocol.language if protocol else "en"
    imported = Reader.objects.filter(study=study, imported_readings__isnull=False).exists() and not study.survey_sets.exists()
    kind = "rating" if protocol and protocol.stimuli else "imported" if imported else "reading"
    return {
        "title": study.title, "slug": study.slug, "summary": study.summary.strip(), "citation": study.citation, "nature": study.nature,
        "kind": kind, "question": protocol.question if protocol else "", "language": language,
        "language_name": LANG_INFO.get(language, {}).get("name", language), "rehearsal_of": study.rehearsal_of,
        "simulated": Reader.objects.filter(study=study, simulated=True).count(), "answers": answers_of_people(study),
    }  # fmt: skip


def _views(study: Study, protocol: StudyProtocol | None) -> list[dict]:
    if protocol is None or protocol.stimuli:
        return [{"code": view["code"], "label": view["label"]} for view in study.views]
    return [{"code": code, "label": study.view_label(code)} for code in protocol.view_order]


def _record(study: Study, given: Mapping) -> dict:
    """What the site knows of the reference standard, over it what people wrote here, and over that what the file says."""
    own = with_record({"reference_standard": reference_record(study)}, stored_record(study))
    sections = with_record(own, given)
    return {name: table for name, table in sorted(sections.items()) if table}


def _stamped(plan: AnalysisPlan | None) -> dict | None:
    if plan is None:
        return None
    return {
        "version": plan.version, "sha256": plan.sha256, "stamped_on": f"{timezone.localtime(plan.stamped_at):%-d %B %Y}",
        "before_first_answer": plan.is_before_first_answer, "text": plan.text,
    }  # fmt: skip
