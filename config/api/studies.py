"""Studies, their items and their jobs as resources. Truth is added only for roles that may see it."""

from datetime import datetime

import django_filters
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from imagebank.jobs import cancel_job, retry_job
from imagebank.models import DiagnosisClass, Item, Job, Removal, Study
from imagebank.permissions import TRUTH_ROLES, WORKING_ROLES, Role, allowed_in_archive, has_role
from imagebank.services.removal import begin_removal
from imagebank.tables import CsvRenderer
from surveys.services.ending.closing import STEPS
from surveys.services.ending.retention import LONGEST_DAYS, SHORTEST_DAYS, erasure_due_at, keep_contacts_for


class DiagnosisClassOut(serializers.ModelSerializer):
    class Meta:
        model = DiagnosisClass
        fields = ("code", "name", "position")


class ViewOut(serializers.Serializer):
    code = serializers.CharField()
    label = serializers.CharField()


class StudyOut(serializers.ModelSerializer):
    classes = DiagnosisClassOut(many=True, read_only=True)
    views = ViewOut(many=True, read_only=True)

    class Meta:
        model = Study
        fields = ("slug", "title", "summary", "citation", "nature", "views", "classes", "created_at", "archived_at")


class ItemOut(serializers.ModelSerializer):
    """`truth` is null for roles that may not see it, and for items without one."""

    study = serializers.SlugField(source="study.slug")
    views = serializers.SerializerMethodField()
    excluded = serializers.SerializerMethodField()
    truth = serializers.SerializerMethodField()

    class Meta:
        model = Item
        fields = ("id", "study", "code", "split", "fold", "group", "views", "excluded", "truth")

    def get_views(self, item) -> list[str]:
        return [image.view for image in item.images.all()]

    def get_excluded(self, item) -> bool:
        return item.excluded_at is not None

    def get_truth(self, item) -> str | None:
        if item.study_id not in self.context["studies_with_truth"]:
            return None
        return item.truth.diagnosis.code if hasattr(item, "truth") else None


class JobOut(serializers.ModelSerializer):
    study = serializers.SlugField(source="study.slug")
    percent = serializers.IntegerField(allow_null=True)

    class Meta:
        model = Job
        fields = (
            "id", "study", "kind", "title", "state", "done", "total", "percent", "message", "error",
            "cancel_requested", "attempts", "created_at", "started_at", "finished_at",
        )  # fmt: skip


class ItemFilter(django_filters.FilterSet):
    study = django_filters.CharFilter(field_name="study__slug")
    view = django_filters.CharFilter(field_name="images__view", distinct=True)
    excluded = django_filters.BooleanFilter(field_name="excluded_at", lookup_expr="isnull", exclude=True)

    class Meta:
        model = Item
        fields = ("study", "split", "fold", "view", "excluded")


class JobFilter(django_filters.FilterSet):
    study = django_filters.CharFilter(field_name="study__slug")

    class Meta:
        model = Job
        fields = ("study", "state", "kind")


class StudyFilter(django_filters.FilterSet):
    archived = django_filters.BooleanFilter(
        field_name="archived_at", lookup_expr="isnull", exclude=True, help_text="Left out: studies in use."
    )

    class Meta:
        model = Study
        fields = ("archived",)


class StepIn(serializers.Serializer):
    step = serializers.ChoiceField(choices=sorted(STEPS))


class StateOut(serializers.ModelSerializer):
    """What is closed, and since when; null is open."""

    recruitment_closed_at = serializers.DateTimeField(source="protocol.recruitment_closed_at", default=None)
    reading_closed_at = serializers.DateTimeField(source="protocol.reading_closed_at", default=None)
    names_erased_at = serializers.SerializerMethodField(help_text="When readers' names erase themselves; null is never.")

    class Meta:
        model = Study
        fields = ("slug", "recruitment_closed_at", "reading_closed_at", "names_erased_at", "archived_at")

    def get_names_erased_at(self, study) -> datetime | None:
        return erasure_due_at(getattr(study, "protocol", None))


class KeepIn(serializers.Serializer):
    """For how long the readers' names and e-mails are kept."""

    days = serializers.IntegerField(
        min_value=SHORTEST_DAYS, max_value=LONGEST_DAYS, allow_null=True,
        help_text="After reading is closed, until they erase themselves; null: until somebody erases them.",
    )  # fmt: skip


class DeleteIn(serializers.Serializer):
    confirm = serializers.CharField(max_length=60, help_text="The study's slug once more.")


class DeletionOut(serializers.ModelSerializer):
    deleted = serializers.SerializerMethodField(help_text="How many of what.")

    class Meta:
        model = Removal
        fields = ("slug", "title", "deleted", "asked_at", "rows_gone_at", "finished_at")

    def get_deleted(self, removal) -> dict[str, int]:
        return dict(removal.counts)


