"""Splits and folds, reviews of the diagnosis, exclusion."""

from collections import Counter, defaultdict

import pytest
from django.core.exceptions import ValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagebank.models import Item, ReviewState
from imagebank.services.exclusion import exclude_item, include_item
from imagebank.services.reviews import record_review
from imagebank.services.splits import assign_folds, draw_split, draw_test_set, most_per_class, split_counts

from .factories import DiagnosisClassFactory, ItemFactory, ItemImageFactory, StudyFactory, UserFactory, full_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def study():
    made = StudyFactory(views=[])  # none of these items has a picture
    for code in ("A", "B", "C"):
        DiagnosisClassFactory(study=made, code=code)
    return made


def fill(study, groups: list[list[str]], split=Item.Split.TRAIN):
    """One list of class codes per group; a group of one stays without a name."""
    classes = {row.code: row for row in study.classes.all()}
    for number, codes in enumerate(groups):
        group = f"g{number}" if len(codes) > 1 else ""
        for code in codes:
            ItemFactory(study=study, diagnosis=classes[code], group=group, split=split)


GROUPS = st.lists(st.lists(st.sampled_from("ABC"), min_size=1, max_size=4), min_size=5, max_size=25)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(groups=GROUPS, seed=st.integers(0, 3))
def test_folds_keep_groups_together_and_are_the_same_for_the_same_seed(groups, seed):
    study = StudyFactory()
    for code in "ABC":
        DiagnosisClassFactory(study=study, code=code)
    fill(study, groups)
    summary = assign_folds(study=study, folds=5, seed=seed)
    folds = dict(study.items.values_list("code", "fold"))
    by_group = defaultdict(set)
    for group, fold in study.items.exclude(group="").values_list("group", "fold"):
        by_group[group].add(fold)
    assert all(len(places) == 1 for places in by_group.values())
    assert set(folds.values()) <= set(range(5))
    assert sum(sum(fold.values()) for fold in summary.counts) == len(folds)
    assign_folds(study=study, folds=5, seed=seed)
    assert dict(study.items.values_list("code", "fold")) == folds


def test_folds_of_single_items_are_balanced_to_one_item_per_class(study):
    fill(study, [["A"]] * 23 + [["B"]] * 12 + [["C"]] * 7)
    summary = assign_folds(study=study, folds=5, seed=1)
    for code in "ABC":
        counts = [fold[code] for fold in summary.counts]
        assert max(counts) - min(counts) <= 1


def test_a_test_set_has_whole_groups_and_exact_numbers(study):
    fill(study, [["A", "A"], ["B", "C"], ["A", "B", "C"]] + [["A"], ["B"], ["C"]] * 8)
    assert draw_test_set(study=study, per_class=4, seed=3) == 12
    tests = study.items.testing()
    assert Counter(tests.values_list("truth__diagnosis__code", flat=True)) == {"A": 4, "B": 4, "C": 4}
    named = tests.exclude(group="").values_list("group", flat=True)
    assert not study.items.training().filter(group__in=list(named)).exists()
    chosen = set(tests.values_list("pk", flat=True))
    draw_test_set(study=study, per_class=4, seed=3)
    assert set(study.items.testing().values_list("pk", flat=True)) == chosen
    draw_test_set(study=study, per_class=4, seed=4)
    assert set(study.items.testing().values_list("pk", flat=True)) != chosen


def test_an_impossible_test_set_is_refused_and_changes_nothing(study):
    fill(study, [["A"]] * 5 + [["B"]] * 5 + [["C"]] * 2)
    before = list(Item.objects.order_by("pk").values())
    with pytest.raises(ValidationError, match="needs 3 test items of every class in whole groups; found C: 2"):
        draw_test_set(study=study, per_class=3, seed=0)
    assert list(Item.objects.order_by("pk").values()) == before


def test_a_test_set_is_found_where_the_first_order_leaves_a_class_short(study):
    """Every A is tied to two B or stands alone; only orders that begin with the lone ones give two of each."""
    fill(study, [["A", "B", "B"]] * 6 + [["A"]] * 2 + [["C"]] * 2)
    for seed in range(8):
        assert draw_test_set(study=study, per_class=2, seed=seed) == 6


def test_only_items_with_every_view_are_tested():
    made = full_study()
    codes = {item.code for item in made.items.all()}
    lonely = ItemFactory(study=made, diagnosis=made.classes.first(), code="one-view", split="train")
    ItemImageFactory(item=lonely, view=made.view_codes()[0])
    most = most_per_class(made)
    draw_split(study=made, per_class=most, folds=0, seed=5)
    tested = set(made.items.testing().values_list("code", flat=True))
    assert tested
    assert tested <= codes
    assert {cells["test"] for _, _, cells in split_counts(made)} == {most}


