"""Runs, members, ensembles, predictions and attributions as resources; reference classes and files are for roles that
may see them. Starting and stopping is for engineers and coordinators."""

import django_filters
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from imagebank.models import Job, Study
from imagebank.permissions import TRUTH_ROLES, Role, has_role
from imagebank.study_access import study_called
from imagebank.tables import CsvRenderer
from models_ml.core.config import PRESETS
from models_ml.models import AttributionMap, AttributionSet, Ensemble, Member, Prediction, TrainingRun
from models_ml.services.auxiliary import auxiliary_sets, change_label_table, label_table
from models_ml.services.explaining import start_attribution
from models_ml.services.training import cancel_run, resume_run, start_run

CHANGING_ROLES = (Role.ENGINEER, Role.COORDINATOR)


def studies_of(user):
    """Studies whose networks this person may see: those in which they may see reference classes."""
    studies = Study.objects.visible_to(user)
    return studies if user.is_superuser else studies.filter(members__user=user, members__role__in=TRUTH_ROLES)


def row_number(field: str) -> django_filters.NumberFilter:
    """A filter by the number of a row; larger numbers than the database knows are refused in words."""
    return django_filters.NumberFilter(field_name=field, min_value=0, max_value=2**31 - 1)


NOT_TRAINING = "Your role in this study does not include training networks."


def require_change(user, study: Study) -> None:
    if not has_role(user, study, *CHANGING_ROLES):
        raise PermissionDenied(NOT_TRAINING)


def study_to_change(user, slug: str) -> Study:
    return study_called(user, slug, *CHANGING_ROLES, refusal=NOT_TRAINING)


