"""A network's output beside the second answer, or none: frozen before the first one, handed out after the reader's own."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from PIL import Image

from imagebank.models import DiagnosisClass, ItemImage, Study
from imagebank.services.archive import require_changeable
from imagebank.services.storing import store_bytes
from imagebank.services.trail import note_deed
from surveys.core.uniform import Chain, encode
from surveys.models import (
    Answer,
    Assistance,
    BlockSitting,
    ControlItem,
    Reader,
    ShownOutput,
    StudyProtocol,
    SurveyItem,
    SurveyResponse,
    ViewingEvent,
)
from surveys.questions import ASSISTED, Question, asked_about, questions_of, standing_by_item

from ..ending.closing import require_reading
from .control import control_fault, draw_control_items, is_control, is_control_as_asked
from .hold import hold_sitting
from .pictures import QUALITY, SUFFIXES, bare_pixels, chain_of

# Probabilities of a network that knows further classes add up to less than 1 over the study's own.
ROUNDING = 1e-6
DECIMALS = 6
ASKED_AGAIN = (ViewingEvent.Kind.OUTPUT, ViewingEvent.Kind.CONTROL)
OPACITY = 0.6  # the skin stays to be seen where a map is strongest


@dataclass(frozen=True)
class NetworkOutput:
    """What a network says of one picture. answer: code of a class of the study, "" where it abstains or answers another.

    probabilities: by class code, from 0 to 1. layer: a transparent picture of its map, of the picture's shape.
    """

    answer: str
    probabilities: Mapping[str, float]
    layer: Path | None = None


def assisted_question(protocol: StudyProtocol | None, view: str | None = None) -> Question | None:
    """The question that is answered with a network's output in sight, in the blocks `view` or in any; None without one."""
    if protocol is None or all(row.get("kind") != ASSISTED for row in protocol.questions):
        return None  # known without a question to the database, on every coordinator's page
    asked = (q for q in questions_of(protocol) if q.kind == ASSISTED and (view is None or q.is_asked_in(view)))
    return next(asked, None)


def assisted_questions(study: Study) -> dict[str, Question]:
    """By view, the question of its blocks that is answered with a network's output in sight."""
    protocol = StudyProtocol.objects.filter(study=study).select_related("study").first()
    found = {view: assisted_question(protocol, view) for view in (protocol.view_order if protocol else ())}
    return {view: question for view, question in found.items() if question}


def items_to_assist(study: Study) -> list[tuple[str, str]]:
    """(item code, view) of everything that readers answer a second time, in order."""
    rows = SurveyItem.objects.filter(block__survey__survey_set__study=study, block__view__in=assisted_questions(study))
    return list(rows.order_by("block__view", "item__code").values_list("item__code", "block__view").distinct())


def freeze_assistance(
    *,
    study: Study,
    network: str,
    outputs: Mapping[tuple[str, str], NetworkOutput],
    source: dict | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    user=None,
) -> Assistance:
    """Keep what readers will see of `network`: `outputs` by (item code, view), one for everything they answer twice.

    About which items a reader is asked again without any output is drawn and kept with it, where the study says so.
    Until the first answer another network, or newer output, takes the place of the former. Raises ValidationError when
    the study asks no second answer, has no surveys yet, has been read, or when an output is missing or is none.
    """
    wanted = require_to_assist(study)
    missing = [f"{code} ({view})" for code, view in wanted if (code, view) not in outputs]
    if missing:
        raise ValidationError(
            f"{network} must have answered the {len(wanted)} images that readers answer twice; it lacks {len(missing)}, "
            f"first {', '.join(missing[:3])}. Predict them first."
        )
    classes = {row.code: row for row in DiagnosisClass.objects.filter(study=study)}
    chains = {view: _chain(study, view) for view, asked in assisted_questions(study).items() if "map" in asked.shows}
    images = ItemImage.objects.filter(item__study=study).select_related("item")
    rows = []
    for done, (code, view) in enumerate(wanted):
        progress(done, len(wanted))
        image = images.get(item__code=code, view=view)
        rows.append(_row(image, outputs[code, view], classes, chains.get(view), f"{network} on {code} ({view})"))
    progress(len(wanted), len(wanted))
    with transaction.atomic():
        study = Study.objects.select_for_update().get(pk=study.pk)
        _require_unread(study)
        Assistance.objects.filter(study=study).delete()
        drawn_from, control = draw_control_items(study)
        sha256 = _sha256(network, rows, drawn_from, control)
        assistance = Assistance.objects.create(
            study=study, network=network, source=source or {}, control=drawn_from, sha256=sha256
        )
        for row in (*rows, *control):
            row.assistance = assistance
        ShownOutput.objects.bulk_create(rows, batch_size=500)
        ControlItem.objects.bulk_create(control, batch_size=500)
        note_deed(study=study, deed=f"the output of {network} frozen for the readers' second answers", user=user)
    return assistance


