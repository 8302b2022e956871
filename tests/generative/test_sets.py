"""Sets are frozen under their hash, come out as they went in, and a hostile or damaged one is refused whole."""

import hashlib
import io
import json
import zipfile

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from PIL import Image

from generative.core.data import load_picture
from generative.core.sets.setfiles import opened_set, read_set
from generative.models import ImageSet, Sample
from generative.services.publishing import pixels, publish_set
from generative.services.sets import add_set, write_set_zip

pytestmark = pytest.mark.django_db


def rewritten(source, target, **changes):
    """A copy of a ZIP in which some members are replaced (None: left out) or added."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in changes:
                new.writestr(name, old.read(name))
        for name, data in changes.items():
            if data is not None:
                new.writestr(name, data)
    return target


def test_a_set_is_frozen_once_and_comes_out_as_it_went_in(study, generator, set_files, tmp_path):
    row = add_set(study=study, path=set_files["morph"], title="", condition="random")
    assert add_set(study=study, path=set_files["morph"], title="again", condition="curated") == row
    assert (row.kind, row.condition, row.state, row.generator) == ("morph", "random", "draft", generator)
    samples = list(row.samples.all())
    assert len(samples) == 8
    assert samples[1].label == {"early": 0.7, "late": 0.3}
    assert [s.position for s in samples[:4]] == [0.0, 0.3, 0.7, 1.0]
    for name in ("out.zip", "again.zip"):
        with open(tmp_path / name, "wb") as out:
            write_set_zip(image_set=row, out=out)
    with opened_set(tmp_path / "out.zip") as folder:
        assert read_set(folder)["set_hash"] == row.set_hash
    assert (tmp_path / "out.zip").read_bytes() == (tmp_path / "again.zip").read_bytes()


def test_any_generators_zip_is_taken_without_a_hash_of_its_own(study, set_files, tmp_path):
    with zipfile.ZipFile(set_files["sample"]) as archive:
        record = json.loads(archive.read("set.json"))
    del record["set_hash"]
    record |= {"generator": {"name": "Somebody's diffusion", "licence": "CC-BY-4.0"}, "plan": {"steps": 50}}
    path = rewritten(set_files["sample"], tmp_path / "foreign.zip", **{"set.json": json.dumps(record)})
    row = add_set(study=study, path=path, title="Foreign", condition="curated")
    assert (row.made_by, row.generator, row.licence) == ("Somebody's diffusion", None, "CC-BY-4.0")
    assert len(row.set_hash) == 64


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"images/00001.png": b"other"}, "differs from its set.json in images/00001.png"),
        ({"manifest.csv": "item,class,path\nx,early,images/00000.png\n"}, "manifest.csv; it is not the frozen set"),
        ({"set.json": None, "manifest.csv": None}, "neither set.json nor manifest.csv"),
        ({"set.json": None, "images/00001.png": None}, "it has no picture images/00001.png"),
        ({"set.json": None, "manifest.csv": "item,class,path\nx,early,../../etc/passwd\n"}, "it has no picture ../../etc/passwd"),
        ({"set.json": None, "manifest.csv": "item,class,path\n"}, "it has no row"),
        ({"set.json": None, "manifest.csv": "item,class\nx,early\n"}, "needs the columns item, class, path; it lacks path"),
        ({"set.json": None, "manifest.csv": b"\xff\xfe"}, "cannot be read as UTF-8 CSV"),
        ({"set.json": "{"}, "set.json cannot be read"),
        ({"set.json": '{"schema": "image-set/1"}'}, "lacks kind, generator"),
        ({"set.json": "[" * 5000}, "set.json cannot be read"),
        ({"../../outside.txt": "x"}, "lies outside the set"),
        ({"/etc/outside.txt": "x"}, "lies outside the set"),
    ],
)
def test_damaged_and_hostile_sets_are_refused_whole(study, set_files, tmp_path, changes, found):
    path = rewritten(set_files["sample"], tmp_path / "bad.zip", **changes)
    with pytest.raises(ValidationError) as refusal:
        add_set(study=study, path=path, title="Bad", condition="random")
    sentence = " ".join(refusal.value.messages)
    assert found in sentence
    assert "bad.zip" in sentence
    assert str(tmp_path) not in sentence
    assert not ImageSet.objects.exists()
    assert not Sample.objects.exists()


@pytest.mark.parametrize("kind", ["sample", "morph", "mix"])
def test_a_manifest_and_pictures_are_a_set_frozen_as_they_come(study, set_files, tmp_path, kind):
    """Any generator's ZIP: what another program writes seldom has a set.json."""
    bare = rewritten(set_files[kind], tmp_path / "bare.zip", **{"set.json": None})
    row = add_set(study=study, path=bare, title="", condition="curated")
    assert (row.kind, row.generator, row.made_by) == (kind, None, "unnamed generator")
    assert row.samples.count() == ImageSet.objects.get().samples.count() > 0
    assert add_set(study=study, path=bare, title="again", condition="random") == row, "the same pictures are the same set"
    with (tmp_path / "back.zip").open("wb") as file:
        write_set_zip(image_set=row, out=file)
    with opened_set(tmp_path / "back.zip") as folder:
        assert read_set(folder)["set_hash"] == row.set_hash, "it leaves with the set.json that freezes it"
    with opened_set(bare) as folder:
        assert not (folder / "set.json").exists(), "nothing is written into what was given"


