"""How long each image was in sight, summed up from the viewing record.

A browser's monotonic clock begins anew with every window, and a reader may have several open, on two devices: what happened is told
apart by window. An image is in sight from the moment it was painted until another one, the end of the part or a cover is, without the
time in which its window was left. What came after the last thing that a window told is not counted: nobody knows what it showed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MOST_ZOOM = 1000  # no page enlarges further


@dataclass(frozen=True)
class Happening:
    """A row of the viewing record. item: which survey item it is about, "" for none; client_ms: the window's clock, if it told."""

    kind: str
    item: str
    client_ms: float | None
    detail: Mapping


@dataclass
class Sight:
    """One image: how often it was painted, in sight and away from (milliseconds, None where no clock told), largest zoom, failed loads."""

    shown: int = 0
    in_sight_ms: float | None = None
    away_ms: float | None = None
    largest_zoom: float | None = None
    failed: int = 0


@dataclass
class _Window:
    """What one window shows now. at_ms: its clock at the last thing that it told."""

    item: str = ""
    away: bool = False
    at_ms: float | None = None


def in_sight(happenings: Iterable[Happening]) -> dict[str, Sight]:
    """Each image of one sitting by the name of its survey item. happenings: in the order of their receipt."""
    sights: dict[str, Sight] = {}
    windows: dict[str, _Window] = {}
    for happening in happenings:
        if happening.kind == "late":  # an answer's clock, of a window that it does not name
            continue
        name = str(happening.detail.get("window", ""))
        window = windows.setdefault(name, _Window())
        if happening.client_ms is not None and window.at_ms is not None and happening.client_ms < window.at_ms:
            window = windows[name] = _Window()  # the page was loaded anew by a browser that names no windows
        if happening.client_ms is not None:
            _count(window, sights, happening.client_ms)
        sight = sights.setdefault(happening.item, Sight()) if happening.item else None
        if happening.kind == "shown":
            window.item, window.away = happening.item, False
            if sight:
                sight.shown += 1
        elif happening.kind == "masked":
            window.item = ""
        elif happening.kind in ("hidden", "visible"):
            window.away = happening.kind == "hidden"
        elif sight and happening.kind == "zoomed" and (scale := _scale(happening.detail)):
            sight.largest_zoom = max(sight.largest_zoom or 0, scale)
        elif sight and happening.kind == "failed":
            sight.failed += 1
    return sights


def _count(window: _Window, sights: dict[str, Sight], now_ms: float) -> None:
    """Add the time since the last thing that the window told to the image that it showed."""
    if window.item and window.at_ms is not None:
        sight, passed = sights[window.item], now_ms - window.at_ms
        sight.in_sight_ms = (sight.in_sight_ms or 0) + (0 if window.away else passed)
        sight.away_ms = (sight.away_ms or 0) + (passed if window.away else 0)
    window.at_ms = now_ms


def _scale(detail: Mapping) -> float:
    """How far the image was enlarged; 0 where a browser told nothing that is a scale."""
    scale = detail.get("scale")
    return scale if isinstance(scale, int | float) and 0 < scale < MOST_ZOOM else 0
