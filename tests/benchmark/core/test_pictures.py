"""The hardest images with their pictures: only where a folder of them is given, small, and with what their licences ask."""

import base64
import io
import re

import pytest
from PIL import Image

from benchmark.core import InputError
from benchmark.core.commands.main import main
from benchmark.core.inputs.pictures import SIDE, read_item_pictures
from benchmark.core.report.page import build_report
from benchmark.core.sections.standing import hardest


def picture(size=(900, 600), kind="JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, kind)
    return out.getvalue()


@pytest.fixture
def folder(tmp_path):
    """One picture for a view, one of another kind for every view."""
    (tmp_path / "focused").mkdir()
    (tmp_path / "focused" / "NF1-00.jpg").write_bytes(picture())
    (tmp_path / "TSC-01.png").write_bytes(picture((40, 80), "PNG"))
    return tmp_path


def test_pictures_are_found_by_name_and_made_small(folder):
    found = read_item_pictures(folder)
    assert set(found.files) == {("NF1-00", "focused"), ("TSC-01", "")}
    with Image.open(io.BytesIO(found.small("NF1-00", "focused"))) as small:
        assert (small.format, small.size) == ("JPEG", (SIDE, SIDE * 2 // 3))
    assert found.small("TSC-01", "panoramic") is not None
    assert found.small("NF1-00", "panoramic") is None
    assert found.credit("NF1-00", "focused") == ""


def test_a_list_names_files_and_credits(folder):
    (folder / "pictures.csv").write_text("item,view,file,credit\nNF1-00,focused,TSC-01.png,A. Maker; CC BY 4.0\n")
    found = read_item_pictures(folder)
    assert found.credit("NF1-00", "focused") == "A. Maker; CC BY 4.0"
    (folder / "pictures.csv").write_text("item,view,file\na,,nothing.jpg\nb,,../../etc/passwd\n")
    with pytest.raises(InputError) as error:
        read_item_pictures(folder)
    assert [problem.line for problem in error.value.problems] == [2, 3]
    with pytest.raises(InputError, match="A folder of JPEG"):
        read_item_pictures(folder / "TSC-01.png")
    (folder / "pictures.csv").unlink()
    (folder / "broken.jpg").write_bytes(b"no picture")
    (folder / "mislabelled.jpg").write_bytes(picture(kind="GIF"))
    for name in ("broken", "mislabelled"):
        with pytest.raises(InputError, match=rf"{name}\.jpg could not be read"):
            read_item_pictures(folder).small(name, None)


def test_items_say_what_they_were_taken_for(founding_frame, founding_results):
    for record in founding_results["items"][:20]:
        own = founding_frame[
            (founding_frame["item"] == record["item"]) & (founding_frame["view"] == record["view"])
            & (founding_frame["kind"] == "human") & (founding_frame["answer"] != "")
        ]  # fmt: skip
        wrong = own.loc[own["answer"] != record["truth"], "answer"].value_counts()
        assert record["taken_for_times"] == wrong.max()
        assert record["taken_for"] == min(wrong[wrong == wrong.max()].index)
    for record in founding_results["items"]:
        assert bool(record["taken_for"]) == (record["taken_for_times"] > 0)


def test_the_report_shows_the_hardest_with_their_pictures(founding_results, tmp_path):
    worst = hardest(founding_results["items"], "focused", 2)
    for name in ("a", "b"):
        (tmp_path / f"{name}.jpg").write_bytes(picture())
    rows = [f"{r['item']},focused,{name}.jpg,Maker of {name}\n" for name, r in zip(("a", "b"), worst)]
    (tmp_path / "pictures.csv").write_text("item,view,file,credit\n" + "".join(rows))
    report = build_report(founding_results, [], {}, pictures=read_item_pictures(tmp_path))
    section = report[report.index('id="items"') : report.index('id="plan"')]
    shown = re.findall(r'<li><img alt="([^"]+)" src="data:image/jpeg;base64,([^"]+)"><span>(.*?)</span>', section)
    assert len(shown) == 2
    assert shown[0][0] == f"Item {worst[0]['item']} on focused images: {worst[0]['truth']}"
    assert base64.b64decode(shown[0][1]).startswith(b"\xff\xd8")
    assert f"{worst[0]['correct']} of {worst[0]['readings']} people right" in shown[0][2]
    assert f"taken for {worst[0]['taken_for']}" in shown[0][2]
    assert "Maker of a" in shown[0][2]
    assert "share this report as their licences allow" in section
    assert section.count('<span class="none">no picture</span>') == 22
    bare = build_report(founding_results, [], {})
    assert "<img" not in bare
    assert worst[0]["item"] in bare[bare.index('id="items"') :]


def test_the_command_takes_a_folder_of_pictures(founding_frame, tmp_path, capsys):
    frame = founding_frame[founding_frame["survey"].isin(["", "S01"])]
    frame.to_csv(tmp_path / "readings.csv", index=False)
    options = ["analyse", str(tmp_path / "readings.csv"), "--out", str(tmp_path / "out")]
    assert main([*options, "--pictures", str(tmp_path / "nowhere")]) == 2
    assert "A folder of JPEG or PNG files was needed" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
