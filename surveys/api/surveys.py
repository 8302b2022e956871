"""Survey sets with design and certificate, surveys, and seats with their live state."""

import django_filters
from django.db.models import Count, Prefetch
from drf_spectacular.utils import OpenApiTypes, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from imagebank.permissions import allowed_in_archive
from surveys.api.access import OfMyStudies, StudyField, require_coordinator
from surveys.coordination.seat_grid import live_cells
from surveys.models import Block, Seat, Survey, SurveyItem, SurveySet
from surveys.services import create_survey_set, release_expired_seats, replace_seat, verify_survey_set


class SurveySetOut(serializers.ModelSerializer):
    study = serializers.SlugField(source="study.slug")
    surveys = serializers.SerializerMethodField()
    promises_hold = serializers.BooleanField(source="certificate.promises_hold")

    class Meta:
        model = SurveySet
        fields = ("id", "study", "seed", "surveys", "promises_hold", "design_sha256", "created_at")

    def get_surveys(self, survey_set) -> int:
        counted = getattr(survey_set, "number_of_surveys", None)  # a list counts all of its sets at once
        return survey_set.surveys.count() if counted is None else counted


class SurveySetIn(serializers.Serializer):
    study = StudyField()
    seed = serializers.IntegerField(min_value=0, max_value=2**53)


class SurveySetFilter(django_filters.FilterSet):
    study = django_filters.CharFilter(field_name="study__slug")

    class Meta:
        model = SurveySet
        fields = ("study", "seed")


class PropertyOut(serializers.Serializer):
    """One property of the certificate: what is reached, what arithmetic permits at best, and the limit."""

    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=["promise", "balance"])
    meaning = serializers.CharField()
    reached = serializers.FloatField(allow_null=True)
    best = serializers.FloatField(allow_null=True)
    limit = serializers.FloatField(allow_null=True)
    holds = serializers.BooleanField()
    detail = serializers.CharField(allow_blank=True)
    problems = serializers.ListField(child=serializers.CharField(), required=False)


class CertificateOut(serializers.Serializer):
    promises_hold = serializers.BooleanField()
    properties = PropertyOut(many=True)


@extend_schema(tags=["surveys"])
class SurveySetViewSet(
    OfMyStudies, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet
):  # fmt: skip
    """The surveys of your studies as drawn, once per study."""

    serializer_class = SurveySetOut
    queryset = SurveySet.objects.none()
    filterset_class = SurveySetFilter

    def get_queryset(self):
        rows = SurveySet.objects.filter(study__in=self.my_studies()).select_related("study")
        return rows.annotate(number_of_surveys=Count("surveys")).order_by("study", "pk")

    @extend_schema(request=SurveySetIn, responses={201: SurveySetOut})
    def create(self, request):
        """Draw the surveys of a study from a seed; the same seed again answers with the same set."""
        data = SurveySetIn(data=request.data, context=self.get_serializer_context())
        data.is_valid(raise_exception=True)
        require_coordinator(request.user, data.validated_data["study"])
        return Response(SurveySetOut(create_survey_set(**data.validated_data)).data, status=201)

    @extend_schema(responses=OpenApiTypes.OBJECT, description="The whole design.json, as drawn.")
    @action(detail=True, renderer_classes=[JSONRenderer])
    def design(self, request, pk):
        return Response(self.get_object().design)

    @extend_schema(responses=CertificateOut, description="The certificate that was stored with the design.")
    @action(detail=True, renderer_classes=[JSONRenderer])
    def certificate(self, request, pk):
        return Response(CertificateOut(self.get_object().certificate).data)

    @extend_schema(request=None, responses=CertificateOut)
    @action(detail=True, methods=["post"], renderer_classes=[JSONRenderer])
    @allowed_in_archive
    def verify(self, request, pk):
        """Recompute the certificate from the stored surveys. Changes nothing."""
        return Response(CertificateOut(verify_survey_set(survey_set=self.get_object()).certificate).data)


class BlockOut(serializers.ModelSerializer):
    items = serializers.SerializerMethodField()

    class Meta:
        model = Block
        fields = ("position", "view", "items")

    def get_items(self, block) -> list[str]:
        return [row.item.code for row in block.survey_items.all()]


class SurveyOut(serializers.ModelSerializer):
    study = serializers.SlugField(source="survey_set.study.slug")
    blocks = BlockOut(many=True)

    class Meta:
        model = Survey
        fields = ("id", "study", "code", "number", "set_label", "blocks")


class SurveyFilter(django_filters.FilterSet):
    study = django_filters.CharFilter(field_name="survey_set__study__slug")

    class Meta:
        model = Survey
        fields = ("study", "code", "set_label")