def test_generated_pictures_are_left_and_excluded_items_wait_for_another_draw(study):
    fill(study, [["A"], ["B"], ["C"]] * 4)
    made = ItemFactory(study=study, diagnosis=study.classes.first(), split="", attributes={"generated": True})
    out = study.items.filter(split="train").first()
    exclude_item(item=out, reason="blurred")
    draw_split(study=study, per_class=2, folds=2, seed=0)
    made.refresh_from_db()
    out.refresh_from_db()
    assert (made.split, made.fold) == ("", None)
    assert (out.split, out.fold) == ("", None)
    assert [cells for _, _, cells in split_counts(study)][0] == {"train": 1, "test": 2, "": 0}


def test_test_set_and_folds_come_together_or_not_at_all_and_are_kept_in_the_trail(study):
    fill(study, [["A"], ["B"], ["C"]] * 4)
    user = UserFactory()
    words = draw_split(study=study, per_class=2, folds=2, seed=3, user=user)
    assert words == "drew a test set of 6 items, 2 of every class and 2 folds of the training items, with seed 3"
    assert [(entry.deed, entry.by_name) for entry in study.trail.all()] == [(words, user.username)]
    before = list(study.items.order_by("pk").values_list("split", "fold"))
    with pytest.raises(ValidationError, match="10 folds need at least 10"):
        draw_split(study=study, per_class=1, folds=10, seed=3)
    with pytest.raises(ValidationError, match="neither was asked for"):
        draw_split(study=study, per_class=None, folds=0, seed=3)
    assert list(study.items.order_by("pk").values_list("split", "fold")) == before
    draw_split(study=study, per_class=None, folds=3, seed=4)
    assert set(study.items.training().values_list("fold", flat=True)) == {0, 1, 2}
    assert [split for split, _ in before] == list(study.items.order_by("pk").values_list("split", flat=True))


def test_folds_refuse_a_group_that_is_in_the_test_set_too(study):
    fill(study, [["A"]] * 6)
    ItemFactory(study=study, diagnosis=study.classes.first(), group="torn", split="train")
    ItemFactory(study=study, diagnosis=study.classes.first(), group="torn", split="test")
    with pytest.raises(ValidationError, match="1 groups have items in training and in the test set"):
        assign_folds(study=study)


def state_of(item) -> str:
    return Item.objects.with_review_state().get(pk=item.pk).review_state


def test_two_independent_reviews_agree_or_conflict(study):
    first, second, other = study.classes.all()
    one, two = UserFactory.create_batch(2)
    item, disputed, unsure = (ItemFactory(study=study, diagnosis=first) for _ in range(3))
    assert state_of(item) == ReviewState.UNREVIEWED
    record_review(item=item, reviewer=one, diagnosis=second)
    record_review(item=item, reviewer=one, diagnosis=first, comment=" checked ")
    assert state_of(item) == ReviewState.ONE
    assert item.reviews.get().comment == "checked"
    record_review(item=item, reviewer=two, diagnosis=first)
    assert state_of(item) == ReviewState.AGREED
    record_review(item=disputed, reviewer=one, diagnosis=first)
    record_review(item=disputed, reviewer=two, diagnosis=other)
    assert state_of(disputed) == ReviewState.CONFLICT
    record_review(item=unsure, reviewer=one, diagnosis=None)
    record_review(item=unsure, reviewer=two, diagnosis=None)
    assert state_of(unsure) == ReviewState.CONFLICT


def test_reviewers_who_agree_with_each_other_but_not_with_the_reference_are_a_conflict(study):
    first, second, _ = study.classes.all()
    item = ItemFactory(study=study, diagnosis=first)
    for reviewer in UserFactory.create_batch(2):
        record_review(item=item, reviewer=reviewer, diagnosis=second)
    assert state_of(item) == ReviewState.CONFLICT


def test_a_review_cannot_change_once_both_are_in_nor_name_a_foreign_class(study):
    first, second, _ = study.classes.all()
    item = ItemFactory(study=study, diagnosis=first)
    one, two, three = UserFactory.create_batch(3)
    record_review(item=item, reviewer=one, diagnosis=first)
    record_review(item=item, reviewer=two, diagnosis=first)
    for reviewer, diagnosis in ((one, second), (three, second)):
        with pytest.raises(ValidationError, match="can no longer be changed"):
            record_review(item=item, reviewer=reviewer, diagnosis=diagnosis)
    with pytest.raises(ValidationError, match="not one of this study's classes"):
        record_review(item=item, reviewer=one, diagnosis=DiagnosisClassFactory())
    assert item.reviews.filter(diagnosis=first).count() == 2


def test_exclusion_needs_a_reason_and_can_be_taken_back(study):
    item = ItemFactory(study=study)
    for reason in ("  ", "x" * 301):
        with pytest.raises(ValidationError, match="needs a reason"):
            exclude_item(item=item, reason=reason)
    exclude_item(item=item, reason="face visible")
    assert list(study.items.excluded()) == [item]
    assert not study.items.included().exists()
    since = item.excluded_at
    assert exclude_item(item=item, reason="eyes visible").excluded_at == since
    include_item(item=item)
    assert list(study.items.included()) == [item]
