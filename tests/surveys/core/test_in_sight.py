"""How long an image was in sight, by clocks that begin anew with every window."""

from surveys.core.in_sight import Happening, Sight, in_sight


def told(kind, item="", at=None, window="desk", **detail):
    return Happening(kind, item, at, {"window": window, **detail} if window else detail)


def test_an_image_is_in_sight_until_the_next_one_without_the_time_in_which_its_window_was_left():
    found = in_sight([
        told("screen", at=500), told("shown", "a", 1000), told("zoomed", "a", 1400, scale=3), told("zoomed", "a", 1500, scale=1),
        told("hidden", "a", 2000), told("visible", "a", 9000), told("shown", "b", 9500), told("failed", "c", 9600),
        told("shown", "", 10_000, page="end"), told("shown", "a", 60_000), told("hidden", "a", 60_250),
    ])  # fmt: skip
    assert found == {
        "a": Sight(shown=2, in_sight_ms=1750, away_ms=7000, largest_zoom=3), "b": Sight(shown=1, in_sight_ms=500, away_ms=0),
        "c": Sight(failed=1),
    }  # fmt: skip


def test_windows_on_two_devices_are_told_apart_and_a_covered_image_is_out_of_sight():
    found = in_sight([
        told("shown", "a", 5_000_000), told("shown", "a", 100, "phone"), told("masked", "a", 300, "phone"),
        told("hidden", "a", 5_001_000), told("shown", "b", 900, "phone"), told("late", "b", 7, None), told("visible", "b", 9_000_000),
    ])  # fmt: skip
    assert found["a"] == Sight(shown=2, in_sight_ms=1200, away_ms=3_999_000)
    assert found["b"] == Sight(shown=1)


def test_records_of_browsers_that_name_no_window_begin_anew_where_the_clock_does_and_a_page_without_script_has_none():
    found = in_sight([
        told("shown", "a", 1000, None), told("hidden", "a", 3000, None), told("screen", "", 200, None), told("shown", "a", 400, None),
        told("shown", "b", 900, None), told("shown", "c", None, None, page="plain form"),
    ])  # fmt: skip
    assert found == {"a": Sight(shown=2, in_sight_ms=2500, away_ms=0), "b": Sight(shown=1), "c": Sight(shown=1)}


def test_what_a_browser_tells_that_is_no_scale_is_passed_over():
    said = [{}, {"scale": "far"}, {"scale": "Infinity"}, {"scale": None}, {"scale": [2]}, {"scale": -1}, {"scale": 10**400}, {"scale": 2}]
    events = [Happening("zoomed", "a", None, detail) for detail in said]
    assert in_sight(events[:-1]) == {"a": Sight()}
    assert in_sight(events)["a"].largest_zoom == 2