def require_to_assist(study: Study) -> list[tuple[str, str]]:
    """What has to be frozen; ValidationError where the study asks no second answer, has no surveys, or has been read."""
    require_changeable(study)
    if assisted_question(getattr(study, "protocol", None)) is None:
        raise ValidationError(
            f'{study.title} asks no second answer; a question of the kind "{ASSISTED}" in its study.toml would.'
        )
    wanted = items_to_assist(study)
    if not wanted:
        raise ValidationError(f"{study.title} has no surveys yet; draw them first, then a network can be put beside them.")
    _require_unread(study)
    return wanted


def is_read(study: Study) -> bool:
    """Whether a person, or a simulated one, has answered; networks read whenever they like."""
    return Answer.objects.of_study(study).filter(survey_response__reader__kind=Reader.Kind.HUMAN).exists()


def _require_unread(study: Study) -> None:
    if is_read(study):
        raise ValidationError(
            "What readers see of the network is fixed since the first answer; it can be changed in a new study."
        )


def _row(
    image: ItemImage, output: NetworkOutput, classes: Mapping[str, DiagnosisClass], chain: Chain | None, what: str
) -> ShownOutput:
    """The output as it is kept, unsaved. chain: of the picture under the map; None where readers see no map."""
    if output.answer and output.answer not in classes:
        raise ValidationError(f"{what} answers {output.answer!r}, which is none of {', '.join(classes)}.")
    shares = {name: float(output.probabilities.get(name, 0)) for name in classes}
    if not all(0 <= share <= 1 for share in shares.values()) or sum(shares.values()) > 1 + ROUNDING:
        raise ValidationError(f"{what} gives no probabilities: each must lie from 0 to 1, and their sum be at most 1.")
    if chain and output.layer is None:
        raise ValidationError(f"{what} has no map, and readers are to see one. Explain the network's answers first.")
    row = ShownOutput(item=image.item, view=image.view, answer=classes.get(output.answer))
    row.probabilities = {name: round(share, DECIMALS) for name, share in shares.items()}
    if chain:
        data = _under_map(image, output.layer, chain, what)
        row.map_file = store_bytes(folder="served", suffix=SUFFIXES["jpeg"], data=data)
        row.map_sha256 = hashlib.sha256(data).hexdigest()
    return row


def _chain(study: Study, view: str) -> Chain:
    """To the size in which readers see the view's pictures; as a JPEG, whatever the study serves."""
    return Chain(qualities=(QUALITY,), long_side=chain_of(study, view).long_side)


def _under_map(image: ItemImage, layer: Path, chain: Chain, what: str) -> bytes:
    """The picture as its readers see it, under the map."""
    picture = bare_pixels(image).convert("RGBA")
    try:
        with Image.open(layer) as drawn:
            colours = drawn.convert("RGBA").resize(picture.size, Image.Resampling.BILINEAR)
    except OSError as error:
        raise ValidationError(f"The map of {what} cannot be read from {layer.name}. Explain the network's answers again.") from error
    colours.putalpha(colours.getchannel("A").point(lambda alpha: alpha * OPACITY))
    return encode(Image.alpha_composite(picture, colours).convert("RGB"), chain)


