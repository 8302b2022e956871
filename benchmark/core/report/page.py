"""report.html from results: each result with its question first, then the answer, figure, table and fine print."""

from __future__ import annotations

from importlib import resources
from typing import Any

from ..figures.catalogue import FigureEntry
from ..results import Results
from ..tables import paper_tables
from ..wording import interval, number, p_value, percent, plural, points, readable
from . import html
from .further import further_parts
from .methods import limitations, methods

SIMULATED = "Simulated"


def build_report(results: Results, entries: list[FigureEntry], drawings: dict[str, str]) -> str:
    """The report as one HTML document. drawings: figure name -> SVG. No scripts."""
    drawings = {entry.name: html.figure(drawings[entry.name], entry) for entry in entries}
    title = results["title"] or _default_title(results)
    parts = [_opening(results, title), *_comparisons(results, drawings), *_accuracy(results, drawings)]
    parts += [*_confusions(results, drawings), *_agreement(results), *further_parts(results), *_fine_print(results)]
    css = resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.text(title)}</title>\n<style>\n{css}</style></head>\n<body><main>\n"
        + "\n".join(parts)
        + "\n</main></body></html>\n"
    )


def _default_title(results: Results) -> str:
    models = " and ".join(readable(m) for m in results["design"]["models"][:3]) or "Readers"
    groups = " and ".join(plural(g) for g in results["design"]["groups"])
    return f"{models[:1].upper()}{models[1:]} against {groups}" if groups else models


def _opening(results: Results, title: str) -> str:
    design = results["design"]
    views = [readable(view) for view in design["views"] if view]
    read = (
        f"{design['human_readers']} readers and"
        f" {len(design['models'])} network{'s' if len(design['models']) != 1 else ''}"
    )
    surveys = f" in {design['surveys']} surveys" if design["surveys"] else ""
    lead = f"{read} classified {design['items']} items of {len(design['classes'])} classes{surveys}" + (
        f", as {' and '.join(views)} images." if views else "."
    )
    parts = [html.heading(1, title)]
    if results.is_simulated:
        parts.append(
            html.notice(
                SIMULATED,
                f"{results['simulated_readings']} readings come from simulated readers or drawn images. The numbers"
                " show how the analysis works; they say nothing about people or diseases.",
            )
        )
    parts.append(html.paragraph(lead, "lead"))
    parts += [
        html.notice("Note", note) for note in results["notes"] if not (results.is_simulated and "simulated" in note)
    ]
    if results["flow"]:
        rows = [
            [plural(r["group"]), *(str(r[k]) for k in ("sittings", "complete", "analysed", "extra", "incomplete"))]
            for r in results["flow"]
        ]
        parts.append(
            html.table(
                "Sittings", ["Readers", "Started", "Complete", "Analysed", "Complete, not first", "Incomplete"], rows
            )
        )
    return "\n".join(parts)


def _drawing(drawings: dict[str, str], name: str) -> list[str]:
    return [drawings[name]] if name in drawings else []


def _comparisons(results: Results, drawings: dict[str, str]) -> list[str]:
    if not results["paired"]:
        return [
            html.heading(2, "Who is more accurate?"),
            html.paragraph("No network and reader group share items, so nothing can be compared."),
        ]
    parts = [html.heading(2, "Who is more accurate?", "comparisons")]
    parts.append(
        html.paragraph(
            "Each comparison has two answers. The first holds for these very images, read by other readers like"
            " these. The second holds for other images like these too; its interval is wider because the images are a"
            " sample as well."
        )
    )
    parts += _drawing(drawings, "figure-2a")
    for these, new in zip(results["paired"], results["new_images"]):
        parts.append(_comparison(these, new, results))
    parts += _drawing(drawings, "forest")
    parts.append(html.table(*paper_tables(results)["comparisons"]))
    return parts


def _comparison(these: dict[str, Any], new: dict[str, Any], results: Results) -> str:
    tag = f' <span class="tag">{SIMULATED.lower()}</span>' if results.is_simulated else ""
    parts = [f"<h3>{html.text(these['question'])}{tag}</h3>"]
    parts.append(
        '<div class="answers">'
        + _card("These images, new readers", these, these["mean_difference"])
        + _card("New images and new readers", new, new["difference"])
        + "</div>"
    )
    if new["conclusions_differ"]:
        parts.append(
            html.notice(
                "The two disagree",
                f"At the {results['plan']['alpha']:g} level one answer is significant and the other is not: what is"
                " seen on these images may not carry over to new ones.",
            )
        )
    parts.append(html.unfold("Details of this comparison", _details(these, new)))
    return "\n".join(parts)


def _card(label: str, record: dict[str, Any], difference: float | None) -> str:
    sign = "+" if difference and difference > 0 else ""
    adjusted = f" ({p_value(record['p_adjusted'])} adjusted)" if record.get("p_adjusted") is not None else ""
    return (
        f'<div class="answer"><h4>{html.text(label)}</h4><div'
        f' class="big">{html.text(sign + points(difference))}</div>'
        f"<p>{html.text(interval(record['ci_low'], record['ci_high']))};"
        f" {html.text(p_value(record['p']) + adjusted)}</p>"
        f'<p class="muted">{html.text(record["answer"])}</p></div>'
    )


