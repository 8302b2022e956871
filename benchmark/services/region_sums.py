"""Readers' regions and a network's maps over all pictures together: how far they overlap, beside random weights and chance."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields

import numpy as np
from django.core.exceptions import ValidationError
from django.db.models import Count, Max

from benchmark.services.regions import chance_overlap, joint_region, marked_answers, marks_by_item, region_codes
from benchmark.services.starting import queue_once
from imagebank.models import Job, Study
from models_ml.core.answers.metrics import clustered
from models_ml.core.attribution.metrics import overlap, relevance_mass
from models_ml.core.attribution.run import read_controls, read_map
from models_ml.core.attribution.tables import mean_known
from models_ml.errors import core_errors
from models_ml.models import AttributionMap, AttributionSet

REGION_SUM = "region-overlap"
NO_QUESTION = (
    "{study} asks its readers for no region, so there is nothing to compare with; add a question of the kind region to "
    "the protocol before readers begin."
)
NO_MARKS = "No analysed reader of {study} has marked a region of a {view} picture that this attribution explains."
MEASURES = ("area", "overlap", "chance", "random", "above_random", "share", "share_random", "above_area")


@dataclass(frozen=True)
class MarkedPicture:
    """One group's joint region on one picture. overlap: intersection over union with as many of the map's most relevant
    pixels; share: of the positive relevance inside the region. random: the same of networks of random weights, on
    average. None where a map is flat, or there was no control."""

    item: str
    cluster: str
    group: str
    readers: int
    marked: int
    area: float
    overlap: float | None
    chance: float
    random: float | None
    share: float | None
    share_random: float | None

    @property
    def above_random(self) -> float | None:
        return None if None in (self.overlap, self.random) else self.overlap - self.random

    @property
    def above_area(self) -> float | None:
        return None if self.share is None else self.share - self.area


PICTURE_COLUMNS = (*(field.name for field in fields(MarkedPicture)), "above_random", "above_area")


def newest_sets(study: Study) -> list[AttributionSet]:
    """The newest attribution of every network and view that has maps of predicted classes and was not broken off."""
    sets = AttributionSet.objects.filter(ensemble__study=study, maps__target=AttributionMap.Target.PREDICTED)
    whole = sets.exclude(job__state__in=[Job.State.CANCELLED, Job.State.FAILED]).distinct()
    whole = whole.select_related("ensemble__run__study", "ensemble__study")
    newest = {one.ensemble_id: one for one in whole.order_by("pk")}
    return sorted(newest.values(), key=lambda one: (one.ensemble.name, one.ensemble.view))


def answers_key(made: AttributionSet) -> str:
    """Changes with every new answer that marks a region in the view of this attribution."""
    found = marked_answers(made.ensemble.study, made.ensemble.view).aggregate(n=Count("pk"), last=Max("pk"))
    return f"{found['n']}-{found['last'] or 0}"


def start_region_sum(*, made: AttributionSet, user=None) -> Job:
    """Queue the sum over all marked pictures that this attribution explains; refused where there is none."""
    study, view = made.ensemble.study, made.ensemble.view
    if not region_codes(study):
        raise ValidationError(NO_QUESTION.format(study=study.title))
    items = made.maps.filter(target=AttributionMap.Target.PREDICTED).values("item")
    if not marked_answers(study, view).filter(survey_item__item__in=items).exclude(value=[]).exists():
        raise ValidationError(NO_MARKS.format(study=study.title, view=view))
    title = f"Where readers marked, and where {made.ensemble} looked"[:200]
    return queue_once(study=study, kind=REGION_SUM, title=title, payload={"set": made.pk}, user=user)


def newest_sum(made: AttributionSet) -> Job | None:
    """The last sum over this attribution that was made or is being made."""
    jobs = made.ensemble.study.jobs.filter(kind=REGION_SUM, payload__set=made.pk)
    return jobs.exclude(state=Job.State.CANCELLED).order_by("-created_at").first()


def sum_regions(*, made: AttributionSet, progress: Callable[[int, int, str], None] | None = None) -> dict:
    """Every group's regions against the maps of the predicted class, as plain JSON; intervals clustered by photograph."""
    study, view = made.ensemble.study, made.ensemble.view
    key, marks = answers_key(made), marks_by_item(study, view)
    maps = made.maps.filter(target=AttributionMap.Target.PREDICTED, item__in=list(marks)).select_related("item")
    maps, rows = list(maps.order_by("item__code")), []
    for done, one in enumerate(maps, start=1):
        rows += _of_one_map(made, one, marks[one.item_id])
        if progress:
            progress(done, len(maps), f"{one.item.code}: {done} of {len(maps)} pictures")
    groups = sorted({row.group for row in rows})
    simulated = marked_answers(study, view).filter(survey_response__simulated=True).exists()
    return {
        "schema": "region-overlap/1", "set": made.pk, "network": made.ensemble.name, "view": view,
        "method": made.method, "baseline": made.baseline, "controls": made.controls, "answers": key,
        "simulated": simulated, "groups": [_summed(name, [r for r in rows if r.group == name]) for name in groups],
        "pictures": [{name: getattr(row, name) for name in PICTURE_COLUMNS} for row in rows],
    }  # fmt: skip


def _of_one_map(made: AttributionSet, one: AttributionMap, by_group: dict) -> list[MarkedPicture]:
    folder, code = made.folder / "maps", one.item.code
    with core_errors():
        map_HW, controls = read_map(folder, code), read_controls(folder, code)
    rows = []
    for group, readers in sorted(by_group.items()):
        marking = [marks for marks in readers if marks]
        if not marking:
            continue
        region = joint_region(marking, map_HW.shape)
        area = float(region.mean())
        rows.append(
            MarkedPicture(
                code, one.item.group or f"item:{code}", group, len(readers), len(marking), area,
                overlap(map_HW, region), chance_overlap(area), mean_known([overlap(c, region) for c in controls]),
                relevance_mass(map_HW, region), mean_known([relevance_mass(c, region) for c in controls]),
            )
        )  # fmt: skip
    return rows


def _summed(group: str, rows: list[MarkedPicture]) -> dict:
    return {
        "group": group, "pictures": len(rows), "readings": sum(row.readers for row in rows),
        "marked": sum(row.marked for row in rows),
        **{name: _estimate([(getattr(row, name), row.cluster) for row in rows]) for name in MEASURES},
    }  # fmt: skip


def _estimate(pairs: list[tuple[float | None, str]]) -> dict:
    known = [(value, cluster) for value, cluster in pairs if value is not None]
    if not known:
        return {"value": None, "n": 0, "why": "no control was computed, or every map is flat"}
    values = np.array([value for value, _ in known])
    clusters = np.array([cluster for _, cluster in known])
    return asdict(clustered(values, clusters, resamples=1000))
