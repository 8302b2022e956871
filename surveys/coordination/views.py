"""The coordinator's pages about surveys: the seats at a glance, the certificate, previews."""

from functools import wraps
from typing import NamedTuple

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from imagebank.permissions import allowed_in_archive, require_role
from surveys.coordination.certificate_pictures import certificate_pictures, match_tables
from surveys.coordination.pages import download, page
from surveys.coordination.seat_grid import live_cells, seat_grid
from surveys.languages import own_language, words_of
from surveys.models import Block, Seat, Stimulus, Survey, SurveyItem
from surveys.reading.context import block_context, counted, page_context, practice_stimuli, stimuli_to_practise
from surveys.reading.images import practice_image, survey_item_image
from surveys.reading.outputs import map_picture, outputs_of_block, practice_items
from surveys.services import control_of_block, create_survey_set, release_expired_seats, replace_seat, verify_survey_set
from surveys.services.setting_up.design import design_text

WORDS = ("landing", "consent", "about", "instructions", "practice")


class PreviewPlace(NamedTuple):
    """One page on the reader's way: its name in the address, what it is called, and where its preview is."""

    name: str
    label: str
    url: str


def preview_places(survey: Survey) -> list[PreviewPlace]:
    """Every page that a reader of `survey` passes, in order."""
    where = {"slug": survey.survey_set.study.slug, "code": survey.code}

    def words(name: str, label: str) -> PreviewPlace:
        return PreviewPlace(name, label, reverse("surveys:preview-words", kwargs=where | {"name": name}))

    blocks = list(survey.blocks.select_related("survey__survey_set__study").order_by("position"))
    practised = {block.position: _practises(block) for block in blocks}
    places = [words(name, name) for name in WORDS if name != "practice" or practised[1]]
    for block in blocks:
        if block.position > 1:
            places.append(words(f"break-{block.position}", "break"))
            if practised[block.position]:
                places.append(words(f"practice-{block.position}", "practice"))
        url = reverse("surveys:preview", kwargs=where | {"position": block.position})
        places.append(PreviewPlace(str(block.position), block.view, url))
    return [*places, words("thanks", "thanks")]


def _practises(block: Block) -> bool:
    """Whether there is practice before a block: of a rating study its own stimuli of the kind, else a drawn picture before the first."""
    if block.survey.survey_set.study.protocol.stimuli:
        return practice_stimuli(block).exists()
    return block.position == 1


def in_the_readers_language(view):
    """A page as its readers see it, in the language in which the study addresses them."""

    @wraps(view)
    def wrapper(request, *args, **kwargs):
        with words_of(getattr(request.study, "protocol", None)):
            return view(request, *args, **kwargs)

    return wrapper


class DrawForm(forms.Form):
    seed = forms.IntegerField(
        min_value=0,
        max_value=2**53,
        initial=2021,
        help_text="The same seed, the same surveys.",
        widget=forms.NumberInput(attrs={"class": "form-control"}),
    )


@require_GET
@require_role("coordinator")
def overview(request, slug):
    return page(request, "overview", grid=seat_grid(request.study), draw_form=DrawForm())


@require_POST
@require_role("coordinator")
def draw(request, slug):
    """Draw the surveys once, from the seed in the form."""
    form = DrawForm(request.POST)
    if form.is_valid():
        try:
            create_survey_set(study=request.study, seed=form.cleaned_data["seed"])
            return redirect("surveys:certificate", slug=slug)
        except ValidationError as error:
            form.add_error(None, error)
    return page(request, "overview", 422, grid=seat_grid(request.study), draw_form=form)


@require_http_methods(["GET", "HEAD", "POST"])
@require_role("coordinator")
@allowed_in_archive
def certificate(request, slug):
    """The stored certificate in pictures and words; a press recomputes it from the stored surveys."""
    survey_set = get_object_or_404(request.study.survey_sets)
    verified = None
    if request.method == "POST":
        try:
            verified = verify_survey_set(survey_set=survey_set)
        except ValidationError as error:
            messages.error(request, error.messages[0])
    shown = (verified.certificate if verified else survey_set.certificate)["properties"]
    return page(
        request,
        "certificate",
        verified=verified,
        holds=all(row["holds"] for row in shown if row["kind"] == "promise"),
        promises=[row for row in shown if row["kind"] == "promise"],
        balances=[row for row in shown if row["kind"] != "promise"],
        beyond=sum(not row["holds"] for row in shown if row["kind"] != "promise"),
        match=match_tables(survey_set.design),
        pictures=certificate_pictures(survey_set),
        surveys=Survey.objects.filter(survey_set=survey_set).prefetch_related("blocks"),
    )


@require_GET
@require_role("coordinator")
def design_file(request, slug):
    survey_set = get_object_or_404(request.study.survey_sets)
    return download(design_text(survey_set), f"{slug}-design.json", "application/json")


@require_GET
@require_role("coordinator")
def seats(request, slug):
    """The grid alone, for the page to fetch again while reading goes on; anybody else gets the whole page."""
    if not request.htmx:
        return redirect("surveys:overview", slug=slug)
    return page(request, "_seat_grid", grid=seat_grid(request.study))


