"""Pages of the networks that need the answers of people as well: leaderboard, readers' regions, taking part."""

import tempfile
from pathlib import Path

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from imagebank.permissions import Role, may_change, require_role
from imagebank.tables import csv_text
from models_ml.core.attribution.tables import in_words
from models_ml.models import AttributionSet
from surveys.models import Reader

from ..services.networks import (
    leaderboards,
    predict_survey_items,
    survey_items,
    take_part,
    unanswered,
    write_network_predictions,
)
from ..services.predictions import store_predictions
from ..services.region_sums import PICTURE_COLUMNS, answers_key, newest_sets, newest_sum, start_region_sum
from ..services.regions import region_codes

READING_ROLES = (Role.ANALYST, Role.COORDINATOR, Role.ENGINEER)
CHANGING_ROLES = (Role.ENGINEER, Role.COORDINATOR)


def context_of(request: HttpRequest, **more) -> dict:
    offered = may_change(request.user, request.study, *CHANGING_ROLES)
    return {"study": request.study, "may_change": offered, **more}


@require_GET
@require_role(*READING_ROLES)
def leaderboard_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Networks on the items that the study's readings hold, best first, people beside them."""
    boards = leaderboards(request.study)
    readers = set(Reader.objects.filter(study=request.study, kind=Reader.Kind.MODEL).values_list("code", flat=True))
    ensembles = {(one.name, one.view): one.pk for one in request.study.ensembles.all()}
    stored = sorted({name for name, _ in ensembles})
    context = {
        "boards": [(board, request.study.view_label(board.view), forest_rows(board, ensembles)) for board in boards],
        "simulated": any(board.simulated for board in boards),
        "waiting": [name for name in stored if name not in readers],
        "stored": stored,
        "has_surveys": request.study.survey_sets.exists(),
    }
    return render(request, "benchmark/network_leaderboard.html", context_of(request, **context))


LEFT, RIGHT, STEP = 170, 470, 28


def forest_rows(board, ensembles: dict[tuple[str, str], int]) -> dict:
    """Geometry of the leaderboard's figure. ensembles: keys of those that there are, by name and view, for links."""
    groups = sorted(board.people)  # each has the same colour wherever it stands

    def x(share: float) -> float:
        return LEFT + share * (RIGHT - LEFT)

    rows = [
        {
            "standing": one, "people": one.name in board.people,
            "group": groups.index(one.name) if one.name in board.people else None,
            "ensemble": None if one.name in board.people else ensembles.get((one.name, board.view)), "y": 20 + STEP * place, "x": x(one.accuracy),
            "low": x(one.accuracy if one.ci_low is None else one.ci_low),
            "high": x(one.accuracy if one.ci_high is None else one.ci_high),
            "accuracy": f"{100 * one.accuracy:.1f}",
            "interval": one.why if one.ci_low is None else f"{100 * one.ci_low:.1f} to {100 * one.ci_high:.1f}",
            **behind_in_words(one, place),
        }
        for place, one in enumerate(board.standings)
    ]  # fmt: skip
    bottom = 20 + STEP * len(rows)
    ticks = [(x(share), f"{100 * share:.0f}%") for share in (0, 0.25, 0.5, 0.75, 1)]
    return {"rows": rows, "ticks": ticks, "bottom": bottom, "height": bottom + 24, "label_at": RIGHT + 10}


def behind_in_words(one, place: int) -> dict[str, str]:
    """How far this one is behind the first, in points."""
    if place == 0:
        return {"behind": "\N{EN DASH}", "behind_interval": ""}
    if one.behind is None or one.behind_low is None:
        return {"behind": one.why, "behind_interval": ""}
    between = f"{100 * one.behind_low:.1f} to {100 * one.behind_high:.1f}".replace("-", "\N{MINUS SIGN}")
    return {"behind": f"{100 * one.behind:.1f}".replace("-", "\N{MINUS SIGN}"), "behind_interval": between}


