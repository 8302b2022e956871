"""Importing manifests: what comes in, what is refused with its line, and what a second run does."""

import csv
import io
import zipfile
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imagebank.core.spreadsheets import INVISIBLE
from imagebank.models import ImportRun, Item, ItemImage, Provenance, Rendition, Truth
from imagebank.services import importing, sources
from imagebank.services.importing import import_manifest
from imagebank.services.manifest import ISIC_FOLDS, read_manifest
from imagebank.services.sources import UnreadableFile, safe_relative

from .factories import DiagnosisClassFactory, StudyFactory, encoded, jpeg_bytes

COLUMNS = ["item", "class", "view", "path", "split", "fold", "group", "mask", "source_url", "licence"]
COLUMNS += ["permission", "attribution", "nature", "site"]


@pytest.fixture
def study(db):
    study = StudyFactory()
    for code in ("NF1", "Other"):
        DiagnosisClassFactory(study=study, code=code)
    return study


def row(item, **given):
    return {"item": item, "class": "NF1", "view": "focused", "path": f"p/{item}.jpg", **given}


def manifest_text(rows, columns=COLUMNS) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_folder(folder: Path, rows, **files: bytes) -> Path:
    (folder / "p").mkdir(parents=True, exist_ok=True)
    for number, entry in enumerate(rows):
        if entry["path"].startswith("p/"):
            (folder / entry["path"]).write_bytes(jpeg_bytes(seed=number))
    for name, data in files.items():
        (folder / name.replace("__", ".")).write_bytes(data)
    (folder / "manifest.csv").write_text(manifest_text(rows))
    return folder


def whole_state():
    """Every row of the bank except the record of the import runs themselves."""
    return [list(model.objects.order_by("pk").values()) for model in (Item, Truth, ItemImage, Provenance, Rendition)]


def test_everything_of_the_manifest_arrives(study, tmp_path):
    folder = write_folder(
        tmp_path,
        [
            row("i1", split="train", fold=2, group="patient-1", mask="m.png", site="arm", licence="CC0",
                source_url="https://example.org/1", attribution="A. Name", permission="by mail",
                nature="drawn, not a photograph"),
            row("i1", view="panoramic", split="train", fold=2, group="patient-1", site="whole body",
                path="p/i1-wide.jpg"),
            row("i2", split="test"),
        ],
        m__png=encoded(Image.new("L", (48, 36), 255), "PNG"),
    )  # fmt: skip
    run = import_manifest(study=study, manifest_path=folder)
    assert (run.created, run.unchanged, run.rejected) == (3, 0, [])
    assert run.finished_at is not None
    item = study.items.get(code="i1")
    assert (item.split, item.fold, item.group, item.truth.diagnosis.code) == ("train", 2, "patient-1", "NF1")
    assert item.attributes == {"site": {"focused": "arm", "panoramic": "whole body"}}
    image = item.images.get(view="focused")
    assert image.mask
    origin = image.provenance
    assert (origin.original_name, origin.licence, origin.source_url) == ("p/i1.jpg", "CC0", "https://example.org/1")
    assert (origin.permission, origin.attribution, origin.nature) == ("by mail", "A. Name", "drawn, not a photograph")
    assert set(image.renditions.values_list("name", flat=True)) == {"reading", "thumbnail"}
    assert Image.open(image.file.open()).size == (48, 36)


def test_a_second_run_changes_nothing(study, tmp_path):
    folder = write_folder(tmp_path, [row(f"i{n}", split="test") for n in range(5)])
    import_manifest(study=study, manifest_path=folder)
    before, files = whole_state(), sorted((tmp_path / "media").rglob("*.*"))
    run = import_manifest(study=study, manifest_path=folder)
    assert (run.created, run.unchanged, run.rejected) == (0, 5, [])
    assert whole_state() == before
    assert sorted((tmp_path / "media").rglob("*.*")) == files


