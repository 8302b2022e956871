"""Draw who rates which image: seeded incomplete blocks for rating studies, such as the realism of generated images."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .allocation import CATCH, REPEAT, SINGLE, Allocation, Shown, Sitting, certify_allocation
from .certificate import Certificate
from .draw import Draw
from .repeats import gap_of, repeats_of
from .shape import DesignError

TRIES = 60_000
TRIES_PER_ASSIGNMENT = 60


def allocate(
    images: Mapping[str, str],
    *,
    raters: int | Sequence[str],
    per_rater_max: int = 60,
    min_raters_per_image: int = 6,
    repeats: float = 0.05,
    catches: Sequence[str] = (),
    catches_per_rater: int | None = None,
    groups: Mapping[str, str] | None = None,
    seed: int,
    noun: str = "images",
) -> Allocation:
    """Share `images` out among raters, each image to the same number of them, with repeats and catches.

    Parameters
    ----------
    images : image -> stratum (real or generated, with class, say); every rater sees each stratum
        equally often, to within an image or two.
    raters : how many, or their codes. Images are shared out as evenly as possible among all of them.
    per_rater_max : most pages of one sitting, repeats and catches included.
    repeats : share of a rater's images that come a second time, from 0 to 0.5, rounded up; 0.05 to 0.1 is usual.
    catches : images with an obvious answer, not among `images`; catches_per_rater of them (two, or as
        many as there are) come in every sitting.
    groups : stratum -> group of strata (curated or random, say), of which, too, every rater sees equally many, to within
        an image or two. A stratum that is left out is a group of its own.
    noun : what a refusal calls the images.
    seed : a whole number; the same arguments give the same allocation on every platform.

    Raises
    ------
    DesignError : one sentence that says how many raters would be enough.
    """
    shares = share_out(
        images, raters=raters, per_rater_max=per_rater_max, min_raters_per_image=min_raters_per_image, repeats=repeats,
        catches=catches, catches_per_rater=catches_per_rater, groups=groups, seed=seed, noun=noun,
    )  # fmt: skip
    return shares.in_order([repeats_of(len(own), repeats) for own in shares.held])


@dataclass(frozen=True)
class Shares:
    """Who rates which images; in which order, and which of them twice, comes with `in_order`.

    held: for every rater the numbers of the images in `names`. asked: what the allocation says about itself.
    """

    images: Mapping[str, str]
    names: Sequence[str]
    codes: Sequence[str]
    held: Sequence[Sequence[int]]
    asked: Mapping[str, Any]

    def room(self, rater: int) -> int:
        """How many repeats fit into a rater's sitting."""
        return self.asked["per_rater_max"] - self.asked["catches_per_rater"] - len(self.held[rater])

    def in_order(self, repeats: Sequence[int]) -> Allocation:
        """The allocation in which each rater sees that many images again, at least a third of the shortest share later."""
        seed, catches, per_rater = (self.asked[name] for name in ("seed", "catches", "catches_per_rater"))
        gap = gap_of(min(map(len, self.held)))
        sittings, repeated = [], Counter()
        for rater, code in enumerate(self.codes):
            draw = Draw(seed, "sitting", rater)
            pages = _order(self.held[rater], repeats[rater], gap, repeated, draw)
            shown = [Shown(self.names[image], kind) for image, kind in pages]
            offset = rater * per_rater
            chosen = [catches[(offset + number) % len(catches)] for number in range(per_rater)]
            sittings.append(Sitting(code, tuple(_with_catches(shown, draw.shuffled(chosen), draw))))
        allocation = Allocation(
            **self.asked, repeat_gap=gap, sittings=tuple(sittings), certificate=Certificate(())
        )  # fmt: skip
        return replace(allocation, certificate=certify_allocation(allocation, self.images))


