"""Comparisons, analysis plans and planning as resources; the same services, the same roles as the pages."""

import django_filters
from django.core.exceptions import ValidationError as Refusal
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmark.assistance_api import AssistanceViewSet
from benchmark.core.planning.closed_form import Spread
from benchmark.models import AnalysisPlan, Comparison, StoredPredictions
from benchmark.outside_api import OutsideReadings
from benchmark.presenting import section_called
from benchmark.protocol_api import ProtocolViewSet
from benchmark.rating_api import RatingPlanning
from benchmark.record_api import RecordViewSet
from benchmark.rehearsal_api import RehearsalViewSet
from benchmark.services.bundle import bundle, bundle_name
from benchmark.services.checking import changes_between
from benchmark.services.planning import plan_design, spread_from_model
from benchmark.services.plans import stamp_plan
from benchmark.services.region_sums import newest_sum, start_region_sum
from benchmark.services.starting import start_check, start_comparison, start_documents, start_simulation
from benchmark.views import READING_ROLES, STARTING_ROLES
from imagebank.models import Study
from imagebank.permissions import has_role
from models_ml.models import AttributionSet

LARGEST_SEED = 2**31 - 1


def studies_with_role(user, *roles) -> list[Study]:
    return [study for study in Study.objects.visible_to(user) if has_role(user, study, *roles)]


def study_to_change(user, slug: str) -> Study:
    """The study called `slug` in which `user` may start work; unknown to strangers, refused to other roles."""
    study = get_object_or_404(Study.objects.visible_to(user), slug=slug)
    if not has_role(user, study, *STARTING_ROLES):
        raise PermissionDenied("Starting comparisons and stamping plans is for this study's analysts and coordinators.")
    return study


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


class StartedOut(serializers.Serializer):
    job = serializers.UUIDField(help_text="Follow it at /api/jobs/; its result names the comparison.")


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
        studies = studies_with_role(self.request.user, *READING_ROLES)
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
        studies = studies_with_role(self.request.user, *READING_ROLES)
        return AnalysisPlan.objects.filter(study__in=studies).select_related("study").order_by("study", "-version")

    @extend_schema(tags=["plans"], request=PlanIn, responses={201: PlanOut})
    def create(self, request):
        """Check a plan and stamp it as the next version; the current text again returns the current version."""
        data = PlanIn(data=request.data)
        data.is_valid(raise_exception=True)
        study = study_to_change(request.user, data.validated_data["study"])
        plan = stamp_plan(study=study, text=data.validated_data["text"], user=request.user)
        return Response(PlanOut(plan).data, status=201)


class PlanningIn(serializers.Serializer):
    """A design and where its spread comes from: SDs on the logit scale, or SDs of one reading's difference."""

    readers = serializers.IntegerField(min_value=3, max_value=2000)
    classes = serializers.IntegerField(min_value=1, max_value=200)
    per_class = serializers.IntegerField(min_value=2, max_value=2000)
    per_survey = serializers.IntegerField(min_value=1, max_value=200)
    anchors = serializers.IntegerField(min_value=0, max_value=199, default=0, help_text="Of them, per class, in every survey.")
    accuracy_readers = serializers.FloatField(min_value=0.01, max_value=0.99, default=0.75)
    difference = serializers.FloatField(min_value=-0.6, max_value=0.6, default=0.1)
    sd_reader = serializers.FloatField(min_value=0, max_value=3, default=0.35)
    sd_item = serializers.FloatField(min_value=0, max_value=4, default=1.0)
    correlation = serializers.FloatField(min_value=0, max_value=1, default=0.5)
    spread = serializers.ListField(
        child=serializers.FloatField(min_value=0, max_value=1), min_length=3, max_length=3, required=False,
        help_text="SDs of one reading's difference between readers, between images, residual; replaces the logit SDs.",
    )  # fmt: skip


class PrecisionOut(serializers.Serializer):
    se = serializers.FloatField()
    half_width = serializers.FloatField()
    power = serializers.FloatField()
    detectable = serializers.FloatField(help_text="The difference found with 95 % power.")


