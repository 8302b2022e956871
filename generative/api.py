"""Generators and image sets as resources, and the two things that are done to a set: audit it, publish it.

For the roles that run a study: they tell which pictures are generated, and what of.
"""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.response import Response

from generative.jobs import ADD_SET, AUDIT
from generative.models import Generator, ImageSet, Publication, Sample
from generative.services.auditing import RANDOM_FEATURES, REASON_MAX, decide_copy
from generative.services.publishing import publish_set
from generative.views import MAKER_ROLES
from imagebank.jobs import queue_job
from imagebank.permissions import WORKING_ROLES, has_role
from imagebank.services.uploads import keep_upload
from imagebank.study_access import studies_with, study_called


class GeneratorOut(serializers.ModelSerializer):
    study = serializers.SlugField(source="study.slug")
    id = serializers.CharField(source="public_id")
    classes = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Generator
        fields = (
            "id",
            "study",
            "title",
            "weights_hash",
            "source_sha256",
            "licence",
            "classes",
            "resolution",
            "created_at",
        )


class ImageSetOut(serializers.ModelSerializer):
    study = serializers.SlugField(source="study.slug")
    id = serializers.CharField(source="public_id")
    generator = serializers.CharField(source="generator.public_id", allow_null=True, default=None)
    evaluation = serializers.DictField()

    class Meta:
        model = ImageSet
        fields = (
            "id", "study", "title", "set_hash", "kind", "condition", "state", "generator", "made_by", "licence",
            "resolution", "evaluation", "created_at",
        )  # fmt: skip


class SampleOut(serializers.ModelSerializer):
    label = serializers.DictField(child=serializers.FloatField())

    class Meta:
        model = Sample
        fields = ("index", "code", "class_name", "label", "seed", "position", "sha256", "audit_distance", "quarantined")


class ImageSetIn(serializers.Serializer):
    """Any generator's pictures: a ZIP with manifest.csv and the pictures."""

    study = serializers.SlugField()
    archive = serializers.FileField(max_length=255, help_text="The ZIP.")
    title = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    condition = serializers.ChoiceField(choices=ImageSet.Condition.choices, help_text="random: as they came; curated: chosen by somebody.")

    def validate_archive(self, archive):
        if not archive.name.lower().endswith(".zip"):
            raise serializers.ValidationError(f"A ZIP file was needed; {archive.name} is none.")
        return archive


class DecisionIn(serializers.Serializer):
    """What becomes of a suspected copy."""

    code = serializers.CharField(max_length=200, help_text="The picture's code, as in the set's samples.")
    publish = serializers.BooleanField(help_text="true: it is no copy; false: it is left out.")
    why = serializers.CharField(max_length=REASON_MAX)


class AuditIn(serializers.Serializer):
    view = serializers.SlugField(required=False, allow_null=True, default=None)
    features = serializers.CharField(max_length=200, required=False, default=RANDOM_FEATURES)
    probe = serializers.IntegerField(min_value=0, max_value=50, required=False, default=0)


class JobStarted(serializers.Serializer):
    job = serializers.UUIDField()


class PublishIn(serializers.Serializer):
    view = serializers.SlugField()
    controls = serializers.BooleanField(default=True)
    unaudited_reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class PublicationOut(serializers.ModelSerializer):
    study = serializers.SlugField(source="study.slug")
    items = serializers.SlugRelatedField(slug_field="code", many=True, read_only=True)

    class Meta:
        model = Publication
        fields = ("study", "view", "items", "unaudited_reason", "published_at")


class Ours(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Rows of the studies in which one runs the work, found by their opaque addresses."""

    lookup_field = "public_id"
    lookup_value_regex = "[A-Za-z0-9_-]{1,40}"

    def get_queryset(self):
        user = self.request.user
        studies = studies_with(user, *WORKING_ROLES)
        return self.queryset.model.objects.filter(study__in=studies).select_related("study")

    def row_to_change(self):
        row = get_object_or_404(self.get_queryset(), public_id=self.kwargs["public_id"])
        if not has_role(self.request.user, row.study, *MAKER_ROLES):
            raise PermissionDenied("This is for the coordinator or engineer of this study.")
        return row


@extend_schema(tags=["generated pictures"])
class GeneratorViewSet(Ours):
    """Networks that make pictures."""

    serializer_class = GeneratorOut
    queryset = Generator.objects.none()
    filterset_fields = ("resolution",)


@extend_schema(tags=["generated pictures"])
class ImageSetViewSet(Ours):
    """Sets of generated pictures, frozen under their hashes."""

    serializer_class = ImageSetOut
    queryset = ImageSet.objects.none()
    filterset_fields = ("kind", "condition", "state")

    @extend_schema(request={"multipart/form-data": ImageSetIn}, responses={202: JobStarted})
    def create(self, request):
        """Bring in a set, read and frozen in the background; the job's result names it."""
        data = ImageSetIn(data=request.data)
        data.is_valid(raise_exception=True)
        wanted = dict(data.validated_data)
        study = study_called(request.user, wanted.pop("study"), *MAKER_ROLES)
        archive = wanted.pop("archive")
        payload = {"upload": keep_upload(archive, suffix=".zip"), **wanted}
        job = queue_job(study=study, kind=ADD_SET, title=f"Add {archive.name}"[:200], payload=payload, user=request.user)
        return Response({"job": job.pk}, status=202)

    @extend_schema(request=DecisionIn, responses=SampleOut)
    @action(detail=True, methods=["post"])
    def decide(self, request, public_id):
        """Say of a picture that the audit suspects whether it is a copy; who said it, and why, is kept."""
        row = self.row_to_change()
        data = DecisionIn(data=request.data)
        data.is_valid(raise_exception=True)
        wanted = dict(data.validated_data)
        sample = get_object_or_404(row.samples, code=wanted.pop("code"))
        decide_copy(sample=sample, user=request.user, **wanted)
        return Response(SampleOut(sample).data)

    @extend_schema(responses=SampleOut(many=True), filters=False)
    @action(detail=True, methods=["get"], filterset_fields=())
    def samples(self, request, public_id):
        """The set's pictures, in order."""
        row = get_object_or_404(self.get_queryset(), public_id=public_id)
        page = self.paginate_queryset(row.samples.all())
        return self.get_paginated_response(SampleOut(page, many=True).data)

    @extend_schema(request=AuditIn, responses={202: JobStarted})
    @action(detail=True, methods=["post"])
    def audit(self, request, public_id):
        """Start the search for copies of training pictures."""
        row = self.row_to_change()
        data = AuditIn(data=request.data)
        data.is_valid(raise_exception=True)
        payload = {"image_set": row.public_id, **data.validated_data}
        job = queue_job(
            study=row.study, kind=AUDIT, title=f"Audit {row.title}"[:200], payload=payload, user=request.user
        )
        return Response({"job": job.pk}, status=202)

    @extend_schema(request=PublishIn, responses=PublicationOut)
    @action(detail=True, methods=["post"])
    def publish(self, request, public_id):
        """Make items of the set's pictures; refused while suspected copies are undecided."""
        row = self.row_to_change()
        data = PublishIn(data=request.data)
        data.is_valid(raise_exception=True)
        made = publish_set(image_set=row, user=request.user, **data.validated_data)
        return Response(PublicationOut(made).data)


routes = [("generators", GeneratorViewSet, "api-generator"), ("image-sets", ImageSetViewSet, "api-image-set")]
