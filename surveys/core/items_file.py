"""Read items.csv: which items a study has, and the class of each."""

import csv
import io
from pathlib import Path

from .shape import DesignError

REQUIRED = ("item", "class")
SHOWN = 50


def read_items(path: str | Path) -> dict[str, str]:
    """Item code -> class, in the order of the file.

    The file is UTF-8 CSV with a header that names `item` and `class`; other columns are left alone. Every bad row is
    reported with its line, all of them in one DesignError.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise DesignError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DesignError(f"{path}, line {line}: the file should be UTF-8; save it as CSV in UTF-8.") from None
    return parse_items(text, name=str(path))


def read_anchors(path: str | Path) -> tuple[str, ...]:
    """Codes of the items that a column `anchor` marks with yes; the file is one that `read_items` takes.

    Every cell of the column that says neither yes nor no nor nothing is reported; so is a file without any yes.
    """
    reader = csv.DictReader(io.StringIO(Path(path).read_text("utf-8-sig"), newline=""))
    reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
    if "anchor" not in reader.fieldnames:
        raise DesignError(f"{path} needs a column anchor with yes at the items that every survey shows; it has {', '.join(reader.fieldnames)}.")
    said = [(reader.line_num, row["item"].strip(), (row["anchor"] or "").strip().lower()) for row in reader if row["item"]]
    strange = [f"line {line}: anchor is {text!r}, expected yes, no or nothing." for line, _, text in said if text not in ("yes", "no", "")]
    if strange:
        raise DesignError(f"{path} marks anchors in other words; nothing was read:\n  " + "\n  ".join(strange[:SHOWN]))
    marked = tuple(item for _, item, text in said if text == "yes")
    if not marked:
        raise DesignError(f"{path} marks no anchor; write yes in its column anchor, or ask for a number of anchors.")
    return marked


def parse_items(text: str, *, name: str = "items.csv") -> dict[str, str]:
    """The same from text; `name` is what messages call it."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    items: dict[str, str] = {}
    line_of: dict[str, int] = {}
    bad: list[str] = []
    try:
        header = [cell.strip() for cell in next(reader, [])]
        _check_header(header, name)
        item_at, class_at = header.index("item"), header.index("class")
        start = reader.line_num + 1
        for row in reader:
            line, start = start, reader.line_num + 1
            if not any(cell.strip() for cell in row):
                continue
            problem = _problem(row, header, item_at, class_at, line_of)
            if problem:
                bad.append(f"line {line}: {problem}")
                continue
            item = row[item_at].strip()
            items[item], line_of[item] = row[class_at].strip(), line
    except csv.Error as error:
        bad.append(f"line {reader.line_num}: the row cannot be read as CSV ({error})")
    if bad:
        more = [f"and {len(bad) - SHOWN} more"] if len(bad) > SHOWN else []
        count = "1 bad row" if len(bad) == 1 else f"{len(bad)} bad rows"
        raise DesignError(f"{name} has {count}; nothing was read:\n  " + "\n  ".join(bad[:SHOWN] + more))
    if not items:
        raise DesignError(f"{name} lists no items; every row after the header should name an item and its class.")
    return items


def _check_header(header: list[str], name: str) -> None:
    missing = [column for column in REQUIRED if column not in header]
    if missing:
        found = ", ".join(header) or "nothing"
        raise DesignError(f"{name}: the header should name the columns item and class; found {found}.")
    repeated = [column for column in REQUIRED if header.count(column) > 1]
    if repeated:
        raise DesignError(f"{name}: the header names the column {repeated[0]} more than once.")


def _problem(row: list[str], header: list[str], item_at: int, class_at: int, line_of: dict[str, int]) -> str | None:
    """What is wrong with a row; None when it is good."""
    if len(row) != len(header):
        return f"expected {len(header)} cells, as in the header; found {len(row)}."
    item, class_name = row[item_at].strip(), row[class_at].strip()
    if not item or not class_name:
        return f"the {'class' if item else 'item'} is empty."
    if any(not character.isprintable() for character in item + class_name):
        return "the item or its class holds a character that cannot be printed."
    if item in line_of:
        return f"item {item} already stands on line {line_of[item]}; every item is listed once."
    return None
