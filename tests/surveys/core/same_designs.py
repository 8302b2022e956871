"""The same seed gives the same design on every platform: run this on another one.

`python -m tests.surveys.core.same_designs` draws designs of many shapes, prints the SHA-256 of every one with the versions of Python and NumPy and
the kind of machine, and exits 1 when one differs from `same_designs.json`. It needs Python from 3.11 and NumPy, nothing else of the product.
`--write` records the hashes anew, when a changed design is meant.
"""

import argparse
import hashlib
import json
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy

from surveys.core import RatingPart, allocate, assemble, draw_rating_design

from .studies import founding_items, items_of

RECORDED = Path(__file__).with_suffix(".json")
SEEDS = (7, 2**70)
# classes, items of a class, per class, sets, views, order of the views
SHAPES = (
    (1, 9, 3, 4, 1, "fixed"),
    (1, 12, 1, 5, 2, "random"),
    (2, 12, 6, 3, 2, "counterbalanced"),
    (3, 8, 2, 7, 3, "counterbalanced"),
    (5, 18, 3, 6, 2, "random"),
    (4, 45, 1, 2, 1, "fixed"),  # more than 40 surveys in a set: groups are exchanged in another way
    (2, 4, 2, 300, 1, "fixed"),  # more sets than a byte counts
    (12, 30, 5, 3, 2, "fixed"),
)


def designs() -> Iterator[tuple[str, Callable[[], str]]]:
    """The name of every design and what draws it as the text that is written to disk."""
    for seed in SEEDS:
        yield (
            f"founding study, seed {seed}",
            lambda seed=seed: assemble(founding_items(), per_class=4, sets=6, seed=seed).to_json(),
        )
    for number, shape in enumerate(SHAPES):
        yield (
            "{} classes of {}, {} each, {} sets, {} views {}".format(*shape),
            lambda seed=number - 3, shape=shape: _assembled(seed, *shape),
        )
    yield "images shared out among raters", _shared_out
    yield "rating study of single images and strips", _rating_study


def _assembled(seed: int, classes: int, size: int, per_class: int, sets: int, views: int, view_order: str) -> str:
    names = ("focused", "panoramic", "close")[:views]
    items = items_of(classes, size)
    return assemble(items, per_class=per_class, sets=sets, seed=seed, views=names, view_order=view_order).to_json()


def _shared_out() -> str:
    images = {f"image-{number}": f"stratum {number % 5}" for number in range(60)}
    groups = {f"stratum {number}": f"group {number % 2}" for number in range(5)}
    return allocate(images, raters=17, catches=("easy", "easier", "easiest"), groups=groups, seed=11).to_json()


def _rating_study() -> str:
    parts = []
    for kind, count, frames in (("single", 24, 1), ("strip", 9, 5)):
        stimuli = {f"{kind}-{number}": f"class {number % 3}" for number in range(count)}
        parts.append(RatingPart(kind, stimuli, dict.fromkeys([*stimuli, f"{kind} catch"], frames), [f"{kind} catch"]))
    return json.dumps(draw_rating_design(parts, raters=9, seed=5), ensure_ascii=False)


def hashes() -> dict[str, str]:
    """The SHA-256 of every design drawn here."""
    return {name: hashlib.sha256(draw().encode()).hexdigest() for name, draw in designs()}


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 1 when a design differs from the recorded one."""
    parser = argparse.ArgumentParser(prog="python -m tests.surveys.core.same_designs", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"record the hashes in {RECORDED.name}")
    write = parser.parse_args(arguments).write
    drawn = hashes()
    if write:
        RECORDED.write_text(json.dumps(drawn, indent=4) + "\n", encoding="utf-8")
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    print(f"Python {platform.python_version()}, NumPy {numpy.__version__}, {platform.platform()}, {platform.machine()}")
    for name, digest in drawn.items():
        print(f"{digest}  {'same' if recorded.get(name) == digest else 'DIFFERS'}  {name}")
    differing = sum(recorded.get(name) != digest for name, digest in drawn.items())
    whole = hashlib.sha256(json.dumps(drawn, sort_keys=True).encode()).hexdigest()
    print(f"{whole}  all together: {len(drawn) - differing} of {len(drawn)} designs are the recorded ones.")
    return 1 if differing or drawn.keys() != recorded.keys() else 0


if __name__ == "__main__":
    sys.exit(main())
