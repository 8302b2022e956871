"""Rating studies: begin one from published pictures, list them, and take out what was said of the cells of grids."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.response import Response

from imagebank.models import Study
from surveys.api.access import READS_RESULTS, OfMyStudies, StudyField, require_coordinator
from surveys.api.readings import records
from surveys.exports.files import CELLS
from surveys.models import SurveyResponse, SurveySet
from surveys.services import balance_warnings, begin_rating_study, cells_frame, shipped_preset
from surveys.services.rating.new_study import SHIPPED, naming_warnings
from surveys.services.setting_up.preset_text import preset_file

MOST_RATERS, MOST_STIMULI = 1000, 2000
LARGEST_PRESET = 512 * 1024


class RatingStudyOut(serializers.Serializer):
    """A rating study: its size, how far it is, and how alike its real and generated images are."""

    study = serializers.SlugField(source="study.slug")
    title = serializers.CharField(source="study.title")
    nature = serializers.CharField(source="study.nature")
    survey_set = serializers.IntegerField(source="pk")
    seed = serializers.IntegerField()
    stimuli = serializers.IntegerField(source="study.stimuli.count")
    sittings = serializers.IntegerField(source="surveys.count")
    complete = serializers.SerializerMethodField()
    promises_hold = serializers.BooleanField(source="certificate.promises_hold")
    warnings = serializers.SerializerMethodField(
        help_text="A sentence for every balance that misses its limit; right after the draw also about classes whose names stay in another language."
    )
    created_at = serializers.DateTimeField()

    def get_complete(self, row: SurveySet) -> int:
        return SurveyResponse.objects.of_study(row.study).analysed().count()

    def get_warnings(self, row: SurveySet) -> list[str]:
        return balance_warnings(row.certificate)


class RatingStudyIn(serializers.Serializer):
    """What is shown to whom. Half of the single images are real, matched to the generated ones in class and skin tone."""

    slug = serializers.SlugField(max_length=50)
    title = serializers.CharField(max_length=200, required=False, default="")
    sources = serializers.ListField(child=serializers.SlugField(), min_length=1, max_length=10)
    image_sets = serializers.ListField(
        child=serializers.CharField(min_length=6, max_length=64), required=False, default=list, max_length=50,
        help_text="Hashes of published sets, or their beginnings; all published ones when left out.",
    )  # fmt: skip
    view = serializers.SlugField(required=False, default="", allow_blank=True, help_text="View of the real images.")
    singles = serializers.IntegerField(min_value=0, max_value=MOST_STIMULI, default=40)
    pairs = serializers.IntegerField(min_value=0, max_value=MOST_STIMULI, default=0)
    strips = serializers.IntegerField(
        min_value=0, max_value=MOST_STIMULI, default=None, allow_null=True,
        help_text="Morph strips in all, of morphs and each control equally many; all that are published when left out.",
    )  # fmt: skip
    practice = serializers.IntegerField(min_value=0, max_value=20, default=3)
    practice_others = serializers.IntegerField(
        min_value=0, max_value=5, default=0, help_text="Pairs, strips and grids to practise with, of each kind that is shown."
    )
    raters = serializers.IntegerField(min_value=1, max_value=MOST_RATERS, default=12)
    seed = serializers.IntegerField(min_value=0, max_value=2**53)
    require_tones = serializers.BooleanField(default=False)
    language = serializers.ChoiceField(choices=list(SHIPPED), default="en", help_text="Of the shipped questions and words.")
    preset = serializers.CharField(
        required=False, default="", max_length=LARGEST_PRESET, trim_whitespace=False,
        help_text="Text of a study.toml with questions and words of your own, instead of the shipped ones.",
    )  # fmt: skip

    def validate_sources(self, slugs: list[str]) -> list[Study]:
        field = serializers.ListField(child=StudyField())
        field.child.parent = self
        return [field.child.to_internal_value(slug) for slug in slugs]


class CellOut(serializers.Serializer):
    """One row of cells.csv: a rater, a grid, a question, a cell."""

    rater = serializers.CharField()
    group = serializers.CharField()
    item = serializers.CharField(help_text=CELLS["item"])
    question = serializers.CharField()
    cell = serializers.IntegerField(help_text=CELLS["cell"])
    row = serializers.IntegerField()
    column = serializers.IntegerField()
    marked = serializers.CharField(allow_blank=True, help_text=CELLS["marked"])
    row_class = serializers.CharField(allow_blank=True, help_text=CELLS["row_class"])
    row_seed = serializers.CharField(allow_blank=True)
    column_class = serializers.CharField(allow_blank=True, help_text=CELLS["column_class"])
    column_seed = serializers.CharField(allow_blank=True)
    condition = serializers.CharField(allow_blank=True)
    position = serializers.IntegerField()
    repeat_of = serializers.IntegerField(allow_null=True)
    simulated = serializers.BooleanField()
    survey = serializers.CharField()
    answered_at = serializers.CharField(allow_blank=True)
    completed_at = serializers.CharField(allow_blank=True)
    analysed = serializers.BooleanField()


ANALYSED = OpenApiParameter("analysed", bool, description="Only the first complete sitting of each seat.")


@extend_schema(tags=["ratings"])
class RatingStudyViewSet(
    OfMyStudies, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet
):  # fmt: skip
    """Studies in which people rate real and generated images without knowing which is which."""

    roles = READS_RESULTS
    serializer_class = RatingStudyOut
    queryset = SurveySet.objects.none()
    filter_backends = ()
    lookup_field = "study__slug"
    lookup_url_kwarg = "slug"
    lookup_value_regex = "[-a-zA-Z0-9_]+"

    def get_queryset(self):
        rated = self.my_studies().filter(stimuli__isnull=False).distinct()
        return SurveySet.objects.filter(study__in=rated).select_related("study").order_by("study__slug")

    @extend_schema(request=RatingStudyIn, responses={201: RatingStudyOut})
    def create(self, request):
        """Begin a rating study; the same call again answers with the same study."""
        data = RatingStudyIn(data=request.data, context=self.get_serializer_context())
        data.is_valid(raise_exception=True)
        if not request.user.has_perm("imagebank.add_study"):
            raise PermissionDenied("You may not begin studies. Ask an administrator for that permission.")
        for source in data.validated_data["sources"]:
            require_coordinator(request.user, source)
        asked = dict(data.validated_data)
        own, language = asked.pop("preset"), asked.pop("language")
        with preset_file(own.encode() or shipped_preset(language).read_bytes()) as preset:
            made = begin_rating_study(preset=preset, user=request.user, **asked)
            told = naming_warnings(sources=asked["sources"], preset=preset)
        shown = RatingStudyOut(made).data
        return Response(shown | {"warnings": shown["warnings"] + told}, status=201)

    @extend_schema(parameters=[ANALYSED], responses=CellOut(many=True))
    @action(detail=True)
    def cells(self, request, slug):
        """The answers about grids, one row per cell: a page at a time as JSON, all at once as CSV."""
        wanted = serializers.BooleanField().to_internal_value(request.query_params.get("analysed", "false"))
        frame = cells_frame(study=self.get_object().study, analysed_only=wanted)
        if request.accepted_renderer.format == "csv":
            return Response(records(frame))
        page = self.paginate_queryset(range(len(frame)))
        return self.get_paginated_response(CellOut(records(frame.iloc[list(page)]), many=True).data)
