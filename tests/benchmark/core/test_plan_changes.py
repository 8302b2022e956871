"""What differs between two plans, field by field, and how sittings that no table holds join the flow."""

from benchmark.core.facts import described
from benchmark.core.figures.flow import flow_rows
from benchmark.core.plans.plan_changes import plan_changes
from benchmark.core.results import Results

BEFORE = """schema = "analysis-plan/1"
[data]
missing = "incorrect"
[[primary.contrasts]]
model = "classifier"
group = "pediatrician"
view = "focused"
[[primary.contrasts]]
model = "classifier"
group = "geneticist"
[equivalence]
margin = 0.05
"""
AFTER = BEFORE.replace('"incorrect"', '"excluded"').replace("0.05", "0.1").replace('group = "geneticist"', 'group = "nurse"')


def test_every_changed_field_is_told_as_planned_and_done():
    told = [(change.name, change.planned, change.done) for change in plan_changes(BEFORE, AFTER)]
    assert told == [
        ("missing answers", "incorrect", "excluded"),
        ("primary contrast", "classifier against geneticist", "not declared"),
        ("primary contrast", "not declared", "classifier against nurse"),
        ("equivalence margin", "0.05", "0.1"),
    ]


def test_comments_and_layout_are_no_change():
    assert plan_changes(BEFORE, "# a word\n" + BEFORE.replace(" = ", "=")) == []


def test_sittings_begun_and_not_finished_are_in_the_flow():
    flow = {"group": "nurse", "sittings": 30, "complete": 30, "analysed": 30, "extra": 0, "incomplete": 0}
    results = Results({"flow": [{**flow, "unfinished": None}], "accuracy": [], "design": {"groups": ["nurse"]}})
    (record,) = described(results, facts={"sittings": {"nurse": {"unfinished": 2, "too_few": 1}}})["flow"]
    assert (record["sittings"], record["unfinished"], record["incomplete"], record["complete"]) == (33, 2, 1, 30)
    rows = {row["step"]: row for row in flow_rows(Results({**results.content, "flow": [record]}))}
    assert (rows["started"]["people"], rows["started"]["lost_after"]) == (33, 3)
    assert "2 not finished, 1 too few answers" in rows["started"]["lost"]
