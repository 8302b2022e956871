"""Addresses of the results pages."""

from django.urls import path

from . import network_pages, views

app_name = "benchmark"
NETWORKS = "studies/<slug:slug>/networks/"
urlpatterns = [
    path("studies/<slug:slug>/results/", views.comparison_list, name="comparison_list"),
    path("studies/<slug:slug>/results/start/", views.comparison_start, name="comparison_start"),
    path("studies/<slug:slug>/results/<int:pk>/", views.comparison_detail, name="comparison_detail"),
    path("studies/<slug:slug>/results/<int:pk>/files/<path:name>", views.comparison_file, name="comparison_file"),
    path(f"{NETWORKS}leaderboard/", network_pages.leaderboard_page, name="network_leaderboard"),
    path(f"{NETWORKS}predictions/", network_pages.prediction_list, name="network_predictions"),
    path(f"{NETWORKS}predictions/<int:pk>/items/<int:item>/", network_pages.item_page, name="network_item"),
    path(f"{NETWORKS}predictions.csv", network_pages.predictions_csv, name="network_predictions_csv"),
    path(f"{NETWORKS}take-part/<slug:name>/", network_pages.take_part_page, name="network_take_part"),
]
