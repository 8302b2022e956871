"""Pictures as a reader gets them: pixels and nothing else, in files that nothing but the picture tells apart."""

import re

from django.http import Http404, HttpResponse

from imagebank.models import ItemImage, Study
from surveys.models import Stimulus, SurveyItem
from surveys.services.sitting.pictures import Part, parts_of_block, parts_of_stimuli, picture_for_reader


def survey_item_image(study: Study, survey_item: SurveyItem, place: str = "1") -> HttpResponse:
    """The picture of a survey item of `study` without metadata, file name or validators, as long as every other of its block.

    It is the item's in the block's view, or of a stimulus the frame that is shown at `place`, counted from 1.
    """
    block = survey_item.block
    if survey_item.stimulus is not None:
        part = part_at(survey_item.stimulus, place, survey_item.order)
    else:
        images = ItemImage.objects.filter(item=survey_item.item_id, view=block.view)
        image = images.order_by().values_list("pk", flat=True).first()
        if image is None:
            raise Http404
        part = Part(image)
    return _picture(study, block.view, parts_of_block(study, block), part, f"{survey_item.public_id} {place}")


def practice_image(stimulus: Stimulus, others, place: str = "1") -> HttpResponse:
    """A frame of a stimulus for practice, as long as those of all the `others` for practice."""
    part = part_at(stimulus, place)
    return _picture(stimulus.study, stimulus.kind, parts_of_stimuli(others), part, f"{stimulus.public_id} {place}")


def part_at(stimulus: Stimulus, place: str, order: list[int] | None = None) -> Part:
    """What a stimulus shows at `place`: number of the frame as shown, or a grid's source, such as "row2" or "column1"."""
    head = re.fullmatch("(row|column)([1-9][0-9]?)", place)
    if head:
        heads = stimulus.heads()
        boxes = heads.rows if head[1] == "row" else heads.columns
        if int(head[2]) > len(boxes):
            raise Http404
        return Part(heads.image.pk, boxes[int(head[2]) - 1])
    frames = list(stimulus.frames.order_by("position"))
    shown = order or list(range(1, len(frames) + 1))
    if not place.isdecimal() or len(place) > 4 or not 1 <= int(place) <= len(shown):
        raise Http404
    frame = frames[shown[int(place) - 1] - 1]
    return Part(frame.image_id, tuple(frame.box))


def _picture(study, view: str, parts: list[Part], part: Part, salt: str) -> HttpResponse:
    data, content_type = picture_for_reader(study=study, view=view, parts=parts, part=part, salt=salt)
    response = HttpResponse(data, content_type=content_type)
    response["Content-Disposition"] = "inline"
    response["Cache-Control"] = "no-store"
    return response
