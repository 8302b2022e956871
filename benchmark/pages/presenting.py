"""Results in words and shapes for the pages, rounded as a journal would; the files keep every digit."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from benchmark.core.figures.look import colours
from benchmark.core.results import RATINGS_SCHEMA, Results
from benchmark.core.wording import interval, number, p_value, percent, points, readable, these_images
from benchmark.models import Comparison
from benchmark.pages.topics import (
    HYPE,
    ITEM_COLUMNS,
    PICTURES,
    PLACED,
    RATING_TOPICS,
    RATINGS_PLACED,
    TOPICS,
    WHY,
    Column,
    Section,
    Topic,
    guessed_columns,
)

if TYPE_CHECKING:
    from benchmark.core.report.workings import Working

Record = dict[str, Any]
ROWS_ON_PAGE = 400


@dataclass(frozen=True)
class Whisker:
    """An interval as a line of an SVG that is 200 units wide; `zero` is where "no difference" stands."""

    low: float
    high: float
    middle: float
    zero: float


@dataclass(frozen=True)
class Estimate:
    """One of the two answers to a question."""

    label: str
    size: str
    interval: str
    adjusted: str
    sentence: str
    whisker: Whisker | None


@dataclass(frozen=True)
class Answer:
    """One question with its two answers: for these images, and for new ones."""

    anchor: str
    question: str
    colour: str
    view: str
    these: Estimate
    new: Estimate
    disagree: bool
    planned: str
    details: list[tuple[str, str]]
    workings: list[Working]

    @property
    def estimates(self) -> tuple[Estimate, Estimate]:
        return self.these, self.new


PLANNED = {"primary": "primary in the plan", "exploratory": "exploratory"}


def answers_in_words(results: dict) -> list[Answer]:
    """One Answer per network, reader group and view, in the order of the results; then one per gain from its output, and
    one per difference of such a gain from that of a second look alone. Primary ones have the workings of their numbers."""
    from benchmark.core.report.workings import comparison_workings, gain_workings

    kept = Results(results)
    paired, new = results.get("paired", []), {_key(record): record for record in results.get("new_images", [])}
    gains, differences = (
        [({**these_images(r), "why": r["why"]}, r) for r in results.get(name, [])]
        for name in ("assistance", "assistance_difference")
    )
    palette = colours(results["design"]["groups"], results["design"]["models"])
    scale = _scale([*paired, *new.values(), *(side for pair in (*gains, *differences) for side in pair)])
    level = f"{100 * results['plan']['confidence']:g} %"

    def answer(anchor: str, these: Record, new: Record, planned: str, details: list, workings: list) -> Answer:
        return Answer(
            anchor=anchor,
            question=these.get("question") or new["question"],
            colour=palette.get(new["group"], ""),
            view=readable(new["view"]),
            these=_estimate("These images, new readers", these, scale, level),
            new=_estimate("New images and new readers", new, scale, level),
            disagree=bool(new.get("conclusions_differ")),
            planned=planned,
            details=details,
            workings=workings,
        )

    return [
        answer(
            f"question-{n}", record, other, PLANNED.get(record.get("family"), ""), _details(record, other),
            comparison_workings(kept, record, other),
        )  # fmt: skip
        for n, record in enumerate(paired, 1)
        if (other := new.get(_key(record)))
    ] + [
        answer(
            f"{name}-{n}", these, new, PLANNED["primary" if new["prespecified"] else "exploratory"], details(these, new),
            gain_workings(kept, new),
        )  # fmt: skip
        for name, pairs, details in (
            ("with-network", gains, partial(_gain_details, is_controlled=bool(differences))),
            ("beyond-second-look", differences, _difference_details),
        )
        for n, (these, new) in enumerate(pairs, 1)
    ]


def _key(record: Record) -> tuple:
    return record["model"], record["group"], record["view"]


def _gain_details(these: Record, new: Record, *, is_controlled: bool) -> list[tuple[str, str]]:
    sides = (("Alone", "alone"), ("With the network's output", "assisted"), ("The network, same readings", "network"))
    rows = [
        (name, f"{percent(new[f'accuracy_{key}'])} ({interval(new[f'accuracy_{key}_ci_low'], new[f'accuracy_{key}_ci_high'])})")
        for name, key in sides
    ]
    rows += [
        ("Readings", f"{new['readings']:,} by {new['readers']} readers of {new['items']} images"),
        ("Changed", f"{new['gained']} from wrong to right, {new['lost']} from right to wrong"),
        ("Paired t-test over readers", f"df = {number(these['df'], 0)}, {p_value(these['p'])}"),
        (
            "New images",
            f"df = {number(new['df'], 1)}, {p_value(new['p'])}; standard error {number(new['se_ratio'])} times that of the"
            " paired test",
        ),
        (
            "Spread of one reading (SD)",
            f"between readers {points(new['sd_reader'])}, between images {points(new['sd_item'])}, residual"
            f" {points(new['sd_residual'])}",
        ),
    ]
    if not is_controlled:
        rows.append(("What it cannot tell apart", "The network's output and the second look at the same image."))
    return rows + ([("Not estimable", new["why"])] if new["why"] else [])


def _difference_details(these: Record, new: Record) -> list[tuple[str, str]]:
    rows = [
        ("Gain with the network's output", f"{points(new['gain_with'])}, {new['readings_with']:,} readings"),
        ("Gain of a second look alone", f"{points(new['gain_control'])}, {new['readings_control']:,} readings with nothing in sight"),
        ("t-test over readers", f"df = {number(these['df'], 0)}, {p_value(these['p'])}"),
        (
            "New images",
            f"df = {number(new['df'], 1)}, {p_value(new['p'])}; standard error {number(new['se_ratio'])} times that over readers",
        ),
    ]
    return rows + ([("Not estimable", new["why"])] if new["why"] else [])


def _estimate(label: str, record: Record, scale: tuple[float, float], level: str) -> Estimate:
    difference = record.get("mean_difference", record.get("difference"))
    bounds = record.get("ci_low"), record.get("ci_high")
    adjusted = record.get("p_adjusted")
    return Estimate(
        label=label,
        size=("+" if difference and round(1000 * difference) > 0 else "") + points(difference),
        interval=f"{level} interval {interval(*bounds)}" if None not in bounds else f"no interval: {record.get('why')}",
        adjusted=p_value(adjusted) if adjusted not in (None, record.get("p")) else "",
        sentence=record["answer"],
        whisker=_whisker(difference, *bounds, scale) if None not in (difference, *bounds) else None,
    )


def _scale(records: list[Record]) -> tuple[float, float]:
    """One scale for all whiskers of a page, zero included, so that they can be compared by eye."""
    bounds = [r[end] for r in records for end in ("ci_low", "ci_high") if r.get(end) is not None]
    low, high = min([0, *bounds]), max([0, *bounds])
    margin = 0.06 * ((high - low) or 1)
    return low - margin, high + margin


def _whisker(middle: float, low: float, high: float, scale: tuple[float, float]) -> Whisker:
    def place(value: float) -> float:
        return round(200 * (value - scale[0]) / (scale[1] - scale[0]), 1)

    return Whisker(place(low), place(high), place(middle), place(0))


def _details(these: Record, new: Record) -> list[tuple[str, str]]:
    from benchmark.core.report.comparisons import normality, signed_ranks

    unit = these["unit"]
    rows = [
        (
            f"{unit.capitalize()}s",
            f"{these['n']}: network ahead in {these['model_ahead']}, equal in {these['equal']},"
            f" readers ahead in {these['readers_ahead']}",
        ),
        (
            f"Paired t-test over {unit}s",
            f"t = {number(these['t'])}, df = {number(these['df'], 0)}, {p_value(these['p'])}; SD of the differences"
            f" {points(these['sd'])}",
        ),
        (
            "Effect size d_z",
            f"{number(these['cohens_dz'])} ({interval(these['dz_ci_low'], these['dz_ci_high'], 2, 1)})",
        ),
        ("Exact sign-flip test", p_value(these["sign_flip_p"])),
        ("Wilcoxon signed ranks", signed_ranks(these)),
        ("Normality of the differences", normality(these)),
        (
            "New images",
            f"t = {number(new['t'])}, df = {number(new['df'], 1)}, {p_value(new['p'])}; {new['method']}; standard error"
            f" {number(new['se_ratio'])} times that of the paired test",
        ),
        (
            "Spread of one reading (SD)",
            f"between readers {points(new['sd_reader'])}, between images {points(new['sd_item'])}, residual"
            f" {points(new['sd_residual'])}",
        ),
    ]
    return rows + [("Not estimable", record["why"]) for record in (these, new) if record["why"]]


@dataclass(frozen=True)
class Cell:
    """note: number of the table's note that says why something in the row is missing; 0 where nothing is.

    below: what stands under the value in the same cell, such as its interval.
    """

    text: str
    rank: Any
    is_number: bool
    note: int = 0
    below: str = ""


@dataclass(frozen=True)
class Table:
    """A section as the page prints it. `downloads`: (kind, file of the analysis, or "" where it is made on demand).

    notes: why numbers are missing, each said once; the rows' first cells name theirs. below: per column, the heading of what
    stands under its values, or "".
    """

    name: str
    title: str
    about: str
    columns: tuple[Column, ...]
    rows: list[list[Cell]]
    below: tuple[str, ...] = ()
    left_out: int = 0
    notes: tuple[str, ...] = ()
    downloads: tuple[tuple[str, str], ...] = (("csv", ""), ("xlsx", ""), ("tex", ""))

    @property
    def headings(self) -> list[tuple[Column, str]]:
        return list(zip(self.columns, self.below or [""] * len(self.columns)))


def table_of(results: dict, section: Section, *, on_page: bool = True) -> Table | None:
    """The section with printed cells; None where the analysis has no records of it.

    on_page: a table that is too long for a page is cut, and says how much it leaves to its files; reasons for missing
    numbers stand below the table as notes, in a file in a column of their own.
    """
    records = results.get(section.name) or []
    if not records:
        return None
    columns = section.columns or guessed_columns(records)
    columns = tuple(c for c in columns if c.kind == "who" or any(r.get(c.key) not in (None, "") for r in records))
    shown = records[:ROWS_ON_PAGE] if on_page else records
    notes = tuple(dict.fromkeys(record["why"] for record in shown if record.get("why"))) if on_page else ()
    if not on_page and any(record.get("why") for record in records):
        columns += (WHY,)
    cells = _with_below(section.columns, columns) if on_page else [(c, None) for c in columns]
    rows = [
        [Cell(c.text(r), c.rank(r), c.is_number, below=below.text(r) if below else "") for c, below in cells] for r in shown
    ]
    for row, record in zip(rows, shown):
        if record.get("why") in notes:
            row[0] = replace(row[0], note=1 + notes.index(record["why"]))
    return Table(
        section.name, section.title, section.about, tuple(c for c, _ in cells), rows, tuple(b.label if b else "" for _, b in cells),
        len(records) - len(shown), notes,
    )  # fmt: skip


def _with_below(all_columns: tuple[Column, ...], shown: tuple[Column, ...]) -> list[tuple[Column, Column | None]]:
    """The shown columns, each with the one that stands under its values; a column whose upper neighbour is not shown stands alone."""
    under = {above: c for above, c in pairwise(all_columns) if c.place == "under" and {above, c} <= {*shown}}
    return [(c, under.get(c)) for c in shown if c not in under.values()]


@dataclass(frozen=True)
class TopicPage:
    """answers: sentences that answer the topic's question, where there are any; notes: for whom they hold, and what they cannot tell.

    clean: sections in which no record is the good news that was looked for, such as deviations from the plan.
    """

    topic: Topic
    tables: list[Table]
    absent: list[Section]
    clean: list[Section]
    answers: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def are_ratings(results: dict) -> bool:
    """Whether these are the results of a rating study."""
    return results.get("schema") == RATINGS_SCHEMA


def topics_of(results: dict) -> list[Topic]:
    """The topics that these results can fill, and one of everything that has no place of its own."""
    known = RATING_TOPICS if are_ratings(results) else TOPICS
    filled = [topic for topic in known if any(results.get(section.name) for section in topic.sections)]
    return [*filled, *_rest(results)]


def _rest(results: dict) -> list[Topic]:
    placed = RATINGS_PLACED if are_ratings(results) else PLACED
    names = [name for name in Results(results).sections if name not in placed]
    if not names:
        return []
    sections = tuple(Section(name, readable(name).capitalize(), "", ()) for name in names)
    return [
        Topic("further", "Further tables", "What else was computed?", "Every other table of the analysis.", sections)
    ]


def topic_page(results: dict, slug: str) -> TopicPage | None:
    topic = next((topic for topic in topics_of(results) if topic.slug == slug), None)
    if topic is None:
        return None
    tables = [(section, table_of(results, section)) for section in topic.sections]
    empty = [section for section, table in tables if table is None]
    return TopicPage(
        topic,
        [table for _, table in tables if table],
        [section for section in empty if section.name != "deviations"],
        [section for section in empty if section.name == "deviations"],
        *_answers(results, slug),
    )


def _answers(results: dict, slug: str) -> tuple[list[str], list[str]]:
    from benchmark.core.report.answers import answers_on, notes_on  # with pandas behind it
    from benchmark.core.report.rating_topics import topic_answers, topic_notes

    say, note = (topic_answers, topic_notes) if are_ratings(results) else (answers_on, notes_on)
    answers = say(Results(results), slug)
    return answers, note(Results(results), slug) if answers else []


def section_called(results: dict, name: str) -> Section | None:
    """The section `name` of these results in words, for a download of its own."""
    known = [section for topic in topics_of(results) for section in topic.sections]
    known += [HYPE, PICTURES]
    known.append(Section("items", "Items, hardest first", "Share of right answers among people.", ITEM_COLUMNS))
    found = next((section for section in known if section.name == name), None)
    if found is None and name in Results(results).sections:
        return Section(name, readable(name).capitalize(), "", ())
    return found if found is not None and results.get(name) else None


def comparisons_table(results: dict) -> Table | None:
    """The paper's own table of every comparison with both answers, as the LaTeX and Word files have it."""
    from benchmark.core.output.tables import (
        paper_tables,  # with pandas behind it; only who asks for results waits for that
    )

    caption, header, rows = paper_tables(Results(results))["comparisons"]
    if not rows:
        return None
    columns = [Column(f"column-{i}", label, "words" if i < 3 else "number") for i, label in enumerate(header)]
    pairs = [(i, i + 1 if header[i + 1 : i + 2] == ["p"] else None) for i, label in enumerate(header) if label != "p"]
    cells = [[Cell(row[i], row[i], columns[i].is_number, below=f"p {_equal(row[p])}" if p else "") for i, p in pairs] for row in rows]
    files = (("csv", "tables/paired.csv"), ("xlsx", "tables/tables.xlsx"), ("tex", "tables/comparisons.tex"))
    shown, below = tuple(columns[i] for i, _ in pairs), tuple("p" if p else "" for _, p in pairs)
    return Table("comparisons", "Every comparison with both answers", caption, shown, cells, below, downloads=files)


