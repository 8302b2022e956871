"""A large ZIP by program, in pieces: a line that drops costs one of them, and the rest goes on from where the file ends."""

from django.core.exceptions import ValidationError as Refusal
from django.core.files.base import ContentFile
from django.http import Http404
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.parsers import BaseParser
from rest_framework.response import Response
from rest_framework.views import APIView

from imagebank.models import Study
from imagebank.permissions import ARCHIVED, Role
from imagebank.services.arriving import (
    PIECE_BYTES,
    Arrival,
    WrongPlace,
    add_piece,
    arrival_of,
    begin_arrival,
    received_of,
)
from imagebank.services.uploads import forget_upload
from imagebank.study_access import study_called

LARGEST = 10**15 - 1  # bytes; what a site takes is less and says so


class UploadIn(serializers.Serializer):
    study = serializers.SlugField()
    name = serializers.CharField(max_length=120, help_text="The file's own, ending in .zip.")
    size = serializers.IntegerField(min_value=1, max_value=LARGEST, help_text="Bytes of the whole file.")


class UploadOut(serializers.Serializer):
    upload = serializers.CharField(help_text="Names the upload below /api/uploads/ and to /api/images/import/, for a day.")
    name = serializers.CharField()
    size = serializers.IntegerField()
    received = serializers.IntegerField(help_text="Bytes that have come: where the next piece begins.")
    piece = serializers.IntegerField(help_text="The most bytes that a piece may have.")


class PieceAt(serializers.Serializer):
    offset = serializers.IntegerField(min_value=0, max_value=LARGEST, help_text="The byte of the file at which the piece begins.")


class PieceParser(BaseParser):
    """The bytes of a piece as they are; one byte more than a piece may have is enough to refuse it."""

    media_type = "application/octet-stream"

    def parse(self, stream, media_type=None, parser_context=None) -> ContentFile:
        return ContentFile(stream.read(PIECE_BYTES + 1))


def shown(arrival: Arrival, received: int, status: int = 200) -> Response:
    told = {"upload": arrival.token, "name": arrival.name, "size": arrival.size, "received": received, "piece": PIECE_BYTES}
    return Response(UploadOut(told).data, status=status)


def arrival_with_study(user, token: str) -> tuple[Arrival, Study]:
    """The ZIP that a token names and the study that it is for; unknown to all but its sender, closed to who is no coordinator now."""
    try:
        arrival = arrival_of(token, user=user)
    except Refusal as refusal:
        raise Http404(*refusal.messages) from refusal
    study = Study.objects.filter(pk=arrival.study).first()
    return arrival, study_called(user, study.slug if study else "", Role.COORDINATOR)


class Uploads(APIView):
    """ZIPs of pictures on their way."""

    @extend_schema(tags=["images"], request=UploadIn, responses={201: UploadOut})
    def post(self, request):
        """Make place for a ZIP that comes in pieces. Where it cannot fit, it is refused before a byte is sent."""
        data = UploadIn(data=request.data)
        data.is_valid(raise_exception=True)
        wanted = dict(data.validated_data)
        study = study_called(request.user, wanted.pop("study"), Role.COORDINATOR)
        return shown(begin_arrival(study=study, user=request.user, **wanted), 0, 201)


class OneUpload(APIView):
    """One ZIP on its way; kept for a day after its last piece."""

    parser_classes = (PieceParser,)

    @extend_schema(tags=["images"], responses=UploadOut)
    def get(self, request, upload):
        """How far it is."""
        arrival, _ = arrival_with_study(request.user, upload)
        return shown(arrival, self.received(arrival))

    @extend_schema(
        tags=["images"], request={"application/octet-stream": OpenApiTypes.BINARY}, responses={200: UploadOut, 409: UploadOut},
        parameters=[OpenApiParameter("offset", OpenApiTypes.INT64, required=True, description="The byte at which the piece begins.")],
    )  # fmt: skip
    def put(self, request, upload):
        """Add a piece, its bytes as the request's body. One that does not begin where the file ends is answered 409, with where that is."""
        asked = PieceAt(data=request.query_params)
        asked.is_valid(raise_exception=True)
        arrival, study = arrival_with_study(request.user, upload)
        if study.archived_at is not None:
            raise PermissionDenied(ARCHIVED)
        self.received(arrival)
        try:
            piece = request.data if isinstance(request.data, ContentFile) else ContentFile(b"")
            return shown(arrival, add_piece(arrival=arrival, offset=asked.validated_data["offset"], piece=piece))
        except WrongPlace as place:
            return shown(arrival, place.received, 409)

    @extend_schema(tags=["images"], responses={204: None})
    def delete(self, request, upload):
        """Give it up; what has come is removed."""
        arrival, _ = arrival_with_study(request.user, upload)
        forget_upload(arrival.kept)
        return Response(status=204)

    @staticmethod
    def received(arrival: Arrival) -> int:
        try:
            return received_of(arrival)
        except Refusal as refusal:  # given up, or imported
            raise Http404(*refusal.messages) from refusal


urlpatterns = [
    path("uploads/", Uploads.as_view(), name="api-uploads"),
    path("uploads/<str:upload>/", OneUpload.as_view(), name="api-upload"),
]
