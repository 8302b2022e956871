"""The report's first pages: the answer in short, who took part, and the design with its certificate."""

from __future__ import annotations

from typing import Any

from benchmark.core.results import Results
from benchmark.core.wording import (
    ahead,
    both_intervals,
    interval,
    named_model,
    number,
    of_view,
    on_view,
    percent,
    plural,
    readable,
)

from . import html
from .assistance import in_short
from .checklists import NOT_RECORDED

SIMULATED = "Simulated"


def default_title(results: Results) -> str:
    names = results["design"]["models"]
    models = f"{len(names)} networks" if len(names) > 2 else " and ".join(map(readable, names)) or "Readers"
    groups = " and ".join(plural(g) for g in results["design"]["groups"])
    return f"{models[:1].upper()}{models[1:]} against {groups}" if groups else models


def title_of(results: Results) -> str:
    return results["title"] or (results.get("study") or {}).get("study", {}).get("title") or default_title(results)


def opening(results: Results) -> list[str]:
    """Title, the watermark of a simulated study, one sentence of design, and notes."""
    parts = [html.heading(1, title_of(results))]
    if results.is_simulated:
        parts.append(simulated_notice(results["simulated_readings"], "readings", "readers"))
    parts.append(html.paragraph(lead(results), "lead"))
    return parts + [
        html.notice("Note", note) for note in results["notes"] if not (results.is_simulated and "simulated" in note)
    ]


def simulated_notice(count: int, what: str, who: str) -> str:
    return html.notice(
        SIMULATED,
        f"{count:,} {what} come from simulated {who} or drawn images. The numbers show how the analysis works; they say"
        " nothing about people or diseases.",
    )


def lead(results: Results) -> str:
    design = results["design"]
    views = [readable(view) for view in design["views"] if view]
    networks = f"{len(design['models'])} network{'s' if len(design['models']) != 1 else ''}"
    surveys = f" in {design['surveys']} surveys" if design["surveys"] else ""
    sentence = (
        f"{design['human_readers']} readers and {networks} classified {design['items']} items of"
        f" {len(design['classes'])} classes{surveys}"
    )
    return sentence + (f", as {' and as '.join(map(of_view, views))}." if views else ".")


def summary(results: Results) -> list[str]:
    """Every comparison in one sentence with both answers, and how many of them the two questions tell apart."""
    pairs = list(zip(results["paired"], results["new_images"]))
    gains = html.bullets(in_short(results))
    if not pairs:
        return [html.paragraph("No network and reader group share items, so nothing can be compared."), gains]
    level = f"{100 * results['plan']['confidence']:g} %"
    lines = [_in_short(these, new, level, first=index == 0) for index, (these, new) in enumerate(pairs)]
    apart = sum(bool(new["conclusions_differ"]) for _, new in pairs)
    if apart:
        verdict = (
            f"In {apart} of {len(pairs)} comparisons the two questions have different answers: what is significant for these"
            " images is not for new ones, or the other way round (p of single tests)."
        )
    else:
        verdict = "In no comparison is one answer significant and the other not (p of single tests)."
    return [html.bullets(lines), html.paragraph(verdict), gains]


def _in_short(these: dict[str, Any], new: dict[str, Any], level: str, *, first: bool) -> str:
    model, group, difference = named_model(these["model"]), plural(these["group"]), new["difference"]
    where = on_view(these["view"]).strip()
    start = f"{where[:1].upper()}{where[1:]}, " if where else ""
    if difference is None:
        return f"{start}{model} and {group}: not estimable."
    told = both_intervals(new, these, level=f"{level} interval " if first else "")
    sentence = f"{start}{ahead(model, group, difference)} {told}."
    return sentence[:1].upper() + sentence[1:]


