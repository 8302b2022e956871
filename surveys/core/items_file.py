"""Read items.csv: which items a study has, and the class of each."""

from pathlib import Path

from imagebank.core.spreadsheets import Spreadsheet, TableError, open_spreadsheet

from .shape import DesignError

REQUIRED = ("item", "class")
SHOWN = 50


def read_items(path: str | Path) -> dict[str, str]:
    """Item code -> class, in the order of the file.

    The file is a table, as a spreadsheet saves it, whose header names `item` and `class`; other columns are left alone. Every bad row is
    reported with its line, all of them in one DesignError.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise DesignError(f"{path} cannot be read: {error.strerror}.") from None
    return _items_of(data, str(path))


def read_anchors(path: str | Path) -> tuple[str, ...]:
    """Codes of the items that a column `anchor` marks with yes; the file is one that `read_items` takes.

    Every cell of the column that says neither yes nor no nor nothing is reported; so is a file without any yes.
    """
    table = open_spreadsheet(Path(path).read_bytes(), str(path))
    if "anchor" not in table.header:
        raise DesignError(f"{path} needs a column anchor with yes at the items that every survey shows; it has {', '.join(table.header)}.")
    item_at, anchor_at = table.header.index("item"), table.header.index("anchor")
    said = [(line, cells[item_at], cells[anchor_at].lower()) for line, cells in table if cells[item_at]]
    strange = [f"line {line}: anchor is {text!r}, expected yes, no or nothing." for line, _, text in said if text not in ("yes", "no", "")]
    if strange:
        raise DesignError(f"{path} marks anchors in other words; nothing was read:\n  " + "\n  ".join(strange[:SHOWN]))
    marked = tuple(item for _, item, text in said if text == "yes")
    if not marked:
        raise DesignError(f"{path} marks no anchor; write yes in its column anchor, or ask for a number of anchors.")
    return marked


def parse_items(text: str, *, name: str = "items.csv") -> dict[str, str]:
    """The same from text; `name` is what messages call it."""
    return _items_of(text.encode(), name)


def _items_of(data: bytes, name: str) -> dict[str, str]:
    try:
        table = open_spreadsheet(data, name)
    except TableError as error:
        raise DesignError(str(error)) from error
    _check_header(table.header, name)
    items, bad = _checked(table)
    if bad:
        more = [f"and {len(bad) - SHOWN} more"] if len(bad) > SHOWN else []
        count = "1 bad row" if len(bad) == 1 else f"{len(bad)} bad rows"
        raise DesignError(f"{name} has {count}; nothing was read:\n  " + "\n  ".join(bad[:SHOWN] + more))
    if not items:
        raise DesignError(f"{name} lists no items; every row after the header should name an item and its class.")
    return items


def _checked(table: Spreadsheet) -> tuple[dict[str, str], list[str]]:
    """The items of the good rows with their classes, and what is wrong with the others."""
    items: dict[str, str] = {}
    line_of: dict[str, int] = {}
    bad: list[str] = []
    item_at, class_at = table.header.index("item"), table.header.index("class")
    try:
        for line, cells in table:
            if problem := _problem(cells, table.header, item_at, class_at, line_of):
                bad.append(f"line {line}: {problem}")
                continue
            items[cells[item_at]], line_of[cells[item_at]] = cells[class_at], line
    except TableError as error:
        bad.append(str(error))
    return items, bad


def _check_header(header: list[str], name: str) -> None:
    missing = [column for column in REQUIRED if column not in header]
    if missing:
        found = ", ".join(header) or "nothing"
        raise DesignError(f"{name}: the header should name the columns item and class; found {found}.")


def _problem(row: list[str], header: list[str], item_at: int, class_at: int, line_of: dict[str, int]) -> str | None:
    """What is wrong with a row; None when it is good."""
    if len(row) != len(header):
        return f"expected {len(header)} cells, as in the header; found {len(row)}."
    item, class_name = row[item_at], row[class_at]
    if not item or not class_name:
        return f"the {'class' if item else 'item'} is empty."
    if any(not character.isprintable() for character in item + class_name):
        return "the item or its class holds a character that cannot be printed."
    if item in line_of:
        return f"item {item} already stands on line {line_of[item]}; every item is listed once."
    return None
