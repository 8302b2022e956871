from .item import DiagnosisReview, Item, ItemImage, Provenance, Rendition, ReviewState, Truth
from .job import Job, JobLine, WorkerBeat
from .reports import ImportRun, LeakageFinding, LeakageReport
from .study import DiagnosisClass, Membership, Study
from .trail import Removal, TrailEntry

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
    "Removal",
    "Rendition",
    "ReviewState",
    "Study",
    "TrailEntry",
    "Truth",
    "WorkerBeat",
]
