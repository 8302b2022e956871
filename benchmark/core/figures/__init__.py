"""Figures of a comparison, drawn twice from the same results: Plotly dictionaries for pages, matplotlib for papers."""