@extend_schema_view(list=extend_schema(tags=["networks"]), retrieve=extend_schema(tags=["networks"]))
class NetworkViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Read-only rows of the studies that this person may see; also as CSV."""

    renderer_classes = (JSONRenderer, CsvRenderer)
    study_path = "study"

    def get_queryset(self):
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return super().get_queryset().filter(**{f"{self.study_path}__in": studies_of(self.request.user)})


class RunOut(serializers.ModelSerializer):
    study = serializers.SlugField(source="study.slug")
    state = serializers.ChoiceField(choices=TrainingRun.State.choices)
    job = serializers.UUIDField(source="job_id", allow_null=True)
    percent = serializers.SerializerMethodField()
    members_done = serializers.IntegerField()
    held_out_balanced_accuracy = serializers.SerializerMethodField()

    class Meta:
        model = TrainingRun
        fields = (
            "id", "study", "name", "view", "state", "origin", "preset", "seed", "folds", "members_done", "complete",
            "classes", "own_classes", "auxiliary", "classes_sha256", "fingerprint", "manifest_fingerprint", "other_pictures",
            "temperature", "tta_views",
            "held_out_balanced_accuracy", "job", "percent", "created_at",
        )  # fmt: skip

    def get_percent(self, run) -> int | None:
        return run.job.percent if run.job else None

    def get_held_out_balanced_accuracy(self, run) -> float | None:
        return run.out_of_fold["balanced_accuracy"]["value"] if run.out_of_fold else None


class RunIn(serializers.Serializer):
    study = serializers.SlugField()
    name = serializers.SlugField(max_length=60)
    view = serializers.SlugField()
    preset = serializers.ChoiceField(choices=list(PRESETS), default="tiny")
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=0)
    folds = serializers.IntegerField(min_value=2, max_value=20, required=False)
    only_folds = serializers.ListField(child=serializers.IntegerField(min_value=0, max_value=99), default=list)
    fold_source = serializers.ChoiceField(choices=["recorded", "grouped"], required=False)
    auxiliary = serializers.ListField(
        child=serializers.CharField(max_length=100), default=list, help_text="Names of sets of auxiliary pictures"
    )
    epochs = serializers.IntegerField(min_value=1, max_value=1000, required=False)
    weights = serializers.CharField(
        max_length=200, required=False, allow_blank=True, help_text="none, hub, or a file in the weights folder"
    )
    changes = serializers.ListField(
        child=serializers.CharField(max_length=300), default=list, help_text="section.name=value"
    )


class RunFilter(django_filters.FilterSet):
    study = django_filters.CharFilter(field_name="study__slug")
    state = django_filters.ChoiceFilter(field_name="state", choices=TrainingRun.State.choices)

    class Meta:
        model = TrainingRun
        fields = ("study", "view", "name", "origin", "state")


class RunViewSet(NetworkViewSet):
    """Training runs: follow them, start, cancel and continue them."""

    serializer_class = RunOut
    filterset_class = RunFilter
    queryset = TrainingRun.objects.for_list()

    def shown(self, run: TrainingRun) -> dict:
        return RunOut(TrainingRun.objects.for_list().get(pk=run.pk)).data

    def get_run_to_change(self) -> TrainingRun:
        run = get_object_or_404(self.get_queryset(), pk=self.kwargs["pk"])
        require_change(self.request.user, run.study)
        return run

    @extend_schema(tags=["networks"], request=RunIn, responses={201: RunOut})
    def create(self, request):
        """Check and queue a training run."""
        data = RunIn(data=request.data)
        data.is_valid(raise_exception=True)
        asked = dict(data.validated_data)
        study = study_to_change(request.user, asked.pop("study"))
        run = start_run(study=study, preset_name=asked.pop("preset"), user=request.user, **asked)
        return Response(self.shown(run), status=201)

    @extend_schema(tags=["networks"], request=None, responses=RunOut)
    @action(detail=True, methods=["post"])
    def cancel(self, request, pk):
        """Stop after the present step; trained members stay usable."""
        return Response(self.shown(cancel_run(run=self.get_run_to_change())))

    @extend_schema(tags=["networks"], request=None, responses=RunOut)
    @action(detail=True, methods=["post"])
    def resume(self, request, pk):
        """Continue a cancelled or failed run exactly where it stopped."""
        return Response(self.shown(resume_run(run=self.get_run_to_change())))


class AuxiliarySetOut(serializers.Serializer):
    name = serializers.CharField()
    pictures = serializers.IntegerField()
    labels = serializers.DictField(child=serializers.IntegerField(), help_text="How often each published label occurs")
    problem = serializers.CharField(allow_blank=True)


class AuxiliaryIn(serializers.Serializer):
    labels = serializers.DictField(
        child=serializers.CharField(max_length=50, allow_blank=True),
        help_text="Published label to class; empty: left out",
    )


class AuxiliaryOut(AuxiliaryIn):
    study = serializers.SlugField()
    sets = AuxiliarySetOut(many=True)


class AuxiliaryViewSet(viewsets.GenericViewSet):
    """Auxiliary pictures on the server, and a study's table of what their labels stand for."""

    serializer_class = AuxiliaryOut
    lookup_field = "slug"
    queryset = Study.objects.none()

    def shown(self, study: Study) -> dict:
        return AuxiliaryOut({"study": study.slug, "sets": auxiliary_sets(), "labels": label_table(study)}).data

    @extend_schema(tags=["networks"], responses=AuxiliaryOut)
    def retrieve(self, request, slug):
        return Response(self.shown(study_to_change(request.user, slug)))

    @extend_schema(tags=["networks"], request=AuxiliaryIn, responses=AuxiliaryOut)
    def update(self, request, slug):
        """Replace the study's table; runs that were started keep theirs."""
        study = study_to_change(request.user, slug)
        data = AuxiliaryIn(data=request.data)
        data.is_valid(raise_exception=True)
        change_label_table(study=study, labels=data.validated_data["labels"], user=request.user)
        return Response(self.shown(study))


class MemberOut(serializers.ModelSerializer):
    study = serializers.SlugField(source="run.study.slug")

    class Meta:
        model = Member
        fields = (
            "id", "study", "run", "name", "fold", "status", "complete", "epochs_done", "best_epoch", "score",
            "weights_sha256", "seconds",
        )  # fmt: skip


class MemberFilter(django_filters.FilterSet):
    study = django_filters.CharFilter(field_name="run__study__slug")
    run = row_number("run_id")

    class Meta:
        model = Member
        fields = ("study", "run", "complete")


class MemberViewSet(NetworkViewSet):
    """The networks of the runs, one per fold."""

    serializer_class = MemberOut
    filterset_class = MemberFilter
    queryset = Member.objects.select_related("run__study").order_by("run_id", "fold")
    study_path = "run__study"


