"""The coordinator's pages about people: readers, invitations one by one and by list, letters, the recruitment funnel."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from imagebank.models import Study, WorkerBeat
from imagebank.permissions import allowed_in_archive, only_to_change, require_role
from imagebank.tables import csv_text
from surveys.coordination.flow_figure import flow_figure
from surveys.coordination.pages import download, page, told
from surveys.models import Answer, Invitation, Letter, Reader, ReaderGroup, ReleasedShare, Seat, Survey
from surveys.services import (
    due_reminders,
    erase_contact,
    invite,
    invite_many,
    queue_letters,
    record_bounce,
    record_reply,
    renew_invitation,
    resume_letters,
    revoke_invitation,
    sample_letter,
    send_again,
    send_reminders,
    send_test_letter,
    withdraw_reader,
)
from surveys.services.ending.closing import gives_links
from surveys.services.ending.retention import erasure_due_at
from surveys.services.recruiting.funnel import MEANINGS, funnel_rows, funnels
from surveys.services.recruiting.invitation_list import (
    MOST_BYTES,
    list_of_addresses,
    read_invitation_list,
    text_of_list,
)
from surveys.services.recruiting.letters import answered_by
from surveys.services.recruiting.same_person import Elsewhere, elsewhere, elsewhere_of

PER_PAGE = 50
ACTIONS = (
    ("renew", "New link"),
    ("letter", "Send the letter again"),
    ("agreed", "Agreed"),
    ("declined", "Declined"),
    ("bounced", "Letter came back"),
    ("revoke", "Close links"),
)


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
        for field in self.fields.values():
            kind = "form-select" if isinstance(field, forms.ModelChoiceField) else "form-control"
            field.widget.attrs["class"] = kind


class ListForm(forms.Form):
    """A list of people, as a file or as text: typed, pasted from a mail program, or the one that was tried."""

    file = forms.FileField(required=False, label="CSV or XLSX file")
    text = forms.CharField(required=False, strip=False)
    group = forms.SlugField(required=False)
    how = forms.ChoiceField(required=False, choices=[("letters", "letters"), ("links", "links")], initial="letters")

    def data_of_list(self) -> bytes:
        upload = self.cleaned_data["file"]
        if (upload.size if upload else len(self.cleaned_data["text"])) > MOST_BYTES:
            raise ValidationError(f"The list is larger than {MOST_BYTES:,} bytes; split it.")
        text = list_of_addresses(self.cleaned_data["text"], self.cleaned_data["group"])
        data = upload.read() if upload else text.encode()
        if not data.strip():
            raise ValidationError("Paste the addresses, or choose a CSV or XLSX file with one person per row.")
        return data


@require_GET
@require_role("coordinator")
def readers(request, slug):
    return _readers(request, InviteForm(study=request.study))


def _readers(request: HttpRequest, form: InviteForm, status: int = 200) -> HttpResponse:
    rows = Reader.objects.filter(study=request.study).select_related("group", "contact", "reply", "withdrawal")
    rows = rows.prefetch_related("invitations__seat__survey", "invitations__letters", "responses__survey")
    wanted = request.GET.get("group", "")
    if wanted:
        rows = rows.filter(group__code=wanted)
    listed = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    for reader in listed:
        reader.offered = _offered(reader, request.study)
    return page(
        request,
        "readers",
        status,
        listed=listed,
        groups=request.study.reader_groups.all(),
        wanted=wanted,
        query=f"group={wanted}" if wanted else "",
        form=form,
        due=len(due_reminders(study=request.study)),
        post=_post(request.study),
        to_file=_to_file(),
        erased_at=erasure_due_at(getattr(request.study, "protocol", None)),
    )


def _offered(reader: Reader, study: Study) -> list[tuple[str, str]]:
    """What can be done about a reader at a press, as (name, words): what would be refused is not among it."""
    if study.archived_at or not hasattr(study, "protocol"):
        return []
    sittings = reader.responses.all()
    lets_in = gives_links(study, begun=bool(sittings))
    leads_to_results = gives_links(study, begun=False, finished=any(sitting.finished_at for sitting in sittings))
    offered = {"renew": lets_in or leads_to_results, "letter": lets_in}
    return [(name, words) for name, words in ACTIONS if offered.get(name, True)]


def _post(study) -> dict | None:
    """What the page says about letters that wait: how many, why, and whether a worker is there to send them."""
    waiting = Letter.objects.of_study(study).waiting()
    number = waiting.count()
    if not number:
        return None
    problem = waiting.exclude(problem="").values_list("problem", flat=True).first()
    return {"waiting": number, "problem": problem or "", "worker_lives": WorkerBeat.objects.lives()}


@require_http_methods(["GET", "HEAD", "POST"])
@require_role("coordinator")
def letters(request, slug):
    """The letters as readers get them, and a press that sends one to oneself or tries the waiting ones again."""
    study = request.study
    groups = list(study.reader_groups.filter(kind="human"))
    group = next((group for group in groups if group.code == request.GET.get("group")), groups[0] if groups else None)
    if request.method == "POST":
        if request.POST.get("do") == "resume":
            if told(request, "The letters are tried again.", resume_letters, study=study, user=request.user) is None:
                messages.info(request, "No letter waits, or they are being sent already.")
        elif group is None or request.POST.get("kind") not in dict(_kinds_of_letters(study)):
            raise Http404
        else:
            to = request.user.email
            done = f"A test letter is on its way to {to}; its link opens nothing."
            told(request, done, send_test_letter, kind=request.POST["kind"], group=group, to=to)
        return redirect("surveys:letters", slug=slug)
    samples = []
    if group is not None and hasattr(study, "protocol"):
        samples = [(kind, label, sample_letter(kind=kind, group=group)) for kind, label in _kinds_of_letters(study)]
    context = {"samples": samples, "groups": groups, "group": group, "post": _post(study), "to_file": _to_file(), "answered_by": answered_by(study)}
    return page(request, "letters", **context)


def _kinds_of_letters(study: Study) -> list[tuple[str, str]]:
    """The letters that readers of `study` may get: that about results only where they were told of it."""
    protocol = getattr(study, "protocol", None)
    if protocol is None:
        return []
    return [choice for choice in Letter.Kind.choices if choice[0] != Letter.Kind.RESULTS or protocol.debrief_offered]


def _to_file() -> bool:
    return settings.EMAIL_BACKEND.endswith(("filebased.EmailBackend", "console.EmailBackend"))


@require_POST
@require_role("coordinator")
def invite_reader(request, slug):
    """Make a personal link and show it this one time, or send it by e-mail."""
    form = InviteForm(request.POST, study=request.study)
    if form.is_valid():
        by_letter = request.POST.get("how") == "letter"
        if by_letter and not form.cleaned_data["email"]:
            form.add_error("email", "A letter needs an address.")
            return _readers(request, form, 422)
        try:
            invitation, raw = invite(**form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            if not by_letter:
                return _show_link(request, invitation, raw)
            queue_letters(study=request.study, invitations=[invitation], kind=Letter.Kind.INVITATION, user=request.user)
            messages.success(request, f"The invitation of {invitation.reader} is on its way.")
            for row in _who_know_the_images(request, invitation):
                messages.warning(request, f"{row.reader} of “{row.study.title}” has this address too, and that study shows the same images.")
            return redirect("surveys:readers", slug=slug)
    return _readers(request, form, 422)


def _show_link(request: HttpRequest, invitation: Invitation, raw: str) -> HttpResponse:
    return page(
        request, "invited", invitation=invitation, link=_link(request, raw), elsewhere=_who_know_the_images(request, invitation)
    )  # fmt: skip


def _who_know_the_images(request: HttpRequest, invitation: Invitation) -> list[Elsewhere]:
    """The person who is invited, in other studies that show the same images."""
    contact = getattr(invitation.reader, "contact", None)
    found = elsewhere(study=request.study, emails=[contact.email] if contact else [], user=request.user)
    return [row for rows in found.values() for row in rows if row.same_pictures]


def _link(request: HttpRequest, raw: str) -> str:
    return request.build_absolute_uri(reverse("surveys:landing", kwargs={"token": raw}))


@require_http_methods(["GET", "HEAD", "POST"])
@require_role("coordinator")
@only_to_change
def invite_list(request, slug):
    """Many invitations from a CSV file: a trial run first, then all or nobody."""
    groups = request.study.reader_groups.filter(kind="human")
    context = {"form": ListForm(), "groups": groups}
    if request.method != "POST":
        return page(request, "invite_list", **context)
    form = ListForm(request.POST, request.FILES)
    try:
        if not form.is_valid():
            raise ValidationError([text for texts in form.errors.values() for text in texts])
        data = form.data_of_list()
        if "confirm" in request.POST:
            return _invite_all(request, data, send=form.cleaned_data["how"] != "links")
        context["text"], context["notes"] = text_of_list(data)
        listed = read_invitation_list(request.study, context["text"].encode())
    except ValidationError as error:
        return page(request, "invite_list", 422, problems=error.messages, **context)
    if listed.invitees and not listed.errors:
        context["letter"] = sample_letter(kind=Letter.Kind.INVITATION, group=listed.invitees[0].group)
        known = elsewhere(study=request.study, emails=[row.email for row in listed.invitees], user=request.user)
        context["rows"] = [(row, known.get(row.email.lower(), [])) for row in listed.invitees]
        context["known"] = bool(known)
        context["reading_twice"] = sum(any(one.same_pictures for one in found) for found in known.values())
    return page(request, "invite_list", 422 if listed.errors else 200, listed=listed, **context)


def _invite_all(request: HttpRequest, data: bytes, send: bool) -> HttpResponse:
    done = invite_many(study=request.study, data=data, send=send, user=request.user)
    if not send:
        rows = ([row.invitation.reader.code, row.invitee.email, row.invitee.name, row.invitee.group.code,
                 row.invitee.survey.code if row.invitee.survey else "", _link(request, row.raw)] for row in done)  # fmt: skip
        text = csv_text(("reader", "email", "name", "group", "survey", "link"), rows)
        return download(text, f"{request.study.slug}-links.csv")
    messages.success(request, f"{len(done)} invitation{'' if len(done) == 1 else 's'} on the way.")
    return redirect("surveys:readers", slug=request.study.slug)


@require_POST
@require_role("coordinator")
def remind(request, slug):
    sent = send_reminders(study=request.study, user=request.user)
    messages.success(request, f"{sent} reminder{'' if sent == 1 else 's'} on the way.")
    return redirect("surveys:readers", slug=slug)


@require_POST
@require_role("coordinator")
def renew(request, slug, pk):
    """A new link to the same seat and sitting, for a reader who lost theirs; the earlier ones close."""
    held = Seat.objects.of_study(request.study).filter(state__in=[Seat.State.RESERVED, Seat.State.STARTED])
    row = get_object_or_404(held, pk=pk)
    done = f"A new link for {row.reader}; the earlier ones no longer work."
    made = told(request, done, invite, seat=row, reader=row.reader)
    return _show_link(request, *made) if made else redirect("surveys:seat", slug=slug, pk=pk)


@require_POST
@require_role("coordinator")
def reader_action(request, slug, pk, action):
    """One press about one reader: renew, letter again, close links, agreed, declined, letter came back. All can be put right again."""
    reader = get_object_or_404(Reader, study=request.study, pk=pk)
    if action == "renew":
        invitation = reader.invitations.order_by("-created_at", "-pk").first()
        if invitation is not None:
            result = told(
                request,
                f"A new link for {reader}; the earlier ones no longer work.",
                renew_invitation,
                invitation=invitation,
            )
            if result:
                return _show_link(request, *result)
    elif action == "revoke":
        for invitation in Invitation.objects.filter(reader=reader, revoked_at=None):
            revoke_invitation(invitation=invitation)
        messages.success(request, f"The links of {reader} no longer work.")
    elif action == "letter":
        done = f"The letter to {reader} is on its way; an earlier link goes on working."
        told(request, done, send_again, reader=reader, user=request.user)
    elif action in ("agreed", "declined"):
        told(request, f"Noted: {reader} {action}.", record_reply, reader=reader, agreed=action == "agreed")
    elif action == "bounced":
        told(request, f"Noted: the letter to {reader} came back.", record_bounce, reader=reader)
    return redirect("surveys:readers", slug=slug)


@require_http_methods(["GET", "HEAD", "POST"])
@require_role("coordinator")
@allowed_in_archive
def withdraw(request, slug, pk):
    """What withdrawing deletes, and the press that does it."""
    reader = get_object_or_404(Reader.objects.select_related("contact", "withdrawal"), study=request.study, pk=pk)
    if request.method == "POST":
        done = f"{reader} has withdrawn; the answers are deleted."
        told(request, done, withdraw_reader, reader=reader, user=request.user)
        return redirect("surveys:readers", slug=slug)
    answers = Answer.objects.filter(survey_response__reader=reader).count()
    responses = reader.responses.select_related("survey")
    dots = ReleasedShare.objects.filter(survey_response__in=responses).exists()
    return page(request, "withdraw", reader=reader, answers=answers, responses=responses, dots=dots,
                elsewhere=elsewhere_of(reader=reader, user=request.user))  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@require_role("coordinator")
@allowed_in_archive
def erase(request, slug, pk):
    """What is lost with a reader's name and address, and the press that erases them."""
    reader = get_object_or_404(Reader.objects.select_related("contact", "withdrawal"), study=request.study, pk=pk)
    if request.method == "POST":
        erased = erase_contact(reader=reader, user=request.user)
        messages.success(request, f"{'Name and address erased' if erased else 'Nothing to erase'}: {reader}.")
        return redirect("surveys:readers", slug=slug)
    finished = reader.responses.exclude(finished_at=None).exists()
    waiting = Letter.objects.filter(invitation__reader=reader).waiting().count()
    to_file = settings.EMAIL_BACKEND.endswith("filebased.EmailBackend")
    return page(request, "erase", reader=reader, finished=finished, waiting=waiting, letters_as_files=to_file,
                elsewhere=elsewhere_of(reader=reader, user=request.user))  # fmt: skip


@require_GET
@require_role("coordinator", "analyst")
def recruitment(request, slug):
    """The funnel from the first contact to the analysed sitting, per group, as a figure and a table."""
    rows = funnels(request.study)
    figures = [flow_figure(funnel) for funnel in rows]
    return page(request, "recruitment", funnels=rows, figures=figures, meanings=MEANINGS)


@require_GET
@require_role("coordinator", "analyst")
def recruitment_file(request, slug):
    rows = funnel_rows(request.study)
    return download(csv_text(rows[0] if rows else ["group"], (row.values() for row in rows)), f"{slug}-recruitment.csv")


@require_GET
@require_role("coordinator", "analyst")
def recruitment_figure(request, slug, group):
    """One group's flow diagram as an SVG that stands alone."""
    funnel = next((row for row in funnels(request.study) if row.group.code == group), None)
    get_object_or_404(ReaderGroup, study=request.study, code=group, kind="human")
    text = render_to_string("surveys/_flow.svg", {"figure": flow_figure(funnel), "alone": True})
    return download(text.strip(), f"{slug}-{group}-recruitment.svg", "image/svg+xml")
