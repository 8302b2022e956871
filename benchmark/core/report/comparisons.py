"""Who is more accurate: every comparison with its question, both answers side by side, and its details."""

from __future__ import annotations

from typing import Any

from benchmark.core.output.tables import paper_tables
from benchmark.core.results import Results
from benchmark.core.wording import interval, number, p_value, points

from . import html
from .workings import comparison_workings, unfolded


def comparisons(results: Results, drawings: dict[str, str]) -> list[str]:
    if not results["paired"]:
        return [html.paragraph("No network and reader group share items, so nothing can be compared.")]
    parts = [
        html.paragraph(
            "Each comparison has two answers. The first holds for these very images, read by other readers like"
            " these. The second holds for other images like these too; its interval is wider because the images are a"
            " sample as well."
        ),
        drawings.get("figure-2a", ""),
    ]
    for these, new in zip(results["paired"], results["new_images"]):
        parts.append(_comparison(these, new, results))
    parts += [drawings.get(name, "") for name in ("forest", "normal-plot")]
    parts.append(html.table(*paper_tables(results)["comparisons"]))
    return parts


def _comparison(these: dict[str, Any], new: dict[str, Any], results: Results) -> str:
    tags = [html.tag("simulated")] if results.is_simulated else []
    tags.append(html.tag("planned" if these.get("prespecified") else "exploratory", "quiet"))
    parts = [
        f"<h3>{html.text(these['question'])} {' '.join(tags)}</h3>",
        '<div class="answers">'
        + card("These images, new readers", these, these["mean_difference"], results)
        + card("New images and new readers", new, new["difference"], results)
        + "</div>",
    ]
    parts.append(disagreement(new, results))
    parts.append(html.unfold("Details of this comparison", _details(these, new)))
    parts.append(unfolded(comparison_workings(results, these, new)))
    return "\n".join(part for part in parts if part)


def disagreement(new: dict[str, Any], results: Results) -> str:
    """A notice where one answer is significant and the other is not; else nothing."""
    if not new["conclusions_differ"]:
        return ""
    return html.notice(
        "The two disagree",
        f"At the {results['plan']['alpha']:g} level one answer is significant and the other is not: what is"
        " seen on these images may not carry over to new ones.",
    )


def card(label: str, record: dict[str, Any], difference: float | None, results: Results) -> str:
    """One of the two answers: the difference, its interval and p, and its sentence."""
    level = f"{100 * results['plan']['confidence']:g} % interval"
    sign = "+" if difference and difference > 0 else ""
    adjusted = f" ({p_value(record['p_adjusted'])} adjusted)" if record.get("p_adjusted") is not None else ""
    return (
        f'<div class="answer"><h4>{html.text(label)}</h4><div'
        f' class="big">{html.text(sign + points(difference))}</div>'
        f"<p>{level} {html.text(interval(record['ci_low'], record['ci_high']))};"
        f" {html.text(p_value(record['p']) + adjusted)}</p>"
        f'<p class="muted">{html.text(record["answer"])}</p></div>'
    )


def normality(these: dict[str, Any]) -> str:
    """Shapiro and Wilk's test of the units' differences in words; it describes, and no test here waits for it."""
    if these.get("shapiro_w") is None:
        return "not tested"
    return f"Shapiro-Wilk W = {number(these['shapiro_w'], 3)}, {p_value(these['shapiro_p'])} (descriptive; it decides nothing)"


def signed_ranks(these: dict[str, Any]) -> str:
    """Wilcoxon's test of the units' differences and the shift that goes with it."""
    if these["wilcoxon_p"] is None:
        return "not estimable: every difference is zero"
    shift = f"{points(these['hodges_lehmann'])} ({interval(these['hl_ci_low'], these['hl_ci_high'])})"
    return f"{p_value(these['wilcoxon_p'])} ({these['wilcoxon_method']}); Hodges-Lehmann shift {shift}"


def _details(these: dict[str, Any], new: dict[str, Any]) -> str:
    unit = these["unit"]
    ahead = (
        f"network ahead in {these['model_ahead']}, equal in {these['equal']}, readers ahead in {these['readers_ahead']}"
    )
    test = f"t = {number(these['t'])}, df = {number(these['df'], 0)}, {p_value(these['p'])}"
    other = f"t = {number(new['t'])}, df = {number(new['df'], 1)}, {p_value(new['p'])}"
    rows = [
        [f"{unit.capitalize()}s", f"{these['n']}: {ahead}"],
        ["Paired t-test", f"{test}; SD of the differences {points(these['sd'])}"],
        [
            "Effect size d_z",
            f"{number(these['cohens_dz'])} ({interval(these['dz_ci_low'], these['dz_ci_high'], 2, 1)})",
        ],
        ["Exact sign-flip test", p_value(these["sign_flip_p"])],
        ["Wilcoxon signed ranks", signed_ranks(these)],
        ["Normality of the differences", normality(these)],
        ["New images", f"{other}; standard error {number(new['se_ratio'])} times that of the paired test"],
        [
            "Spread (SD of one reading)",
            f"between readers {points(new['sd_reader'])}, between images {points(new['sd_item'])}, residual"
            f" {points(new['sd_residual'])}",
        ],
    ]
    whys = [record["why"] for record in (these, new) if record["why"]]
    return html.table("", ["Quantity", "Value"], rows, wrap=True) + "".join(
        html.paragraph(f"Not estimable: {why}.", "muted") for why in whys
    )
