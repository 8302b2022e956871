"""What the comparisons' room holds of a study, in the order in which a deletion takes it away."""

from imagebank.models import Study
from imagebank.services.removal import Holding

HOLDINGS = (
    Holding("benchmark.Comparison", "study", "comparison with its files", "comparisons with their files"),
    Holding("benchmark.StoredPredictions", "study", "table of predictions", "tables of predictions"),
    Holding("benchmark.AnalysisPlan", "study", "version of the analysis plan", "versions of the analysis plan"),
)


def folders(study: Study) -> list[str]:
    return [f"comparisons/{study.slug}", f"predictions/{study.slug}", f"protocols/{study.slug}"]
