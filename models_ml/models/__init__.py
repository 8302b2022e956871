from .attribution import AttributionMap, AttributionSet
from .ensemble import Ensemble, Prediction
from .run import Member, TrainingRun

__all__ = ["AttributionMap", "AttributionSet", "Ensemble", "Member", "Prediction", "TrainingRun"]
