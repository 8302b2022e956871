"""Pictures without a manifest: what is guessed from folders, names and tables."""

import csv
import io
import zipfile
from dataclasses import replace

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from PIL import Image

from imagebank.services.drafting import showing
from imagebank.services.drafting.composing import compose
from imagebank.services.drafting.found import FILE_NAME, FOLDERS, look_into
from imagebank.services.drafting.guessing import guess, item_code, with_values
from imagebank.services.drafting.reading import CLASS_AND_NAME, Words, meant_by
from imagebank.services.manifest import read_manifest
from imagebank.services.sources import open_source

from .archives import ONE_VIEW, SKIN, fill, zipped
from .factories import encoded, jpeg_bytes


def drafted(folder, files, words=SKIN):
    found = look_into(fill(folder, files))
    return compose(found, guess(found, words), words)


def rows_of(draft) -> list[tuple]:
    return [tuple(row[c] for c in ("item", "class", "view", "split", "group", "path")) for row in csv.DictReader(io.StringIO(draft.text))]


@pytest.mark.parametrize(
    ("value", "code"),
    [("nf1", "NF1"), ("Neurofibromatosis Type 1", "NF1"), ("neurofibromatosis", "NF1"), ("Tuberous_Sclerosis", "TSC"),
     ("TSC", "TSC"), ("psoriasis", ""), ("", ""), ("t", ""), ("!!", "")],
)  # fmt: skip
def test_a_value_means_the_class_that_it_spells(value, code):
    assert meant_by(value, SKIN.classes) == code


def test_a_beginning_that_fits_two_classes_means_neither():
    assert meant_by("neuro", (("A", "Neurofibroma"), ("B", "Neurodermatitis"))) == ""


def test_folders_of_views_and_classes_pair_pictures_of_the_same_name(tmp_path):
    files = [f"{split}/{view}/{name}/p{number}.jpg" for split, view, name, number in
             [("train", "focused", "NF1", 1), ("train", "panoramic", "NF1", 1), ("test", "focused", "tuberous sclerosis", 2)]]  # fmt: skip
    draft = drafted(tmp_path, dict.fromkeys(files))
    assert rows_of(draft) == [
        ("p2", "TSC", "focused", "test", "", files[2]),
        ("p1", "NF1", "focused", "train", "", files[0]),
        ("p1", "NF1", "panoramic", "train", "", files[1]),
    ]
    assert draft.counts["NF1"] == {"focused": 1, "panoramic": 1}
    assert not draft.parsed.problems


def test_views_at_the_end_of_names_pair_what_stands_before(tmp_path):
    draft = drafted(tmp_path, dict.fromkeys(["NF1/a_focused.jpg", "NF1/a_panoramic.jpg", "TSC/b_focused.png"]))
    assert [row[:3] for row in rows_of(draft)] == [
        ("a", "NF1", "focused"), ("a", "NF1", "panoramic"), ("b", "TSC", "focused")
    ]  # fmt: skip


def test_names_that_come_again_in_another_class_are_told_apart_by_it(tmp_path):
    draft = drafted(tmp_path, dict.fromkeys(["NF1/1.jpg", "TSC/1.jpg"]), ONE_VIEW)
    assert [row[0] for row in rows_of(draft)] == ["NF1-1", "TSC-1"]


def test_a_published_table_is_read_under_its_own_columns(tmp_path):
    table = (
        "file,img_id,patient_id,diagnostic,age\nPAT_1_2_3.jpg,PAT_1_2_3,PAT_1,NF1,41\nPAT_1_2_4.jpg,PAT_1_2_4,PAT_1,NF1,41\n"
        "PAT_9_1_1.jpg,PAT_9_1_1,PAT_9,MEL,7\ngone.jpg,gone,PAT_8,TSC,3\n"
    )
    names = ["PAT_1_2_3", "PAT_1_2_4", "PAT_9_1_1", "unnamed"]
    draft = drafted(tmp_path, {"labels.csv": table, **{f"images/{name}.jpg": None for name in names}}, ONE_VIEW)
    assert rows_of(draft) == [
        ("PAT_1_2_3", "NF1", "photo", "", "PAT_1", "images/PAT_1_2_3.jpg"),
        ("PAT_1_2_4", "NF1", "photo", "", "PAT_1", "images/PAT_1_2_4.jpg"),
    ]
    assert (draft.left_out, draft.unnamed, draft.lost) == ((("MEL", 1),), 1, 1)
    assert [row["age"] for row in csv.DictReader(io.StringIO(draft.text))] == ["41", "41"]


