"""The report as one page: the question in words, the answer with its interval, the figure, the table."""

from html import escape

from .palette import in_words
from .rounding import number, p_value, percent, points

STYLE = """
:root { color-scheme: light dark; --ink: #23211e; --paper: #fdfcfa; --quiet: #6b665f; --line: #dcd7cf; --accent: #00786f; --look: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --ink: #ebe7e1; --paper: #1b1a18; --quiet: #a8a29a; --line: #3a3733; --accent: #4fb8ae; --look: #e0b050; } }
body { font: 16px/1.6 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 0 auto; padding: 32px 16px; max-width: 60rem; }
h1, h2, h3 { line-height: 1.25; } h2 { margin-top: 48px; } p, li { max-width: 72ch; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 16px 0; } .wide { overflow-x: auto; }
th, td { padding: 6px 12px; border-bottom: 1px solid var(--line); text-align: left; } td.n, th.n { text-align: right; }
figure { margin: 24px 0; background: #fff; padding: 8px; border-radius: 6px; } figure svg { width: 100%; height: auto; }
.tag { border: 1px solid var(--look); color: var(--look); border-radius: 4px; padding: 1px 8px; font-size: .85em; }
.two { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); } .two > div { border-top: 3px solid var(--accent); padding-top: 8px; }
.quiet { color: var(--quiet); font-size: .9em; } code { overflow-wrap: anywhere; }
"""


def report_html(document: dict, svg: dict[str, str]) -> str:
    """A self-contained page without scripts. svg: drawn figures by name."""
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'><title>People and networks compared</title>",
        f"<style>{STYLE}</style><h1>People and networks compared</h1>",
    ]
    if document["simulated"]:
        parts.append("<p><span class='tag'>simulated readers</span> Some or all of these readings were simulated. They say "
                     "nothing about physicians.</p>")  # fmt: skip
    parts += [_questions(document), _figures(svg), _accuracy(document), _agreement(document), _fine_print(document)]
    return "\n".join(parts) + "\n"


def _questions(document: dict) -> str:
    new = {(r["model"], r["group"], r["view"]): r for r in document["new_images"]}
    blocks = ["<h2>Who is more accurate?</h2>"]
    if not document["paired"]:
        blocks.append("<p>No network and group of people read the same items, so nothing can be compared.</p>")
    for record in document["paired"]:
        other = new[record["model"], record["group"], record["view"]]
        view = f" on {escape(record['view'])} images" if record["view"] else ""
        blocks.append(
            f"<h3>Is {escape(in_words(record['model']))} more accurate than {escape(in_words(record['group']))}{view}?</h3>"
        )
        if record["p"] is not None and other["p"] is not None and (record["p"] < 0.05) != (other["p"] < 0.05):
            blocks.append("<p><span class='tag'>the two answers differ</span></p>")
        blocks.append(
            f"<div class='two'><div><strong>For these images and new readers</strong><p>{_sentence(record, 'mean_difference')} "
            f"Paired t-test over {record['n']} {record['unit']}s; exact sign flip {p_value(record['sign_flip_p'])}, Wilcoxon "
            f"{p_value(record['wilcoxon_p'])}, d<sub>z</sub> {number(record['cohens_dz'])}.</p></div>"
            f"<div><strong>For new images and new readers</strong><p>{_sentence(other, 'difference')} Two-way variance over "
            f"{other['readers']} readers and {other['items']} items; its standard error is {number(other['se_ratio'])} times "
            "that of the paired test.</p></div></div>"
        )
    return "\n".join(blocks)


def _sentence(record: dict, name: str) -> str:
    difference = record[name]
    if difference is None or record["p"] is None:
        return f"Not estimable: {escape(record['why'] or '')}."
    better = "The network was more accurate" if difference > 0 else "People were more accurate"
    return (f"{better}: {points(difference)} points (95% interval {points(record['ci_low'])} to "
            f"{points(record['ci_high'])}), {p_value(record['p'])}.")  # fmt: skip


def _figures(svg: dict[str, str]) -> str:
    captions = {
        "figure_2a": "Figure 2A. Accuracy of the network minus that of readers; every point is one survey (or reader) and the "
        "red line the network's own accuracy.",
    }
    blocks = ["<h2>Figures</h2>"]
    for name, drawing in svg.items():
        caption = captions.get(
            name, f"Figure {name[-2:].upper()}. Confusion matrices in per cent of the row: rows truth, columns answers."
        )
        blocks.append(f"<figure>{drawing[drawing.index('<svg') :]}</figure><p class='quiet'>{caption}</p>")
    return "\n".join(blocks)


def _accuracy(document: dict) -> str:
    rows = "".join(
        f"<tr><td>{escape(in_words(r['group']))}</td><td>{escape(r['view'])}</td><td class='n'>{r['readers']}</td>"
        f"<td class='n'>{r['items']}</td><td class='n'>{r['answered']}/{r['readings']}</td><td class='n'>{percent(r['accuracy'])}</td>"
        f"<td class='n'>{percent(r['ci_low'])} to {percent(r['ci_high'])}</td><td>{escape(r['ci_method'])}</td></tr>"
        for r in document["accuracy"]
    )
    return ("<h2>How accurate was each?</h2><div class='wide'><table><tr><th>Reader</th><th>View</th><th class='n'>Readers</th>"
            "<th class='n'>Items</th><th class='n'>Answered</th><th class='n'>Accuracy</th><th class='n'>95% interval</th><th>Method</th></tr>"
            f"{rows}</table></div>")  # fmt: skip


def _agreement(document: dict) -> str:
    rows = "".join(
        f"<tr><td>{escape(in_words(r['group']))}</td><td>{escape(r['view'])}</td><td class='n'>{number(r['krippendorff_alpha'], 3)}</td>"
        f"<td class='n'>{number(r['fleiss_kappa'], 3)}</td><td class='n'>{number(r['gwet_ac1'], 3)}</td>"
        f"<td class='n'>{percent(r['percent_agreement'])}</td></tr>"
        for r in document["agreement"]
    )
    return ("<h2>Do readers agree with each other?</h2><div class='wide'><table><tr><th>Group</th><th>View</th><th class='n'>Krippendorff's alpha</th>"
            "<th class='n'>Fleiss' kappa</th><th class='n'>Gwet's AC1</th><th class='n'>Agreement</th></tr>"
            f"{rows}</table></div>")  # fmt: skip


def _fine_print(document: dict) -> str:
    sittings = "; ".join(f"{in_words(r['group'])}: {r['analysed']} analysed, {r['extra']} extra, {r['incomplete']} incomplete"
                         for r in document["sittings"])  # fmt: skip
    inputs = "".join(
        f"<li>{escape(name)}: <code>{escape(str(value)) or 'none'}</code></li>"
        for name, value in document["inputs"].items()
    )
    versions = ", ".join(f"{name} {version}" for name, version in document["versions"].items())
    return (f"<h2>Fine print</h2><p>Sittings: {escape(sittings)}. A blank counts as {escape(document['plan']['missing'])}; a "
            "paired test over surveys holds for these images and new readers, and only the two-way test speaks for new images. "
            f"Holm's adjustment is in the table of paired tests.</p><ul class='quiet'>{inputs}</ul><p class='quiet'>{versions}</p>")  # fmt: skip