def _equal(p: str) -> str:
    return p if p.startswith(("<", ">", "–")) else f"= {p}"


@dataclass(frozen=True)
class FigureOnPage:
    """A figure with its title, its caption, and words for those who cannot see it. narrow: its drawing for a phone was made."""

    name: str
    title: str
    caption: str
    words: str
    narrow: bool = False

    @property
    def drawing(self) -> str:
        return f"figures/{self.name}.svg"

    @property
    def narrow_drawing(self) -> str:
        from benchmark.core.output.writing import narrow_file

        return f"figures/{narrow_file(self.name)}"

    @property
    def files(self) -> list[tuple[str, str]]:
        return [(kind.upper(), f"figures/{self.name}.{kind}") for kind in ("svg", "pdf", "png")]


def figures_on_page(comparison: Comparison) -> list[FigureOnPage]:
    """The figures of a comparison that were drawn, in the order of the report."""
    found = [FigureOnPage(e.name, e.title, e.caption, e.words) for e in _figures(comparison.results)]
    drawn = [figure for figure in found if (comparison.folder / figure.drawing).exists()]
    return [replace(figure, narrow=(comparison.folder / figure.narrow_drawing).exists()) for figure in drawn]


def _figures(results: dict) -> list:
    from benchmark.core.figures.catalogue import figures_of
    from benchmark.core.figures.ratings import rating_figures

    return (rating_figures if are_ratings(results) else figures_of)(Results(results))


