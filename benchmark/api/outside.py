"""Answers that were given elsewhere, brought in by a program: the same service and limits as the page."""

from django.core.exceptions import ValidationError as Refusal
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmark.services.outside_readings import ReceivedExport, first_problems, receive_export
from imagebank.models import Study
from surveys.api.access import require_coordinator


class OutsideReadingsIn(serializers.Serializer):
    """An export of Qualtrics or REDCap, or any table; at most 5 MiB and 50,000 readings, in UTF-8."""

    study = serializers.SlugField()
    export = serializers.FileField(max_length=255, help_text="The table, as CSV.")
    map = serializers.FileField(
        required=False, max_length=255, help_text="map.toml; a readings.csv needs none, for others a trial drafts one."
    )
    trial = serializers.BooleanField(default=False, help_text="Only say what would come in; nothing is stored.")


class OutsideReadingsOut(serializers.Serializer):
    """What the export brings, or in a trial would bring."""

    created = serializers.IntegerField()
    unchanged = serializers.IntegerField(help_text="Readings that were there already.")
    readings = serializers.IntegerField()
    answered = serializers.IntegerField(help_text="The others count as not answered.")
    items = serializers.IntegerField()
    readers = serializers.DictField(child=serializers.IntegerField(), help_text="How many of each group.")
    views = serializers.DictField(child=serializers.IntegerField(), help_text="Readings of each view.")
    simulated = serializers.IntegerField(help_text="Readers said to be simulated.")
    notes = serializers.ListField(child=serializers.CharField(), help_text="What was guessed, and what was left out.")
    map = serializers.CharField(allow_blank=True, help_text="What the table was read by; empty for a readings.csv.")


def _told(received: ReceivedExport) -> dict:
    found = received.found
    return {
        "created": found.stored.created, "unchanged": found.stored.unchanged, "readings": found.readings,
        "answered": found.answered, "items": found.items, "readers": dict(found.groups), "views": dict(found.views),
        "simulated": found.simulated, "notes": [*received.notes, *found.notes], "map": received.map,
    }  # fmt: skip


class OutsideReadings(APIView):
    """Readings of a study that was read in another program."""

    parser_classes = (MultiPartParser,)

    @extend_schema(
        tags=["readings"],
        request={"multipart/form-data": OutsideReadingsIn},
        responses={
            200: OpenApiResponse(OutsideReadingsOut, "A trial: nothing is stored."),
            201: OpenApiResponse(OutsideReadingsOut, "The readings are in."),
        },
    )
    def post(self, request):
        """Bring the answers in, whole or not at all; every bad cell is told by its line."""
        data = OutsideReadingsIn(data=request.data)
        data.is_valid(raise_exception=True)
        wanted = data.validated_data
        study = get_object_or_404(Study.objects.visible_to(request.user), slug=wanted["study"])
        require_coordinator(request.user, study)
        try:
            received = receive_export(
                study=study, export=wanted["export"], chart=wanted.get("map"), user=request.user, trial=wanted["trial"]
            )
        except Refusal as refusal:
            problems, more = first_problems(refusal)
            raise Refusal([*problems, *([f"And {more:,} more."] if more else [])]) from refusal
        return Response(OutsideReadingsOut(_told(received)).data, status=200 if wanted["trial"] else 201)