def test_every_bad_row_is_named_by_its_line_and_the_good_ones_come_in(study, tmp_path):
    rows = [
        row("i1"),
        row("i2", **{"class": "Unheard"}),
        row("i3", view="back"),
        row("i4", split="maybe"),
        row("i5", split="test", fold=1),
        row("i6", fold="-1"),
        row("i7", path="../secret.jpg"),
        row("i8", path="/etc/passwd"),
        row("i9", path="absent.jpg"),
        row("i1", path="p/again.jpg"),
        row("i10", path="broken.jpg"),
        row("i11", path="wrong.png"),
        row("", path="p/none.jpg"),
        row("i12"),
    ]
    (tmp_path.parent / "secret.jpg").write_bytes(jpeg_bytes())
    write_folder(tmp_path, rows, broken__jpg=jpeg_bytes(1)[:-100], wrong__png=jpeg_bytes(1))
    run = import_manifest(study=study, manifest_path=tmp_path)
    said = {entry["line"]: entry["message"] for entry in run.rejected}
    expected = {
        2: "Left out with line 11", 3: "class must be one of NF1, Other", 4: "view must be one of", 5: "split must",
        6: "no fold", 7: "fold must", 8: "inside the folder", 9: "inside the folder", 10: "is not there",
        11: "already has its focused picture in line 2", 12: "cut short", 13: "Rename it", 14: "item is empty",
    }  # fmt: skip
    assert {line: words in said.get(line, "") for line, words in expected.items()} == dict.fromkeys(expected, True)
    assert set(said) == set(expected)
    assert list(study.items.values_list("code", flat=True)) == ["i12"]


def test_an_item_comes_in_whole_or_not_at_all(study, tmp_path):
    write_folder(tmp_path, [row("i1"), row("i1", view="panoramic", path="cut.jpg")], cut__jpg=jpeg_bytes(3)[:300])
    run = import_manifest(study=study, manifest_path=tmp_path)
    assert run.created == 0
    assert [entry["line"] for entry in run.rejected] == [2, 3]
    assert not study.items.exists()
    assert not ItemImage.objects.exists()


def test_a_group_may_not_straddle_a_split_or_fold_within_a_manifest_or_against_the_bank(study, tmp_path):
    write_folder(tmp_path, [row("i1", split="train", fold=0, group="g"), row("i2", split="train", fold=1, group="g"),
                            row("i3", split="train", fold=0, group="h")])  # fmt: skip
    first = import_manifest(study=study, manifest_path=tmp_path)
    assert [entry["line"] for entry in first.rejected] == [2, 3]
    assert 'Group "g" must stay in one split and fold' in first.rejected[0]["message"]
    write_folder(tmp_path, [row("i4", split="test", group="h")])
    second = import_manifest(study=study, manifest_path=tmp_path)
    assert 'Group "h" is in the bank' in second.rejected[0]["message"]


def test_what_contradicts_the_bank_is_refused_and_changes_nothing(study, tmp_path):
    write_folder(tmp_path, [row("i1", split="train", fold=0)])
    import_manifest(study=study, manifest_path=tmp_path)
    before = whole_state()
    for change in ({"class": "Other"}, {"split": "test", "fold": ""}, {"fold": 3}, {"path": "other.jpg"}):
        write_folder(tmp_path, [row("i1", split="train", fold=0) | change], other__jpg=jpeg_bytes(99))
        run = import_manifest(study=study, manifest_path=tmp_path)
        assert "is in the bank with" in run.rejected[0]["message"]
    assert whole_state() == before


def test_a_zip_is_imported_like_a_folder_also_with_a_folder_on_top(study, tmp_path):
    path = tmp_path / "bank.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("bank/manifest.csv", "\ufeff" + manifest_text([row("i1", path="p\\a.jpg")]))
        archive.writestr("bank/p/a.jpg", jpeg_bytes(1))
    assert import_manifest(study=study, manifest_path=path).created == 1


def test_a_spreadsheets_semicolons_and_a_macs_accents_are_read(study, tmp_path):
    path = tmp_path / "kept-under-another-name.zip"
    text = manifest_text([row("i1", path="Müller, A.jpg"), row("i2", path="missing.jpg")]).replace('"', "").splitlines()
    with zipfile.ZipFile(path, "w") as archive:
        table = [line.split(",") for line in text]
        table[1] = [*table[1][:3], "Müller, A.jpg", *table[1][5:]]
        archive.writestr("manifest.csv", "\ufeff" + "\r\n".join(";".join(cells) for cells in table))
        archive.writestr("Mu\u0308ller, A.jpg", jpeg_bytes(1))
    run = import_manifest(study=study, manifest_path=path, name="Bilder.zip")
    assert (run.created, run.source, [entry["line"] for entry in run.rejected]) == (1, "Bilder.zip", [3])


