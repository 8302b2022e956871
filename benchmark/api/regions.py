"""What readers marked beside what a network looked at, summed up, as a resource."""

from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmark.api.access import StartedOut
from benchmark.pages.results import READING_ROLES
from benchmark.services.region_sums import newest_sum, start_region_sum
from imagebank.study_access import studies_with
from models_ml.models import AttributionSet


class RegionSums(APIView):
    """What readers marked against the maps of one attribution: the last sum, or a new one."""

    def get_set(self, pk: int) -> AttributionSet:
        sets = AttributionSet.objects.filter(ensemble__study__in=studies_with(self.request.user, *READING_ROLES))
        return get_object_or_404(sets.select_related("ensemble__run__study", "ensemble__study__protocol"), pk=pk)

    @extend_schema(tags=["networks"], responses=OpenApiTypes.OBJECT)
    def get(self, request, pk):
        """Per group: overlap, the same of networks of random weights, difference, chance, each with its interval."""
        job = newest_sum(self.get_set(pk))
        if job is None or not job.result:
            raise NotFound("This sum has not been made, or is being made; start it by POST.")
        return Response(job.result)

    @extend_schema(tags=["networks"], request=None, responses={202: StartedOut})
    def post(self, request, pk):
        """Sum up in the background."""
        job = start_region_sum(made=self.get_set(pk), user=request.user)
        return Response(StartedOut({"job": job.pk}).data, status=202)
