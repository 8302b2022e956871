"""Planning a comparison as a resource: power and precision by closed form, and whole studies simulated."""

from django.core.exceptions import ValidationError as Refusal
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmark.api.access import LARGEST_SEED, StartedOut, study_to_change
from benchmark.core.planning.closed_form import Spread
from benchmark.services.planning import plan_design, spread_from_model
from benchmark.services.starting import start_simulation


class PlanningIn(serializers.Serializer):
    """A design and where its spread comes from: SDs on the logit scale, or SDs of one reading's difference."""

    readers = serializers.IntegerField(min_value=3, max_value=2000)
    classes = serializers.IntegerField(min_value=1, max_value=200)
    per_class = serializers.IntegerField(min_value=2, max_value=2000)
    per_survey = serializers.IntegerField(min_value=1, max_value=200)
    anchors = serializers.IntegerField(min_value=0, max_value=199, default=0, help_text="Of them, per class, in every survey.")
    accuracy_readers = serializers.FloatField(min_value=0.01, max_value=0.99, default=0.75)
    difference = serializers.FloatField(min_value=-0.6, max_value=0.6, default=0.1)
    sd_reader = serializers.FloatField(min_value=0, max_value=3, default=0.35)
    sd_item = serializers.FloatField(min_value=0, max_value=4, default=1.0)
    correlation = serializers.FloatField(min_value=0, max_value=1, default=0.5)
    spread = serializers.ListField(
        child=serializers.FloatField(min_value=0, max_value=1), min_length=3, max_length=3, required=False,
        help_text="SDs of one reading's difference between readers, between images, residual; replaces the logit SDs.",
    )  # fmt: skip


class PrecisionOut(serializers.Serializer):
    se = serializers.FloatField()
    half_width = serializers.FloatField()
    power = serializers.FloatField()
    detectable = serializers.FloatField(help_text="The difference found with 95 % power.")


class PlanningOut(serializers.Serializer):
    readers = serializers.IntegerField(source="design.readers")
    items = serializers.IntegerField(source="design.items")
    per_reader = serializers.IntegerField(source="design.per_reader")
    difference = serializers.FloatField()
    these_images = PrecisionOut()
    new_images = PrecisionOut()
    largest_sd = serializers.FloatField(help_text="SD of readers' differences up to which power is 95 %.")
    items_and_readers_needed = serializers.ListField(
        source="needed", child=serializers.IntegerField(), allow_null=True, help_text="For 95 % power on new images."
    )
    equivalence_margin = serializers.FloatField()


class Planning(APIView):
    """Power and precision of a design for both questions, by closed form. Needs no study."""

    @extend_schema(tags=["planning"], request=PlanningIn, responses=PlanningOut)
    def post(self, request):
        data = PlanningIn(data=request.data)
        data.is_valid(raise_exception=True)
        wanted = dict(data.validated_data)
        sds = wanted.pop("spread", None)
        names = ("accuracy_readers", "difference", "sd_reader", "sd_item", "correlation")
        world = {name: wanted.pop(name) for name in names}
        if sds is not None and not any(sds):
            raise Refusal("At least one spread above 0 is needed.")
        spread = Spread(*(sd**2 for sd in sds)) if sds else spread_from_model(**world)
        planned = plan_design(**wanted, difference=world["difference"], spread=spread)
        return Response(PlanningOut(planned).data)


class SimulationIn(PlanningIn):
    """The design, how readers and images vary on the logit scale, and how many studies of it to simulate."""

    study = serializers.SlugField(help_text="The study among whose jobs it runs.")
    spread = None
    studies = serializers.IntegerField(min_value=100, max_value=20_000, default=2000)
    seed = serializers.IntegerField(min_value=0, max_value=LARGEST_SEED, default=0)


class Simulation(APIView):
    """Whole studies of a design, simulated in the background: what each test does. A difference of 0 counts false alarms."""

    @extend_schema(tags=["planning"], request=SimulationIn, responses={202: StartedOut})
    def post(self, request):
        data = SimulationIn(data=request.data)
        data.is_valid(raise_exception=True)
        wanted = dict(data.validated_data)
        study = study_to_change(request.user, wanted.pop("study"))
        job = start_simulation(study=study, user=request.user, **wanted)
        return Response(StartedOut({"job": job.pk}).data, status=202)