def participants(results: Results, drawings: dict[str, str]) -> list[str]:
    """The flow diagram, the table of sittings, and what the record says about the readers."""
    parts = [drawings["flow"]] if "flow" in drawings else []
    if results["flow"]:
        keys = ("sittings", "unfinished", "incomplete", "complete", "extra", "analysed")
        rows = [
            [plural(r["group"]), *(NOT_RECORDED if r.get(k) is None else str(r[k]) for k in keys)] for r in results["flow"]
        ]
        header = ["Readers", "Begun", "Not finished", "Too few answers", "Complete", "Complete, not first", "Analysed"]
        parts.append(html.table("Sittings under the completion rule.", header, rows))
    study = results.get("study") or {}
    parts.append(_record(study, "readers", ("population", "qualification", "recruitment", "incentives", "training")))
    return parts


def _record(study: dict[str, Any], section: str, names: tuple[str, ...]) -> str:
    rows = [[readable(name).capitalize(), study.get(section, {}).get(name) or NOT_RECORDED] for name in names]
    return html.table("", ["What", "As recorded"], rows, wrap=True)


def design(results: Results) -> list[str]:
    """What was read, in which order and from which source, and what the design's certificate promises."""
    found = results["design"]
    people = results.records("accuracy", kind="human")
    reads = [f"{r['readings'] / r['items']:g}" for r in people if r["items"]]
    rows = [
        ["Images", f"{found['items']} items; classes: {', '.join(map(readable, found['classes']))}"],
        ["Views", ", ".join(readable(view) for view in found["views"] if view) or "one"],
        ["Surveys", str(found["surveys"]) if found["surveys"] else "none; every reader saw a list of items"],
        ["Readings per item and group", _span(reads)],
    ]
    study = results.get("study") or {}
    for label, section, name in (
        ("Source of the images", "images", "source"),
        ("Licence", "images", "licence"),
        ("Eligibility", "images", "eligibility"),
        ("Reference standard", "reference_standard", "method"),
        ("Check for leakage", "images", "leakage_check"),
        ("Network", "network", "description"),
        ("Display", "reading", "display"),
    ):
        rows.append([label, study.get(section, {}).get(name) or NOT_RECORDED])
    return [
        html.table("", ["What", "As designed or recorded"], rows, wrap=True),
        *_certificate(results.get("certificate")),
    ]


def _span(values: list[str]) -> str:
    distinct = sorted(set(values), key=float)
    return NOT_RECORDED if not distinct else distinct[0] if len(distinct) == 1 else f"{distinct[0]} to {distinct[-1]}"


def _certificate(certificate: dict[str, Any] | None) -> list[str]:
    if certificate is None:
        return [html.paragraph("Certificate of the design: not recorded.", "muted")]
    verdict = "Every promise of the design holds." if certificate["promises_hold"] else "The design breaks a promise."
    promises = [
        f"{entry['name']}: {entry['meaning']}" + ("" if entry["holds"] else f" BROKEN {entry['reached']} times.")
        for entry in certificate["properties"]
        if entry["kind"] == "promise"
    ]
    rows = [
        [
            entry["name"],
            entry["meaning"],
            *(_value(entry.get(key)) for key in ("reached", "best", "limit")),
            "yes" if entry["holds"] else "no",
        ]
        for entry in certificate["properties"]
        if entry["kind"] != "promise"
    ]
    header = ["Balance", "What it counts", "Reached", "Best possible", "Limit", "Within it"]
    caption = f"Certificate of {certificate['file']}, seed {certificate['seed']}, SHA-256 {certificate['sha256']}."
    return [
        html.heading(3, "Certificate"),
        html.paragraph(f"{verdict} As the certificate states them:"),
        html.bullets(promises),
        html.table(caption, header, rows, css="meanings") if rows else "",
    ]


def _value(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{int(value):,}" if float(value).is_integer() else number(value, 2)


def share_sentence(record: dict[str, Any]) -> str:
    """One group's or network's accuracy in a sentence."""
    is_network = record["kind"] == "model"
    who = f"{named_model(record['reader'])} was" if is_network else f"{plural(record['group'])} were"
    where = f"{on_view(record['view']).strip()}, " if record["view"] else ""
    told = f"{where}{who} right {percent(record['accuracy'])} of the time ({interval(record['ci_low'], record['ci_high'])})."
    return told[:1].upper() + told[1:]
