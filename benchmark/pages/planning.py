"""Before the results: the analysis plan, the planning page, and the precision so far."""

from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from benchmark.core.planning.closed_form import Spread
from benchmark.core.planning.rating_size import CHANCE, POWER
from benchmark.core.plans.plan import Plan
from imagebank.permissions import Role, may_change, require_role

from ..models import AnalysisPlan
from ..services.plan_drafts import contrast_words, drafted_plan, networks_of, possible_contrasts
from ..services.planning import TARGET, design_of, plan_design, plan_rating, rating_design_of, spread_from_model
from ..services.plans import answers_of_people, changes_between_plans, first_answer_at, stamp_plan
from ..services.precision import precision_so_far
from ..services.rating_analysis import is_rating_study
from ..services.starting import start_simulation
from .charts import power_chart
from .forms import PlanDraftForm, PlanForm, PlanningForm, RatingPlanningForm, SimulationForm
from .planning_words import (
    PRECISION_COLUMNS,
    planned_in_words,
    planned_rating_in_words,
    precision_rows,
    simulation_rows,
)

PLANNING_ROLES = (Role.COORDINATOR, Role.ANALYST, Role.ENGINEER)
STAMPING_ROLES = (Role.COORDINATOR, Role.ANALYST)


@require_http_methods(["GET", "POST"])
@require_role(*PLANNING_ROLES)
def analysis_plan(request, slug):
    study = request.study
    plans = AnalysisPlan.objects.filter(study=study).select_related("stamped_by")
    may_stamp = may_change(request.user, study, *STAMPING_ROLES)
    draft = _draft_form(request, study)
    begun = draft.is_bound and draft.is_valid()
    form = PlanForm(initial={"text": _drafted(study, draft) if begun or not plans else plans.current().text})
    status = 200 if begun or not draft.is_bound else 400
    if request.method == "POST" and not may_stamp:
        raise PermissionDenied("Stamping a plan is for the analysts and coordinators of this study.")
    if request.method == "POST":
        form, status = PlanForm(request.POST, request.FILES), 400
        if form.is_valid():
            try:
                plan = stamp_plan(study=study, text=_text_of(form), user=request.user)
            except ValidationError as refusal:
                form.add_error(None, refusal)
            else:
                messages.success(request, f"Version {plan.version} stands: SHA-256 {plan.sha256[:16]}.")
                return redirect("benchmark:plan", slug)
    current, registered = plans.current(), plans.registered()
    context = {
        "study": study, "plans": plans, "current": current, "registered": registered, "form": form,
        "changes": changes_between_plans(registered, current) if registered and current else [],
        "answers": answers_of_people(study), "first_answer_at": first_answer_at(study), "may_stamp": may_stamp,
        "draft": draft, "begun": begun,
    }  # fmt: skip
    return render(request, "benchmark/plan.html", context, status=status)


def _draft_form(request, study) -> PlanDraftForm:
    networks = networks_of(study)
    contrasts = possible_contrasts(study, networks[0])
    return PlanDraftForm(
        request.GET if "draft" in request.GET else None, networks=networks,
        offered=[contrast_words(study, contrast) for contrast in contrasts],
        assisted=any(contrast.assisted for contrast in contrasts),
    )  # fmt: skip


def _drafted(study, draft: PlanDraftForm) -> str:
    """The plan that the form asks for; of one that nobody filled, or not well, the usual plan."""
    if not (draft.is_bound and draft.is_valid()):
        return drafted_plan(study)
    said = dict(draft.cleaned_data)
    margin = said.pop("margin")
    places = [int(number) for number in said.pop("contrasts", ())]
    offered = [possible_contrasts(study, network) for network in said.pop("networks", ())]
    chosen = [contrasts[place] for place in places for contrasts in offered]
    return drafted_plan(study, contrasts=chosen, margin=margin and margin / 100, **said)


def _text_of(form: PlanForm) -> str:
    file = form.cleaned_data["file"]
    if file is None:
        # A browser sends every line end of a text field as CRLF.
        return form.cleaned_data["text"].replace("\r\n", "\n")
    try:
        return file.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValidationError(f"The plan must be UTF-8; byte {error.start} of {file.name} is not.") from error


@require_GET
@require_role(*PLANNING_ROLES)
def analysis_plan_file(request, slug, version):
    plan = get_object_or_404(AnalysisPlan, study=request.study, version=version)
    response = HttpResponse(plan.text, content_type="application/toml")
    response.headers["Content-Disposition"] = f'attachment; filename="{slug}-plan-{plan.version}.toml"'
    return response


