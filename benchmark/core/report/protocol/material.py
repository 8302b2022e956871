"""The chapters about what is shown: the images or stimuli, how they are shared out, and what certifies it."""

from __future__ import annotations

from collections.abc import Iterator

from .document import Paragraph, Part, Points, Subtitle, Table, blank
from .facts import Given
from .opening import ORDERS

OPEN_REFERENCE = {
    "assessors": "who named the reference class of each picture, from what, and with which qualification",
    "rationale": "why this reference standard was chosen",
}
KINDS_OF_PROPERTY = (
    ("promise", "Promises: they hold exactly, or no survey is drawn"),
    ("balance", "Balance: how near it comes to what arithmetic permits"),
)


def images(given: Given) -> list[Part]:
    """The bank by class and view, sources and licences, review, leakage check; of a rating study its stimuli, too."""
    parts: list[Part] = []
    if given["stimuli"]:
        parts += _stimuli(given)
    if given["study"]["nature"]:
        parts.append(Paragraph(f"The pictures are {given['study']['nature']}."))
    parts += [
        Paragraph(given.told("images.eligibility", "which pictures and patients were eligible, and which were not")),
        Paragraph(given.told("images.series", "how pictures were found and chosen: all, consecutive, at random, by convenience")),
        Paragraph(given.told("images.devices", "with which devices the pictures were taken")),
    ]
    if given["images"]["split"] is not None:
        how = given["images"]["split"] or blank("how pictures were split into training and test, and by whom")
        parts.append(Paragraph(f"Split into training and test: {how}"))
    for section in given["images"]["sections"]:
        parts.append(Subtitle(section["title"]))
        parts += [_card_part(part) for part in section["parts"]]
    parts += [Subtitle("Reference standard"), *_reference(given), Subtitle("Who sees which picture, and in which form")]
    lines = [
        f"Pictures were freed from metadata when they were imported. {given.reader.capitalize()}s get pixels alone: no"
        " file name, no source, no metadata.",
        *given["reading"]["served"],
        "Credits and sources stand in the image bank, picture by picture, for coordinators and reviewers.",
    ]
    if given["images"]["fingerprint"]:
        lines.append(f"Fingerprint of items, classes, splits, folds, groups and pixels: {given['images']['fingerprint']}.")
    return [*parts, Points(lines)]


def _card_part(part) -> Part:
    if isinstance(part, str):
        return Paragraph(part)
    rows = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in part["rows"]]
    return Table("", [str(word) for word in part["heading"]], rows, short=True)


def _reference(given: Given) -> list[Part]:
    told = [given.recorded(f"reference_standard.{name}") for name in ("method", "rationale", "assessors", "blinding", "disagreement")]
    lines = [text for text in told if text]
    for field, what in OPEN_REFERENCE.items():
        if not given.recorded(f"reference_standard.{field}"):
            lines.append(blank(what))
    named = ", ".join(f"{row['name']} ({row['code']})" for row in given["classes"])
    return [Points([f"Classes: {named}.", *lines])]


def _stimuli(given: Given) -> Iterator[Part]:
    shown = given["stimuli"]
    if given["images"]["from"]:
        yield Paragraph(f"The pictures come from the image bank of: {'; '.join(given['images']['from'])}.")
    for kind in shown["kinds"]:
        yield Subtitle(f"{kind['heading']}: {kind['rated']} to be rated")
        yield Table("", ["Condition", "Origin", "Role", "Stimuli"], kind["counts"], short=True)
        lines = [f"Every frame is shown at {kind['width']} by {kind['height']} pixels, so that size tells nothing."] if kind["width"] else []
        if kind["jpeg_quality"]:
            qualities = " and then ".join(map(str, kind["jpeg_quality"]))
            lines.append(f"Real and generated frames pass through the same JPEG qualities, {qualities}, so that compression tells nothing.")
        if kind["exposure_ms"]:
            lines.append(f"Each is shown for {kind['exposure_ms']:,} ms and then covered.")
        lines.append(
            f"A rater gets at most {kind['per_rater_max']} pages of it; every stimulus has at least {kind['min_raters']} raters of each group."
        )
        if kind["repeats"]:
            lines.append(f"{100 * kind['repeats']:g} % come twice, to learn how far raters agree with themselves.")
        if kind["catches"]:
            lines.append(f"{kind['catches']} stimuli with an obvious answer show whether a rater looks (catches); no result counts them.")
        yield Points(lines)
    if shown["sets"]:
        rows = [[row["title"], row["what"], row["searched"], row["sha256"]] for row in shown["sets"]]
        yield Table("Sets of generated pictures", ["Set", "What it is", "Copies of training pictures", "SHA-256"], rows)
    if shown["licences"]:
        yield Table("Licences of the pictures in the stimuli", ["Origin", "Licence", "Pictures"], shown["licences"], short=True)
    for title, rows in shown["matches"]:
        cells = [[name, f"{real:,}", f"{made:,}"] for name, real, made in rows]
        yield Table(f"Matching of single pictures: {title.lower()}", [title, "Real", "Generated"], cells, short=True)


