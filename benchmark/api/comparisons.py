"""Comparisons and analysis plans as resources; the same services, the same roles as the pages."""

import django_filters
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from benchmark.api.access import LARGEST_SEED, StartedOut, study_to_change
from benchmark.models import AnalysisPlan, Comparison, StoredPredictions
from benchmark.pages.presenting import section_called
from benchmark.pages.results import READING_ROLES
from benchmark.services.bundle import bundle, bundle_name
from benchmark.services.checking import changes_between
from benchmark.services.plans import stamp_plan
from benchmark.services.starting import start_check, start_comparison, start_documents
from imagebank.study_access import studies_with


class ComparisonOut(serializers.ModelSerializer):
    study = serializers.SlugField(source="study.slug")
    plan_version = serializers.IntegerField(source="plan.version", allow_null=True, default=None)
    hashes = serializers.DictField(child=serializers.CharField())

    class Meta:
        model = Comparison
        fields = (
            "id", "study", "plan_version", "predictions", "seed", "inputs_sha256", "hashes", "simulated", "created_at",
        )  # fmt: skip


class ComparisonStart(serializers.Serializer):
    """`plan_version` left out: the current plan; null: no plan."""

    study = serializers.SlugField()
    plan_version = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=32_767)
    predictions = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=LARGEST_SEED)
    seed = serializers.IntegerField(default=0, min_value=0, max_value=LARGEST_SEED)


class SideOut(serializers.Serializer):
    difference = serializers.FloatField(allow_null=True)
    ci_low = serializers.FloatField(allow_null=True)
    ci_high = serializers.FloatField(allow_null=True)
    p = serializers.FloatField(allow_null=True)


class ChangeOut(serializers.Serializer):
    question = serializers.CharField()
    holds_for = serializers.CharField(help_text="these images, or new images")
    before = SideOut(allow_null=True)
    after = SideOut(allow_null=True)
    is_same = serializers.BooleanField()


class ChangesOut(serializers.Serializer):
    """inputs: name, and its hash, seed or version before and after."""

    inputs = serializers.ListField(child=serializers.ListField(child=serializers.CharField(allow_blank=True)))
    contrasts = ChangeOut(many=True)


class PlanOut(serializers.ModelSerializer):
    study = serializers.SlugField(source="study.slug")
    before_first_answer = serializers.BooleanField(source="is_before_first_answer")

    class Meta:
        model = AnalysisPlan
        fields = (
            "id", "study", "version", "title", "sha256", "stamped_at", "before_first_answer", "answers_when_stamped", "text",
        )  # fmt: skip


class PlanIn(serializers.Serializer):
    study = serializers.SlugField()
    text = serializers.CharField(max_length=200_000, trim_whitespace=False, help_text="analysis.toml")


class StudyFilter(django_filters.FilterSet):
    study = django_filters.CharFilter(field_name="study__slug")


class ComparisonFilter(StudyFilter):
    class Meta:
        model = Comparison
        fields = ("study", "seed", "simulated")


class PlanFilter(StudyFilter):
    class Meta:
        model = AnalysisPlan
        fields = ("study", "version")


