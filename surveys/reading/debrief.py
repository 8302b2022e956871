"""A reader's own results. They hold truth: nothing here answers before a release, after it, or to another reader's link."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from statistics import median

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from imagebank.models import Study
from surveys.core.own_results import coarse
from surveys.languages import own_language
from surveys.models import SurveyItem
from surveys.reading.access import seated
from surveys.reading.context import words_for
from surveys.reading.images import survey_item_image
from surveys.services.ending.debriefing import note_debriefed, release_for
from surveys.services.ending.own_results import OwnBlock, OwnItem, results_to_show


def debriefed(view: Callable) -> Callable:
    """Like `seated`, with the sitting's release as `request.release`; without one there is nothing here."""

    @seated
    @wraps(view)
    def wrapper(request: HttpRequest, token: str, survey_response, **kwargs) -> HttpResponse:
        request.release = release_for(survey_response)
        if request.release is None:
            raise Http404
        return view(request, token, survey_response, **kwargs)

    return wrapper


@require_GET
@debriefed
def results(request, token, survey_response):
    """How the reader did, block by block, and what was answered to every image."""
    request.release = note_debriefed(survey_response, request.release)
    context = results_context(
        study=survey_response.reader.study,
        blocks=results_to_show(survey_response, request.release),
        network=request.release.network,
        item_address=lambda number: reverse("surveys:own-item", kwargs={"token": token, "number": number}),
    )
    context |= {"group": survey_response.group, "simulated": survey_response.simulated, "token": token}
    context |= {"frozen_at": request.release.others_frozen_at}
    return render(request, "surveys/own_results.html", context)


@require_GET
@debriefed
def one_item(request, token, survey_response, number):
    """One thing that was read, with the answer, the truth and the network's answer; wrong ones come first."""
    request.release = note_debriefed(survey_response, request.release)
    context = item_context(
        study=survey_response.reader.study,
        blocks=results_to_show(survey_response, request.release, among_others=False),
        number=number,
        item_address=lambda number: reverse("surveys:own-item", kwargs={"token": token, "number": number}),
        image_address=lambda name: reverse("surveys:own-image", kwargs={"token": token, "public_id": name}),
    )
    context |= {"overview": reverse("surveys:own-results", kwargs={"token": token}), "network": request.release.network}
    return render(request, "surveys/own_item.html", context)


@require_GET
@debriefed
def image(request, token, survey_response, public_id):
    """A picture of the reader's own sitting that the release shows; of any other there is nothing here."""
    blocks = results_to_show(survey_response, request.release, among_others=False)
    shown = {item.public_id for block in blocks for item in block.items if item.frames}
    if public_id not in shown:
        raise Http404
    items = SurveyItem.objects.select_related("block", "stimulus").order_by()
    survey_item = get_object_or_404(items, block__survey=survey_response.survey_id, public_id=public_id)
    return survey_item_image(survey_response.reader.study, survey_item, request.GET.get("place", "1"))


def results_context(
    *, study: Study, blocks: Sequence[OwnBlock], network, item_address: Callable[[int], str]
) -> dict:
    """Context of the page of results, the same for its reader and for a coordinator who looks at it before."""
    numbers = {item.public_id: number for number, (_block, item) in enumerate(_in_order(blocks), start=1)}
    return {
        "study": study,
        "protocol": study.protocol,
        "own": own_language(study.protocol),
        "network": network,
        "pictured": any(item.frames for block in blocks for item in block.items),
        "first_item": item_address(1),
        "blocks": [_block_words(study, block, numbers, item_address) for block in blocks],
    }


def _block_words(study: Study, block: OwnBlock, numbers: Mapping[str, int], item_address) -> dict:
    share, names = block.share, dict(block.classes)
    ranked = sorted(block.items, key=lambda item: (item.rank, item.position))
    return {
        "block": block,
        "heading": words_for(study, block.view)["heading"],
        "noun": words_for(study, block.view)["noun"],
        "share": share,
        "against": share.against(block.chance),
        "chance": round(100 * block.chance),
        "others": _others_words(block.others),
        "asked": block.question.prompt,
        "confusion": [
            {"truth": name, "cells": [(count, code == code_of_row and count) for code, count in zip((*names, ""), row, strict=True)]}
            for (code_of_row, name), row in zip(block.classes, block.confusion, strict=True)
        ],
        "items": [_item_words(item, block) | {"address": item_address(numbers[item.public_id])} for item in ranked],
    }


def _others_words(others: Sequence[float]) -> dict | None:
    if not others:
        return None
    shown = [coarse(share) for share in others]
    percent = [round(100 * share) for share in (shown[0], shown[-1], median(shown))]
    return {"count": len(others), "least": percent[0], "most": percent[1], "middle": percent[2]}


def _item_words(item: OwnItem, block: OwnBlock) -> dict:
    names = dict(block.named) | {"": _("no answer")}
    named = lambda code: names.get(code, code)  # noqa: E731
    return {
        "item": item,
        "answer": named(item.judged.answer),
        "truth": named(item.judged.truth),
        "network": None if item.network is None else named(item.network),
        "network_right": item.network == item.judged.truth,
        "second": None if item.second is None else named(item.second),
        "second_right": item.second == item.judged.truth,
    }


def _in_order(blocks: Sequence[OwnBlock]) -> list[tuple[OwnBlock, OwnItem]]:
    pairs = [(block, item) for block in blocks for item in block.items]
    return sorted(pairs, key=lambda pair: (pair[1].rank, pair[1].block, pair[1].position))


def item_context(
    *,
    study: Study,
    blocks: Sequence[OwnBlock],
    number: int,
    item_address: Callable[[int], str],
    image_address: Callable[[str], str],
) -> dict:
    """Context of the page of one item, by its number in the order wrong, blank, right; another number raises Http404."""
    ordered = _in_order(blocks)
    if not 1 <= number <= len(ordered):
        raise Http404
    block, item = ordered[number - 1]
    words = words_for(study, block.view)
    return {
        "study": study,
        "protocol": study.protocol,
        "own": own_language(study.protocol),
        "words": words,
        "asked": block.question.prompt,
        "number": number,
        "count": len(ordered),
        "shown": _item_words(item, block),
        "pictures": [f"{image_address(item.public_id)}?place={place}" for place in range(1, item.frames + 1)],
        "previous": item_address(number - 1) if number > 1 else "",
        "next": item_address(number + 1) if number < len(ordered) else "",
    }