def figure_for_page(results: dict, name: str, *, narrow: bool = False) -> dict | None:
    """The Plotly form of a figure; None where there is no such figure. narrow: its form for a phone, which says that it `fits`."""
    entry = next((entry for entry in _figures(results) if entry.name == name), None)
    if entry is None:
        return None
    return {**entry.page_narrow(), "fits": True} if narrow else entry.page()


def figure_data(results: dict, name: str) -> str | None:
    """The rows that a figure draws as CSV; None where there is no such figure."""
    from benchmark.core.output.tables import as_csv

    return next((as_csv(entry.data()) for entry in _figures(results) if entry.name == name), None)


@dataclass(frozen=True)
class HardItem:
    record: Record
    public_id: str | None


def hardest_items(results: dict, pictures: dict[tuple[str, str], str], *, view: str, many: int = 12) -> list[HardItem]:
    """The items that fewest people named correctly in a view; `pictures`: public id by item code and view."""
    from benchmark.core.sections.standing import hardest  # with pandas behind it

    records = hardest(results.get("items", []), view, many)
    return [HardItem(record, pictures.get((record["item"], view))) for record in records]


@dataclass(frozen=True)
class ChangeRow:
    question: str
    holds_for: str
    before: str
    after: str
    is_same: bool


def change_rows(changes) -> list[ChangeRow]:
    """What came out of two comparisons, printed side by side."""
    return [
        ChangeRow(c.question, c.holds_for, _printed(c.before), _printed(c.after), c.is_same) for c in changes.contrasts
    ]


def _printed(side: Record | None) -> str:
    if side is None:
        return "not part of it"
    return f"{points(side['difference'])} ({interval(side['ci_low'], side['ci_high'])}); {p_value(side['p'])}"
