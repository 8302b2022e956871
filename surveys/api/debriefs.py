"""What readers learn afterwards, as a resource: whether it may be released, the release, its letters, and taking it back.

Nobody's results are here, and no truth: readers see their own at their own link.
"""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from imagebank.models import Study
from imagebank.study_access import OfOneStudy
from surveys.api.access import COORDINATES, COORDINATORS_ONLY
from surveys.services import due_results, release_debrief, send_results, standing_release, withdraw_debrief
from surveys.services.ending.debriefing import conditions_of, finished_sittings, networks_of


class ConditionOut(serializers.Serializer):
    words = serializers.CharField()
    met = serializers.BooleanField()
    remedy = serializers.CharField(allow_blank=True)


class DebriefReleaseOut(serializers.Serializer):
    with_pictures = serializers.BooleanField()
    network = serializers.CharField(source="network.code", allow_null=True, default=None)
    released_at = serializers.DateTimeField()
    withdrawn_at = serializers.DateTimeField(allow_null=True)
    others_frozen_at = serializers.DateTimeField(allow_null=True, help_text="When the first reader looked; null: nobody has.")


class DebriefOut(serializers.Serializer):
    study = serializers.SlugField()
    conditions = ConditionOut(many=True)
    may_be_released = serializers.BooleanField()
    standing = DebriefReleaseOut(allow_null=True, help_text="The release by which readers see their results now.")
    earlier = DebriefReleaseOut(many=True)
    networks = serializers.ListField(child=serializers.CharField(), help_text="Those whose answers can stand beside the readers' own.")
    finished = serializers.IntegerField(help_text="Readers who have results to see.")
    looked = serializers.IntegerField()
    letters_due = serializers.IntegerField(help_text="Readers whose address is kept and who were not told yet.")


class DebriefReleaseIn(serializers.Serializer):
    """`confirm` is the study's slug: by this the truth about every image leaves the house."""

    confirm = serializers.CharField()
    with_pictures = serializers.BooleanField(default=False)
    network = serializers.CharField(required=False, allow_null=True, help_text="Code of a network; left out: none.")


class SentOut(serializers.Serializer):
    letters = serializers.IntegerField()


class DebriefViewSet(OfOneStudy):
    """The debrief of a study, by its slug; for its coordinators."""

    serializer_class = DebriefOut
    roles = COORDINATES
    refusal = COORDINATORS_ONLY

    def told(self, study: Study) -> Response:
        conditions, sittings, standing = conditions_of(study), finished_sittings(study), standing_release(study)
        found = {
            "study": study.slug, "conditions": conditions, "may_be_released": all(row.met for row in conditions), "standing": standing,
            "earlier": study.debrief_releases.exclude(withdrawn_at=None).select_related("network"),
            "networks": [network.code for network in networks_of(study)],
            "finished": sittings.count(), "looked": sittings.exclude(debriefed_at=None).count(),
            "letters_due": len(due_results(study=study)),
        }  # fmt: skip
        return Response(DebriefOut(found).data)

    @extend_schema(tags=["readers"], responses=DebriefOut)
    def retrieve(self, request, slug):
        """What is still to be done before a release, the release that stands, and how many have looked."""
        return self.told(self.get_study())

    @extend_schema(tags=["readers"], request=DebriefReleaseIn, responses=DebriefOut)
    @action(detail=True, methods=["post"])
    def release(self, request, slug):
        """Let every reader who has finished see which answers were right; the same again changes nothing."""
        study, data = self.get_study(), DebriefReleaseIn(data=request.data)
        data.is_valid(raise_exception=True)
        said = data.validated_data
        if said["confirm"] != study.slug:
            raise serializers.ValidationError({"confirm": f"Say {study.slug} to confirm that readers may learn the truth."})
        network = None
        if said.get("network"):
            network = networks_of(study).filter(code=said["network"]).first()
            if network is None:
                there = ", ".join(row.code for row in networks_of(study)) or "none"
                raise serializers.ValidationError({"network": f"No network of this code has answered; those that have: {there}."})
        release_debrief(study=study, with_pictures=said["with_pictures"], network=network, user=request.user)
        return self.told(study)

    @extend_schema(tags=["readers"], request=None, responses=DebriefOut)
    @action(detail=True, methods=["post"])
    def withdraw(self, request, slug):
        """Show nothing of it any more, from the next request on; where nothing is released nothing changes."""
        study = self.get_study()
        withdraw_debrief(study=study, user=request.user)
        return self.told(study)

    @extend_schema(tags=["readers"], request=None, responses={202: SentOut})
    @action(detail=True, methods=["post"])
    def letters(self, request, slug):
        """Tell those who finished, once each, where an address is kept."""
        return Response(SentOut({"letters": send_results(study=self.get_study(), user=request.user)}).data, status=202)
