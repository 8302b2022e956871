"""The network's output on its way to the reader: as the page shows it, its map, and an example to practise with."""

from collections.abc import Callable, Collection

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from imagebank.models import Study
from surveys.models import Block, ShownOutput, SurveyItem, SurveyResponse, ViewingEvent
from surveys.questions import Question
from surveys.reading.access import seated
from surveys.reading.places import place_of
from surveys.services import assisted_question, hand_out_output, handed_out, shown_output

EXAMPLE_SHARE = 0.6


def output_for_page(output: ShownOutput, question: Question, map_address: str) -> dict:
    """What the page shows of an output, as far as the question lets it: the class answered, shares by class, the map.

    answer: code of the class, "" where the network abstains, None where its answer is not shown; `control`: nothing is.
    """
    answer = output.answer.code if output.answer else ""
    return _shown(question, answer, output.probabilities, map_address if output.map_file else "")


def _shown(question: Question, answer: str, shares: dict[str, float], map_address: str) -> dict:
    return {
        "answer": answer if "answer" in question.shows else None,
        "shares": shares if "probabilities" in question.shows else {},
        "map": map_address if "map" in question.shows else "",
    }


def nothing_for_page() -> dict:
    """What the page shows in the control arm: that there is no output."""
    return {"answer": None, "shares": {}, "map": "", "control": True}


def seen_outputs(survey_response: SurveyResponse, token: str, block: Block) -> dict[str, dict]:
    """The outputs of a block that the reader has seen, by the survey item's public id."""
    study = survey_response.reader.study
    if assisted_question(study.protocol, block.view) is None:
        return {}
    seen = handed_out(survey_response, survey_item__block=block)
    control = {item for item, kind in seen.items() if kind == ViewingEvent.Kind.CONTROL}
    return outputs_of_block(study, block, lambda name: _map_address(token, name), control=control, pk__in=seen)


def outputs_of_block(
    study: Study, block: Block, map_address: Callable[[str], str], *, control: Collection[int] = (), **narrowed
) -> dict[str, dict]:
    """The outputs of a block's survey items, as the page shows them, by public id. control: of which it shows none."""
    question = assisted_question(study.protocol, block.view)
    if question is None:
        return {}
    places = block.survey_items.filter(**narrowed).values_list("pk", "item", "public_id")
    rows = ShownOutput.objects.filter(assistance__study=study, view=block.view).select_related("answer")
    shown = {row.item_id: row for row in rows.filter(item__in=[item for _, item, _ in places])}
    return {
        name: nothing_for_page() if pk in control else output_for_page(shown[item], question, map_address(name))
        for pk, item, name in places
        if item in shown
    }


def practice_items(study: Study, view: str, chosen: str | None = None) -> list[dict]:
    """The drawn picture to practise with, none of the study's own; twice where readers may see no output the second time."""
    item = {"id": "practice", "chosen": chosen, "image": static("surveys/practice.svg"), "answers": {}}
    example, question = example_output(study, view), assisted_question(study.protocol, view)
    if example is None:
        return [item]
    items = [item | {"example": example}]
    if question.control:
        items.append(item | {"id": "practice-again", "chosen": None, "answers": {}, "example": nothing_for_page()})
    return items


def example_output(study: Study, view: str) -> dict | None:
    """An output made up for practice: the first class, said with some doubt. None where the study asks no second answer."""
    question = assisted_question(study.protocol, view)
    codes = list(study.classes.order_by("position").values_list("code", flat=True))
    if question is None or not codes:
        return None
    rest = (1 - EXAMPLE_SHARE) / max(1, len(codes) - 1)
    shares = {code: EXAMPLE_SHARE if place == 0 else rest for place, code in enumerate(codes)}
    return _shown(question, codes[0], shares, "")


def _map_address(token: str, public_id: str) -> str:
    return reverse("surveys:output-map", kwargs={"token": token, "public_id": public_id})


def _items(block):
    return SurveyItem.objects.filter(block=block).select_related("block", "stimulus", "item")


@require_POST
@seated
def output(request, token, survey_response, public_id):
    """Hand the output out: as data to the page's script, or back to the page where the plain form asks for it."""
    place, plain = place_of(survey_response), "text/html" in request.headers.get("Accept", "")
    survey_item = _items(place.block).filter(public_id=public_id).first() if place.name == "block" else None
    if survey_item is None:
        return _sealed(place, token, public_id, plain)
    try:
        found = hand_out_output(survey_response=survey_response, survey_item=survey_item)
    except ValidationError as error:
        refused = {"why": error.messages[0], "code": getattr(error, "code", None) or ""}
        return _back(place, token, survey_item) if plain else JsonResponse(refused, status=409)
    if plain:
        return _back(place, token, survey_item)
    if found is None:
        return JsonResponse(nothing_for_page())
    question = assisted_question(survey_response.reader.study.protocol, place.block.view)
    return JsonResponse(output_for_page(found, question, _map_address(token, public_id)))


def _sealed(place, token: str, public_id: str, plain: bool) -> HttpResponse:
    """What a window is told that still shows an image of a part that was sealed in another; of other images there is nothing here."""
    if place.name == "block":
        before = {"block__survey": place.block.survey_id, "block__position__lt": place.block.position}
        get_object_or_404(SurveyItem, public_id=public_id, **before)
    gone = {"why": _("The answers of this block are sealed."), "code": "sealed"}
    return redirect(place.address(token)) if plain else JsonResponse(gone, status=409)


def _back(place, token: str, survey_item: SurveyItem) -> HttpResponse:
    return redirect(f"{place.address(token)}?image={survey_item.position}")


@require_GET
@seated
def output_map(request, token, survey_response, public_id):
    """The picture under the map, once the output was handed out and while its block is open."""
    place = place_of(survey_response)
    if place.name != "block":
        raise Http404
    survey_item = get_object_or_404(_items(place.block), public_id=public_id)
    if ViewingEvent.Kind.OUTPUT not in handed_out(survey_response, survey_item=survey_item).values():
        raise Http404
    return map_picture(survey_response.reader.study, survey_item)


def map_picture(study: Study, survey_item: SurveyItem) -> HttpResponse:
    """The file of an item's map as its readers see it."""
    question, found = assisted_question(study.protocol, survey_item.block.view), shown_output(study, survey_item)
    if question is None or found is None or not found.map_file or "map" not in question.shows:
        raise Http404
    with found.map_file.open("rb") as file:
        response = HttpResponse(file.read(), content_type="image/jpeg")
    response["Content-Disposition"] = "inline"
    response["Cache-Control"] = "no-store"
    return response
