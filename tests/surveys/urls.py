"""The surveys' addresses alone, for as long as the roof does not carry them."""

from django.urls import include, path

urlpatterns = [path("", include("surveys.urls")), path("accounts/", include("allauth.urls"))]
