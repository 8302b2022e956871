"""Addresses. Each app brings its own; this file only gives them their place."""

from importlib.util import find_spec

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from config import job_pages, metrics, pages

# The stock admin, behind the same sign-in as everything else (rate limits and second factor included).
admin.autodiscover()
admin.site.login = secure_admin_login(admin.site.login)

handler400, handler500 = "config.failures.bad_request", "config.failures.server_error"

APPS = ("imagebank", "surveys", "models_ml", "generative", "benchmark")

urlpatterns = [
    path("", pages.home, name="home"),
    path("account/", pages.account, name="account-overview"),
    path("account/token/", pages.renew_token, name="account-token"),
    path("account/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("favicon.ico", pages.icon),
    path("metrics", metrics.metrics, name="metrics"),
    path("studies/", RedirectView.as_view(pattern_name="home")),
    path("deleted-studies/", pages.deleted_studies, name="deleted-studies"),
    path("deleted-studies/<int:pk>/retry/", pages.retry_deletion, name="deletion-retry"),
    path("studies/<slug:slug>/", pages.study_page, name="study"),
    path("studies/<slug:slug>/jobs/", job_pages.job_list, name="job-list"),
    path("studies/<slug:slug>/jobs/<uuid:pk>/", job_pages.job_detail, name="job-detail"),
    path("studies/<slug:slug>/jobs/<uuid:pk>/cancel/", job_pages.job_cancel, name="job-cancel"),
    path("studies/<slug:slug>/jobs/<uuid:pk>/retry/", job_pages.job_retry, name="job-retry"),
    path("api/", include("config.api.urls")),
    *[path("", include(f"{app}.urls")) for app in APPS if find_spec(f"{app}.urls")],
]
