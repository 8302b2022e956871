"""The pages that readers see, from the personal link to the thanks."""

from uuid import UUID, uuid4

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from surveys.languages import own_language
from surveys.models import Block, SurveyItem, SurveyResponse, ViewingEvent
from surveys.questions import Question, asked_about, latest_answers, open_questions, questions_of, standing_by_item
from surveys.reading.access import at_place, invited, seated
from surveys.reading.asking import value_from_form
from surveys.reading.context import block_context, counted, page_context, practice_stimuli, stimuli_to_practise
from surveys.reading.images import practice_image, survey_item_image
from surveys.reading.outputs import practice_items, seen_outputs
from surveys.reading.places import place_of
from surveys.services import (
    finish_response,
    open_block,
    prepare_block,
    record_answer,
    record_consent,
    record_demographics,
    record_instructions_read,
    record_practice,
    record_viewing_event,
    seal_block,
    start_response,
)
from surveys.services.ending.debriefing import release_for
from surveys.services.ending.participation import participation_of


def _study(request: HttpRequest):
    return request.invitation.reader.study


def _page(request: HttpRequest, template: str, status: int = 200, **context) -> HttpResponse:
    study = _study(request)
    shared = {"study": study, "protocol": study.protocol, "own": own_language(study.protocol)}
    return render(request, f"surveys/{template}.html", shared | context, status=status)


def _go_on(token: str, survey_response: SurveyResponse) -> HttpResponse:
    return redirect(place_of(survey_response).address(token))


@require_http_methods(["GET", "HEAD", "POST"])
@invited
def landing(request, token):
    """What the link is for. Only an explicit press starts; looking at the page uses nothing up."""
    started = getattr(request.invitation, "response", None)
    if request.method == "POST":
        try:
            return _go_on(token, start_response(invitation=request.invitation))
        except ValidationError as error:
            return _page(request, "landing", 409, refusal=error.messages[0])
    return _page(request, "landing", started=started, after=_afterwards(token, started))


def _afterwards(token: str, survey_response: SurveyResponse | None) -> dict[str, str]:
    """Addresses of what there is for who has finished; nothing of results before they are released."""
    if survey_response is None:
        return {}
    found = {"results": release_for(survey_response), "certificate": participation_of(survey_response)}
    names = {"results": "surveys:own-results", "certificate": "surveys:participation"}
    return {name: reverse(names[name], kwargs={"token": token}) for name, there in found.items() if there}


@require_http_methods(["GET", "HEAD", "POST"])
@at_place("consent")
def consent(request, token, survey_response):
    if request.method == "POST":
        survey_response = record_consent(survey_response=survey_response)
        if not _study(request).protocol.demographic_questions:
            survey_response = record_demographics(survey_response=survey_response, answers={})
        return _go_on(token, survey_response)
    return _page(request, "consent")


@require_http_methods(["GET", "HEAD", "POST"])
@at_place("about")
def about(request, token, survey_response):
    """The questions about the reader; wrong answers come back beside their question, the others are kept."""
    errors = {}
    if request.method == "POST":
        try:
            return _go_on(token, record_demographics(survey_response=survey_response, answers=request.POST))
        except ValidationError as error:
            errors = error.message_dict
    questions = [
        question | {"value": request.POST.get(question["code"], ""), "error": errors.get(question["code"], [""])[0]}
        for question in _study(request).protocol.demographic_questions
    ]
    return _page(request, "about", 422 if errors else 200, questions=questions, errors=errors)


@require_http_methods(["GET", "HEAD", "POST"])
@at_place("instructions")
def instructions(request, token, survey_response):
    practice = _practice_items(token, survey_response)
    if request.method == "POST":
        survey_response = record_instructions_read(survey_response=survey_response)
        if not practice:
            survey_response = _begin(survey_response)
        return _go_on(token, survey_response)
    return _page(request, "instructions", practice=practice)


@require_http_methods(["GET", "HEAD", "POST"])
@at_place("practice")
def practice(request, token, survey_response):
    """Pictures to try the buttons with, none of the study's own. Whatever is chosen is forgotten."""
    if request.method == "POST" and "chosen" not in request.POST:
        return _go_on(token, _begin(survey_response))
    return _practice_page(request, _first_block(survey_response), _practice_items(token, survey_response))


