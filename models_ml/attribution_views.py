"""Pages of the attributions: contact sheet, one map with its opacity slider, and the pictures' files."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from imagebank.models import Job
from imagebank.permissions import TRUTH_ROLES, require_role
from models_ml.attribution_tables import map_regions, map_table, region_table, summary_table, warnings
from models_ml.core.attribution.tables import completeness_in_words, not_located_in_words
from models_ml.models import AttributionMap, AttributionSet
from models_ml.services.explaining import delete_attribution, explained_on_disk
from models_ml.views import CHANGING_ROLES, context_of, refused

MAPS_PER_PAGE = 140


def get_set(request: HttpRequest, pk: int) -> AttributionSet:
    sets = AttributionSet.objects.select_related("ensemble__run__study", "job")
    return get_object_or_404(sets, ensemble__study=request.study, pk=pk)


def get_map(request: HttpRequest, public_id: str) -> AttributionMap:
    maps = AttributionMap.objects.select_related("attribution_set__ensemble__run__study", "item__truth__diagnosis")
    return get_object_or_404(maps, public_id=public_id, attribution_set__ensemble__study=request.study)


@require_GET
@require_role(*TRUTH_ROLES)
def set_list(request: HttpRequest, slug: str) -> HttpResponse:
    sets = (
        AttributionSet.objects.filter(ensemble__study=request.study)
        .select_related("ensemble__run", "job")
        .annotate(n_maps=Count("maps"), n_items=Count("maps__item", distinct=True))
        .order_by("-created_at", "-pk")
    )
    return render(request, "models_ml/attribution_list.html", context_of(request, sets=sets))


@require_GET
@require_role(*TRUTH_ROLES)
def set_detail(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Contact sheet of all items, for one target, beside the metrics and their control."""
    made = get_set(request, pk)
    if request.htmx:
        return _set_state(request, made)
    targets = dict(AttributionMap.Target.choices)
    target = request.GET.get("target") if request.GET.get("target") in targets else AttributionMap.Target.PREDICTED
    maps = made.maps.filter(target=target).with_items().select_related("item__truth__diagnosis")
    order = {"gap": "gap", "mass": "scores__mass", "item": "item__code"}.get(request.GET.get("order", ""), "item__code")
    page = Paginator(maps.order_by(order, "pk"), MAPS_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "made": made,
        "ensemble": made.ensemble,
        "target": target,
        "targets": targets,
        "page": page,
        "query": f"target={target}",
        "cards": [(one, picture_of(one)) for one in page],
        "summary": summary_table(made.summary, target),
        "completeness": completeness_in_words(made.summary.get("completeness", {}).get(target)),
        "not_located": not_located_in_words(made.summary.get("by_class")) if target == "predicted" else "",
        "regions": region_table(made.summary),
        "rule": made.summary.get("regions_rule", ""),
        "warnings": [(one, _worst_cards(made, one)) for one in warnings(made.summary)],
        **_state_of(made),
    }
    return render(request, "models_ml/attribution.html", context_of(request, **context))


def _state_of(made: AttributionSet) -> dict:
    """Whether it is being made, and whether what was stopped can go on."""
    job = made.job
    return {
        "active": bool(job and job.is_active),
        "can_continue": bool(job and job.state in (Job.State.CANCELLED, Job.State.FAILED)),
        "on_disk": 0 if made.summary else explained_on_disk(made),
    }


def _set_state(request: HttpRequest, made: AttributionSet) -> HttpResponse:
    """The part of the page that changes while maps are made; at the end the whole page comes anew, with the maps."""
    state = _state_of(made)
    response = render(request, "models_ml/_set_state.html", context_of(request, made=made, **state))
    if not state["active"]:
        response.headers["HX-Refresh"] = "true"
    return response


