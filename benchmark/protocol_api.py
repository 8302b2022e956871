"""The protocol as a resource: its facts, what is still open, and what has changed since it was handed out."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.exceptions import PermissionDenied
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from benchmark.core.report.protocol.build import build_protocol
from benchmark.core.report.protocol.facts import fingerprint, fingerprints
from benchmark.protocol.facts import protocol_facts
from benchmark.protocol_views import PROTOCOL_ROLES
from benchmark.services.protocol_log import handed_out
from imagebank.models import Study
from imagebank.permissions import has_role


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


class ProtocolViewSet(viewsets.GenericViewSet):
    """The protocol of a study as plain data; its documents are made on the site and by `manage.py protocol`."""

    serializer_class = ProtocolOut
    queryset = Study.objects.none()
    lookup_field = "slug"
    lookup_value_regex = r"[-\w]+"
    renderer_classes = (JSONRenderer,)

    @extend_schema(tags=["plans"], responses=ProtocolOut)
    def retrieve(self, request, slug):
        study = get_object_or_404(Study.objects.visible_to(request.user), slug=slug)
        if not has_role(request.user, study, *PROTOCOL_ROLES):
            raise PermissionDenied("The protocol is for this study's coordinators and analysts.")
        facts = protocol_facts(study)
        hashes = fingerprints(facts)
        told = {
            "study": study.slug, "sha256": fingerprint(facts), "parts": hashes, "to_be_written": build_protocol(facts).blanks,
            "handed_out": handed_out(study=study, hashes=hashes), "facts": facts,
        }  # fmt: skip
        return Response(ProtocolOut(told).data)
