"""Sections of results as tables: CSV (exact), one XLSX workbook (exact) and LaTeX (rounded like a journal)."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any

from benchmark.core.files import inert
from benchmark.core.inputs.readings import NO_ANSWER
from benchmark.core.results import RATINGS_SCHEMA, Results
from benchmark.core.wording import bare_p, interval, number, percent, plural, readable

WORDS_ONLY_IN_JSON = ("question", "answer", "these_images_answer")
FIXED_TIME = (1980, 1, 1, 0, 0, 0)


def flat_records(results: Results, section: str) -> list[dict[str, Any]]:
    """Records of a section with one value per cell; a confusion matrix becomes one row per cell.

    Sentences stay in results.json. In a rating study `question` is no sentence but the code of what was asked.
    """
    left_out = () if results["schema"] == RATINGS_SCHEMA else WORDS_ONLY_IN_JSON
    if section == "confusion":
        return [cell for record in results["confusion"] for cell in cells_of(record)]
    return [
        {
            k: " ".join(map(str, v)) if isinstance(v, list) else v
            for k, v in record.items()
            if k not in left_out
        }
        for record in results[section]
    ]


def cells_of(record: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """Every cell of a confusion matrix with its count, its share of the row and the share's interval, in per cent."""
    keys = {key: record[key] for key in ("group", "kind", "reader", "view")}
    columns = [*record["classes"], NO_ANSWER]
    bounds = record.get("row_ci") or [[None] * len(columns)] * len(record["classes"])
    for truth, counts, shares, cis in zip(record["classes"], record["counts"], record["row_percent"], bounds):
        for answer, count, share, ci in zip(columns, counts, shares, cis):
            low, high = ci or (None, None)
            cell = {"count": count, "row_percent": share, "ci_low": low, "ci_high": high}
            yield {**keys, "truth": truth, "answer": answer, **cell}


def _columns(records: Sequence[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for record in records for key in record))


def as_csv(records: Sequence[dict[str, Any]]) -> str:
    """CSV text with a header; an absent value is an empty cell; numbers keep every digit."""
    columns = _columns(records)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for record in records:
        writer.writerow(["" if record.get(c) is None else inert(record[c]) for c in columns])
    return out.getvalue()


def as_xlsx(sheets: dict[str, Sequence[dict[str, Any]]]) -> bytes:
    """One workbook, a sheet per table, with the same bytes for the same content (no dates inside)."""
    from openpyxl import Workbook
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = Workbook()
    book.remove(book.active)
    for name, records in sheets.items():
        sheet = book.create_sheet(name[:31])
        columns = _columns(records)
        sheet.append(columns)
        for record in records:
            sheet.append([inert(record.get(column)) for column in columns])
        for cell in sheet[1]:
            cell.font = Font(bold=True)
        sheet.freeze_panes = "A2"
        for index, column in enumerate(columns, 1):
            sheet.column_dimensions[get_column_letter(index)].width = max(10, min(len(column) + 3, 30))
    raw = io.BytesIO()
    book.save(raw)
    return without_dates(raw.getvalue())


def without_dates(workbook: bytes) -> bytes:
    """An office document with its dates taken out, so that the same content has the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":  # openpyxl writes the time of saving there
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"1980-01-01T00:00:00Z", content)
            entry = zipfile.ZipInfo(name, FIXED_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, content)
    return out.getvalue()


def paper_tables(results: Results) -> dict[str, tuple[str, list[str], list[list[str]]]]:
    """The tables that a paper prints: name -> (caption, header, rows), rounded, in words."""
    level = f"{100 * results['plan']['confidence']:g} % interval"
    accuracy = [
        [
            _who(r),
            readable(r["view"]),
            str(r["readers"]),
            str(r["items"]),
            str(r["readings"]),
            percent(r["accuracy"]),
            interval(r["ci_low"], r["ci_high"]),
        ]
        for r in results["accuracy"]
    ]
    comparison = [
        [
            readable(a["model"]),
            plural(a["group"]),
            readable(a["view"]),
            number(100 * a["mean_difference"], 1),
            interval(a["ci_low"], a["ci_high"]),
            bare_p(a["p"]),
            number(a["cohens_dz"]),
            interval(b["ci_low"], b["ci_high"]),
            bare_p(b["p"]),
            number(b["se_ratio"]),
        ]
        for a, b in zip(results["paired"], results["new_images"])
    ]
    agreement = [
        [
            plural(r["group"]),
            readable(r["view"]),
            str(r["readers"]),
            number(r["fleiss_kappa"]),
            number(r["krippendorff_alpha"]),
            number(r["gwet_ac1"]),
            percent(r["percent_agreement"]),
        ]
        for r in results["agreement"]
    ]
    assisted = {"assistance": _assistance_table(results, level)} if results.records("assistance") else {}
    return {
        "accuracy": (
            "Accuracy by reader group and view.",
            ["Readers", "View", "n", "Items", "Readings", "Correct", level],
            accuracy,
        ),
        "comparisons": (
            "Difference in accuracy, network minus readers, in points, for these images and for new images.",
            [
                "Network",
                "Readers",
                "View",
                "Difference",
                f"{level}, these images",
                "p",
                "d_z",
                f"{level}, new images",
                "p",
                "SE ratio",
            ],
            comparison,
        ),
        "agreement": (
            "Agreement among readers.",
            ["Readers", "View", "n", "Fleiss' kappa", "Krippendorff's alpha", "Gwet's AC1", "Agreement"],
            agreement,
        ),
        **assisted,
    }


def _assistance_table(results: Results, level: str) -> tuple[str, list[str], list[list[str]]]:
    rows = [
        [
            readable(r["assistant"]),
            plural(r["group"]),
            readable(r["view"]),
            *(percent(r[f"accuracy_{side}"]) for side in ("alone", "assisted", "network")),
            number(None if r["difference"] is None else 100 * r["difference"], 1),
            interval(r["these_images_ci_low"], r["these_images_ci_high"]),
            bare_p(r["these_images_p"]),
            interval(r["ci_low"], r["ci_high"]),
            bare_p(r["p"]),
        ]
        for r in results.records("assistance")
    ]
    header = ["Network", "Readers", "View", "Alone", "With its output", "Network alone", "Gain"]
    header += [f"{level}, these images", "p", f"{level}, new images", "p"]
    return "Accuracy alone and with a network's output in sight, and the gain in points.", header, rows


def _who(record: dict[str, Any]) -> str:
    return readable(record["reader"]) if record["kind"] == "model" else plural(record["group"])


LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\u2212": "$-$",
    "×": r"$\times$",
    "–": "--",
    "α": r"$\alpha$",
}
SUPERSCRIPTS = dict(zip("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))


def latex_text(text: str) -> str:
    """Plain text for LaTeX, superscript digits included."""
    escaped = "".join(LATEX.get(character, character) for character in text)
    return re.sub(
        f"[{''.join(SUPERSCRIPTS)}]+", lambda m: "$^{" + "".join(SUPERSCRIPTS[c] for c in m.group()) + "}$", escaped
    )


def as_latex(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table environment for the booktabs package: text columns left, the others right."""
    text_columns = [all(not any(ch.isdigit() for ch in row[i]) for row in rows) for i in range(len(header))]
    lines = [
        "% \\usepackage{booktabs}",
        r"\begin{table}",
        rf"\caption{{{latex_text(caption)}}}",
        rf"\begin{{tabular}}{{{''.join('l' if text else 'r' for text in text_columns)}}}",
        r"\toprule",
        " & ".join(map(latex_text, header)) + r" \\",
        r"\midrule",
        *(" & ".join(map(latex_text, row)) + r" \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"
