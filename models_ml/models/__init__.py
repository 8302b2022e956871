from .attribution import AttributionMap, AttributionSet
from .auxiliary import AuxiliaryLabels
from .ensemble import Ensemble, Prediction
from .run import Member, TrainingRun

__all__ = ["AttributionMap", "AttributionSet", "AuxiliaryLabels", "Ensemble", "Member", "Prediction", "TrainingRun"]
