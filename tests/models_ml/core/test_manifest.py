import random
import shutil
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_ml.core.errors import CoreError
from models_ml.core.pictures.folds import check_trainable, relatives, split, stratified_folds, with_folds
from models_ml.core.pictures.manifest import LabelSpace, read_manifest
from tests.models_ml.core.drawn import write_rows


def test_manifest_is_read_with_paths_relative_to_itself(bank):
    manifest = read_manifest(bank, view="focused")
    assert len(manifest.train) == 30
    assert len(manifest.test) == 12
    assert all(item.path.is_file() and item.mask.is_file() for item in manifest.items)


def test_a_written_manifest_can_be_moved_together_with_the_pictures_in_its_folder(bank, tmp_path):
    here = shutil.copytree(bank.parent, tmp_path / "here")
    read_manifest(here / bank.name).write(here / "folds.csv")
    there = here.rename(tmp_path / "there")
    items = read_manifest(there / "folds.csv").items
    assert {item.path.parents[1] for item in items} == {item.mask.parents[1] for item in items} == {there}
    read_manifest(there / "folds.csv").write(tmp_path / "elsewhere" / "folds.csv")
    assert [item.path for item in read_manifest(tmp_path / "elsewhere" / "folds.csv").items] == [item.path for item in items]


def test_all_bad_rows_are_reported_at_once_each_with_its_line(bank, tmp_path):
    picture = str(read_manifest(bank).items[0].path)
    rows = [
        {"item": "a", "class": "X", "view": "v", "path": picture, "split": "train", "fold": "0"},
        {"item": "a", "class": "X", "view": "v", "path": picture, "split": "train", "fold": "0"},
        {"item": "b", "class": "X", "view": "v", "path": "gone.png", "split": "train", "fold": "0"},
        {"item": "c", "class": "X", "view": "v", "path": picture, "split": "valid", "fold": "0"},
        {"item": "d", "class": "", "view": "v", "path": picture, "split": "train", "fold": "x"},
        {"item": "e", "class": "Y", "view": "v", "path": picture, "split": "test", "fold": "1"},
    ]
    write_rows(tmp_path / "m.csv", rows)
    with pytest.raises(CoreError) as caught:
        read_manifest(tmp_path / "m.csv")
    text = str(caught.value)
    for words in ("line 3: item 'a'", "line 4, item 'b': there is no picture", "line 5: split must be", "line 6: a training",
                  "line 7: a test picture belongs to no fold"):  # fmt: skip
        assert words in text


def test_missing_columns_are_named(tmp_path):
    (tmp_path / "m.csv").write_text("item,label\na,b\n")
    with pytest.raises(CoreError, match="needs the columns item, class, view, path"):
        read_manifest(tmp_path / "m.csv")


RULE = {0: {8, 5, 11}, 1: {7, 0, 6}, 2: {10, 12, 13}, 3: {9, 1, 3}, 4: {14, 2, 4}}


def test_a_split_file_in_the_authors_shape_gives_the_folds_of_their_rule(tmp_path):
    """1,032 training rows and 20 test rows of each of seven classes, record numbers drawn from 0 to 59."""
    rng, rows = random.Random(5), []
    names = ["HMI", "IP", "MA", "ML", "NF1", "Other", "TSC"]
    for k in range(1032):
        record = rng.randrange(60)
        rows.append({"image_name": f"i{k}", "filepath": f"i{k}.jpg", "patient_id": -1, "diagnosis": names[k % 7],
                     "target": 99, "tfrecord": record, "is_test": 0})  # fmt: skip
    for k in range(140):
        rows.append({"image_name": f"t{k}", "filepath": f"t{k}.jpg", "patient_id": -1, "diagnosis": names[k % 7],
                     "target": 99, "tfrecord": -2, "is_test": 1})  # fmt: skip
    write_rows(tmp_path / "train.csv", rows)
    manifest = read_manifest(tmp_path / "train.csv", check_files=False)
    for row, item in zip(rows, manifest.items):
        if row["is_test"]:
            assert (item.split, item.fold) == ("test", None)
        else:
            assert row["tfrecord"] % 15 in RULE[item.fold]
            assert item.group == ""
    assert Counter(i.label for i in manifest.test.items) == dict.fromkeys(names, 20)
    assert len(manifest.train) == 1032
    assert with_folds(manifest, folds=5, source="auto", seed=0) == manifest


