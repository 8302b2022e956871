"""Readers, their invitations, and recruitment as numbers. Names and addresses are never in an answer."""

import django_filters
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from imagebank.permissions import allowed_in_archive
from surveys.api.access import READS_RESULTS, OfMyStudies, StudyField, require_coordinator
from surveys.models import Invitation, Letter, Reader, ReaderGroup, Survey
from surveys.services import (
    erase_contact,
    invite,
    queue_letters,
    record_bounce,
    record_reply,
    renew_invitation,
    revoke_invitation,
    withdraw_reader,
)
from surveys.services.recruiting.funnel import STAGES, funnel_rows


class ReaderOut(serializers.ModelSerializer):
    """`state`: invited, agreed, declined, reading, incomplete, complete, withdrawn, or recorded (networks, imported readings)."""

    study = serializers.SlugField(source="study.slug")
    group = serializers.SlugField(source="group.code")
    has_contact = serializers.SerializerMethodField()
    state = serializers.SerializerMethodField()
    analysed = serializers.SerializerMethodField()

    class Meta:
        model = Reader
        fields = (
            "id", "study", "code", "group", "kind", "simulated", "has_contact", "state", "analysed", "created_at",
        )  # fmt: skip

    def get_has_contact(self, reader) -> bool:
        return hasattr(reader, "contact")

    def get_analysed(self, reader) -> bool:
        return any(response.analysed for response in reader.responses.all())

    def get_state(self, reader) -> str:
        responses = list(reader.responses.all())
        if hasattr(reader, "withdrawal"):
            return "withdrawn"
        if reader.kind == Reader.Kind.MODEL or not (responses or reader.invitations.all()):
            return "recorded"
        if any(response.completed_at for response in responses):
            return "complete"
        if any(response.finished_at for response in responses):
            return "incomplete"
        if responses:
            return "reading"
        reply = getattr(reader, "reply", None)
        return "invited" if reply is None else "agreed" if reply.agreed else "declined"


class ReplyIn(serializers.Serializer):
    agreed = serializers.BooleanField()


class ErasedOut(serializers.Serializer):
    erased = serializers.BooleanField()


class ReaderFilter(django_filters.FilterSet):
    study = django_filters.CharFilter(field_name="study__slug")
    group = django_filters.CharFilter(field_name="group__code")

    class Meta:
        model = Reader
        fields = ("study", "group", "kind", "simulated", "code")


@extend_schema(tags=["readers"])
class ReaderViewSet(OfMyStudies, viewsets.ReadOnlyModelViewSet):
    """Readers by their codes: people and networks. Names and addresses stay in the vault."""

    serializer_class = ReaderOut
    queryset = Reader.objects.none()
    filterset_class = ReaderFilter

    def get_queryset(self):
        rows = Reader.objects.filter(study__in=self.my_studies()).select_related("study", "group", "contact", "reply", "withdrawal")
        return rows.prefetch_related("responses", "invitations").order_by("study", "group__position", "code")

    @extend_schema(request=None, responses=ErasedOut)
    @action(detail=True, methods=["post"])
    @allowed_in_archive
    def erase(self, request, pk):
        """Erase the reader's name and address; reader, seat and answers stay."""
        return Response({"erased": erase_contact(reader=self.get_object(), user=request.user)})

    @extend_schema(request=ReplyIn, responses=ReaderOut)
    @action(detail=True, methods=["post"])
    def reply(self, request, pk):
        """Note that an invited person agreed or declined; declining closes the links."""
        data = ReplyIn(data=request.data)
        data.is_valid(raise_exception=True)
        record_reply(reader=self.get_object(), **data.validated_data)
        return Response(ReaderOut(self.get_object()).data)

    @extend_schema(request=None, responses=ReaderOut)
    @action(detail=True, methods=["post"])
    @allowed_in_archive
    def withdraw(self, request, pk):
        """Delete for good every answer of a reader who withdraws, and close the links; the seat is free again."""
        withdraw_reader(reader=self.get_object(), user=request.user)
        return Response(ReaderOut(self.get_object()).data)

    @extend_schema(request=None, responses=ReaderOut)
    @action(detail=True, methods=["post"])
    def bounced(self, request, pk):
        """Note that the last letter to this reader came back."""
        record_bounce(reader=self.get_object())
        return Response(ReaderOut(self.get_object()).data)


class InvitationOut(serializers.ModelSerializer):
    """`link` is null except in the answer that creates or renews it: only its hash is kept."""

    study = serializers.SlugField(source="reader.study.slug")
    reader = serializers.CharField(source="reader.code")
    group = serializers.SlugField(source="reader.group.code")
    survey = serializers.CharField(source="seat.survey.code", allow_null=True, default=None)
    open = serializers.BooleanField(source="is_open")
    letters = serializers.SerializerMethodField()
    link = serializers.SerializerMethodField()

    class Meta:
        model = Invitation
        fields = (
            "id", "study", "reader", "group", "survey", "open", "expires_at", "revoked_at", "created_at", "letters", "link",
        )  # fmt: skip

    def get_letters(self, invitation) -> list[str]:
        return [f"{letter.kind}: {letter.state}" for letter in invitation.letters.all()]

    def get_link(self, invitation) -> str | None:
        return self.context.get("link")


