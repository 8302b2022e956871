"""Find pictures that are the same, nearly the same, or cut out of one another. Arrays only: no Django, no files."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations

from .copies import identical, near_duplicates
from .crops import CropSearch
from .pictures import (
    BYTES,
    CROP,
    CROWD,
    GROUP,
    NEAR,
    PIXELS,
    Finding,
    LeakageParameters,
    LeakageResult,
    Loader,
    Picture,
    correlation,
    finding_of,
)

__all__ = ["CROWD", "Finding", "LeakageParameters", "LeakageResult", "Picture", "correlation", "find_leaks"]


def find_leaks(
    pictures: Sequence[Picture],
    load: Loader,
    *,
    load_full: Loader | None = None,
    views: Sequence[str] = (),
    parameters: LeakageParameters | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> LeakageResult:
    """Compare all pictures of a study with one another.

    load: gives a picture's pixels, HWC uint8; a thumbnail of 200 to 400 px is best. It is called once or twice per
    picture. load_full: the same at full size, for the last look at what seems to be a crop; without it, `load` serves.
    Both are called from several threads. views: the study's views from the closest to the widest; crops of the earlier ones are searched in the
    later ones (none when there are fewer than two views). Reported are
    - identical bytes or pixels and near-duplicates of any two items, unless both belong to one group and lie together;
    - crops between groups, for pairs in different splits or folds (elsewhere they do no harm);
    - one example per group and pair of places for groups that straddle a split or a fold.
    A pair is reported once, with the strongest kind; of more than CROWD pictures that are identical or nearly so each one only
    with one other, across the split, or else a fold, where there is such a one. Mirrored or turned copies are not searched for.
    progress: called with hundredths of the work done, and 100.
    """
    parameters = parameters or LeakageParameters()
    findings: dict[tuple[int, int], Finding] = {}
    _add(findings, identical(pictures, BYTES, "original_sha256"))
    _add(findings, identical(pictures, PIXELS, "pixel_sha256"))

    def tell(share: float) -> None:
        if progress:
            progress(round(100 * share), 100)

    near, compared = near_duplicates(pictures, load, parameters, known=findings, tell=lambda share: tell(0.05 * share))
    _add(findings, near)
    search = CropSearch(pictures, load, load_full or load, parameters)
    crops, places = search.run(views, lambda share: tell(0.05 + 0.95 * share))
    _add(findings, crops)
    _add(findings, _straddling_groups(pictures))
    tell(1.0)
    rank = {kind: place for place, kind in enumerate((BYTES, PIXELS, NEAR, CROP, GROUP))}
    worst_first = sorted(
        findings.values(),
        key=lambda f: (
            not f.crosses_split,
            not f.crosses_fold,
            rank[f.kind],
            -(f.score or 1),
            f.first,
            f.second,
        ),
    )
    return LeakageResult(tuple(worst_first), compared + places, parameters)


def _add(findings: dict[tuple[int, int], Finding], found: Iterable[Finding]) -> None:
    for finding in found:
        findings.setdefault((finding.first, finding.second), finding)


def _straddling_groups(pictures: Sequence[Picture]) -> Iterable[Finding]:
    """One example per group and pair of places, so that a large group does not drown the report."""
    places: dict[str, dict[tuple, Picture]] = defaultdict(dict)
    for picture in pictures:
        if picture.group:
            places[picture.group].setdefault((picture.split, picture.fold), picture)
    for examples in places.values():
        for one, other in combinations(examples.values(), 2):
            finding = finding_of(GROUP, one, other)
            if finding.crosses_split or finding.crosses_fold:
                yield finding