def test_further_columns_are_left_where_nobody_wants_them(tmp_path):
    found = look_into(fill(tmp_path, {"t.csv": "image;dx;patient name\na;NF1;Somebody\n", "a.jpg": None}))
    reading = guess(found, ONE_VIEW)
    assert next(csv.DictReader(io.StringIO(compose(found, reading, ONE_VIEW).text)))["patient name"] == "Somebody"
    assert "Somebody" not in compose(found, replace(reading, keep=False), ONE_VIEW).text


def test_masks_go_with_the_picture_of_their_name(tmp_path):
    white = encoded(Image.new("L", (48, 36), 255), "PNG")
    files = {"NF1/a.jpg": None, "masks/a.png": white, "TSC/b.jpg": None, "TSC/b_segmentation.png": white, "TSC/c.jpg": None}
    draft = drafted(tmp_path, files, ONE_VIEW)
    masks = {row["item"]: row["mask"] for row in csv.DictReader(io.StringIO(draft.text))}
    assert masks == {"a": "masks/a.png", "b": "TSC/b_segmentation.png", "c": ""}


def test_a_test_column_of_yes_and_no_is_a_split(tmp_path):
    draft = drafted(tmp_path, {"t.csv": "image,dx,is_test\na,NF1,1\nb,TSC,0\n", "a.jpg": None, "b.jpg": None}, ONE_VIEW)
    assert [row[3] for row in rows_of(draft)] == ["test", "train"]


def test_a_name_that_fits_two_files_names_neither(tmp_path):
    table = "image,dx\na,NF1\nx/a.jpg,TSC\n"
    draft = drafted(tmp_path, {"t.csv": table, "x/a.jpg": None, "y/a.jpg": None}, ONE_VIEW)
    assert [(row[1], row[5]) for row in rows_of(draft)] == [("TSC", "x/a.jpg")]
    assert (draft.lost, draft.unnamed) == (1, 1)


def test_what_systems_leave_beside_pictures_is_no_picture(tmp_path):
    found = look_into(fill(tmp_path, {"NF1/a.jpg": None, "__MACOSX/NF1/._a.jpg": b"x", "NF1/.b.jpg": b"x"}))
    assert found.pictures == ("NF1/a.jpg",)


@pytest.mark.parametrize(
    ("files", "words", "sentence"),
    [
        ({"a.tif": b"x"}, SKIN, "has no picture: needed are files that end in .jpg, .jpeg, .png, .webp, .heic, .heif; found .tif"),
        ({"a.jpg": None, "b.jpg": None}, ONE_VIEW, "The class of each picture is needed"),
        ({"psoriasis/a.jpg": None, "eczema/b.jpg": None}, ONE_VIEW, 'No value of "folder 1" stands for a class of the study yet'),
        ({"NF1/a.jpg": None}, Words((), SKIN.views), "This study has no classes yet"),
        ({"NF1/a.jpg": None, "TSC/b.jpg": None}, SKIN, "The view of each picture is needed, and no column says it yet"),
    ],
)
def test_what_says_too_little_is_told_in_one_sentence(tmp_path, files, words, sentence):
    with pytest.raises(ValidationError) as refusal:
        drafted(tmp_path, files, words)
    assert len(refusal.value.messages) == 1
    assert sentence in refusal.value.messages[0]


