"""A list of people to invite, as a CSV file: what it says, and every row that cannot be used."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from imagebank.core.spreadsheets import Line, Spreadsheet, TableError, open_spreadsheet, plain_csv
from imagebank.models import Study
from surveys.models import ReaderContact, ReaderGroup, Seat, Survey

MOST_BYTES, MOST_ROWS = 1_000_000, 2_000
COLUMNS = ("email", "group", "name", "survey")
EMAIL_NAMES = ("email", "e-mail", "mail", "address")


@dataclass(frozen=True)
class Invitee:
    """One usable row: whom to invite, and to which survey (None: a seat that is free when reading starts)."""

    line: int
    email: str
    name: str
    group: ReaderGroup
    survey: Survey | None


@dataclass(frozen=True)
class InvitationList:
    """The rows that can be used, the others by line with what is wrong, and what was guessed of the file."""

    invitees: list[Invitee]
    errors: list[tuple[int, str]]
    notes: tuple[str, ...] = ()


def list_of_addresses(text: str, group: str) -> str:
    """Addresses as a mail program copies them, as the text of a list; a table with a header stays as it is.

    "Name <address>" or the address alone, parted by lines, semicolons, or commas between addresses.
    """
    first = text.strip().split("\n", 1)[0].lower()
    if "@" not in text or any(word in re.split(r"[,;\t]", first.replace(" ", "").strip()) for word in EMAIL_NAMES):
        return text
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(("email", "group", "name"))
    for piece in _addresses(text):
        email, name = _parted(piece)
        table.writerow((email, group, name))
    return out.getvalue()


def _addresses(text: str) -> list[str]:
    """The pieces between line ends and semicolons, and between commas that follow an address."""
    marked = re.sub(r"(@[^\s,;<>@]+>?)\s*,", r"\1\n", text)
    return [piece.strip() for piece in re.split(r"[\n;]", marked) if piece.strip()]


def _parted(cell: str) -> tuple[str, str]:
    """(address, name) of "Name <address>"; "Last, First" is turned round, as a letter greets people."""
    name, opened, email = cell.strip().rpartition("<")
    if not (opened and email.endswith(">")):
        return cell.strip().strip("\"'"), ""
    name = name.strip().strip("\"'")
    last, comma, given = (part.strip() for part in name.partition(","))
    return email.removesuffix(">").strip(), f"{given} {last}" if comma and given and "," not in given else name


def read_invitation_list(study: Study, data: bytes) -> InvitationList:
    """Read `email, group, name, survey` (the last two optional, the group too where there is one only).

    A table as a spreadsheet saves it, CSV or XLSX. A file that cannot be read at all raises
    ValidationError; rows that cannot be used are returned with their line, all of them at once.
    """
    table = _table(data)
    checker = _Checker(study)
    columns = ["email" if name.lower() in EMAIL_NAMES else name.lower() for name in table.header]
    if "email" not in columns:
        found = ", ".join(name for name in columns if name) or "nothing"
        raise ValidationError(
            f"The list needs a header with the column email; it has {found}. Further: group, name, survey."
        )
    invitees, errors = [], []
    for number, (line, cells) in enumerate(_lines(table)):
        if number >= MOST_ROWS:
            raise ValidationError(f"The list has more than {MOST_ROWS:,} rows; split it.")
        row = dict.fromkeys(COLUMNS, "") | {name: " ".join(cell.split("\xa0")) for name, cell in zip(columns, cells) if name in COLUMNS}
        if not any(row.values()):
            continue
        email, name = _parted(row["email"])
        row |= {"email": email, "name": row["name"] or name}
        wrong, group, survey = checker.check(row, line)
        if wrong:
            errors.append((line, "; ".join(wrong)))
        else:
            invitees.append(Invitee(line, row["email"], row["name"], group, survey))
    if not invitees and not errors:
        raise ValidationError("The list has no rows below its header; add one row per person.")
    return InvitationList(invitees, errors, table.notes)


def text_of_list(data: bytes) -> tuple[str, tuple[str, ...]]:
    """A list as text that a person can mend in place, and what was guessed of it. What is no table raises ValidationError."""
    table = _table(data)
    try:
        return data.decode("utf-8-sig"), table.notes
    except UnicodeDecodeError:
        return plain_csv(table), table.notes


def _table(data: bytes) -> Spreadsheet:
    if len(data) > MOST_BYTES:
        raise ValidationError(f"The list is larger than {MOST_BYTES:,} bytes; split it.")
    try:
        return open_spreadsheet(data, "The list")
    except TableError as error:
        raise ValidationError(str(error)) from None


def _lines(table: Spreadsheet) -> Iterator[Line]:
    try:
        yield from table
    except TableError as error:
        raise ValidationError(str(error)) from None


class _Checker:
    """What one row must fit: the study's groups and surveys, free seats, and people who were invited before."""

    def __init__(self, study: Study):
        self.groups = list(study.reader_groups.filter(kind=ReaderGroup.Kind.HUMAN))
        self.surveys = {survey.code.lower(): survey for survey in Survey.objects.filter(survey_set__study=study)}
        contacts = ReaderContact.objects.filter(reader__study=study).exclude(email="").select_related("reader")
        self.known = {contact.email.lower(): contact.reader.code for contact in contacts}
        self.free = set(Seat.objects.of_study(study).free().values_list("survey", "group"))
        self.seen: dict[str, int] = {}
        self.taken: dict[tuple[int, int], int] = {}

    def check(self, row: dict, line: int) -> tuple[list[str], ReaderGroup | None, Survey | None]:
        wrong = self._email(row["email"], line)
        group = self._group(row["group"])
        if group is None:
            names = ", ".join(group.code for group in self.groups)
            wrong.append(
                f"group is {row['group']!r}, expected one of {names}"
                if row["group"]
                else f"group is empty, expected one of {names}"
            )
        survey = self.surveys.get(row["survey"].lower()) if row["survey"] else None
        if row["survey"] and survey is None:
            wrong.append(f"there is no survey {row['survey']!r}")
        if survey is not None and group is not None:
            wrong += self._seat(survey, group, line)
        return wrong, group, survey

    def _email(self, email: str, line: int) -> list[str]:
        if not email:
            return ["email is empty"]
        try:
            validate_email(email)
        except ValidationError:
            return [f"{email!r} is no e-mail address"]
        lowered = email.lower()
        if lowered in self.known:
            return [f"{email} was invited before, as {self.known[lowered]}"]
        if lowered in self.seen:
            return [f"the same address as line {self.seen[lowered]}"]
        self.seen[lowered] = line
        return []

    def _group(self, name: str) -> ReaderGroup | None:
        if not name:
            return self.groups[0] if len(self.groups) == 1 else None
        wanted = name.lower()
        return next(
            (row for row in self.groups if wanted in (row.code.lower(), row.singular.lower(), row.plural.lower())), None
        )

    def _seat(self, survey: Survey, group: ReaderGroup, line: int) -> list[str]:
        place = (survey.pk, group.pk)
        if place in self.taken:
            return [f"the seat at {survey} goes to line {self.taken[place]} already"]
        if place not in self.free:
            return [f"the seat of a {group.singular} at {survey} is not free"]
        self.taken[place] = line
        return []
