"""What a drawn design keeps, for the founding study and for shapes nobody thought of."""

import hashlib
from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surveys.core import Design, DesignError, assemble, verify
from surveys.core.draw import Draw
from surveys.core.order import longest_run, usual_longest_run
from surveys.core.shape import Shape

from .studies import founding_items, items_of

shapes = st.tuples(
    st.integers(1, 5), st.integers(1, 6), st.integers(1, 5), st.integers(1, 7)
)  # classes, surveys a set, per class, sets


def test_founding_study_is_the_same_bytes_on_every_platform(founding):
    """A change of this hash changes every published design: raise METHOD when it is meant."""
    digest = hashlib.sha256(founding.to_json().encode()).hexdigest()
    assert digest == "c2a86d125af1fc60492da6e706bdc071d955cbd83226e0856579d75a69c47072"


def test_founding_study_reaches_what_arithmetic_permits(founding):
    certificate = founding.certificate
    assert certificate.promises_hold
    assert all(entry.holds for entry in certificate.properties)
    assert certificate["repeats within classes"].reached <= 42  # 6 of 190 pairs a class meet twice, no pair three times
    assert certificate["most meetings within a class"].reached == 2
    assert certificate["most meetings of any pair"].reached <= 4
    over_all = certificate["repeats over all pairs"]
    assert over_all.best == 4875
    assert over_all.reached <= 1.02 * over_all.best
    for name in ("early and late", "quarters", "classes at positions"):
        assert certificate[name].reached == certificate[name].best
    assert certificate["mean position"].reached <= 1


