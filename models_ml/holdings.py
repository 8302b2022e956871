"""What the networks' room holds of a study, in the order in which a deletion takes it away."""

from imagebank.models import Study
from imagebank.services.removal import Holding

HOLDINGS = (
    Holding("models_ml.TrainingRun", "study", "training run with all that it made", "training runs with all that they made"),
    Holding("models_ml.AuxiliaryLabels", "study"),
)


def folders(study: Study) -> list[str]:
    return [f"networks/{study.slug}"]