def share_out(
    images: Mapping[str, str], *, raters: int | Sequence[str], per_rater_max: int, min_raters_per_image: int, repeats: float,
    catches: Sequence[str], catches_per_rater: int | None, groups: Mapping[str, str] | None, seed: int, noun: str,
) -> Shares:  # fmt: skip
    """Deal `images` out among raters; arguments and refusals are those of `allocate`."""
    codes = [f"R{number:03d}" for number in range(1, raters + 1)] if isinstance(raters, int) else list(raters)
    if catches_per_rater is None:
        catches_per_rater = min(2, len(catches))
    _check(images, codes, repeats, catches, catches_per_rater, seed)
    _check_room(len(images), len(codes), per_rater_max, min_raters_per_image, repeats, catches_per_rater, noun)
    names = sorted(images, key=lambda image: (images[image], image))
    by_name = _strata(names, images)
    strata = list(by_name.values())
    group_of = [(groups or {}).get(name, name) for name in by_name]
    holders = _share_out(strata, group_of, len(codes), min_raters_per_image, Draw(seed, "raters"))
    _overlap_evenly(holders, strata, len(codes), Draw(seed, "overlap"))
    held = [[image for image in range(len(names)) if rater in holders[image]] for rater in range(len(codes))]
    asked = {
        "seed": seed,
        "per_rater_max": per_rater_max,
        "min_raters_per_image": min_raters_per_image,
        "repeats": repeats,
        "catches": tuple(catches),
        "catches_per_rater": catches_per_rater,
    }
    return Shares(images, names, codes, held, asked)


def _check(images, codes, repeats, catches, catches_per_rater: int, seed: int) -> None:
    if not images or not codes:
        raise DesignError(f"An allocation needs images and raters; found {len(images)} and {len(codes)}.")
    if len(set(codes)) < len(codes):
        raise DesignError("Every rater needs a code of its own; one stands twice.")
    if not 0 <= repeats <= 0.5:
        raise DesignError(f"repeats is a share from 0 to 0.5; found {repeats!r}.")
    common = sorted(set(catches) & set(images))
    if common or len(set(catches)) < len(catches):
        raise DesignError(
            f"Catches are listed once and are not among the images; found {', '.join(common) or 'one twice'}."
        )
    if not 0 <= catches_per_rater <= len(catches):
        raise DesignError(f"{catches_per_rater} catches per rater need as many catches; found {len(catches)}.")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise DesignError(f"seed must be a whole number; found {seed!r}.")


