"""What one reader may see of the own sitting after a release: every answer beside the truth, by block."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from imagebank.models import Study
from surveys.core.own_results import (
    FEWEST_OTHERS,
    Judged,
    Share,
    Strip,
    by_sureness,
    confusion,
    mix_ups,
    share_right,
    strip_of,
)
from surveys.models import (
    Answer,
    Block,
    DebriefRelease,
    ImportedReading,
    Reader,
    SurveyItem,
    SurveyResponse,
)
from surveys.questions import Question, questions_of
from surveys.questions.definition import DIAGNOSIS, FIXED_CHOICES

from ..sitting.assistance import assisted_question
from .debriefing import may_show_picture
from .others import others_of, question_of, rows_of, standing_answers, truth_of

NOT_SURE = "not_sure"  # an answer to a pair that is never right


@dataclass(frozen=True)
class OwnItem:
    """One thing that was read and what was answered. position: its number among what is shown here. frames: how many pictures
    it shows, 0 where none may be."""

    public_id: str
    block: int
    position: int
    judged: Judged
    network: str | None
    second: str | None
    frames: int

    @property
    def rank(self) -> int:
        """Wrong ones come first, then those left blank, then the right ones."""
        return 2 if self.judged.is_right else 0 if self.judged.answer else 1


@dataclass(frozen=True)
class OwnBlock:
    """One block as its reader's results show it.

    named: (code, words) of every answer that there was; chance: the share that guessing reaches.
    """

    position: int
    view: str
    question: Question
    named: tuple[tuple[str, str], ...]
    chance: float
    items: tuple[OwnItem, ...]
    left_out: int
    others: tuple[float, ...]
    network: Share | None = None
    second: Share | None = None
    strip: Strip | None = None

    @property
    def classes(self) -> tuple[tuple[str, str], ...]:
        """What can be right, in the order in which it was offered."""
        return tuple(row for row in self.named if row[0] != NOT_SURE)

    @property
    def judged(self) -> list[Judged]:
        return [item.judged for item in self.items]

    @property
    def share(self) -> Share:
        return share_right(self.judged)

    @property
    def confusion(self) -> list[list[int]]:
        return confusion(self.judged, [code for code, _ in self.classes])

    @property
    def mix_ups(self) -> list[tuple[str, str, int]]:
        """The most frequent ones, with the names of the classes."""
        names = dict(self.classes)
        found = mix_ups(self.judged, list(names))
        return [(names.get(truth, truth), names[answer], count) for truth, answer, count in found]

    @property
    def sureness(self) -> list[tuple[int, int, Share]]:
        return by_sureness(self.judged)


def own_results(
    survey_response: SurveyResponse,
    *,
    with_pictures: bool,
    network: Reader | None,
    among_others: bool = True,
    release: DebriefRelease | None = None,
) -> list[OwnBlock]:
    """The results of one sitting, block by block; blocks without any answer that can be right or wrong are left out.

    Only first showings count. Of a rating study only what was rated: neither obvious pictures nor repeats are told apart, nor
    shown. Cases without a reference class and those taken out of the bank afterwards are left out and counted. among_others: off
    where the others of the group, whose answers must be read for it, are not asked for; release: by which they may be frozen.
    """
    study = survey_response.reader.study
    blocks = list(Block.objects.filter(survey=survey_response.survey_id).order_by("position"))
    return [
        found
        for block in blocks
        if (question := question_of(study, block.view)) is not None
        and (found := _own_block(survey_response, block, question, with_pictures, network, among_others, release)) is not None
    ]


def results_to_show(survey_response: SurveyResponse, release: DebriefRelease, *, among_others: bool = True) -> list[OwnBlock]:
    return own_results(
        survey_response, with_pictures=release.with_pictures, network=release.network, among_others=among_others, release=release
    )  # fmt: skip


def _own_block(
    response: SurveyResponse, block: Block, question: Question, with_pictures: bool, network: Reader | None, among_others: bool,
    release: DebriefRelease | None,
) -> OwnBlock | None:
    study = response.reader.study
    items = list(rows_of(study, block))
    truth = truth_of(study, items)
    counted = [row for row in items if row.pk in truth and row.item.excluded_at is None]
    if not counted:
        return None
    named = _named(study, question)
    standing = standing_answers(study, question, survey_response=response, survey_item__block=block)
    sure = _confidence(response, block) if question.kind == DIAGNOSIS else {}
    seconds = _seconds(response, block)
    beside = _answers_of(network, response, block) if network else None
    rows = []
    for number, row in enumerate(counted, start=1):  # not its page: gaps would tell which were obvious or came again
        answer, confidence = standing.get((response.pk, row.pk), ("", None))
        judged = Judged(truth[row.pk], answer, confidence if confidence is not None else sure.get(row.pk))
        rows.append(
            OwnItem(
                public_id=row.public_id, block=block.position, position=number, judged=judged,
                network=beside.get(row.item_id, "") if beside is not None else None,
                second=seconds.get(row.pk, "") if seconds is not None else None,
                frames=_frames(row) if with_pictures else 0,
            )  # fmt: skip
        )
    own, chance = share_right([row.judged for row in rows]), 1 / sum(code != NOT_SURE for code, _words in named)
    others = tuple(others_of(response, block.view, release)) if among_others else ()
    if len(others) < FEWEST_OTHERS:
        others = ()
    return OwnBlock(
        position=block.position,
        view=block.view,
        question=question,
        named=named,
        chance=chance,
        items=tuple(rows),
        left_out=len(items) - len(counted),
        others=others,
        network=_share(rows, "network") if beside is not None else None,
        second=_share(rows, "second") if seconds is not None else None,
        strip=strip_of(own.value, others, chance),
    )


def _share(rows: list[OwnItem], name: str) -> Share:
    return Share(sum(getattr(row, name) == row.judged.truth for row in rows), len(rows))


def _frames(row: SurveyItem) -> int:
    """How many pictures may be shown of it: all of them, or none when one may not."""
    if row.stimulus is None:
        return int(may_show_picture(row.item))
    frames = row.stimulus.frames.all()
    return len(frames) if all(may_show_picture(frame.image.item) for frame in frames) else 0


def _named(study: Study, question: Question) -> tuple[tuple[str, str], ...]:
    """Every answer that there was, in the order in which it was offered, in the words that the page had."""
    if question.kind == DIAGNOSIS:
        return tuple(study.classes.order_by("position").values_list("code", "name"))
    usual = dict(FIXED_CHOICES[question.kind])
    rows = question.choices or FIXED_CHOICES[question.kind]
    return tuple((code, _(words) if usual.get(code) == words else words) for code, words in rows)


def _confidence(response: SurveyResponse, block: Block) -> dict[int, float]:
    """How sure the reader was of each diagnosis, where the study asks."""
    codes = [question.code for question in questions_of(response.reader.study.protocol) if question.kind == "confidence"]
    rows = Answer.objects.standing().given().filter(survey_response=response, survey_item__block=block, question__in=codes[:1])
    return dict(rows.order_by().values_list("survey_item", "value"))


def _seconds(response: SurveyResponse, block: Block) -> dict[int, str] | None:
    """What was answered with a network's output in sight, where the study asks twice."""
    question = assisted_question(response.reader.study.protocol, block.view)
    if question is None:
        return None
    rows = Answer.objects.standing().given().filter(survey_response=response, survey_item__block=block, question=question.code)
    return dict(rows.order_by().values_list("survey_item", "value"))


def _answers_of(network: Reader, response: SurveyResponse, block: Block) -> Mapping[int, str]:
    """The network's answers by item, to the same items in the same view."""
    imported = ImportedReading.objects.filter(reader=network, view__in=[block.view, ""], showing=1)
    found = dict(imported.order_by().values_list("item", "chosen__code"))
    rows = Answer.objects.standing().given().diagnoses()
    rows = rows.filter(survey_response__reader=network, survey_item__block__survey=response.survey_id,
                       survey_item__block__view=block.view)  # fmt: skip
    return found | dict(rows.order_by().values_list("survey_item__item", "chosen__code"))
