"""Where relevance lies beside the lesion: on a sticker, a watermark, clothing, the background; and when to warn.

A region is marked (a mask comes with the picture: manifest column ``region_<name>``) or found by a rule of thumb from
colour and place, which is said beside every number. Masks are bool (H, W) on the network's square; shares are of the
whole square, so that chance is the region's share of the area.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from models_ml.core.answers.metrics import Estimate, clustered
from models_ml.core.attribution.metrics import relevance_mass, skin
from models_ml.core.errors import CoreError
from models_ml.core.pictures.manifest import Item
from models_ml.core.pictures.pixels import Placement, decode

LESION, SKIN, STICKER, BACKGROUND, EDGE = "lesion", "skin", "sticker", "background", "edge"
EXPECTED = (LESION, SKIN)  # relevance here is no shortcut
LEAST_AREA = 0.005  # a smaller region of a picture is not counted
EDGE_SHARE = 1 / 12  # of the picture's side
TIMES_AREA, LEAST_SHARE, LEAST_PICTURES, WORST = 2.0, 0.05, 3, 8
RULE = (
    f"A warning is given for a region other than the lesion and the skin when, over at least {LEAST_PICTURES} pictures "
    f"that show it, its share of the relevance is at least {LEAST_SHARE:.2f} and more than {TIMES_AREA:g} times its "
    "share of the area, and the whole 95 % interval of its difference to networks of random weights lies above zero."
)


@dataclass(frozen=True)
class Region:
    name: str
    marked: bool
    mask_HW: np.ndarray


def mask_on_square(path: Path, where: Placement, size_px: int, *, name: str) -> np.ndarray:
    """A mask of the picture's own shape, brought onto the network's square."""
    from PIL import Image

    image = decode(path).convert("L")
    if abs(image.width * where.height - image.height * where.width) > max(image.size) * 2:
        raise CoreError(f"The {name} has another shape than its picture ({image.width} x {image.height}).")
    box = np.asarray(image.resize((where.box_width, where.box_height), Image.Resampling.BOX)) > 127
    square = np.zeros((size_px, size_px), dtype=bool)
    square[where.top : where.top + where.box_height, where.left : where.left + where.box_width] = box
    return square


def coloured(image_HWC: np.ndarray) -> np.ndarray:
    """Strongly coloured pixels whose hue is neither skin's nor blood's: green, blue, violet. Stickers, rulers, ink."""
    from PIL import Image

    hsv = np.asarray(Image.fromarray(image_HWC).convert("HSV")).astype(float)
    hue = hsv[..., 0] * 360 / 255
    return (hsv[..., 1] > 90) & (hsv[..., 2] > 50) & (hue > 65) & (hue < 320)


def regions_of(item: Item, square_HWC: np.ndarray, where: Placement, lesion: np.ndarray | None) -> list[Region]:
    """Every region that covers enough of this picture: the marked ones, and by rule those that nobody marked."""
    size = square_HWC.shape[0]
    marked = {
        name: mask_on_square(path, where, size, name=f"region {name} of {item.id!r}") for name, path in item.regions
    }
    if lesion is not None:
        marked.setdefault(LESION, lesion)
    own = marked.get(LESION, np.zeros((size, size), dtype=bool))
    inside, rim = np.zeros((2, size, size), dtype=bool)
    inside[where.top : where.top + where.box_height, where.left : where.left + where.box_width] = True
    reach = round(EDGE_SHARE * size)
    rim[:] = True
    rim[where.top + reach : where.top + where.box_height - reach, :] &= False
    rim |= ~_columns(size, where.left + reach, where.left + where.box_width - reach)
    taken = np.logical_or.reduce([own, *marked.values()])
    by_rule = {STICKER: coloured(square_HWC) & ~own, SKIN: skin(square_HWC) & ~taken, EDGE: rim & ~own}
    by_rule[BACKGROUND] = ~(by_rule[SKIN] | taken)
    found = [Region(name, True, mask) for name, mask in sorted(marked.items())]
    found += [Region(name, False, mask & inside) for name, mask in sorted(by_rule.items()) if name not in marked]
    return [region for region in found if region.mask_HW.mean() >= LEAST_AREA]


def _columns(size: int, first: int, end: int) -> np.ndarray:
    place = np.arange(size)
    return np.broadcast_to((place >= first) & (place < end), (size, size))


def shares(regions: Sequence[Region], map_HW: np.ndarray, control_KHW: np.ndarray) -> list[dict]:
    """Per region: share of the map's positive relevance, of the area, and of relevance by random weights (mean)."""
    rows = []
    for region in regions:
        by_chance = [relevance_mass(m, region.mask_HW) for m in control_KHW]
        known = [value for value in by_chance if value is not None]
        rows.append({
            "region": region.name, "marked": region.marked, "share": relevance_mass(map_HW, region.mask_HW),
            "area": float(region.mask_HW.mean()), "control": float(np.mean(known)) if known else None,
        })  # fmt: skip
    return rows


