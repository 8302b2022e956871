"""Promises about the long table, networks as readers, simulation and imports."""

import json
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError

from imagebank.models import Study
from imagebank.tables import spreadsheet_safe
from surveys.core import Design, verify
from surveys.exports.tables import readings_csv
from surveys.models import Answer, ImportedReading, Reader, SurveyItem, SurveyResponse
from surveys.services import (
    answer_log_fault,
    create_survey_set,
    import_readings,
    load_protocol,
    readings_frame,
    record_model_answers,
    simulate_readers,
    store_survey_set,
)
from tests.surveys.sitting import begin, read_all
from tests.surveys.study import make_protocol, make_study

pytestmark = pytest.mark.django_db
PRESET = Path(__file__).resolve().parents[2] / "fixtures" / "founding" / "study.toml"
ACCURACIES = {(group, view): 0.7 for group in ("geneticist", "pediatrician") for view in ("focused", "panoramic")}


def test_every_question_is_a_row_and_blanks_are_empty(study):
    read_all(begin(study), skip=(2,))
    frame = readings_frame(study=study)
    assert len(frame) == 12
    assert list(frame.columns[:10]) == [
        "reader", "group", "kind", "survey", "view", "block", "position", "item", "truth", "answer",
    ]  # fmt: skip
    assert (frame.answer == "").sum() == 2
    assert set(frame.completed_at) == {""}
    assert (frame.truth == frame["item"].str.split("-").str[1]).all()
    assert readings_frame(study=study, analysed_only=True).empty


def test_a_network_answers_every_survey_item_and_its_history_grows_only_by_changes(study):
    answers = {(f"case-{code}-{n}", view): code for code in ("ZQA", "ZQB") for n in range(4)
               for view in ("focused", "panoramic")}  # fmt: skip
    reader = record_model_answers(study=study, name="Classifier", answers=answers)
    assert (reader.kind, reader.group.code) == ("model", "classifier")
    frame = readings_frame(study=study)
    assert len(frame) == 48
    assert (frame[frame.answer != ""].answer == frame[frame.answer != ""].truth).all()
    assert (frame.answer == "").sum() == 16
    assert Answer.objects.count() == 32
    record_model_answers(study=study, name="Classifier", answers=answers)
    assert Answer.objects.count() == 32
    record_model_answers(study=study, name="Classifier", answers=answers | {("case-ZQA-0", "focused"): "ZQC"})
    assert Answer.objects.count() == 34, "one item, in two surveys"
    assert all(answer_log_fault(response) is None for response in SurveyResponse.objects.all())


def test_answers_of_a_network_must_fit_the_study(study):
    with pytest.raises(ValidationError, match="no class XX"):
        record_model_answers(study=study, name="Net", answers={("case-ZQA-0", "focused"): "XX"})
    with pytest.raises(ValidationError, match="None of the 1 answers"):
        record_model_answers(study=study, name="Net", answers={("elsewhere", "focused"): "ZQA"})
    assert not Reader.objects.exists()


def test_simulated_readers_fill_every_seat_and_are_marked(study):
    steps = []
    count = simulate_readers(
        study=study, seed=5, accuracies=ACCURACIES, progress=lambda done, total: steps.append((done, total)),
        leave_open=[("S01", "geneticist")],
    )  # fmt: skip
    assert count == 7
    assert steps[-1] == (7, 7)
    frame = readings_frame(study=study)
    assert frame.simulated.all()
    assert Reader.objects.filter(simulated=True).count() == 7
    assert len(frame) == 84
    assert simulate_readers(study=study, seed=5, accuracies=ACCURACIES, leave_open=[("S01", "geneticist")]) == 0


def test_the_same_seed_gives_the_same_simulated_answers():
    from tests.surveys.study import make_surveyed_study

    frames = []
    for slug in ("one", "two"):
        study = make_surveyed_study(slug)
        simulate_readers(study=study, seed=5, accuracies=ACCURACIES)
        frames.append(readings_frame(study=study)[["reader", "survey", "view", "item", "answer", "rt_ms"]])
    assert frames[0].equals(frames[1])


def test_an_interrupted_simulation_goes_on_where_it_stopped(study):
    class Interrupted(Exception):
        pass

    def stop(done, total):
        if done == 3:
            raise Interrupted

    with pytest.raises(Interrupted):
        simulate_readers(study=study, seed=5, accuracies=ACCURACIES, progress=stop)
    assert SurveyResponse.objects.complete().count() == 3
    simulate_readers(study=study, seed=5, accuracies=ACCURACIES)
    assert SurveyResponse.objects.analysed().count() == 8
    assert Answer.objects.standing().count() == 96


def test_spreadsheets_see_text_and_not_formulas(study):
    assert spreadsheet_safe("=cmd|'/c calc'!A1") == "'=cmd|'/c calc'!A1"
    assert spreadsheet_safe(-3) == "-3"
    assert spreadsheet_safe(float("nan")) == ""
    Reader.objects.create(study=study, group=study.reader_groups.get(code="classifier"), kind="model", code="@net")
    record_model_answers(study=study, name="@net", answers={("case-ZQA-0", "focused"): "ZQA"})
    assert "\n'@net,classifier,model,S01," in readings_csv(study)


def write(tmp_path, *rows, header="reader,group,item,truth,answer,view,rt_ms,kind"):
    path = tmp_path / "readings.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_readings_of_a_finished_study_come_in_once(tmp_path):
    study = make_study()
    path = write(
        tmp_path,
        "s1,people,case-ZQA-0,ZQA,ZQB,focused,812.5,",
        "s1,people,case-ZQB-0,ZQB,,focused,,human",
        "net,networks,case-ZQA-0,ZQA,ZQA,focused,,model",
    )
    assert import_readings(study=study, path=path).created == 3
    assert import_readings(study=study, path=path).unchanged == 3
    frame = readings_frame(study=study)
    assert frame[["reader", "kind", "answer"]].values.tolist() == [
        ["s1", "human", "ZQB"], ["s1", "human", ""], ["net", "model", "ZQA"],
    ]  # fmt: skip


