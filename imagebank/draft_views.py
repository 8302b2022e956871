"""The page on which pictures without a manifest come in: what is what, guessed and shown, changed, and the press."""

from collections.abc import Mapping
from pathlib import Path

from django import forms
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from imagebank.bank_jobs import LOOK, queue_import, queue_look
from imagebank.bank_tabs import bank_tabs
from imagebank.models import Job
from imagebank.permissions import Role, only_to_change, require_role
from imagebank.services.drafting.reading import CLASS_AND_NAME, ROLES, WHOLE_PATH, Words
from imagebank.services.drafting.showing import SPLITS, Shown, show
from imagebank.services.sources import open_source
from imagebank.services.uploads import DRAFTED, keep_upload, kept_upload

SALT = "pictures-without-a-manifest"
GONE = "The uploaded ZIP is no longer there. Upload it again."
LABELS = {
    "class": "Class", "view": "View", "item": "Name of the item", "split": "Training or test", "fold": "Fold",
    "group": "Patient or photograph",
}  # fmt: skip


class ReadingForm(forms.Form):
    """The parts of a reading as choices; `shown_...` remember for which column the values below were listed."""

    def __init__(self, *, shown: Shown, words: Words):
        super().__init__()
        self.shown, self.reading, self.maps = shown, shown.reading, []
        self._choose("table", "What tells about the pictures", [(name, name) for name in shown.tables], shown.reading.table)
        for role in ROLES:
            self._choose(f"column_{role}", LABELS[role], self._columns(role, words), self._chosen(role))
            self.fields[f"shown_{role}"] = forms.CharField(
                initial=shown.reading.columns.get(role, ""), widget=forms.HiddenInput
            )
        self.fields["shown_table"] = forms.CharField(initial=shown.reading.table, widget=forms.HiddenInput)
        for role, codes in (("class", words.classes), ("view", words.views), ("split", SPLITS)):
            if role in shown.values:
                self._map(role, codes)
        if shown.further:
            label = f"Keep with each item: {', '.join(shown.further)}"
            box = forms.CheckboxInput({"class": "form-check-input"})
            self.fields["keep"] = forms.BooleanField(label=label, required=False, initial=shown.reading.keep, widget=box)

    def _choose(self, name: str, label: str, choices, initial: str) -> None:
        widget = forms.Select({"class": "form-select"})
        self.fields[name] = forms.ChoiceField(label=label, choices=choices, initial=initial, required=False, widget=widget)

    def _columns(self, role: str, words: Words) -> list[tuple[str, str]]:
        columns = [(column, column) for column in self.shown.columns]
        if role == "item":
            return [*columns, (CLASS_AND_NAME, CLASS_AND_NAME), (WHOLE_PATH, WHOLE_PATH)]
        if role == "view":
            unsaid = [] if self._chosen(role) else [("", "choose")]
            return unsaid + [(f"={code}", f"all are {name}") for code, name in words.views] + columns
        return [("", "choose" if role == "class" else "nothing says it"), *columns]

    def _chosen(self, role: str) -> str:
        alone = f"={self.reading.view}" if role == "view" and self.reading.view else ""
        return self.reading.columns.get(role, alone)

    def _map(self, role: str, codes) -> None:
        """One choice for every value of the role's column, beside how many pictures have it."""
        known, rows = {"class": self.reading.classes, "view": self.reading.views, "split": self.reading.splits}[role], []
        for number, (value, count) in enumerate(self.shown.values[role].items()):
            none, code = "no split" if role == "split" else "leave these out", known[value]
            self._choose(f"{role}_{number}", f"{value} is", [("", none), *codes], code)
            rows.append((value, count, self[f"{role}_{number}"], not code and role != "split"))
        self.maps.append((LABELS[role], rows))

    def roles(self):
        return [self[f"column_{role}"] for role in ROLES]

    def differs_from(self, sent: Mapping[str, str]) -> bool:
        """Whether the page was sent back with anything changed."""
        return any((sent.get(name) or "") != self._as_sent(name) for name in self.fields if name != "keep") or (
            "keep" in self.fields and bool(sent.get("keep")) != self.reading.keep
        )

    def _as_sent(self, name: str) -> str:
        """What a browser sends of a choice that nobody touched: its first one, where none is chosen."""
        field = self.fields[name]
        known = [value for value, _ in getattr(field, "choices", [(field.initial, "")])]
        return field.initial if field.initial in known else known[0]


