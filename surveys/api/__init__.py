"""The surveys' part of the API: the same services, roles and refusals as the pages. `routes` is picked up by config."""

from surveys.api.debriefs import DebriefViewSet
from surveys.api.people import InvitationViewSet, ProgressViewSet, ReaderViewSet
from surveys.api.rating_studies import RatingStudyViewSet
from surveys.api.ratings import RatingViewSet
from surveys.api.readings import ReadingViewSet
from surveys.api.surveys import SeatViewSet, SurveySetViewSet, SurveyViewSet

routes = [
    ("survey-sets", SurveySetViewSet, "api-survey-set"),
    ("surveys", SurveyViewSet, "api-survey"),
    ("seats", SeatViewSet, "api-seat"),
    ("readers", ReaderViewSet, "api-reader"),
    ("invitations", InvitationViewSet, "api-invitation"),
    ("readings", ReadingViewSet, "api-reading"),
    ("rating-studies", RatingStudyViewSet, "api-rating-study"),
    ("ratings", RatingViewSet, "api-rating"),
    ("debriefs", DebriefViewSet, "api-debrief"),
    ("progress", ProgressViewSet, "api-progress"),
]
