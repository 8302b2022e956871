"""The study's record as a resource: what only people know, for its protocol and its reports."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from benchmark.core.facts import FIELDS
from benchmark.pages.record import RECORD_ROLES
from benchmark.services.facts import study_facts
from benchmark.services.record import LONGEST_TEXT, store_record, stored_record, with_record
from imagebank.models import Study
from imagebank.study_access import OfOneStudy


class RecordIn(serializers.Serializer):
    texts = serializers.DictField(
        child=serializers.DictField(child=serializers.CharField(max_length=LONGEST_TEXT, allow_blank=True)),
        help_text="By section and field, as in facts.toml; an empty text takes the field out.",
    )


class RecordOut(serializers.Serializer):
    study = serializers.CharField()
    texts = serializers.DictField(child=serializers.DictField(child=serializers.CharField()), help_text="What people wrote.")
    known = serializers.DictField(child=serializers.DictField(), help_text="What the site knows by itself where nobody wrote anything.")


class RecordViewSet(OfOneStudy):
    """The record of a study by its slug."""

    serializer_class = RecordOut
    roles = RECORD_ROLES
    refusal = "The record is for this study's coordinators and analysts."

    def told(self, study: Study) -> Response:
        facts = study_facts(study, record={})
        known = {section: facts[section] for section in FIELDS if facts.get(section)}
        return Response(RecordOut({"study": study.slug, "texts": stored_record(study), "known": known}).data)

    def stored(self, whole: bool) -> Response:
        study, data = self.get_study(), RecordIn(data=self.request.data)
        data.is_valid(raise_exception=True)
        before = {} if whole else stored_record(study)
        store_record(study=study, texts=with_record(before, data.validated_data["texts"]), user=self.request.user)
        return self.told(study)

    @extend_schema(tags=["plans"], responses=RecordOut)
    def retrieve(self, request, slug):
        return self.told(self.get_study())

    @extend_schema(tags=["plans"], request=RecordIn, responses=RecordOut)
    def update(self, request, slug):
        """These texts are the whole record from now on."""
        return self.stored(whole=True)

    @extend_schema(tags=["plans"], request=RecordIn, responses=RecordOut)
    def partial_update(self, request, slug):
        """These texts replace those of the same fields; the others stay."""
        return self.stored(whole=False)
