"""Calibration, teams, error consistency, realism, Rasch and the logistic mixed model against published numbers."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmark.core.methods.calibration import (
    calibration_error,
    classwise_error,
    null_band,
    reliability_bins,
    risk_coverage,
    scores_of,
)
from benchmark.core.methods.error_consistency import consistency_of_pairs, error_consistency
from benchmark.core.methods.glmm import RandomEffect, fit_glmm
from benchmark.core.methods.metrics import metrics_of
from benchmark.core.methods.ordinal import fit_ordinal
from benchmark.core.methods.rasch import fit_rasch, place_reader
from benchmark.core.methods.realism import hype_error, signal, signal_from_counts
from benchmark.core.methods.teams import defer_accuracy, oracle_accuracy, tuned_defer_accuracy, vote_accuracy


def test_calibration_error_as_published(reference):
    entry = reference["torchmetrics_ece_multiclass"]
    p, y, expected = np.array(entry["data"]["p"]), np.array(entry["data"]["y"]), entry["expected"]
    bins = reliability_bins(p.max(axis=1), p.argmax(axis=1) == y, bins=3)
    for norm in ("l1", "l2", "max"):
        assert calibration_error(bins, norm=norm) == pytest.approx(expected[norm], abs=6e-5)
    found = scores_of(p, y)
    assert (found.brier, found.log_loss) == pytest.approx((expected["brier_sum"], expected["logloss"]), abs=1e-9)
    assert found.aurc == pytest.approx(expected["aurc"], abs=1e-9)
    assert classwise_error(p, y, bins=3) > 0


@pytest.mark.parametrize(
    ("bins", "mass", "name"),
    [(10, False, "equal_width_10"), (15, False, "equal_width_15"), (10, True, "equal_mass_10")],
)
def test_a_perfect_model_shows_the_recorded_calibration_error(reference, bins, mass, name):
    expected = reference["ece_null_expectation"]["expected"]
    rng = np.random.default_rng(3)
    found = [null_band(rng.beta(6, 1.1, 140), bins=bins, mass=mass, draws=100, rng=rng) for _ in range(60)]
    assert np.mean([mean for mean, _ in found]) == pytest.approx(expected[name], abs=0.003)
    if name == "equal_width_10":
        assert np.mean([q for _, q in found]) == pytest.approx(expected["equal_width_10_q95"], abs=0.006)


def test_tied_confidences_share_their_error():
    _, one = risk_coverage(np.array([0.9, 0.9, 0.5]), np.array([1, 0, 1]))
    _, other = risk_coverage(np.array([0.9, 0.9, 0.5]), np.array([0, 1, 1]))
    assert one.tolist() == other.tolist() == pytest.approx([0.5, 0.5, 1 / 3])


def test_error_consistency_is_cohens_kappa_of_correctness(duong_sim, reference):
    expected = reference["error_consistency_identity"]["expected"]
    correct, present = np.zeros((31, 140), dtype=bool), np.zeros((31, 140), dtype=bool)
    correct[duong_sim["reader"], duong_sim["item"]] = duong_sim["human"]
    present[duong_sim["reader"], duong_sim["item"]] = True
    correct[30, duong_sim["item"]] = duong_sim["model"]
    present[30] = True
    found = error_consistency(correct, present)
    assert found.kappa[0, 30] == pytest.approx(expected["reader0"], abs=1e-9)
    assert np.nanmean(found.kappa[:30, 30]) == pytest.approx(expected["mean_over_readers"], abs=1e-9)
    assert np.isnan(error_consistency(np.ones((2, 5)), np.ones((2, 5))).kappa).all()


def test_sparse_pairs_are_the_dense_table():
    rng = np.random.default_rng(0)
    present, correct = rng.random((12, 30)) < 0.4, rng.random((12, 30)) < 0.6
    reader, item = np.nonzero(present)
    table, pairs = error_consistency(correct, present), consistency_of_pairs(reader, item, correct[reader, item], (12, 30))
    at = pairs.first, pairs.second
    assert len(pairs.first) == (np.triu(table.shared, 1) > 0).sum()
    assert pairs.kappa == pytest.approx(table.kappa[at], abs=1e-12, nan_ok=True)
    assert pairs.observed == pytest.approx(table.observed[at])
    assert (pairs.shared == table.shared[at]).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 6), st.integers(1, 5), st.integers(0, 1000))
def test_balanced_designs_tie_accuracy_to_kappa_and_balanced_accuracy(classes, per_class, seed):
    rng = np.random.default_rng(seed)
    counts = np.zeros((classes, classes + 1), dtype=int)
    for truth in range(classes):
        np.add.at(counts[truth], rng.integers(0, classes, per_class), 1)
    accuracy = np.trace(counts[:, :-1]) / counts.sum()
    found = metrics_of(counts)
    assert found.balanced_accuracy == pytest.approx(accuracy)
    assert ((classes - 1) * found.kappa + 1) / classes == pytest.approx(accuracy)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6))
def test_vote_equals_enumeration_of_every_team(seed, size):
    rng = np.random.default_rng(seed)
    answers = rng.integers(0, 4, (3, 6))
    truth = rng.integers(0, 4, 3)
    counts = np.stack([np.bincount(row, minlength=4) for row in answers])
    for found, row, right in zip(vote_accuracy(counts, truth, size), answers, truth):
        chances = []
        for team in combinations(row, size):
            votes = np.bincount(team, minlength=4)
            chances.append((votes[right] == votes.max()) / (votes == votes.max()).sum())
        assert found == pytest.approx(np.mean(chances))


def test_vote_of_many_independent_readers_is_binomial():
    counts = np.array([[700, 300]])
    assert vote_accuracy(counts, np.array([0]), 3)[0] == pytest.approx(stats.binom.sf(1, 3, 0.7), abs=2e-3)
    assert vote_accuracy(counts[:, :] * 0 + 1, np.array([0]), 3) is None


def test_bluebirds_majority_vote():
    """Welinder et al. (2010): mean reader .6356, majority vote right on 82 of 108."""
    import pandas as pd

    from .test_new_images_methods import shared_data

    table = pd.read_csv(shared_data("data/bluebirds/answers.csv"))
    assert (table["truth"] == table["answer"]).mean() == pytest.approx(0.6356, abs=5e-5)
    counts = pd.crosstab(table["item"], table["answer"])
    truth = table.drop_duplicates("item").set_index("item")["truth"].loc[counts.index].to_numpy()
    assert vote_accuracy(counts.to_numpy(), truth, 39).sum() == pytest.approx(82)


def test_deferral_and_its_bound():
    human, network, confidence = np.array([0.5, 1, 0]), np.array([True, False, True]), np.array([0.9, 0.4, 0.8])
    assert defer_accuracy(human, network, confidence, 0.5).mean() == 1.0
    assert oracle_accuracy(human, network).mean() == 1.0
    assert defer_accuracy(human, network, confidence, 0.0).mean() == pytest.approx(2 / 3)
    rng = np.random.default_rng(0)
    noise = rng.random(60)
    team = tuned_defer_accuracy(rng.random(60) < 0.5, rng.random(60) < 0.5, noise, np.arange(60) % 5)
    assert team.mean() < 0.75


def test_signal_detection(reference):
    entry = reference["dprime"]
    found = signal(entry["data"]["H"], entry["data"]["F"])
    assert (found.dprime, found.criterion) == pytest.approx(
        (entry["expected"]["dprime"], entry["expected"]["c"]), abs=1e-12
    )
    assert np.isfinite(signal_from_counts(20, 20, 0, 20).dprime)
    with pytest.raises(ValueError, match="log-linear"):
        signal(1.0, 0.2)


def test_hype_error_and_its_components(reference):
    """Built to the published error rate: 100 images of each kind, judged by ten evaluators."""
    published = reference["hype_published"]["expected"]["stylegan_trunc"]
    rng = np.random.default_rng(1)
    evaluator, image = (v.ravel() for v in np.meshgrid(np.arange(10), np.arange(200), indexing="ij"))
    fake = image < 100
    wrong = np.zeros(2000, dtype=bool)
    wrong[rng.permutation(2000)[: round(2000 * published)]] = True
    found = hype_error(evaluator, image, fake, fake ^ wrong, draws=500)
    assert found.error.value == pytest.approx(published, abs=0.0005)
    assert (found.fakes_called_real.value + found.reals_called_fake.value) / 2 == pytest.approx(found.error.value)
    assert found.error.ci_low < published < found.error.ci_high
    assert not found.chance.equivalent


def lsat6():
    """Bock & Lieberman (1970): 1,000 answers to five items of the LSAT, as counts of the 32 patterns."""
    counts = [
        3,
        6,
        2,
        11,
        1,
        1,
        3,
        4,
        1,
        8,
        0,
        16,
        0,
        3,
        2,
        15,
        10,
        29,
        14,
        81,
        3,
        28,
        15,
        80,
        16,
        56,
        21,
        173,
        11,
        61,
        28,
        298,
    ]
    return np.array(list(product((0, 1), repeat=5)), dtype=float), np.array(counts, dtype=float)


def test_rasch_model_of_lsat6():
    patterns, counts = lsat6()
    assert counts.sum() == 1000
    found = fit_rasch(patterns, weights=counts)
    assert found.discrimination == pytest.approx(0.7551, abs=5e-4)
    # Intercepts 2.730, .999, .240, 1.306, 2.099 over the discrimination: the published difficulties.
    assert found.difficulty / found.discrimination == pytest.approx([-3.615, -1.322, -0.318, -1.730, -2.780], abs=2e-3)
    assert place_reader(np.ones(5), found.difficulty) is None
    better, worse = (place_reader(np.array(marks), found.difficulty) for marks in ([1, 1, 0, 1, 1.0], [0, 1, 0, 1, 1.0]))
    assert better > worse


def test_items_that_everybody_has_right_are_refused():
    with pytest.raises(ValueError, match=r"Items \[0\]"):
        fit_rasch(np.array([[1, 0], [1, 1.0]]))


CBPP = """
1,2,14,1 1,3,12,2 1,4,9,3 1,0,5,4 2,3,22,1 2,1,18,2 2,1,21,3 3,8,22,1 3,2,16,2 3,0,16,3 3,2,20,4 4,2,10,1
4,0,10,2 4,2,9,3 4,0,6,4 5,5,18,1 5,0,25,2 5,0,24,3 5,1,4,4 6,3,17,1 6,0,17,2 6,0,18,3 6,1,20,4 7,8,16,1
7,1,10,2 7,3,9,3 7,0,5,4 8,12,34,1 9,2,9,1 9,0,6,2 9,0,8,3 9,0,6,4 10,1,22,1 10,1,22,2 10,0,18,3 10,2,22,4
11,0,25,1 11,5,27,2 11,3,22,3 11,1,22,4 12,2,10,1 12,1,8,2 12,0,6,3 12,0,5,4 13,1,21,1 13,2,24,2 13,0,19,3
13,0,23,4 14,11,19,1 14,0,2,2 14,0,3,3 14,0,2,4 15,1,19,1 15,1,15,2 15,1,15,3 15,0,15,4
"""  # herd, new cases, herd size, period


def cbpp():
    """Contagious bovine pleuropneumonia in 15 herds (Lesnoff et al. 2004), the example data of lme4's glmer."""
    return np.array([[int(v) for v in row.split(",")] for row in CBPP.split()]).T