class EnsembleOut(serializers.ModelSerializer):
    study = serializers.SlugField(source="study.slug")
    accuracy = serializers.SerializerMethodField()
    accuracy_low = serializers.SerializerMethodField()
    accuracy_high = serializers.SerializerMethodField()

    class Meta:
        model = Ensemble
        fields = (
            "id", "study", "run", "name", "view", "rule", "threshold", "inclusive", "fallback", "restrict",
            "calibrated", "accuracy", "accuracy_low", "accuracy_high", "created_at",
        )  # fmt: skip

    def estimate(self, ensemble, part: str) -> float | None:
        return ensemble.judged["accuracy_clustered"][part] if ensemble.judged else None

    def get_accuracy(self, ensemble) -> float | None:
        return self.estimate(ensemble, "value")

    def get_accuracy_low(self, ensemble) -> float | None:
        return self.estimate(ensemble, "ci_low")

    def get_accuracy_high(self, ensemble) -> float | None:
        return self.estimate(ensemble, "ci_high")


class EnsembleFilter(django_filters.FilterSet):
    study = django_filters.CharFilter(field_name="study__slug")

    class Meta:
        model = Ensemble
        fields = ("study", "name", "view", "rule")


class EnsembleViewSet(NetworkViewSet):
    """Members under a rule, with their accuracy on the test items."""

    serializer_class = EnsembleOut
    filterset_class = EnsembleFilter
    queryset = Ensemble.objects.select_related("study").order_by("study_id", "name", "view")


class PredictionOut(serializers.ModelSerializer):
    study = serializers.SlugField(source="run.study.slug")
    item = serializers.CharField(source="item.code")
    member = serializers.CharField(source="member.name", allow_null=True, default=None)
    ensemble = serializers.CharField(source="ensemble.name", allow_null=True, default=None)
    truth = serializers.SerializerMethodField()
    probabilities = serializers.ListField(child=serializers.FloatField(), help_text="In the order of the run's classes")

    class Meta:
        model = Prediction
        fields = (
            "id", "study", "run", "member", "ensemble", "item", "view", "truth", "answer", "confidence",
            "members_used", "members", "members_agreeing", "fallback", "probabilities",
        )  # fmt: skip

    def get_truth(self, row) -> str | None:
        return row.item.truth.diagnosis.code if hasattr(row.item, "truth") else None


class PredictionFilter(django_filters.FilterSet):
    study = django_filters.CharFilter(field_name="run__study__slug")
    run = row_number("run_id")
    ensemble = django_filters.CharFilter(field_name="ensemble__name")
    item = django_filters.CharFilter(field_name="item__code")
    of = django_filters.ChoiceFilter(choices=[("members", "members"), ("ensembles", "ensembles")], method="of_whom")
    outcome = django_filters.ChoiceFilter(choices=[("right", "right"), ("wrong", "wrong")], method="by_outcome")

    class Meta:
        model = Prediction
        fields = ("study", "run", "view", "ensemble", "item", "answer", "of", "outcome")

    def of_whom(self, rows, name, value):
        return rows.of_members() if value == "members" else rows.of_ensembles()

    def by_outcome(self, rows, name, value):
        return rows.right() if value == "right" else rows.wrong()


class PredictionViewSet(NetworkViewSet):
    """Class probabilities of members and ensembles."""

    serializer_class = PredictionOut
    filterset_class = PredictionFilter
    queryset = Prediction.objects.select_related("run__study", "member", "ensemble", "item__truth__diagnosis").order_by("pk")
    study_path = "run__study"


class AttributionOut(serializers.ModelSerializer):
    study = serializers.SlugField(source="ensemble.study.slug")
    ensemble = serializers.CharField(source="ensemble.name")
    view = serializers.CharField(source="ensemble.view")
    job = serializers.UUIDField(source="job_id", allow_null=True)
    state = serializers.SerializerMethodField()

    class Meta:
        model = AttributionSet
        fields = (
            "id", "study", "ensemble", "view", "method", "baseline", "controls", "limit", "job", "state", "created_at",
        )  # fmt: skip

    def get_state(self, made) -> str | None:
        return made.job.state if made.job else None


