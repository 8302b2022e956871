"""The look that all figures share: colours, type, and how a matplotlib figure becomes the same bytes every time."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

INK, MUTED, RULE, PAPER = "#20282a", "#697375", "#d5dbda", "#ffffff"
CELL_INK, CELL_LIGHT = "#15191a", "#fefefe"  # numbers inside coloured cells keep their colour in dark mode
TEAL, OCHRE, PLUM, RED = "#0f766e", "#b7791f", "#7b3f74", "#c0392b"
AMBER = "#8a5a00"
# Okabe-Ito without its yellow (too faint for lines), after the three fixed colours.
FURTHER = ("#0072b2", "#d55e00", "#56b4e9", "#009e73", "#cc79a7", "#4d4d4d", "#e69f00")
# One hue from paper to deep teal, even steps of lightness.
SEQUENTIAL = ("#f6faf9", "#dcecea", "#b9dad6", "#8fc4be", "#60a8a1", "#358a83", "#156c66", "#0b4f4b")
FONTS = ("Liberation Sans", "Arial", "Helvetica", "DejaVu Sans")
PAGE_FONT = "system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', Arial, sans-serif"
HASHSALT = "benchmark"


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


def tint(colour: str, share: float) -> str:
    """The colour mixed with paper: share 1 is the colour itself, 0 is white."""
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(255 - share * (255 - part)):02x}" for part in parts)


def cell_colour(share: float) -> str:
    """Colour of a confusion cell holding `share` (0 to 1) of its row, interpolated along the one hue."""
    place = min(max(share, 0.0), 1.0) * (len(SEQUENTIAL) - 1)
    low = min(int(place), len(SEQUENTIAL) - 2)
    mix = place - low
    pairs = [(SEQUENTIAL[low][i : i + 2], SEQUENTIAL[low + 1][i : i + 2]) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(int(a, 16) * (1 - mix) + int(b, 16) * mix):02x}" for a, b in pairs)


@contextmanager
def paper_style() -> Iterator[None]:
    """matplotlib settings of all figures, without touching the caller's global state or any display."""
    import matplotlib
    from matplotlib import font_manager

    present = {font.name for font in font_manager.fontManager.ttflist}
    settings = {
        "font.family": [name for name in FONTS if name in present] or ["sans-serif"],
        "font.size": 8, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": MUTED, "axes.linewidth": 0.6,
        "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 9, "axes.titleweight": "bold",
        "axes.titlelocation": "left", "axes.labelsize": 8, "xtick.color": INK, "ytick.color": INK,
        "xtick.labelsize": 8, "ytick.labelsize": 8, "xtick.major.width": 0.6, "ytick.major.width": 0.6,
        "xtick.major.size": 3, "ytick.major.size": 3, "figure.facecolor": PAPER, "axes.facecolor": "none",
        "svg.fonttype": "none", "svg.hashsalt": HASHSALT, "pdf.fonttype": 42, "legend.frameon": False,
        "axes.unicode_minus": True, "lines.solid_capstyle": "butt",
    }  # fmt: skip
    with matplotlib.rc_context(settings):
        yield


def new_figure(width: float, height: float) -> Any:
    """A matplotlib figure of the given inches with its own Agg canvas (no pyplot, so nothing global is kept)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def mark_simulated(figure: Any) -> None:
    """Say on a matplotlib figure that its readings are simulated or of drawn images."""
    with paper_style():
        figure.supxlabel(
            "simulated readers or drawn images", x=1, ha="right", fontsize=6.5, color=AMBER, style="italic"
        )


def mark_page_simulated(figure: dict[str, Any]) -> dict[str, Any]:
    """The same for a Plotly figure dictionary."""
    note = page_note("<i>simulated readers or drawn images</i>", 1, -0.16, xanchor="right", yanchor="top")
    note["font"] = {"size": 11, "color": AMBER}
    figure["layout"].setdefault("annotations", []).append(note)
    return figure


def file_bytes(figure: Any, kind: str, *, dpi: int = 300) -> bytes:
    """The figure as svg, pdf or png; without dates or program names, so that a re-run gives the same bytes."""
    metadata = {
        "svg": {"Date": None, "Creator": None},
        "pdf": {"CreationDate": None, "ModDate": None, "Producer": None, "Creator": None},
        "png": {"Software": None},
    }[kind]
    out = io.BytesIO()
    with paper_style():
        figure.savefig(out, format=kind, metadata=metadata, dpi=dpi, bbox_inches="tight", pad_inches=0.08)
    return out.getvalue()


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