@extend_schema(tags=["surveys"])
class SurveyViewSet(OfMyStudies, viewsets.ReadOnlyModelViewSet):
    """Surveys with their blocks and the items in reading order; an item that comes a second time stands twice."""

    serializer_class = SurveyOut
    queryset = Survey.objects.none()
    filterset_class = SurveyFilter

    def get_queryset(self):
        rows = Survey.objects.filter(survey_set__study__in=self.my_studies()).select_related("survey_set__study")
        items = Prefetch("blocks__survey_items", SurveyItem.objects.select_related("item"))
        return rows.prefetch_related(items).order_by("survey_set", "number")


class SeatOut(serializers.ModelSerializer):
    """`answered`, `questions`, `last_answer_at` and `link_expires_at` are null for replaced seats."""

    study = serializers.SlugField(source="group.study.slug")
    survey = serializers.CharField(source="survey.code")
    group = serializers.SlugField(source="group.code")
    reader = serializers.CharField(source="reader.code", allow_null=True, default=None)
    simulated = serializers.SerializerMethodField()
    answered = serializers.SerializerMethodField()
    questions = serializers.SerializerMethodField()
    last_answer_at = serializers.SerializerMethodField()
    link_expires_at = serializers.SerializerMethodField()

    class Meta:
        model = Seat
        fields = (
            "id", "study", "survey", "group", "state", "reader", "simulated", "changed_at", "answered", "questions",
            "last_answer_at", "link_expires_at",
        )  # fmt: skip

    def _cell(self, seat, name: str):
        return getattr(self.context.get("cells", {}).get(seat.pk), name, None)

    def get_simulated(self, seat) -> bool:
        return bool(seat.reader and seat.reader.simulated)

    def get_answered(self, seat) -> int | None:
        return self._cell(seat, "answered")

    def get_questions(self, seat) -> int | None:
        return self._cell(seat, "questions")

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_last_answer_at(self, seat):
        return self._cell(seat, "last_answer_at")

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_link_expires_at(self, seat):
        return self._cell(seat, "expires_at")


class SeatFilter(django_filters.FilterSet):
    study = django_filters.CharFilter(field_name="group__study__slug")
    survey = django_filters.CharFilter(field_name="survey__code")
    group = django_filters.CharFilter(field_name="group__code")

    class Meta:
        model = Seat
        fields = ("study", "survey", "group", "state")


class ReplaceIn(serializers.Serializer):
    let_reader_finish = serializers.BooleanField(default=False)


class ReleasedOut(serializers.Serializer):
    released = serializers.IntegerField()


class ReleaseIn(serializers.Serializer):
    study = StudyField()


@extend_schema_view(list=extend_schema(tags=["seats"]), retrieve=extend_schema(tags=["seats"]))
class SeatViewSet(OfMyStudies, viewsets.ReadOnlyModelViewSet):
    """Seats with their live state: who, since when, and how far; nothing about right or wrong."""

    serializer_class = SeatOut
    queryset = Seat.objects.none()
    filterset_class = SeatFilter

    def get_queryset(self):
        rows = Seat.objects.filter(group__study__in=self.my_studies()).select_related(
            "survey", "group__study", "reader"
        )
        return rows.order_by("group__study", "survey__number", "group__position", "pk")

    def get_serializer(self, *args, **kwargs):
        """With the live state of the seats of this page, looked up study by study."""
        rows = args[:1] if args and isinstance(args[0], Seat) else args[0] if args else []
        kwargs["context"] = self.get_serializer_context() | {"cells": cells_of(rows)}
        return SeatOut(*args, **kwargs)

    @extend_schema(tags=["seats"], request=ReplaceIn, responses=SeatOut)
    @action(detail=True, methods=["post"])
    def replace(self, request, pk):
        """Close an invited or started seat; answers with the free one that takes its place."""
        data = ReplaceIn(data=request.data)
        data.is_valid(raise_exception=True)
        return Response(self.get_serializer(replace_seat(seat=self.get_object(), **data.validated_data)).data)

    @extend_schema(tags=["seats"], request=ReleaseIn, responses=ReleasedOut)
    @action(detail=False, methods=["post"])
    def release(self, request):
        """Free every seat of a study whose links have all expired."""
        data = ReleaseIn(data=request.data, context=self.get_serializer_context())
        data.is_valid(raise_exception=True)
        require_coordinator(request.user, data.validated_data["study"])
        return Response({"released": release_expired_seats(**data.validated_data)})


def cells_of(seats: list[Seat]) -> dict:
    """The live cells of `seats` by the seats' keys."""
    by_study: dict = {}
    for seat in seats:
        by_study.setdefault(seat.group.study, []).append(seat.pk)
    return {
        cell.seat.pk: cell
        for study, keys in by_study.items()
        for cell in live_cells(study, Seat.objects.live().filter(pk__in=keys))
    }
