"""Rating studies: enough raters for every image, short sittings, even shares."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surveys.core import DesignError, Shown, allocate, certify_allocation
from surveys.core.allocate import repeats_of
from surveys.core.draw import Draw


def images_of(real: int, generated: int) -> dict[str, str]:
    return {f"{kind}-{i:03d}": kind for kind, count in (("real", real), ("made", generated)) for i in range(count)}


@pytest.fixture(scope="module")
def study():
    return allocate(images_of(100, 100), raters=24, repeats=0.08, catches=["c1", "c2", "c3"], seed=3)


def test_a_realistic_study_reaches_what_arithmetic_permits(study):
    certificate = study.certificate
    assert certificate.promises_hold
    assert all(entry.holds for entry in certificate.properties)
    assert certificate["images per rater"].reached == 0  # 200 x 6 / 24 = 50 each
    assert certificate["strata per rater"].reached == 0
    assert certificate["images shared by two raters"].reached <= 1.02 * certificate["images shared by two raters"].best
    for sitting in study.sittings:
        assert Counter(page.kind for page in sitting.pages) == {"single": 50, "repeat": 4, "catch": 2}
        assert len(sitting.pages) <= 60
        singles = Counter(image.split("-")[0] for image in sitting.images("single"))
        assert singles == {"real": 25, "made": 25}
        first = {page.image: n for n, page in enumerate(sitting.pages) if page.kind == "single"}
        again = {page.image: n for n, page in enumerate(sitting.pages) if page.kind == "repeat"}
        assert all(again[image] - first[image] >= study.repeat_gap == 16 for image in again)


def test_the_same_seed_gives_the_same_bytes_and_another_one_does_not(study):
    again = allocate(images_of(100, 100), raters=24, repeats=0.08, catches=["c1", "c2", "c3"], seed=3)
    other = allocate(images_of(100, 100), raters=24, repeats=0.08, catches=["c1", "c2", "c3"], seed=4)
    assert again.to_json() == study.to_json()
    assert other.sittings != study.sittings


def test_strata_follow_each_other_as_chance_has_it(study):
    """Half real, half generated: the kind changes on about half of the steps."""
    changes = steps = 0
    for sitting in study.sittings:
        kinds = [image.split("-")[0] for image in sitting.images("single")]
        changes += sum(a != b for a, b in zip(kinds, kinds[1:]))
        steps += len(kinds) - 1
    expected = 25 / 49
    assert abs(changes - steps * expected) < 4 * (steps * expected * (1 - expected)) ** 0.5


@given(
    st.integers(1, 30), st.integers(0, 20), st.integers(1, 5), st.integers(0, 8), st.floats(0, 0.3), st.integers(0, 3),
    st.integers(0, 2**40),
)  # fmt: skip
@settings(max_examples=30, deadline=None)
def test_every_possible_study_keeps_its_promises(real, made, per_image, spare, repeats, catches, seed):
    images = images_of(real, made)
    options = {
        "min_raters_per_image": per_image,
        "repeats": repeats,
        "catches": [f"c{n}" for n in range(catches)],
        "per_rater_max": 25,
        "seed": seed,
    }
    try:
        study = allocate(images, raters=1, **options)
    except DesignError as error:
        needed = int(str(error).split("need at least ")[1].split()[0])
        study = allocate(images, raters=needed + spare, **options)
        if needed > 1:
            with pytest.raises(DesignError):
                allocate(images, raters=needed - 1, **options)
    assert study.certificate.problems == ()
    assert certify_allocation(study, images) == study.certificate
    raters = Counter(image for sitting in study.sittings for image in sitting.images("single"))
    assert set(raters.values()) == {per_image}
    for entry in study.certificate.properties:
        assert entry.reached >= entry.best


def test_too_few_raters_are_told_how_many_are_needed():
    with pytest.raises(DesignError) as error:
        allocate(images_of(100, 100), raters=10, seed=1)
    assert str(error.value) == (
        "200 images with 6 raters each need at least 22 raters of 57 images (60 pages with repeats and catches), "
        "or at most 95 images with 10 raters; found 10 raters."
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"raters": 0}, "needs images and raters"),
        ({"raters": ["a", "a"]}, "Every rater needs a code of its own"),
        ({"repeats": 0.9}, "repeats is a share from 0 to 0.5"),
        ({"catches": ["real-001"]}, "are not among the images; found real-001"),
        ({"catches": ["c"], "catches_per_rater": 2}, "need as many catches; found 1"),
        ({"per_rater_max": 2, "catches": ["c", "d"]}, "no room for images"),
        ({"seed": None}, "seed must be a whole number"),
    ],
)
def test_bad_arguments_are_one_sentence(changes, sentence):
    with pytest.raises(DesignError, match=sentence):
        allocate(images_of(4, 4), **{"raters": 8, "seed": 1, **changes})


def test_a_tampered_allocation_is_refused_by_name(study):
    images = images_of(100, 100)
    sitting = study.sittings[0]

    def problems(pages) -> str:
        changed = replace(study, sittings=(replace(sitting, pages=tuple(pages)), *study.sittings[1:]))
        return "\n".join(certify_allocation(changed, images).problems)

    single = next(page for page in sitting.pages if page.kind == "single")
    assert f"Image {single.image} has 5 raters; it needs 6." in problems(p for p in sitting.pages if p != single)
    assert f"image {single.image} is shown 2 times as single" in problems([*sitting.pages, single])
    assert "image nowhere (single) is not in the list" in problems([*sitting.pages, Shown("nowhere", "single")])
    catch = next(page for page in sitting.pages if page.kind == "catch")
    assert "Rater R001 has 1 catches instead of 2." in problems(p for p in sitting.pages if p != catch)
    repeat = next(page for page in sitting.pages if page.kind == "repeat")
    rest = [page for page in sitting.pages if page != repeat]
    at = next(n for n, page in enumerate(rest) if page.image == repeat.image)
    assert f"the repeat of image {repeat.image} comes too soon" in problems([*rest[: at + 1], repeat, *rest[at + 1 :]])
    many = [Shown(image, "single") for image in sorted(images)]
    assert "Rater R001 has 256 pages; the limit is 60." in problems([*sitting.pages, *many])


@pytest.mark.parametrize(("images", "count"), [(57, 5), (18, 1), (12, 1), (3, 1), (0, 0)])
def test_repeats_are_the_share_to_the_nearest_whole_number(images, count):
    """Eight per cent: 5.3 of 57, 5.6 and 8.3 per cent of 18 and 12; one at least."""
    assert repeats_of(images, 0.08) == count
    assert repeats_of(images, 0) == 0


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("images", "raters"), [(40, 12), (60, 14), (24, 8)])
def test_every_rater_sees_equally_much_of_every_group_of_strata(images, raters, seed):
    """Classes of uneven size within conditions: the conditions are dealt evenly all the same."""
    draw = Draw(seed, "study")
    strata = {}
    for number in range(images):
        condition = ("real", "curated", "random", "random")[draw.below(4)]
        strata[f"image-{number}"] = f"{condition} / class {draw.below(7)}"
    groups = {stratum: stratum.split(" / ")[0] for stratum in strata.values()}
    allocation = allocate(strata, raters=raters, groups=groups, seed=seed)
    assert allocation.certificate.promises_hold
    for group in set(groups.values()):
        counts = [sum(groups[strata[image]] == group for image in s.images("single")) for s in allocation.sittings]
        assert max(counts) - min(counts) <= 1
