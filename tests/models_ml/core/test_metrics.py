import numpy as np
import pytest

from models_ml.core.answers import metrics


def test_wilson_interval_of_the_authors_fold_zero_result():
    """116 of 140: 75.8 to 88.2 per cent."""
    found = metrics.wilson(116, 140)
    assert (found.value, found.ci_low, found.ci_high) == (
        pytest.approx(0.828571, abs=1e-6), pytest.approx(0.758, abs=5e-4), pytest.approx(0.882, abs=5e-4)
    )  # fmt: skip
    assert metrics.wilson(0, 0).value is None


def test_balanced_accuracy_is_scikit_learns():
    from sklearn.metrics import balanced_accuracy_score

    rng = np.random.default_rng(0)
    truth, answer = rng.integers(0, 4, 200), rng.integers(0, 4, 200)
    assert metrics.balanced_accuracy(truth, answer) == pytest.approx(balanced_accuracy_score(truth, answer))
    assert metrics.balanced_accuracy(truth, answer, (9,)) is None


def test_confusion_counts_abstentions_apart():
    counts = metrics.confusion(np.array([0, 0, 1]), np.array([0, -1, 0]), 2)
    assert counts.tolist() == [[1, 0, 1], [1, 0, 0]]


def test_clustered_interval_is_wider_when_photographs_repeat():
    rng = np.random.default_rng(0)
    per_photo = rng.random(40) < 0.6
    right, photo = np.repeat(per_photo, 5), np.repeat(np.arange(40), 5)
    clustered = metrics.clustered(right, photo)
    single = metrics.clustered(right, np.arange(200))
    width = [e.ci_high - e.ci_low for e in (clustered, single)]
    assert width[0] > 1.8 * width[1]
    assert clustered.value == single.value
    assert metrics.clustered(np.full(3, 0.5), np.zeros(3)).ci_low is None


def test_clustered_balanced_accuracy_draws_whole_photographs():
    """Against the same draws, one after another, judged by the plain definition."""
    rng = np.random.default_rng(3)
    truth, answer, photo = rng.integers(0, 5, 80), rng.integers(-1, 5, 80), rng.integers(0, 30, 80)
    found = metrics.clustered(answer == truth, photo, strata_N=truth, seed=4, resamples=200)
    names, draws = np.unique(photo), np.random.default_rng(4)
    plain = []
    for _ in range(200):
        rows = np.concatenate([np.flatnonzero(photo == names[k]) for k in draws.integers(0, len(names), len(names))])
        plain.append(metrics.balanced_accuracy(truth[rows], answer[rows]))
    assert found.value == pytest.approx(metrics.balanced_accuracy(truth, answer))
    assert (found.ci_low, found.ci_high) == pytest.approx(tuple(np.percentile(plain, [2.5, 97.5])))


def test_temperature_undoes_a_known_sharpening():
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(4), size=4000)
    truth = np.array([rng.choice(4, p=p) for p in probs])
    sharpened = metrics.apply_temperature(probs, 0.5)
    assert metrics.fit_temperature(sharpened, truth) == pytest.approx(2.0, abs=0.12)
    assert metrics.apply_temperature(sharpened, 2.0) == pytest.approx(probs, abs=1e-6)
    assert (metrics.apply_temperature(probs, 3.0).argmax(1) == probs.argmax(1)).all()


def test_calibration_error_of_certain_answers_is_their_error():
    probs = np.tile([1.0, 0.0], (10, 1))
    truth = np.array([0] * 7 + [1] * 3)
    found = metrics.calibration(probs, truth)
    assert found.ece == pytest.approx(0.3)
    assert found.counts == (0,) * 9 + (10,)
    assert metrics.brier(probs, truth) == pytest.approx(0.6)


def test_an_interval_of_answers_that_are_all_right_is_no_point():
    """Every bootstrap draw of them is the same; 0 errors of 20 photographs leave errors up to 16 % possible."""
    for strata in (None, np.arange(40) % 4):
        found = metrics.clustered(np.ones(40, bool), np.repeat(np.arange(20), 2), strata_N=strata)
        assert (found.value, found.ci_high) == (1.0, 1.0)
        assert found.ci_low == pytest.approx(metrics.wilson(20, 20).ci_low)
    alike = metrics.clustered(np.zeros(40), np.arange(40))  # differences, not answers: they stay as they are
    assert (alike.ci_low, alike.ci_high) == (0.0, 0.0)


def test_wilson_in_clusters_covers_as_often_as_it_says_where_plain_wilson_does_not():
    rng, plain, clustered = np.random.default_rng(0), 0, 0
    photo = np.repeat(np.arange(12), 4)
    for _ in range(600):
        right = rng.random(48) < np.repeat(rng.beta(3.2, 0.8, 12), 4)  # mean .8, strongly alike within a photograph
        one, other = metrics.wilson_clustered(right, photo), metrics.wilson(int(right.sum()), 48)
        clustered += one.ci_low <= 0.8 <= one.ci_high
        plain += other.ci_low <= 0.8 <= other.ci_high
    assert plain / 600 < 0.9 < 0.92 < clustered / 600


def test_wilson_in_clusters_of_one_is_wilson():
    right = np.arange(30) < 21
    single, plain = metrics.wilson_clustered(right, np.arange(30)), metrics.wilson(21, 30)
    assert (single.value, single.ci_low, single.ci_high) == (plain.value, plain.ci_low, plain.ci_high)
    assert metrics.wilson_clustered(right[:0], np.arange(0)).why == "no cases"
    alike = metrics.wilson_clustered(np.ones(6, bool), np.array([0, 0, 0, 1, 1, 1]))
    assert alike.ci_low == pytest.approx(metrics.wilson(2, 2).ci_low)


def test_the_paired_test_is_mcnemars_where_every_picture_stands_alone():
    from scipy.stats import binomtest

    first = np.array([1] * 40 + [1] * 9 + [0] * 3 + [0] * 8, dtype=bool)
    second = np.array([1] * 40 + [0] * 9 + [1] * 3 + [0] * 8, dtype=bool)
    found = metrics.paired(first, second, 1.0 - first, 1.0 - second, np.arange(60))
    assert (found.only_first, found.only_second) == (9, 3)
    assert found.p == pytest.approx(binomtest(3, 12).pvalue)
    assert found.difference.value == pytest.approx(0.1)
    assert found.difference.ci_low < 0.1 < found.difference.ci_high
    assert found.brier_difference.value == pytest.approx(-0.1)
    assert metrics.paired(first, first, 1.0 - first, 1.0 - first, np.arange(60)).p == 1.0


def test_the_paired_test_flips_whole_photographs():
    """Against all 2^6 ways to sign, one after another."""
    from itertools import product

    first = np.array([1, 1, 1, 1, 1, 0, 1, 1, 0, 1, 1, 1], dtype=bool)
    second = np.array([0, 0, 0, 1, 0, 0, 1, 0, 1, 0, 1, 0], dtype=bool)
    photo = np.repeat(np.arange(6), 2)
    by_photo = np.array([first[photo == k].sum() - second[photo == k].sum() for k in range(6)], dtype=int)
    sums = [abs(np.dot(signs, by_photo)) for signs in product((-1, 1), repeat=6)]
    expected = np.mean(np.array(sums) >= abs(by_photo.sum()))
    assert metrics.paired(first, second, 1.0 - first, 1.0 - second, photo).p == pytest.approx(expected)