class AttributionIn(serializers.Serializer):
    study = serializers.SlugField()
    ensemble = serializers.SlugField(help_text="name")
    view = serializers.SlugField()
    method = serializers.ChoiceField(choices=AttributionSet.Method.choices, default="integrated-gradients")
    baseline = serializers.ChoiceField(choices=AttributionSet.Baseline.choices, default="blur")
    controls = serializers.IntegerField(min_value=1, max_value=10, default=2)
    limit = serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False)
    marks = serializers.FileField(
        required=False, help_text="A ZIP of masks, sticker/ITEM.png, clothing/ITEM.png ...; send as multipart/form-data"
    )


class AttributionFilter(django_filters.FilterSet):
    study = django_filters.CharFilter(field_name="ensemble__study__slug")
    ensemble = django_filters.CharFilter(field_name="ensemble__name")
    view = django_filters.CharFilter(field_name="ensemble__view")

    class Meta:
        model = AttributionSet
        fields = ("study", "ensemble", "view", "method")


class AttributionViewSet(NetworkViewSet):
    """Sets of attribution maps, each made by one job; their maps are listed under `attribution-maps`."""

    serializer_class = AttributionOut
    filterset_class = AttributionFilter
    queryset = AttributionSet.objects.select_related("ensemble__study", "job").order_by("pk")
    study_path = "ensemble__study"

    @extend_schema(tags=["networks"], request=AttributionIn, responses={201: AttributionOut})
    def create(self, request):
        """Queue the maps of an ensemble's answers."""
        data = AttributionIn(data=request.data)
        data.is_valid(raise_exception=True)
        asked = dict(data.validated_data)
        study = study_to_change(request.user, asked.pop("study"))
        ensemble = get_object_or_404(
            study.ensembles.select_related("run__study", "study"), name=asked.pop("ensemble"), view=asked.pop("view")
        )
        made = start_attribution(ensemble=ensemble, user=request.user, **asked)
        return Response(AttributionOut(made).data, status=201)

    @extend_schema(tags=["networks"], request=None, responses=AttributionOut)
    @action(detail=True, methods=["post"])
    def cancel(self, request, pk):
        """Stop after the present item; what was computed is kept for the next attempt."""
        from imagebank.jobs import cancel_job

        made = get_object_or_404(self.get_queryset(), pk=pk)
        require_change(request.user, made.ensemble.study)
        if made.job is not None:
            cancel_job(job=Job.objects.get(pk=made.job_id))
            made = self.get_queryset().get(pk=made.pk)
        return Response(AttributionOut(made).data)


class MapOut(serializers.ModelSerializer):
    study = serializers.SlugField(source="attribution_set.ensemble.study.slug")
    item = serializers.CharField(source="item.code")
    mass = serializers.SerializerMethodField()
    control_mass = serializers.SerializerMethodField()
    scores = serializers.JSONField()
    control = serializers.JSONField()
    regions = serializers.JSONField()

    class Meta:
        model = AttributionMap
        fields = (
            "id", "study", "attribution_set", "item", "view", "target", "target_class", "minus_class", "answer",
            "method", "gap", "why", "steps", "members_used", "weights_sha256", "mask_share", "mass", "control_mass",
            "scores", "control", "regions",
        )  # fmt: skip

    def get_mass(self, row) -> float | None:
        return row.scores.get("mass")

    def get_control_mass(self, row) -> float | None:
        return row.control.get("mass")


class MapFilter(django_filters.FilterSet):
    study = django_filters.CharFilter(field_name="attribution_set__ensemble__study__slug")
    attribution_set = row_number("attribution_set_id")
    item = django_filters.CharFilter(field_name="item__code")

    class Meta:
        model = AttributionMap
        fields = ("study", "attribution_set", "item", "target", "answer")


class MapViewSet(NetworkViewSet):
    """Attribution maps with their scores, their control and the completeness gap."""

    serializer_class = MapOut
    filterset_class = MapFilter
    queryset = AttributionMap.objects.select_related("attribution_set__ensemble__study", "item").order_by("pk")
    study_path = "attribution_set__ensemble__study"


routes = [
    ("runs", RunViewSet, "api-run"),
    ("members", MemberViewSet, "api-member"),
    ("ensembles", EnsembleViewSet, "api-ensemble"),
    ("predictions", PredictionViewSet, "api-prediction"),
    ("auxiliary-pictures", AuxiliaryViewSet, "api-auxiliary"),
    ("attributions", AttributionViewSet, "api-attribution"),
    ("attribution-maps", MapViewSet, "api-attribution-map"),
]
