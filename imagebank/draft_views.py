"""The page on which pictures without a manifest come in: what is what, guessed and shown, changed, and the press."""

from dataclasses import replace

from django import forms
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from imagebank.bank_jobs import queue_import
from imagebank.permissions import Role, only_to_change, require_role
from imagebank.services.drafting.composing import compose, further_columns
from imagebank.services.drafting.found import Found, look_into
from imagebank.services.drafting.guessing import MOST_VALUES, guess, with_values
from imagebank.services.drafting.reading import CLASS_AND_NAME, ROLES, WHOLE_PATH, Reading, Words
from imagebank.services.sources import open_source
from imagebank.services.uploads import keep_upload, kept_upload

SALT = "pictures-without-a-manifest"
GONE = "The uploaded ZIP is no longer there. Upload it again."
ROWS_SHOWN, PROBLEMS_SHOWN = 6, 20
LABELS = {
    "class": "Class", "view": "View", "item": "Name of the item", "split": "Training or test", "fold": "Fold",
    "group": "Patient or photograph",
}  # fmt: skip
MAPS = {"class": "classes", "view": "views", "split": "splits"}
SPLITS = [("train", "train"), ("test", "test")]


class ReadingForm(forms.Form):
    """The parts of a reading as choices; `shown_...` remember for which column the values below were listed."""

    def __init__(self, data=None, *, found: Found, words: Words, reading: Reading):
        super().__init__(data)
        self.reading, self.maps = reading, []
        table = found.table(reading.table)
        self._choose("table", "What tells about the pictures", [(each.name, each.name) for each in found.tables], table.name)
        for role in ROLES:
            self._choose(f"column_{role}", LABELS[role], self._columns(role, table, words), self._chosen(role))
            self.fields[f"shown_{role}"] = forms.CharField(initial=reading.columns.get(role, ""), widget=forms.HiddenInput)
        self.fields["shown_table"] = forms.CharField(initial=table.name, widget=forms.HiddenInput)
        for role, codes in (("class", words.classes), ("view", words.views), ("split", SPLITS)):
            self._map(role, table, codes)
        further = further_columns(table, reading)
        if further:
            label = f"Keep with each item: {', '.join(further)}"
            box = forms.CheckboxInput({"class": "form-check-input"})
            self.fields["keep"] = forms.BooleanField(label=label, required=False, initial=reading.keep, widget=box)

    def _choose(self, name: str, label: str, choices, initial: str) -> None:
        widget = forms.Select({"class": "form-select"})
        self.fields[name] = forms.ChoiceField(label=label, choices=choices, initial=initial, required=False, widget=widget)

    def _columns(self, role: str, table, words: Words) -> list[tuple[str, str]]:
        columns = [(column, column) for column in table.columns]
        if role == "item":
            return [*columns, (CLASS_AND_NAME, CLASS_AND_NAME), (WHOLE_PATH, WHOLE_PATH)]
        if role == "view":
            return [(f"={code}", f"all are {name}") for code, name in words.views] + columns
        return [("", "choose" if role == "class" else "nothing says it"), *columns]

    def _chosen(self, role: str) -> str:
        alone = f"={self.reading.view}" if role == "view" and self.reading.view else ""
        return self.reading.columns.get(role, alone)

    def _map(self, role: str, table, codes) -> None:
        """One choice for every value of the role's column, beside how many pictures have it."""
        known = getattr(self.reading, MAPS[role])
        if not known or len(known) > MOST_VALUES:
            return
        counts, rows = table.values(self.reading.columns[role]), []
        for number, (value, code) in enumerate(known.items()):
            none = "no split" if role == "split" else "leave these out"
            self._choose(f"{role}_{number}", f"{value} is", [("", none), *codes], code)
            rows.append((value, counts[value], self[f"{role}_{number}"], not code and role != "split"))
        self.maps.append((LABELS[role], rows))

    def roles(self):
        return [self[f"column_{role}"] for role in ROLES]


def reading_of(post, found: Found, words: Words) -> Reading:
    """The reading that a sent page says. Values of a column chosen anew are guessed again."""
    table = found.table(post.get("table", ""))
    if table.name != post.get("shown_table"):
        return guess(found, words, table.name)
    columns, view = {}, ""
    for role in ROLES:
        chosen = post.get(f"column_{role}", "")
        if role == "view" and chosen.startswith("=") and chosen[1:] in dict(words.views):
            view = chosen[1:]
        elif chosen in table.columns or (role == "item" and chosen in (CLASS_AND_NAME, WHOLE_PATH)):
            columns[role] = chosen
    reading = with_values(Reading(table.name, columns, view=view), table, words)
    for role, codes in (("class", words.classes), ("view", words.views), ("split", SPLITS)):
        if columns.get(role) and columns[role] == post.get(f"shown_{role}"):
            values = getattr(reading, MAPS[role])
            sent = {value: post.get(f"{role}_{number}", "") for number, value in enumerate(values)}
            reading = replace(reading, **{MAPS[role]: {v: code if code in dict(codes) else "" for v, code in sent.items()}})
    return replace(reading, keep=bool(post.get("keep")) or not further_columns(table, reading))


def draft_page(request: HttpRequest, *, kept: str, name: str) -> HttpResponse:
    """The page of a ZIP without a manifest, kept as `kept`. Raises ValidationError when nothing in it is a picture."""
    with open_source(kept_upload(kept), name=name) as source:
        found = look_into(source)
    words = Words.of(request.study)
    sent = request.POST if "shown_table" in request.POST else None
    reading = reading_of(sent, found, words) if sent else guess(found, words)
    file = {"kept": kept, "name": name, "study": request.study.pk, "user": request.user.pk}
    context = {
        "study": request.study, "name": name, "found": found, "token": signing.dumps(file, salt=SALT),
        "form": ReadingForm(found=found, words=words, reading=reading), "views": words.views,
    }  # fmt: skip
    try:
        draft = compose(found, reading, words)
    except ValidationError as refusal:
        return render(request, "imagebank/draft.html", context | {"refusal": " ".join(refusal.messages)}, status=422)
    if sent and "download" in sent:
        response = HttpResponse(draft.text, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="manifest.csv"'
        return response
    if sent and "import" in sent and draft.parsed.rows:
        manifest = keep_upload(ContentFile(draft.text.encode()), suffix=".manifest.csv")
        try:
            job = queue_import(study=request.study, upload=kept, name=name, manifest=manifest, user=request.user)
        except ValidationError:  # another press was quicker: nobody would ever ask for this one's manifest
            kept_upload(manifest).unlink()
            raise
        return redirect("job-detail", request.study.slug, job.pk)
    counts = [(name, [draft.counts[code][view] for view, _ in words.views]) for code, name in words.classes]
    context |= {
        "draft": draft, "counts": counts, "first": draft.parsed.rows[:ROWS_SHOWN],
        "problems": draft.parsed.problems[:PROBLEMS_SHOWN],
        "more": max(0, len(draft.parsed.problems) - PROBLEMS_SHOWN),
        "named": dict(words.classes), "missing": [name for name, cells in counts if not sum(cells)],
    }  # fmt: skip
    return render(request, "imagebank/draft.html", context)


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
        return draft_page(request, kept=file["kept"], name=file["name"])
    except ValidationError as refusal:
        context = {"study": request.study, "refusal": " ".join(refusal.messages)}
        return render(request, "imagebank/draft.html", context, status=422)
