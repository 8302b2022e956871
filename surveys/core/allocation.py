"""Which rater sees which image in which order, in a rating study of single images; and the certificate of that.

A rater sees a balanced part of the images, not all (seeded incomplete blocks). Some images come again, well
after the first, to measure how far raters agree with themselves; some are obvious catches, to find raters who do not look.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import comb

from .bounds import least_spread
from .certificate import Certificate, Property, balance, promise

SCHEMA = "rating-allocation/1"
SINGLE, REPEAT, CATCH = "single", "repeat", "catch"


@dataclass(frozen=True)
class Shown:
    """One page of a sitting. kind: single (seen the first time), repeat (seen before in this sitting) or catch."""

    image: str
    kind: str


@dataclass(frozen=True)
class Sitting:
    """What one rater sees, in order."""

    rater: str
    pages: tuple[Shown, ...]

    def images(self, kind: str) -> list[str]:
        """The images of one kind, in order."""
        return [page.image for page in self.pages if page.kind == kind]


@dataclass(frozen=True)
class Allocation:
    """All sittings, and the numbers from which they were drawn."""

    seed: int
    per_rater_max: int
    min_raters_per_image: int
    repeats: float
    repeat_gap: int
    catches: tuple[str, ...]
    catches_per_rater: int
    sittings: tuple[Sitting, ...]
    certificate: Certificate

    def to_json(self) -> str:
        """Text of the allocation; equal allocations give equal bytes, one sitting stands on one line."""
        head = {
            "schema": SCHEMA,
            "seed": self.seed,
            "per_rater_max": self.per_rater_max,
            "min_raters_per_image": self.min_raters_per_image,
            "repeats": self.repeats,
            "repeat_gap": self.repeat_gap,
            "catches": list(self.catches),
            "catches_per_rater": self.catches_per_rater,
        }
        lines = [f'  "{key}": {json.dumps(value, ensure_ascii=False)},' for key, value in head.items()]
        sittings = ",\n".join(
            "    " + json.dumps({"rater": s.rater, "pages": [[p.image, p.kind] for p in s.pages]}, ensure_ascii=False)
            for s in self.sittings
        )
        certificate = json.dumps(self.certificate.to_dict(), ensure_ascii=False, indent=2).replace("\n", "\n  ")
        body = "\n".join(lines)
        return f'{{\n{body}\n  "sittings": [\n{sittings}\n  ],\n  "certificate": {certificate}\n}}\n'


def certify_allocation(allocation: Allocation, images: Mapping[str, str]) -> Certificate:
    """The properties of an allocation over `images` (image -> stratum), counted from its sittings alone."""
    promises = [
        promise("known images", "Every page shows an image of the list, or a catch.", _unknown(allocation, images)),
        promise(
            "enough raters",
            f"Every image is rated by at least {allocation.min_raters_per_image} raters.",
            _too_few(allocation, images),
        ),
        promise("length", f"No sitting is longer than {allocation.per_rater_max} pages.", _too_long(allocation)),
        promise("seen once", "No image is shown twice, except as a marked repeat.", _seen_twice(allocation)),
        promise(
            "repeats",
            f"Every repeat follows its first showing by at least {allocation.repeat_gap} {'page' if allocation.repeat_gap == 1 else 'pages'}.",
            _too_soon(allocation),
        ),
        promise(
            "catches",
            f"Every sitting has {allocation.catches_per_rater} catches, none of them on the first page."
            if allocation.catches_per_rater
            else "No sitting has catches.",
            _catches(allocation),
        ),
    ]
    balances = _balances(allocation, images) if all(entry.holds for entry in promises) else ()
    return Certificate((*promises, *balances))


def _unknown(allocation: Allocation, images: Mapping[str, str]) -> Iterator[str]:
    for sitting in allocation.sittings:
        for number, page in enumerate(sitting.pages, start=1):
            known = allocation.catches if page.kind == CATCH else images
            if page.kind not in (SINGLE, REPEAT, CATCH) or page.image not in known:
                yield f"Rater {sitting.rater}, page {number}: image {page.image} ({page.kind}) is not in the list."


def _too_few(allocation: Allocation, images: Mapping[str, str]) -> Iterator[str]:
    raters = Counter(image for sitting in allocation.sittings for image in set(sitting.images(SINGLE)))
    for image in sorted(images):
        if raters[image] < allocation.min_raters_per_image:
            yield f"Image {image} has {raters[image]} raters; it needs {allocation.min_raters_per_image}."


def _too_long(allocation: Allocation) -> Iterator[str]:
    for sitting in allocation.sittings:
        if len(sitting.pages) > allocation.per_rater_max:
            yield f"Rater {sitting.rater} has {len(sitting.pages)} pages; the limit is {allocation.per_rater_max}."


def _seen_twice(allocation: Allocation) -> Iterator[str]:
    for sitting in allocation.sittings:
        for kind in (SINGLE, REPEAT, CATCH):
            for image, times in Counter(sitting.images(kind)).items():
                if times > 1:
                    yield f"Rater {sitting.rater}: image {image} is shown {times} times as {kind}."


def _too_soon(allocation: Allocation) -> Iterator[str]:
    for sitting in allocation.sittings:
        first = {page.image: number for number, page in enumerate(sitting.pages) if page.kind == SINGLE}
        for number, page in enumerate(sitting.pages):
            if page.kind == REPEAT and number - first.get(page.image, number) < allocation.repeat_gap:
                yield f"Rater {sitting.rater}, page {number + 1}: the repeat of image {page.image} comes too soon."


def _catches(allocation: Allocation) -> Iterator[str]:
    for sitting in allocation.sittings:
        count = len(sitting.images(CATCH))
        if count != allocation.catches_per_rater:
            yield f"Rater {sitting.rater} has {count} catches instead of {allocation.catches_per_rater}."
        if sitting.pages and sitting.pages[0].kind == CATCH:
            yield f"Rater {sitting.rater} starts with a catch."


def _balances(allocation: Allocation, images: Mapping[str, str]) -> tuple[Property, ...]:
    rated = {sitting.rater: set(sitting.images(SINGLE)) for sitting in allocation.sittings}
    raters, assigned = len(rated), sum(map(len, rated.values()))
    loads = [len(seen) for seen in rated.values()]
    strata = Counter(images.values())
    uneven = 0
    for name in sorted(strata):
        counts = [sum(images[image] == name for image in seen) for seen in rated.values()]
        uneven = max(uneven, max(counts) - min(counts))
    shared = [len(a & b) for a, b in combinations(rated.values(), 2)]
    per_image = Counter(image for seen in rated.values() for image in seen)
    meetings = sum(comb(times, 2) for times in per_image.values())
    best_shared = least_spread(meetings, comb(raters, 2), 2)
    repeated = Counter(image for sitting in allocation.sittings for image in sitting.images(REPEAT))
    most_repeated = max(repeated.values(), default=0)
    best_repeated = -(-repeated.total() // len(images))
    share = [100 * len(s.images(REPEAT)) / max(1, len(s.images(SINGLE))) for s in allocation.sittings]
    return (
        balance(
            "images per rater",
            "Largest difference between the numbers of images of two raters.",
            reached=max(loads) - min(loads),
            best=int(assigned % raters > 0),
            limit=1,
            detail=f"{min(loads)} to {max(loads)} images each.",
        ),
        balance(
            "strata per rater",
            "Largest difference between two raters in the number of images of one stratum.",
            reached=uneven,
            best=int(any(count * allocation.min_raters_per_image % raters for count in strata.values())),
            limit=2,
            detail="; ".join(f"{name}: {strata[name]} images" for name in sorted(strata)) + ".",
        ),
        balance(
            "images shared by two raters",
            "Sum over pairs of raters of the pairs of images that both rate: least when all pairs overlap equally.",
            reached=sum(comb(count, 2) for count in shared),
            best=best_shared,
            limit=max(best_shared + comb(raters, 2), best_shared * 11 // 10),
            detail=f"Two raters share {min(shared, default=0)} to {max(shared, default=0)} images.",
        ),
        balance(
            "repeats per image",
            "Most raters who see the same image twice.",
            reached=most_repeated,
            best=best_repeated,
            limit=best_repeated + 1,
            detail=f"Repeats are {min(share):.1f} to {max(share):.1f} % of a rater's images.",
        ),
    )
