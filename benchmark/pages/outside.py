"""The page on which answers that were given elsewhere come in: a file, a look at what it holds, and the press."""

from django import forms
from django.contrib import messages
from django.core import signing
from django.core.exceptions import ValidationError
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from benchmark.services.outside_readings import bring_in, draft_for, first_problems, keep_export, read_map
from imagebank.permissions import Role, only_to_change, require_role
from imagebank.services.uploads import kept_upload

SALT = "outside-readings"
CONTROL = {"class": "form-control"}


class ExportForm(forms.Form):
    """An export, and the map that an earlier import used, where there is one."""

    export = forms.FileField(label="Exported table (CSV)", widget=forms.FileInput(CONTROL | {"accept": ".csv,text/csv"}))
    map = forms.FileField(
        label="map.toml, if you have one", required=False, widget=forms.FileInput(CONTROL | {"accept": ".toml"})
    )

    def map_text(self) -> str:
        given = self.cleaned_data["map"]
        return "" if given is None else read_map(given)


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.COORDINATOR)
@only_to_change
def outside_readings(request, slug):
    """Upload; then the map, to be changed, with what it finds; then the import in one transaction."""
    study = request.study
    context = {"study": study, "form": ExportForm(), "has_items": study.items.exists()}
    if request.method != "POST":
        return render(request, "benchmark/outside_readings.html", context)
    try:
        kept = _kept(request)
        context |= kept | {"token": signing.dumps({**kept["file"], "study": study.pk, "user": request.user.pk}, salt=SALT)}
        path = kept_upload(kept["file"]["kept"])
        if "import" in request.POST:
            found = bring_in(study=study, path=path, map_text=kept["map"], user=request.user)
            path.unlink(missing_ok=True)
            messages.success(request, _done(found.stored))
            return redirect("benchmark:comparison_list", slug)
        context["found"] = bring_in(study=study, path=path, map_text=kept["map"], trial=True)
    except ValidationError as refusal:
        context["problems"], context["more"] = first_problems(refusal)
    return render(request, "benchmark/outside_readings.html", context, status=422 if context.get("problems") else 200)


def _kept(request) -> dict:
    """The file at hand and the words of its map: of an upload, or of the page that was shown for it."""
    if "token" in request.POST:
        try:
            file = signing.loads(request.POST["token"], salt=SALT, max_age=24 * 3600)
        except signing.BadSignature:
            raise ValidationError("The uploaded file is no longer there. Upload it again.") from None
        if (file.pop("study"), file.pop("user")) != (request.study.pk, request.user.pk):
            raise ValidationError("The uploaded file is no longer there. Upload it again.")
        return {"file": file, "map": request.POST.get("map", ""), "notes": ()}
    form = ExportForm(request.POST, request.FILES)
    if not form.is_valid():
        raise ValidationError([text for texts in form.errors.values() for text in texts])
    text = form.map_text()
    upload = form.cleaned_data["export"]
    name = keep_export(upload)
    notes = ()
    if not text:
        try:
            draft = draft_for(study=request.study, path=kept_upload(name))
        except ValidationError:
            kept_upload(name).unlink(missing_ok=True)
            raise
        text, notes = draft.text, draft.notes
    return {"file": {"kept": name, "name": upload.name[:120]}, "map": text, "notes": notes}


def _done(stored) -> str:
    again = f"; {stored.unchanged:,} were there already" if stored.unchanged else ""
    return f"{stored.created:,} readings are in{again}. Compare them here."
