"""What a protocol stands on, part by part: the study's own data, not our words for it, so that a new version of this program
changes no hash of a study that is still the same."""

from collections import Counter
from collections.abc import Mapping

from benchmark.models import AnalysisPlan
from imagebank.models import Provenance, Study
from surveys.models import Assistance
from surveys.services.setting_up.preset_text import preset_of

from .privacy import setting_of

OF_READERS = ("reader_groups", "completion", "invitations", "demographic_questions")
SPOKEN = ("question", "language", "allow_blank", "zoom")
RULE = ("name", "view", "rule", "threshold", "inclusive", "fallback", "restrict", "calibrated", "run__fingerprint", "run__manifest_fingerprint",
        "run__tta_views", "run__other_pictures")  # fmt: skip


def stands_on(study: Study, *, plan: AnalysisPlan | None, bank: str, record: Mapping) -> dict:
    """By the names in PARTS. bank: fingerprint of the images; record: what the study's record says."""
    preset, drawn = preset_of(study), study.survey_sets.first()
    about = preset["study"]
    assistance = Assistance.objects.filter(study=study).first()
    return {
        "study": {
            "about": {name: value for name, value in about.items() if name not in SPOKEN},
            "classes": preset["classes"], "views": preset["views"], "record": dict(record),
        },
        "plan": plan.sha256 if plan else "",
        "images": {"bank": bank, "pictures": preset.get("pictures"), **_checked(study)},
        "surveys": {
            "design": drawn.design_sha256 if drawn else "", "set_up": preset.get("survey_set"), "stimuli": preset.get("stimuli"),
        },
        "readers": {name: preset.get(name) for name in OF_READERS},
        "words": {
            "texts": preset.get("texts"), "questions": preset.get("questions"), **{name: about.get(name) for name in SPOKEN},
        },
        "networks": {
            "ensembles": [list(row) for row in study.ensembles.order_by("name", "view").values_list(*RULE)],
            "shown": assistance.sha256 if assistance else "",
        },
        "data": {"contacts": preset.get("contacts"), **setting_of()},
    }  # fmt: skip


def _checked(study: Study) -> dict:
    """How far the bank was reviewed and searched for leakage, and its licences; counts alone."""
    states = Counter(study.items.included().with_review_state().values_list("review_state", flat=True))
    licences = Counter(Provenance.objects.filter(image__item__study=study).values_list("licence", flat=True))
    report = study.leakage_reports.first()
    pairs = Counter(report.findings.values_list("kind", "crosses_split", "crosses_fold")) if report else {}
    return {
        "reviews": sorted(states.items()), "licences": sorted(licences.items()), "excluded": study.items.excluded().count(),
        "leakage": [report.images, sorted(pairs.items())] if report else None,
    }  # fmt: skip
