"""A survey design and its file, design.json ("survey-design/1").

The file is the public interface: keys in a fixed order, one block on one line, so that two designs can be compared by
eye and by diff. Reading is strict: whatever is not a design is refused with a sentence that says where.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .certificate import Certificate
from .shape import DesignError

SCHEMA = "survey-design/1"
METHOD = "assembly/1"  # raise it when the same seed no longer draws the same design
VIEW_ORDERS = ("fixed", "counterbalanced", "random")
CHOSEN = ("drawn", "named")  # how a study came by its anchors
LARGEST_SHARE = 0.5  # of a block's items that may come a second time


@dataclass(frozen=True)
class Again:
    """An item's second showing: the page of the block, from 1, on which it comes again."""

    item: str
    page: int


@dataclass(frozen=True)
class Block:
    """One view of a survey's items, in reading order; `repeats`: those that come a second time, in the order of their pages."""

    view: str
    items: tuple[str, ...]
    repeats: tuple[Again, ...] = ()

    def pages(self) -> tuple[tuple[str, int], ...]:
        """(item, showing) of every page in reading order; showing is 1, or 2 where the item comes again."""
        shown = [(item, 1) for item in self.items]
        for again in self.repeats:
            shown.insert(again.page - 1, (again.item, 2))
        return tuple(shown)


@dataclass(frozen=True)
class Survey:
    """One ordered form: its number, the number of its set (both from 1) and its blocks in reading order."""

    survey: int
    set: int
    blocks: tuple[Block, ...]

    def items(self) -> tuple[str, ...]:
        """The survey's items, sorted by code."""
        return tuple(sorted({item for block in self.blocks for item in block.items}))

    def entries(self) -> Iterator["Entry"]:
        """Every page of the survey in reading order."""
        for number, block in enumerate(self.blocks, start=1):
            for position, (item, showing) in enumerate(block.pages(), start=1):
                yield Entry(block=number, view=block.view, position=position, item=item, showing=showing)


@dataclass(frozen=True)
class Entry:
    """One page: block and position from 1; showing 2 where the item comes a second time in its block."""

    block: int
    view: str
    position: int
    item: str
    showing: int = 1


@dataclass(frozen=True)
class Anchors:
    """Items that every survey shows: how many of each class, which, and whether they were named instead of drawn."""

    per_class: int = 0
    named: bool = False
    items: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {"per_class": self.per_class, "chosen": "named" if self.named else "drawn", "items": list(self.items)}


@dataclass(frozen=True)
class Design:
    """All surveys of a study, and the numbers from which they were drawn.

    view_order: "fixed" (every survey shows `views` in this order), "counterbalanced" (each order equally often) or
    "random". max_run: the longest permitted run of one class in a block. items_sha256: `items_digest` of the items and
    their classes. repeats: share of a block's items that come a second time in it, at least `repeat_gap` pages later.
    anchors: items that stand in every survey; per_class counts them too.
    """

    seed: int
    per_class: int
    sets: int
    views: tuple[str, ...]
    view_order: str
    max_run: int
    items_sha256: str
    surveys: tuple[Survey, ...]
    certificate: Certificate = field(default_factory=lambda: Certificate(()))
    method: str = METHOD
    repeats: float = 0.0
    repeat_gap: int = 0
    anchors: Anchors = Anchors()

    @property
    def has_second_showings(self) -> bool:
        return bool(self.repeats) or any(block.repeats for survey in self.surveys for block in survey.blocks)

    def survey(self, number: int) -> Survey:
        """The survey of this number; KeyError when there is none."""
        for survey in self.surveys:
            if survey.survey == number:
                return survey
        raise KeyError(number)

    def to_json(self) -> str:
        """The text of design.json; equal designs give equal bytes."""
        head = {
            "schema": SCHEMA,
            "method": self.method,
            "seed": self.seed,
            "per_class": self.per_class,
            "sets": self.sets,
            "views": list(self.views),
            "view_order": self.view_order,
            "max_run": self.max_run,
            "items_sha256": self.items_sha256,
        }
        if self.repeats:
            head |= {"repeats": self.repeats, "repeat_gap": self.repeat_gap}
        if self.anchors.items:
            head |= {"anchors": self.anchors.to_dict()}
        lines = [f'  "{key}": {_dump(value)},' for key, value in head.items()]
        surveys = ",\n".join(_survey_text(survey) for survey in self.surveys)
        certificate = json.dumps(self.certificate.to_dict(), ensure_ascii=False, indent=2).replace("\n", "\n  ")
        return "{\n" + "\n".join(lines) + f'\n  "surveys": [\n{surveys}\n  ],\n  "certificate": {certificate}\n' + "}\n"

    @classmethod
    def from_json(cls, text: str) -> "Design":
        """The design in the text of design.json; DesignError when it is not one."""
        data = _parse(text)
        if data.get("schema") != SCHEMA:
            raise DesignError(
                f'This is not a survey design: "schema" should be "{SCHEMA}"; found {data.get("schema")!r}.'
            )
        views = tuple(_list(data, "views", "the design", str))
        view_order = _get(data, "view_order", "the design", str)
        if view_order not in VIEW_ORDERS:
            raise DesignError(f'"view_order" should be one of {", ".join(VIEW_ORDERS)}; found {view_order!r}.')
        surveys = tuple(
            _survey(entry, n) for n, entry in enumerate(_list(data, "surveys", "the design", dict), start=1)
        )
        return cls(
            seed=_get(data, "seed", "the design", int),
            per_class=_positive(data, "per_class"),
            sets=_positive(data, "sets"),
            views=views,
            view_order=view_order,
            max_run=_positive(data, "max_run"),
            items_sha256=_get(data, "items_sha256", "the design", str),
            surveys=surveys,
            certificate=Certificate.from_dict(data.get("certificate")),
            method=_get(data, "method", "the design", str),
            repeats=_share(data),
            repeat_gap=_positive(data, "repeat_gap") if "repeats" in data else 0,
            anchors=_anchors(data) if "anchors" in data else Anchors(),
        )