def _details(these: dict[str, Any], new: dict[str, Any]) -> str:
    unit = these["unit"]
    rows = [
        [
            f"{unit.capitalize()}s",
            (
                f"{these['n']}: network ahead in {these['model_ahead']}, equal in {these['equal']}, readers ahead in"
                f" {these['readers_ahead']}"
            ),
        ],
        [
            "Paired t-test",
            (
                f"t = {number(these['t'])}, df = {number(these['df'], 0)}, {p_value(these['p'])}; SD of the"
                f" differences {points(these['sd'])}"
            ),
        ],
        [
            "Effect size d_z",
            f"{number(these['cohens_dz'])} ({interval(these['dz_ci_low'], these['dz_ci_high'], 2, 1)})",
        ],
        ["Exact sign-flip test", p_value(these["sign_flip_p"])],
        [
            "Wilcoxon signed ranks",
            (
                f"{p_value(these['wilcoxon_p'])} ({these['wilcoxon_method']}); Hodges-Lehmann shift"
                f" {points(these['hodges_lehmann'])} ({interval(these['hl_ci_low'], these['hl_ci_high'])})"
            ),
        ],
        [
            "New images",
            (
                f"t = {number(new['t'])}, df = {number(new['df'], 1)}, {p_value(new['p'])}; standard error"
                f" {number(new['se_ratio'])} times that of the paired test"
            ),
        ],
        [
            "Spread (SD of one reading)",
            (
                f"between readers {points(new['sd_reader'])}, between images {points(new['sd_item'])}, residual"
                f" {points(new['sd_residual'])}"
            ),
        ],
    ]
    whys = [record["why"] for record in (these, new) if record["why"]]
    return html.table("", ["Quantity", "Value"], rows) + "".join(
        html.paragraph(f"Not estimable: {why}.", "muted") for why in whys
    )


def _accuracy(results: Results, drawings: dict[str, str]) -> list[str]:
    parts = [html.heading(2, "How many images did each group name correctly?", "accuracy")]
    for record in results["accuracy"]:
        who = readable(record["reader"]) if record["kind"] == "model" else plural(record["group"])
        view = f" of the {readable(record['view'])} images" if record["view"] else ""
        parts.append(
            html.paragraph(
                f"{who[:1].upper()}{who[1:]} named {percent(record['accuracy'])}{view} correctly"
                f" ({interval(record['ci_low'], record['ci_high'])}).",
                "muted",
            )
        )
    parts.append(html.table(*paper_tables(results)["accuracy"]))
    parts += _drawing(drawings, "readers")
    rows = [
        [
            r["class"],
            readable(r["reader"]) if r["kind"] == "model" else plural(r["group"]),
            readable(r["view"]),
            str(r["readings"]),
            percent(r["accuracy"]),
            interval(r["ci_low"], r["ci_high"]),
        ]
        for r in results["class_accuracy"]
    ]
    parts.append(
        html.unfold(
            "By class", html.table("", ["Class", "Readers", "View", "Readings", "Correct", "Interval (%)"], rows)
        )
    )
    return parts


def _confusions(results: Results, drawings: dict[str, str]) -> list[str]:
    parts = [html.heading(2, "Which classes are taken for which?", "confusions")]
    for name in sorted(drawings):
        if name.startswith("figure-2") and name != "figure-2a":
            parts += _drawing(drawings, name)
    return parts


def _agreement(results: Results) -> list[str]:
    if not results["agreement"]:
        return []
    parts = [html.heading(2, "How far do readers agree with one another?", "agreement")]
    for r in results["agreement"]:
        view = f" on {readable(r['view'])} images" if r["view"] else ""
        if r["fleiss_kappa"] is None:
            parts.append(
                html.paragraph(f"Among {plural(r['group'])}{view}, agreement cannot be estimated: {r['why']}.")
            )
            continue
        bounds = interval(r["fleiss_kappa_ci_low"], r["fleiss_kappa_ci_high"], 2, 1)
        parts.append(
            html.paragraph(
                f"Two {plural(r['group'])} gave the same answer to the same"
                f" image{view} {percent(r['percent_agreement'])} of the time (Fleiss' kappa"
                f" {number(r['fleiss_kappa'])}, {bounds})."
            )
        )
    parts.append(html.table(*paper_tables(results)["agreement"]))
    parts.append(
        html.paragraph(
            "Fleiss' kappa and observed agreement count a missing answer as a category of its own; alpha and AC1"
            " leave it out. Intervals: bootstrap over items.",
            "muted",
        )
    )
    return parts


def _fine_print(results: Results) -> list[str]:
    parts = [html.heading(2, "Methods"), *(html.paragraph(sentence) for sentence in methods(results))]
    parts.append(html.heading(2, "What these results do not say"))
    parts.append("<ul>" + "".join(f"<li>{html.text(sentence)}</li>" for sentence in limitations(results)) + "</ul>")
    parts.append(html.heading(2, "Provenance"))
    rows = [[item["file"], f"SHA-256 {item['sha256']}, {item['rows']} rows"] for item in results["inputs"]]
    plan = results["plan"]
    rows.append(["Analysis plan", f"SHA-256 {plan['sha256']}" if plan["declared"] else "none given"])
    rows.append(["Seed", str(results["seed"])])
    rows.append(["Versions", ", ".join(f"{name} {version}" for name, version in results["versions"].items())])
    parts.append(html.table("", ["What", "Which"], rows))
    return parts
