"""Addresses of the results pages."""

from django.urls import path

from . import views

app_name = "benchmark"
urlpatterns = [
    path("studies/<slug:slug>/results/", views.comparison_list, name="comparison_list"),
    path("studies/<slug:slug>/results/start/", views.comparison_start, name="comparison_start"),
    path("studies/<slug:slug>/results/<int:pk>/", views.comparison_detail, name="comparison_detail"),
    path("studies/<slug:slug>/results/<int:pk>/files/<path:name>", views.comparison_file, name="comparison_file"),
]