def test_a_manifest_may_name_its_maker_and_its_licence(study, set_files, tmp_path):
    with zipfile.ZipFile(set_files["sample"]) as archive:
        lines = archive.read("manifest.csv").decode().splitlines()
    told = "\n".join([f"{lines[0]},generator,licence", *(f"{line},A diffusion,CC-BY-4.0" for line in lines[1:])]) + "\n"
    path = rewritten(set_files["sample"], tmp_path / "told.zip", **{"set.json": None, "manifest.csv": told})
    row = add_set(study=study, path=path, title="", condition="random")
    assert (row.made_by, row.licence) == ("A diffusion", "CC-BY-4.0")


def test_a_zip_that_unpacks_to_more_than_the_limit_is_refused(study, tmp_path, monkeypatch):
    monkeypatch.setattr("generative.core.sets.setfiles.MAX_ZIP_BYTES", 1 << 20)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("set.json", b"\0" * (2 << 20))
    with pytest.raises(ValidationError, match="too large"):
        add_set(study=study, path=path, title="Bomb", condition="random")
    path.write_bytes(b"no zip at all")
    with pytest.raises(ValidationError, match=r"bomb.zip is neither a set folder nor a ZIP"):
        add_set(study=study, path=path, title="Bomb", condition="random")


def test_a_disguised_file_is_no_picture(study, set_files, tmp_path):
    """The hashes fit, the content does not."""
    from generative.core.networks.weights import file_sha256

    (tmp_path / "x").write_bytes(b"<svg onload='alert(1)'/>")
    with zipfile.ZipFile(set_files["sample"]) as archive:
        record = json.loads(archive.read("set.json"))
    del record["set_hash"]
    record["images"]["images/00002.png"] = file_sha256(tmp_path / "x")
    changes = {"set.json": json.dumps(record), "images/00002.png": (tmp_path / "x").read_bytes()}
    path = rewritten(set_files["sample"], tmp_path / "svg.zip", **changes)
    with pytest.raises(ValidationError, match="1 bad row: line 4: .*not a readable"):
        add_set(study=study, path=path, title="Bad", condition="random")
    assert not ImageSet.objects.exists()


def packed(target, rows, *, kind="sample", header="item,class,path", within=""):
    """A foreign generator's ZIP whose hashes fit: rows of (cells, picture bytes); `within` a folder."""
    manifest = "\n".join([header, *(cells for cells, _ in rows)]) + "\n"
    files = {cells.split(",")[2]: data for cells, data in rows}
    record = {
        "schema": "image-set/1", "kind": kind, "generator": {"name": "X", "licence": "own"}, "plan": {},
        "manifest_sha256": hashlib.sha256(manifest.encode()).hexdigest(),
        "images": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }  # fmt: skip
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in {"manifest.csv": manifest, "set.json": json.dumps(record), **files}.items():
            archive.writestr(within + name, data)
    return target


