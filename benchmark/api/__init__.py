"""The same services and roles as the pages, for programs. `routes` and `urlpatterns` are picked up by config."""

from django.urls import path

from benchmark.api.assistance import AssistanceViewSet
from benchmark.api.comparisons import ComparisonViewSet, PlanViewSet
from benchmark.api.outside import OutsideReadings
from benchmark.api.planning import Planning, Simulation
from benchmark.api.protocol import ProtocolViewSet
from benchmark.api.rating_planning import RatingPlanning
from benchmark.api.record import RecordViewSet
from benchmark.api.regions import RegionSums
from benchmark.api.rehearsal import RehearsalViewSet

routes = [
    ("comparisons", ComparisonViewSet, "api-comparison"),
    ("plans", PlanViewSet, "api-plan"),
    ("assistance", AssistanceViewSet, "api-assistance"),
    ("protocols", ProtocolViewSet, "api-protocol"),
    ("records", RecordViewSet, "api-record"),
    ("rehearsals", RehearsalViewSet, "api-rehearsal"),
]
urlpatterns = [
    path("readings/import/", OutsideReadings.as_view(), name="api-readings-import"),
    path("planning/", Planning.as_view(), name="api-planning"),
    path("planning/ratings/", RatingPlanning.as_view(), name="api-planning-ratings"),
    path("planning/simulate/", Simulation.as_view(), name="api-planning-simulate"),
    path("attributions/<int:pk>/regions/", RegionSums.as_view(), name="api-region-sums"),
]
