"""What readers marked on a picture, beside what a network's map marks: how far they overlap."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from imagebank.models import Item, Study
from models_ml.core.attribution.metrics import overlap
from models_ml.core.attribution.run import read_controls, read_map
from models_ml.core.attribution.tables import mean_known
from models_ml.models import AttributionMap
from surveys.models import Answer
from surveys.questions import questions_of

POINT_RADIUS = 0.03  # of the picture's longer side: a mark without a size stands for a small disc


@dataclass(frozen=True)
class Mark:
    """A box, or a point as the box of its disc, in per cent of the picture."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class RegionOverlap:
    """One group's region on one picture: what at least half of those who marked something marked, or, where they agree on
    no pixel, what any of them marked. iou: with as many of the map's most relevant pixels, None where the map is flat;
    random: the same of networks of random weights, on average, None without a control; chance: what pixels drawn at
    random would give."""

    group: str
    readers: int
    marked: int
    marks: list[Mark]
    area: float
    iou: float | None
    random: float | None
    chance: float


def region_codes(study: Study) -> list[str]:
    """Codes of the study's questions that are answered by marks on the picture."""
    protocol = getattr(study, "protocol", None)
    return [question.code for question in questions_of(protocol) if question.kind == "region"] if protocol else []


def marks_by_item(study: Study, view: str) -> dict[int, dict[str, list[list[dict]]]]:
    """By item and group, one list of marks per analysed reader; an empty list says "nothing here"."""
    found: dict[int, dict[str, list[list[dict]]]] = defaultdict(lambda: defaultdict(list))
    for item, group, value in marked_answers(study, view).values_list(
        "survey_item__item", "survey_response__group__plural", "value"
    ):
        found[item][group].append(value)
    return found


def marked_answers(study: Study, view: str):
    """Standing answers of analysed readers that mark regions of pictures of this view."""
    return Answer.objects.of_study(study).counted().standing().filter(
        question__in=region_codes(study), survey_item__block__view=view, survey_response__analysed=True,
        value__isnull=False,
    )  # fmt: skip


def marks_of(study: Study, item: Item, view: str) -> dict[str, list[list[dict]]]:
    """By group, one list of marks per analysed reader of this picture."""
    found: dict[str, list[list[dict]]] = defaultdict(list)
    answers = marked_answers(study, view).filter(survey_item__item=item)
    for group, value in answers.values_list("survey_response__group__plural", "value"):
        found[group].append(value)
    return found


def region_overlaps(one: AttributionMap) -> list[RegionOverlap]:
    """Every group that marked the picture of this map; empty where the study asks no such question."""
    made = one.attribution_set
    found = marks_of(made.ensemble.study, one.item, one.view)
    if not any(marks for readers in found.values() for marks in readers):
        return []
    folder, code = made.folder / "maps", one.item.code
    map_HW = read_map(folder, code, one.target)
    controls = read_controls(folder, code) if one.target == AttributionMap.Target.PREDICTED else []
    return [_overlap(group, readers, map_HW, controls) for group, readers in sorted(found.items()) if any(readers)]


def _overlap(
    group: str, readers: list[list[dict]], map_HW: np.ndarray, controls: list[np.ndarray]
) -> RegionOverlap:
    marking = [marks for marks in readers if marks]
    region = joint_region(marking, map_HW.shape)
    share = float(region.mean())
    marks = [_shown(mark) for reader in marking for mark in reader]
    random = mean_known([overlap(control, region) for control in controls])
    return RegionOverlap(
        group, len(readers), len(marking), marks, share, overlap(map_HW, region), random, chance_overlap(share)
    )  # fmt: skip


def chance_overlap(share: float) -> float:
    """Intersection over union, on average, of a region of this share of the area and as many pixels drawn at random."""
    return share / (2 - share)


def joint_region(marking: list[list[dict]], shape: tuple[int, int]) -> np.ndarray:
    """What at least half of those who marked something marked, or, where they agree on no pixel, what any marked."""
    votes = np.sum([region_of(marks, shape) for marks in marking], axis=0)
    region = votes * 2 >= len(marking)
    return region if region.any() else votes > 0


def region_of(marks: list[dict], shape: tuple[int, int]) -> np.ndarray:
    """The pixels that one reader marked, bool (height, width)."""
    height, width = shape
    y, x = (np.mgrid[:height, :width] + 0.5) / np.array([height, width])[:, None, None]
    region = np.zeros(shape, dtype=bool)
    for mark in marks:
        if "w" in mark:
            inside = (x >= mark["x"]) & (x <= mark["x"] + mark["w"]) & (y >= mark["y"]) & (y <= mark["y"] + mark["h"])
        else:
            longer = max(height, width)
            inside = np.hypot((x - mark["x"]) * width, (y - mark["y"]) * height) <= POINT_RADIUS * longer
        region |= inside
    return region


def _shown(mark: dict) -> Mark:
    if "w" in mark:
        return Mark(100 * mark["x"], 100 * mark["y"], 100 * mark["w"], 100 * mark["h"])
    side = 200 * POINT_RADIUS
    return Mark(100 * mark["x"] - side / 2, 100 * mark["y"] - side / 2, side, side)
