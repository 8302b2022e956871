"""A network beside the readers, through the API: the same service as the page."""

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from benchmark.services.assistance import start_assistance
from imagebank.permissions import allowed_in_archive
from surveys.api.access import OfMyStudies, StudyField, require_coordinator
from surveys.models import Assistance
from surveys.services import assistance_fault


class AssistanceOut(serializers.ModelSerializer):
    study = serializers.SlugField(source="study.slug")
    images = serializers.IntegerField(source="outputs.count", help_text="How many images have an output to be seen.")
    control_items = serializers.IntegerField(
        source="control_items.count", help_text="At how many places of readers none is shown: the control arm."
    )

    class Meta:
        model = Assistance
        fields = ("id", "study", "network", "images", "control", "control_items", "source", "sha256", "frozen_at")


class AssistanceIn(serializers.Serializer):
    study = StudyField()
    network = serializers.CharField(max_length=80, help_text="Its name among the study's networks.")


class FreezingOut(serializers.Serializer):
    job = serializers.UUIDField(help_text="Follow it at /api/jobs/.")


class CheckedOut(serializers.Serializer):
    as_frozen = serializers.BooleanField()
    why = serializers.CharField(allow_blank=True)


@extend_schema(tags=["surveys"])
class AssistanceViewSet(OfMyStudies, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """What readers of your studies see of a network before they answer a second time."""

    serializer_class = AssistanceOut
    queryset = Assistance.objects.none()
    lookup_value_regex = r"\d+"

    def get_queryset(self):
        return Assistance.objects.filter(study__in=self.my_studies()).select_related("study").order_by("pk")

    @extend_schema(request=AssistanceIn, responses={202: FreezingOut})
    def create(self, request):
        """Freeze a network's output in the background; until the first answer it takes the place of another one."""
        data = AssistanceIn(data=request.data, context={"request": request})
        data.is_valid(raise_exception=True)
        study = data.validated_data["study"]
        require_coordinator(request.user, study)
        job = start_assistance(study=study, name=data.validated_data["network"], user=request.user)
        return Response(FreezingOut({"job": job.pk}).data, status=202)

    @extend_schema(request=None, responses=CheckedOut)
    @action(detail=True, methods=["post"])
    @allowed_in_archive
    def verify(self, request, pk):
        """Compute the hash over everything that readers see once more."""
        fault = assistance_fault(self.get_object())
        return Response(CheckedOut({"as_frozen": fault is None, "why": fault or ""}).data)
