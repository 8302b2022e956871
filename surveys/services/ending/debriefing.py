"""Readers learn how they did: whether they may, and the press that lets them. Before it no reader meets a truth."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from imagebank.models import Item, ItemImage, Provenance, Study
from imagebank.services.archive import require_changeable
from imagebank.services.removal import rooms
from imagebank.services.trail import note_deed
from surveys.models import DebriefRelease, Reader, StudyProtocol, SurveyItem, SurveyResponse

from .closing import shows_results
from .others import dots_of, freeze_others, items_left_out, keep_dots

# A manifest column of this name with one of these words keeps a picture out of every debrief, whatever is released.
MARK, MARKED = "debrief", ("no", "false", "0")


@dataclass(frozen=True)
class Condition:
    """One thing that must be so before readers learn the truth, and what to do where it is not."""

    words: str
    met: bool
    remedy: str = ""


def standing_release(study: Study) -> DebriefRelease | None:
    """The release by which readers of `study` see their results now; None before it, after it, and in the archive."""
    if not hasattr(study, "protocol") or not shows_results(study):
        return None
    return DebriefRelease.objects.standing().filter(study=study).select_related("network").first()


def release_for(survey_response: SurveyResponse) -> DebriefRelease | None:
    """The release by which this sitting's reader sees the results: only who sealed the last block has any."""
    if survey_response.finished_at is None:
        return None
    return standing_release(survey_response.reader.study)


def conditions_of(study: Study) -> list[Condition]:
    """What must be so before a release, in the order in which a study comes to it."""
    protocol = StudyProtocol.objects.filter(study=study).first()
    offered = bool(protocol and protocol.debrief_offered)
    finished = finished_sittings(study).exists()
    rows = [
        Condition("Readers were told so before they answered", offered, "The set-up says it, and is fixed since the first answer."),
        Condition("Recruitment is closed", bool(protocol and protocol.recruitment_closed_at), "Close it first."),
        Condition("Reading is closed", bool(protocol and protocol.reading_closed_at), "Close it first."),
        Condition("Somebody has sealed a whole survey", finished, "Nobody has results to see."),
    ]
    faults = [fault for room in rooms() for fault in getattr(room, "before_debrief", lambda study: [])(study)]
    return [*rows, Condition("The comparison is computed", not faults, " ".join(faults))]


def finished_sittings(study: Study) -> QuerySet[SurveyResponse]:
    """The sittings whose readers have results to see."""
    sittings = SurveyResponse.objects.of_study(study).filter(reader__kind=Reader.Kind.HUMAN, finished_at__isnull=False)
    return sittings.exclude(invitation=None)


def networks_of(study: Study) -> QuerySet[Reader]:
    """The networks whose answers can stand beside the readers' own: those that answered the surveys or were imported."""
    answered = Q(responses__answers__isnull=False) | Q(imported_readings__isnull=False)
    return study.readers.filter(answered, kind=Reader.Kind.MODEL).distinct()


def release_debrief(*, study: Study, with_pictures: bool, network: Reader | None = None, user=None) -> DebriefRelease:
    """Let every reader who finished see which answers were right.

    What is not met yet raises ValidationError, as does a release that stands already with other choices; the same again
    returns it.
    """
    # Before the transaction: of a large study it takes seconds, in which others want to save.
    left_out = items_left_out(study).count()
    dots = dots_of(study) if standing_release(study) is None and not _unmet(study) else []
    with transaction.atomic():
        study = Study.objects.select_for_update().get(pk=study.pk)
        require_changeable(study)
        unmet = _unmet(study)
        if unmet:
            raise ValidationError(unmet)
        if network is not None and not networks_of(study).filter(pk=network.pk).exists():
            raise ValidationError(f"{network} has answered nothing in this study; choose a network that has, or none.")
        standing = DebriefRelease.objects.standing().filter(study=study).first()
        if standing is not None:
            if (standing.with_pictures, standing.network) == (with_pictures, network):
                return standing
            raise ValidationError("The results are released already, with other choices. Withdraw them first.")
        note_deed(study=study, deed=f"results released to readers, {_with(with_pictures, network)}", user=user)
        release = DebriefRelease.objects.create(study=study, with_pictures=with_pictures, network=network, released_by=user, left_out=left_out)
        keep_dots(release, dots)
        return release