def study_layout(data):
    """Human rows, then one row per item for the network."""
    model = data.drop_duplicates("item").sort_values("item")
    y = np.concatenate([data["human"], model["model"]])
    item = np.concatenate([data["item"], model["item"]])
    human = np.concatenate([np.ones(len(data)), np.zeros(len(model))])
    reader = np.concatenate([data["reader"], np.zeros(len(model), dtype=int)])
    x = np.stack([np.ones(len(y)), 1 - human], axis=1)
    return y, x, (RandomEffect(item, np.ones(len(y))), RandomEffect(reader, human))


def repeated_layout(data):
    """The wrong layout: one network row per reading, and readers vary on these rows too."""
    y = np.concatenate([data["human"], data["model"]])
    agent = np.repeat([0.0, 1.0], len(data))
    item, reader = np.tile(data["item"], 2), np.tile(data["reader"], 2)
    x = np.stack([np.ones(len(y)), agent], axis=1)
    return y, x, (RandomEffect(item, np.ones(len(y))), RandomEffect(reader, np.ones(len(y))))


def test_mixed_model_of_the_study(duong_sim, reference):
    expected = reference["duong_sim_glmm"]["expected"]
    found = fit_glmm(*study_layout(duong_sim))
    assert found.sd == pytest.approx([expected["sd_item"], expected["sd_reader"]], abs=2e-3)
    assert found.covariance == pytest.approx(found.covariance.T)


