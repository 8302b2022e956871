"""Drafted plans say what was asked, in a file that a plan is read from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.core.methods.multiplicity import METHODS
from benchmark.core.plans.drafting import PlanDraft, draft_plan
from benchmark.core.plans.plan import ESTIMANDS, MISSING, Contrast, Plan

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x7f"), min_size=1, max_size=12)
CONTRASTS = st.builds(
    Contrast, model=NAMES, group=NAMES, view=st.none() | NAMES, assisted=st.just(True), control=st.booleans()
) | st.builds(Contrast, model=NAMES, group=NAMES, view=st.none() | NAMES)


@given(
    st.builds(
        PlanDraft, title=NAMES, key=NAMES, contrasts=st.lists(CONTRASTS, max_size=4).map(tuple),
        unit=st.sampled_from(["survey", "reader"]), multiplicity=st.sampled_from([*METHODS, "none"]), missing=st.sampled_from(MISSING),
        estimand=st.sampled_from(ESTIMANDS), margin=st.none() | st.floats(0.001, 0.5), threshold=st.floats(0, 1), strictly_more=st.booleans(),
    )
)  # fmt: skip
def test_a_draft_is_read_back_as_it_was_asked(draft):
    text = draft_plan(draft)
    plan = Plan.from_toml(text=text)
    assert (plan.title, plan.primary, plan.unit, plan.multiplicity) == (draft.title, draft.contrasts, draft.unit, draft.multiplicity)
    assert (plan.estimand, plan.margin, plan.missing) == (draft.estimand, draft.margin, draft.missing)
    assert (plan.completion.threshold, plan.completion.first_per_seat) == (draft.threshold, True)
    assert {extra.missing for extra in plan.sensitivity} >= {*MISSING} - {draft.missing}
    assert draft_plan(draft) == text


def test_studies_have_seeds_of_their_own():
    one, other = (Plan.from_toml(text=draft_plan(PlanDraft("t", key))) for key in ("a", "b"))
    assert one.bootstrap_seed != other.bootstrap_seed


@pytest.mark.parametrize("margin", [None, 0.1])
def test_a_rating_study_is_planned_without_contrasts(margin):
    text = draft_plan(PlanDraft("t", "k", margin=margin, rating=True))
    plan = Plan.from_toml(text=text)
    assert (plan.primary, plan.margin) == ((), margin)
    assert "primary" not in text
