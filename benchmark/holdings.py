"""What the comparisons' room holds of a study, in the order in which a deletion takes it away."""

from imagebank.models import Study
from imagebank.services.removal import Holding
from surveys.models import SurveyResponse

HOLDINGS = (
    Holding("benchmark.Comparison", "study", "comparison with its files", "comparisons with their files"),
    Holding("benchmark.StoredPredictions", "study", "table of predictions", "tables of predictions"),
    Holding("benchmark.StudyRecord", "study", "record of the study", "records of the study"),
    Holding("benchmark.AnalysisPlan", "study", "version of the analysis plan", "versions of the analysis plan"),
)


def folders(study: Study) -> list[str]:
    return [f"comparisons/{study.slug}", f"predictions/{study.slug}", f"protocols/{study.slug}"]


def before_debrief(study: Study) -> list[str]:
    """Readers learn the truth after the numbers are computed, from every sitting that they rest on."""
    latest = study.comparisons.order_by("-created_at").first()
    if latest is None:
        return ["Start one under Results first."]
    people = SurveyResponse.objects.of_study(study).analysed().filter(reader__kind="human")
    newer = people.filter(completed_at__gt=latest.created_at).count()
    if newer:
        return [f"{newer} sitting{' was' if newer == 1 else 's were'} completed after the last one; start another under Results."]
    return []
