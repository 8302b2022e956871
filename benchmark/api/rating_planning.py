"""Planning a rating study as a resource: what the Planning page computes for one, in shares from 0 to 1."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmark.services.planning import plan_rating


class RatingPlanningIn(serializers.Serializer):
    """A design and what is assumed of its raters and images; shares from 0 to 1."""

    raters = serializers.IntegerField(min_value=3, max_value=2000)
    each = serializers.IntegerField(min_value=1, max_value=1000, help_text="Single images that a rater judges.")
    images = serializers.IntegerField(min_value=4, max_value=20_000, help_text="Distinct images, real and generated.")
    error = serializers.FloatField(min_value=0.01, max_value=0.99, default=0.5, help_text="True share of wrong judgments; 0.5 is chance.")
    margin = serializers.FloatField(min_value=0.001, max_value=0.499, default=0.1, help_text="Around chance: an error within it counts as guessing.")
    sd_rater = serializers.FloatField(min_value=0, max_value=0.49, default=0.08, help_text="SD of raters' own errors.")
    icc = serializers.FloatField(min_value=0, max_value=0.95, default=0.15, help_text="How far images are alike for all raters.")


class RatingPlanningOut(serializers.Serializer):
    raters = serializers.IntegerField(source="design.readers")
    each = serializers.IntegerField(source="design.per_reader")
    images = serializers.IntegerField(source="design.items")
    error = serializers.FloatField(source="world.error")
    margin = serializers.FloatField()
    se = serializers.FloatField(help_text="Standard error of the error, new raters and new images.")
    half_width = serializers.FloatField(help_text="Of the 95 % interval of the test; the bootstrap of the results is a tenth to a quarter wider.")
    half_width_normal = serializers.FloatField(help_text="The same by the normal distribution.")
    power_equivalence = serializers.FloatField(source="equivalence", help_text="To show that the error is within the margin of chance.")
    power_not_chance = serializers.FloatField(source="differing", help_text="To show that the error is not chance.")
    detectable = serializers.FloatField(help_text="Distance from chance that is found with 80 % power.")
    smallest_margin = serializers.FloatField(help_text="The margin that is shown with 80 % power.")
    raters_needed = serializers.IntegerField(allow_null=True, help_text="For 80 % power within the margin; null: no number is enough.")
    images_needed = serializers.IntegerField(allow_null=True, help_text="The same, with these raters.")


class RatingPlanning(APIView):
    """How closely a rating study will know the error at telling real from generated, by closed form. Needs no study."""

    @extend_schema(tags=["planning"], request=RatingPlanningIn, responses=RatingPlanningOut)
    def post(self, request):
        data = RatingPlanningIn(data=request.data)
        data.is_valid(raise_exception=True)
        found, _, _ = plan_rating(**data.validated_data)
        return Response(RatingPlanningOut(found).data)
