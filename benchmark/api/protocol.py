"""The protocol as a resource: its facts, what is still open, its documents, and what has changed since it was handed out."""

from uuid import UUID

from django.http import FileResponse, HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.response import Response

from benchmark.core.report.protocol.build import build_protocol
from benchmark.core.report.protocol.facts import fingerprint, fingerprints
from benchmark.pages.protocol import PROTOCOL_ROLES
from benchmark.protocol.facts import ASSUMED, checked_world, protocol_facts
from benchmark.protocol.printing import KINDS, MAKE_PDF, WORD, hand_out, pdf_of, start_pdf
from benchmark.services.protocol_log import handed_out, note_handed_out
from imagebank.permissions import allowed_in_archive
from imagebank.study_access import OfOneStudy


class HandedOutOut(serializers.Serializer):
    at = serializers.DateTimeField()
    by = serializers.CharField(allow_blank=True, help_text="Name of who took it; empty: a command.")
    changed = serializers.ListField(child=serializers.CharField(), help_text="Parts that have changed since.")


class ProtocolOut(serializers.Serializer):
    study = serializers.CharField()
    sha256 = serializers.CharField(help_text="Of the facts; the same one stands on the document.")
    parts = serializers.DictField(child=serializers.CharField(), help_text="SHA-256 of each part.")
    to_be_written = serializers.ListField(child=serializers.CharField(), help_text="What only people know.")
    handed_out = HandedOutOut(many=True)
    facts = serializers.DictField(help_text="Schema protocol-facts/1.")


class DocumentIn(serializers.Serializer):
    """The kind of file, and the assumptions behind power; what is left out is as the planning page begins."""

    kind = serializers.ChoiceField(choices=[*KINDS, "pdf"])
    accuracy_readers = serializers.FloatField(min_value=0.01, max_value=0.99, required=False)
    difference = serializers.FloatField(min_value=-0.6, max_value=0.6, required=False)
    sd_reader = serializers.FloatField(min_value=0, max_value=3, required=False)
    sd_item = serializers.FloatField(min_value=0, max_value=4, required=False)
    correlation = serializers.FloatField(min_value=0, max_value=1, required=False)


class PdfStarted(serializers.Serializer):
    job = serializers.UUIDField(help_text="Follow it at /api/jobs/; the file is fetched at documents/{job}/.")


class ProtocolViewSet(OfOneStudy):
    """The protocol of a study as plain data, and its documents."""

    serializer_class = ProtocolOut
    roles = PROTOCOL_ROLES
    refusal = "The protocol is for this study's coordinators and analysts."

    @extend_schema(
        tags=["plans"], request=DocumentIn,
        responses={
            (200, WORD): OpenApiTypes.BINARY, (200, "text/html"): OpenApiTypes.STR, 202: PdfStarted,
        },
    )  # fmt: skip
    @action(detail=True, methods=["post"])
    @allowed_in_archive
    def documents(self, request, slug):
        """Hand the protocol out as docx or html at once, as pdf by a job; that it was handed out is noted in the study's log."""
        study, data = self.get_study(), DocumentIn(data=request.data)
        data.is_valid(raise_exception=True)
        assumed = dict(data.validated_data)
        kind = assumed.pop("kind")
        given = {"assumed": checked_world(ASSUMED | assumed), "user": request.user}
        if kind == "pdf":
            return Response(PdfStarted({"job": start_pdf(study=study, **given).pk}).data, status=202)
        found = hand_out(study, kind, **given)
        response = HttpResponse(found.content, KINDS[kind])
        response["Content-Disposition"] = f'attachment; filename="{slug}-protocol-{found.sha256[:8]}.{kind}"'
        response["Cache-Control"] = "private, no-store"
        return response

    @extend_schema(tags=["plans"], responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"], url_path=r"documents/(?P<job>[0-9a-f-]{36})", url_name="pdf")
    def pdf(self, request, slug, job):
        """The PDF that this job wrote; 404 until it is done. That it was handed out is noted in the study's log."""
        study = self.get_study()
        try:
            made = get_object_or_404(study.jobs, kind=MAKE_PDF, pk=UUID(job))
        except ValueError as error:
            raise NotFound from error
        path = pdf_of(made)
        if path is None:
            raise NotFound("This PDF is not made yet.")
        note_handed_out(study=study, hashes=made.result["parts"], user=request.user)
        return FileResponse(path.open("rb"), as_attachment=True, filename=f"{slug}-protocol-{made.result['sha256'][:8]}.pdf")

    @extend_schema(tags=["plans"], responses=ProtocolOut)
    def retrieve(self, request, slug):
        study = self.get_study()
        facts = protocol_facts(study)
        hashes = fingerprints(facts)
        told = {
            "study": study.slug, "sha256": fingerprint(facts), "parts": hashes, "to_be_written": build_protocol(facts).blanks,
            "handed_out": handed_out(study=study, hashes=hashes), "facts": facts,
        }  # fmt: skip
        return Response(ProtocolOut(told).data)
