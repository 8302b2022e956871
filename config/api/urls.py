"""Addresses of the API. An app adds its own by a module `<app>.api` with `routes`, a list of (prefix, viewset,
basename), or with `urlpatterns`."""

from importlib import import_module
from importlib.util import find_spec

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import DefaultRouter

from config.api.sign_in import SignIn
from config.api.studies import ItemViewSet, JobViewSet, StudyViewSet

APPS = ("imagebank", "surveys", "models_ml", "generative", "benchmark")

router = DefaultRouter()
router.include_root_view = False
router.register("studies", StudyViewSet, basename="api-study")
router.register("items", ItemViewSet, basename="api-item")
router.register("jobs", JobViewSet, basename="api-job")

modules = [import_module(f"{app}.api") for app in APPS if find_spec(f"{app}.api")]
for module in modules:
    for prefix, viewset, basename in getattr(module, "routes", ()):
        router.register(prefix, viewset, basename=basename)

urlpatterns = [
    path("token/", SignIn.as_view(), name="api-token"),
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
    *[pattern for module in modules for pattern in getattr(module, "urlpatterns", ())],
    *router.urls,
]
