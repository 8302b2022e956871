"""Recruitment as numbers: how many were contacted, agreed, started, completed and are analysed, and where others left."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from imagebank.models import Study
from surveys.models import Letter, Reader, ReaderGroup

STAGES = ("contacted", "agreed", "started", "completed", "analysed")
LOSSES = {
    "contacted": ("declined", "no answer yet", "letter came back", "link closed or expired"),
    "agreed": ("not started yet", "link closed before the start"),
    "started": ("reading", "stopped before the end", "too few answers", "withdrew"),
    "completed": ("another was first",),
}
MEANINGS = {
    "contacted": "Has a personal link, whether or not it was sent by e-mail from here.",
    "agreed": "Said so to a coordinator, or agreed to the consent text.",
    "started": "Opened the first block of images.",
    "completed": "Finished with enough questions answered.",
    "analysed": "First complete sitting of its seat.",
}


@dataclass(frozen=True)
class Funnel:
    """One group's numbers: people per stage, and per stage why some did not reach the next one."""

    group: ReaderGroup
    reached: dict[str, int]
    lost: dict[str, dict[str, int]]
    simulated: int


def funnels(study: Study, now: datetime | None = None) -> list[Funnel]:
    """The recruitment of every group of people. Simulated readers are counted apart and in no stage."""
    now = now or timezone.now()
    readers = Reader.objects.filter(study=study, kind=Reader.Kind.HUMAN).select_related("reply", "withdrawal")
    readers = readers.prefetch_related("invitations__letters", "responses__block_sittings", "responses__seat")
    by_group: dict[int, list[Reader]] = {}
    for reader in readers:
        by_group.setdefault(reader.group_id, []).append(reader)
    groups = study.reader_groups.filter(kind=ReaderGroup.Kind.HUMAN)
    return [_funnel(group, by_group.get(group.pk, []), now) for group in groups]


def _funnel(group: ReaderGroup, readers: list[Reader], now: datetime) -> Funnel:
    reached, lost = Counter(), {stage: Counter() for stage in LOSSES}
    people = [reader for reader in readers if not reader.simulated and reader.invitations.all()]
    for reader in people:
        stage, why = _standing(reader, now)
        reached.update(STAGES[: STAGES.index(stage) + 1])
        if why:
            lost[stage][why] += 1
    return Funnel(
        group=group,
        reached={stage: reached[stage] for stage in STAGES},
        lost={stage: {why: lost[stage][why] for why in reasons} for stage, reasons in LOSSES.items()},
        simulated=sum(reader.simulated for reader in readers),
    )


def _standing(reader: Reader, now: datetime) -> tuple[str, str]:
    """The last stage that a reader reached, and why it is the last so far ("" at the end)."""
    if hasattr(reader, "withdrawal"):
        return "started", "withdrew"
    responses = list(reader.responses.all())
    open_link = any(invitation.is_open(now) for invitation in reader.invitations.all())
    if any(response.analysed for response in responses):
        return "analysed", ""
    if any(response.completed_at for response in responses):
        return "completed", "another was first"
    if any(response.block_sittings.all() for response in responses):
        if any(response.finished_at for response in responses):
            return "started", "too few answers"
        return "started", "reading" if open_link else "stopped before the end"
    reply = getattr(reader, "reply", None)
    if reply is not None and not reply.agreed:
        return "contacted", "declined"
    if reply is not None or any(response.consented_at for response in responses):
        return "agreed", "not started yet" if open_link else "link closed before the start"
    letters = [letter for invitation in reader.invitations.all() for letter in invitation.letters.all()]
    if letters and max(letters, key=lambda letter: letter.pk).state in (Letter.State.BOUNCED, Letter.State.FAILED):
        return "contacted", "letter came back"
    return "contacted", "no answer yet" if open_link else "link closed or expired"


def funnel_rows(study: Study) -> list[dict]:
    """The funnel as flat records: group, stage, readers, and the losses as `stage: reason`."""
    rows = []
    for funnel in funnels(study):
        for stage in STAGES:
            rows.append({"group": funnel.group.code, "stage": stage, "reason": "", "readers": funnel.reached[stage]})
            for why, count in funnel.lost.get(stage, {}).items():
                rows.append({"group": funnel.group.code, "stage": stage, "reason": why, "readers": count})
        rows.append({"group": funnel.group.code, "stage": "simulated", "reason": "", "readers": funnel.simulated})
    return rows