def png(width=16, height=16, shade=90, mode="RGB"):
    buffer = io.BytesIO()
    colour = {"RGB": (shade, 40, 60), "I;16": shade * 256, "RGBA": (shade, 40, 60, 0)}[mode]
    Image.new(mode, (width, height), colour).save(buffer, "PNG")
    return buffer.getvalue()


POSED = "item,class,path,seed,position"


@pytest.mark.parametrize(
    ("rows", "options", "found"),
    [
        ([("a,late,1.png", png()), ("a,late,2.png", png(shade=91))], {}, "Every item stands once .* a stands twice"),
        ([("a,late,1.png", png()), ("b,late,1.png", png())], {}, "Every path stands once"),
        ([("x" * 121 + ",late,1.png", png())], {}, "at most 120 characters"),
        ([("a,late,1.png", png(4, 4))], {}, "has 4 x 4 px; 8 on each side"),
        ([("a,late,1.png,late=.5", png())], {"header": "item,class,path,label"}, "must read like early:0.75"),
        ([("a,late,1.png,late:nan", png())], {"header": "item,class,path,label"}, "shares from 0 to 1"),
        ([("a,late,1.png,1,inf", png())], {"header": POSED}, "position must be a number from 0"),
        ([("a,late,1.png", png()), ("b,late,2.png", png(shade=91))], {"kind": "morph"}, "2 of 2 lack one"),
        ([("a,late,1.png,7,0", png()), ("b,late,2.png,7,0", png(shade=91))], {"kind": "morph", "header": POSED},
         "strip of seed 7 has more than one frame at position 0"),
        ([("a,late,1.png,7,0", png()), ("b,late,2.png,7,1", png(32, 32))], {"kind": "morph", "header": POSED},
         "found 16 x 16 and 32 x 32 px"),
    ],
)  # fmt: skip
def test_rows_that_hang_together_badly_are_refused_in_a_sentence(study, tmp_path, rows, options, found):
    with pytest.raises(ValidationError, match=found) as refusal:
        add_set(study=study, path=packed(tmp_path / "odd.zip", rows, **options), title="Odd", condition="random")
    assert not refusal.value.messages[0].endswith("..")
    assert not ImageSet.objects.exists()


def test_a_folder_packed_whole_is_the_set_in_it(study, tmp_path):
    path = packed(tmp_path / "set.zip", [("a,late,1.png", png())], within="my set/")
    assert add_set(study=study, path=path, title="Packed", condition="random").samples.count() == 1


def test_what_is_published_is_what_was_searched_for_copies_whatever_form_the_file_takes(study, tmp_path):
    """16-bit greys keep their upper byte, and transparent parts are white, in the core as in the study."""
    rows = [("deep,late,1.png", png(mode="I;16")), ("clear,late,2.png", png(mode="RGBA")), ("wide,late,3.png", png(40, 16))]
    image_set = add_set(study=study, path=packed(tmp_path / "set.zip", rows), title="Forms", condition="random")
    shown = [pixels(sample) for sample in image_set.samples.all()]
    assert [picture[0, 0].tolist() for picture in shown] == [[90, 90, 90], [255, 255, 255], [90, 40, 60]]
    searched = [load_picture(sample.file.path, 16) for sample in image_set.samples.all()[:2]]
    assert all((core.transpose(1, 2, 0) == web).all() for core, web in zip(searched, shown))
    done = publish_set(image_set=image_set, view="focused", unaudited_reason="drawn")
    assert done.items.count() == 5  # and two catches, also of a picture that is not square


def test_classes_that_the_study_lacks_are_said_before_and_after(study, tmp_path, capsys, as_role):
    path = packed(tmp_path / "set.zip", [("a,Lates,1.png", png()), ("b,late,2.png", png(shade=91))])
    image_set = add_set(study=study, path=path, title="Names", condition="random")
    warning = "Lates: no class of Stages, which has early, intermediate, late"
    page = as_role("engineer").get(f"/studies/stages/generated/sets/{image_set.public_id}/publish/").content.decode()
    assert warning in page
    call_command("publish_set", "stages", image_set.set_hash[:8], "--view", "focused", "--without-audit", "drawn")
    assert warning in capsys.readouterr().out