def _practice_page(request, block: Block, items: list[dict]) -> HttpResponse:
    items[0]["chosen"] = request.POST.get("chosen")
    context = page_context(study=_study(request), view=block.view, items=items, wanted="1", step=None, client={})
    return _page(request, "practice", **context)


def _first_block(survey_response: SurveyResponse) -> Block:
    return survey_response.survey.blocks.order_by("position")[0]


def _practice_items(token: str, survey_response: SurveyResponse) -> list[dict]:
    """A drawn picture, or in a rating study its stimuli for practice of the first block's kind; there may be none."""
    study, first = survey_response.survey.survey_set.study, _first_block(survey_response)
    return _stimuli_to_practise(token, first) if study.protocol.stimuli else practice_items(study, first.view)


def _stimuli_to_practise(token: str, block: Block) -> list[dict]:
    return stimuli_to_practise(block, lambda name: reverse("surveys:image", kwargs={"token": token, "public_id": name}))


def _begin(survey_response: SurveyResponse) -> SurveyResponse:
    survey_response = record_practice(survey_response=survey_response)
    _open(survey_response, _first_block(survey_response))
    return survey_response


def _open(survey_response: SurveyResponse, block: Block) -> None:
    prepare_block(study=survey_response.reader.study, block=block)
    open_block(survey_response=survey_response, block=block)


