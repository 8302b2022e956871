"""Queue the work of this app, and say what is still needed for it."""

from benchmark.models import AnalysisPlan, Comparison, StoredPredictions
from benchmark.services.rating_analysis import LEAST_RATERS, complete_raters, is_rating_study
from imagebank.jobs import queue_job
from imagebank.models import Job, Study
from surveys.models import ImportedReading, Reader, SurveyResponse


def start_comparison(
    *, study: Study, plan: AnalysisPlan | None, predictions: StoredPredictions | None = None, seed: int = 0, user=None
) -> Job:
    """Queue a comparison under `plan` (None: without one) and return its job."""
    payload = {"plan": plan.pk if plan else None, "predictions": predictions.pk if predictions else None, "seed": seed}
    what = "Analyse the ratings" if is_rating_study(study) else "Compare people and networks"
    title = what + (f" under plan version {plan.version}" if plan else "")
    return queue_once(study=study, kind="comparison", title=title, payload=payload, user=user)


def start_check(*, comparison: Comparison, user=None) -> Job:
    """Queue the check that running a comparison again gives the same bytes."""
    return queue_once(
        study=comparison.study,
        kind="comparison-check",
        title=f"Run comparison {comparison.pk} again and compare every byte",
        payload={"comparison": comparison.pk},
        user=user,
    )


def start_renewal(*, comparison: Comparison, user=None) -> Job:
    """Queue the analysis of a comparison's own inputs with the program of now, in place of what an older version made."""
    return queue_once(
        study=comparison.study,
        kind="comparison-renewal",
        title=f"Analyse comparison {comparison.pk} again with this version",
        payload={"comparison": comparison.pk},
        user=user,
    )


def start_documents(*, comparison: Comparison, user=None) -> Job:
    """Queue the making of the report as PDF and of the tables for Word."""
    return queue_once(
        study=comparison.study,
        kind="comparison-documents",
        title=f"Report of {comparison.pk} as PDF, tables for Word",
        payload={"comparison": comparison.pk},
        user=user,
    )


def start_simulation(*, study: Study, user=None, **design) -> Job:
    """Queue the simulation of whole studies; `design`: what `simulate_design` takes."""
    title = f"Simulate {design['studies']:,} studies of {design['readers']} readers"
    return queue_once(study=study, kind="study-simulation", title=title, payload=design, user=user)


def queue_once(*, study: Study, kind: str, title: str, payload: dict, user) -> Job:
    """The job that is about this already, or a new one: a second click starts nothing twice."""
    same = (job for job in study.jobs.active().filter(kind=kind) if job.payload == payload)
    return next(same, None) or queue_job(study=study, kind=kind, title=title, payload=payload, user=user)


def what_is_needed(*, study: Study) -> list[str]:
    """What an analysis of this study still lacks, each as a phrase; empty when it can be started."""
    if is_rating_study(study):
        missing = LEAST_RATERS - complete_raters(study)
        raters = f"{missing} more complete sitting{'s' if missing > 1 else ''} of raters: invite raters, and wait for them"
        return [raters] if missing > 0 else []
    sittings = SurveyResponse.objects.of_study(study).analysed()
    imported = ImportedReading.objects.filter(reader__study=study)
    lacking = []
    for kind, words in (
        (Reader.Kind.HUMAN, "complete readings of people: invite readers, or import the readings of a finished study"),
        (Reader.Kind.MODEL, "a network's answers to the same items: let a trained network read, or import its answers"),
    ):
        if not (sittings.filter(reader__kind=kind).exists() or imported.filter(reader__kind=kind).exists()):
            lacking.append(words)
    if lacking and study.stored_predictions.exists():
        lacking = [words for words in lacking if not words.startswith("a network")]
    return lacking
