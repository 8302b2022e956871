"""Studies run elsewhere come in by their map, and every bad cell is told with its line and column. All files made up."""

import csv
import io
import json

import pandas as pd
import pytest

from benchmark.core import InputError, read_readings
from benchmark.core.commands.main import main
from benchmark.core.imports import import_readings
from benchmark.core.imports.sheets import read_sheet

ITEMS = "item,class\nT001,HMI\nT002,IP\nT003,HMI\nT004,IP\n"
QUALTRICS_MAP = """
schema = "import-map/1"
source = "qualtrics"
simulated = true
[reader]
id = "ResponseId"
group = "Q1"
groups = { "Medical geneticist" = "medical-geneticist", "Pediatrician" = "pediatrician" }
[sitting]
survey = "survey"
completed_at = "EndDate"
keep = { Status = ["IP Address"], Finished = ["True"] }
[answers]
labels = { "Hypomelanosis of Ito" = "HMI", "Incontinentia pigmenti" = "IP" }
no_answer = ["-99"]
[pattern]
answer = "{view}_{item}"
confidence = "conf_{view}_{item}"
rt_s = "time_{view}_{item}_Page Submit"
[views]
foc = "focused"
pan = "panoramic"
"""
HEADER = [
    "StartDate", "EndDate", "Status", "Finished", "ResponseId", "survey", "Q1",
    *(f"{view}_T00{k}" for view in ("foc", "pan") for k in (1, 2, 3, 4)), "conf_foc_T001", "time_foc_T001_Page Submit",
]  # fmt: skip
HMI, IP = "Hypomelanosis of Ito", "Incontinentia pigmenti"
ANSWERS = [HMI, IP, HMI, "", HMI, IP, IP, "-99"]


