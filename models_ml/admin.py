"""Rows that services make: to be looked at."""

from django.contrib import admin

from imagebank.admin import ReadOnlyAdmin
from models_ml import models


@admin.register(models.TrainingRun)
class TrainingRunAdmin(ReadOnlyAdmin):
    list_display = ["name", "study", "view", "origin", "preset", "complete", "created_at"]
    list_filter = ["study", "origin", "complete"]
    search_fields = ["name"]
    list_select_related = ["study"]


@admin.register(models.Member)
class MemberAdmin(ReadOnlyAdmin):
    list_display = ["run", "fold", "status", "best_epoch", "score"]
    list_filter = ["run__study", "complete"]
    list_select_related = ["run"]


@admin.register(models.Ensemble)
class EnsembleAdmin(ReadOnlyAdmin):
    list_display = ["name", "study", "view", "rule", "threshold", "created_at"]
    list_filter = ["study", "rule"]
    list_select_related = ["study"]


@admin.register(models.AttributionSet)
class AttributionSetAdmin(ReadOnlyAdmin):
    list_display = ["ensemble", "method", "baseline", "created_at"]
    list_filter = ["method"]
    list_select_related = ["ensemble"]
