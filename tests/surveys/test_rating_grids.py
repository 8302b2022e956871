"""A style grid is rated cell by cell, with the sources of its rows and columns in sight."""

import csv
import hashlib
import io

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from PIL import Image

from imagebank.models import Item, ItemImage, Study
from surveys.exports.files import export_files
from surveys.models import Stimulus
from surveys.reading.context import stimulus_item
from surveys.services import cells_frame, create_rating_study, record_answer, record_viewing_event, sheet
from tests.surveys.rating_study import PRESET, make_rating_study, rater_opened
from tests.surveys.study import make_study
from tests.surveys.test_rating import RatingSitting, new

pytestmark = pytest.mark.django_db
TILE, ROWS, COLUMNS = 24, 2, 3
SHADES = [[250, 60, 90, 120], [30, 31, 32, 33], [200, 201, 202, 203]]


def sheet_image(study: Study) -> ItemImage:
    """A white corner, three sources above, two at the left, six mixes; every tile a grey of its own."""
    picture = Image.new("RGB", (TILE * (COLUMNS + 1), TILE * (ROWS + 1)))
    for row, shades in enumerate(SHADES):
        for column, shade in enumerate(shades):
            picture.paste((shade,) * 3, (column * TILE, row * TILE, (column + 1) * TILE, (row + 1) * TILE))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    facts = {"row_class": "ZQA", "row_seeds": ["4", "7"], "column_class": "ZQB", "column_seeds": ["1", "2", "3"]}
    item = Item.objects.create(study=study, code="mixed", attributes=facts)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    image = ItemImage(item=item, view="generated", width=picture.width, height=picture.height,
                      original_sha256=digest, pixel_sha256=digest)  # fmt: skip
    image.file.save("mixed.png", ContentFile(buffer.getvalue()), save=True)
    return image


@pytest.fixture
def gridded():
    study = Study.objects.create(slug="gridded", title="Grids")
    spec = sheet(
        sheet_image(make_study("gridded-bank")), rows=ROWS, columns=COLUMNS, tile_px=TILE, condition="style mix"
    )
    create_rating_study(study=study, preset=PRESET, stimuli=[spec], raters=6, seed=3)
    return study


def shade(response) -> int:
    return Image.open(io.BytesIO(response.content)).convert("L").getpixel((TILE // 2, TILE // 2))


def test_the_sources_of_rows_and_columns_stand_beside_the_cells(client, gridded):
    sitting = RatingSitting(client, gridded)
    for name, data in (("landing", {}), ("consent", {}), ("about", {"specialty": "Dermatology"}), ("instructions", {})):
        sitting.post(name, data)
    item = sitting.page_data(1)["items"][0]
    assert (len(item["frames"]), len(item["heads"])) == (ROWS * COLUMNS, ROWS + COLUMNS)
    got = [shade(sitting.client.get(address)) for address in [*item["heads"], *item["frames"]]]
    wanted = [30, 200, 60, 90, 120, 31, 32, 33, 201, 202, 203]
    assert got == [pytest.approx(grey, abs=3) for grey in wanted]
    for place in ("row3", "column4", "row0", "row"):
        assert sitting.get("image", f"?place={place}", public_id=item["id"]).status_code == 404


def test_a_grid_of_separate_pictures_has_no_sources():
    study = make_rating_study(kinds=["grid"])
    assert stimulus_item(Stimulus.objects.get(study=study), "/x/")["heads"] == []


def test_answers_are_exported_cell_by_cell_with_the_sources_of_row_and_column(gridded, tmp_path):
    response, (page,) = rater_opened(gridded)
    record_viewing_event(survey_response=response, survey_item=page, kind="shown", event_id=new())
    for code, cells in (("implausible_cells", [2, 6]), ("colour_not_from_row", [])):
        record_answer(survey_response=response, survey_item=page, question=code, value=cells, event_id=new())
    table = cells_frame(study=gridded)
    assert len(table) == 4 * ROWS * COLUMNS, "every question about cells, asked or answered"
    of = {code: rows.reset_index() for code, rows in table.groupby("question")}
    marked = of["implausible_cells"]
    assert list(marked["marked"]) == ["no", "yes", "no", "no", "no", "yes"]
    last = marked.iloc[-1]
    assert (last["cell"], last["row"], last["column"]) == (6, 2, 3)
    assert (last["row_class"], last["row_seed"], last["column_class"], last["column_seed"]) == ("ZQA", "7", "ZQB", "3")
    assert set(of["colour_not_from_row"]["marked"]) == {"no"}, "none of them is an answer"
    assert set(of["tone_implausible"]["marked"]) == {""}, "not answered is none"

    file = next(file for file in export_files(gridded) if file.name == "cells.csv")
    assert list(file.columns) == list(table.columns)
    call_command("export_ratings", gridded.slug, str(tmp_path / "cells.csv"), "--cells", verbosity=0)
    rows = list(csv.DictReader((tmp_path / "cells.csv").open(encoding="utf-8")))
    assert rows == list(csv.DictReader(io.StringIO(file.text(gridded))))
    assert sum(row["marked"] == "yes" for row in rows) == 2
