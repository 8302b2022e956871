"""Tables as people send them: refused with the row, the column and what to do, or analysed with a note."""

import csv
import io

import pytest
from openpyxl import Workbook

from benchmark.core import InputError, Plan, Readings, analyse, read_readings
from benchmark.core.commands.main import main
from benchmark.core.inputs.predictions import check_against, read_predictions
from benchmark.core.report.comparisons import signed_ranks

HEADER = "reader,group,item,truth,answer"
QUICK = Plan(bootstrap_draws=200, mixed_models="never")


def table(*more: str, header: str = HEADER, extra: str = "") -> str:
    """Two readers of four items, two classes, and further rows."""
    rows = [f"{reader},d,i{k},{'ab'[k % 2]},{'ab'[(k + (reader == 'bob')) % 2]}{extra}" for reader in ("ann", "bob")
            for k in range(4)]  # fmt: skip
    return "\n".join([header, *rows, *more]) + "\n"


UNKIND = {
    "bars": (table().replace(",", "|"), "separated by bars; commas, semicolons or tabs are needed"),
    "two separators": (table().replace(",group,item,", ";group;item,"), "as many commas as semicolons in its header"),
    "capital letters": (table(header=HEADER.title()), "Names of columns are written in small letters"),
    "UTF-16 without its mark": (table().encode("utf-16-le"), "may be UTF-16 without its mark"),
    "UTF-8 that was cut off": (table("Jörg,d,i1,b,b").encode() + "ö".encode()[:1], "line 11 holds a byte that is not: it was cut off"),
    "a damaged workbook": (b"PK\x03\x04" + bytes(40), "is a damaged workbook or archive"),
    "JSON": ('[{"reader": "ann"}]', "needs the columns reader, group, item, truth, answer"),
    "an open quotation mark": (table('ann,d,"i9,a,b'), "opened in the row that begins at line 10 is never closed"),
    "a NUL": (table("ann,d,i\x009,a,b"), 'line 10, column "item": a text was expected, the control character 0'),
    "per cent": (table(header=f"{HEADER},confidence", extra=",80%"), 'line 2, column "confidence": a number'),
    "a decimal comma beside words": (
        table('ann,d,i9,a,b,"0,5"', header=f"{HEADER},confidence", extra=",sure"), '"0,5" was found. Decimals need a point: "0.5".',
    ),
    "thousands or decimals": (table(header=f"{HEADER},rt_ms", extra=',"1,234"'), '"1,234" in the column rt_ms, which may mean 1.234 or 1234'),
    "infinity": (table(header=f"{HEADER},rt_ms", extra=",inf"), 'line 9, column "rt_ms": a number of at least 0'),
    "another calendar": (table(header=f"{HEADER},completed_at", extra=",13/45/2026"), 'line 2, column "completed_at"'),
    "a row twice": (table("ann,d,i0,a,a"), 'line 10, column "item": reader "ann" already has a reading'),
    "a separator of no spreadsheet": ("sep=|\n" + table(), 'begins with "sep=|"; needed are commas, semicolons or tabs'),
    "a first row that differs from all others": (
        f"{HEADER}\nzoe,d,i1,a,a\n{table().partition(chr(10))[2]}", 'line 2, column "truth": item "i1" has truth "b" below and "a" here',
    ),
    "no truth in one row": (table("cy,d,i0,,b"), 'has 1 problem; nothing was read.\n  line 10, column "truth": a value was needed'),
    "two truths": (table("cy,d,i0,b,b"), 'line 10, column "truth": item "i0" has truth "a" above and "b" here'),
    "both person and network": (
        table("ann,d,i9,a,a,model", header=f"{HEADER},kind", extra=",human"), 'line 10, column "kind": reader "ann"',
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNKIND)
def test_refused_with_the_place_and_what_to_do(name):
    content, sentence = UNKIND[name]
    with pytest.raises(InputError) as error:
        read_readings(io.BytesIO(content if isinstance(content, bytes) else content.encode()))
    assert sentence in str(error.value)


def notes_of(text: str) -> str:
    results = analyse(read_readings(io.StringIO(text)), plan=QUICK)
    results.to_json()
    return " ".join(results["notes"])


def test_a_byte_order_mark_and_carriage_returns_are_no_trouble():
    plain, windows = (read_readings(io.BytesIO(t.encode())) for t in (table(), "\ufeff" + table().replace("\n", "\r\n")))
    assert plain.frame.equals(windows.frame)


def as_workbook(text: str) -> bytes:
    book, out = Workbook(), io.BytesIO()
    for row in csv.reader(io.StringIO(text)):
        book.active.append([float(cell) if cell[:1].isdigit() else cell for cell in row])
    book.save(out)
    return out.getvalue()


SAVED = {
    "semicolons": lambda text: text.replace(",", ";").encode(),
    "an empty column at the right": lambda text: text.replace("\n", ",\r\n").encode(),
    "Excel's own first line and empty rows": lambda text: f"sep=;\n{text.replace(',', ';')};;\n;;;;\n".encode(),
    "Unicode text": lambda text: text.replace(",", "\t").encode("utf-16"),
    "Windows-1252": lambda text: text.encode("cp1252"),
    "a workbook": as_workbook,
}


@pytest.mark.parametrize("way", SAVED)
def test_a_table_is_the_same_however_a_spreadsheet_saves_it(way):
    text = table("Jörg,d,i1,b,b,0.25", header=f"{HEADER},confidence", extra=",0.5")
    assert read_readings(io.BytesIO(SAVED[way](text))).frame.equals(read_readings(io.StringIO(text)).frame)


def test_decimal_commas_and_a_guessed_encoding_are_analysed_and_told(tmp_path, capsys):
    """What R and the hash are given is the table written plainly; probabilities that a spreadsheet saved are refused."""
    source = tmp_path / "r.csv"
    text = table("Jörg,d,i1,b,b,0.25", header=f"{HEADER},confidence", extra=",0.5").replace(",", ";").replace("0.", "0,")
    source.write_bytes(text.encode("cp1252"))
    assert main(["analyse", str(source), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert 'read as Windows-1252, as Excel saves CSV in Western Europe. Look at its letters: "Jörg"' in said
    assert f"check.R {tmp_path}/out/readings.csv" in said
    assert (tmp_path / "out/readings.csv").read_text().splitlines()[-1] == 'Jörg,d,i1,b,b,"0,25"'
    with pytest.raises(InputError, match="saved by a spreadsheet, which may have rounded its numbers"):
        read_predictions(io.BytesIO(b"model;member;item;view;truth;p_a;p_b\n"))


def test_a_table_in_the_folder_of_results_is_not_overwritten_by_its_plain_copy(tmp_path, capsys):
    source = tmp_path / "readings.csv"
    source.write_bytes(given := table().replace(",", ";").encode())
    assert main(["analyse", str(source), "--out", str(tmp_path)]) == 2
    assert "would be overwritten by its plain copy" in capsys.readouterr().err
    assert [source.read_bytes(), *tmp_path.iterdir()] == [given, source]


def test_an_answer_in_another_case_is_wrong_and_noted():
    assert 'The answer "B" is counted as wrong, for the class is written "b"' in notes_of(table("ann,d,i9,b,B"))


def test_two_spellings_of_one_class_are_noted():
    """A Mac writes an umlaut as two signs, another program as one; both look the same."""
    said = notes_of(table("ann,d,i8,Ödem,Ödem", "ann,d,i9,O\u0308dem,Ödem", "bob,d,i7,A,a"))
    assert '"O\u0308dem" and "Ödem" are counted as two classes' in said
    assert '"A" and "a" are counted as two classes' in said
    assert said.count("two classes") == 2


def test_a_group_that_never_answered_is_noted():
    silent = table().replace(",a\n", ",\n").replace(",b\n", ",\n")
    assert "Nobody of ds answered anything" in notes_of(silent)
    said = notes_of(table())
    assert "answered anything" not in said
    assert "two classes" not in said


def test_words_that_look_like_a_missing_answer_are_noted():
    assert '"N/A" counts as a class of that name' in notes_of(table("ann,d,i9,b,N/A"))
    assert "counts as a class" not in notes_of(table("ann,d,i9,b,"))


def test_a_network_that_meets_nobody_is_noted():
    rows = table("net,m,z1,a,a,model", header=f"{HEADER},kind", extra=",human")
    assert 'The network "net" shares no item and view with any reader' in notes_of(rows)
    shared = table("net,m,i1,b,b,model", "net,m,i2,a,b,model", header=f"{HEADER},kind", extra=",human")
    assert "shares no item" not in notes_of(shared)


def test_markup_and_formulas_in_names_stay_text(tmp_path):
    source = tmp_path / "r.csv"
    source.write_text(table().replace("ann", "<script>alert(1)</script>").replace(",d,", ',"=1+1",'))
    assert main(["analyse", str(source), "--out", str(tmp_path / "out")]) == 0
    assert "<script>alert(1)" not in (tmp_path / "out/report.html").read_text()
    assert "'=1+1" in (tmp_path / "out/tables/accuracy.csv").read_text()


@pytest.mark.parametrize("rows", [["ann,d,i1,a,a"], ["ann,d,i1,a,"], [f"n{k},m,i{k},a,b" for k in range(3)]])
def test_tiny_tables_give_nulls_with_reasons(rows):
    results = analyse(read_readings(io.StringIO("\n".join([HEADER, *rows]) + "\n")), plan=QUICK)
    text = results.to_json()
    assert "NaN" not in text
    assert all(r["fleiss_kappa"] is None and r["why"] for r in results["agreement"])


def test_a_frame_in_memory_is_checked_like_a_file():
    frame = read_readings(io.StringIO(table())).frame.assign(rt_ms="soon")
    with pytest.raises(InputError, match='line 2, column "rt_ms"'):
        Readings.from_frame(frame)


def only(text: str, plan: Plan = QUICK):
    return analyse(read_readings(io.StringIO(text)), plan=plan)


def crossed(answer, classes: str = "ab") -> str:
    """Three readers and a network on six items; answer: from (reader, item, truth) to what is said."""
    rows = [
        f"r{r},d,i{i},{classes[i % len(classes)]},{answer(r, i, classes[i % len(classes)])},{'model' if r == 3 else 'human'}"
        for r in range(4)
        for i in range(6)
    ]
    return "\n".join([f"{HEADER},kind", *rows]).replace("r3,d", "net,m") + "\n"


def test_agreement_without_any_spread_has_no_interval():
    """Every draw of a bootstrap of equal answers is the same: [1, 1] would feign certainty."""
    results = only(crossed(lambda r, i, truth: truth))
    (record,) = results["agreement"]
    assert record["fleiss_kappa"] == 1
    assert record["fleiss_kappa_ci_low"] is None
    assert "no interval of fleiss_kappa" in record["why"]
    assert all(r["ci_low"] is None and r["why"] for r in results["category_agreement"])
    assert all(r["ci_low"] is None and r["gain_ci_low"] is None and r["why"] for r in results["teams"])


def test_no_difference_is_no_claim_of_equality_and_ranks_nothing():
    (record,) = only(crossed(lambda r, i, truth: truth))["paired"]
    assert "net and ds differed by 0.0 points (no test: every difference is the same" in record["answer"]
    assert signed_ranks(record) == "not estimable: every difference is zero"


def test_readers_who_never_answered_do_not_agree():
    results = only(crossed(lambda r, i, truth: truth if r == 3 else ""))
    (record,) = results["agreement"]
    assert record["percent_agreement"] is None
    assert record["why"]
    assert all(r["brennan_prediger"] is None for r in results["fixed_raters"])


def test_kappa_against_a_truth_of_one_class_is_null_with_a_reason():
    results = only(crossed(lambda r, i, truth: "ab"[(r + i) % 2], classes="a"))
    assert all(r["kappa"] is None and "at least two classes" in r["why"] for r in results["metrics"])


def test_an_interval_of_a_difference_ends_where_the_scale_ends():
    """Readers nearly always wrong, the network nearly always right: t would reach beyond 100 points."""
    results = only(crossed(lambda r, i, truth: truth if (r == 3) != (r == i) else "ba"[truth == "b"]))
    found = [r for name in ("paired", "new_images", "new_images_methods", "class_differences") for r in results[name]]
    bounds = [r[key] for r in found for key in ("ci_low", "ci_high") if r[key] is not None]
    assert max(bounds) == 1
    assert min(bounds) >= -1


def test_probabilities_that_contradict_the_truth_name_their_line():
    rows = ["model,member,item,view,truth,p_a,p_b", "net,ensemble,i0,,a,.5,.5", "net,ensemble,i1,,a,.5,.5"]
    predictions = read_predictions(io.StringIO("\n".join(rows)))
    with pytest.raises(InputError, match='line 3, column "truth": item "i1" has truth "b" in the readings and "a" here'):
        check_against(predictions, read_readings(io.StringIO(table())))


def with_probabilities(*rows: str) -> list[str]:
    head = "model,member,item,view,truth,p_a,p_b"
    predictions = read_predictions(io.StringIO("\n".join([head, *rows]) + "\n"))
    net = table("net,m,i1,b,a,model", "net,m,i2,a,a,model", header=f"{HEADER},kind", extra=",human")
    return analyse(read_readings(io.StringIO(net)), plan=QUICK, predictions=predictions)["notes"]


def test_a_network_called_as_a_person_is_refused():
    with pytest.raises(InputError, match='line 3, column "model": "bob" is a person in the readings'):
        with_probabilities("net,ensemble,i1,,b,.2,.8", "bob,ensemble,i1,,b,.2,.8")


def test_members_without_an_ensemble_and_improbable_answers_are_noted():
    said = " ".join(with_probabilities("net,ensemble,i1,,b,.2,.8", "net,ensemble,i2,,a,.9,.1", "n2,0,i1,,b,.2,.8", "n2,1,i1,,b,.2,.8"))
    assert 'The network "net" answered 1 of 2 images with another class than its most probable one' in said
    assert 'The network "n2" has members but no row whose member is "ensemble"' in said


def test_a_shift_that_is_the_same_everywhere_has_no_interval():
    (record,) = only(crossed(lambda r, i, truth: truth if r == 3 else "ba"[truth == "b"]))["paired"]
    assert record["mean_difference"] == 1
    assert (record["ci_low"], record["hl_ci_low"]) == (None, None)
    assert "every difference is the same" in record["why"]
