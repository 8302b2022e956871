"""From a ZIP to a split study by program: the same services and roles as the pages of the image bank."""

import django_filters
from django.core.exceptions import ValidationError as Refusal
from django.http import HttpResponse
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from imagebank.bank_jobs import LOOK, import_of, queue_import, queue_look, receive_archive, receive_arrival
from imagebank.models import ImportRun, Job, Study
from imagebank.permissions import WORKING_ROLES, Role
from imagebank.services.arriving import GONE, arrival_of
from imagebank.services.drafting.reading import ROLES
from imagebank.services.drafting.showing import Shown
from imagebank.services.splits import draw_split, most_per_class, split_counts, standing_against
from imagebank.services.uploads import kept_upload
from imagebank.study_access import studies_with, study_called
from imagebank.upload_api import urlpatterns as upload_patterns

LARGEST_SEED, MOST_FOLDS = 2**31 - 1, 20
LONGEST_UPLOAD = 3000  # it holds the file's name, of which each letter may take 16


class QueuedOut(serializers.Serializer):
    job = serializers.UUIDField(help_text="Follow it at /api/jobs/.")
    kind = serializers.ChoiceField(
        choices=[LOOK, "imagebank.import"],
        help_text="imagebank.look: there was no manifest, or the ZIP is a large one; its draft is at /api/drafts/ once the job is done.",
    )


def queued(job: Job) -> Response:
    return Response(QueuedOut({"job": job.pk, "kind": job.kind}).data, status=202)


class ArchiveIn(serializers.Serializer):
    study = serializers.SlugField()
    archive = serializers.FileField(
        required=False, max_length=255, help_text="A ZIP of pictures, with manifest.csv at its top or without; or `upload` in its place."
    )
    upload = serializers.CharField(required=False, max_length=LONGEST_UPLOAD, help_text="A ZIP that came in pieces, as /api/uploads/ named it.")
    manifest = serializers.FileField(required=False, max_length=255, help_text="A manifest.csv for a ZIP that has none.")

    def validate(self, sent: dict) -> dict:
        if ("archive" in sent) == ("upload" in sent):
            raise serializers.ValidationError("Either archive, the ZIP itself, or upload, one that came in pieces, was needed.")
        return sent


class Archives(APIView):
    """Pictures as a ZIP."""

    parser_classes = (MultiPartParser,)

    @extend_schema(tags=["images"], request={"multipart/form-data": ArchiveIn}, responses={202: QueuedOut})
    def post(self, request):
        """Import a ZIP by its manifest; one without is looked into, and a draft of its manifest made. Again changes nothing.
        Large ones come in pieces first, by /api/uploads/."""
        data = ArchiveIn(data=request.data)
        data.is_valid(raise_exception=True)
        wanted = data.validated_data
        study = study_called(request.user, wanted["study"], Role.COORDINATOR)
        known = {"study": study, "manifest": wanted.get("manifest"), "user": request.user}
        if "archive" in wanted:
            return queued(receive_archive(archive=wanted["archive"], **known))
        arrival = arrival_of(wanted["upload"], user=request.user)
        if arrival.study != study.pk:
            raise Refusal(GONE)
        return queued(receive_arrival(arrival=arrival, **known))


class DraftReadingIn(serializers.Serializer):
    """What is what; whatever is left out is guessed."""

    table = serializers.CharField(required=False, max_length=300, help_text="One of `tables`.")
    columns = serializers.DictField(
        child=serializers.CharField(max_length=300, allow_blank=True), required=False,
        help_text=f"{', '.join(ROLES)}: a column of the table, or empty where none says it.",
    )  # fmt: skip
    classes = serializers.DictField(
        child=serializers.CharField(max_length=60, allow_blank=True), required=False, help_text="Value to class; empty: left out."
    )
    views = serializers.DictField(
        child=serializers.CharField(max_length=60, allow_blank=True), required=False, help_text="Value to view; empty: left out."
    )
    splits = serializers.DictField(
        child=serializers.CharField(max_length=60, allow_blank=True), required=False, help_text="Value to train or test; empty: neither."
    )
    view = serializers.CharField(required=False, max_length=60, help_text="The view of all pictures.")
    keep = serializers.BooleanField(required=False, help_text="Whether further columns go with the items.")


