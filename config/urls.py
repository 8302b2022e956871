"""Addresses. Each app brings its own; this file only gives them their place."""

from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
