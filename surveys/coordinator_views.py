"""The coordinator's pages: the survey set, its certificate, previews, seats, readers and exports."""

import json

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from imagebank.permissions import require_role
from surveys.core import Design
from surveys.core.design import SCHEMA as DESIGN_SCHEMA
from surveys.exports import ratings_csv, readings_csv
from surveys.models import Block, Invitation, Reader, ReaderGroup, Seat, Survey, SurveyItem
from surveys.reading_context import block_context
from surveys.reading_images import survey_item_image
from surveys.seat_grid import seat_grid
from surveys.services import (
    create_survey_set,
    erase_contact,
    invite,
    release_expired_seats,
    replace_seat,
    revoke_invitation,
)


class DrawForm(forms.Form):
    seed = forms.IntegerField(min_value=0, max_value=2**53, initial=2021, help_text="The same seed, the same surveys.")


class InviteForm(forms.Form):
    """Whom to invite: to one seat, or to whichever is free when reading starts."""

    group = forms.ModelChoiceField(queryset=ReaderGroup.objects.none(), empty_label=None)
    survey = forms.ModelChoiceField(
        queryset=Survey.objects.none(), required=False, empty_label="Any free seat, taken when reading starts"
    )
    name = forms.CharField(max_length=150, required=False)
    email = forms.EmailField(required=False, label="E-mail")

    def __init__(self, *args, study, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["group"].queryset = study.reader_groups.filter(kind="human")
        self.fields["survey"].queryset = Survey.objects.filter(survey_set__study=study)


def _page(request: HttpRequest, template: str, status: int = 200, **context) -> HttpResponse:
    study = request.study
    context |= {"study": study, "protocol": getattr(study, "protocol", None), "survey_set": study.survey_sets.first()}
    response = render(request, f"surveys/{template}.html", context, status=status)
    response["Cache-Control"] = "private, no-store"
    return response


@require_GET
@require_role("coordinator")
def overview(request, slug):
    return _page(request, "overview", grid=seat_grid(request.study), draw_form=DrawForm())


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
    return _page(request, "overview", 422, grid=seat_grid(request.study), draw_form=form)


@require_GET
@require_role("coordinator")
def certificate(request, slug):
    survey_set = request.study.survey_sets.first()
    if survey_set is None:
        return redirect("surveys:overview", slug=slug)
    surveys = Survey.objects.filter(survey_set=survey_set).prefetch_related("blocks")
    return _page(request, "certificate", certificate=survey_set.certificate, surveys=surveys)


@require_GET
@require_role("coordinator")
def design_file(request, slug):
    survey_set = get_object_or_404(request.study.survey_sets)
    # The database may have changed the order of keys; the file has the order, and so the bytes, of the drawn one.
    text = json.dumps(survey_set.design, ensure_ascii=False, indent=1)
    if survey_set.design.get("schema") == DESIGN_SCHEMA:
        text = Design.from_json(text).to_json()
    response = HttpResponse(text, "application/json")
    response["Content-Disposition"] = f'attachment; filename="{slug}-design.json"'
    return response


@require_GET
@require_role("coordinator")
def seats(request, slug):
    """The grid alone, for the page to fetch again while reading goes on; anybody else gets the whole page."""
    if not request.htmx:
        return redirect("surveys:overview", slug=slug)
    return _page(request, "_seat_grid", grid=seat_grid(request.study))


@require_GET
@require_role("coordinator")
def seat(request, slug, pk):
    """One seat: who held it, and what can be done."""
    row = get_object_or_404(Seat.objects.of_study(request.study).select_related("survey", "group", "reader"), pk=pk)
    history = Seat.objects.filter(survey=row.survey, group=row.group).select_related("reader", "response")
    form = InviteForm(study=request.study, initial={"group": row.group, "survey": row.survey})
    return _page(request, "seat", seat=row, history=history.order_by("pk"), form=form)


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
def renew(request, slug, pk):
    """A new link to the same seat and sitting, for a reader who lost theirs; the earlier one closes."""
    held = Seat.objects.of_study(request.study).filter(state__in=[Seat.State.RESERVED, Seat.State.STARTED])
    row = get_object_or_404(held, pk=pk)
    invitation, raw = invite(seat=row, reader=row.reader)
    return _show_link(request, invitation, raw)


@require_POST
@require_role("coordinator")
def release(request, slug):
    released = release_expired_seats(study=request.study)
    messages.success(request, f"{released} expired seat{'' if released == 1 else 's'} freed.")
    return redirect("surveys:overview", slug=slug)


@require_GET
@require_role("coordinator")
def readers(request, slug):
    rows = Reader.objects.filter(study=request.study).select_related("group", "contact")
    rows = rows.prefetch_related("invitations__seat__survey", "responses__survey")
    return _page(request, "readers", readers=rows, form=InviteForm(study=request.study))


@require_POST
@require_role("coordinator")
def invite_reader(request, slug):
    """Make a personal link and show it this one time."""
    form = InviteForm(request.POST, study=request.study)
    if form.is_valid():
        try:
            invitation, raw = invite(**form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return _show_link(request, invitation, raw)
    rows = Reader.objects.filter(study=request.study).select_related("group", "contact")
    return _page(request, "readers", 422, readers=rows, form=form)


def _show_link(request: HttpRequest, invitation: Invitation, raw: str) -> HttpResponse:
    link = request.build_absolute_uri(reverse("surveys:landing", kwargs={"token": raw}))
    return _page(request, "invited", invitation=invitation, link=link)


@require_POST
@require_role("coordinator")
def revoke(request, slug, pk):
    """Close every link of one reader."""
    reader = get_object_or_404(Reader, study=request.study, pk=pk)
    for invitation in Invitation.objects.filter(reader=reader, revoked_at=None):
        revoke_invitation(invitation=invitation)
    messages.success(request, f"The links of {reader} no longer work.")
    return redirect("surveys:readers", slug=slug)


@require_POST
@require_role("coordinator")
def erase(request, slug, pk):
    reader = get_object_or_404(Reader, study=request.study, pk=pk)
    erased = erase_contact(reader=reader)
    messages.success(request, f"{'Name and address erased' if erased else 'Nothing to erase'}: {reader}.")
    return redirect("surveys:readers", slug=slug)


@require_GET
@require_role("coordinator", "analyst")
def readings_file(request, slug):
    """Every reading with its truth, as CSV; `?analysed=1` for the analysed sittings alone."""
    text = readings_csv(request.study, analysed_only=request.GET.get("analysed") == "1")
    response = HttpResponse(text, "text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{slug}-readings.csv"'
    response["Cache-Control"] = "private, no-store"
    return response


@require_GET
@require_role("coordinator", "analyst")
def ratings_file(request, slug):
    """Every rating with what was shown, as CSV; `?analysed=1` for the analysed sittings alone."""
    text = ratings_csv(request.study, analysed_only=request.GET.get("analysed") == "1")
    response = HttpResponse(text, "text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{slug}-ratings.csv"'
    response["Cache-Control"] = "private, no-store"
    return response


@require_GET
@require_role("coordinator")
def preview(request, slug, code, position):
    """A block as its reader sees it; nothing is saved."""
    blocks = Block.objects.filter(survey__survey_set__study=request.study, survey__code=code)
    block = get_object_or_404(blocks.select_related("survey"), position=position)
    context = block_context(
        study=request.study,
        block=block,
        answers={},
        step=request.GET.get("step"),
        wanted=request.GET.get("image", "1"),
        image_address=lambda name: reverse("surveys:picture", kwargs={"slug": slug, "public_id": name}),
        client={"preview": True},
    )
    return _page(request, "preview", preview=True, others=blocks.order_by("position"), **context)


@require_GET
@require_role("coordinator")
def picture(request, slug, public_id):
    items = SurveyItem.objects.filter(block__survey__survey_set__study=request.study)
    items = items.select_related("block", "stimulus__study__protocol")
    return survey_item_image(get_object_or_404(items, public_id=public_id), request.GET.get("place", "1"))
