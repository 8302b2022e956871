"""The page of exports, and the files."""

from django.http import Http404
from django.views.decorators.http import require_GET, require_POST

from imagebank.permissions import allowed_in_archive, require_role
from surveys.coordination.pages import download, page
from surveys.exports.files import NOBODY, READINGS, export_bundle, export_files
from surveys.exports.tables import ratings_csv, readings_csv
from surveys.models import Answer, SurveyResponse
from surveys.services import answer_log_faults


@require_GET
@require_role("coordinator", "analyst")
def exports(request, slug):
    return _exports(request)


def _exports(request, **context):
    study = request.study
    responses = SurveyResponse.objects.of_study(study)
    return page(
        request,
        "exports",
        files=export_files(study),
        readings=READINGS,
        nobody=NOBODY,
        answers=Answer.objects.of_study(study).count(),
        sittings=responses.count(),
        simulated=responses.filter(simulated=True).count(),
        **context,
    )


@require_POST
@require_role("coordinator", "analyst")
@allowed_in_archive
def verify_answers(request, slug):
    """Recompute the chain of every sitting's answers and say what was found."""
    return _exports(request, checked=True, faults=answer_log_faults(study=request.study))


@require_GET
@require_role("coordinator", "analyst")
def export_file(request, slug, name):
    study = request.study
    if name == "bundle.zip":
        return download(export_bundle(study), f"{slug}-export.zip", "application/zip")
    file = next((file for file in export_files(study) if file.name == name), None)
    if file is None:
        raise Http404
    return download(file.text(study), f"{slug}-{name}")


@require_GET
@require_role("coordinator", "analyst")
def readings_file(request, slug):
    """Every reading with its truth, as CSV; `?analysed=1` for the analysed sittings alone."""
    text = readings_csv(request.study, analysed_only=request.GET.get("analysed") == "1")
    return download(text, f"{slug}-readings.csv")


@require_GET
@require_role("coordinator", "analyst")
def ratings_file(request, slug):
    """Every rating with what was shown, as CSV; `?analysed=1` for the analysed sittings alone."""
    text = ratings_csv(request.study, analysed_only=request.GET.get("analysed") == "1")
    return download(text, f"{slug}-ratings.csv")