def _check_room(images: int, raters: int, most: int, per_image: int, repeats: float, catches: int, noun: str) -> None:
    """Refuse when the sittings are too short, and say what would do."""
    if per_image < 1 or most < 1:
        raise DesignError(f"min_raters_per_image and per_rater_max must be at least 1; found {per_image} and {most}.")
    room = max((n for n in range(most + 1) if n + repeats_of(n, repeats) + catches <= most), default=0)
    if not room:
        raise DesignError(f"Sittings of {most} pages have no room for {noun} beside {catches} catches.")
    needed = max(per_image, -(-images * per_image // room))
    if raters < needed:
        fewer = raters * room // per_image if raters >= per_image else 0
        instead = f", or at most {fewer} {noun} with {raters} raters" if fewer else ""
        raise DesignError(
            f"{images} {noun} with {per_image} raters each need at least {needed} raters of {room} {noun} "
            f"({most} pages with repeats and catches){instead}; found {raters} raters."
        )


def _strata(names: list[str], images: Mapping[str, str]) -> dict[str, list[int]]:
    """The numbers of the images of every stratum."""
    strata: dict[str, list[int]] = {}
    for number, image in enumerate(names):
        strata.setdefault(images[image], []).append(number)
    return strata


def _share_out(
    strata: list[list[int]], group_of: list[str], raters: int, per_image: int, draw: Draw
) -> list[set[int]]:
    """The raters of every image: those with the fewest images of the stratum, then of its group, then of all, then by lot."""
    holders: list[set[int]] = [set() for _ in range(sum(map(len, strata)))]
    total = [0] * raters
    of_group = {group: [0] * raters for group in group_of}
    for stratum, group in zip(strata, group_of, strict=True):
        own, near = [0] * raters, of_group[group]
        for image in draw.shuffled(stratum):
            lots = [draw.uniform() for _ in range(raters)]
            ranked = sorted(zip(own, near, total, lots, range(raters), strict=True))
            for *_, rater in ranked[:per_image]:
                holders[image].add(rater)
                for count in (own, near, total):
                    count[rater] += 1
    _level(holders, strata, group_of, of_group, total)
    return holders


def _level(
    holders: list[set[int]], strata: list[list[int]], group_of: list[str], of_group: dict[str, list[int]], total: list[int]
) -> None:
    """Hand images from the raters with most to those with fewest until they differ by one at most.

    A rater with two more images has more of some stratum, so the strata become no less even; of such strata one is taken of
    whose group the rater has most more.
    """
    while max(total) - min(total) > 1:
        rich, poor = total.index(max(total)), total.index(min(total))
        movable = []
        for number, stratum in enumerate(strata):
            given = [image for image in stratum if rich in holders[image] and poor not in holders[image]]
            taken = [image for image in stratum if poor in holders[image] and rich not in holders[image]]
            if len(given) > len(taken):
                near = of_group[group_of[number]]
                movable.append((near[rich] - near[poor], -number, given[0]))
        _, number, image = max(movable)
        holders[image] = holders[image] - {rich} | {poor}
        for count in (of_group[group_of[-number]], total):
            count[rich] -= 1
            count[poor] += 1


def _overlap_evenly(holders: list[set[int]], strata: list[list[int]], raters: int, draw: Draw) -> None:
    """Exchange images of one stratum between two raters so that any two raters share equally many."""
    shared = [[0] * raters for _ in range(raters)]
    for group in holders:
        for a in group:
            for b in group:
                shared[a][b] += a != b
    pool = [stratum for stratum in strata if len(stratum) > 1]
    assignments = sum(map(len, holders))
    for _ in range(min(TRIES, TRIES_PER_ASSIGNMENT * assignments) if pool else 0):
        stratum = pool[draw.below(len(pool))]
        first, second = stratum[draw.below(len(stratum))], stratum[draw.below(len(stratum))]
        only_first, only_second = sorted(holders[first] - holders[second]), sorted(holders[second] - holders[first])
        if not only_first or not only_second:
            continue
        a, b = only_first[draw.below(len(only_first))], only_second[draw.below(len(only_second))]
        change = sum(shared[b][x] - shared[a][x] + 1 for x in only_first if x != a)
        change += sum(shared[a][y] - shared[b][y] + 1 for y in only_second if y != b)
        if change > 0:
            continue
        for lost, won, others in ((a, b, only_first), (b, a, only_second)):
            for x in others:
                if x != lost:
                    shared[lost][x] -= 1
                    shared[x][lost] -= 1
                    shared[won][x] += 1
                    shared[x][won] += 1
        holders[first] = holders[first] - {a} | {b}
        holders[second] = holders[second] - {b} | {a}


def _order(images: Sequence[int], count: int, gap: int, repeated: Counter, draw: Draw) -> list[tuple[int, str]]:
    """A sitting's images in random order, `count` of them again, at least `gap` pages after the first time.

    Repeated are images of the first two thirds, those first that fewest raters have seen twice so far.
    """
    order = draw.shuffled(images)
    early = max(1, len(order) - gap)
    lots = {image: draw.uniform() for image in order}
    chosen = sorted(order[:early], key=lambda image: (repeated[image], lots[image]))[:count]
    pages = [(image, SINGLE) for image in order]
    for image in chosen:
        earliest = pages.index((image, SINGLE)) + gap
        pages.insert(earliest + draw.below(len(pages) - earliest + 1), (image, REPEAT))
        repeated[image] += 1
    return pages


def _with_catches(pages: list[Shown], catches: list[str], draw: Draw) -> list[Shown]:
    """Put one catch at a random place of each of as many equal parts of the sitting, never on the first page."""
    length = len(pages)
    for part in reversed(range(len(catches))):
        start, stop = part * length // len(catches), (part + 1) * length // len(catches)
        pages.insert(max(1, start + draw.below(max(1, stop - start))), Shown(catches[part], CATCH))
    return pages
