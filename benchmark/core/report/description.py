"""What readers and networks did: accuracy, classes, confusions and agreement, each with its question."""

from __future__ import annotations

from benchmark.core.output.tables import cells_of, paper_tables
from benchmark.core.results import Results
from benchmark.core.wording import interval, named_model, number, on_view, percent, plural, readable

from . import html
from .opening import share_sentence


def accuracy(results: Results, drawings: dict[str, str]) -> list[str]:
    return [
        html.bullets([share_sentence(record) for record in results["accuracy"]]),
        html.table(*paper_tables(results)["accuracy"]),
        drawings.get("readers", ""),
    ]


def classes(results: Results, drawings: dict[str, str]) -> list[str]:
    """Accuracy by class, then what is taken for what."""
    rows = [
        [
            r["class"],
            readable(r["reader"]) if r["kind"] == "model" else plural(r["group"]),
            readable(r["view"]),
            str(r["readings"]),
            percent(r["accuracy"]).removesuffix(" %"),
            interval(r["ci_low"], r["ci_high"]),
        ]
        for r in results["class_accuracy"]
    ]
    header = ["Class", "Readers", "View", "Readings", "Correct (%)", "Interval (%)"]
    matrices = [drawings[name] for name in sorted(drawings) if name.startswith("figure-2") and name != "figure-2a"]
    table = html.unfold("By class, as a table", html.table("", header, rows))
    by_class = f'<div class="on-screen">{table}</div>'
    cells = f'<div class="on-screen">{html.unfold("Confusion matrices with counts and intervals", _cells(results))}</div>'
    return [drawings.get("classes", ""), by_class, *matrices, cells]


def _cells(results: Results) -> str:
    """Every matrix as a table: how many readings gave each answer, their share of the row, and its interval."""
    header = ["Truth", "Answer", "Readings", "Share of the truth (%)", "Interval (%)"]
    parts = []
    for view in results["design"]["views"]:
        for record in results.records("confusion", view=view):
            who = readable(record["reader"]) if record["kind"] == "model" else plural(record["group"])
            rows = [
                [readable(cell["truth"]), readable(cell["answer"]), str(cell["count"]), number(cell["row_percent"], 1),
                 interval(cell["ci_low"], cell["ci_high"], 1, 1)]
                for cell in cells_of(record) if cell["count"]
            ]  # fmt: skip
            parts.append(html.table(f"{who[:1].upper()}{who[1:]}{on_view(view)}; answers that nobody gave are left out", header, rows))
    return "".join(parts)


def agreement_sentences(results: Results) -> list[str]:
    """How often two readers of a group said the same, a sentence per group and view."""
    sentences = []
    for r in results.records("agreement"):
        if r["fleiss_kappa"] is None:
            sentences.append(
                f"Among {plural(r['group'])}{on_view(r['view'])}, agreement cannot be estimated: {r['why']}."
            )
            continue
        bounds = interval(r["fleiss_kappa_ci_low"], r["fleiss_kappa_ci_high"], 2, 1)
        view = readable(r["view"])
        image = f"image shown as {view}" if view.endswith("s") else f"{view} image".strip()
        sentences.append(
            f"Two {plural(r['group'])} gave the same answer to the same {image}"
            f" {percent(r['percent_agreement'])} of the time (Fleiss' kappa {number(r['fleiss_kappa'])}, {bounds})."
        )
    return sentences


def consistency_sentences(results: Results) -> list[str]:
    """Whether two err on the same images, a sentence per group and view: two readers, and a reader with each network."""
    sentences = []
    for r in results.records("error_consistency"):
        if r["first"] != r["second"] or r["error_consistency"] is None or r["second"] not in results["design"]["groups"]:
            continue
        group, view = r["first"], r["view"]
        pairs = [(f"between two {plural(group)}", r)] + [
            (f"between one of them and {named_model(other['first'] if other['second'] == group else other['second'])}", other)
            for other in results.records("error_consistency", view=view)
            if group in (other["first"], other["second"]) and {other["first"], other["second"]} & {*results["design"]["models"]}
            and other["error_consistency"] is not None
        ]  # fmt: skip
        told = ", ".join(
            f"{number(pair['error_consistency'])} ({interval(pair['ci_low'], pair['ci_high'], 2, 1)}) {who}" for who, pair in pairs
        )
        start = f"{on_view(view).strip()}, errors" if view else "errors"
        sentences.append(f"{start[:1].upper()}{start[1:]} fall on the same images with a consistency (0: as chance has it, 1: always) of {told}.")
    return sentences


def agreement_answers(results: Results) -> list[str]:
    """How far readers agree, and whether they err on the same images."""
    return agreement_sentences(results) + consistency_sentences(results)


def agreement(results: Results, drawings: dict[str, str]) -> list[str]:
    fine = (
        "Fleiss' kappa and observed agreement count a missing answer as a category of its own; alpha and AC1 leave it"
        " out. Intervals: bootstrap over items."
    )
    return [html.bullets(agreement_answers(results)), html.table(*paper_tables(results)["agreement"]), html.paragraph(fine, "muted")]
