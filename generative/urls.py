"""Addresses of the generators, below the study they belong to."""

from django.urls import path

from generative import curating, views

app_name = "generative"
HERE = "studies/<slug:slug>/generated/"

urlpatterns = [
    path(HERE, views.overview, name="overview"),
    path(f"{HERE}import/", views.network_import, name="import"),
    path(f"{HERE}train/", views.train, name="train"),
    path(f"{HERE}add/", views.set_add, name="add"),
    path(f"{HERE}runs/<str:public_id>/", views.run_detail, name="run"),
    path(f"{HERE}runs/<str:public_id>/pictures/<str:name>", views.run_grid, name="run-grid"),
    path(f"{HERE}networks/<str:public_id>/", views.generator_detail, name="generator"),
    path(f"{HERE}sets/<str:public_id>/", views.set_detail, name="set"),
    path(f"{HERE}sets/<str:public_id>/audit/", views.set_audit, name="set-audit"),
    path(f"{HERE}sets/<str:public_id>/suspected/", curating.audit, name="audit"),
    path(f"{HERE}sets/<str:public_id>/publish/", views.set_publish, name="publish"),
    path(f"{HERE}sets/<str:public_id>/data-card.md", views.set_data_card, name="set-card"),
    path(f"{HERE}sets/<str:public_id>/archive/", views.set_archive, name="archive"),
    path(f"{HERE}sets/<str:public_id>/published/<int:pk>/", views.publication_table, name="published"),
    path(f"{HERE}pictures/<str:public_id>/", views.sample_picture, name="picture"),
    path(f"{HERE}pictures/<str:public_id>/decide/", curating.decide, name="decide"),
]