class DraftReadingOut(serializers.Serializer):
    table = serializers.CharField()
    columns = serializers.DictField(child=serializers.CharField())
    classes = serializers.DictField(child=serializers.CharField(allow_blank=True))
    views = serializers.DictField(child=serializers.CharField(allow_blank=True))
    splits = serializers.DictField(child=serializers.CharField(allow_blank=True))
    view = serializers.CharField(allow_blank=True)
    keep = serializers.BooleanField()


class RowProblemOut(serializers.Serializer):
    line = serializers.IntegerField()
    message = serializers.CharField()


class DraftOut(serializers.Serializer):
    """What a look found. While it is not done, and where the ZIP had a manifest, there is no draft, and all is null."""

    job = serializers.UUIDField(source="pk")
    study = serializers.SlugField(source="study.slug")
    state = serializers.CharField(help_text="Of the job.")
    error = serializers.CharField(allow_blank=True)
    import_job = serializers.UUIDField(allow_null=True, help_text="The import that followed.")
    reading = DraftReadingOut(allow_null=True)
    tables = serializers.ListField(child=serializers.CharField(), allow_null=True)
    table_columns = serializers.ListField(child=serializers.CharField(), allow_null=True)
    values = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()), allow_null=True, help_text="Role, value, pictures."
    )
    pictures = serializers.IntegerField(allow_null=True)
    rows = serializers.IntegerField(allow_null=True, help_text="Pictures that would come in.")
    counts = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()), allow_null=True, help_text="Class, view, pictures."
    )
    refusal = serializers.CharField(allow_null=True, allow_blank=True, help_text="Why nothing can come in as it was read.")
    problem_count = serializers.IntegerField(allow_null=True)
    problems = RowProblemOut(many=True, allow_null=True, help_text="The first of them.")


def draft_of(job: Job) -> dict:
    """The fields of DraftOut. A draft whose files were thrown away raises ValidationError."""
    found = dict.fromkeys(name for name in DraftOut().fields if name not in ("job", "study", "state", "error"))
    if "shown" in job.result:
        shown = shown_by(job)
        found |= {name: getattr(shown, name) for name in found if hasattr(shown, name)} | {"table_columns": shown.columns}
    imported = import_of(job.study, job.payload["upload"])
    return found | {"pk": job.pk, "study": job.study, "state": job.state, "error": job.error, "import_job": imported and imported.pk}


def shown_by(job: Job) -> Shown:
    """What the look showed. One that is not done, or whose ZIP had a manifest, raises ValidationError."""
    if "shown" not in job.result:
        raise Refusal("This look has no draft: it is not done, or the ZIP has a manifest and is imported by it.")
    return Shown.from_json(kept_upload(job.result["shown"]).read_text())