def test_certificate_numbers_equal_a_count_by_hand(founding):
    """The same numbers from the surveys with sets and counters only."""
    items = founding_items()
    met = Counter(pair for survey in founding.surveys for pair in combinations(survey.items(), 2))
    within = {pair: times for pair, times in met.items() if items[pair[0]] == items[pair[1]]}
    certificate = founding.certificate
    assert certificate["repeats over all pairs"].reached == sum(m * (m - 1) // 2 for m in met.values())
    assert certificate["repeats within classes"].reached == sum(m * (m - 1) // 2 for m in within.values())
    assert certificate["most meetings of any pair"].reached == max(met.values())
    early = Counter(item for s in founding.surveys for item in s.blocks[0].items[:14])
    late = Counter(item for s in founding.surveys for item in s.blocks[0].items[14:])
    assert max(abs(early[item] - late[item]) for item in items) == certificate["early and late"].reached
    shared = [len(set(a.items()) & set(b.items())) for a, b in combinations(founding.surveys, 2) if a.set != b.set]
    assert certificate["items shared by two surveys"].reached == max(shared)
    runs = [longest_run([items[item] for item in block.items]) for s in founding.surveys for block in s.blocks]
    assert certificate["longest run"].reached == max(runs) <= founding.max_run == 3


@given(shapes, st.integers(-5, 2**70), st.sampled_from(["fixed", "counterbalanced", "random"]), st.integers(1, 3))
@settings(max_examples=30, deadline=None)
def test_every_shape_keeps_its_promises_and_no_bound_is_beaten(numbers, seed, view_order, views):
    classes, surveys, per_class, sets = numbers
    items = items_of(classes, surveys * per_class)
    names = ("focused", "panoramic", "close")[:views]
    design = assemble(items, per_class=per_class, sets=sets, seed=seed, view_order=view_order, views=names)
    assert design.certificate.problems == ()
    assert verify(design, items).promises_hold
    for entry in design.certificate.properties:
        if entry.name not in ("same class again",) and entry.best is not None:
            assert entry.reached >= entry.best, entry
    assert Design.from_json(design.to_json()) == design
    for number in range(1, sets + 1):
        shown = [item for s in design.surveys if s.set == number for item in s.blocks[0].items]
        assert sorted(shown) == sorted(items)
    for survey in design.surveys:
        for block in survey.blocks:
            assert set(Counter(items[item] for item in block.items).values()) == {per_class}


def test_the_order_in_which_items_are_listed_does_not_matter(founding):
    items = founding_items()
    backwards = dict(reversed(items.items()))
    assert assemble(backwards, per_class=4, sets=6, seed=7) == founding


def test_another_seed_draws_another_design(founding):
    other = assemble(founding_items(), per_class=4, sets=6, seed=8)
    assert all(a.items() != b.items() for a, b in zip(founding.surveys, other.surveys))


def test_a_new_view_does_not_change_the_order_of_the_others():
    items = items_of(3, 8)
    one = assemble(items, per_class=2, sets=3, seed=1, views=("focused",))
    two = assemble(items, per_class=2, sets=3, seed=1, views=("focused", "panoramic"))
    assert [s.blocks[0] for s in one.surveys] == [s.blocks[0] for s in two.surveys]
    assert all(s.blocks[0].items != s.blocks[1].items for s in two.surveys)


def test_counterbalanced_views_meet_every_item_equally_often():
    items = items_of(3, 12)
    design = assemble(items, per_class=3, sets=4, seed=5, view_order="counterbalanced")
    first = Counter(item for s in design.surveys if s.blocks[0].view == "panoramic" for item in s.items())
    assert set(first.values()) == {2}
    assert design.certificate["order of views"].reached == 0
    odd = assemble(items, per_class=3, sets=3, seed=5, view_order="counterbalanced")
    counts = Counter(s.blocks[0].view for s in odd.surveys)
    assert abs(counts["focused"] - counts["panoramic"]) <= 1


def test_known_perfect_divisions_are_found():
    """One class whose pairs can all meet equally often: affine planes of 9 and 16 points, the affine space of 8."""
    for items, per_class, sets, each in ((9, 3, 4, 1), (16, 4, 5, 1), (8, 4, 7, 3), (6, 2, 5, 1)):
        design = assemble(items_of(1, items), per_class=per_class, sets=sets, seed=3, views=("focused",))
        met = Counter(pair for s in design.surveys for pair in combinations(s.items(), 2))
        assert set(met.values()) == {each}
        assert len(met) == items * (items - 1) // 2


def test_class_order_says_no_more_than_counting_does():
    """Of 600 first blocks: a class that has just appeared comes next as often as a random order would have it."""
    items = founding_items()
    same = steps = 0
    first_of_class: Counter[str] = Counter()
    for seed in range(3):
        for survey in assemble(items, per_class=4, sets=6, seed=seed).surveys:
            for block in survey.blocks:
                classes = [items[item] for item in block.items]
                first_of_class[classes[0]] += 1
                same += sum(a == b for a, b in zip(classes, classes[1:]))
                steps += 27
    expected, deviation = steps * 3 / 27, (steps * (3 / 27) * (24 / 27)) ** 0.5
    assert abs(same - expected) < 4 * deviation
    assert len(first_of_class) == 7


def test_usual_longest_run_binds_hardly_any_random_block():
    shape = Shape(classes=7, items_per_class=20, per_class=4, sets=6)
    bound = usual_longest_run(shape)
    draw = Draw(1, "test")
    classes = [number // 4 for number in range(28)]
    broken = sum(longest_run(draw.shuffled(classes)) > bound for _ in range(2000))
    assert bound == 3
    assert broken < 0.05 * 2000


def test_a_tight_bound_on_runs_is_kept_and_an_impossible_one_refused():
    items = items_of(2, 12)
    design = assemble(items, per_class=6, sets=2, seed=1, max_run=2)
    runs = [longest_run([items[item] for item in b.items]) for s in design.surveys for b in s.blocks]
    assert max(runs) <= 2
    with pytest.raises(DesignError, match="max_run must be a whole number of at least 6"):
        assemble(items_of(1, 12), per_class=6, sets=2, seed=1, max_run=2)


def test_progress_is_told_and_can_stop_the_work():
    told = []
    assemble(items_of(3, 8), per_class=2, sets=3, seed=1, progress=lambda *step: told.append(step))
    assert {stage for stage, _, _ in told} == {"dividing the items among surveys", "ordering a view"}
    assert all(0 <= done <= total for _, done, total in told)

    class StopHere(Exception):
        pass

    def stop(*_):
        raise StopHere

    with pytest.raises(StopHere):
        assemble(items_of(3, 8), per_class=2, sets=3, seed=1, progress=stop)


def test_draws_are_those_of_the_documented_generator():
    """Pinned, because every design rests on them."""
    draw = Draw(7, "order", 0)
    assert [draw.below(1000) for _ in range(5)] == [894, 232, 960, 815, 796]
