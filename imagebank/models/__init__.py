from .item import DiagnosisReview, Item, ItemImage, Provenance, Rendition, ReviewState, Truth
from .job import Job, JobLine, WorkerBeat
from .reports import ImportRun, LeakageFinding, LeakageReport
from .study import DiagnosisClass, Membership, Study

__all__ = [
    "DiagnosisClass",
    "DiagnosisReview",
    "ImportRun",
    "Item",
    "ItemImage",
    "Job",
    "JobLine",
    "LeakageFinding",
    "LeakageReport",
    "Membership",
    "Provenance",
    "Rendition",
    "ReviewState",
    "Study",
    "Truth",
    "WorkerBeat",
]
