"""The promises of a design: what must hold exactly, checked from its surveys and the list of items alone."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from .anchors import promise_of_anchors
from .certificate import Property, promise
from .design import Block, Design, Survey, items_digest
from .second_showings import promise_of_second_showings, runs_of
from .shape import DesignError, shape_of
from .view_order import permitted_orders


def check_promises(design: Design, items: Mapping[str, str]) -> list[Property]:
    """Every promise of `design` over `items` (item code -> class), with a sentence for each breach."""
    again, anchors = design.has_second_showings, bool(design.anchors.items)
    others = "item that is no anchor" if anchors else "item"
    once = "No item stands twice in a block, except as a second showing." if again else "No item stands twice in a block."
    return [
        promise("known items", "The design is drawn for exactly these items and classes.", _items(design, items)),
        promise(
            "surveys",
            "The surveys are numbered from 1, set after set, and their number is the one needed.",
            _numbers(design, items),
        ),
        promise(
            "views", f"The blocks of every survey are its views; their order is {design.view_order}.", _views(design)
        ),
        promise("no repeats", once, _repeats(design)),
        promise("same items in blocks", "All blocks of a survey hold the same items.", _differing_blocks(design)),
        promise("once per set", f"Every {others} stands in exactly one survey of every set.", _coverage(design, items)),
        *([promise_of_anchors(design, items)] if anchors else ()),
        promise("classes", f"Every block holds {design.per_class} items of every class.", _classes(design, items)),
        promise("runs", f"No class runs longer than {design.max_run} items in a block.", _runs(design, items)),
        *([promise_of_second_showings(design, items)] if again else ()),
    ]


def _where(survey: Survey, block: Block | None = None) -> str:
    place = f"Survey {survey.survey} (set {survey.set})"
    return f"{place}, block {block.view}" if block else place


def _blocks(design: Design) -> Iterator[tuple[Survey, Block]]:
    return ((survey, block) for survey in design.surveys for block in survey.blocks)


def _items(design: Design, items: Mapping[str, str]) -> Iterator[str]:
    try:
        shape_of(items, per_class=design.per_class, sets=design.sets, anchors=design.anchors.per_class)
    except DesignError as error:
        yield str(error)
    for survey, block in _blocks(design):
        for position, item in enumerate(block.items, start=1):
            if item not in items:
                yield f"{_where(survey, block)}: item {item} at position {position} is not in the list of items."
    if items_digest(items) != design.items_sha256:
        yield (
            "The list of items, or the class of one of them, is not the one that the design was drawn for (its SHA-256 "
            "differs); verify with the original list."
        )


def _numbers(design: Design, items: Mapping[str, str]) -> Iterator[str]:
    classes, anchors = len(set(items.values())), design.anchors.per_class
    per_set, rest = divmod(len(items) - anchors * classes, (design.per_class - anchors) * classes or 1)
    if rest:
        return
    needed = per_set * design.sets
    if len(design.surveys) != needed:
        yield f"The design has {len(design.surveys)} surveys; {design.sets} sets of {per_set} need {needed}."
    for index, survey in enumerate(design.surveys):
        number, set_number = index + 1, index // per_set + 1
        if (survey.survey, survey.set) != (number, set_number):
            yield f"{_where(survey)} stands where survey {number} of set {set_number} belongs."


def _views(design: Design) -> Iterator[str]:
    permitted = permitted_orders(design.views, design.view_order)
    for survey in design.surveys:
        shown = tuple(block.view for block in survey.blocks)
        if sorted(shown) != sorted(design.views):
            yield f"{_where(survey)}: the blocks are {_listed(shown)}; they should be {_listed(design.views)}."
        elif permitted is not None and shown not in permitted:
            yield f"{_where(survey)}: the blocks come in the order {_listed(shown)}, which is not permitted here."


def _repeats(design: Design) -> Iterator[str]:
    for survey, block in _blocks(design):
        if len(set(block.items)) == len(block.items):
            continue
        positions = defaultdict(list)
        for position, item in enumerate(block.items, start=1):
            positions[item].append(position)
        for item, places in positions.items():
            if len(places) > 1:
                yield f"{_where(survey, block)}: item {item} stands at positions {_listed(places)}."


def _differing_blocks(design: Design) -> Iterator[str]:
    for survey in design.surveys:
        everything = set(survey.items())
        for block in survey.blocks:
            for item in sorted(everything - set(block.items)):
                others = [other.view for other in survey.blocks if item in other.items]
                yield f"{_where(survey)}: item {item} is in block {_listed(others)} but not in block {block.view}."


def _coverage(design: Design, items: Mapping[str, str]) -> Iterator[str]:
    if design.sets > len(design.surveys):
        yield f"The design has {len(design.surveys)} surveys; they cannot make {design.sets} sets."
        return
    holders: dict[int, dict[str, list[int]]] = {number: defaultdict(list) for number in range(1, design.sets + 1)}
    for survey in design.surveys:
        if survey.set not in holders:
            yield f"{_where(survey)}: there are only {design.sets} sets."
            continue
        for item in survey.items():
            holders[survey.set][item].append(survey.survey)
    shared_out = sorted(set(items).difference(design.anchors.items))
    for number, surveys_of in holders.items():
        for item in shared_out:
            surveys = surveys_of.get(item, [])
            if not surveys:
                yield f"Set {number}: item {item} is missing; it stands in no survey of the set."
            elif len(surveys) > 1:
                yield f"Set {number}: item {item} stands in surveys {_listed(surveys)}."


def _classes(design: Design, items: Mapping[str, str]) -> Iterator[str]:
    classes = sorted(set(items.values()))
    for survey, block in _blocks(design):
        counts = Counter(items.get(item) for item in block.items)
        for name in classes:
            if counts[name] != design.per_class:
                members = [item for item in block.items if items.get(item) == name]
                yield (
                    f"{_where(survey, block)}: class {name} has {counts[name]} items instead of {design.per_class} "
                    f"({_listed(sorted(members)) or 'none'})."
                )


def _runs(design: Design, items: Mapping[str, str]) -> Iterator[str]:
    for survey, block in _blocks(design):
        position = 1
        for name, members in runs_of(block, items):
            if name is not None and len(members) > design.max_run:
                yield (
                    f"{_where(survey, block)}: {len(members)} items of class {name} in a row, "
                    f"from item {members[0]} at position {position}."
                )
            position += len(members)


def _listed(values) -> str:
    words = [str(value) for value in values]
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