def test_a_column_of_too_many_values_is_no_column_of_classes(tmp_path):
    files = dict.fromkeys([*(f"NF1/{number}.jpg" for number in range(61)), "TSC/x.jpg"])
    found = look_into(fill(tmp_path, files))
    reading = guess(found, ONE_VIEW)
    chosen = with_values(replace(reading, columns=reading.columns | {"class": FILE_NAME}), found.tables[0], ONE_VIEW)
    with pytest.raises(ValidationError, match="at most 60 different values; .*has 62"):
        compose(found, chosen, ONE_VIEW)


def test_what_is_not_read_is_told_in_a_sentence_each(tmp_path):
    files = {"x/a.jpg": None, "y/a.jpg": None, "t.csv": "image,dx\na.jpg,NF1\n", "t.xls": b"x", "scan.dcm": b"x", "IM1": b"x", "Thumbs.db": b"x"}
    assert look_into(fill(tmp_path, files)).unread == (
        "t.csv names pictures only as several of them are called (a.jpg). Write their paths there, with folders.",
        "1 spreadsheet is not read. Save as XLSX or CSV UTF-8, and upload again.",
        "Not read as pictures: 1 no ending, 1 .dcm. Read are JPEG, PNG, WebP and HEIC; save others (TIFF, GIF, DICOM) as PNG.",
    )


class UnsaidUTF8(zipfile.ZipInfo):
    """A member whose name is UTF-8 and does not say so, as some systems write it."""

    def _encodeFilenameFlags(self):
        return self.filename.encode(), self.flag_bits & ~0x800


def test_names_of_files_are_read_in_the_letters_in_which_they_were_written(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for member in (UnsaidUTF8("NF1/Häutchen.jpg"), "./TSC//ß.jpg"):
            archive.writestr(member, jpeg_bytes())
        archive.writestr("NF1/old.jpg", b"x")
    data = (tmp_path / "a.zip").read_bytes().replace(b"NF1/old.jpg", b"NF1/\x84ld.jpg")  # an old PC's letters
    (tmp_path / "a.zip").write_bytes(data)
    with open_source(tmp_path / "a.zip") as source:
        assert source.names() == ["NF1/Häutchen.jpg", "NF1/äld.jpg", "TSC/ß.jpg"]
        assert source.read("TSC/ß.jpg") == source.read("NF1/Häutchen.jpg")


def test_a_table_in_utf16_is_read_as_spreadsheets_write_it(tmp_path):
    table = "image\tdx\nä.jpg\tNF1\n".encode("utf-16")
    assert [row[:3] for row in rows_of(drafted(tmp_path, {"t.csv": table, "ä.jpg": None}, ONE_VIEW))] == [("ä.jpg", "NF1", "photo")]


def test_a_workbook_beside_the_pictures_is_read_like_a_table(tmp_path):
    book, out = Workbook(), io.BytesIO()
    book.active.append(["Datei", "dx", None])
    book.active.append(["ä.jpg", "NF1"])
    book.create_sheet("Notizen").append(["nichts"])
    book.save(out)
    files = {"t.xlsx": out.getvalue(), "ä.jpg": None}
    assert [row[:3] for row in rows_of(drafted(tmp_path, files, ONE_VIEW))] == [("ä", "NF1", "photo")]
    assert look_into(fill(tmp_path, files)).unread == ('t.xlsx has 2 sheets; the first, "Sheet", was read.',)


def test_an_encrypted_zip_is_refused_before_anything_is_asked(tmp_path):
    data = bytearray(zipped({"NF1/a.jpg": None}))
    data[data.find(b"PK\1\2") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    with open_source(tmp_path / "a.zip") as source, pytest.raises(ValidationError, match="1 encrypted file. Make the ZIP without a password"):
        look_into(source)


def test_a_damaged_table_is_told_and_the_folders_are_read(tmp_path):
    found = look_into(fill(tmp_path, {"bad.csv": b"image,dx\n\xff\x81\n", "other.csv": "a,b\n1,2\n", "NF1/a.jpg": None}))
    assert [table.name for table in found.tables] == [FOLDERS]
    assert "neither UTF-8 nor Windows-1252; line 2" in found.unread[0]
    assert found.unread[1] == "other.csv names no picture that is here."


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=12), min_size=1, max_size=6))
def test_no_table_breaks_the_drafting(tmp_path_factory, cells):
    folder = tmp_path_factory.mktemp("any")
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([["image", "dx"], *(["a", cell] for cell in cells)])
    found = look_into(fill(folder, {"t.csv": text.getvalue().encode("utf-8", "replace"), "NF1/a.jpg": None}))
    reading = guess(found, ONE_VIEW)
    for table in found.tables:
        assert all(item_code(row, path, reading, CLASS_AND_NAME) for row, path in zip(table.rows, table.paths))
        assert len(table.rows) == len(table.paths)