@extend_schema_view(list=extend_schema(tags=["comparisons"]), retrieve=extend_schema(tags=["comparisons"]))
class ComparisonViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Stored analyses in the studies whose results you may see: people and networks compared, or ratings analysed."""

    serializer_class = ComparisonOut
    filterset_class = ComparisonFilter
    queryset = Comparison.objects.none()
    lookup_value_regex = r"\d+"

    def get_queryset(self):
        studies = studies_with(self.request.user, *READING_ROLES)
        return Comparison.objects.filter(study__in=studies).select_related("study", "plan").order_by("-created_at")

    @extend_schema(tags=["comparisons"], request=ComparisonStart, responses={202: StartedOut})
    def create(self, request):
        """Start a comparison in the background."""
        data = ComparisonStart(data=request.data)
        data.is_valid(raise_exception=True)
        wanted = data.validated_data
        study = study_to_change(request.user, wanted["study"])
        plans = AnalysisPlan.objects.filter(study=study)
        version = wanted.get("plan_version", "current")
        plan = plans.current() if version == "current" else version and _one(plans, version=version)
        chosen = wanted.get("predictions")
        predictions = chosen and _one(StoredPredictions.objects.filter(study=study), pk=chosen)
        job = start_comparison(
            study=study, plan=plan, predictions=predictions, seed=wanted["seed"], user=request.user
        )  # fmt: skip
        return Response(StartedOut({"job": job.pk}).data, status=202)

    @extend_schema(
        tags=["comparisons"], responses={200: OpenApiResponse(OpenApiTypes.OBJECT, "results.json: schema results/1, or ratings/1 of a rating study")}
    )
    @action(detail=True, methods=["get"], renderer_classes=[JSONRenderer], filterset_class=None)
    def results(self, request, pk):
        """Everything that the analysis found, exact."""
        return Response(self.get_object().results)

    @extend_schema(tags=["comparisons"], responses={200: serializers.ListSerializer(child=serializers.DictField())})
    @action(
        detail=True, methods=["get"], url_path=r"results/(?P<section>\w+)", url_name="section",
        renderer_classes=[JSONRenderer], filterset_class=None, pagination_class=None,
    )  # fmt: skip
    def section(self, request, pk, section):
        """One section of the results, a list of flat records."""
        comparison = self.get_object()
        if section_called(comparison.results, section) is None:
            raise NotFound(f'This comparison has no section "{section}".')
        return Response(comparison.results[section])

    @extend_schema(tags=["comparisons"], responses=ChangesOut)
    @action(
        detail=True, methods=["get"], url_path=r"since/(?P<other>\d+)", filterset_class=None, pagination_class=None
    )  # fmt: skip
    def since(self, request, pk, other):
        """What changed from the comparison `other` of the same study to this one: inputs, and every answer."""
        comparison = self.get_object()
        before = get_object_or_404(self.get_queryset(), study=comparison.study, pk=other)
        return Response(ChangesOut(changes_between(before, comparison)).data)

    @extend_schema(tags=["comparisons"], responses={(200, "application/zip"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"], filterset_class=None, pagination_class=None)
    def bundle(self, request, pk):
        """One ZIP: what went in, tables, figures, the report, the check in R, and the program that makes all of it again."""
        comparison = self.get_object()
        response = HttpResponse(bundle(comparison=comparison), content_type="application/zip")
        response["Content-Disposition"] = f'attachment; filename="{bundle_name(comparison)}.zip"'
        return response

    @extend_schema(tags=["comparisons"], request=None, responses={202: StartedOut})
    @action(detail=True, methods=["post"])
    def documents(self, request, pk):
        """Make the report as a tagged PDF, and the tables for Word, in the background."""
        comparison = self.get_object()
        study_to_change(request.user, comparison.study.slug)
        job = start_documents(comparison=comparison, user=request.user)
        return Response(StartedOut({"job": job.pk}).data, status=202)

    @extend_schema(tags=["comparisons"], request=None, responses={202: StartedOut})
    @action(detail=True, methods=["post"])
    def check(self, request, pk):
        """Run the comparison again in the background and compare every byte."""
        comparison = self.get_object()
        study_to_change(request.user, comparison.study.slug)
        return Response(StartedOut({"job": start_check(comparison=comparison, user=request.user).pk}).data, status=202)


def _one(queryset, **wanted):
    found = queryset.filter(**wanted).first()
    if found is None:
        name, value = next(iter(wanted.items()))
        raise serializers.ValidationError(f"This study has no {queryset.model._meta.verbose_name} with {name} {value}.")
    return found


@extend_schema_view(list=extend_schema(tags=["plans"]), retrieve=extend_schema(tags=["plans"]))
class PlanViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Stamped versions of analysis plans, the newest first."""

    serializer_class = PlanOut
    filterset_class = PlanFilter
    queryset = AnalysisPlan.objects.none()
    lookup_value_regex = r"\d+"

    def get_queryset(self):
        studies = studies_with(self.request.user, *READING_ROLES)
        return AnalysisPlan.objects.filter(study__in=studies).select_related("study").order_by("study", "-version")

    @extend_schema(tags=["plans"], request=PlanIn, responses={201: PlanOut})
    def create(self, request):
        """Check a plan and stamp it as the next version; the current text again returns the current version."""
        data = PlanIn(data=request.data)
        data.is_valid(raise_exception=True)
        study = study_to_change(request.user, data.validated_data["study"])
        plan = stamp_plan(study=study, text=data.validated_data["text"], user=request.user)
        return Response(PlanOut(plan).data, status=201)