@require_GET
@require_role("coordinator")
def seat(request, slug, pk):
    """One seat: who held it, and what can be done."""
    from surveys.coordination.recruitment_views import InviteForm

    row = get_object_or_404(Seat.objects.of_study(request.study).select_related("survey", "group", "reader"), pk=pk)
    history = Seat.objects.filter(survey=row.survey, group=row.group).select_related("reader", "response")
    form = InviteForm(study=request.study, initial={"group": row.group, "survey": row.survey})
    cell = live_cells(request.study, Seat.objects.filter(pk=row.pk))[0]
    return page(request, "seat", seat=row, cell=cell, history=history.order_by("pk"), form=form)


@require_POST
@require_role("coordinator")
def replace(request, slug, pk):
    row = get_object_or_404(Seat.objects.of_study(request.study), pk=pk)
    try:
        row = replace_seat(seat=row, let_reader_finish=request.POST.get("let_reader_finish") == "yes")
        messages.success(request, "The seat is free again. What was answered there is kept.")
    except ValidationError as error:
        messages.error(request, error.messages[0])
    return redirect("surveys:seat", slug=slug, pk=row.pk)


@require_POST
@require_role("coordinator")
def release(request, slug):
    released = release_expired_seats(study=request.study)
    messages.success(request, f"{released} expired seat{'' if released == 1 else 's'} freed.")
    return redirect("surveys:overview", slug=slug)


@csrf_exempt  # the readers' own templates carry no token; nothing is saved here
@require_http_methods(["GET", "HEAD", "POST"])
@require_role("coordinator")
@allowed_in_archive
@in_the_readers_language
def preview_words(request, slug, code, name):
    """A page before, between or after the blocks, as its reader sees it; pressing its button goes on, saving nothing."""
    survey = get_object_or_404(Survey, survey_set__study=request.study, code=code)
    places = preview_places(survey)
    names = [place.name for place in places]
    if name not in names or name.isdecimal():
        raise Http404
    if request.method == "POST" and "chosen" not in request.POST:
        following = names.index(name) + 1
        certificate_page = reverse("surveys:certificate", kwargs={"slug": slug})
        return redirect(places[following].url if following < len(places) else certificate_page)
    study = request.study
    context = {"survey": survey, "preview": True, "places": places, "practice": "practice" in names, "own": own_language(study.protocol)}
    template = name
    if name == "about":
        context["questions"] = [
            question | {"value": "", "error": ""} for question in study.protocol.demographic_questions
        ]
    elif name.startswith("practice"):
        template = "practice"
        context |= _practice(survey.blocks.get(position=int(name.removeprefix("practice").strip("-") or 1)), request.POST.get("chosen"))
    elif name.startswith("break-"):
        template = "break"
        block = get_object_or_404(survey.blocks, position=int(name.removeprefix("break-")))
        context |= {"survey_block": block, "blocks": survey.blocks.count(), "practice": f"practice-{block.position}" in names}
        context["exposure_ms"] = study.protocol.stimuli.get(block.view, {}).get("exposure_ms")
        context["counted"] = counted(study, block.view, block.survey_items.count())
    elif name == "thanks":
        context["survey_response"] = {"finished_at": timezone.now()}
    return page(request, template, **context)


def _practice(block: Block, chosen: str | None) -> dict:
    """The context of the practice before a block: a rating study's own stimuli of its kind, or the drawn picture."""
    study = block.survey.survey_set.study
    if study.protocol.stimuli:
        where = {"slug": study.slug}
        items = stimuli_to_practise(block, lambda name: reverse("surveys:practice-picture", kwargs=where | {"public_id": name}))
    else:
        items = practice_items(study, block.view, chosen)
    # Practised as a rater does, but its pictures are served to the coordinator who is signed in.
    return page_context(study=study, view=block.view, items=items, wanted="1", step=None, client={"signed_in": True})


@require_GET
@require_role("coordinator")
@in_the_readers_language
def preview(request, slug, code, position):
    """A block as its reader sees it; nothing is saved."""
    survey = get_object_or_404(Survey, survey_set__study=request.study, code=code)
    block = get_object_or_404(survey.blocks.select_related("survey"), position=position)
    context = block_context(
        study=request.study,
        block=block,
        answers={},
        step=request.GET.get("step"),
        wanted=request.GET.get("image", "1"),
        image_address=lambda name: reverse("surveys:picture", kwargs={"slug": slug, "public_id": name}),
        client={"preview": True},
        examples=outputs_of_block(
            request.study, block, lambda name: reverse("surveys:output-map-preview", kwargs={"slug": slug, "public_id": name}),
            control=control_of_block(block),
        ),
    )
    context["own"] = own_language(request.study.protocol)
    return page(request, "preview", preview=True, survey=survey, places=preview_places(survey), **context)


@require_GET
@require_role("coordinator")
def picture(request, slug, public_id):
    return survey_item_image(request.study, _survey_item(request.study, public_id), request.GET.get("place", "1"))


@require_GET
@require_role("coordinator")
def practice_picture(request, slug, public_id):
    """A frame of a stimulus for practice, as long as every other of its kind for practice, as a rater gets it."""
    practice = request.study.stimuli.filter(role=Stimulus.Role.PRACTICE)
    stimulus = get_object_or_404(practice, public_id=public_id)
    return practice_image(stimulus, practice.filter(kind=stimulus.kind), request.GET.get("place", "1"))


@require_GET
@require_role("coordinator")
def output_map(request, slug, public_id):
    return map_picture(request.study, _survey_item(request.study, public_id))


def _survey_item(study, public_id: str) -> SurveyItem:
    items = SurveyItem.objects.filter(block__survey__survey_set__study=study)
    return get_object_or_404(items.select_related("block", "stimulus"), public_id=public_id)
