from .answer import Answer, ViewingEvent
from .assistance import Assistance, ControlItem, ShownOutput
from .debrief import DebriefRelease, ReleasedShare
from .design import Block, Survey, SurveyItem, SurveySet
from .imported import ImportedReading
from .picture import ServedPicture
from .protocol import ReaderGroup, StudyProtocol
from .reader import Invitation, Reader, ReaderContact, Seat
from .recruitment import Letter, Reply, Withdrawal
from .response import BlockSitting, SurveyResponse
from .stimulus import Stimulus, StimulusFrame

__all__ = [
    "Answer",
    "Assistance",
    "Block",
    "BlockSitting",
    "ControlItem",
    "DebriefRelease",
    "ImportedReading",
    "Invitation",
    "Letter",
    "Reader",
    "ReaderContact",
    "ReaderGroup",
    "ReleasedShare",
    "Reply",
    "Seat",
    "ServedPicture",
    "ShownOutput",
    "Stimulus",
    "StimulusFrame",
    "StudyProtocol",
    "Survey",
    "SurveyItem",
    "SurveyResponse",
    "SurveySet",
    "ViewingEvent",
    "Withdrawal",
]
