"""Rehearsals as a resource: start one, follow it, and find its comparison."""

import django_filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.response import Response

from benchmark.api.access import LARGEST_SEED
from benchmark.pages.planning import PLANNING_ROLES, STAMPING_ROLES
from benchmark.services.rehearsal import REHEARSE, Assumed, people_of, start_rehearsal
from imagebank.models import Job, Membership, Study
from imagebank.study_access import study_called


class AccuracyIn(serializers.Serializer):
    """Share correct of one group, or of its readings of one view; the closer one goes first."""

    group = serializers.CharField(max_length=60)
    view = serializers.CharField(max_length=50, required=False)
    accuracy = serializers.FloatField(min_value=0.01, max_value=0.99)


class RehearsalIn(serializers.Serializer):
    """What is assumed. A rating study takes `dprime`, any other study `accuracy`, `people` and `network`."""

    study = serializers.SlugField()
    accuracy = serializers.FloatField(min_value=0.01, max_value=0.99, default=0.7, help_text="Of everybody who is not named below.")
    people = AccuracyIn(many=True, required=False)
    network = serializers.FloatField(min_value=0.01, max_value=0.99, default=0.8, help_text="Of networks that have not predicted the images.")
    dprime = serializers.FloatField(min_value=-5, max_value=5, default=Assumed.dprime, help_text="How well raters tell generated from real.")
    seed = serializers.IntegerField(min_value=0, max_value=LARGEST_SEED, default=1)
    leave_open = serializers.BooleanField(default=False, help_text="The first survey's seats of the copy stay free, to be read by yourself.")

    def assumed(self, study: Study) -> Assumed:
        said = self.validated_data
        named = {"/".join(filter(None, (row["group"], row.get("view")))): row["accuracy"] for row in said.get("people", ())}
        return Assumed(people_of(study, {"": said["accuracy"]} | named), said["network"], said["seed"], said["leave_open"], said["dprime"])


class RehearsalOut(serializers.ModelSerializer):
    """Follow `state` and `percent` here, stop and start again at /api/jobs/; results stand at /api/comparisons/{comparison}/."""

    study = serializers.SlugField(source="study.slug")
    copy = serializers.CharField(source="payload.slug", help_text="The slug of the copy, a study of its own once it is there.")
    percent = serializers.IntegerField(allow_null=True)
    assumed = serializers.SerializerMethodField()
    comparison = serializers.SerializerMethodField()

    class Meta:
        model = Job
        fields = (
            "id", "study", "copy", "state", "percent", "message", "error", "assumed", "comparison", "created_at", "finished_at",
        )  # fmt: skip

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_assumed(self, job: Job) -> dict:
        return job.payload["assumed"]

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_comparison(self, job: Job) -> int | None:
        return job.result.get("comparison")


class RehearsalFilter(django_filters.FilterSet):
    study = django_filters.CharFilter(field_name="study__slug")

    class Meta:
        model = Job
        fields = ("study", "state")


@extend_schema_view(list=extend_schema(tags=["plans"]), retrieve=extend_schema(tags=["plans"]))
class RehearsalViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Rehearsals of the studies that you plan, the newest first."""

    serializer_class = RehearsalOut
    filterset_class = RehearsalFilter
    queryset = Job.objects.none()

    def get_queryset(self):
        studies = Study.objects.visible_to(self.request.user)
        if not self.request.user.is_superuser:
            held = Membership.objects.filter(user=self.request.user, role__in=PLANNING_ROLES)
            studies = studies.filter(pk__in=held.values("study"))
        return Job.objects.filter(kind=REHEARSE, study__in=studies).select_related("study").order_by("-created_at")

    @extend_schema(tags=["plans"], request=RehearsalIn, responses={202: RehearsalOut})
    def create(self, request):
        """Rehearse a study in the background; the same again goes on with one that was cut off, and starts nothing twice."""
        data = RehearsalIn(data=request.data)
        data.is_valid(raise_exception=True)
        refusal = "Rehearsing is for this study's coordinators and analysts."
        study = study_called(request.user, data.validated_data["study"], *STAMPING_ROLES, refusal=refusal)
        job = start_rehearsal(study=study, assumed=data.assumed(study), user=request.user)
        return Response(RehearsalOut(job).data, status=202)