class InvitationIn(serializers.Serializer):
    """With a survey its seat is reserved; without one a free seat is taken when reading starts."""

    study = StudyField()
    group = serializers.SlugField(max_length=60)
    survey = serializers.CharField(max_length=40, required=False, allow_blank=True)
    name = serializers.CharField(max_length=150, required=False, allow_blank=True)
    email = serializers.EmailField(required=False, allow_blank=True)
    send = serializers.BooleanField(default=False, help_text="Send the link by e-mail instead of answering with it.")

    def validate(self, data):
        study = data["study"]
        group = ReaderGroup.objects.filter(study=study, code=data["group"]).first()
        if group is None:
            raise serializers.ValidationError({"group": "The study has no such group."})
        survey = None
        if data.get("survey"):
            survey = Survey.objects.filter(survey_set__study=study, code=data["survey"]).first()
            if survey is None:
                raise serializers.ValidationError({"survey": "The study has no such survey."})
        if data["send"] and not data.get("email"):
            raise serializers.ValidationError({"email": "A letter needs an address."})
        return data | {"group": group, "survey": survey}


class InvitationFilter(django_filters.FilterSet):
    study = django_filters.CharFilter(field_name="reader__study__slug")
    reader = django_filters.CharFilter(field_name="reader__code")
    group = django_filters.CharFilter(field_name="reader__group__code")
    survey = django_filters.CharFilter(field_name="seat__survey__code")
    revoked = django_filters.BooleanFilter(field_name="revoked_at", lookup_expr="isnull", exclude=True)

    class Meta:
        model = Invitation
        fields = ("study", "reader", "group", "survey", "revoked")


@extend_schema_view(list=extend_schema(tags=["invitations"]), retrieve=extend_schema(tags=["invitations"]))
class InvitationViewSet(OfMyStudies, viewsets.ReadOnlyModelViewSet):
    """Personal links. The link itself is in the creating or renewing answer and nowhere else."""

    serializer_class = InvitationOut
    queryset = Invitation.objects.none()
    filterset_class = InvitationFilter

    def get_queryset(self):
        rows = Invitation.objects.filter(reader__study__in=self.my_studies())
        rows = rows.select_related("reader__study", "reader__group", "seat__survey").prefetch_related("letters")
        return rows.order_by("-created_at", "-pk")

    def answer(self, invitation: Invitation, raw: str | None = None, status: int = 200) -> Response:
        link = None
        if raw is not None:
            link = self.request.build_absolute_uri(reverse("surveys:landing", kwargs={"token": raw}))
        return Response(InvitationOut(invitation, context={"link": link}).data, status=status)

    @extend_schema(tags=["invitations"], request=InvitationIn, responses={201: InvitationOut})
    def create(self, request):
        """Invite somebody; the answer holds the link, this one time, unless it is sent by e-mail."""
        data = InvitationIn(data=request.data, context=self.get_serializer_context())
        data.is_valid(raise_exception=True)
        wanted = dict(data.validated_data)
        study, send = wanted.pop("study"), wanted.pop("send")
        require_coordinator(request.user, study)
        invitation, raw = invite(**wanted)
        if send:
            queue_letters(study=study, invitations=[invitation], kind=Letter.Kind.INVITATION, user=request.user)
            return self.answer(invitation, status=201)
        return self.answer(invitation, raw, status=201)

    @extend_schema(tags=["invitations"], request=None, responses=InvitationOut)
    @action(detail=True, methods=["post"])
    def revoke(self, request, pk):
        """Close the reader's links to this seat; a seat only reserved becomes free."""
        return self.answer(revoke_invitation(invitation=self.get_object()))

    @extend_schema(tags=["invitations"], request=None, responses={201: InvitationOut})
    @action(detail=True, methods=["post"])
    def renew(self, request, pk):
        """A new link in place of the earlier ones; it leads to the same seat and sitting."""
        return self.answer(*renew_invitation(invitation=self.get_object()), status=201)


class ProgressOut(serializers.Serializer):
    study = serializers.SlugField()
    group = serializers.SlugField()
    stage = serializers.ChoiceField(choices=[*STAGES, "simulated"])
    reason = serializers.CharField(
        allow_blank=True, help_text="Empty: reached the stage; else why some went no further."
    )
    readers = serializers.IntegerField()


class ProgressViewSet(OfMyStudies, mixins.ListModelMixin, viewsets.GenericViewSet):
    """The recruitment funnel as flat records: contacted, agreed, started, completed, analysed."""

    roles = READS_RESULTS
    serializer_class = ProgressOut
    pagination_class = None
    filter_backends = ()
    queryset = Reader.objects.none()

    @extend_schema(
        tags=["readers"],
        parameters=[OpenApiParameter("study", str, description="The study's slug; without it all of yours.")],
        responses=ProgressOut(many=True),
    )
    def list(self, request):
        """Per group and stage how many people; with a reason, how many of them went no further and why."""
        studies = self.my_studies()
        if request.query_params.get("study"):
            studies = studies.filter(slug=request.query_params["study"])
        rows = [{"study": study.slug, **row} for study in studies.order_by("pk") for row in funnel_rows(study)]
        return Response(ProgressOut(rows, many=True).data)
