"""How often a rater sees something again: the share is kept over all kinds of stimuli together, not kind by kind.

One repeat is 14 % of seven strips and none is 0 %, so no whole number keeps a share of 5 to 10 % of a few. Over a whole sitting it can be
kept, and which kind comes again is dealt out over the raters so that each kind has its own share over all of them.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import ceil, floor

from .allocation import REPEAT, SINGLE
from .certificate import Property, balance
from .draw import Draw

LEAST, MOST = Fraction(5, 100), Fraction(10, 100)
# Of fewer stimuli of a kind none comes again: it would come back within a page or two, and memory would answer.
FEWEST = 6


def repeats_of(images: int, share: float) -> int:
    """How many of a rater's images come twice: the share to the nearest whole number, one at least where any is asked for."""
    return max(1, int(share * images + 0.5)) if share and images else 0


def gap_of(images: int) -> int:
    """Fewest pages from a first to a second showing: a third of the images of the shortest sitting."""
    return max(1, images // 3)


def share_of_repeats(shares: Sequence[float]) -> tuple[Fraction, Fraction]:
    """Least and most of a sitting that comes again: 5 to 10 %, wider where kinds ask for less or for more."""
    asked = [_exact(share) for share in shares if share]
    return (min([LEAST, *asked]), max([MOST, *asked])) if asked else (Fraction(0), Fraction(0))


def _exact(share: float) -> Fraction:
    return Fraction(str(share))


def bounds(stimuli: int, share: tuple[Fraction, Fraction]) -> tuple[int, int]:
    """Fewest and most repeats of a rater with so many stimuli; where no number keeps the share (ten are too few for 10 %), 0 and 1."""
    least, most = ceil(share[0] * stimuli), floor(share[1] * stimuli)
    return (least, most) if least <= most and most else (0, int(stimuli > 0 and share[1] > 0))


def deal_repeats(
    loads: Sequence[Mapping[str, int]], shares: Mapping[str, float], room: Sequence[Mapping[str, int]], *, draw: Draw
) -> list[dict[str, int]]:
    """How many stimuli of each kind every rater sees twice.

    loads: for each rater kind -> stimuli; shares: kind -> share asked for; room: for each rater kind -> most that fit into the sitting.
    Each rater's sum lies within `bounds`, and what rounding takes from one rater the next one gets, so that over all raters every kind comes
    as near to its share as whole numbers do.
    """
    wanted = {kind: _exact(share) for kind, share in shares.items() if share}
    whole = share_of_repeats(list(shares.values()))
    owed: dict[str, Fraction] = dict.fromkeys(wanted, Fraction(0))
    dealt: list[dict[str, int]] = [dict.fromkeys(shares, 0) for _ in loads]
    for rater in draw.shuffled(range(len(loads))):
        seen = {kind: loads[rater].get(kind, 0) for kind in wanted}
        open_to = {kind: count for kind, count in seen.items() if count >= FEWEST}
        for kind in open_to:
            owed[kind] += wanted[kind] * open_to[kind]
        fewest, most = bounds(sum(open_to.values()), whole)
        lots = {kind: draw.uniform() for kind in open_to}
        while open_to:
            here = dealt[rater]
            fitting = [kind for kind in open_to if here[kind] < min(room[rater][kind], open_to[kind] // 2)]
            given = sum(here.values())
            due = sum(owed[kind] for kind in open_to)
            if not fitting or given >= most or (given >= fewest and due < Fraction(1, 2)):
                break
            chosen = max(fitting, key=lambda kind: (owed[kind], lots[kind]))
            here[chosen] += 1
            owed[chosen] -= 1
    return dealt


def certify_repeats(parts: Mapping[str, float], sittings: Sequence[Mapping[str, Sequence[str]]]) -> Property:
    """Whether every rater's share of repeats is the promised one, counted from what is shown.

    parts: kind -> share asked for; sittings: for each rater kind -> kinds of the pages (single, repeat, catch) in order.
    """
    share = share_of_repeats(list(parts.values()))
    outside, shares, small = 0, [], 0
    total, again = dict.fromkeys(parts, 0), dict.fromkeys(parts, 0)
    for pages in sittings:
        singles = {kind: pages.get(kind, ()).count(SINGLE) for kind, asked in parts.items() if asked}
        repeats = {kind: pages.get(kind, ()).count(REPEAT) for kind in singles}
        for kind in singles:
            total[kind] += singles[kind]
            again[kind] += repeats[kind]
        stimuli = sum(count for count in singles.values() if count >= FEWEST)
        count = sum(repeats.values())
        fewest, most = bounds(stimuli, share)
        outside = max(outside, fewest - count, count - most)
        if fewest:
            shares.append(100 * count / stimuli)
        else:
            small += 1
    return balance(
        "repeats of a sitting",
        f"Most repeats by which a rater is outside {_percent(share[0])} to {_percent(share[1])} % of the stimuli seen, of all kinds "
        f"together of which the rater sees {FEWEST} or more; one at most where no whole number keeps that.",
        reached=outside,
        best=0,
        limit=0,
        detail=_detail(shares, small, {kind: (again[kind], total[kind]) for kind in parts if total[kind]}),
    )


def _percent(share: Fraction) -> str:
    return f"{float(100 * share):g}"


def _detail(shares: Sequence[float], small: int, kinds: Mapping[str, tuple[int, int]]) -> str:
    told = [f"{min(shares):.1f} to {max(shares):.1f} % at {len(shares)} raters"] if shares else []
    told += [f"one at most at {small} raters with too few"] if small else []
    told += [f"{kind}s: {again} of {total} over all raters ({100 * again / total:.1f} %)" for kind, (again, total) in kinds.items()]
    return "; ".join(told) + "." if told else ""
