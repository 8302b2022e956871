"""Between classes: which group of which class joins which survey, so that all pairs of items meet equally rarely.

Every class brings its own division into groups (see `groups`). For one class in one set, the cost of putting group g
into survey x does not depend on where its other groups go, so a whole table of costs is computed at once and the groups
are exchanged until no exchange of two of them helps; this is repeated over all classes and sets. The cost of a pair
that meets m times is 2**m - 1 - m, the sum of C(m, j) over all j >= 2: the quantity for which `bounds` knows the least
possible value at every j. So a third meeting costs more than a second one, and no pair is sacrificed for the others.
"""

import numpy as np

from .bounds import least_maximum
from .draw import Draw
from .groups import divide_class
from .progress import Progress, silent
from .shape import Shape

LARGEST_TABLE = 12_000  # items; the table of meetings has one byte for each pair
WORK = 600_000_000  # entries of that table looked at
MOST_SWEEPS = 100
NOISE = (
    20  # largest random surcharge on a placement in the first sweep; it falls to nothing, so that the search settles
)
QUIET = 4  # last sweeps, without surcharge
OUTLIER = 16  # how much dearer a meeting is that lifts a pair two above the least possible maximum
STEEPEST = 40  # 2**m is kept within 64-bit integers


def survey_of_items(shape: Shape, seed: int, progress: Progress = silent) -> np.ndarray:
    """The survey, 0 .. s - 1, of every item in every set: integers of shape (sets, items), items class after class.

    The division of one class is searched once; each class receives it with its items, sets and groups in an order of
    its own.
    """
    base = np.array(divide_class(shape, Draw(seed, "groups")), dtype=np.int64)
    codes = np.empty((shape.sets, shape.items), dtype=np.int64)
    for number in range(shape.classes):
        draw = Draw(seed, "class", number)
        items = draw.shuffled(range(shape.items_per_class))
        columns = slice(number * shape.items_per_class, (number + 1) * shape.items_per_class)
        for t, source in enumerate(draw.shuffled(range(shape.sets))):
            names = np.array(draw.shuffled(range(shape.surveys_per_set)), dtype=np.int64)
            codes[t, columns] = names[base[source][items]]
    if shape.classes > 1 and shape.surveys_per_set > 1 and shape.items <= LARGEST_TABLE:
        _spread(codes, shape, Draw(seed, "together"), progress)
    return codes


def _cost(shape: Shape) -> np.ndarray:
    """Cost of one more meeting for a pair that already meets 0, 1, 2, ... times."""
    meetings = np.arange(shape.sets + 1)
    cost = 2 ** np.minimum(meetings, STEEPEST).astype(np.int64) - 1
    cost[meetings > least_maximum(shape.items, shape)] *= OUTLIER
    return cost


def _spread(codes: np.ndarray, shape: Shape, draw: Draw, progress: Progress) -> None:
    """Improve `codes` in place by exchanging whole groups of one class between the surveys of one set."""
    table = np.zeros((shape.items, shape.items), dtype=np.uint8 if shape.sets < 256 else np.int32)
    for line in codes:
        table += line[:, None] == line[None, :]
    seated = np.argsort(codes, axis=1, kind="stable").reshape(
        shape.sets, shape.surveys_per_set, shape.classes, shape.per_class
    )
    next_cost = _cost(shape)
    places = [(number, t) for number in range(shape.classes) for t in range(shape.sets)]
    sweeps = max(1, min(MOST_SWEEPS, WORK // (shape.sets * shape.items**2)))
    for sweep in range(sweeps):
        progress("dividing the items among surveys", sweep, sweeps)
        noise = max(0, NOISE * (sweeps - sweep - QUIET) // sweeps)
        for number, t in draw.shuffled(places):
            _place_groups(seated[t], table, next_cost, number, noise, draw)
    for line, items in zip(codes, seated):
        line[items] = np.arange(shape.surveys_per_set)[:, None, None]


def _place_groups(seated: np.ndarray, table: np.ndarray, next_cost: np.ndarray, number: int, noise: int, draw: Draw):
    """Choose the surveys of one class's groups in one set anew.

    seated: the items of every survey of the set by class, shape (surveys, classes, per class); changed in place, like
    `table`.
    """
    s, classes, k = seated.shape
    mine = seated[:, number].reshape(-1)
    others = seated.compress(np.arange(classes) != number, axis=1).reshape(-1)
    elsewhere = table.take(mine, axis=0).take(others, axis=1).reshape(s, k, s, -1)
    together = np.einsum("gkgo->gko", elsewhere)  # a view: each group with the survey it sits in
    together -= 1
    cost = np.add.reduce(next_cost.take(elsewhere).reshape(s, k, -1), axis=1).reshape(s, s, -1)
    cost = np.add.reduce(cost, axis=2).tolist()
    if noise:
        lots, uniform = noise + 1, draw.uniform
        cost = [[value + int(uniform() * lots) for value in line] for line in cost]
    place = _exchange_groups(cost, draw)
    if place == list(range(s)):
        return
    elsewhere[np.arange(s), :, place] += 1
    elsewhere = elsewhere.reshape(s * k, -1)
    table[mine[:, None], others] = elsewhere
    table[others[:, None], mine] = elsewhere.T
    seated[place, number] = seated[:, number].copy()


def _exchange_groups(cost: list[list[int]], draw: Draw) -> list[int]:
    """The survey of every group, reached from group g in survey g by exchanges of two groups that do not cost more."""
    s = len(cost)
    place = list(range(s))
    pairs = [(g, h) for g in range(s) for h in range(g)] if s <= 40 else None
    improved = True
    while improved:
        improved = False
        chosen = draw.shuffled(pairs) if pairs else [(draw.below(s), draw.below(s)) for _ in range(20 * s)]
        for g, h in chosen:
            x, y = place[g], place[h]
            of_g, of_h = cost[g], cost[h]
            change = of_g[y] + of_h[x] - of_g[x] - of_h[y]
            if change < 0 or (change == 0 and draw.below(2)):
                place[g], place[h] = y, x
                improved |= change < 0
    return place
