"""Within one class: divide its n items into groups of k, once per set, so that items meet no more often than needed.

This is the social golfer problem (n golfers, groups of k, one week per set). A start from modular arithmetic, in which
group (c + t * r) mod s of set t takes the item of row r and column c, has no repeat at all when s = n / k is a prime of
at least k and at least as many as the sets, or when it is large. Everything else is improved by exchanging two items
between two groups of a set, where an exchange that makes things worse is accepted now and then. The number of tries is
fixed, so the result depends on nothing but the stream of chance.
"""

from dataclasses import dataclass
from math import comb

from .bounds import least_meetings
from .draw import Draw
from .shape import Shape

TRIES = 100_000
LARGEST_SEARCHED = 400  # items of a class; the table of meetings grows with its square
# How often, out of 2**20, a change is accepted that costs 0, 1, 2, 3 repeats more: always, then 0.03 to the power of
# the cost. Whole numbers, so that no platform's rounding can change a design.
WORSE = (1 << 20, 31_775, 962, 29)


@dataclass
class _Division:
    """One class divided once per set: `group_of[t][item]` and its mirror `groups[t][group]`."""

    group_of: list[list[int]]
    groups: list[list[list[int]]]


def divide_class(shape: Shape, draw: Draw) -> list[list[int]]:
    """The group (0 .. s - 1, of k items each) of every item (0 .. n - 1) of a class in every set: `[set][item]`."""
    best_possible = least_meetings(shape.items_per_class, shape, 2)
    modular = _modular(shape, draw)
    table, repeats = _meetings(shape, modular)
    if repeats == best_possible or shape.items_per_class > LARGEST_SEARCHED or shape.surveys_per_set == 1:
        return modular.group_of
    best, repeats = _improve(shape, modular, table, repeats, best_possible, draw)
    if repeats > best_possible:
        randomly = _random(shape, draw)
        table, start = _meetings(shape, randomly)
        other, other_repeats = _improve(shape, randomly, table, start, best_possible, draw)
        if other_repeats < repeats:
            best = other
    return best


def _modular(shape: Shape, draw: Draw) -> _Division:
    """The start from arithmetic; sets beyond the s-th would repeat earlier ones and are divided at random."""
    s, k = shape.surveys_per_set, shape.per_class
    division = _Division([], [])
    for t in range(shape.sets):
        if t < s:
            groups = [[row * s + (group - t * row) % s for row in range(k)] for group in range(s)]
        else:
            groups = _random_groups(shape, draw)
        _append(division, groups, shape)
    return division


def _random(shape: Shape, draw: Draw) -> _Division:
    division = _Division([], [])
    for _ in range(shape.sets):
        _append(division, _random_groups(shape, draw), shape)
    return division


def _random_groups(shape: Shape, draw: Draw) -> list[list[int]]:
    order = draw.shuffled(range(shape.items_per_class))
    return [order[start : start + shape.per_class] for start in range(0, len(order), shape.per_class)]


def _append(division: _Division, groups: list[list[int]], shape: Shape) -> None:
    group_of = [0] * shape.items_per_class
    for number, members in enumerate(groups):
        for item in members:
            group_of[item] = number
    division.groups.append(groups)
    division.group_of.append(group_of)


def _meetings(shape: Shape, division: _Division) -> tuple[list[list[int]], int]:
    """How often each two items of the class share a group, and the sum over pairs of C(meetings, 2)."""
    n = shape.items_per_class
    if n > LARGEST_SEARCHED:
        return [], -1
    table = [[0] * n for _ in range(n)]
    for groups in division.groups:
        for members in groups:
            for first in members:
                for second in members:
                    if first != second:
                        table[first][second] += 1
    return table, sum(comb(times, 2) for row, line in enumerate(table) for times in line[:row])


def _improve(shape: Shape, division: _Division, table, repeats: int, target: int, draw: Draw):
    """Exchange items between groups for a fixed number of tries; return the best `group_of` seen and its repeats."""
    n, sets, uniform = shape.items_per_class, shape.sets, draw.uniform
    best, best_repeats = [list(line) for line in division.group_of], repeats
    tries = TRIES if shape.per_class <= 12 else TRIES * 12 // shape.per_class
    known = _known(division, table)
    group_of_set, given = division.group_of, 2 * (shape.per_class - 1)
    for _ in range(tries):
        t, i, j = int(uniform() * sets), int(uniform() * n), int(uniform() * n)
        group_of = group_of_set[t]
        of_i, of_j = group_of[i], group_of[j]
        if of_i == of_j:
            continue
        # Losing a meeting takes (meetings - 1) off the sum of C(meetings, 2); gaining one adds (meetings).
        known_i, known_j = known[t][i], known[t][j]
        change = given + known_j[of_i] - known_i[of_i] + known_i[of_j] - known_j[of_j] - 2 * table[i][j]
        if change > 0 and (change >= len(WORSE) or uniform() * (1 << 20) >= WORSE[change]):
            continue
        _exchange(division, table, known, t, i, j)
        repeats += change
        if repeats < best_repeats:
            best, best_repeats = [list(line) for line in division.group_of], repeats
            if repeats == target:
                break
    return best, best_repeats


def _known(division: _Division, table) -> list[list[list[int]]]:
    """How often each item met the members of each group of each set, those meetings together: [set][item][group]."""
    return [[[sum(line[m] for m in members) for members in groups] for line in table] for groups in division.groups]


def _exchange(division: _Division, table, known, t: int, i: int, j: int) -> None:
    """Let items i and j change places in set t, and keep the table of meetings, and who knows whom, true."""
    group_of, groups = division.group_of[t], division.groups[t]
    first, second = groups[group_of[i]], groups[group_of[j]]
    for leaving, coming, members in ((i, j, first), (j, i, second)):
        for m in members:
            if m != leaving:
                for a, b, step in ((leaving, m, -1), (coming, m, 1)):
                    table[a][b] += step
                    table[b][a] += step
                    for lines, their_groups in zip(known, division.group_of):
                        lines[a][their_groups[b]] += step
                        lines[b][their_groups[a]] += step
    first[first.index(i)], second[second.index(j)] = j, i
    group_of[i], group_of[j] = group_of[j], group_of[i]
    for line, meetings in zip(known[t], table):
        line[group_of[j]] += meetings[j] - meetings[i]
        line[group_of[i]] += meetings[i] - meetings[j]