def test_a_manifest_of_a_german_excel_is_read_and_the_guess_is_told(study, tmp_path):
    """Windows-1252, semicolons, Excel's own first line, empty columns and rows at the end, a blank that does not break."""
    text = "sep=;\r\nitem;class;view;path;licence;;\r\nGröße 1;NF1\xa0;focused;p/a.jpg;CC BY;;\r\n;;;;;;\r\n"
    folder = write_folder(tmp_path / "bank", [row("i1", path="p/a.jpg")])
    (folder / "manifest.csv").write_bytes(text.encode("cp1252"))
    run = import_manifest(study=study, manifest_path=folder)
    assert (run.created, run.rejected, Item.objects.get().code) == (1, [], "Größe 1")
    assert "read as Windows-1252" in run.notes[0]
    assert '"Größe"' in run.notes[0]


def test_a_hostile_zip_hurts_nobody(study, tmp_path, settings):
    settings.IMAGE_MAX_BYTES = 100_000
    path = tmp_path / "bank.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.csv", manifest_text([row("i1", path="../slip.jpg"), row("i2", path="bomb.jpg")]))
        archive.writestr("../slip.jpg", jpeg_bytes(1))
        archive.writestr("bomb.jpg", b"\x00" * 50_000_000)
    run = import_manifest(study=study, manifest_path=path)
    assert [entry["line"] for entry in run.rejected] == [2, 3]
    assert "at most 100,000" in run.rejected[1]["message"]
    assert not (tmp_path.parent / "slip.jpg").exists()


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_a_manifest_that_is_too_long_is_refused_and_not_half_read(study, tmp_path, monkeypatch, packed):
    text = manifest_text([row("i1"), row("i2")])
    monkeypatch.setattr(sources, "MANIFEST_MAX_BYTES", len(text.encode()) - 1)
    path = write_folder(tmp_path / "bank", [row("i1"), row("i2")])
    if packed:
        path = tmp_path / "bank.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("manifest.csv", text)
    with pytest.raises(ValidationError, match="at most .* bytes; it has more"):
        import_manifest(study=study, manifest_path=path)
    assert not ImportRun.objects.exists()


