"""Bad rows are told all at once, each with its line and column; nothing is half read."""

import io

import pandas as pd
import pytest

from benchmark.core import InputError, Readings, read_predictions, read_readings
from benchmark.core.inputs.predictions import add_model_readings

GOOD = (
    "reader,group,item,truth,answer,kind,note\n"
    "ann,doctors,i1,cat,cat,,x\nann,doctors,i2,dog,,human,y\nnet,nets,i1,cat,dog,model,\n"
)


def test_good_file_is_read_with_extra_columns_and_empty_answers():
    readings = read_readings(io.StringIO(GOOD))
    assert list(readings.frame["kind"]) == ["human", "human", "model"]
    assert list(readings.frame["answer"]) == ["cat", "", "dog"]
    assert list(readings.frame["note"]) == ["x", "y", ""]
    assert (readings.human_groups, readings.models, readings.classes) == (("doctors",), ("net",), ("cat", "dog"))


def test_every_bad_row_is_reported_with_line_and_column():
    text = (
        "reader,group,item,truth,answer,kind,confidence,rt_ms,completed_at\n"
        "ann,doctors,i1,cat,cat,human,high,12,\n"
        ",doctors,i2,dog,dog,human,,,\n"
        "ann,nurses,i3,cat,cat,robot,,-4,soon\n"
        'bob,doctors,"i1",dog,cat,human,,,\n'
    )
    with pytest.raises(InputError) as error:
        read_readings(io.BytesIO(text.encode()))
    places = {(problem.line, problem.column) for problem in error.value.problems}
    assert places == {
        (2, "confidence"), (3, "reader"), (4, "group"), (4, "kind"), (4, "rt_ms"), (4, "completed_at"), (5, "truth"),
    }  # fmt: skip
    assert "7 problems; nothing was read" in str(error.value)


def test_line_numbers_count_quoted_line_breaks_and_blank_lines():
    text = 'reader,group,item,truth,answer,note\nann,d,i1,cat,cat,"two\nlines"\n\nann,d,i2,cat\nann,d,i3,,cat,\n'
    with pytest.raises(InputError) as error:
        read_readings(io.StringIO(text))
    assert [(p.line, p.message) for p in error.value.problems] == [(5, "6 fields were expected, 4 were found.")]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"reader,group,item,truth,answer\n", "has a header but no rows"),
        (b"reader,group\na,b\n", "needs the columns item, truth, answer"),
        (b"reader,group,item,truth,answer,item\n", "names the column item more than once"),
        (b"reader,group,item,truth,answer\n\x81\xd7,b,c,d,e\n", "neither UTF-8 nor Windows-1252; line 2"),
    ],
)
def test_files_that_are_no_readings_are_refused_in_a_sentence(content, sentence):
    with pytest.raises(InputError, match=sentence):
        read_readings(io.BytesIO(content))


def test_a_person_cannot_read_one_image_twice_and_a_network_cannot_contradict_itself():
    rows = [("ann", "d", "i1", "cat", "cat", "human"), ("ann", "d", "i1", "cat", "dog", "human"),
            ("net", "n", "i1", "cat", "cat", "model"), ("net", "n", "i1", "cat", "dog", "model")]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["reader", "group", "item", "truth", "answer", "kind"])
    with pytest.raises(InputError) as error:
        Readings.from_frame(frame)
    assert [problem.line for problem in error.value.problems] == [3, 5]


def test_a_networks_answer_repeated_per_survey_counts_once(founding_frame):
    model = founding_frame[founding_frame["kind"] == "model"]
    repeated = pd.concat([founding_frame, model.assign(survey="S01"), model.assign(survey="S02")])
    assert len(Readings.from_frame(repeated).frame) == len(founding_frame)


PREDICTIONS = (
    "model,member,item,view,truth,p_cat,p_dog\nnew,0,i1,,cat,.9,.1\nnew,1,i1,,cat,.2,.8\nnew,ensemble,i1,,cat,.55,.45\n"
)


def test_an_ensembles_prediction_becomes_the_networks_answer():
    readings = read_readings(io.StringIO(GOOD))
    together = add_model_readings(readings, read_predictions(io.StringIO(PREDICTIONS)))
    added = together.frame[together.frame["reader"] == "new"]
    assert list(added["answer"]) == ["cat"]
    assert list(added["kind"]) == ["model"]


def test_bad_predictions_name_their_lines_and_contradicting_truth_is_refused():
    bad = (
        PREDICTIONS.replace(".9,.1", ".9,.3")
        .replace(".2,.8", "x,.8")
        .replace("new,ensemble,i1,,cat", "new,ensemble,i1,,cow")
    )
    with pytest.raises(InputError) as error:
        read_predictions(io.StringIO(bad))
    assert [(p.line, p.column) for p in error.value.problems] == [(2, None), (3, "p_cat"), (4, "truth")]
    with pytest.raises(InputError, match='has truth "cat" in the readings and "dog" here'):
        add_model_readings(
            read_readings(io.StringIO(GOOD)), read_predictions(io.StringIO(PREDICTIONS.replace(",cat,", ",dog,")))
        )