def _worst_cards(made: AttributionSet, warned: dict) -> list[tuple]:
    """Maps of the pictures in which a region's share is worst, in that order: map, picture, shares."""
    shares = {row["item"]: row for row in warned["worst"]}
    maps = made.maps.filter(target=AttributionMap.Target.PREDICTED, item__code__in=shares).with_items()
    by_item = {one.item.code: one for one in maps}
    return [(by_item[code], picture_of(by_item[code]), row) for code, row in shares.items() if code in by_item]


def picture_of(one: AttributionMap):
    """The picture in the map's view, from what was prefetched."""
    return next((image for image in one.item.images.all() if image.view == one.view), None)


@require_POST
@require_role(*CHANGING_ROLES)
def set_delete(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    made = get_set(request, pk)
    try:
        delete_attribution(made=made)
    except ValidationError as refusal:
        refused(request, refusal)
        return redirect("models_ml:attribution", slug, pk)
    messages.success(request, f"{made} was removed with its maps.")
    return redirect("models_ml:attributions", slug)


@require_GET
@require_role(*TRUTH_ROLES)
def map_detail(request: HttpRequest, slug: str, public_id: str) -> HttpResponse:
    """One item: picture, map over it with a slider, map beside it, the lesion's mask, and its numbers."""
    one = get_map(request, public_id)
    made = one.attribution_set
    order = AttributionMap.Target.values
    siblings = sorted(made.maps.filter(item=one.item), key=lambda sibling: order.index(sibling.target))
    around = list(made.maps.filter(target=one.target).order_by("item__code").values_list("public_id", flat=True))
    place = around.index(one.public_id)
    context = {
        "map": one,
        "made": made,
        "ensemble": made.ensemble,
        "siblings": siblings,
        "picture": picture_of(one),
        "table": map_table(one),
        "regions": map_regions(one),
        "place": place + 1,
        "total": len(around),
        "previous": around[place - 1] if place else None,
        "next": around[place + 1] if place + 1 < len(around) else None,
        "right": hasattr(one.item, "truth") and one.answer == one.item.truth.diagnosis.code,
    }
    return render(request, "models_ml/attribution_map.html", context_of(request, **context))


@require_GET
@require_role(*TRUTH_ROLES)
def layer(request: HttpRequest, slug: str, public_id: str) -> FileResponse:
    """The map as a transparent picture."""
    return _layer(get_map(request, public_id), "layer")


@require_GET
@require_role(*TRUTH_ROLES)
def agreed_layer(request: HttpRequest, slug: str, public_id: str) -> FileResponse:
    """What its members agree on of the map, likewise."""
    return _layer(get_map(request, public_id), "agreed_layer")


def _layer(one: AttributionMap, kind: str) -> FileResponse:
    name = getattr(one, kind)
    if not name:
        raise Http404("There is no such layer of this map.")
    response = FileResponse(_file(one, name), content_type="image/webp", filename=f"{one.public_id}.webp")
    response.headers["Cache-Control"] = "private, max-age=3600"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


@require_GET
@require_role(*TRUTH_ROLES)
def raw(request: HttpRequest, slug: str, public_id: str) -> FileResponse:
    """The raw signed maps of the item: of the ensemble and of every member, on the network's square."""
    one = get_map(request, public_id)
    return FileResponse(_file(one, one.raw), as_attachment=True, filename=f"{one.item.code}-{one.view}.npz")


@require_GET
@require_role(*TRUTH_ROLES)
def table(request: HttpRequest, slug: str, pk: int) -> FileResponse:
    """items.csv: every map with its scores."""
    made = get_set(request, pk)
    path = made.folder / "maps" / "items.csv"
    if not path.is_file():
        raise Http404("This attribution has no table yet.")
    return FileResponse(path.open("rb"), as_attachment=True, filename=f"attribution-{made.pk}.csv")


def _file(one: AttributionMap, name: str):
    try:
        return (one.attribution_set.folder / name).open("rb")
    except FileNotFoundError as error:
        raise Http404("The file of this map is missing from the store.") from error
