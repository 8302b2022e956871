"""What is drawn shows each condition's sign, on every skin, and the same through every window."""

from collections import Counter

import numpy as np
import pytest
from scipy import ndimage

from imagebank.drawing import shapes
from imagebank.drawing.fields import Window, generator, see, texture, value_noise
from imagebank.drawing.scene import choose_subject, compose, look, whole

SCENES = 6
PALE, DARK = ("HMI", "TSC"), ("IP", "MA", "NF1", "ML")


@pytest.fixture(scope="module")
def looked(founding_recipe):
    """class -> [(picture, mask)] at half size."""
    return {
        code: [look(compose(founding_recipe, code, (11, code, n)), whole((320, 400))) for n in range(SCENES)]
        for code in founding_recipe.classes
    }


def contrast(picture, mask):
    """Brightness of lesions minus that of the skin around them, grey levels."""
    grey = picture.astype(float).mean(axis=2)
    around = ndimage.binary_dilation(mask, iterations=5) & ~ndimage.binary_dilation(mask, iterations=2)
    return grey[mask].mean() - grey[around].mean()


@pytest.mark.parametrize("code", PALE)
def test_pale_signs_are_paler_than_the_skin_around(looked, code):
    assert np.mean([contrast(*pair) > 1 for pair in looked[code]]) >= 0.8


@pytest.mark.parametrize("code", DARK)
def test_brown_signs_are_darker_than_the_skin_around(looked, code):
    assert np.mean([contrast(*pair) < -1 for pair in looked[code]]) >= 0.8


def test_other_conditions_are_mostly_red(founding_recipe):
    """The red, green and blue of lesions against the skin around them: red falls least."""
    redder = []
    for number in range(8):
        picture, mask = look(compose(founding_recipe, "Other", (12, number)), whole((320, 400)))
        around = ndimage.binary_dilation(mask, iterations=5) & ~ndimage.binary_dilation(mask, iterations=2)
        colour = np.log(picture.astype(float) + 1)
        change = np.median(colour[mask], axis=0) - np.median(colour[around], axis=0)
        redder.append(change[0] > change[1])
    assert np.mean(redder) >= 0.6


def test_lesions_can_be_seen_in_every_picture(looked):
    """Clothing and frame never hide a condition altogether, and lesions never fill the picture."""
    shares = {code: [mask.mean() for _, mask in pairs] for code, pairs in looked.items()}
    assert all(0.0005 < share < 0.5 for values in shares.values() for share in values), shares


def test_spots_are_many_and_large_patches_are_few(looked):
    count = {code: np.median([ndimage.label(mask)[1] for _, mask in looked[code]]) for code in ("ML", "MA", "NF1")}
    assert count["ML"] > 40
    assert count["MA"] < count["NF1"] < count["ML"]


def test_coast_of_maine_is_longer_than_coast_of_california():
    """Perimeter over that of a circle of the same area: about 1 for smooth patches, clearly more for jagged ones."""

    def raggedness(roughness, seed):
        outline = shapes.blob(generator("coast", seed), 80, roughness, 1.2)
        following = np.roll(outline, -1, axis=0)
        area = abs(np.sum(outline[:, 0] * following[:, 1] - outline[:, 1] * following[:, 0])) / 2
        return np.hypot(*(following - outline).T).sum() / (2 * np.sqrt(np.pi * area))

    smooth = [raggedness(0.05, seed) for seed in range(20)]
    jagged = [raggedness(0.85, seed) for seed in range(20)]
    assert max(smooth) < 1.1
    assert min(jagged) > 1.25


def test_an_ash_leaf_is_round_at_one_end_and_pointed_at_the_other():
    outline = shapes.leaf(generator("leaf"), 100, 2.5)
    width = [np.ptp(outline[np.abs(outline[:, 1] - at) < 6, 0]) for at in (-42, -20, 42)]
    assert 25 < np.ptp(outline[:, 0]) < 60
    assert width[0] > 1.8 * width[2]
    assert width[1] > width[0]


def test_skin_tones_and_body_parts_vary_within_every_class(founding_recipe):
    """20 test items of a class show most of the ten tones and several body parts, and the class gives neither away."""
    for code in founding_recipe.classes:
        subjects = [choose_subject(founding_recipe, code, (7, "test", code, number)) for number in range(20)]
        assert len({subject.skin_tone for subject in subjects}) >= 6
        assert len({subject.body_part for subject in subjects}) >= 3
    tones = Counter(choose_subject(founding_recipe, "MA", (1, number)).skin_tone for number in range(1000))
    assert sorted(tones) == list(range(1, 11))
    assert min(tones.values()) > 60


def test_a_window_shows_what_the_whole_shows():
    """A smooth field and a texture through a part of a window are that part of the whole."""
    field = value_noise(generator("field"), (200, 160), (9, 9))
    scene, part = whole((640, 800)), Window(120, 200, 320, 240, 320, 240)
    assert np.allclose(see(field, part), see(field, scene)[200:440, 120:440], atol=0.02)
    assert np.allclose(texture("skin", part, (5, 9)), texture("skin", scene, (5, 9))[200:440, 120:440])
    band = scene.rows(300, 420)
    assert np.allclose(see(field, band), see(field, scene)[300:420], atol=0.02)


def test_the_same_key_decides_the_same_scene(founding_recipe):
    first, again, other = (
        look(compose(founding_recipe, "NF1", key), whole((80, 100)))[0] for key in ((1, 2), (1, 2), (1, 3))
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
