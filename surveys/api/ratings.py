"""The table of ratings of a rating study, truth included, for coordinators and analysts."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.response import Response

from surveys.api.access import READS_RESULTS, OfMyStudies
from surveys.api.readings import records
from surveys.exports.files import RATINGS
from surveys.models import SurveyItem
from surveys.services import analysis_frame, ratings_frame


class RatingOut(serializers.Serializer):
    """One row of ratings.csv: a rater, a page, a question, with what was shown and the answer that stands."""

    rater = serializers.CharField()
    group = serializers.CharField()
    item = serializers.CharField(help_text="Code of the stimulus.")
    condition = serializers.CharField(allow_blank=True)
    truth = serializers.CharField(help_text="real, generated, left, right, forward or reversed, by the kind of stimulus.")
    question = serializers.CharField()
    value = serializers.CharField(allow_blank=True, help_text="The answer as text, lists as JSON; empty: none.")
    confidence = serializers.FloatField(allow_null=True)
    position = serializers.IntegerField()
    repeat_of = serializers.IntegerField(allow_null=True, help_text="Position of the first showing, for a repeat.")
    rt_ms = serializers.FloatField(allow_null=True)
    simulated = serializers.BooleanField()
    question_kind = serializers.CharField()
    stimulus_kind = serializers.ChoiceField(choices=["single", "pair", "strip", "grid"])
    role = serializers.ChoiceField(choices=["rated", "catch", "practice"])
    label = serializers.CharField(allow_blank=True, help_text="The class that it is stated to show.")
    presented = serializers.CharField(help_text="Codes of the items in the order shown.")
    survey = serializers.CharField()
    block = serializers.IntegerField()
    answered_at = serializers.CharField(allow_blank=True)
    completed_at = serializers.CharField(allow_blank=True)
    analysed = serializers.BooleanField()


FILTERS = ("rater", "group", "item", "condition", "question", "stimulus_kind", "role")


class RatingViewSet(OfMyStudies, viewsets.GenericViewSet):
    """Ratings of one rating study, as ratings.csv has them."""

    roles = READS_RESULTS
    serializer_class = RatingOut
    filter_backends = ()
    queryset = SurveyItem.objects.none()

    @extend_schema(
        tags=["ratings"],
        parameters=[
            OpenApiParameter("study", str, required=True, description="The study's slug."),
            OpenApiParameter("analysed", bool, description="Only the first complete sitting of each seat."),
            OpenApiParameter(
                "for_analysis", bool,
                description="With format=csv: the columns that `python -m benchmark.core ratings` reads.",
            ),
            *(OpenApiParameter(name, str, description=RATINGS[name]) for name in FILTERS),
        ],
        responses=RatingOut(many=True),
    )  # fmt: skip
    def list(self, request):
        """Rows of the table, a page at a time as JSON; as CSV (`?format=csv`) the whole table at once."""
        study = get_object_or_404(self.my_studies(), slug=request.query_params.get("study", "").replace("\x00", ""))
        frame = ratings_frame(study=study, analysed_only=_asked(request, "analysed"))
        for name in FILTERS:
            if name in request.query_params:
                frame = frame[frame[name].astype(str) == request.query_params[name]]
        if request.accepted_renderer.format == "csv":
            return Response(records(analysis_frame(frame) if _asked(request, "for_analysis") else frame))
        page = self.paginate_queryset(range(len(frame)))
        return self.get_paginated_response(RatingOut(records(frame.iloc[list(page)]), many=True).data)


def _asked(request, name: str) -> bool:
    return serializers.BooleanField().to_internal_value(request.query_params.get(name, "false"))
