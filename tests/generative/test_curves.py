"""Curves: round ticks that hold every point, few points for long runs, and no drawing of too little."""

from generative.curves import POINTS_MOST, run_curves


def events(n, value):
    return [{"event": "progress", "kimg": i / 10, "loss_g": value(i), "loss_d": 1.0, "ada_p": 0.0} for i in range(n)]


def test_a_long_run_is_thinned_and_every_point_lies_inside():
    curves = run_curves(events(5000, lambda i: 3 / (i + 1)))
    assert [curve.title for curve in curves] == ["Losses", "Augmentation probability"]
    for curve in curves:
        for line in curve.lines:
            points = [tuple(map(float, pair.split(","))) for pair in line.points.split()]
            assert 100 < len(points) <= POINTS_MOST
            assert all(curve.left <= x <= curve.right and 0 <= y <= curve.floor for x, y in points)
        assert 3 <= len(curve.y_ticks) <= 7
        assert len(curve.table) == 12
        assert len(curve.table[0]) == 1 + len(curve.lines)


def test_negative_values_and_flat_lines_have_an_axis():
    (losses, _) = run_curves(events(10, lambda i: -0.003 * i))
    assert [tick.text for tick in losses.y_ticks][0] == "-0.5"
    assert losses.lines[1].last == 1.0


def test_less_than_two_points_make_no_drawing():
    assert run_curves(events(1, lambda i: 1.0)) == []
    assert run_curves([]) == []
