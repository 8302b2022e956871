"""Skin tone from pixels, against published CIELAB values and hand-made pictures."""

import numpy as np
import pytest

from surveys.core.rating_match import match_counts, match_properties
from surveys.core.skin_tone import lab, nearest_tone, tone_class, typical_angles, typology_angle_deg


def test_lab_of_srgb_colours():
    """White, black, and the sRGB primaries as published (Lindbloom, D65)."""
    colours = np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
    wanted = [[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20], [87.73, -86.18, 83.18], [32.30, 79.19, -107.86]]
    assert lab(colours) == pytest.approx(np.array(wanted), abs=0.02)


def test_lighter_skin_has_the_larger_angle_and_lesions_hardly_move_it():
    tones = [(240, 214, 198), (203, 158, 123), (139, 92, 63), (68, 45, 34)]
    plain = [typology_angle_deg(np.full((8, 8, 3), tone, np.uint8)) for tone in tones]
    assert plain == sorted(plain, reverse=True)
    assert [tone_class(angle) for angle in plain] == sorted({tone_class(angle) for angle in plain})
    picture = np.full((8, 8, 3), tones[1], np.uint8)
    picture[:3] = (150, 60, 60)
    assert typology_angle_deg(picture) == pytest.approx(plain[1], abs=1)
    assert typology_angle_deg(np.full((8, 8, 3), (40, 60, 200), np.uint8)) is None, "no skin to be seen"


def test_the_tone_of_an_angle_is_the_one_whose_pictures_look_most_like_it():
    typical = typical_angles(["1", "1", "1", "4"], [60, 40, 50, -10])
    assert typical == {"1": 50, "4": -10}
    assert [nearest_tone(angle, typical) for angle in (70, 21, 20, 19)] == ["1", "1", "1", "4"]


def stimulus(origin, label, tone, role="rated"):
    return {"kind": "single", "role": role, "label": label, "tone": tone, "frames": [{"origin": origin}]}


def test_the_balance_of_real_and_generated_is_counted_from_the_stimuli():
    stimuli = [stimulus("real", "A", "1"), stimulus("real", "A", "10"), stimulus("generated", "A", "2"),
               stimulus("generated", "B", "10"), stimulus("generated", "B", "10", role="practice")]  # fmt: skip
    assert match_counts(stimuli, "tone") == {"1": (1, 0), "2": (0, 1), "10": (1, 1)}
    halves, classes, tones = match_properties(stimuli)
    assert (halves.reached, halves.holds) == (0, True)
    assert (classes.reached, classes.limit, classes.holds) == (1, 0, False)
    assert (tones.reached, tones.holds) == (1, False)
    assert tones.detail == "1: 1 real, 0 generated; 2: 0 real, 1 generated; 10: 1 real, 1 generated."
    assert match_properties([row for row in stimuli if row["frames"][0]["origin"] == "real"]) == ()
    *_, unknown = match_properties([*stimuli, stimulus("real", "A", "")])
    assert (unknown.reached, unknown.holds) == (None, True)
    assert "neither recorded nor measurable for 1 of 5" in unknown.detail