def test_classes_are_numbered_in_case_sensitive_alphabetical_order():
    labels = LabelSpace.of(["nevus", "AK", "TSC", "unknown", "NF1", "Other"], auxiliary=("AK", "nevus", "unknown"))
    assert labels.names == ("AK", "NF1", "Other", "TSC", "nevus", "unknown")
    assert labels.own == ("NF1", "Other", "TSC")
    assert labels.own_indices == (1, 2, 3)


@settings(max_examples=40, deadline=None)
@given(
    data=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40)), min_size=30, max_size=90),
    folds=st.integers(2, 5),
    seed=st.integers(0, 9),
)
def test_families_never_straddle_folds(data, folds, seed):
    labels, groups = zip(*data)
    families = relatives(len(data), [str(g) for g in groups])
    drawn = stratified_folds(labels, families, folds=folds, seed=seed)
    of_group = {}
    for group, fold in zip(groups, drawn):
        assert of_group.setdefault(group, fold) == fold
    assert drawn == stratified_folds(labels, families, folds=folds, seed=seed)


@settings(max_examples=30, deadline=None)
@given(counts=st.lists(st.integers(5, 60), min_size=2, max_size=5), folds=st.integers(2, 5), seed=st.integers(0, 99))
def test_without_groups_every_class_is_spread_to_one(counts, folds, seed):
    labels = [str(c) for c, n in enumerate(counts) for _ in range(n)]
    drawn = stratified_folds(labels, list(range(len(labels))), folds=folds, seed=seed)
    for c in range(len(counts)):
        sizes = Counter(f for label, f in zip(labels, drawn) if label == str(c))
        assert max(sizes.values()) - min(sizes.get(f, 0) for f in range(folds)) <= 1


def test_pairs_join_groups_into_one_family():
    families = relatives(5, ["a", "a", "b", "", ""], pairs=[(1, 2), (3, 4)])
    assert families[0] == families[1] == families[2]
    assert families[3] == families[4] != families[0]


def test_a_group_on_both_sides_of_the_split_is_refused(bank):
    from dataclasses import replace

    manifest = read_manifest(bank)
    items = tuple(replace(i, group="p1") if i.id in ("HMI-0", "HMI-12") else i for i in manifest.items)
    with pytest.raises(CoreError, match="'HMI-0' .* is a relative of a test picture"):
        split(replace(manifest, items=items), folds=2)


def _with(bank, change):
    from dataclasses import replace

    manifest = with_folds(read_manifest(bank), folds=2, source="grouped", seed=0)
    return replace(manifest, items=tuple(change(i) for i in manifest.items if change(i)))


def test_a_class_with_one_picture_is_refused(bank):
    manifest = _with(bank, lambda i: i if i.label != "IP" or i.id == "IP-0" else None)
    with pytest.raises(CoreError, match="Class 'IP' has 1 training picture"):
        check_trainable(manifest, ("HMI", "IP", "MA"), [0])


def test_a_fold_without_a_class_is_refused(bank):
    from dataclasses import replace

    manifest = _with(bank, lambda i: replace(i, fold=0) if i.label == "IP" and i.split == "train" else i)
    with pytest.raises(CoreError, match="Fold 0 holds out all 10 pictures of class 'IP'"):
        check_trainable(manifest, ("HMI", "IP", "MA"), [0])
    with pytest.raises(CoreError, match="Fold 1 holds out no picture of class 'IP'"):
        check_trainable(manifest, ("HMI", "IP", "MA"), [1])
    with pytest.raises(CoreError, match="Fold 7 has no pictures"):
        check_trainable(manifest, ("HMI",), [7])
