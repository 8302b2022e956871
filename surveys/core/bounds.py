"""What arithmetic permits: lower bounds that no design of a given shape can beat.

One way to see them all. Write for each item the number of its survey in each set: a word of T letters over an alphabet
of s letters (T sets, s surveys a set). Two items meet as often as their words agree. The number of ways in which pairs
of items agree in j chosen sets is the sum over cells of C(cell, 2), when the items are sorted into the s**j cells by
their letters in those sets; a sum of that kind is least when the cells are as equal as possible. Summing over all
choices of j sets bounds, for every j,

    meetings(j) = sum over pairs of C(times the pair meets, j).

j = 1 is an equality (the total number of meetings); j = 2 bounds the repeats; the largest j that is still positive
bounds the most often met pair from below (the pigeonhole form of the Singleton bound for codes).
"""

from fractions import Fraction
from math import ceil, comb

from .shape import Shape


def least_equal_pairs(total: int, cells: int) -> int:
    """The least possible sum of C(cell, 2) when `total` things are put into `cells` cells."""
    low, extra = divmod(total, cells)
    return extra * comb(low + 1, 2) + (cells - extra) * comb(low, 2)


def least_spread(total: int, parts: int, order: int) -> int:
    """The least possible sum of C(part, order) when `total` is split into `parts` whole parts."""
    if not parts:
        return 0
    low, extra = divmod(total, parts)
    return extra * comb(low + 1, order) + (parts - extra) * comb(low, order)


def least_meetings(items: int, shape: Shape, order: int) -> int:
    """Lower bound of the sum over pairs of C(meetings, order) among `items` items that fill all surveys evenly.

    `items` is shape.items for all pairs, or shape.items_per_class for the pairs within one class.
    """
    surveys, sets = shape.surveys_per_set, shape.sets
    by_cells = comb(sets, order) * least_equal_pairs(items, surveys**order)
    return max(by_cells, least_spread(total_meetings(items, shape), comb(items, 2), order))


def total_meetings(items: int, shape: Shape) -> int:
    """Times that a pair stands in one survey, summed over all pairs: the same in every design of this shape."""
    return shape.sets * shape.surveys_per_set * comb(items // shape.surveys_per_set, 2)


def least_maximum(items: int, shape: Shape) -> int:
    """Lower bound of how often the most often met pair among `items` items meets."""
    total = total_meetings(items, shape)
    if not total:
        return 0
    by_mean = ceil(Fraction(total, comb(items, 2)))
    by_repeats = ceil(1 + Fraction(2 * least_meetings(items, shape, 2), total))
    by_pigeonhole = max((j for j in range(1, shape.sets + 1) if items > shape.surveys_per_set**j), default=0)
    return max(by_mean, by_repeats, by_pigeonhole)


def random_repeats(items: int, shape: Shape) -> Fraction:
    """Expected sum over pairs within a class of C(meetings, 2) when every set is divided at random.

    A pair of one class of n items shares a given survey of a set with probability (k - 1) / (n - 1).
    """
    n, k = items, items // shape.surveys_per_set
    if n < 2:
        return Fraction(0)
    return comb(n, 2) * comb(shape.sets, 2) * Fraction(k - 1, n - 1) ** 2


def random_repeats_between(shape: Shape) -> Fraction:
    """The same for pairs of items of different classes, which share a survey of a set with probability 1 / s."""
    pairs = comb(shape.classes, 2) * shape.items_per_class**2
    return pairs * comb(shape.sets, 2) * Fraction(1, shape.surveys_per_set) ** 2
