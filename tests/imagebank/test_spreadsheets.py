"""Tables that mean harm, or mean two things: refused in a sentence, at once, and with nothing run."""

import io
import zipfile
from datetime import date

import pytest
from openpyxl import Workbook

from imagebank.core.spreadsheets import LONGEST_LINE, TableError, TornRow, decimal_points, open_spreadsheet

SHEET = "xl/worksheets/sheet1.xml"


def workbook(*rows, change=None, name=SHEET) -> bytes:
    """An XLSX of these rows; change: what becomes of the bytes of one member."""
    book, out = Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(out)
    if change is None:
        return out.getvalue()
    changed = io.BytesIO()
    with zipfile.ZipFile(out) as before, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as after:
        for member in before.namelist():
            data = before.read(member)
            after.writestr(member, change(data) if member == name else data)
    return changed.getvalue()


def zipped(*names) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return out.getvalue()


HARMFUL = {
    "a million columns": (lambda: b"a," * 10**6, "columns; at most 2,000 are read"),
    "a row without end": (lambda: b"a,b\n" + b"," * (LONGEST_LINE + 1), "row of more than 4,194,304 characters"),
    "a picture": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, "neither UTF-8 nor Windows-1252; line 4"),
    "zeros": (lambda: bytes(5000), "no table at all"),
    "UTF-16 cut in two": (lambda: "item,class\nä,b\n".encode("utf-16")[:-1], "should be UTF-16, as its first bytes say"),
    "an old workbook": (lambda: b"\xd0\xcf\x11\xe0" + bytes(600), "a password or of Excel before 2007"),
    "OpenDocument": (lambda: zipped("mimetype", "content.xml"), "an OpenDocument sheet. Save the sheet as CSV UTF-8 or as XLSX"),
    "a ZIP of pictures": (lambda: zipped("a.jpg"), "a ZIP, but no workbook"),
    "entities": (
        lambda: workbook(["item"], ["a"], change=lambda xml: xml.replace(b"<worksheet", b'<!DOCTYPE x [<!ENTITY a "aaa">]><worksheet', 1)),
        "declares entities",
    ),
    "a bomb": (
        lambda: workbook(["item"], ["a"], change=lambda xml: xml.replace(b"<sheetData>", b"<sheetData>" + b" " * (25 * 2**20))),
        "unpacks to more than 24 MiB",
    ),
    "a row far below": (
        lambda: workbook(["item"], ["a"], change=lambda xml: xml.replace(b'<row r="2"', b'<row r="99999999999"')),
        "numbers a row beyond 1,048,576",
    ),
    "formulas never computed": (lambda: workbook(["item"], ["=1+1"]), "holds formulas without results"),
    "a sheet that is none": (lambda: workbook(["item"], change=lambda xml: xml[: len(xml) // 2]), "a workbook that cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("name", HARMFUL)
def test_a_harmful_table_is_refused_in_a_sentence(name):
    data, sentence = HARMFUL[name]
    with pytest.raises(TableError, match=sentence) as refusal:
        list(open_spreadsheet(data(), "t"))
    assert "\n" not in str(refusal.value)


def test_cells_of_a_workbook_are_what_a_csv_of_it_would_say():
    data = workbook(["item", "n", "day", "half", "yes", None], [" =not run", 3.0, date(2026, 1, 2), 0.5, True], [None], ["b"])
    assert [tuple(line) for line in open_spreadsheet(data, "t")] == [
        (2, ["=not run", "3", "2026-01-02", "0.5", "TRUE"]), (4, ["b", "", "", "", ""]),
    ]  # fmt: skip


def test_a_row_that_is_torn_is_told_by_its_line_and_those_below_it_are_read():
    table = open_spreadsheet(b'a;b\n1;2\n"x"y;3\n\n4;"5\n6"\n7;8\n', "t")
    assert next(table) == (2, ["1", "2"])
    with pytest.raises(TornRow, match="line 3"):
        next(table)
    assert list(table) == [(5, ["4", "5\n6"]), (7, ["7", "8"])]


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["0,5", "", "12"], ["0.5", "", "12"]), (["0,125"], ["0.125"]), (["-1,5e3"], ["-1.5e3"]), (["1234,567"], ["1234.567"]),
        (["0,5", "sure"], ["0,5", "sure"]), (["0,5", "0.5"], ["0,5", "0.5"]), (["1,2,3"], ["1,2,3"]), (["T1", "T2"], ["T1", "T2"]),
    ],
)  # fmt: skip
def test_decimal_commas_become_points_only_in_a_column_of_numbers(cells, numbers):
    assert decimal_points(cells, name="t", column="c") == numbers


def test_commas_that_may_stand_between_thousands_are_refused():
    with pytest.raises(TableError, match='"1,234" in the column c, which may mean 1.234 or 1234'):
        decimal_points(["1,234", "12"], name="t", column="c")
    assert decimal_points(["1,234", "0,5"], name="t", column="c") == ["1.234", "0.5"], "another cell settles it"


WORDS = [
    "für Mädchen", "Größe", "Übergröße,Füße", "café", "très bien", "Málaga", "garçon", "Ångström,være", "crème brûlée", "forêt",
    "naïve,à bientôt", "Señor,mañana,camión,Bogotá y Málaga", "coração,mãe",
]  # fmt: skip


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("encoding", ["cp1252", "mac_roman"])
def test_words_are_read_as_they_were_written_on_either_system(words, encoding):
    table = open_spreadsheet(f"item,{words}\r\n".encode(encoding), "t")
    assert ",".join(table.header[1:]) == words
    assert ("Mac Roman" in table.notes[0]) == (encoding == "mac_roman")


@pytest.mark.parametrize("words", ["Dušan", "sœur", "A–B", "l’eau", "Name†", "Name‡", "und…so", "ÄRZTE", "5 €", "Œuvre", "±5 µm", "ŠKODA", "³"])
def test_where_windows_may_be_meant_it_is(words):
    table = open_spreadsheet(f"item,{words}\n".encode("cp1252"), "t")
    assert table.header[1] == words
    assert "Windows-1252" in table.notes[0]