@require_GET
@require_role(*PLANNING_ROLES)
def planning(request, slug):
    rating = is_rating_study(request.study)
    if rating:
        form = RatingPlanningForm(request.GET, known=_known_of_rating(request.study))
    else:
        form = PlanningForm(request.GET, known=design_of(request.study))
    context = {"study": request.study, "form": form, "rating": rating, **(_planned_rating(form) if rating else _planned(form))}
    if request.htmx:
        return render(request, "benchmark/_planned.html", context)
    context |= {} if rating else {
        "simulation_form": SimulationForm(),
        "simulations": simulation_rows(request.study.jobs.filter(kind="study-simulation")[:8]),
        "from_results": _spreads_seen(request.study),
        "may_start": may_change(request.user, request.study, *STAMPING_ROLES),
    }
    return render(request, "benchmark/planning.html", context)


def _known_of_rating(study) -> dict[str, int | str]:
    """The study's own design, and the margin of the plan that stands."""
    stamped = AnalysisPlan.objects.filter(study=study).current()
    margin = Plan.from_toml(text=stamped.text).margin if stamped else None
    # Every error lies within 50 points of chance: a wider margin is none that the page could plan with.
    return rating_design_of(study) | ({"margin": f"{100 * margin:g}"} if margin and margin < CHANCE else {})


def _planned_rating(form: RatingPlanningForm) -> dict:
    """As `_planned`, for raters who tell real from generated."""
    if not form.is_valid():
        return {"planned": None}
    try:
        found, by_raters, by_images = plan_rating(**form.planned())
    except ValidationError as refusal:
        form.add_error(None, refusal)
        return {"planned": None}
    charts = [
        power_chart("Power by number of raters", "Raters", by_raters, here=found.design.readers, target=POWER),
        power_chart("Power by number of distinct images", "Images", by_images, here=found.design.items, target=POWER),
    ]
    return {"planned": found, "charts": charts, "words": planned_rating_in_words(found)}


def _planned(form: PlanningForm) -> dict:
    """The planned design with its charts, or a form that says what does not go together."""
    if not form.is_valid():
        return {"planned": None}
    try:
        if form.cleaned_data["spread"] == "points":
            parts = [form.cleaned_data[f"sd_{part}_points"] for part in ("reader", "item", "residual")]
            spread = Spread(*((value / 100) ** 2 for value in parts))
            if not any(parts):
                raise ValidationError("At least one spread above 0 is needed.")
        else:
            spread = spread_from_model(**form.world())
        planned = plan_design(**form.design(), difference=form.world()["difference"], spread=spread)
    except ValidationError as refusal:
        form.add_error(None, refusal)
        return {"planned": None}
    charts = [
        power_chart(
            "Power by number of readers", "Readers", planned.by_readers, here=planned.design.readers, target=TARGET
        ),
        power_chart("Power by number of images", "Images", planned.by_items, here=planned.design.items, target=TARGET),
    ]
    return {"planned": planned, "charts": charts, "words": planned_in_words(planned, form.cleaned_data)}


def _spreads_seen(study) -> list[tuple[str, str]]:
    """The spreads of the latest comparison, each with the address that plans with them."""
    latest = study.comparisons.first()
    found = []
    for record in latest.results.get("new_images", []) if latest else []:
        if None in (record.get("sd_reader"), record.get("sd_item"), record.get("sd_residual")):
            continue
        query = {
            "spread": "points",
            **{f"sd_{part}_points": round(100 * record[f"sd_{part}"], 1) for part in ("reader", "item", "residual")},
        }
        found.append((record["question"], "?" + urlencode(query)))
    return found


@require_POST
@require_role(*STAMPING_ROLES)
def planning_simulate(request, slug):
    form, more = PlanningForm(request.POST), SimulationForm(request.POST)
    if not form.is_valid() or not more.is_valid():
        problems = [str(problem) for errors in (*form.errors.values(), *more.errors.values()) for problem in errors]
        messages.error(request, " ".join(problems))
        return redirect("benchmark:planning", slug)
    start_simulation(study=request.study, user=request.user, **form.design(), **form.world(), **more.cleaned_data)
    shown = {name: form.cleaned_data[name] for name in form.fields}
    return redirect(f"{reverse('benchmark:planning', args=[slug])}?{urlencode(shown)}#simulations")


@require_GET
@require_role(Role.COORDINATOR, Role.ANALYST)
def precision(request, slug):
    points = _points(request.GET.get("difference"))
    context = {
        "study": request.study,
        "rows": precision_rows(precision_so_far(study=request.study, difference=points / 100)),
        "columns": PRECISION_COLUMNS,
        "points": points,
    }
    return render(request, "benchmark/precision.html", context)


def _points(text: str | None) -> float:
    """The difference that power is asked for, in points: 10 where nothing sensible was typed."""
    try:
        value = float(text or 10)
    except ValueError:
        return 10.0
    return value if 0.1 <= value <= 90 else 10.0
