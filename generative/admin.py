"""For looking: generators, sets and audits are made by services only."""

from django.contrib import admin

from generative import models
from imagebank.admin import ReadOnlyAdmin


@admin.register(models.GeneratorRun)
class GeneratorRunAdmin(ReadOnlyAdmin):
    list_display = ["title", "study", "recipe", "resolution", "total_kimg", "created_at"]
    list_filter = ["study", "recipe"]
    list_select_related = ["study"]


@admin.register(models.Generator)
class GeneratorAdmin(ReadOnlyAdmin):
    list_display = ["title", "study", "resolution", "licence", "weights_hash", "created_at"]
    list_filter = ["study", "licence"]
    list_select_related = ["study"]


@admin.register(models.ImageSet)
class ImageSetAdmin(ReadOnlyAdmin):
    list_display = ["title", "study", "kind", "condition", "state", "made_by", "created_at"]
    list_filter = ["study", "kind", "condition", "state"]
    list_select_related = ["study"]


@admin.register(models.Audit)
class AuditAdmin(ReadOnlyAdmin):
    list_display = ["image_set", "n_suspected", "n_train", "n_held_out", "features", "created_at"]
    list_select_related = ["image_set"]


@admin.register(models.CopyDecision)
class CopyDecisionAdmin(ReadOnlyAdmin):
    list_display = ["sample", "publish", "why", "decided_by", "decided_at"]
    list_select_related = ["sample__image_set", "decided_by"]


@admin.register(models.Publication)
class PublicationAdmin(ReadOnlyAdmin):
    list_display = ["image_set", "study", "view", "published_by", "published_at"]
    list_select_related = ["image_set", "study", "published_by"]
