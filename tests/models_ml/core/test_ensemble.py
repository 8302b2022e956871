import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_ml.core.answers.ensemble import combine
from models_ml.core.answers.evaluate import judge
from models_ml.core.answers.predictions import Predictions, read_predictions, read_rows
from models_ml.core.cli import main
from models_ml.core.config import EnsembleRule
from models_ml.core.errors import CoreError


def by_hand(vectors, rule):
    """The paper's rule for one item, in plain Python."""
    good = [v for v in vectors if (max(v) >= rule.threshold if rule.inclusive else max(v) > rule.threshold)]
    used = good or vectors
    mean = [sum(v[c] for v in used) / len(used) for c in range(len(used[0]))]
    if not good and rule.fallback == "abstain":
        return mean, 0, "abstain", -1
    return mean, len(used), "" if good else "mean", max(range(len(mean)), key=mean.__getitem__)


# Eighths are exact in binary, so that sums are exact and ties at one half are real ties.
eighths = st.lists(st.integers(0, 8), min_size=3, max_size=3).map(
    lambda cuts: [(b - a) / 8 for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), 8])]
)


@settings(max_examples=200, deadline=None)
@given(
    members=st.lists(eighths, min_size=1, max_size=5),
    inclusive=st.booleans(),
    fallback=st.sampled_from(["mean", "abstain"]),
)
def test_confident_mean_equals_the_rule_on_random_vectors(members, inclusive, fallback):
    rule = EnsembleRule(inclusive=inclusive, fallback=fallback)
    found = combine(np.array(members)[:, None], rule)
    mean, used, status, answer = by_hand(members, rule)
    assert found.probs_NC[0] == pytest.approx(mean)
    assert (found.members_used_N[0], found.fallback_N[0]) == (used, status)
    assert found.answer_N[0] == -1 if answer == -1 else found.probs_NC[0, found.answer_N[0]] == pytest.approx(max(mean))


def test_a_member_at_exactly_one_half_is_admitted_unless_the_rule_is_exclusive():
    probs = np.array([[[0.5, 0.25, 0.25]], [[0.1, 0.8, 0.1]]])
    assert combine(probs, EnsembleRule()).members_used_N[0] == 2
    exclusive = combine(probs, EnsembleRule(inclusive=False))
    assert exclusive.members_used_N[0] == 1
    assert exclusive.admitted_MN[:, 0].tolist() == [False, True]


def test_without_a_confident_member_the_mean_is_flagged_and_abstaining_is_possible():
    probs = np.full((5, 1, 16), 1 / 16)
    probs[:, 0, 3] += 0.1
    probs /= probs.sum(-1, keepdims=True)
    mean = combine(probs, EnsembleRule())
    assert (mean.answer_N[0], mean.members_used_N[0], mean.fallback_N[0]) == (3, 5, "mean")
    abstain = combine(probs, EnsembleRule(fallback="abstain"))
    assert (abstain.answer_N[0], abstain.members_used_N[0], abstain.fallback_N[0]) == (-1, 0, "abstain")
    assert np.isfinite(abstain.probs_NC).all()


def test_votes_count_members_and_the_mean_decides_ties():
    probs = np.array([[[0.6, 0.4, 0.0]], [[0.1, 0.9, 0.0]]])
    found = combine(probs, EnsembleRule(rule="vote"))
    assert found.answer_N[0] == 1
    assert found.probs_NC[0] == pytest.approx([0.5, 0.5, 0], abs=2e-3)


def test_restricting_to_own_classes_conditions_each_member_before_the_gate():
    probs = np.array([[[0.6, 0.3, 0.1]], [[0.2, 0.2, 0.6]]])
    found = combine(probs, EnsembleRule(restrict="own"), own=[1, 2])
    assert found.probs_NC[0] == pytest.approx([0, (0.75 + 0.25) / 2, (0.25 + 0.75) / 2])
    assert combine(np.array([[[1.0, 0, 0]]]), EnsembleRule(restrict="own"), own=[1, 2]).probs_NC[0, 0] == 0
    with pytest.raises(CoreError, match="which they are"):
        combine(probs, EnsembleRule(restrict="own"))