def test_repeating_the_networks_answers_feigns_information(duong_sim, reference):
    """The wrong layout, one network row per reading, more than doubles the z value."""
    found = fit_glmm(*repeated_layout(duong_sim))
    wrong = reference["duong_sim_glmm"]["expected"]["WRONG_repeated_classifier_rows"]
    assert (found.beta[1], found.se[1]) == pytest.approx((wrong["beta"], wrong["se"]), abs=2e-3)
    right = fit_glmm(*study_layout(duong_sim))
    assert found.beta[1] / found.se[1] > 2 * right.beta[1] / right.se[1]


def test_cumulative_link_model_of_the_bitterness_of_wine():
    """Randall (1989): nine judges on eight bottles, cold or warm, without or with contact of the skins; as the package ordinal has it."""
    judges = ("23344455", "12132354", "23325544", "32323253", "23433333", "32322454", "11222323", "22233334", "12323244")
    rating = np.array([int(mark) - 1 for judge in judges for mark in judge])
    x = np.stack([np.tile([0, 0, 0, 0, 1, 1, 1, 1], 9), np.tile([0, 0, 1, 1, 0, 0, 1, 1], 9)], axis=1)
    plain = fit_ordinal(rating, x)
    assert plain.log_likelihood == pytest.approx(-86.4919, abs=5e-5)
    assert plain.thresholds == pytest.approx([-1.3444, 1.2508, 3.4669, 5.0064], abs=5e-5)
    assert (*plain.beta, *plain.se) == pytest.approx((2.5031, 1.5278, 0.5287, 0.4766), abs=5e-5)
    of_judges = fit_ordinal(rating, x, (RandomEffect(np.repeat(np.arange(9), 8), np.ones(72)),))
    assert of_judges.log_likelihood == pytest.approx(-81.5654, abs=5e-5)
    assert (*of_judges.beta, *of_judges.se) == pytest.approx((3.0630, 1.8349, 0.5954, 0.5125), abs=2e-4)
    assert of_judges.sd == pytest.approx([1.1311], abs=2e-4)
