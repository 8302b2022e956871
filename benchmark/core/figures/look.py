"""The look that all figures share: colours, type, and the plain layout of a page's figures."""

from __future__ import annotations

from typing import Any

from benchmark.core.wording import of_view

INK, MUTED, RULE, PAPER = "#20282a", "#697375", "#d5dbda", "#ffffff"
CELL_INK, CELL_LIGHT, CELL_MUTED = "#15191a", "#fefefe", "#5d6769"  # numbers inside coloured cells keep their colour in dark mode
TEAL, OCHRE, PLUM, RED = "#0f766e", "#b7791f", "#7b3f74", "#c0392b"
AMBER = "#8a5a00"
# Okabe-Ito without its yellow (too faint for lines), after the three fixed colours.
FURTHER = ("#0072b2", "#d55e00", "#56b4e9", "#009e73", "#cc79a7", "#4d4d4d", "#e69f00")
# One hue from paper to deep teal, even steps of lightness.
SEQUENTIAL = ("#f6faf9", "#dcecea", "#b9dad6", "#8fc4be", "#60a8a1", "#358a83", "#156c66", "#0b4f4b")
FONTS = ("Liberation Sans", "Arial", "Helvetica", "DejaVu Sans")
PAGE_FONT = "system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', Arial, sans-serif"


def colours(groups: list[str], models: list[str]) -> dict[str, str]:
    """One colour per group and model: the same for the same set of names, on every figure of a study."""
    chosen, further = {}, iter(FURTHER * 10)
    for index, name in enumerate(sorted(models)):
        chosen[name] = TEAL if index == 0 else next(further)
    for name in sorted(groups):
        lower = name.lower()
        if "geneticist" in lower and OCHRE not in chosen.values():
            chosen[name] = OCHRE
        elif "pediatric" in lower or "paediatric" in lower:
            chosen[name] = PLUM if PLUM not in chosen.values() else next(further)
    for name in sorted(set(groups) - set(chosen)):
        free = [colour for colour in (OCHRE, PLUM) if colour not in chosen.values()]
        chosen[name] = free[0] if free else next(further)
    return chosen


def view_title(view: str | None) -> str:
    """A view as a panel's title: "Focused images"; a name that is already a plural stands alone."""
    words = of_view(view)
    return words[:1].upper() + words[1:]


def tint(colour: str, share: float) -> str:
    """The colour mixed with paper: share 1 is the colour itself, 0 is white."""
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(255 - share * (255 - part)):02x}" for part in parts)


def clear(colour: str, share: float) -> str:
    """The colour as a page's rgba, opaque by `share`."""
    parts = ",".join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))
    return f"rgba({parts},{share:g})"


def cell_colour(share: float) -> str:
    """Colour of a confusion cell holding `share` (0 to 1) of its row, interpolated along the one hue."""
    place = min(max(share, 0.0), 1.0) * (len(SEQUENTIAL) - 1)
    low = min(int(place), len(SEQUENTIAL) - 2)
    mix = place - low
    pairs = [(SEQUENTIAL[low][i : i + 2], SEQUENTIAL[low + 1][i : i + 2]) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(int(a, 16) * (1 - mix) + int(b, 16) * mix):02x}" for a, b in pairs)


def ink_on(colour: str) -> str:
    """Dark or light words, whichever stand out more on a cell of this colour."""
    return max((CELL_INK, CELL_LIGHT), key=lambda ink: contrast(ink, colour))


def contrast(one: str, other: str) -> float:
    """Contrast of two colours, 1 to 21 (WCAG 2.2)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def page_layout(**more: Any) -> dict[str, Any]:
    """Plotly layout that all figures begin from; transparent, so that the page's light or dark ground shows through."""
    return {
        "font": {"family": PAGE_FONT, "size": 13, "color": INK},
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)", "showlegend": False,
        "margin": {"l": 64, "r": 24, "t": 56, "b": 64}, "hoverlabel": {"font": {"family": PAGE_FONT}}, **more,
    }  # fmt: skip


def page_axis(**more: Any) -> dict[str, Any]:
    """A Plotly axis without chart junk."""
    return {
        "showgrid": False,
        "zeroline": False,
        "linecolor": MUTED,
        "ticks": "outside",
        "tickcolor": MUTED,
        "ticklen": 4,
        **more,
    }


def page_note(text: str, x: float, y: float, **more: Any) -> dict[str, Any]:
    """Text beside the data of a Plotly figure (paper coordinates unless told otherwise)."""
    return {"text": text, "x": x, "y": y, "xref": "paper", "yref": "paper", "showarrow": False, **more}
