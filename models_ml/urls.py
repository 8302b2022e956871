"""Addresses of the networks' pages, below the study they belong to."""

from django.urls import path

from models_ml import attribution_views, auxiliary_views, views

app_name = "models_ml"
HERE = "studies/<slug:slug>/networks/"
MAPS = f"{HERE}attributions/"

urlpatterns = [
    path(HERE, views.run_list, name="runs"),
    path(f"{HERE}start/", views.run_start, name="start"),
    path(f"{HERE}auxiliary/", auxiliary_views.auxiliary, name="auxiliary"),
    path(f"{HERE}auxiliary/restore/", auxiliary_views.auxiliary_restore, name="auxiliary-restore"),
    path(f"{HERE}import/", views.run_import, name="import"),
    path(f"{HERE}compare/", views.run_compare, name="compare"),
    path(f"{HERE}gpu-box/", views.gpu_box, name="gpu-box"),
    path(f"{HERE}gpu-box/make/", views.manifest_export, name="manifest-export"),
    path(f"{HERE}gpu-box/manifest.zip", views.manifest_download, name="manifest-download"),
    path(f"{HERE}runs/<int:pk>/", views.run_detail, name="run"),
    path(f"{HERE}runs/<int:pk>/live/", views.run_live, name="live"),
    path(f"{HERE}runs/<int:pk>/cancel/", views.run_cancel, name="cancel"),
    path(f"{HERE}runs/<int:pk>/resume/", views.run_resume, name="resume"),
    path(f"{HERE}runs/<int:pk>/remove/", views.run_delete, name="remove"),
    path(f"{HERE}runs/<int:pk>/predict/", views.run_predict, name="predict"),
    path(f"{HERE}runs/<int:pk>/card/", views.run_card, name="card"),
    path(f"{HERE}runs/<int:pk>/ensembles/", views.ensemble_create, name="ensemble-create"),
    path(f"{HERE}runs/<int:pk>/onnx/", views.onnx_start, name="onnx-export"),
    path(f"{HERE}runs/<int:pk>/onnx/<path:name>", views.onnx_file, name="onnx-file"),
    path(f"{HERE}runs/<int:pk>/files/<path:name>", views.run_file, name="file"),
    path(f"{HERE}ensembles/<int:pk>/", views.ensemble_detail, name="ensemble"),
    path(f"{HERE}ensembles/<int:pk>/explain/", views.ensemble_explain, name="explain"),
    path(MAPS, attribution_views.set_list, name="attributions"),
    path(f"{MAPS}<int:pk>/", attribution_views.set_detail, name="attribution"),
    path(f"{MAPS}<int:pk>/remove/", attribution_views.set_delete, name="attribution-remove"),
    path(f"{MAPS}<int:pk>/items.csv", attribution_views.table, name="attribution-table"),
    path(f"{MAPS}map/<str:public_id>/", attribution_views.map_detail, name="map"),
    path(f"{MAPS}map/<str:public_id>/layer/", attribution_views.layer, name="layer"),
    path(f"{MAPS}map/<str:public_id>/agreed/", attribution_views.agreed_layer, name="agreed-layer"),
    path(f"{MAPS}map/<str:public_id>/raw/", attribution_views.raw, name="raw"),
]