def surveys(given: Given) -> list[Part]:
    """How surveys are assembled, and the certificate in words."""
    told = given["surveys"]
    if given["study"]["kind"] == "imported":
        return [Paragraph("The answers were given elsewhere; no survey was drawn here."), Paragraph(blank("how items were given to readers"))]
    if not told["surveys"]:
        return [Paragraph(f"No surveys are drawn yet. {blank('draw the surveys, then write this protocol again')}")]
    lines = list(_assembly(given))
    if not told["drawn"]:
        lines.append("The surveys are not drawn yet: the numbers follow from the set-up and the images that there are now.")
        return [Points(lines), Paragraph(blank("draw the surveys, so that seed, hash and certificate can stand here"))]
    verdict = "Every promise holds." if told["promises_hold"] else "A PROMISE IS BROKEN: do not begin with this design."
    parts: list[Part] = [Points(lines), Subtitle("The certificate"), Paragraph(f"It is computed from the drawn surveys alone. {verdict}")]
    for kind, title in KINDS_OF_PROPERTY:
        rows = [_property(entry) for entry in told["properties"] if entry["kind"] == kind]
        if rows:
            header = ["What", "Meaning", "Holds"] if kind == "promise" else ["What", "Meaning", "Reached", "Best possible", "Holds"]
            parts.append(Table(title, header, [row if kind == "balance" else [*row[:2], row[4]] for row in rows]))
    return parts


def _assembly(given: Given) -> Iterator[str]:
    told = given["surveys"]
    if told["drawn"]:
        yield (
            f"Drawn once on {told['drawn_on']} by a program from seed {told['seed']}; the same seed gives the same surveys."
            f" SHA-256 of the design: {told['sha256']}."
        )
    if given.is_rating:
        yield f"{told['surveys']} sittings, each for one rater of each group; {told['pages']} pages each."
    else:
        yield (
            f"{told['surveys']} surveys in {told['sets']} set{'' if told['sets'] == 1 else 's'}; each holds {told['per_survey']} items"
            f" ({told['per_class']} of each of {len(given['classes'])} classes), shown in each of {len(given['views'])} view"
            f"{'' if len(given['views']) == 1 else 's'}: {told['pages']} pages."
        )
        if len(given["views"]) > 1:
            yield ORDERS[told["order"]]
    if told["repeats"] and not given.is_rating:
        yield f"{told['repeats']} % of every block come a second time in it, drawn from the same seed, unannounced; only first answers are compared."
    if told["control"]:
        yield (
            f"Control arm: about {100 * told['control']:g} % of the images of each reader are asked again with nothing in sight; which ones is"
            " drawn from the same seed before the first answer."
        )
    yield (
        "Who invites may name the survey that somebody reads and cannot change what it holds; without a name the reader gets the free seat of the"
        " lowest number when reading begins."
    )


def _property(entry: dict) -> list[str]:
    meaning = " ".join(text for text in (entry["meaning"], entry["detail"]) if text)
    holds = "yes" if entry["holds"] else "no" if entry["kind"] == "promise" else "misses its limit"
    return [entry["name"], meaning, _number(entry["reached"]), _number(entry["best"]), holds]


def _number(value) -> str:
    return "–" if value is None else f"{value:.3g}" if isinstance(value, float) else f"{value:,}"
