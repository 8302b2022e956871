"""Results in words and shapes for the pages, rounded as a journal would; the files keep every digit."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from benchmark.core.results import RATINGS_SCHEMA, Results
from benchmark.core.wording import interval, p_value, points, readable
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

Record = dict[str, Any]
ROWS_ON_PAGE = 400


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
