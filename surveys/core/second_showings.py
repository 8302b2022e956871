"""Items of a reading study that come a second time in their block, so that readers can be compared with themselves.

Every block repeats the same number of its items, the share that rating studies round in the same way. First showings keep
the order in which they were drawn, so that every balance of the surveys is that of a study without repeats. Which items
come again is drawn, then evened out by exchanges, so that each item, and each class, comes again about equally often in
every view; where a second showing stands is drawn among the pages far enough behind the first.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby, pairwise

from .certificate import Property, balance, promise
from .design import LARGEST_SHARE, Again, Block, Design, Survey
from .draw import Draw
from .repeats import FEWEST, gap_of, repeats_of
from .shape import DesignError

TRIES_PER_SHOWING, MOST_TRIES = 600, 400_000
# What unevenness costs, in pairs of second showings: of one item in one view, of one item, of one class in a block, in a view.
IN_VIEW, IN_ALL, IN_BLOCK, OF_CLASS = 16, 8, 4, 4


def checked_share(share: float, block_length: int) -> float:
    """The share as it is stored; DesignError where it is none, or where a block is too short for a second showing."""
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= LARGEST_SHARE:
        raise DesignError(f"repeats is a share from 0 to {LARGEST_SHARE}; found {share!r}.")
    if share and block_length < FEWEST:
        raise DesignError(
            f"A block of {block_length} items is too short to show one of them again, as it would come back within a page or two; "
            f"it needs {FEWEST}. Show more items in each survey, or none again."
        )
    return float(share)


def with_second_showings(surveys: Sequence[Survey], items: Mapping[str, str], *, share: float, max_run: int, seed: int) -> tuple[Survey, ...]:
    """The surveys with that share of every block's items shown again. items: item code -> class.

    DesignError where no page is left for a second showing under `max_run`, the longest run of one class.
    """
    length = len(surveys[0].blocks[0].items)
    count, gap = repeats_of(length, share), gap_of(length)
    chosen = _chosen(surveys, items, count, gap, Draw(seed, "second showings"))
    found = []
    for survey in surveys:
        blocks = []
        for block in survey.blocks:
            draw = Draw(seed, "second showings", survey.survey, block.view)
            again = chosen[survey.survey, block.view]
            blocks.append(_placed(block, again, items, gap, max_run, draw))
        found.append(replace(survey, blocks=tuple(blocks)))
    return tuple(found)


def _chosen(
    surveys: Sequence[Survey], items: Mapping[str, str], count: int, gap: int, draw: Draw
) -> dict[tuple[int, str], list[str]]:
    """The items that come again in each block, by (survey, view): those that stand early enough, as evenly as exchanges make them."""
    tally = _Tally(items)
    early = {
        (survey.survey, block.view): block.items[: max(count, len(block.items) - gap)] for survey in surveys for block in survey.blocks
    }
    chosen: dict[tuple[int, str], list[str]] = {key: [] for key in early}
    for key in draw.shuffled(early):
        for _ in range(count):
            lots = {item: draw.uniform() for item in early[key] if item not in chosen[key]}
            best = min(lots, key=lambda item: (tally.cost(item, key), lots[item]))
            tally.add(best, key, 1)
            chosen[key].append(best)
    keys = list(early)
    for _ in range(min(MOST_TRIES, TRIES_PER_SHOWING * count * len(keys))):
        key = keys[draw.below(len(keys))]
        place, item = draw.below(count), early[key][draw.below(len(early[key]))]
        if item in chosen[key]:
            continue
        former = chosen[key][place]
        tally.add(former, key, -1)
        if tally.cost(item, key) <= tally.cost(former, key):
            chosen[key][place] = item
        tally.add(chosen[key][place], key, 1)
    return chosen


class _Tally:
    """How often items and classes come again so far, as what one more would cost."""

    def __init__(self, items: Mapping[str, str]):
        self.items = items
        self.counts: Counter[tuple] = Counter()

    def _places(self, item: str, key: tuple[int, str]) -> tuple[tuple[int, tuple], ...]:
        (survey, view), name = key, self.items[item]
        return (
            (IN_VIEW, ("item", item, view)),
            (IN_ALL, ("item", item)),
            (IN_ALL, ("survey", item, survey)),  # not the same item again in another view of the survey
            (IN_BLOCK, ("class", name, survey, view)),
            (OF_CLASS, ("class", name, view)),
        )

    def cost(self, item: str, key: tuple[int, str]) -> int:
        return sum(weight * self.counts[place] for weight, place in self._places(item, key))

    def add(self, item: str, key: tuple[int, str], step: int) -> None:
        for _, place in self._places(item, key):
            self.counts[place] += step


def _placed(block: Block, again: Sequence[str], items: Mapping[str, str], gap: int, max_run: int, draw: Draw) -> Block:
    """The block with second showings at pages drawn among those that are far enough and make no class run too long."""
    pages = [(item, 1) for item in block.items]
    for item in draw.shuffled(again):
        first = pages.index((item, 1))
        free = [page for page in range(first + gap, len(pages) + 1) if _longest_with(pages, page, item, items) <= max_run]
        if not free:
            raise DesignError(
                f"No page at least {gap} pages after the first is left for a second showing with at most {max_run} of one class in a row; "
                "allow longer runs, or show fewer items again."
            )
        pages.insert(free[draw.below(len(free))], (item, 2))
    return replace(block, repeats=tuple(Again(item, page) for page, (item, showing) in enumerate(pages, start=1) if showing == 2))


def _longest_with(pages: Sequence[tuple[str, int]], page: int, item: str, items: Mapping[str, str]) -> int:
    """Length of the run of its class in which an item inserted at `page`, from 0, would stand."""
    own, run, before = items[item], 1, page - 1
    while before >= 0 and items[pages[before][0]] == own:
        run, before = run + 1, before - 1
    while page < len(pages) and items[pages[page][0]] == own:
        run, page = run + 1, page + 1
    return run


def promise_of_second_showings(design: Design, items: Mapping[str, str]) -> Property:
    """That every block shows its share of items again, far enough from the first time, and none a third time."""
    length = design.per_class * len(set(items.values()))
    count = repeats_of(length, design.repeats)
    return promise(
        "second showings",
        f"Every block shows {count} of its items a second time, at least {design.repeat_gap} pages after the first, "
        "and none a third time.",
        _breaches(design, count),
        detail="Positions elsewhere in this certificate are those among first showings.",
    )


def _breaches(design: Design, count: int) -> Iterator[str]:
    for survey in design.surveys:
        for block in survey.blocks:
            where = f"Survey {survey.survey} (set {survey.set}), block {block.view}"
            if len(block.repeats) != count:
                yield f"{where}: {len(block.repeats)} items come again instead of {count}."
            pages = block.pages()
            wrong = [again for again in block.repeats if pages[again.page - 1 : again.page] != ((again.item, 2),)]
            if wrong or any(a.page >= b.page for a, b in pairwise(block.repeats)):
                yield f"{where}: the pages of the second showings are not in order, or are more than the block has."
                continue
            for again in block.repeats:
                if (again.item, 1) not in pages:
                    yield f"{where}: item {again.item} comes on page {again.page} as a second showing and has no first."
                elif again.page - 1 - pages.index((again.item, 1)) < design.repeat_gap:
                    yield f"{where}: item {again.item} comes again on page {again.page}, too soon after page {pages.index((again.item, 1)) + 1}."
            for item, times in sorted(Counter(again.item for again in block.repeats).items()):
                if times > 1:
                    yield f"{where}: item {item} comes {times + 1} times."


def second_showing_balances(design: Design, items: Mapping[str, str]) -> list[Property]:
    """How evenly second showings are spread over items, classes and pages; the worst of all views, and of all views together."""
    again = [(block.view, entry.item) for survey in design.surveys for block in survey.blocks for entry in block.repeats]
    parts = [[item for _, item in again], *([item for of, item in again if of == view] for view in design.views)]
    classes = sorted(set(items.values()))
    of_item, of_class = [_spread(part, sorted(items)) for part in parts], [_spread([items[i] for i in part], classes) for part in parts]
    distances = sorted(
        entry.page - 1 - block.pages().index((entry.item, 1)) for survey in design.surveys for block in survey.blocks for entry in block.repeats
    )
    twice = sum(
        count - 1
        for survey in design.surveys
        for count in Counter(entry.item for block in survey.blocks for entry in block.repeats).values()
    )
    return [
        balance(
            "second showings per item",
            "Largest difference between two items in how often they come a second time, in a view or in all.",
            reached=max(spread for spread, _ in of_item),
            best=max(int(len(part) % len(items) > 0) for part in parts),
            limit=max(int(len(part) % len(items) > 0) for part in parts) + 1,
            detail=f"In all views {of_item[0][1]} times; {twice} items come again in two views of one survey.",
        ),
        balance(
            "second showings per class",
            "Largest difference between two classes in how often their items come a second time, in a view or in all.",
            reached=max(spread for spread, _ in of_class),
            best=max(int(len(part) % len(classes) > 0) for part in parts),
            limit=max(int(len(part) % len(classes) > 0) for part in parts) + 1,
            detail=f"In all views {of_class[0][1]} times; {distances[0]} to {distances[-1]} pages after the first, "
            f"{distances[len(distances) // 2]} in the middle.",
        ),
    ]


def _spread(named: Sequence[str], every: Sequence[str]) -> tuple[int, str]:
    """Most minus fewest, and both in words."""
    counts = Counter(named)
    fewest, most = min(counts[name] for name in every), max(counts[name] for name in every)
    return most - fewest, f"{fewest} to {most}" if fewest < most else f"{most}"


def runs_of(block: Block, items: Mapping[str, str]) -> Iterator[tuple[str | None, list[str]]]:
    """Runs of one class over all pages of a block, with their items."""
    for name, run in groupby((item for item, _ in block.pages()), key=items.get):
        yield name, list(run)
