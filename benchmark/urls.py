"""Addresses of the results pages, of the analysis plan, and of planning, below the study they belong to."""

from django.urls import path, re_path

from .pages import (
    assistance as assistance_views,
)
from .pages import (
    networks as network_pages,
)
from .pages import (
    outside as outside_views,
)
from .pages import (
    planning as planning_views,
)
from .pages import (
    predictions as prediction_pages,
)
from .pages import (
    protocol as protocol_views,
)
from .pages import (
    record as record_views,
)
from .pages import (
    rehearsal as rehearsal_views,
)
from .pages import (
    results as views,
)

app_name = "benchmark"
STUDY = "studies/<slug:slug>"
RESULTS = f"{STUDY}/results/"
ONE = f"{RESULTS}<int:pk>/"
NETWORKS = f"{STUDY}/networks/"

urlpatterns = [
    path(RESULTS, views.comparison_list, name="comparison_list"),
    path(f"{STUDY}/readings/import/", outside_views.outside_readings, name="outside_readings"),
    path(f"{RESULTS}start/", views.comparison_start, name="comparison_start"),
    path(f"{RESULTS}predictions/", views.predictions_store, name="predictions_store"),
    path(f"{RESULTS}predictions/networks/", views.network_predictions_store, name="network_predictions_store"),
    path(ONE, views.comparison_detail, name="comparison_detail"),
    path(f"{ONE}on/items/", views.comparison_items, name="comparison_items"),
    path(f"{ONE}on/files/", views.comparison_files, name="comparison_files"),
    path(f"{ONE}on/<slug:topic>/", views.comparison_topic, name="comparison_topic"),
    path(f"{ONE}since/<int:other>/", views.comparison_changes, name="comparison_changes"),
    path(f"{ONE}check/", views.comparison_check, name="comparison_check"),
    path(f"{ONE}renewal/", views.comparison_renewal, name="comparison_renewal"),
    path(f"{ONE}figures/<slug:name>.json", views.comparison_figure, name="comparison_figure"),
    path(f"{ONE}figures/<slug:name>.csv", views.comparison_figure_data, name="comparison_figure_data"),
    re_path(
        r"^studies/(?P<slug>[-\w]+)/results/(?P<pk>\d+)/tables/(?P<section>\w+)\.(?P<kind>csv|xlsx|tex)$",
        views.comparison_table,
        name="comparison_table",
    ),
    re_path(
        r"^studies/(?P<slug>[-\w]+)/results/(?P<pk>\d+)/readings\.(?P<kind>csv|parquet|xlsx|sav|imrmc|mrmcaov)$",
        views.comparison_readings,
        name="comparison_readings",
    ),
    path(f"{ONE}documents/", views.comparison_documents, name="comparison_documents"),
    path(f"{ONE}documents/<str:name>", views.comparison_document, name="comparison_document"),
    path(f"{ONE}bundle.zip", views.comparison_bundle, name="comparison_bundle"),
    path(f"{ONE}files/<path:name>", views.comparison_file, name="comparison_file"),
    path(f"{STUDY}/plan/", planning_views.analysis_plan, name="plan"),
    path(f"{STUDY}/plan/<int:version>.toml", planning_views.analysis_plan_file, name="plan_file"),
    path(f"{STUDY}/planning/", planning_views.planning, name="planning"),
    path(f"{STUDY}/planning/simulate/", planning_views.planning_simulate, name="planning_simulate"),
    path(f"{STUDY}/record/", record_views.study_record, name="record"),
    path(f"{STUDY}/record/facts.toml", record_views.study_record_file, name="record_file"),
    path(f"{STUDY}/protocol/", protocol_views.protocol, name="protocol"),
    path(f"{STUDY}/protocol/read/", protocol_views.protocol_read, name="protocol_read"),
    path(f"{STUDY}/protocol/file/", protocol_views.protocol_file, name="protocol_file"),
    path(f"{STUDY}/protocol/pdf/<uuid:pk>/", protocol_views.protocol_pdf, name="protocol_pdf"),
    path(f"{STUDY}/rehearsals/", rehearsal_views.rehearsals, name="rehearsals"),
    path(f"{STUDY}/rehearsals/start/", rehearsal_views.start, name="rehearsal_start"),
    path(f"{STUDY}/precision/", planning_views.precision, name="precision"),
    path(f"{NETWORKS}leaderboard/", network_pages.leaderboard_page, name="network_leaderboard"),
    path(f"{NETWORKS}predictions/", prediction_pages.prediction_list, name="network_predictions"),
    path(f"{NETWORKS}predictions/answers.csv", prediction_pages.prediction_table, name="network_prediction_table"),
    path(f"{NETWORKS}predictions/<int:pk>/items/<int:item>/", prediction_pages.item_page, name="network_item"),
    path(f"{NETWORKS}regions/", network_pages.regions_page, name="network_regions"),
    path(f"{NETWORKS}regions/<int:pk>/", network_pages.regions_start, name="network_regions_start"),
    path(f"{NETWORKS}regions/<int:pk>.csv", network_pages.regions_csv, name="network_regions_csv"),
    path(f"{NETWORKS}predictions.csv", network_pages.predictions_csv, name="network_predictions_csv"),
    path(f"{NETWORKS}predictions/keep/", network_pages.predictions_keep, name="network_predictions_keep"),
    path(f"{STUDY}/surveys/assistance/", assistance_views.assistance, name="assistance"),
    path(f"{STUDY}/surveys/assistance/start/", assistance_views.start, name="assistance-start"),
    path(f"{STUDY}/surveys/assistance/check/", assistance_views.check, name="assistance-check"),
    path(f"{NETWORKS}take-part/<slug:name>/", network_pages.take_part_page, name="network_take_part"),
]
