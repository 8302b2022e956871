"""What the networks' room holds of a study, in the order in which a deletion takes it away."""

from imagebank.models import Study
from imagebank.services.removal import Holding
from models_ml.models import TrainingRun

HOLDINGS = (
    Holding("models_ml.TrainingRun", "study", "training run with all that it made", "training runs with all that they made"),
    Holding("models_ml.AuxiliaryLabels", "study"),
)


def folders(study: Study) -> list[str]:
    return [f"networks/{study.slug}"]


def needs_folds(study: Study) -> list[str]:
    """Networks learned from the training items and were held out by fold; answers alone came from elsewhere."""
    runs = study.training_runs.exclude(origin=TrainingRun.Origin.ANSWERS).count()
    learned = "1 training run" if runs == 1 else f"{runs} training runs"
    return [f"{learned} learned by this split; remove {'it' if runs == 1 else 'them'} first."] if runs else []