def qualtrics(rows, *, third=True):
    """A Qualtrics CSV: names, the questions' words (one with a line break), ImportIds, then the responses."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEADER)
    writer.writerow(["Start Date", *["Which condition,\nis best represented?"] * (len(HEADER) - 1)])
    if third:
        writer.writerow([json.dumps({"ImportId": f"QID{k}"}) for k in range(len(HEADER))])
    writer.writerows(rows)
    return out.getvalue()


def response(name, group="Pediatrician", *, answers=ANSWERS, status="IP Address", finished="True", confidence="80", time="4.25"):
    return ["2026-11-01 08:00:00", "2026-11-01 08:30:00", status, finished, name, "S01", group, *answers, confidence, time]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "items.csv").write_text(ITEMS)
    (tmp_path / "map.toml").write_text(QUALTRICS_MAP)
    return tmp_path


def bring(folder, text, **more):
    (folder / "export.csv").write_text(text, encoding="utf-8")
    return import_readings(folder / "export.csv", folder / "map.toml", truth=folder / "items.csv", **more)


def test_qualtrics_with_three_header_rows(folder):
    rows = [
        response("R_1"), response("R_2", "Medical geneticist"), response("R_9", status="Survey Preview"),
        response("R_8", finished="False"),
    ]  # fmt: skip
    found = bring(folder, qualtrics(rows))
    assert set(found.frame["reader"]) == {"R_1", "R_2"}
    assert len(found.frame) == 16
    assert any("1 row left out" in note and "Finished" in note for note in found.notes)
    first = found.frame.iloc[0]
    assert (first["item"], first["view"], first["truth"], first["answer"]) == ("T001", "focused", "HMI", "HMI")
    assert (first["confidence"], first["rt_ms"], first["completed_at"]) == (80, 4250, "2026-11-01T08:30:00Z")
    assert list(found.frame["answer"])[7] == ""
    assert found.readings("export.csv").is_simulated


def test_every_bad_cell_is_told_with_line_and_column_and_nothing_comes_in(folder):
    rows = [
        response("R_1", "Nurse"), response("R_1", "Pediatrician", answers=["Acne", *ANSWERS[1:]]),
        response("", confidence="sure", time="4,2"),
    ]  # fmt: skip
    with pytest.raises(InputError) as error:
        bring(folder, qualtrics(rows))
    places = {(problem.line, problem.column) for problem in error.value.problems}
    start = 1 + qualtrics([]).count("\n")
    assert {(start, "Q1"), (start + 1, "foc_T001"), (start + 2, "ResponseId"), (start + 2, "conf_foc_T001"),
            (start + 2, "time_foc_T001_Page Submit"), (start + 1, "foc_T002")} <= places  # fmt: skip
    assert '"Acne" was found' in str(error.value)


def test_a_file_that_is_not_from_qualtrics_is_refused(folder):
    with pytest.raises(InputError, match="ImportId"):
        bring(folder, qualtrics([response("R_1")], third=False))


def test_items_without_truth_are_named(folder):
    (folder / "items.csv").write_text(ITEMS.replace("T004,IP\n", ""))
    with pytest.raises(InputError, match='item "T004" has no class'):
        bring(folder, qualtrics([response("R_1")]))


def test_a_design_says_what_was_shown_and_where(folder):
    design = {"surveys": [{"survey": "S01", "blocks": [{"view": "focused", "items": ["T002", "T001"]}]}]}
    (folder / "design.json").write_text(json.dumps(design))
    found = bring(folder, qualtrics([response("R_1")]), design=folder / "design.json")
    assert list(found.frame["item"]) == ["T002", "T001"]
    assert list(found.frame["position"]) == ["1", "2"]


REDCAP_MAP = """
schema = "import-map/1"
source = "redcap"
[reader]
id = "record_id"
group_is = "pediatrician"
[sitting]
shown = "answered"
keep = { reading_complete = ["2"] }
[answers]
labels = { "Hypomelanosis of Ito" = "HMI", "Incontinentia pigmenti" = "IP" }
[pattern]
answer = "dx_{item}"
"""
DICTIONARY = (
    "Variable / Field Name,\"Choices, Calculations, OR Slider Labels\"\n"
    + "".join(f'dx_t00{k},"1, Hypomelanosis of Ito | 2, Incontinentia pigmenti"\n' for k in (1, 2, 3, 4))
)  # fmt: skip


def test_redcap_codes_events_and_lower_case_names(folder):
    (folder / "map.toml").write_text(REDCAP_MAP)
    (folder / "dd.csv").write_text(DICTIONARY)
    text = (
        "record_id,redcap_event_name,dx_t001,dx_t002,dx_t003,dx_t004,reading_complete\n"
        "1,first,1,2,,,2\n1,second,,,2,1,2\n2,first,1,1,,,2\n3,first,1,,,,0\n"
    )
    found = bring(folder, text, dictionary=folder / "dd.csv")
    assert found.frame.groupby("reader").size().to_dict() == {"1": 4, "2": 2}
    assert list(found.frame["answer"]) == ["HMI", "IP", "IP", "HMI", "HMI", "HMI"]
    assert set(found.frame["item"]) == {"T001", "T002", "T003", "T004"}
    again = text + "1,third,2,,,,2\n"
    with pytest.raises(InputError, match="already answered this on line 2"):
        bring(folder, again, dictionary=folder / "dd.csv")


def test_redcap_boxes_and_events_that_are_views(folder):
    """One box per choice, and a row per view: the box ticked is the answer; two boxes ticked are told, nothing comes in."""
    text = REDCAP_MAP.replace('keep = {', 'view = "redcap_event_name"\nkeep = {').replace('shown = "answered"', 'shown = "all"')
    (folder / "map.toml").write_text(text + '[views]\nclose_arm_1 = "focused"\nwhole_arm_1 = "panoramic"\n')
    (folder / "dd.csv").write_text(DICTIONARY)
    boxes = [f"dx_t00{k}___{code}" for k in (1, 2) for code in (1, 2)]
    header = ",".join(["record_id", "redcap_event_name", *boxes, "reading_complete"])
    rows = ["1,close_arm_1,1,0,0,1,2", "1,whole_arm_1,0,0,1,0,2"]
    found = bring(folder, "\n".join([header, *rows]), dictionary=folder / "dd.csv")
    assert list(zip(found.frame["item"], found.frame["view"], found.frame["answer"])) == [
        ("T001", "focused", "HMI"), ("T002", "focused", "IP"), ("T001", "panoramic", ""), ("T002", "panoramic", "HMI"),
    ]  # fmt: skip
    labelled = "\n".join([header, rows[0].replace(",1", ",Checked").replace(",0", ",Unchecked")])
    assert list(bring(folder, labelled, dictionary=folder / "dd.csv").frame["answer"]) == ["HMI", "IP"]
    with pytest.raises(InputError, match='line 2, column "dx_t001": one of HMI, IP .* "1 and 2" was found'):
        bring(folder, "\n".join([header, "1,close_arm_1,1,1,0,1,2"]), dictionary=folder / "dd.csv")
    with pytest.raises(InputError, match='column "redcap_event_name": close_arm_1 or whole_arm_1 was expected'):
        bring(folder, "\n".join([header, "1,third_arm_1,1,0,0,1,2"]), dictionary=folder / "dd.csv")


def test_the_times_that_qualtrics_writes_beside_every_question_are_no_answers(folder):
    header = [*HEADER, "foc_T001_t_First Click", "foc_T001_t_Click Count"]
    rows = list(csv.reader(io.StringIO(qualtrics([response("R_1")]))))
    wider = [header, [*rows[1], "Timing", "Timing"], [*rows[2], '{"ImportId": "a"}', '{"ImportId": "b"}'], [*rows[3], "1.5", "2"]]
    out = io.StringIO()
    csv.writer(out).writerows(wider)
    found = bring(folder, out.getvalue())
    assert len(found.frame) == 8
    assert any("2 columns beside the answers" in note and "First Click" in note for note in found.notes)


def test_surveys_of_a_design_have_a_number_or_a_name(folder):
    design = {"surveys": [{"survey": 1, "blocks": [{"view": "focused", "items": ["T002", "T001"]}]}]}
    (folder / "design.json").write_text(json.dumps(design))
    assert len(bring(folder, qualtrics([response("R_1")]), design=folder / "design.json").frame) == 2


def test_long_tables_under_other_names(folder):
    (folder / "map.toml").write_text(
        'schema = "import-map/1"\nsource = "long"\n[reader]\nid = "who"\ngroup = "role"\n'
        '[long]\nitem = "case"\nanswer = "said"\ntruth = "is"\nrt_s = "seconds"\nkind = "kind"\n'
    )
    text = "who,role,case,said,is,seconds,kind\nann,doctor,a,HMI,HMI,2.5,human\nnet,net,a,IP,HMI,,model\n"
    found = bring(folder, text)
    assert list(found.frame["rt_ms"]) == [2500, ""]
    assert list(found.frame["kind"]) == ["human", "model"]
    with pytest.raises(InputError, match='line 4, column "case"'):
        bring(folder, text + "ann,doctor,a,IP,HMI,1,human\n")


def test_a_wrong_map_names_every_field(folder):
    (folder / "map.toml").write_text('schema = "x"\nsource = "excel"\ncolour = 1\n[reader]\n[pattern]\nanswer = "{view}"\n')
    with pytest.raises(InputError) as error:
        bring(folder, qualtrics([response("R_1")]))
    for name in ("schema", "source", "colour", "reader.id", "reader.group", "pattern.answer"):
        assert name in str(error.value)


def test_commands_import_and_analyse_in_one_step(folder, capsys):
    (folder / "export.csv").write_text(qualtrics([response("R_1"), response("R_2"), response("R_3", "Medical geneticist")]))
    options = ["--map", str(folder / "map.toml"), "--truth", str(folder / "items.csv")]
    assert main(["import", "qualtrics", str(folder / "export.csv"), *options, "--out", str(folder / "readings.csv")]) == 0
    assert "24 readings of 3 readers" in capsys.readouterr().out
    assert len(read_readings(folder / "readings.csv").frame) == 24
    assert main(["import", "redcap", str(folder / "export.csv"), *options, "--out", str(folder / "r.csv")]) == 2
    assert main(["analyse", str(folder / "export.csv"), *options, "--out", str(folder / "out")]) == 0
    table = pd.read_csv(folder / "out/tables/accuracy.csv")
    own = table[(table["group"] == "pediatrician") & (table["view"] == "focused")]
    assert own["accuracy"].iloc[0] == pytest.approx(0.75)


def test_a_code_that_was_saved_as_a_decimal_number_is_the_code(folder):
    chart = QUALTRICS_MAP.replace('labels = {', 'labels = { "1" = "HMI", "2" = "IP",')
    (folder / "map.toml").write_text(chart)
    found = bring(folder, qualtrics([response("R_1", answers=["1.0", "2.0", "1", "", "1", "2", "2.0", "-99"])]))
    assert list(found.frame["answer"]) == ["HMI", "IP", "HMI", "", "HMI", "IP", "IP", ""]
    with pytest.raises(InputError, match='"3.0" was found'):
        bring(folder, qualtrics([response("R_1", answers=["3.0", *ANSWERS[1:]])]))


AGAIN_MAP = """
schema = "import-map/1"
source = "wide"
[reader]
id = "who"
group_is = "pediatrician"
[answers]
labels = { "1" = "HMI", "2" = "IP" }
[pattern]
answer = "{item}_alone"
assisted_answer = "{item}_again"
assisted_rt_s = "{item}_time"
"""
SAID = """
[assisted]
assistant_is = "classifier"
[assisted.answers]
T001 = "HMI"
T002 = "HMI"
"""


def test_second_answers_come_in_with_what_the_network_said(folder):
    (folder / "map.toml").write_text(AGAIN_MAP + SAID, encoding="utf-8")
    (folder / "wide.csv").write_text(
        "who,T001_alone,T001_again,T001_time,T002_alone,T002_again,T002_time\nann,1,1,2.5,2,1,4\nbob,2,1,3,2,,\n", encoding="utf-8"
    )
    readings = import_readings(folder / "wide.csv", folder / "map.toml", truth=folder / "items.csv").readings("wide.csv")
    found = readings.frame.set_index(["reader", "item"]).sort_index()
    assert set(found["assistant"]) == {"classifier"}
    assert found["assistant_answer"].tolist() == ["HMI"] * 4
    assert found["answer"].tolist() == ["HMI", "IP", "IP", "IP"]
    assert found["assisted_answer"].tolist() == ["HMI", "HMI", "HMI", ""]
    assert found["assisted_rt_ms"].fillna(-1).tolist() == [2500, 4000, 3000, -1]


def test_columns_of_the_network_and_a_control_arm_come_from_a_long_table(folder):
    (folder / "map.toml").write_text(
        """
