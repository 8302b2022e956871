"""Draw the surveys of a study from a seed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from .anchors import drawn_anchors, named_anchors
from .certify import certify
from .design import VIEW_ORDERS, Anchors, Block, Design, Survey, items_digest
from .draw import Draw
from .order import least_longest_run, order_blocks, usual_longest_run
from .progress import Progress, silent
from .repeats import gap_of
from .second_showings import checked_share, with_second_showings
from .shape import DesignError, Shape, shape_of
from .view_order import balanced_orders


def assemble(
    items: Mapping[str, str],
    *,
    per_class: int,
    sets: int,
    views: Sequence[str] = ("focused", "panoramic"),
    seed: int,
    view_order: str = "fixed",
    max_run: int | None = None,
    repeats: float = 0.0,
    anchors: int | Sequence[str] = 0,
    progress: Progress = silent,
) -> Design:
    """Draw balanced surveys of `items`, with their certificate.

    Parameters
    ----------
    items : item code -> class. Every class has the same number of items, a multiple of per_class (anchors aside in both).
        Their order does not matter.
    per_class : items of each class in every survey.
    sets : survey sets; each covers every item once, so every item that is no anchor is seen `sets` times.
    views : the blocks of a survey. Every block holds the survey's items in an order drawn anew.
    seed : a whole number; the same arguments give the same design, byte for byte, on every platform.
    view_order : "fixed" shows `views` as given in every survey; "counterbalanced" gives each order of them to equally
        many surveys, set
        by set, so that every item meets each order equally often; "random" draws the order for every survey.
    max_run : longest run of one class in a block; by default the bound that at most one random block in twenty would
        break.
    repeats : share of a block's items that come a second time in it, from 0 to 0.5; to the nearest whole number, at least one.
    anchors : how many items of every class, of per_class, stand in every survey, drawn from the seed; or the codes of those
        items, equally many of every class. A set then has (items - anchors) / (per_class - anchors) surveys, by class.
    progress : called with what is being done, how much is done and out of how much; what it raises stops the work.

    Raises
    ------
    DesignError : one sentence, with the nearest possible design where there is one.
    """
    named = None if isinstance(anchors, int) else named_anchors(items, anchors)
    shape = shape_of(items, per_class=per_class, sets=sets, anchors=anchors if named is None else named.per_class)
    views = _checked(items, views, seed, view_order)
    max_run = _checked_run(shape, max_run)
    repeats = checked_share(repeats, shape.block_length)
    names = sorted(items, key=lambda item: (items[item], item))
    common = named or (drawn_anchors(items, shape.anchors, seed) if shape.anchors else Anchors())
    always = [number for number, item in enumerate(names) if item in set(common.items)]
    members = _members(shape, always, seed, progress)
    orders = {
        view: order_blocks(members, shape, max_run, Draw(seed, "order", number), progress, anchors=always)
        for number, view in enumerate(views)
    }
    shown = _view_orders(views, view_order, shape, Draw(seed, "views"))
    surveys = tuple(
        Survey(
            survey=number + 1,
            set=number // shape.surveys_per_set + 1,
            blocks=tuple(Block(view, tuple(names[item] for item in orders[view][number])) for view in shown[number]),
        )
        for number in range(shape.surveys)
    )
    if repeats:
        surveys = with_second_showings(surveys, items, share=repeats, max_run=max_run, seed=seed)
    design = Design(
        seed=seed,
        per_class=per_class,
        sets=sets,
        views=views,
        view_order=view_order,
        max_run=max_run,
        items_sha256=items_digest(items),
        surveys=surveys,
        repeats=repeats,
        repeat_gap=gap_of(shape.block_length) if repeats else 0,
        anchors=common,
    )
    return replace(design, certificate=certify(design, items))


def _members(shape: Shape, always: Sequence[int], seed: int, progress: Progress) -> list[list[int]]:
    """Numbers of the items of every survey, set after set: those shared out over the surveys of a set, then the anchors."""
    from .together import survey_of_items  # loads NumPy; a caller who only reads designs does without

    rest = sorted(set(range(shape.items)).difference(always))
    codes = survey_of_items(shape.rest, seed, progress)
    members: list[list[int]] = [[] for _ in range(shape.surveys)]
    for t, line in enumerate(codes.tolist()):
        for item, survey in enumerate(line):
            members[t * shape.surveys_per_set + survey].append(rest[item])
    return [[*survey, *always] for survey in members]


def _checked(items: Mapping[str, str], views: Sequence[str], seed: int, view_order: str) -> tuple[str, ...]:
    for item, name in items.items():
        if not (isinstance(item, str) and item.strip() and isinstance(name, str) and name.strip()):
            raise DesignError(f"Every item needs a code and a class, both texts; found {item!r} of class {name!r}.")
        if not (item + name).isprintable():
            raise DesignError(f"Item {item!r} of class {name!r} holds a character that cannot be printed.")
    views = (views,) if isinstance(views, str) else tuple(views)
    if not views or not all(isinstance(view, str) and view.strip() for view in views) or len(set(views)) < len(views):
        raise DesignError(f"A design needs at least one view, each with a name of its own; found {list(views)!r}.")
    if view_order not in VIEW_ORDERS:
        raise DesignError(f"view_order must be one of {', '.join(VIEW_ORDERS)}; found {view_order!r}.")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise DesignError(f"seed must be a whole number; found {seed!r}.")
    return views


def _checked_run(shape: Shape, max_run: int | None) -> int:
    if max_run is None:
        return max(usual_longest_run(shape), least_longest_run(shape))
    least = least_longest_run(shape)
    if isinstance(max_run, bool) or not isinstance(max_run, int) or max_run < least:
        raise DesignError(f"max_run must be a whole number of at least {least} for this shape; found {max_run!r}.")
    return max_run


def _view_orders(views: tuple[str, ...], view_order: str, shape: Shape, draw: Draw) -> list[tuple[str, ...]]:
    """The views of every survey in reading order."""
    if view_order == "fixed" or len(views) == 1:
        return [views] * shape.surveys
    if view_order == "random":
        return [tuple(draw.shuffled(views)) for _ in range(shape.surveys)]
    orders = draw.shuffled(balanced_orders(views))
    whole_sets = shape.sets // len(orders) * len(orders)
    by_set = draw.shuffled(orders[t % len(orders)] for t in range(whole_sets))
    result = [order for order in by_set for _ in range(shape.surveys_per_set)]
    left = shape.surveys - len(result)
    return result + draw.shuffled(orders[i % len(orders)] for i in range(left))