@extend_schema(tags=["studies"])
class StudyViewSet(viewsets.ReadOnlyModelViewSet):
    """The studies in which you have a role. Archived ones are listed by `?archived=true`."""

    serializer_class = StudyOut
    lookup_field = "slug"
    queryset = Study.objects.none()
    filterset_class = StudyFilter

    def get_queryset(self):
        studies = Study.objects.visible_to(self.request.user).prefetch_related("classes")
        listed = self.action == "list" and "archived" not in self.request.query_params
        return studies.in_use() if listed else studies

    def coordinated(self) -> Study:
        study = self.get_object()
        if not has_role(self.request.user, study, Role.COORDINATOR):
            raise PermissionDenied("This is for the coordinator of this study.")
        return study

    @extend_schema(request=StepIn, responses=StateOut)
    @action(detail=True, methods=["post"], filterset_class=None)
    @allowed_in_archive
    def end(self, request, slug):
        """One step towards the study's end, or back: close or open recruitment or reading, archive or restore."""
        study = self.coordinated()
        data = StepIn(data=request.data)
        data.is_valid(raise_exception=True)
        STEPS[data.validated_data["step"]].take(study=study, user=request.user)
        return Response(StateOut(self.get_object()).data)

    @extend_schema(request=KeepIn, responses=StateOut)
    @action(detail=True, methods=["post"], filterset_class=None, url_path="keep-names", url_name="keep-names")
    @allowed_in_archive
    def keep_names(self, request, slug):
        """Say how many days after reading is closed the readers' names and e-mails erase themselves."""
        study = self.coordinated()
        data = KeepIn(data=request.data)
        data.is_valid(raise_exception=True)
        keep_contacts_for(study=study, days=data.validated_data["days"], user=request.user)
        return Response(StateOut(self.get_object()).data)

    @extend_schema(request=DeleteIn, responses={202: DeletionOut})
    @action(detail=True, methods=["post"], filterset_class=None)
    @allowed_in_archive
    def remove(self, request, slug):
        """Delete the study for good, with every picture, answer, network and file; the worker does it."""
        study = self.coordinated()
        data = DeleteIn(data=request.data)
        data.is_valid(raise_exception=True)
        removal = begin_removal(study=study, confirmed=data.validated_data["confirm"], user=request.user)
        return Response(DeletionOut(removal).data, status=202)


@extend_schema(tags=["items"])
class ItemViewSet(viewsets.ReadOnlyModelViewSet):
    """Items of your studies, by study, split, fold and view."""

    serializer_class = ItemOut
    renderer_classes = (JSONRenderer, CsvRenderer)
    filterset_class = ItemFilter
    queryset = Item.objects.none()

    def get_queryset(self):
        studies = Study.objects.visible_to(self.request.user)
        items = Item.objects.filter(study__in=studies).select_related("study").prefetch_related("images")
        if self.get_serializer_context()["studies_with_truth"]:
            items = items.select_related("truth__diagnosis")
        return items.order_by("study_id", "code")

    def get_serializer_context(self):
        if not hasattr(self, "_with_truth"):
            user = self.request.user if self.request else None
            studies = Study.objects.visible_to(user) if user else ()
            self._with_truth = {study.pk for study in studies if has_role(user, study, *TRUTH_ROLES)}
        return {**super().get_serializer_context(), "studies_with_truth": self._with_truth}


@extend_schema_view(list=extend_schema(tags=["jobs"]), retrieve=extend_schema(tags=["jobs"]))
class JobViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Background work of your studies: follow it, stop it, start it again."""

    serializer_class = JobOut
    renderer_classes = (JSONRenderer, CsvRenderer)
    filterset_class = JobFilter
    queryset = Job.objects.none()

    def get_queryset(self):
        return Job.objects.filter(study__in=Study.objects.visible_to(self.request.user)).select_related("study")

    def get_job_to_change(self) -> Job:
        job = get_object_or_404(self.get_queryset(), pk=self.kwargs["pk"])
        if not has_role(self.request.user, job.study, *WORKING_ROLES):
            raise PermissionDenied("Your role in this study does not include changing its jobs.")
        return job

    @extend_schema(tags=["jobs"], request=None, responses=JobOut)
    @action(detail=True, methods=["post"])
    def cancel(self, request, pk):
        """Stop a job: at once when it waits, at its next step when it runs."""
        return Response(JobOut(cancel_job(job=self.get_job_to_change())).data)

    @extend_schema(tags=["jobs"], request=None, responses=JobOut)
    @action(detail=True, methods=["post"])
    def retry(self, request, pk):
        """Start a failed or cancelled job again."""
        return Response(JobOut(retry_job(job=self.get_job_to_change())).data)
