"""The balances of a design: how evenly its items meet, and the list of all balances for the certificate."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from math import ceil, comb, isqrt

from .anchor_places import anchor_balances
from .bounds import least_maximum, least_meetings, random_repeats, random_repeats_between, total_meetings
from .certificate import Property, balance
from .design import Design
from .meetings import largest_overlap, meeting_histogram, moment
from .places import class_order_balances, position_balances, view_balances
from .second_showings import second_showing_balances
from .table import Table, table_of

FLUCTUATION = Fraction(51, 50)  # a draw by chance may have somewhat more than it has on average
WITHOUT_ANCHORS = "Anchors, which meet every item, are not counted."
TOLERANCE = Fraction(11, 10)  # a search is content within a tenth of the best possible value


def count_balances(design: Design, items: Mapping[str, str]) -> tuple[Property, ...]:
    """Every balance of a design that keeps its promises."""
    table = table_of(design, items)
    shared_out = (*meeting_balances(table), *position_balances(table))
    if table.shape.anchors:
        shared_out = (replace(entry, meaning=f"{entry.meaning} {WITHOUT_ANCHORS}") for entry in shared_out)
    return (
        *shared_out,
        *(anchor_balances(table) if table.shape.anchors else ()),
        *class_order_balances(table),
        *view_balances(design, table),
        *(second_showing_balances(design, items) if design.has_second_showings else ()),
    )


def meeting_balances(table: Table) -> list[Property]:
    """How often two items share a survey: within a class, between classes, over all pairs; and how surveys overlap.

    A pair that meets m times has m (m - 1) / 2 repeats: the number of pairs of its surveys.
    """
    shape = table.shape.rest
    every = meeting_histogram(table.survey_of)
    within = meeting_histogram(table.survey_of, table.class_of)
    if every is None or within is None:
        return [_uncounted()]
    between = [a - b for a, b in zip(every, within)]
    one_class = shape.items_per_class
    best_within = shape.classes * least_meetings(one_class, shape, 2)
    found = _repeats(
        "repeats within classes",
        "Two items of one class stand together again in another set.",
        within,
        best=best_within,
        by_chance=shape.classes * random_repeats(one_class, shape),
    )
    entries = [
        found,
        _most("most meetings within a class", "two items of one class", within, least_maximum(one_class, shape)),
    ]
    best_all = least_meetings(shape.items, shape, 2)
    by_chance_between = random_repeats_between(shape)
    if shape.classes > 1:
        entries += _between(table, between, within, best_all, by_chance_between)
    entries.append(
        _repeats(
            "repeats over all pairs",
            "Two items of any classes stand together again in another set.",
            every,
            best=best_all,
            by_chance=shape.classes * random_repeats(one_class, shape) + by_chance_between,
        )
    )
    entries.append(_most("most meetings of any pair", "two items", every, least_maximum(shape.items, shape)))
    fewest, most = largest_overlap(table.survey_of, shape.surveys_per_set)
    best = -(-shape.items // shape.surveys_per_set**2) if shape.sets > 1 else 0
    entries.append(
        balance(
            "items shared by two surveys",
            "Most items that two surveys of different sets have in common.",
            reached=most,
            best=best,
            limit=best + shape.per_class + 2 + 4 * (isqrt(best) + 1),
            detail=f"Two surveys of different sets share {fewest} to {most} of their {shape.block_length} items.",
        )
    )
    return entries


def _between(table: Table, between: list[int], within: list[int], best_all: int, by_chance: Fraction) -> list[Property]:
    """Pairs of two classes; what they can reach depends on the pairs within classes, so the bound is given those."""
    shape = table.shape.rest
    pairs = comb(shape.classes, 2) * shape.items_per_class**2
    total = total_meetings(shape.items, shape) - shape.classes * total_meetings(shape.items_per_class, shape)
    low, extra = divmod(total, pairs)
    spread = extra * comb(low + 1, 2) + (pairs - extra) * comb(low, 2)
    best = max(spread, best_all - moment(within, 2))
    most_within = max((times for times, count in enumerate(within) if count), default=0)
    pigeonhole = least_maximum(shape.items, shape)
    best_most = max(
        ceil(Fraction(total, pairs)), ceil(1 + Fraction(2 * best, total)), pigeonhole if pigeonhole > most_within else 0
    )
    return [
        _repeats(
            "repeats between classes",
            "Two items of different classes stand together again in another set.",
            between,
            best=best,
            by_chance=by_chance,
            note=" The best value is the best beside the repeats reached within classes: fewer there force more here.",
        ),
        _most("most meetings between classes", "two items of different classes", between, best_most),
    ]


def _repeats(
    name: str, meaning: str, histogram: list[int], *, best: int, by_chance: Fraction, note: str = ""
) -> Property:
    pairs = sum(histogram)
    total = moment(histogram, 1)
    if pairs:
        mean = Fraction(total, pairs)
        variance = Fraction(sum(times**2 * count for times, count in enumerate(histogram)), pairs) - mean**2
        spread = f" Mean {rounded(mean)}, variance {rounded(variance)}."
    else:
        spread = ""
    counts = ", ".join(f"{count:,} {times}x" for times, count in enumerate(histogram) if count)
    detail = (
        f"Pairs by meetings: {counts or 'none'}.{spread} A draw by chance has about {rounded(by_chance)} repeats.{note}"
    )
    limit = max(ceil(by_chance * FLUCTUATION), ceil(best * TOLERANCE))
    return balance(name, meaning, reached=moment(histogram, 2), best=best, limit=limit, detail=detail)


def _most(name: str, who: str, histogram: list[int], best: int) -> Property:
    most = max((times for times, count in enumerate(histogram) if count), default=0)
    fewest = min((times for times, count in enumerate(histogram) if count), default=0)
    return balance(
        name,
        f"The largest number of surveys that {who} share.",
        reached=most,
        best=best,
        limit=best + 2,
        detail=f"From {fewest} to {most} surveys; {histogram[most]:,} pairs reach {most}.",
    )


def _uncounted() -> Property:
    return balance(
        "repeats over all pairs",
        "Two items of any classes stand together again in another set.",
        reached=None,
        best=None,
        limit=None,
        detail="Not counted: with more than 12 sets and more than 50 million pairs of items that would take too long.",
    )


def rounded(value: Fraction) -> str:
    """A fraction with at most three decimals, by exact arithmetic."""
    return f"{float(round(value, 3)):g}" if value < 100_000 else f"{round(value):,}"
