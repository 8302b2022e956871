"""``predictions.csv``: ``model, member, item, view, truth``, one ``p_<class>`` column per class, rows summing to 1.

Where it is known, a last column ``tta_views`` says of how many views (the picture, its rotations and mirror images) the
logits were averaged.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models_ml.core.config import TTA_VIEWS
from models_ml.core.errors import CoreError, complain
from models_ml.core.files import plain_text, read_csv, write_csv
from models_ml.core.pictures.manifest import Item

HEAD = ("model", "member", "item", "view", "truth")
TTA = "tta_views"
SUM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Predictions:
    """probs_MNC[m, n] is member m's probability vector for item n; truth_N is -1 where the class is unknown. tta_views: of how
    many views of a picture the logits are the mean; None, not known."""

    model: str
    members: tuple[str, ...]
    items: tuple[str, ...]
    views: tuple[str, ...]
    truth_N: np.ndarray
    probs_MNC: np.ndarray
    classes: tuple[str, ...]
    tta_views: int | None = None

    def write(self, path: Path | str) -> None:
        known = [self.tta_views] if self.tta_views else []
        rows = (
            (self.model, member, item, view, self.truth_name(n), *_digits(self.probs_MNC[m, n]), *known)
            for m, member in enumerate(self.members)
            for n, (item, view) in enumerate(zip(self.items, self.views))
        )
        write_csv(path, [*header(self.classes), *([TTA] if known else [])], rows)

    def truth_name(self, n: int) -> str:
        return self.classes[self.truth_N[n]] if self.truth_N[n] >= 0 else ""


def header(classes: Sequence[str]) -> list[str]:
    return [*HEAD, *(f"p_{name}" for name in classes)]


def _digits(probs_C: np.ndarray) -> list[str]:
    return [f"{p:.9g}" for p in probs_C]


def write_member_rows(
    path: Path, model: str, member: str, items: Sequence[Item], probs_NC: np.ndarray, classes: Sequence[str]
) -> None:
    """Rows of one member (out-of-fold predictions)."""
    rows = ((model, member, i.id, i.view, i.label, *_digits(p)) for i, p in zip(items, probs_NC))
    write_csv(path, header(classes), rows)


@dataclass(frozen=True)
class Row:
    """One row as read; ``probs`` is empty for an abstention of an ensemble."""

    line: int
    model: str
    member: str
    item: str
    view: str
    truth: str
    probs: tuple[float, ...]
    tta_views: int | None = None


def read_rows(path: Path | str) -> tuple[tuple[str, ...], list[Row]]:
    """Classes and rows. Every bad row is reported, each with its line."""
    path = Path(path)
    columns, raw = read_csv(path, "Predictions in CSV (UTF-8) were")
    classes = tuple(name.removeprefix("p_") for name in columns if name.startswith("p_"))
    if missing := [name for name in HEAD if name not in columns]:
        raise CoreError(f"{path} needs the columns {', '.join(HEAD)} and p_<class>; {', '.join(missing)} is missing.")
    if len(classes) < 2:
        raise CoreError(f"{path} needs a column p_<class> for each of at least two classes; it has {len(classes)}.")
    if doubled := sorted({name for name in columns if columns.count(name) > 1}):
        raise CoreError(f"{path} has the column {doubled[0]!r} more than once; keep one.")
    rows, problems = [], []
    for line, row in raw:
        try:
            rows.append(_row(line, row, classes))
        except CoreError as error:
            problems.append(f"line {line}: {error}")
    complain(f"{path} cannot be used; correct these rows:", problems)
    if not rows:
        raise CoreError(f"{path} has no rows.")
    return classes, rows


def _row(line: int, row: dict[str, str], classes: Sequence[str]) -> Row:
    cells = [(row.get(f"p_{name}") or "").strip() for name in classes]
    head = {name: plain_text(row[name]) for name in HEAD}
    averaged = (row.get(TTA) or "").strip()
    if averaged and averaged not in map(str, TTA_VIEWS):
        raise CoreError(f"{TTA} must be {' or '.join(map(str, TTA_VIEWS))}, or empty where it is not known; found {averaged!r}")
    if not head["member"] or not head["item"]:
        raise CoreError("member and item must not be empty")
    if head["truth"] and head["truth"] not in classes:
        raise CoreError(f"truth {head['truth']!r} is none of the classes {', '.join(classes)}")
    if head["member"] == "ensemble" and not any(cells):
        return Row(line, probs=(), **head)
    try:
        probs = tuple(float(cell) for cell in cells)
    except ValueError:
        raise CoreError(f"every p_ column must be a number; found {', '.join(map(repr, cells))}") from None
    if not all(0 <= p <= 1 for p in probs) or abs(sum(probs) - 1) > SUM_TOLERANCE:
        raise CoreError(f"probabilities must lie in [0, 1] and sum to 1; the sum is {sum(probs):.6g}")
    return Row(line, probs=probs, tta_views=int(averaged) if averaged else None, **head)


def read_predictions(path: Path | str) -> list[Predictions]:
    """Members' predictions, one object per model and view, in file order. Ensemble rows are left out."""
    classes, rows = read_rows(path)
    grouped: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.member != "ensemble":
            grouped.setdefault((row.model, row.view), []).append(row)
    if not grouped:
        raise CoreError(f"{path} has ensemble rows alone; the members' rows are needed.")
    return [_gather(path, model, classes, part) for (model, _), part in grouped.items()]


def _gather(path: Path | str, model: str, classes: tuple[str, ...], rows: list[Row]) -> Predictions:
    members, items = _unique(r.member for r in rows), _unique(r.item for r in rows)
    place = {(r.member, r.item): r for r in rows}
    problems = []
    if len(place) < len(rows):
        seen: set[tuple[str, str]] = set()
        for r in rows:
            if (r.member, r.item) in seen:
                problems.append(f"line {r.line}: member {r.member!r} has item {r.item!r} twice")
            seen.add((r.member, r.item))
    problems += [f"member {m!r} has no row for item {i!r}" for m in members for i in items if (m, i) not in place]
    truths: dict[str, str] = {}
    for r in rows:
        if truths.setdefault(r.item, r.truth) != r.truth:
            problems.append(f"line {r.line}: item {r.item!r} has truth {r.truth!r}, before it was {truths[r.item]!r}")
    if len(mixed := {r.tta_views for r in rows}) > 1:
        found = ", ".join(str(n or "not known") for n in sorted(mixed, key=lambda n: n or 0))
        problems.append(f"all rows must be of as many views of a picture ({TTA}); found {found}")
    complain(f"{path}: the members of {model!r} do not answer the same items:", problems)
    index = {name: k for k, name in enumerate(classes)}
    probs = np.array([[place[m, i].probs for i in items] for m in members])
    truth = np.array([index.get(truths[i], -1) for i in items])
    return Predictions(model, members, items, tuple(rows[0].view for _ in items), truth, probs, classes, rows[0].tta_views)


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
