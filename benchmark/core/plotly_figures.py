"""The same figures for the screen, as plain dictionaries that plotly.js draws."""

import pandas as pd

from .palette import colour_of, in_words
from .rounding import p_value, points


def differences_plot(document: dict, differences: pd.DataFrame) -> dict:
    """Figure 2A: one box per network, group and view, with every point."""
    import numpy as np

    traces, notes = [], []
    for place, record in enumerate(r for r in document["paired"] if r["n"]):
        rows = differences
        for name in ("model", "group", "view"):
            rows = rows[rows[name] == record[name]]
        label = f"{in_words(record['model'])} − {in_words(record['group'])}<br>{record['view']}"
        jitter = (0.16 * np.sin(2.4 * np.arange(len(rows)))).round(4)
        colour = colour_of(record["group"], document)
        traces.append({
            "type": "box", "y": rows["difference"].round(6).tolist(), "x": [place] * len(rows), "name": label,
            "boxpoints": False, "line": {"color": colour}, "hoverinfo": "skip", "showlegend": False,
        })  # fmt: skip
        traces.append({
            "type": "scatter", "mode": "markers", "x": (place + jitter).tolist(),
            "y": rows["difference"].round(6).tolist(), "text": rows["unit"].tolist(), "showlegend": False,
            "marker": {"color": colour, "size": 6}, "hovertemplate": "%{text}: %{y:.1%}<extra></extra>",
        })  # fmt: skip
        notes.append({
            "x": place, "y": 1.04, "yref": "paper", "showarrow": False, "yanchor": "bottom",
            "text": f"{points(record['mean_difference'])}<br>{p_value(record['p'])}",
        })  # fmt: skip
    labels = [trace["name"] for trace in traces if trace["type"] == "box"]
    layout = {
        "annotations": notes, "margin": {"t": 70, "b": 90},
        "xaxis": {"tickvals": list(range(len(labels))), "ticktext": labels},
        "yaxis": {"title": {"text": "Accuracy, network minus reader"}, "tickformat": ".0%", "zeroline": True},
    }  # fmt: skip
    return {"data": traces, "layout": layout}


def confusion_plot(record: dict) -> dict:
    """One row-normalised confusion matrix; hovering tells the counts."""
    columns = [*record["classes"], "no answer"]
    counts = [[f"{cell} answers" for cell in row] for row in record["counts"]]
    heat = {
        "type": "heatmap", "z": record["row_percent"], "x": columns, "y": record["classes"], "zmin": 0, "zmax": 100,
        "colorscale": "YlGnBu", "reversescale": True, "text": counts, "texttemplate": "%{z:.0f}", "showscale": False,
        "hovertemplate": "truth %{y}, answer %{x}: %{z:.1f}%, %{text}<extra></extra>",
    }  # fmt: skip
    layout = {
        "title": {"text": f"{in_words(record['group'])}, {record['view']}"},
        "yaxis": {"autorange": "reversed", "title": {"text": "Truth"}, "scaleanchor": "x"},
        "xaxis": {"title": {"text": "Answer, % of the row"}},
    }  # fmt: skip
    return {"data": [heat], "layout": layout}