def draft_page(request: HttpRequest, *, kept: str, name: str, looked: dict | None = None) -> HttpResponse:
    """The page of a ZIP without a manifest, kept as `kept`; what was sent with the request is done with it.

    looked: the result of the job that looked into it; without one it is looked into now. Raises ValidationError when
    nothing in it is a picture.
    """
    words = Words.of(request.study)
    sent = request.POST.dict() if "shown_table" in request.POST else None
    if looked:
        shown, written = Shown.from_json(kept_upload(looked["shown"]).read_text()), looked["manifest"]
        if sent and ReadingForm(shown=shown, words=words).differs_from(sent):
            then = "import" if "import" in sent else ""
            job = queue_look(study=request.study, upload=kept, name=name, sent=sent, then=then, user=request.user)
            return redirect("job-detail", request.study.slug, job.pk)
    else:
        with open_source(kept_upload(kept), name=name) as source:
            shown, written = show(source, words, sent)
    if sent and "download" in sent and shown.rows:
        return _manifest_file(kept_upload(written).read_bytes() if looked else written.encode())
    if sent and "import" in sent and shown.rows:
        manifest = written if looked else keep_upload(ContentFile(written.encode()), suffix=DRAFTED)
        job = _import(request, kept, name, manifest)
        return redirect("job-detail", request.study.slug, job.pk)
    return _draft_response(request, shown, words, {"kept": kept, "name": name, "looked": looked})


def _import(request: HttpRequest, kept: str, name: str, manifest: str) -> Job:
    try:
        return queue_import(study=request.study, upload=kept, name=name, manifest=manifest, user=request.user)
    except ValidationError:  # nobody would ever ask for the manifest of an upload that is gone
        Path(kept_upload(manifest)).unlink()
        raise


def _manifest_file(manifest: bytes) -> HttpResponse:
    response = HttpResponse(manifest, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="manifest.csv"'
    return response


def _draft_response(request: HttpRequest, shown: Shown, words: Words, file: dict) -> HttpResponse:
    file |= {"study": request.study.pk, "user": request.user.pk}
    counts = [(name, [shown.counts.get(code, {}).get(view, 0) for view, _ in words.views]) for code, name in words.classes]
    context = {
        "study": request.study, "name": file["name"], "shown": shown, "token": signing.dumps(file, salt=SALT),
        "form": ReadingForm(shown=shown, words=words), "views": words.views, "refusal": shown.refusal, "counts": counts,
        "more": shown.problem_count - len(shown.problems), "missing": [name for name, cells in counts if not sum(cells)],
        **bank_tabs(request),
    }  # fmt: skip
    return render(request, "imagebank/draft.html", context, status=422 if shown.refusal else 200)


@require_POST
@require_role(Role.COORDINATOR)
@only_to_change
def bank_draft(request: HttpRequest, slug: str) -> HttpResponse:
    """Look again with what was changed, take the manifest away, or import."""
    try:
        file = signing.loads(request.POST.get("token", ""), salt=SALT, max_age=24 * 3600)
    except signing.BadSignature:
        file = {}
    try:
        if (file.get("study"), file.get("user")) != (request.study.pk, request.user.pk):
            raise ValidationError(GONE)
        return draft_page(request, kept=file["kept"], name=file["name"], looked=file["looked"])
    except ValidationError as refusal:
        return _refused(request, refusal)


@require_GET
@require_role(Role.COORDINATOR)
@only_to_change
def bank_looked(request: HttpRequest, slug: str, pk) -> HttpResponse:
    """What a look in the background led to: the page of its draft, or the import of a ZIP that had a manifest."""
    job = get_object_or_404(request.study.jobs.filter(kind=LOOK), pk=pk)
    if job.state != Job.State.SUCCEEDED or "import" in job.result:
        return redirect("job-detail", slug, job.result.get("import", job.pk))
    try:
        return draft_page(request, kept=job.payload["upload"], name=job.payload["name"], looked=job.result)
    except ValidationError as refusal:
        return _refused(request, refusal)


def _refused(request: HttpRequest, refusal: ValidationError) -> HttpResponse:
    context = {"study": request.study, "refusal": " ".join(refusal.messages), **bank_tabs(request)}
    return render(request, "imagebank/draft.html", context, status=422)