@extend_schema_view(retrieve=extend_schema(tags=["images"], responses=DraftOut))
class DraftViewSet(mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Drafts of manifests for ZIPs that have none, each named by the job that looked into the ZIP; kept for a day."""

    serializer_class = DraftOut
    queryset = Job.objects.none()

    def get_queryset(self):
        coordinated = studies_with(self.request.user, Role.COORDINATOR)
        return Job.objects.filter(kind=LOOK, study__in=coordinated).select_related("study")

    def retrieve(self, request, pk):
        """What was found, what it was taken for, and what would come in."""
        return Response(DraftOut(draft_of(self.get_object())).data)

    @extend_schema(tags=["images"], request=DraftReadingIn, responses={202: QueuedOut})
    @action(detail=True, methods=["post"])
    def look(self, request, pk):
        """Look again, with this in place of what was guessed; makes another draft."""
        data = DraftReadingIn(data=request.data)
        data.is_valid(raise_exception=True)
        job = self.get_object()
        asked = dict(data.validated_data)
        payload = {"upload": job.payload["upload"], "name": job.payload["name"]}
        kept_upload(payload["upload"])
        return queued(queue_look(study=job.study, **payload, asked=asked or None, user=request.user))

    @extend_schema(tags=["images"], request=None, responses={202: QueuedOut})
    @action(detail=True, methods=["post"], url_path="import", url_name="import")
    def bring_in(self, request, pk):
        """Import the pictures as the draft says; the same draft again gives the same import."""
        job = self.get_object()
        known = import_of(job.study, job.payload["upload"])
        if known is None and not shown_by(job).rows:
            raise Refusal("No picture can come in as the draft reads them. Look again, with what is missing said.")
        payload = {"upload": job.payload["upload"], "name": job.payload["name"], "manifest": job.result.get("manifest", "")}
        return queued(known or queue_import(study=job.study, **payload, user=request.user))

    @extend_schema(tags=["images"], responses={(200, "text/csv"): OpenApiTypes.STR})
    @action(detail=True, methods=["get"])
    def manifest(self, request, pk):
        """The drafted manifest.csv."""
        job = self.get_object()
        shown_by(job)
        return HttpResponse(kept_upload(job.result["manifest"]).read_bytes(), content_type="text/csv; charset=utf-8")


class ImportOut(serializers.ModelSerializer):
    study = serializers.SlugField(source="study.slug")
    rejected = RowProblemOut(many=True)

    class Meta:
        model = ImportRun
        fields = ("id", "study", "source", "created", "unchanged", "rejected", "notes", "started_at", "finished_at")


class ImportFilter(django_filters.FilterSet):
    study = django_filters.CharFilter(field_name="study__slug")

    class Meta:
        model = ImportRun
        fields = ("study",)


@extend_schema_view(list=extend_schema(tags=["images"]), retrieve=extend_schema(tags=["images"]))
class ImportViewSet(viewsets.ReadOnlyModelViewSet):
    """What imports did, the newest first, with every row that was not taken in."""

    serializer_class = ImportOut
    renderer_classes = (JSONRenderer,)
    filterset_class = ImportFilter
    queryset = ImportRun.objects.none()
    lookup_value_regex = r"\d+"

    def get_queryset(self):
        coordinated = studies_with(self.request.user, Role.COORDINATOR)
        return ImportRun.objects.filter(study__in=coordinated).select_related("study").order_by("-started_at", "-pk")


class SplitIn(serializers.Serializer):
    study = serializers.SlugField()
    per_class = serializers.IntegerField(
        min_value=1, max_value=200_000, allow_null=True, default=None, help_text="Test items of every class; null: the test set stays."
    )
    folds = serializers.IntegerField(min_value=0, max_value=MOST_FOLDS, default=5, help_text="Of the training items; 0: none.")
    seed = serializers.IntegerField(min_value=0, max_value=LARGEST_SEED, default=0)


class ClassSplitOut(serializers.Serializer):
    code = serializers.CharField()
    train = serializers.IntegerField()
    test = serializers.IntegerField()
    neither = serializers.IntegerField()


class SplitOut(serializers.Serializer):
    classes = ClassSplitOut(many=True)
    most_per_class = serializers.IntegerField(help_text="The largest test set of every class that the bank could give.")
    fixed = serializers.ListField(child=serializers.CharField(), help_text="What rests on the present test set and holds it.")
    folds_fixed = serializers.ListField(child=serializers.CharField(), help_text="What rests on the present folds.")


def split_of(study: Study) -> dict:
    return {
        "classes": [
            {"code": code, "train": counts["train"], "test": counts["test"], "neither": counts[""]}
            for code, _, counts in split_counts(study)
        ],
        "most_per_class": most_per_class(study),
        "fixed": standing_against(study, test_set=True),
        "folds_fixed": standing_against(study, test_set=False),
    }


class Split(APIView):
    """Which items are for training and which for testing."""

    @extend_schema(
        tags=["images"], responses=SplitOut, parameters=[OpenApiParameter("study", OpenApiTypes.STR, required=True)]
    )
    def get(self, request):
        """Items of every class by split."""
        return Response(SplitOut(split_of(study_called(request.user, request.query_params.get("study", ""), *WORKING_ROLES))).data)

    @extend_schema(tags=["images"], request=SplitIn, responses=SplitOut)
    def post(self, request):
        """Draw a test set, folds, or both; refused while something rests on the present ones."""
        data = SplitIn(data=request.data)
        data.is_valid(raise_exception=True)
        wanted = dict(data.validated_data)
        study = study_called(request.user, wanted.pop("study"), Role.COORDINATOR)
        draw_split(study=study, user=request.user, **wanted)
        return Response(SplitOut(split_of(study)).data)


routes = [("drafts", DraftViewSet, "api-draft"), ("imports", ImportViewSet, "api-import")]
urlpatterns = [
    path("images/import/", Archives.as_view(), name="api-images-import"),
    path("images/split/", Split.as_view(), name="api-split"),
    *upload_patterns,
]
