"""Sets are frozen under their hash, come out as they went in, and a hostile or damaged one is refused whole."""

import json
import zipfile

import pytest
from django.core.exceptions import ValidationError

from generative.core.setfiles import opened_set, read_set
from generative.models import ImageSet, Sample
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
        ({"set.json": None}, "set.json cannot be read"),
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


def test_a_zip_that_unpacks_to_more_than_the_limit_is_refused(study, tmp_path, monkeypatch):
    monkeypatch.setattr("generative.core.setfiles.MAX_ZIP_BYTES", 1 << 20)
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
    from generative.core.weights import file_sha256

    (tmp_path / "x").write_bytes(b"<svg onload='alert(1)'/>")
    with zipfile.ZipFile(set_files["sample"]) as archive:
        record = json.loads(archive.read("set.json"))
    del record["set_hash"]
    record["images"]["images/00002.png"] = file_sha256(tmp_path / "x")
    changes = {"set.json": json.dumps(record), "images/00002.png": (tmp_path / "x").read_bytes()}
    path = rewritten(set_files["sample"], tmp_path / "svg.zip", **changes)
    with pytest.raises(ValidationError, match="1 bad rows: line 4: .*not a readable"):
        add_set(study=study, path=path, title="Bad", condition="random")
    assert not ImageSet.objects.exists()