schema = "import-map/1"
source = "long"
[reader]
id = "who"
group = "kind_of_reader"
[long]
item = "case"
truth = "gold"
answer = "first"
assistant = "ai"
assistant_answer = "ai_says"
assisted_answer = "second"
assisted_rt_ms = "ms"
""",
        encoding="utf-8",
    )
    (folder / "long.csv").write_text(
        "who,kind_of_reader,case,gold,first,ai,ai_says,second,ms\n"
        "ann,doctor,c1,HMI,IP,net,HMI,HMI,900\nann,doctor,c2,IP,IP,,,IP,700\n",
        encoding="utf-8",
    )
    found = import_readings(folder / "long.csv", folder / "map.toml").readings("long.csv").frame
    assert found["assistant"].tolist() == ["net", ""]
    assert found["asked_again"].tolist() == ["yes", "yes"]  # the second row is of the control arm
    assert found["assisted_rt_ms"].tolist() == [900, 700]


@pytest.mark.parametrize(
    ("left_out", "named"), [("assistant_is", "pattern.assistant"), ("answers", "pattern.assistant_answer")]
)
def test_a_second_answer_without_the_network_is_refused(folder, left_out, named):
    said = {"assistant_is": '\n[assisted.answers]\nT001 = "HMI"\n', "answers": '\n[assisted]\nassistant_is = "classifier"\n'}
    (folder / "map.toml").write_text(AGAIN_MAP + said[left_out], encoding="utf-8")
    (folder / "wide.csv").write_text("who,T001_alone,T001_again\nann,1,1\n", encoding="utf-8")
    with pytest.raises(InputError) as refusal:
        import_readings(folder / "wide.csv", folder / "map.toml", truth=folder / "items.csv")
    assert [problem.column for problem in refusal.value.problems] == [named]


@pytest.mark.parametrize(("head", "cell", "said"), [
    ("ResponseId,Q1", "x" * 200_000, "is not a well-formed CSV at line 4: field larger than field limit"),
    ("ResponseId,ResponseId", "x", "names the column ResponseId more than once"),
    ("ResponseId,Q1", "a\0b", 'line 4, column "Q1": a text was expected, the control character 0'),
])  # fmt: skip
def test_an_export_of_qualtrics_that_no_program_wrote_is_refused_in_a_sentence(head, cell, said, tmp_path):
    path = tmp_path / "export.csv"
    path.write_text(f'{head}\nq,q\n{{ImportId:a}},b\nR_1,{cell}\n')
    with pytest.raises(InputError) as refused:
        read_sheet(path, "qualtrics", ("ResponseId",))
    assert said in str(refused.value)
