"""Tables leave exact for programs and rounded for papers: CSV, XLSX, LaTeX and Word, with a dictionary of their columns."""

import io

import openpyxl
import pandas as pd
import pytest

from benchmark.core import write_analysis
from benchmark.core.output.dictionary import dictionary_of, meaning
from benchmark.core.output.tables import as_csv, as_latex, as_xlsx, flat_records, paper_tables
from benchmark.core.output.word import as_docx


@pytest.fixture(scope="module")
def folder(founding_results, tmp_path_factory):
    path = tmp_path_factory.mktemp("tables")
    write_analysis(founding_results, path, figures=False, word=True)
    return path / "tables"


def test_workbook_has_a_sheet_per_table_with_numbers_as_numbers(founding_results, folder):
    book = openpyxl.load_workbook(folder / "tables.xlsx")
    assert book.sheetnames == ["dictionary", *[name[:31] for name in founding_results.sections], "plan"]
    sheet = book["paired"]
    header = [cell.value for cell in sheet[1]]
    value = sheet.cell(2, header.index("mean_difference") + 1)
    assert value.data_type == "n"
    assert value.value == pytest.approx(founding_results["paired"][0]["mean_difference"], rel=1e-14)


def test_formulas_are_escaped_in_sheets_and_csv():
    rows = [{"name": '=HYPERLINK("x")', "n": -1.5}, {"name": "+1", "n": 2}]
    sheet = openpyxl.load_workbook(io.BytesIO(as_xlsx({"t": rows})))["t"]
    assert sheet["A2"].value == "'=HYPERLINK(\"x\")"
    assert sheet["A2"].data_type == "s"
    assert sheet["B2"].value == -1.5
    assert as_csv(rows).splitlines()[1].startswith("\"'=HYPERLINK")


CONTRACT = {
    "accuracy": "group kind view readers items readings answered correct accuracy ci_low ci_high ci_method",
    "paired": "model group view unit n mean_difference sd t df p ci_low ci_high cohens_dz wilcoxon_p sign_flip_p",
    "new_images": "model group view difference se t df p ci_low ci_high var_reader var_item var_both",
    "confusion": "group view truth answer count row_percent",
    "agreement": "group view fleiss_kappa krippendorff_alpha gwet_ac1 percent_agreement",
}


def test_every_column_of_the_contract_has_a_meaning(founding_results, folder):
    words = pd.read_csv(folder / "dictionary.csv")
    for section, columns in CONTRACT.items():
        own = words[words["table"] == section].set_index("column")
        assert set(own.index) == {key for record in flat_records(founding_results, section) for key in record}
        assert own.loc[columns.split(), "meaning"].notna().all()
        assert own["table_holds"].notna().all()
    assert words["meaning"].notna().mean() > 0.95, words[words["meaning"].isna()]["column"].tolist()
    types = words.set_index(["table", "column"])["type"]
    assert types["paired", "n"] == "whole number"
    assert types["paired", "p"] == "number"


def test_bounds_are_named_by_what_they_bound():
    assert meaning("fleiss_kappa_ci_low") == "lower bound of Fleiss' kappa, a missing answer counting as a category"
    assert meaning("nobody_knows") == ""
    assert dictionary_of({"t": [{"a": True, "b": None}]})[0]["type"] == "yes or no"


def test_latex_is_escaped_and_ruled():
    text = as_latex("50 % & more_", ["Who", "p"], [["a_b", "3.52 × 10⁻⁹"], ["c#", "−1.0"]])
    assert r"\toprule" in text
    assert r"50 \% \& more\_" in text
    assert r"a\_b & 3.52 $\times$ 10$^{-9}$ \\" in text
    assert r"c\# & $-$1.0 \\" in text


def test_word_document_holds_the_papers_tables_and_repeats_its_bytes(founding_results, folder):
    from docx import Document

    document = Document(folder / "tables.docx")
    tables = paper_tables(founding_results)
    assert len(document.tables) == len(tables)
    for found, (_, header, rows) in zip(document.tables, tables.values()):
        assert [cell.text for cell in found.rows[0].cells] == header
        assert [cell.text for cell in found.rows[1].cells] == rows[0]
    assert any("Simulated" in paragraph.text for paragraph in document.paragraphs)
    assert as_docx(founding_results) == (folder / "tables.docx").read_bytes()
