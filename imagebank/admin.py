"""The stock admin, for looking and for small repairs. Pictures, hashes and reports are made by services only."""

from django.contrib import admin

from imagebank import models


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that services make: to be looked at."""

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


class DiagnosisClassInline(admin.TabularInline):
    model = models.DiagnosisClass
    extra = 0


class MembershipInline(admin.TabularInline):
    model = models.Membership
    extra = 1
    autocomplete_fields = ["user"]


@admin.register(models.Study)
class StudyAdmin(admin.ModelAdmin):
    list_display = ["title", "slug", "nature", "created_at"]
    search_fields = ["title", "slug"]
    prepopulated_fields = {"slug": ["title"]}
    inlines = [DiagnosisClassInline, MembershipInline]
    readonly_fields = ["archived_at", "leaving_at"]

    def has_delete_permission(self, request, obj=None):
        return False  # the study's own page deletes it whole, files included


@admin.register(models.TrailEntry)
class TrailEntryAdmin(ReadOnlyAdmin):
    list_display = ["at", "slug", "deed", "by_name"]
    search_fields = ["slug", "deed", "by_name"]


@admin.register(models.Removal)
class RemovalAdmin(ReadOnlyAdmin):
    list_display = ["slug", "title", "asked_by_name", "asked_at", "rows_gone_at", "finished_at"]
    search_fields = ["slug", "title"]
    exclude = ["files"]


@admin.register(models.Item)
class ItemAdmin(admin.ModelAdmin):
    list_display = ["code", "study", "split", "fold", "group", "excluded_at"]
    list_filter = ["study", "split", "fold"]
    search_fields = ["code", "group"]
    list_select_related = ["study"]
    fields = ["study", "code", "split", "fold", "group", "attributes", "excluded_at", "exclusion_reason"]
    readonly_fields = ["study", "code", "excluded_at", "exclusion_reason"]


@admin.register(models.Truth)
class TruthAdmin(admin.ModelAdmin):
    list_display = ["item", "diagnosis"]
    list_filter = ["diagnosis__study", "diagnosis"]
    search_fields = ["item__code"]
    list_select_related = ["item", "diagnosis"]
    readonly_fields = ["item"]


@admin.register(models.ItemImage)
class ItemImageAdmin(ReadOnlyAdmin):
    list_display = ["item", "view", "width", "height", "created_at"]
    list_filter = ["item__study", "view"]
    search_fields = ["item__code", "public_id", "original_sha256"]
    list_select_related = ["item"]


@admin.register(models.Provenance)
class ProvenanceAdmin(admin.ModelAdmin):
    list_display = ["image", "original_name", "licence", "nature"]
    search_fields = ["original_name", "source_url", "attribution"]
    list_select_related = ["image__item"]
    readonly_fields = ["image", "original_name"]


@admin.register(models.DiagnosisReview)
class DiagnosisReviewAdmin(ReadOnlyAdmin):
    list_display = ["item", "reviewer", "diagnosis", "created_at"]
    list_filter = ["item__study"]
    list_select_related = ["item", "reviewer", "diagnosis"]


@admin.register(models.ImportRun)
class ImportRunAdmin(ReadOnlyAdmin):
    list_display = ["source", "study", "created", "unchanged", "started_at", "finished_at"]
    list_filter = ["study"]


@admin.register(models.LeakageReport)
class LeakageReportAdmin(ReadOnlyAdmin):
    list_display = ["study", "images", "pairs_compared", "created_at"]
    list_filter = ["study"]


@admin.register(models.Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = ["title", "study", "kind", "state", "percent", "created_at"]
    list_filter = ["state", "kind", "study"]
    list_select_related = ["study"]
