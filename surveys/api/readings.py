"""The long table of readings, truth included, for coordinators and analysts."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.response import Response

from surveys.api.access import READS_RESULTS, OfMyStudies
from surveys.exports.files import READINGS
from surveys.models import SurveyItem
from surveys.services import readings_frame


class ReadingOut(serializers.Serializer):
    """One row of readings.csv: reader, item and view, with the class of reference and the answer that stands."""

    reader = serializers.CharField()
    group = serializers.CharField()
    kind = serializers.ChoiceField(choices=["human", "model"])
    survey = serializers.CharField(allow_blank=True)
    view = serializers.CharField(allow_blank=True)
    block = serializers.CharField(allow_blank=True)
    position = serializers.IntegerField(allow_null=True)
    item = serializers.CharField()
    truth = serializers.CharField(allow_blank=True)
    answer = serializers.CharField(allow_blank=True)
    confidence = serializers.FloatField(allow_null=True)
    rt_ms = serializers.FloatField(allow_null=True)
    answered_at = serializers.CharField(allow_blank=True)
    completed_at = serializers.CharField(allow_blank=True)
    seat = serializers.CharField(allow_blank=True)
    simulated = serializers.BooleanField()
    analysed = serializers.BooleanField()
    anchor = serializers.CharField(required=False, help_text="yes: every survey shows the item; absent where no item is an anchor.")
    showing = serializers.IntegerField(required=False, help_text="2: the item's second showing; absent where nothing comes again.")


FILTERS = ("reader", "group", "kind", "survey", "view", "item")


class ReadingViewSet(OfMyStudies, viewsets.GenericViewSet):
    """Readings of one study, as readings.csv has them."""

    roles = READS_RESULTS
    serializer_class = ReadingOut
    filter_backends = ()
    queryset = SurveyItem.objects.none()

    @extend_schema(
        tags=["readings"],
        parameters=[
            OpenApiParameter("study", str, required=True, description="The study's slug."),
            OpenApiParameter(
                "analysed", bool, description="Only the first complete sitting of each seat, and networks."
            ),
            *(OpenApiParameter(name, str, description=READINGS[name]) for name in FILTERS),
        ],
        responses=ReadingOut(many=True),
    )
    def list(self, request):
        """Rows of the long table, a page at a time as JSON; as CSV (`?format=csv`) the whole table at once."""
        study = get_object_or_404(self.my_studies(), slug=_plain(request.query_params.get("study", "")))
        wanted = serializers.BooleanField().to_internal_value(request.query_params.get("analysed", "false"))
        frame = readings_frame(study=study, analysed_only=wanted)
        for name in FILTERS:
            if name in request.query_params:
                frame = frame[frame[name].astype(str) == request.query_params[name]]
        if request.accepted_renderer.format == "csv":
            return Response(records(frame))
        page = self.paginate_queryset(range(len(frame)))
        return self.get_paginated_response(ReadingOut(records(frame.iloc[list(page)]), many=True).data)


def records(frame) -> list[dict]:
    """Rows as plain values; what is missing is None."""
    frame = frame.astype(object)
    return frame.where(frame.notna(), None).to_dict("records")


def _plain(text: str) -> str:
    """Without NUL, which PostgreSQL takes in no text: an address with one names nothing."""
    return text.replace("\x00", "")
