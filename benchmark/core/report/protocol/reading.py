"""The chapters about people: who reads, and every page and word that they meet."""

from __future__ import annotations

from collections.abc import Iterator

from .document import Paragraph, Part, Points, Quotation, Subtitle, Table, blank
from .facts import Given


def readers(given: Given) -> list[Part]:
    """Groups and seats, eligibility, recruitment, incentives, completion, replacement, withdrawal."""
    rule, reader = given["reading"], given.reader
    kinds = {"human": "people", "model": "networks"}
    rows = [[group["plural"], kinds[group["kind"]], str(group["seats"] or "–")] for group in given["groups"]]
    seats = "Readers" if given["study"]["kind"] == "imported" else "Seats"
    parts: list[Part] = [Table("Groups", ["Group", "Who", seats], rows, short=True)] if rows else []
    parts += [
        Subtitle("Eligibility, recruitment, incentives"),
        Points([
            given.told("readers.population", f"which {reader}s are asked, and who is excluded"),
            given.told("readers.qualification", f"qualification and experience that a {reader} must have"),
            given.told("readers.sampling", f"how {reader}s are found and chosen"),
            _recruitment(given),
            given.told("readers.incentives", "payment or other reward, or that there is none"),
        ]),
    ]  # fmt: skip
    if rule["about"]:
        asked = [[row["prompt"], _answers(row), "yes" if row["required"] else "no", row["use"]] for row in rule["about"]]
        parts.append(Table(f"Asked about the {reader}, in these words", ["Question", "Answer", "Required", "Used"], asked))
    parts += [Subtitle("When a sitting counts"), Points(list(_rules(given)))]
    return parts


def _recruitment(given: Given) -> str:
    if given["study"]["kind"] == "imported":
        return given.told("readers.recruitment", "how readers were recruited")
    how = given.recorded("readers.recruitment") or "by personal link, in a letter"
    return f"Recruitment: {how.rstrip('.')}. A link works for {given['reading']['invitation_days']} days."


def _answers(row: dict) -> str:
    if row["kind"] == "choice":
        return "; ".join(row["choices"])
    return "a whole number" if row["kind"] == "integer" else "free text"


def _rules(given: Given) -> Iterator[str]:
    rule, reader = given["reading"], given.reader
    if given["study"]["kind"] == "imported":
        yield "The sittings were counted elsewhere."
        return
    share = f"{'more than' if rule['strictly_more'] else 'at least'} {rule['threshold']:g} %"
    questions = rule["questions"]
    needed = f" With {questions[0]} questions that is at least {questions[1]}." if questions else ""
    yield f"Complete: every block is finished and {share} of the questions that count are answered.{needed}"
    yield (
        "Analysed: the first complete sitting of each seat, by the server's clock. Later complete ones are kept and not"
        " analysed; sittings that are not complete are kept and not analysed, unless the plan says otherwise."
    )
    blanks = "An image may be left unanswered" if rule["allow_blank"] else "No image may be left unanswered"
    yield f"{blanks}; every image must have been shown before a block can be finished. A finished block is sealed: its answers cannot be changed."
    yield (
        f"Replacement: a seat whose links have all expired or were revoked is freed, and a coordinator may replace a {reader}"
        f" who does not go on; what was answered is kept, and the seat goes to another {reader}."
    )
    yield (
        "Leaving and coming back is allowed, on any device, with the same link. Enlarging images is"
        f" {'allowed' if rule['zoom'] else 'not possible'}."
    )
    yield (
        f"Withdrawal: every answer of the {reader}, what the screen did and what was said about the person are deleted for"
        " good, and the seat is free again; kept is that somebody withdrew, when, and how many answers were deleted."
    )


def procedure(given: Given) -> list[Part]:
    """Letter and pages in the order in which a reader meets them, with their exact words."""
    if not given["pages"]:
        return [Paragraph(blank("what readers were shown and asked, in its order"))]
    reader, language = given.reader, given["study"]["language"]
    parts: list[Part] = [
        Paragraph(f"Every word below stands as {reader}s get it, in the language of the study ({given['study']['language_name']})."),
        Points([
            given.told("readers.training", f"training of {reader}s beyond instructions and practice, or that there is none"),
            given.told("reading.aids", "whether books, search engines, colleagues or other aids are allowed beyond what the instructions say"),
            given.told("reading.display", f"requirements of the screen and the room, or that {reader}s use their own screen wherever they are"),
            given.told("reading.prevalence_told", f"what {reader}s are told about how often each class occurs"),
        ]),
    ]  # fmt: skip
    course = [[str(number), page["name"], str(len(page["asked"]) or "–")] for number, page in enumerate(given["pages"], start=1)]
    parts.append(Table("Course of a sitting, which can be left and taken up again at any place", ["Page", "What", "Questions"], course))
    if letter := given["letter"]:
        parts += [Subtitle("Letters"), Paragraph(letter["about"])]
        parts += [Quotation(f"{row['title']}: {row['subject']}", row["body"], language) for row in letter["letters"]]
    for number, page in enumerate(given["pages"], start=1):
        parts += [Subtitle(f"Page {number}: {page['name']}"), *_page(given, page)]
    return parts


def _page(given: Given, page: dict) -> Iterator[Part]:
    language = given["study"]["language"]
    if page["says"]:
        yield Points(page["says"])
    for where, words in page["words"]:
        yield Quotation(where, words, language)
    for question in page["asked"]:
        yield Quotation(_question_head(question), question["prompt"], language)
        lines = [*question["notes"]]
        if question["hint"]:
            lines.append(f"Hint beside it: “{question['hint']}”")
        if question["choices"]:
            lines.append(f"Answers, in this order: {'; '.join(question['choices'])}.")
        if question["ends"]:
            lines.append(f"From “{question['ends'][0]}” to “{question['ends'][1]}”.")
        yield Points(lines)


def _question_head(question: dict) -> str:
    optional = "" if question["required"] else ", may be left open"
    return f"Question {question['step']}{optional}" if question["step"] else f"Question{optional}"