@require_GET
@require_role(*READING_ROLES)
def regions_page(request: HttpRequest, slug: str) -> HttpResponse:
    """What readers marked against every network's newest maps: one table per network and view, a row per group."""
    found = []
    for made in newest_sets(request.study):
        job = newest_sum(made)
        rows = [
            one | {name: in_words(one[name]) for name in ("overlap", "random", "above_random", "share", "share_random")}
            for one in (job.result.get("groups", []) if job else [])
        ]
        stale = bool(rows) and job.result["answers"] != answers_key(made)
        found.append({"made": made, "view": request.study.view_label(made.ensemble.view), "job": job, "rows": rows,
                      "stale": stale})  # fmt: skip
    context = {
        "sets": found, "asks": bool(region_codes(request.study)),
        "simulated": any(one["job"].result["simulated"] for one in found if one["rows"]),
    }  # fmt: skip
    return render(request, "benchmark/network_regions.html", context_of(request, **context))


def get_attribution(request: HttpRequest, pk: int) -> AttributionSet:
    sets = AttributionSet.objects.select_related("ensemble__run__study", "ensemble__study__protocol")
    return get_object_or_404(sets, ensemble__study=request.study, pk=pk)


@require_POST
@require_role(*READING_ROLES)
def regions_start(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Queue the sum over what readers marked."""
    try:
        start_region_sum(made=get_attribution(request, pk), user=request.user)
        messages.success(request, "The sum is being made; this page shows it when it is ready.")
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    return redirect("benchmark:network_regions", slug)


@require_GET
@require_role(*READING_ROLES)
def regions_csv(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Every picture and group of the last sum, with every digit."""
    job = newest_sum(get_attribution(request, pk))
    if job is None or not job.result.get("pictures"):
        raise Http404("This sum has not been made yet.")
    rows = job.result["pictures"]  # a database may have put their keys in an order of its own
    text = csv_text(PICTURE_COLUMNS, ([row[name] for name in PICTURE_COLUMNS] for row in rows))
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{slug}-regions-{pk}.csv"'
    return response


@require_GET
@require_role(*READING_ROLES)
def predictions_csv(request: HttpRequest, slug: str) -> HttpResponse:
    """predictions.csv of the study's networks, or of those named by ?network=."""
    names = request.GET.getlist("network") or None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.csv"
        try:
            write_network_predictions(study=request.study, out=path, names=names)
        except ValidationError as refusal:
            messages.error(request, " ".join(refusal.messages))
            return redirect("benchmark:network_leaderboard", slug)
        response = HttpResponse(path.read_bytes(), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{slug}-predictions.csv"'
    return response


@require_POST
@require_role(*READING_ROLES)
def predictions_keep(request: HttpRequest, slug: str) -> HttpResponse:
    """Keep the networks' probabilities where the next comparison can take them in."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.csv"
        try:
            write_network_predictions(study=request.study, out=path)
            stored = store_predictions(
                study=request.study, data=path.read_bytes(), title="Networks of this study", user=request.user
            )
        except ValidationError as refusal:
            messages.error(request, " ".join(refusal.messages))
            return redirect("benchmark:network_leaderboard", slug)
    messages.success(request, f"Probabilities of {', '.join(stored.networks)} are kept; choose them below.")
    return redirect("benchmark:comparison_list", slug)


@require_POST
@require_role(*CHANGING_ROLES)
def take_part_page(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Let a network read the surveys. Items that it has not predicted yet are predicted first, in the background."""
    try:
        if survey_items(request.study) and any(unanswered(request.study, name).values()):
            jobs = predict_survey_items(study=request.study, name=name, user=request.user)
            messages.info(request, f"{name} first predicts the surveys' items; let it read when that is done.")
            return redirect("job-detail", slug, jobs[0].pk)
        take_part(study=request.study, name=name)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        messages.success(request, f"{name} has answered every item of the surveys and takes part as a reader.")
    return redirect("benchmark:network_leaderboard", slug)