def items_digest(items: Mapping[str, str]) -> str:
    """SHA-256 of the items and their classes, whatever order they were listed in."""
    rows = sorted([item, name] for item, name in items.items())
    return hashlib.sha256(json.dumps(rows, separators=(",", ":")).encode()).hexdigest()


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _survey_text(survey: Survey) -> str:
    blocks = ",\n".join(f"      {_block_text(block)}" for block in survey.blocks)
    return f'    {{"survey": {survey.survey}, "set": {survey.set}, "blocks": [\n{blocks}\n    ]}}'


def _block_text(block: Block) -> str:
    again = [{"item": again.item, "page": again.page} for again in block.repeats]
    end = f', "repeats": {_dump(again)}' if again else ""
    return f'{{"view": {_dump(block.view)}, "items": {_dump(list(block.items))}{end}}}'


def _parse(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text, object_pairs_hook=_no_repeated_keys, parse_constant=_no_constant)
    except DesignError:
        raise
    except json.JSONDecodeError as error:
        raise DesignError(
            f"The design is not complete JSON: line {error.lineno}, column {error.colno}: {error.msg}. "
            "The file may be truncated; assemble it again."
        ) from None
    except (RecursionError, ValueError):  # nested too deep, or a number of thousands of digits
        raise DesignError("The design is nested deeper, or holds longer numbers, than any survey design.") from None
    if not isinstance(data, dict):
        raise DesignError(f"A design is a JSON object; found {_kind(data)}.")
    return data


def _no_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = sorted({name for name in names if names.count(name) > 1})
        raise DesignError(f"The design names {', '.join(map(repr, repeated))} twice in one object.")
    return result


def _no_constant(name: str) -> None:
    raise DesignError(f"A design holds no {name}; every number in it is finite.")


def _kind(value: Any) -> str:
    names = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "an object",
    }
    return names.get(type(value), "null")


def _get(data: dict[str, Any], key: str, where: str, kind: type) -> Any:
    """data[key], which must be exactly of this kind (true is no number)."""
    if key not in data:
        raise DesignError(f'"{key}" is missing in {where}.')
    if type(data[key]) is not kind:
        raise DesignError(f'"{key}" in {where} should be {_kind(kind())}; found {_kind(data[key])}.')
    if kind is str:
        _require_printable(data[key], f'"{key}" in {where}')
    return data[key]


def _positive(data: dict[str, Any], key: str) -> int:
    value = _get(data, key, "the design", int)
    if value < 1:
        raise DesignError(f'"{key}" should be at least 1; found {value}.')
    return value


def _share(data: dict[str, Any]) -> float:
    """The share of items that come a second time; a design without any does not mention it."""
    share = data.get("repeats", 0.0)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= LARGEST_SHARE:
        raise DesignError(f'"repeats" should be a share from 0 to {LARGEST_SHARE}; found {share!r}.')
    return float(share)


def _anchors(data: dict[str, Any]) -> Anchors:
    table, where = _get(data, "anchors", "the design", dict), "the anchors"
    chosen = _get(table, "chosen", where, str)
    if chosen not in CHOSEN:
        raise DesignError(f'"chosen" in {where} should be one of {", ".join(CHOSEN)}; found {chosen!r}.')
    per_class = _get(table, "per_class", where, int)
    if per_class < 1:
        raise DesignError(f'"per_class" in {where} should be at least 1; found {per_class}.')
    return Anchors(per_class, chosen == "named", tuple(_list(table, "items", where, str)))


def _list(data: dict[str, Any], key: str, where: str, kind: type) -> list[Any]:
    values = _get(data, key, where, list)
    for number, value in enumerate(values, start=1):
        if type(value) is not kind:
            raise DesignError(f'Entry {number} of "{key}" in {where} should be {_kind(kind())}; found {_kind(value)}.')
        if kind is str:
            _require_printable(value, f'Entry {number} of "{key}" in {where}')
    return values


def _require_printable(text: str, where: str) -> None:
    """Codes are printed in messages; a stray control character could rewrite a terminal."""
    if not text.isprintable():
        raise DesignError(f"{where} holds a character that cannot be printed: {text!r}.")


def _survey(data: dict[str, Any], entry: int) -> Survey:
    where = f"entry {entry} of the surveys"
    number = _get(data, "survey", where, int)
    where = f"survey {number}"
    blocks = tuple(
        Block(
            view=_get(block, "view", where, str),
            items=tuple(_list(block, "items", where, str)),
            repeats=tuple(_again(row, where) for row in _list(block, "repeats", where, dict)) if "repeats" in block else (),
        )
        for block in _list(data, "blocks", where, dict)
    )
    return Survey(survey=number, set=_get(data, "set", where, int), blocks=blocks)


def _again(data: dict[str, Any], where: str) -> Again:
    page = _get(data, "page", f"the repeats of {where}", int)
    if page < 1:
        raise DesignError(f'"page" in the repeats of {where} counts from 1; found {page}.')
    return Again(item=_get(data, "item", f"the repeats of {where}", str), page=page)