def test_links_out_of_the_folder_are_not_followed(study, tmp_path):
    outside = tmp_path / "outside.jpg"
    outside.write_bytes(jpeg_bytes(1))
    folder = write_folder(tmp_path / "bank", [row("i1", path="link.jpg")])
    (folder / "link.jpg").symlink_to(outside)
    run = import_manifest(study=study, manifest_path=folder)
    assert "leads out of the folder" in run.rejected[0]["message"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("item,class,path\n", "view is missing"),
        ("", "needs the columns"),
        ("item,item,class,view,path\n", "names the column item more than once"),
        ("item,class,view,path\nü\n".encode() + b"\xff", "UTF-8, but line 3"),
        ("item,class;view,path;split\n", "as many commas as semicolons"),
    ],
)
def test_an_unreadable_manifest_changes_nothing(study, tmp_path, text, says):
    (tmp_path / "manifest.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValidationError, match=says):
        import_manifest(study=study, manifest_path=tmp_path)
    assert not ImportRun.objects.exists()


def test_a_cancelled_import_keeps_whole_chunks_and_goes_on_when_run_again(study, tmp_path, monkeypatch):
    monkeypatch.setattr(importing, "ROWS_PER_CHUNK", 2)
    folder = write_folder(tmp_path, [row(f"i{n}") for n in range(6)])
    seen = []
    run = import_manifest(
        study=study,
        manifest_path=folder,
        progress=lambda done, total: seen.append((done, total)),
        cancelled=lambda: len(seen) == 2,
    )
    assert (run.created, run.finished_at, seen) == (4, None, [(2, 6), (4, 6)])
    again = import_manifest(study=study, manifest_path=folder)
    assert (again.created, again.unchanged) == (2, 4)


def test_an_import_that_dies_while_writing_leaves_no_half_item(study, tmp_path, monkeypatch):
    folder = write_folder(tmp_path, [row("i1")])
    monkeypatch.setattr(Rendition.objects, "bulk_create", lambda rows: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        import_manifest(study=study, manifest_path=folder)
    assert not study.items.exists()
    monkeypatch.undo()
    assert import_manifest(study=study, manifest_path=folder).created == 1


def test_the_authors_csv_gives_their_folds_and_the_other_class(study, tmp_path):
    """Fold rule of the published split files: tfrecord % 15 in {8,5,11}: 0, {7,0,6}: 1, {10,12,13}: 2, {9,1,3}: 3."""
    lines = ["image_name,filepath,patient_id,sex,diagnosis,target,tfrecord,is_test,width,height"]
    for number, (record, test) in enumerate([(8, 0), (15, 0), (27, 0), (1, 0), (14, 0), (8, 1)]):
        lines.append(f"a{number},a{number}.jpg,same,f,{'EverythingElse' if number else 'NF1'},1,{record},{test},48,36")
        (tmp_path / f"a{number}.jpg").write_bytes(jpeg_bytes(number))
    (tmp_path / "train_focused.csv").write_text("\n".join(lines))
    run = import_manifest(study=study, manifest_path=tmp_path / "train_focused.csv")
    assert run.rejected == []
    items = list(study.items.order_by("code"))
    assert [item.fold for item in items] == [0, 1, 2, 3, 4, None]
    assert [item.split for item in items] == ["train"] * 5 + ["test"]
    assert [item.truth.diagnosis.code for item in items] == ["NF1"] + ["Other"] * 5
    assert items[0].attributes["sex"] == "f"
    assert {image.view for image in ItemImage.objects.all()} == {"focused"}


def test_the_published_fold_rule_covers_every_remainder_once():
    assert sorted(ISIC_FOLDS) == list(range(15))
    assert sorted(ISIC_FOLDS.values()) == sorted(list(range(5)) * 3)


def test_the_authors_csv_needs_to_know_its_view(study, tmp_path):
    (tmp_path / "split.csv").write_text("image_name,diagnosis,tfrecord,is_test\n")
    with pytest.raises(ValidationError, match="do not say the view"):
        import_manifest(study=study, manifest_path=tmp_path / "split.csv")


def test_the_command_prints_bad_rows_and_exits_1_or_2(study, tmp_path, capsys):
    write_folder(tmp_path, [row("i1"), row("i2", split="maybe")])
    with pytest.raises(SystemExit) as failed:
        call_command("import_manifest", study.slug, str(tmp_path))
    assert failed.value.code == 1
    printed = capsys.readouterr()
    assert "line 3: split must be" in printed.err
    assert "1 new, 0 unchanged, 1 rejected" in printed.out
    with pytest.raises(CommandError, match="There is no study") as wrong:
        call_command("import_manifest", "nowhere", str(tmp_path))
    assert wrong.value.returncode == 2


CELLS = st.sampled_from(["", "i1", "i2", "NF1", "focused", "train", "test", "0", "7", "../x", "a.jpg", '"', "é\n"])


@settings(max_examples=80, deadline=None)
@given(rows=st.lists(st.lists(CELLS, min_size=5, max_size=9), max_size=12))
def test_every_row_of_any_manifest_is_either_read_or_reported_once(rows):
    """Rows without any content, as spreadsheets leave them at the end, are none."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([["item", "class", "view", "path", "split", "fold", "group"], *rows])
    parsed = read_manifest(text.getvalue().encode(), name="m.csv", classes=["NF1"], views=["focused"])
    lines = [entry.line for entry in parsed.rows] + [problem.line for problem in parsed.problems]
    filled = [cells for cells in rows if any(cell.strip().strip(INVISIBLE).strip() for cell in cells)]
    assert len(lines) == len(set(lines)) == len(filled)
    assert not {entry.item for entry in parsed.rows} & {""}
    placements = {}
    for entry in parsed.rows:
        assert placements.setdefault(entry.group or entry, entry.placement) == entry.placement


@settings(max_examples=100, deadline=None)
@given(path=st.text(alphabet="ab./\\: ~\x00", max_size=12))
def test_no_path_leads_out_of_its_folder(path):
    try:
        relative = safe_relative(path)
    except UnreadableFile:
        return
    root = Path("/base")
    assert Path("/base", relative).resolve().is_relative_to(root)