def _sha256(network: str, rows: list[ShownOutput], drawn_from: dict, control: list[ControlItem]) -> str:
    content = [network] + [
        [row.item.code, row.view, row.answer.code if row.answer else "", row.probabilities, row.map_sha256] for row in rows
    ]
    if drawn_from:
        content += [["control", drawn_from], *sorted([row.group.code, row.survey_item.public_id] for row in control)]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def assistance_fault(assistance: Assistance) -> str | None:
    """Recompute the hash over everything that was frozen; None when it agrees, else a sentence."""
    rows = list(assistance.outputs.select_related("item", "answer").order_by("view", "item__code"))
    for row in rows:
        if not row.map_file:
            continue
        with row.map_file.open("rb") as file:
            if hashlib.sha256(file.read()).hexdigest() != row.map_sha256:
                return f"The map of {row.item.code} ({row.view}) is not the one that was frozen."
    control = list(assistance.control_items.select_related("group", "survey_item"))
    if _sha256(assistance.network, rows, assistance.control, control) != assistance.sha256:
        return f"What readers see of {assistance.network} is not what was frozen."
    return control_fault(assistance)


def require_assistance(study: Study) -> None:
    """Raise ValidationError, in words for the reader, when a second answer is asked and nothing is there to be seen."""
    if assisted_question(study.protocol) is None:
        return
    assistance = Assistance.objects.filter(study=study).first()
    if assistance is None or not is_control_as_asked(assistance):
        raise ValidationError(_("This study is not ready to be read yet. Please try again in a few days."))


def hand_out_output(*, survey_response: SurveyResponse, survey_item: SurveyItem) -> ShownOutput | None:
    """Let the reader see the network's output about one image, once the own answer stands; from then on that one is closed.

    None where the image is control: the reader is asked again without any output. Again returns the same.
    ValidationError when the image is not open, when no second answer is asked about it, and while a question before it
    is open.
    """
    study = survey_response.reader.study
    with transaction.atomic():
        hold_sitting(survey_response)
        require_reading(study)
        sitting = BlockSitting.objects.filter(survey_response=survey_response, block_id=survey_item.block_id)
        if not sitting.filter(sealed_at=None).exists():
            raise ValidationError(_("This image is not open for answers yet."), code="not-open")
        asked = asked_about(questions_of(study.protocol), survey_item)
        question = next((one for one in asked if one.kind == ASSISTED), None)
        output = shown_output(study, survey_item) if question else None
        if output is None:
            raise ValidationError(_("This question is not asked about this image."))
        given = standing_by_item(survey_response, survey_item=survey_item).get(survey_item.pk, {})
        if any(other.required and other.step < question.step and other.code not in given for other in asked):
            raise ValidationError(_("A question before this one is still open."), code="too-early")
        without = is_control(survey_response, survey_item)
        ViewingEvent.objects.get_or_create(
            event_id=uuid5(NAMESPACE_URL, f"output:{survey_response.public_id}:{survey_item.public_id}"),
            defaults={
                "survey_response": survey_response,
                "survey_item": survey_item,
                "kind": ViewingEvent.Kind.CONTROL if without else ViewingEvent.Kind.OUTPUT,
                "detail": {"assistance": output.assistance.sha256[:16]},
            },
        )
    return None if without else output


def shown_output(study: Study, survey_item: SurveyItem) -> ShownOutput | None:
    """What was frozen for a survey item."""
    rows = ShownOutput.objects.filter(assistance__study=study, item=survey_item.item_id, view=survey_item.block.view)
    return rows.select_related("answer", "assistance").first()


def handed_out(survey_response: SurveyResponse, **narrowed) -> dict[int, str]:
    """Of the survey items that the reader was asked about again, by primary key: the kind of event, OUTPUT or CONTROL."""
    seen = ViewingEvent.objects.filter(survey_response=survey_response, kind__in=ASKED_AGAIN, **narrowed)
    return dict(seen.order_by().values_list("survey_item", "kind"))
