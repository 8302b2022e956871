"""The certificate of participation: a page to print, and a PDF. The name is typed at that moment and kept nowhere."""

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_POST, require_safe

from surveys.languages import own_language
from surveys.models import ReaderContact
from surveys.reading.access import seated
from surveys.reading.participation_pdf import pdf_of, sets_pdf
from surveys.services.ending.participation import participation_of

LONGEST_NAME = 120


class NameForm(forms.Form):
    """Who took part, in the reader's own words."""

    name = forms.CharField(required=False, max_length=LONGEST_NAME)


def _context(survey_response) -> dict:
    found = participation_of(survey_response)
    if found is None:
        raise Http404
    study = survey_response.reader.study
    own = own_language(study.protocol)
    return {"study": study, "protocol": study.protocol, "own": own, "participation": found, "simulated": survey_response.simulated}


@require_safe
@seated
def participation(request, token, survey_response):
    """The certificate on the screen, as it prints; the name from the vault stands in its field while it is there."""
    context = _context(survey_response)
    kept = ReaderContact.objects.filter(reader=survey_response.reader_id).values_list("name", flat=True).first()
    context |= {"name": kept or "", "token": token, "sets_pdf": sets_pdf(), "longest": LONGEST_NAME}
    return render(request, "surveys/participation.html", context)


@require_POST
@seated
def participation_pdf(request, token, survey_response):
    """The same as a PDF with the name that was sent, which goes into the file and nowhere else."""
    form = NameForm(request.POST)
    context = _context(survey_response)
    if not form.is_valid() or not sets_pdf():
        return redirect("surveys:participation", token=token)
    page = render_to_string("surveys/participation_pdf.html", context | {"name": " ".join(form.cleaned_data["name"].split())})
    response = HttpResponse(pdf_of(page), content_type="application/pdf")
    response["Content-Disposition"] = 'attachment; filename="certificate.pdf"'
    return response