def judge(records: Sequence[Mapping], clusters: np.ndarray) -> list[dict]:
    """Every region over the pictures that show it, those that call for a warning first; plain JSON.

    records: with ``item`` and ``regions`` (``shares``). A region is summed up apart where it was marked and where a rule
    found it.
    """
    kinds = sorted({(row["region"], row["marked"]) for record in records for row in record["regions"]})
    found = [_judge_one(name, marked, records, clusters) for name, marked in kinds]
    return sorted(found, key=lambda one: (not one["warning"], not one["marked"], one["region"]))


def _judge_one(name: str, marked: bool, records: Sequence[Mapping], clusters: np.ndarray) -> dict:
    rows, of = [], []
    for record, cluster in zip(records, clusters):
        for row in record["regions"]:
            if (row["region"], row["marked"]) == (name, marked) and None not in (row["share"], row["control"]):
                rows.append({"item": record["item"], **row})
                of.append(cluster)
    if not rows:
        nothing = {"value": None, "n": 0, "why": "no picture with this region has positive relevance"}
        return {"region": name, "marked": marked, "pictures": 0, "warning": None, "worst": [], "sentence": "",
                **dict.fromkeys(("share", "area", "control", "above_control"), nothing)}  # fmt: skip
    columns = {key: np.array([row[key] for row in rows]) for key in ("share", "area", "control")}
    columns["above_control"] = columns["share"] - columns["control"]
    sums = {key: _estimate(values, np.array(of)) for key, values in columns.items()}
    warning = _warning(name, sums, len(rows))
    worst = sorted(rows, key=lambda row: row["area"] - row["share"])[:WORST]
    return {
        "region": name, "marked": marked, "pictures": len(rows), "warning": warning,
        "sentence": _sentence(name, marked, sums, len(rows), warning),
        "worst": [{key: row[key] for key in ("item", "share", "area", "control")} for row in worst],
        **{key: asdict(value) for key, value in sums.items()},
    }  # fmt: skip


def _estimate(values: np.ndarray, clusters: np.ndarray) -> Estimate:
    return clustered(values, clusters, resamples=1000)


def _warning(name: str, sums: Mapping[str, Estimate], n: int) -> bool | None:
    """By RULE; None where it cannot be said."""
    if name in EXPECTED:
        return False
    share, area, low = sums["share"].value, sums["area"].value, sums["above_control"].ci_low
    if n < LEAST_PICTURES or low is None:
        return None
    return bool(share >= LEAST_SHARE and share > TIMES_AREA * area and low > 0)


def _sentence(name: str, marked: bool, sums: Mapping[str, Estimate], n: int, warning: bool | None) -> str:
    part = {EDGE: "the picture's edge", BACKGROUND: "the background or clothing"}.get(name, f"the {name}")
    how = "" if marked else " (found by a rule of thumb)"
    numbers = (
        f"{sums['share'].value:.0%} of the relevance lies on {part}{how}, which covers {sums['area'].value:.0%} of the "
        f"area; networks of random weights put {sums['control'].value:.0%} there. {n} picture{'s' * (n != 1)}."
    )
    if warning is None:
        return f"Too few pictures show {part} to judge: {numbers}"
    if warning:
        return f"Warning, possibly a shortcut: {numbers} Look at the pictures below before you trust these answers."
    return numbers