def test_a_zip_tells_of_the_ways_out_of_it_only_by_refusing_them(tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped({"NF1/a.jpg": None, "../NF1/b.jpg": None, "NF1\\c.jpg": None}))
    with open_source(tmp_path / "a.zip") as source:
        found = look_into(source)
        draft = compose(found, guess(found, ONE_VIEW), ONE_VIEW)
        assert [row.path for row in draft.parsed.rows] == ["NF1/a.jpg", "NF1/c.jpg"]
        assert source.read("NF1/c.jpg")


def test_a_drafted_manifest_is_read_as_itself_even_when_it_keeps_the_founding_studys_columns(tmp_path):
    found = look_into(fill(tmp_path, {"a.jpg": None, "about.csv": "filepath,image_name,diagnosis,tfrecord,is_test,kind\na.jpg,x,NF1,1,0,TSC\n"}))
    reading = replace(guess(found, ONE_VIEW, "about.csv"), columns={"class": "kind", "item": FILE_NAME}, classes={"TSC": "TSC"})
    assert [row.diagnosis for row in compose(found, reading, ONE_VIEW).parsed.rows] == ["TSC"], "what the person chose, not the column diagnosis"


def test_tables_that_would_fill_the_memory_are_left_unread(tmp_path, monkeypatch):
    monkeypatch.setattr("imagebank.services.drafting.found.MOST_CELLS", 6)
    table = "image,class\n" + "a.jpg,NF1\n" * 2
    found = look_into(fill(tmp_path, {"a.jpg": None, "1.csv": table, "2.csv": table}))
    assert [each.name for each in found.tables] == ["1.csv", FOLDERS]
    assert "more than 6 cells together" in found.unread[0], "the first table left room for one row"


def test_a_header_of_very_many_columns_is_refused_at_once(tmp_path):
    files = {"a.jpg": None, "wide.csv": ",".join(f"c{n}" for n in range(200_000)) + "\na.jpg\n"}
    assert "at most 2,000 are read" in look_into(fill(tmp_path, files)).unread[0]


def test_a_fold_of_thousands_of_digits_is_a_problem_of_its_row():
    parsed = read_manifest(
        b"item,class,view,path,fold\na,NF1,photo,a.jpg," + b"1" * 5000 + b"\n", name="m", classes=["NF1"], views=["photo"]
    )
    assert [problem.message for problem in parsed.problems] == [f'fold must be empty or a whole number from 0 to 99, not "{"1" * 20}".']


def test_how_many_files_a_zip_has_is_told_without_reading_their_list(tmp_path, monkeypatch):
    monkeypatch.setattr(showing, "QUICK_FILES", 1)
    path = tmp_path / "a.zip"
    path.write_bytes(zipped({"a.jpg": b"x", "b.jpg": b"x"}))
    monkeypatch.setattr(showing, "open_source", lambda *args, **named: pytest.fail("the list was read"))
    assert not showing.is_quick(path, "a.zip")


def test_long_tables_beside_few_pictures_are_no_quick_look(tmp_path, monkeypatch):
    path = tmp_path / "a.zip"
    path.write_bytes(zipped({"a.jpg": jpeg_bytes(), "t.csv": "image,dx\na,NF1\n"}))
    assert showing.is_quick(path, "a.zip")
    monkeypatch.setattr(showing, "QUICK_TABLE_BYTES", 10)
    assert not showing.is_quick(path, "a.zip")