def test_every_bad_row_is_named_by_its_line_and_nothing_comes_in(tmp_path):
    study = make_study()
    path = write(
        tmp_path,
        "s1,people,case-ZQA-0,ZQA,ZQB,focused,soon,",
        "s1,people,nowhere,ZQA,ZQB,focused,,",
        "s1,people,case-ZQB-0,ZQA,ZQB,focused,,",
        "s1,people,case-ZQC-0,ZQC,what,sideways,,robot",
        "s1,people,case-ZQC-1,ZQC,ZQC,focused,1,",
        "s1,people,case-ZQC-1,ZQC,ZQC,focused,1,",
    )
    with pytest.raises(ValidationError) as caught:
        import_readings(study=study, path=path)
    lines = [message.split(":")[0] for message in caught.value.messages]
    assert lines == ["Line 2", "Line 3", "Line 4", "Line 5", "Line 7"]
    assert not ImportedReading.objects.exists()
    assert not Reader.objects.exists()


def test_the_founding_preset_is_a_protocol_and_loads_twice():
    study = Study.objects.create(slug="founding-study", title="Founding study")
    protocol = load_protocol(study=study, path=PRESET)
    assert load_protocol(study=study, path=PRESET).pk == protocol.pk
    assert list(study.classes.values_list("code", flat=True)) == ["HMI", "IP", "MA", "NF1", "ML", "TSC", "Other"]
    assert list(study.reader_groups.values_list("prefix", flat=True)) == ["G", "P", "C"]
    assert (protocol.per_class, protocol.sets, protocol.view_order) == (4, 6, ["focused", "panoramic"])
    assert protocol.fewest_answers(56) == 54
    assert len(protocol.demographic_questions) == 3


def test_a_protocol_is_fixed_by_the_first_answer(study, tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(
        """schema = "study-preset/1"
        [study]
        question = "Changed?"
        [survey_set]
        block_order = ["focused", "panoramic"]
        per_class = 2
        sets = 2
        [completion]
        threshold = 0.95
        [texts]
        consent = "Yes."
        """
        + "".join(f'[[classes]]\ncode = "{c}"\nname = "x"\n' for c in ("ZQA", "ZQB", "ZQC"))
        + "".join(f'[[views]]\ncode = "{v}"\nlabel = "{v}"\n' for v in ("focused", "panoramic"))
        + '[[reader_groups]]\ncode = "geneticist"\nsingular = "geneticist"\nplural = "geneticists"\n',
        encoding="utf-8",
    )
    read_all(begin(study))
    with pytest.raises(ValidationError, match="fixed since the first answer.*question"):
        load_protocol(study=study, path=path)
    study.protocol.refresh_from_db()
    assert study.protocol.question == "Which condition is best represented?"


def test_surveys_are_drawn_once_from_a_seed_and_the_stored_design_verifies():
    study = make_study()
    make_protocol(study)
    first = create_survey_set(study=study, seed=11)
    assert create_survey_set(study=study, seed=11) == first
    with pytest.raises(ValidationError, match="drawn once"):
        create_survey_set(study=study, seed=12)
    truth = {item.code: item.truth.diagnosis.code for item in study.items.all()}
    assert verify(Design.from_json(json.dumps(first.design)), truth).promises_hold
    rows = {
        (row.block.survey.number, row.block.position, row.position): row.item.code
        for row in SurveyItem.objects.select_related("block__survey", "item")
    }
    drawn = {
        (survey["survey"], block, place): code
        for survey in first.design["surveys"]
        for block, part in enumerate(survey["blocks"], start=1)
        for place, code in enumerate(part["items"], start=1)
    }
    assert rows == drawn


def test_a_finished_study_needs_no_tables_about_surveys_but_then_draws_none(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(
        'schema = "study-preset/1"\n[study]\nslug = "done"\n'
        '[[classes]]\ncode = "a"\nname = "A"\n[[views]]\ncode = "edges"\nlabel = "edges"\n',
        encoding="utf-8",
    )
    study = Study.objects.create(slug="done", title="Done")
    assert load_protocol(study=study, path=path).view_order == ["edges"]
    with pytest.raises(ValidationError, match="consent text"):
        create_survey_set(study=study, seed=1)


def test_an_impossible_design_is_refused_with_the_nearest_possible_one():
    study = make_study()
    make_protocol(study, per_class=3)
    with pytest.raises(ValidationError, match="nearest: 2 or 4 per class"):
        create_survey_set(study=study, seed=1)
    assert not study.survey_sets.exists()


def test_a_counterbalanced_study_starts_half_its_surveys_with_each_view():
    study = make_study()
    make_protocol(study, view_order_design="counterbalanced")
    survey_set = create_survey_set(study=study, seed=3)
    firsts = [survey.blocks.get(position=1).view for survey in survey_set.surveys.all()]
    assert sorted(firsts) == ["focused", "focused", "panoramic", "panoramic"]


def test_a_design_of_other_items_is_not_stored():
    study = make_study()
    make_protocol(study)
    blocks = [{"view": view, "items": ["elsewhere"]} for view in ("focused", "panoramic")]
    document = {"surveys": [{"survey": 1, "set": 1, "blocks": blocks}], "certificate": {}}
    with pytest.raises(ValidationError, match="elsewhere"):
        store_survey_set(study=study, seed=1, document=document)
