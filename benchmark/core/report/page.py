"""report.html from results: each result with its question first, then the answer, figure, table and fine print."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import resources

from benchmark.core.figures.catalogue import FigureEntry
from benchmark.core.figures.letters import without_font
from benchmark.core.inputs.pictures import Pictures
from benchmark.core.output.check import COVERS
from benchmark.core.output.check import NAME as CHECK
from benchmark.core.results import Results

from . import html
from .anchors import anchors
from .answers import notes_on
from .assistance import assistance
from .checklists import NOT_RECORDED, Item, checklist, guidelines
from .comparisons import comparisons
from .covariates import covariates
from .description import accuracy, agreement, classes
from .further import Part, further_parts, part_of
from .hardest import hardest
from .limitations import limitations
from .methods import marked_methods
from .opening import design, opening, participants, summary, title_of
from .record import declared, recorded, size
from .references import numbered
from .secondary import SAID, SECTIONS_OF
from .subgroups import subgroups
from .within_reader import within_reader

WATERMARK = "SIMULATED"


@dataclass(frozen=True)
class Section:
    """One section of the report: its anchor, its heading, and the HTML below it."""

    anchor: str
    title: str
    content: str


def build_report(
    results: Results,
    entries: list[FigureEntry],
    drawings: dict[str, str],
    *,
    pictures: Pictures | None = None,
    printed: bool = False,
) -> str:
    """The report as one HTML document without scripts. drawings: figure name -> SVG. pictures: of the items; the hardest
    are shown.

    printed: for the tagged PDF: pictures instead of inline drawings, details unfolded, no theme.
    """
    figures = {entry.name: html.figure(drawings[entry.name], entry, printed=printed) for entry in entries}
    return assembled(results, title_of(results), opening(results), _sections(results, figures, pictures or Pictures()), printed=printed)


def assembled(
    results: Results, title: str, first: list[str], sections: Iterable[Section], *, printed: bool = False
) -> str:
    """A whole report: its opening, its contents, and every section that has any content; simulated ones are marked."""
    return whole_page(title, first, sections, mark=WATERMARK if results.is_simulated else "", printed=printed)


def whole_page(
    title: str, first: list[str], sections: Iterable[Section], *, mark: str = "", printed: bool = False, more_css: str = ""
) -> str:
    """A document with its opening, its contents, and every section that has any content. mark: stands on every page."""
    found = [section for section in sections if section.content]
    contents = "".join(f'<li><a href="#{s.anchor}">{html.text(s.title)}</a></li>' for s in found)
    body = "\n".join(f"{html.heading(2, s.title, s.anchor)}\n{s.content}" for s in found)
    css = resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8") + more_css
    mark = f'<div class="watermark" aria-hidden="true">{html.text(mark)}</div>' if mark else ""
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.text(title)}</title>\n<style>\n{css}</style></head>\n<body>{mark}<main>\n"
        + "\n".join(first)
        + f'\n<nav class="contents" aria-label="Contents"><h2 class="quiet">Contents</h2><ol>{contents}</ol></nav>\n{body}\n'
        "</main></body></html>\n"
    )
    return page.replace("<details>", "<details open>") if printed else page


def _sections(results: Results, figures: dict[str, str], pictures: Pictures) -> Iterator[Section]:
    def section(anchor: str, title: str, parts: Callable[[], list[str]]) -> Section:
        return Section(anchor, title, "\n".join(part for part in parts() if part))

    yield section("summary", "In short", lambda: summary(results))
    yield section("participants", "Who took part?", lambda: participants(results, figures))
    yield section("design", "How was the study designed?", lambda: design(results))
    yield section("record", "What is recorded of the study?", lambda: recorded(results))
    yield section("comparisons", "Who is more accurate?", lambda: comparisons(results, figures))
    yield section("assistance", "Does seeing the network's output help?", lambda: assistance(results, figures))
    yield section("accuracy", "How many images did each group name correctly?", lambda: accuracy(results, figures))
    yield section(
        "classes", "Which classes are hard, and which are taken for which?", lambda: classes(results, figures)
    )
    if results["agreement"]:
        yield section("agreement", "How far do readers agree with one another?", lambda: agreement(results, figures))
    yield section("anchors", "How do all readers do on the images that all of them read?", lambda: anchors(results, figures))
    yield section("within-reader", "How far do readers agree with themselves?", lambda: within_reader(results, figures))
    yield section("reader-covariates", "Do accuracy and experience go together?", lambda: covariates(results, figures))
    yield section("subgroups", "Does it hold for every kind of image?", lambda: subgroups(results))
    for part in further_parts(results):
        yield _further(results, part, figures)
    yield section("items", "Which images are hardest?", lambda: hardest(results, figures, pictures))
    yield section("plan", "What was planned, and where does the analysis depart from it?", lambda: _plan(results))
    sentences, cited = numbered([*marked_methods(results), _guideline_sentence()])
    yield section("methods", "Methods", lambda: [*map(html.paragraph, sentences[:-1])])
    yield section("limitations", "What these results do not say", lambda: [html.bullets(limitations(results))])
    yield section("checklists", "Reporting checklists", lambda: [html.paragraph(sentences[-1]), *checklists(checklist(results))])
    yield section("references", "References", lambda: [html.numbered_list(cited)])
    yield section("provenance", "Provenance", lambda: [*provenance(results), checked_in_r(results, COVERS), *fonts_wanting(figures)])


def _further(results: Results, part: Part, figures: dict[str, str]) -> Section:
    drawing = "".join(figures.get(name, "") for name in part.figures)
    said = html.bullets(list(SAID[part.section](results))) if part.section in SAID else ""
    topics = [topic for topic, sections in SECTIONS_OF.items() if said and sections[0] == part.section]
    said += "".join(html.paragraph(note, "muted") for topic in topics for note in notes_on(results, topic))
    return Section(part.section.replace("_", "-"), part.question, said + part_of(results, part) + drawing)


def _plan(results: Results) -> list[str]:
    plan = results["plan"]
    stamp = f"Stamped with SHA-256 {plan['sha256']}." if plan["declared"] else "No plan was given: all is exploratory."
    rules = [
        f"Significance level {plan['alpha']:g}, intervals at {100 * plan['confidence']:g} %.",
        f"Missing answers: {plan['missing']}. Multiplicity: {plan['multiplicity']}.",
        f"Planned contrasts: {plan['primary_contrasts']}." if plan["declared"] else "",
        *declared(results),
    ]
    return [html.paragraph(stamp), html.bullets([rule for rule in rules if rule]), *size(results), *deviations_of(results)]


def deviations_of(results: Results) -> list[str]:
    """Every departure from the plan, planned beside done; a sentence where there is none."""
    deviations = results.records("deviations")
    if deviations:
        rows = [[r["kind"], r["what"], r["planned"], r["done"]] for r in deviations]
        header = ["Kind", "What", "Planned", "Done"]
        return [html.table("Deviations from the plan, one by one.", header, rows, wrap=True)]
    return [html.paragraph("No deviation from the plan was found.")] if results["plan"]["declared"] else []


def _guideline_sentence() -> str:
    names = ", ".join(f"{name} [[{reference}]]" for name, reference in guidelines().items())
    return (
        f"Items of {names}, by their identifiers, in short words. Answers come from the data and from the study's record;"
        f' what neither holds is "{NOT_RECORDED}". Complete the official forms for a submission.'
    )


def checklists(items: list[Item]) -> list[str]:
    """One folded table per guideline of the items."""
    parts = []
    for name in dict.fromkeys(item.guideline for item in items):
        own = [item for item in items if item.guideline == name]
        filled = sum(item.answer is not None for item in own)
        rows = [[item.identifier, item.topic, item.answer or NOT_RECORDED] for item in own]
        table = html.table("", ["Item", "Topic", "In this report"], rows, wrap=True, css="checklist")
        parts.append(html.unfold(f"{name}: {filled} of {len(own)} items filled", table))
    return parts


def provenance(results: Results) -> list[str]:
    """Every input with its hash, the seed and the versions."""
    rows = [[item["file"], f"SHA-256 {item['sha256']}, {item['rows']} rows"] for item in results["inputs"]]
    plan, certificate = results["plan"], results.get("certificate")
    rows.append(["Analysis plan", f"SHA-256 {plan['sha256']}" if plan["declared"] else "none given"])
    if certificate:
        rows.append([certificate["file"], f"SHA-256 {certificate['sha256']}"])
    rows.append(["Seed", str(results["seed"])])
    rows.append(["Versions", ", ".join(f"{name} {version}" for name, version in results["versions"].items())])
    return [html.table("", ["What", "Which"], rows, wrap=True)]


def fonts_wanting(figures: dict[str, str]) -> list[str]:
    """A notice where this machine has no font for letters of the figures."""
    told = without_font(figures.values())
    return [html.notice("Fonts", told)] if told else []


def checked_in_r(results: Results, covers: str) -> str:
    """How the numbers are checked with another program. covers: what it computes again, after a comma."""
    name = results["inputs"][0]["file"]
    return html.paragraph(
        f"Check in R: “Rscript {CHECK}” in the folder of this report, the path of {name} after it where that is neither here nor in"
        f" ../inputs, {covers}"
    )
