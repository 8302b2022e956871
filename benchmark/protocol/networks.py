"""The networks of a study, for its protocol: what is there, under which hash, and what of it readers get to see."""

from benchmark.core.plans.plan import Plan
from imagebank.models import Study
from models_ml.models import Ensemble, TrainingRun
from surveys.models import Assistance, Reader
from surveys.services import assisted_questions

SHORT = 16
PARTS = {"answer": "the answer in words", "probabilities": "the probabilities", "map": "the attribution map"}
NOT_HERE = "The analysis plan names it; it is not on this site yet."
IMPORTED = "Its answers were imported as a table; nothing else of it is known here."


def networks_of(study: Study, plan: Plan | None) -> list[dict]:
    """Every network that the plan names, that was trained or brought here, or whose answers were imported."""
    ensembles: dict[str, list[Ensemble]] = {}
    for ensemble in study.ensembles.select_related("run").order_by("name", "view"):
        ensembles.setdefault(ensemble.name, []).append(ensemble)
    readers = Reader.objects.filter(study=study, kind=Reader.Kind.MODEL).order_by("code").values_list("code", flat=True)
    named = [contrast.model for contrast in plan.primary] if plan else []
    names = dict.fromkeys([*named, *ensembles, *readers])
    return [
        {
            "name": name,
            "views": [_view(ensemble) for ensemble in ensembles.get(name, [])],
            "absent": IMPORTED if name in readers else NOT_HERE,
            "notes": _notes(study, name, name in readers),
        }
        for name in names
    ]


def _view(ensemble: Ensemble) -> dict:
    run = ensemble.run
    backbone = run.config.get("model", {}).get("backbone", "")
    how = run.get_origin_display().lower()
    return {
        "view": ensemble.view,
        "what": f"{backbone}, {how}" if backbone else f"{how}, nothing is known of its kind",
        "rule": _rule(ensemble),
        "frozen": f"settings {run.fingerprint[:SHORT]}; answers to {ensemble.predictions.count():,} pictures are stored",
        "exposure": _exposure(run),
    }


def _rule(ensemble: Ensemble) -> str:
    members = max(len(ensemble.run.folds), 1)
    rule = f"{members} member{'' if members == 1 else 's'}; {ensemble.get_rule_display().lower()}"
    if ensemble.rule == Ensemble.Rule.CONFIDENT_MEAN:
        edge = "at or above" if ensemble.inclusive else "above"
        rule += f" ({edge} {ensemble.threshold:g}; where none is: {ensemble.get_fallback_display().lower()})"
    calibrated = ", temperature applied" if ensemble.calibrated else ""
    return f"{rule}; {ensemble.get_restrict_display().lower()}{calibrated}; the class with the largest probability is the answer"


def _exposure(run: TrainingRun) -> str:
    """Which pictures it has seen before."""
    if run.origin == TrainingRun.Origin.ANSWERS:
        return "what it was trained on is not recorded, so whether it has seen these pictures is not known."
    if run.other_pictures:
        return "its training pictures are not the study's training items, which somebody accepted; the run's page says how they differ."
    more = f", and on auxiliary pictures ({len(run.auxiliary)} set{'' if len(run.auxiliary) == 1 else 's'})" if run.auxiliary else ""
    return (
        f"trained on the study's training items, manifest {run.manifest_fingerprint[:SHORT]}{more}. A run that was trained on other pictures or"
        " on test items is refused unless somebody accepts it, and nobody had to."
    )


def _notes(study: Study, name: str, answered: bool) -> list[str]:
    if answered:
        return ["Its answers to the study's images are recorded beside those of people and enter every comparison as they stand."]
    return ["Its answers to the surveys are not recorded yet; they are to be before the first reader begins."] if study.survey_sets.exists() else []


def assistance_of(study: Study) -> dict | None:
    """The output that readers see at their second answer, as it is frozen; None where none is."""
    assistance = Assistance.objects.filter(study=study).first()
    if assistance is None:
        return None
    shown = {part for question in assisted_questions(study).values() for part in question.shows}
    return {
        "network": assistance.network,
        "sha256": assistance.sha256,
        "frozen_on": f"{assistance.frozen_at:%-d %B %Y}",
        "shows": [words for part, words in PARTS.items() if part in shown],
        "images": assistance.outputs.count(),
        "abstains": assistance.outputs.filter(answer=None).count(),
    }