def _unmet(study: Study) -> list[str]:
    return [f"{row.words}: not yet. {row.remedy}" for row in conditions_of(study) if not row.met]


def _with(with_pictures: bool, network: Reader | None) -> str:
    return f"{'with' if with_pictures else 'without'} images, {f'with the answers of {network}' if network else 'without a network'}"


def withdraw_debrief(*, study: Study, user=None) -> DebriefRelease | None:
    """Show nothing of it any more, from the next request on; None when nothing is released. The row stays."""
    with transaction.atomic():
        study = Study.objects.select_for_update().get(pk=study.pk)
        standing = DebriefRelease.objects.standing().filter(study=study).first()
        if standing is not None:
            standing.withdrawn_at = timezone.now()
            standing.save(update_fields=["withdrawn_at"])
            if standing.others_frozen_at is None:
                standing.shares.all().delete()  # nobody was told
            note_deed(study=study, deed="readers' results withdrawn", user=user)
        return standing


def note_debriefed(survey_response: SurveyResponse, release: DebriefRelease) -> DebriefRelease:
    """Remember when a reader first saw the truth: from then on reading stays closed, and what is told of the others stays as it is.

    Again changes nothing; returns the release with its frozen figure.
    """
    SurveyResponse.objects.filter(pk=survey_response.pk, debriefed_at=None).update(debriefed_at=timezone.now())
    return freeze_others(release)


def may_show_picture(item: Item) -> bool:
    """Whether a debrief with pictures may show those of `item`: not of one taken out of the bank, nor of one marked so."""
    return item.excluded_at is None and str(item.attributes.get(MARK, "")).strip().lower() not in MARKED


@dataclass(frozen=True)
class PicturesShown:
    """Licences of the pictures that a release with pictures would show, each with how many, and how many stay hidden."""

    licences: Sequence[tuple[str, int]]
    hidden: int


def pictures_of(study: Study) -> PicturesShown:
    """What is noted about the pictures that readers of `study` saw."""
    items = Item.objects.filter(survey_items__block__survey__survey_set__study=study).distinct()
    shown = [item.pk for item in items if may_show_picture(item)]
    noted = Provenance.objects.filter(image__in=images_of_surveys(study).filter(item__in=shown))
    licences = noted.order_by().values_list("licence").annotate(Count("pk")).order_by("-pk__count", "licence")
    return PicturesShown([(licence or "none noted", count) for licence, count in licences], items.count() - len(shown))


def read_elsewhere(study: Study) -> QuerySet[Study]:
    """Other studies in which the same pictures are still being read: who is told the truth here could answer there."""
    pixels = images_of_surveys(study).values("pixel_sha256")
    open_studies = Study.objects.exclude(pk=study.pk).filter(
        archived_at=None, leaving_at=None, survey_sets__isnull=False, protocol__reading_closed_at=None
    )
    shows = SurveyItem.objects.filter(stimulus=None, item__images__pixel_sha256__in=pixels).values("block__survey__survey_set__study")
    rates = ItemImage.objects.filter(pixel_sha256__in=pixels, stimulus_frames__isnull=False).values("stimulus_frames__stimulus__study")
    return open_studies.filter(Q(pk__in=shows) | Q(pk__in=rates)).distinct()


def images_of_surveys(study: Study) -> QuerySet[ItemImage]:
    """The pictures that the surveys of `study` show."""
    frames = Q(stimulus_frames__stimulus__survey_items__block__survey__survey_set__study=study)
    views = Q(item__survey_items__block__survey__survey_set__study=study, item__survey_items__stimulus=None,
              view__in=study.protocol.view_order if hasattr(study, "protocol") else [])  # fmt: skip
    return ItemImage.objects.filter(pk__in=ItemImage.objects.filter(frames | views).values("pk"))