@require_http_methods(["GET", "HEAD", "POST"])
@at_place("break")
def take_break(request, token, survey_response, block):
    """A page to breathe before a block; going on opens it, or leads to what is there to practise with: its kind is seen first here, so
    that nothing in it tells of what came before."""
    items = _stimuli_to_practise(token, block) if block.position > 1 else []
    practises = bool(items) and "practice" in request.GET
    if request.method == "POST" and items and not practises:
        return redirect(f"{place_of(survey_response).address(token)}?practice=1")
    if request.method == "POST":
        _open(survey_response, block)
        return _go_on(token, survey_response)
    if practises:
        return _practice_page(request, block, items)
    study = _study(request)
    return _page(
        request,
        "break",
        survey_block=block,
        practice=items,
        counted=counted(study, block.view, block.survey_items.count()),
        blocks=survey_response.survey.blocks.count(),
        exposure_ms=study.protocol.stimuli.get(block.view, {}).get("exposure_ms"),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@at_place("block")
def block_page(request, token, survey_response, block):
    """One block: every image at its place, the questions, and at the end what was skipped.

    The page's script saves in the background; without it the same form posts here, one step at a time.
    """
    if request.method == "POST":
        return _answer_by_form(request, token, survey_response, block)
    latest = latest_answers(survey_response)  # first: an answer that comes meanwhile must not seem to be known to the page
    standing = standing_by_item(survey_response, survey_item__block=block)
    names = dict(block.survey_items.values_list("pk", "public_id"))
    masked = ViewingEvent.objects.filter(survey_response=survey_response, kind=ViewingEvent.Kind.MASKED)
    context = block_context(
        study=_study(request),
        block=block,
        latest={names[item]: sequence for item, sequence in latest.items() if item in names},
        answers={names[item]: answers for item, answers in standing.items()},
        wanted=request.GET.get("image"),
        step=request.GET.get("step"),
        masked=set(masked.values_list("survey_item__public_id", flat=True)),
        image_address=lambda name: reverse("surveys:image", kwargs={"token": token, "public_id": name}),
        client={
            "events": reverse("surveys:events", kwargs={"token": token}),
            "name": f"{survey_response.public_id}:{block.position}",
            "known": max(latest.values(), default=0),
            "output": reverse("surveys:output", kwargs={"token": token, "public_id": "ITEM"}),
        },
        outputs=seen_outputs(survey_response, token, block),
    )
    if context["current"]:
        context["output_address"] = reverse("surveys:output", kwargs={"token": token, "public_id": context["current"]["id"]})
    context["seal_address"] = reverse("surveys:seal", kwargs={"token": token, "position": block.position})
    return _page(request, "block", **context)


def _answer_by_form(request, token: str, survey_response: SurveyResponse, block: Block) -> HttpResponse:
    items = block.survey_items.select_related("block", "stimulus")
    survey_item = get_object_or_404(items, public_id=request.POST.get("item", ""))
    address = place_of(survey_response).address(token)
    asked = asked_about(questions_of(_study(request).protocol), survey_item)
    step = request.POST.get("step", "1")
    try:
        if request.POST.get("chosen"):
            _record_choice(request, survey_response, survey_item)
        else:
            _record_shown(survey_response, survey_item)
        for question in asked:
            value = value_from_form(question, request.POST) if str(question.step) == step and question.code else None
            if value is not None:
                record_answer(
                    survey_response=survey_response, survey_item=survey_item, question=question.code, value=value,
                    event_id=uuid4(),
                )  # fmt: skip
    except ValidationError:
        return redirect(f"{address}?image={survey_item.position}&step={step}")
    if request.POST.get("chosen") and _asked_beside(survey_response, survey_item, asked, step):
        return redirect(f"{address}?image={survey_item.position}&step={step}")
    later = [question.step for question in asked if step.isdecimal() and question.step > int(step)]
    still_open = open_questions(survey_response, [survey_item])[survey_item.pk]
    if later and not any(str(question.step) == step and question.code in still_open for question in asked):
        return redirect(f"{address}?image={survey_item.position}&step={min(later)}")
    last = block.survey_items.count()
    return redirect(f"{address}?image={survey_item.position + 1 if survey_item.position < last else 'end'}")


def _asked_beside(survey_response: SurveyResponse, survey_item: SurveyItem, asked: list[Question], step: str) -> bool:
    """Whether something asked beside the choice has no answer yet: a choice sends the plain form, before its reader came to that."""
    standing = standing_by_item(survey_response, survey_item=survey_item).get(survey_item.pk, {})
    return any(str(question.step) == step and question.code and question.code not in standing for question in asked)


def _record_choice(request, survey_response: SurveyResponse, survey_item: SurveyItem) -> None:
    try:
        event_id = UUID(request.POST.get("event_id", ""))
    except ValueError:
        raise Http404 from None
    chosen = get_object_or_404(_study(request).classes, code=request.POST["chosen"])
    record_answer(survey_response=survey_response, survey_item=survey_item, chosen=chosen, event_id=event_id)


def _record_shown(survey_response: SurveyResponse, survey_item: SurveyItem) -> None:
    """Who answers by the plain form has seen the image that stood beside it."""
    shown = ViewingEvent.objects.filter(survey_response=survey_response, survey_item=survey_item)
    if not shown.filter(kind=ViewingEvent.Kind.SHOWN).exists():
        record_viewing_event(
            survey_response=survey_response,
            survey_item=survey_item,
            kind=ViewingEvent.Kind.SHOWN,
            event_id=uuid4(),
            detail={"page": "plain form"},
        )


@require_http_methods(["GET", "HEAD", "POST"])
@at_place("block")
def seal(request, token, survey_response, block):
    """Seal the block for good; after the last one the survey is finished. Its address alone leads to where the reader is."""
    if request.method != "POST":
        return _go_on(token, survey_response)
    try:
        seal_block(survey_response=survey_response, block=block)
    except ValidationError as error:
        return _page(
            request,
            "not_sealed",
            409,
            message=error.messages[0],
            block_address=place_of(survey_response).address(token),
        )
    if place_of(survey_response).name == "thanks":
        finish_response(survey_response=survey_response)
    return _go_on(token, survey_response)


@require_GET
@at_place("thanks")
def thanks(request, token, survey_response):
    """The last page. A finish that was cut off between the last seal and here is made up for."""
    survey_response = finish_response(survey_response=survey_response)
    return _page(request, "thanks", survey_response=survey_response, after=_afterwards(token, survey_response))


@require_GET
@seated
def image(request, token, survey_response, public_id):
    """A picture of the block that is open now, or of the practice before it; of any other there is nothing here."""
    place, frame = place_of(survey_response), request.GET.get("place", "1")
    if place.name in ("practice", "break"):
        stimuli = practice_stimuli(place.block or _first_block(survey_response))
        return practice_image(get_object_or_404(stimuli, public_id=public_id), stimuli, frame)
    if place.name != "block":
        raise Http404
    items = SurveyItem.objects.select_related("block", "stimulus").order_by()
    return survey_item_image(_study(request), get_object_or_404(items, block=place.block, public_id=public_id), frame)
