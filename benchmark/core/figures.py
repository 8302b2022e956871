"""Figures for print: Figure 2A (box plots of differences) and 2B, 2C (confusion matrices), without a browser."""

from collections.abc import Iterator

import pandas as pd

from .palette import CLASSIFIER_LINE, colour_of, in_words
from .rounding import p_value, points


def figures(document: dict, differences: pd.DataFrame) -> Iterator[tuple[str, object]]:
    """Yield (name, matplotlib Figure). The caller closes nothing: figures are made without pyplot."""
    if len(differences):
        yield "figure_2a", differences_figure(document, differences)
    for number, view in enumerate(dict.fromkeys(record["view"] for record in document["confusion"])):
        records = [record for record in document["confusion"] if record["view"] == view]
        yield f"figure_2{chr(ord('b') + number)}", confusion_figure(records, view)


def differences_figure(document: dict, differences: pd.DataFrame):
    """Accuracy of the network minus that of people, one box per group and view, every survey or reader a point.

    The red line of each box is the network's own accuracy on that view, as in the paper's Figure 2A.
    """
    import numpy as np
    from matplotlib.figure import Figure

    accuracy = {(r["group"], r["view"]): r["accuracy"] for r in document["accuracy"] if r["kind"] == "model"}
    tested = [record for record in document["paired"] if record["n"]]
    figure = Figure(figsize=(max(4.5, 1.5 * len(tested) + 1), 4.6), layout="constrained")
    axes = figure.add_subplot()
    for place, record in enumerate(tested):
        rows = differences[
            (differences["model"] == record["model"])
            & (differences["group"] == record["group"])
            & (differences["view"] == record["view"])
        ]
        values, colour = rows["difference"].to_numpy(), colour_of(record["group"], document)
        axes.boxplot(
            values, positions=[place], widths=0.5, showfliers=False, patch_artist=True,
            boxprops={"facecolor": colour, "alpha": 0.25, "edgecolor": colour},
            medianprops={"color": colour, "linewidth": 2}, whiskerprops={"color": colour}, capprops={"color": colour},
        )  # fmt: skip
        # Points are spread by rank, not by chance, so that the figure is the same every time.
        spread = 0.16 * np.sin(2.4 * np.arange(len(values)))
        axes.plot(place + spread, values, "o", color=colour, markersize=3.5, alpha=0.8)
        level = accuracy.get((record["model"], record["view"]))
        if level is not None:
            axes.hlines(level, place - 0.34, place + 0.34, color=CLASSIFIER_LINE, linewidth=1.4)
        label = f"{points(record['mean_difference'])} points\n{p_value(record['p'])}"
        axes.text(place, 1.02, label, transform=axes.get_xaxis_transform(), ha="center", va="bottom", fontsize=8)
    axes.axhline(0, color="#555555", linewidth=0.8)
    several = len({record["model"] for record in tested}) > 1
    axes.set_xticks(
        range(len(tested)),
        [(f"{in_words(r['model'])} vs\n" if several else "") + f"{in_words(r['group'])}\n{r['view']}" for r in tested],
        fontsize=8,
    )
    axes.set_ylabel("Accuracy, network minus reader")
    low = min([-0.1, *differences["difference"]])
    axes.set_ylim(low - 0.05, 1.02)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def confusion_figure(records: list[dict], view: str):
    """Row-normalised confusion matrices of all groups for one view: rows truth, columns answers."""
    import numpy as np
    from matplotlib.figure import Figure

    classes = records[0]["classes"]
    size = 0.42 * len(classes) + 1.4
    columns = min(3, len(records))
    rows = -(-len(records) // columns)
    figure = Figure(figsize=(size * columns + 0.6, size * rows + 0.4), layout="constrained")
    for place, record in enumerate(records):
        axes = figure.add_subplot(rows, columns, place + 1)
        percent = np.array([[np.nan if cell is None else cell for cell in row] for row in record["row_percent"]])
        # The column of blanks is drawn only where somebody left one.
        shown = percent if np.nansum(percent[:, -1]) else percent[:, :-1]
        names = [*classes, "no\nanswer"][: shown.shape[1]]
        axes.imshow(shown, cmap="YlGnBu", vmin=0, vmax=100, aspect="equal")
        for (i, j), cell in np.ndenumerate(shown):
            if cell >= 0.5:
                colour = "white" if cell > 55 else "#222222"
                axes.text(j, i, f"{cell:.0f}", ha="center", va="center", fontsize=7, color=colour)
        axes.set_xticks(range(len(names)), names, fontsize=7, rotation=45, ha="right")
        axes.set_yticks(range(len(classes)), classes, fontsize=7)
        axes.set_title(f"{in_words(record['group'])}, {view}" if view else in_words(record["group"]), fontsize=9)
        axes.set_xlabel("Answer, % of the row", fontsize=8)
        if place % columns == 0:
            axes.set_ylabel("Truth", fontsize=8)
        axes.spines[:].set_visible(False)
    return figure