@pytest.mark.parametrize("bad", [np.array([[[0.5, 0.6]]]), np.array([[[np.nan, 1.0]]]), np.zeros((0, 1, 2))])
def test_what_is_no_probability_is_refused(bad):
    with pytest.raises(CoreError):
        combine(bad, EnsembleRule())


def predictions():
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(3), size=(5, 6))
    return Predictions("net", tuple(f"fold{m}" for m in range(5)), tuple("abcdef"), ("focused",) * 6,
                       np.array([0, 1, 2, 0, 1, -1]), probs, ("HMI", "IP", "=cmd"))  # fmt: skip


def test_predictions_survive_their_file(tmp_path):
    before = predictions()
    before.write(tmp_path / "p.csv")
    (after,) = read_predictions(tmp_path / "p.csv")
    assert after.probs_MNC == pytest.approx(before.probs_MNC, abs=1e-8)
    assert after.truth_N.tolist()[:2] == [0, 1]
    assert (after.members, after.items) == (before.members, before.items)


def test_the_command_writes_the_contract(tmp_path, capsys):
    predictions().write(tmp_path / "p.csv")
    out = tmp_path / "ensemble.csv"
    argv = [
        "ensemble",
        str(tmp_path / "p.csv"),
        "--rule",
        "confident-mean",
        "--threshold",
        "0.9",
        "--fallback",
        "abstain",
    ]
    assert main([*argv, "--out", str(out)]) == 0
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert list(rows[0])[:5] == ["model", "member", "item", "view", "truth"]
    assert {"members_used", "fallback"} <= set(rows[0])
    assert {row["member"] for row in rows} == {"ensemble"}
    for row in rows:
        if row["fallback"] == "abstain":
            assert row["p_HMI"] == row["answer"] == ""
            assert row["members_used"] == "0"
        else:
            assert sum(float(row[c]) for c in row if c.startswith("p_")) == pytest.approx(1)
    assert len(read_rows(out)[1]) == 6


def test_bad_prediction_rows_are_all_reported(tmp_path, capsys):
    (tmp_path / "p.csv").write_text(
        "model,member,item,view,truth,p_a,p_b\nn,m0,x,v,a,0.5,0.5\nn,m0,y,v,z,0.5,0.5\nn,m0,w,v,a,0.9,0.9\nn,m0,u,v,a,q,1\n"
    )
    assert main(["ensemble", str(tmp_path / "p.csv"), "--out", str(tmp_path / "e.csv")]) == 2
    text = capsys.readouterr().err
    assert "line 3: truth 'z'" in text
    assert "line 4: probabilities" in text
    assert "line 5: every p_ column" in text
    assert not (tmp_path / "e.csv").exists()


def test_members_that_answer_different_items_are_refused(tmp_path):
    (tmp_path / "p.csv").write_text("model,member,item,view,truth,p_a,p_b\nn,m0,x,v,a,0.5,0.5\nn,m1,y,v,a,0.5,0.5\n")
    with pytest.raises(CoreError, match="member 'm0' has no row for item 'y'"):
        read_predictions(tmp_path / "p.csv")


def test_probabilities_are_judged_where_an_answer_was_given():
    """Two items answered, one of them rightly, and one abstention with a vector for information that is very wrong."""
    probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.01, 0.99]])
    found = judge(probs, np.array([0, 0, -1]), np.array([0, 1, 0]), ("A", "B"), np.array(["a", "b", "c"]))
    assert (found["accuracy_clustered"]["value"], found["answered"]) == (pytest.approx(1 / 3), 2)
    assert (found["accuracy_answered"]["value"], found["accuracy_answered"]["n"]) == (0.5, 2)
    assert found["log_loss"] == pytest.approx(-(np.log(0.9) + np.log(0.2)) / 2)
    assert found["brier"] == pytest.approx((0.02 + 1.28) / 2)
    assert sum(found["calibration"]["counts"]) == 2
    silent = judge(probs, np.full(3, -1), np.array([0, 1, 0]), ("A", "B"), np.array(["a", "b", "c"]))
    assert (silent["brier"], silent["calibration"], silent["accuracy_answered"]["why"]) == (None, None, "no cases")