class PlanningOut(serializers.Serializer):
    readers = serializers.IntegerField(source="design.readers")
    items = serializers.IntegerField(source="design.items")
    per_reader = serializers.IntegerField(source="design.per_reader")
    difference = serializers.FloatField()
    these_images = PrecisionOut()
    new_images = PrecisionOut()
    largest_sd = serializers.FloatField(help_text="SD of readers' differences up to which power is 95 %.")
    items_and_readers_needed = serializers.ListField(
        source="needed", child=serializers.IntegerField(), allow_null=True, help_text="For 95 % power on new images."
    )
    equivalence_margin = serializers.FloatField()


class Planning(APIView):
    """Power and precision of a design for both questions, by closed form. Needs no study."""

    @extend_schema(tags=["planning"], request=PlanningIn, responses=PlanningOut)
    def post(self, request):
        data = PlanningIn(data=request.data)
        data.is_valid(raise_exception=True)
        wanted = dict(data.validated_data)
        sds = wanted.pop("spread", None)
        names = ("accuracy_readers", "difference", "sd_reader", "sd_item", "correlation")
        world = {name: wanted.pop(name) for name in names}
        if sds is not None and not any(sds):
            raise Refusal("At least one spread above 0 is needed.")
        spread = Spread(*(sd**2 for sd in sds)) if sds else spread_from_model(**world)
        planned = plan_design(**wanted, difference=world["difference"], spread=spread)
        return Response(PlanningOut(planned).data)


class SimulationIn(PlanningIn):
    """The design, how readers and images vary on the logit scale, and how many studies of it to simulate."""

    study = serializers.SlugField(help_text="The study among whose jobs it runs.")
    spread = None
    studies = serializers.IntegerField(min_value=100, max_value=20_000, default=2000)
    seed = serializers.IntegerField(min_value=0, max_value=LARGEST_SEED, default=0)


class Simulation(APIView):
    """Whole studies of a design, simulated in the background: what each test does. A difference of 0 counts false alarms."""

    @extend_schema(tags=["planning"], request=SimulationIn, responses={202: StartedOut})
    def post(self, request):
        data = SimulationIn(data=request.data)
        data.is_valid(raise_exception=True)
        wanted = dict(data.validated_data)
        study = study_to_change(request.user, wanted.pop("study"))
        job = start_simulation(study=study, user=request.user, **wanted)
        return Response(StartedOut({"job": job.pk}).data, status=202)


class RegionSums(APIView):
    """What readers marked against the maps of one attribution: the last sum, or a new one."""

    def get_set(self, pk: int) -> AttributionSet:
        sets = AttributionSet.objects.filter(ensemble__study__in=studies_with_role(self.request.user, *READING_ROLES))
        return get_object_or_404(sets.select_related("ensemble__run__study", "ensemble__study__protocol"), pk=pk)

    @extend_schema(tags=["networks"], responses=OpenApiTypes.OBJECT)
    def get(self, request, pk):
        """Per group: overlap, the same of networks of random weights, difference, chance, each with its interval."""
        job = newest_sum(self.get_set(pk))
        if job is None or not job.result:
            raise NotFound("This sum has not been made, or is being made; start it by POST.")
        return Response(job.result)

    @extend_schema(tags=["networks"], request=None, responses={202: StartedOut})
    def post(self, request, pk):
        """Sum up in the background."""
        job = start_region_sum(made=self.get_set(pk), user=request.user)
        return Response(StartedOut({"job": job.pk}).data, status=202)


routes = [
    ("comparisons", ComparisonViewSet, "api-comparison"),
    ("plans", PlanViewSet, "api-plan"),
    ("assistance", AssistanceViewSet, "api-assistance"),
    ("protocols", ProtocolViewSet, "api-protocol"),
    ("records", RecordViewSet, "api-record"),
    ("rehearsals", RehearsalViewSet, "api-rehearsal"),
]
urlpatterns = [
    path("readings/import/", OutsideReadings.as_view(), name="api-readings-import"),
    path("planning/", Planning.as_view(), name="api-planning"),
    path("planning/ratings/", RatingPlanning.as_view(), name="api-planning-ratings"),
    path("planning/simulate/", Simulation.as_view(), name="api-planning-simulate"),
    path("attributions/<int:pk>/regions/", RegionSums.as_view(), name="api-region-sums"),
]
