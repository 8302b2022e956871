"""Names in any script are drawn with a font of the machine; where none has the letters, it is said which package does."""

import io
import json
from types import SimpleNamespace

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from PIL import Image

from benchmark import background
from benchmark.core import Results
from benchmark.core.figures import drawing as drawn
from benchmark.core.figures import letters
from benchmark.core.figures.catalogue import figures_of
from benchmark.core.output import writing
from benchmark.core.output.writing import are_drawn_as_now, fonts_wanting
from benchmark.core.report.page import build_report
from benchmark.core.wording import plural


@pytest.fixture
def machine(monkeypatch):
    """A function that says which font files this machine has."""
    caches = (letters._further, letters._candidates, letters._opened, drawn.text_width, drawn._font)

    def has(*paths):
        monkeypatch.setattr(letters, "font_files", lambda: [str(path) for path in paths])
        for cached in caches:
            cached.cache_clear()

    yield has
    for cached in caches:
        cached.cache_clear()


def font_with(path, text, name):
    """A font whose letters are filled squares of the whole line's height."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 1000), (1000, 1000), (1000, 0)):
        pen.lineTo(corner)
    pen.closePath()
    square = pen.glyph()
    builder = FontBuilder(1000, isTTF=True)
    names = [".notdef", *(f"u{ord(letter):04X}" for letter in text)]
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(letter): f"u{ord(letter):04X}" for letter in text})
    builder.setupGlyf(dict.fromkeys(names, square))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
    builder.setupHorizontalHeader(ascent=1000, descent=0)
    builder.setupNameTable({"familyName": name, "styleName": "Regular", "psName": name.replace(" ", "")})
    builder.setupOS2(sTypoAscender=1000)
    builder.setupPost()
    builder.save(path)
    return path


def words_drawn(text):
    drawing = drawn.Drawing(120, 30, "t", "d")
    drawing.words(10, 20, text, size=12)
    return drawing


def ink(drawing):
    """How many pixels of its PNG are dark."""
    return sum(Image.open(io.BytesIO(drawing.as_png(dpi=72))).convert("L").histogram()[:100])


def test_letters_come_from_the_font_that_has_them_on_paper_and_in_pixels(machine, tmp_path):
    other = font_with(tmp_path / "NotoSansDevanagari-Regular.ttf", "त", "Test Devanagari")
    machine(other, font_with(tmp_path / "NotoSansCJK-Regular.ttf", "黑色", "Test Ideographs"), tmp_path / "broken.ttf")
    drawing = words_drawn("黑色 nevus")
    assert drawing.font_names == [*letters.OWN_FONTS, "Test Ideographs"]
    assert b"TestIdeographs" in drawing.as_pdf()
    assert drawn.text_width("黑色", 12) == pytest.approx(24, abs=0.5)
    assert ink(drawing) > 200  # two filled squares of 12 points
    assert letters.without_font(["黑色 nevus", "त", "Кожа", "جلد"]) is None


def test_letters_of_the_figures_own_fonts_ask_for_no_other(machine):
    machine()
    assert letters.families(["Kožní nález", "Кожа", "δέρμα", "جلد", "עור", "10⁻¹¹ − ≤\u00a0□"]) == list(letters.OWN_FONTS)


def test_a_machine_without_the_letters_says_so_in_one_sentence_and_draws_boxes_on_purpose(machine, recwarn):
    machine()
    told = letters.without_font(["黑色素瘤", "ひらがな", "한국어", "त्वचा", "Кожа"])
    assert told.startswith("This machine has no font with the Chinese, Devanagari, Japanese and Korean letters of this study")
    assert told.endswith("Install the Debian packages fonts-noto-cjk and fonts-noto-core and analyse again.")
    assert letters.without_font(["黑色"]).endswith("Install the Debian package fonts-noto-cjk and analyse again.")
    assert letters.drawable("黑 nevus") == "□ nevus"
    words_drawn("黑色").as_pdf()
    assert ink(words_drawn("黑色")) < 100
    assert not recwarn.list  # nobody is left to guess from a library's warnings


def test_of_a_font_with_several_regions_the_one_is_taken_whose_letters_they_are(machine, monkeypatch, tmp_path):
    path = font_with(tmp_path / "NotoSansCJK-Regular.ttf", "黑の국", "Test CJK JP")
    font_manager.fontManager.addfont(path)
    entry = next(entry for entry in font_manager.fontManager.ttflist if entry.fname == str(path))
    faces = [font_manager.FontEntry(str(path), 0, f"Test CJK {region}", *list(vars(entry).values())[3:]) for region in ("KR", "SC")]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [*font_manager.fontManager.ttflist, *faces])
    machine(path)
    assert [letters.families([text])[-1][-2:] for text in ("黑", "黑の", "黑국")] == ["SC", "JP", "KR"]


def test_results_without_the_font_tell_it_and_are_drawn_anew_once_it_is_there(machine, founding_results, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "FIGURE_KINDS", ("svg",))
    results = Results(json.loads(json.dumps(founding_results.content).replace('"pediatrician"', json.dumps("黑色"))))
    entries = [entry for entry in figures_of(results) if entry.name == "readers"]

    def draw():
        _, write = writing._writer(tmp_path)
        return writing._write_figures(entries, write, None)

    machine()
    drawings = draw()
    assert "fonts-noto-cjk" in fonts_wanting(tmp_path)
    assert "fonts-noto-cjk" in build_report(results, entries, drawings)
    assert "黑色" in (tmp_path / "figures/readers.svg").read_text()  # a browser has fonts of its own
    assert are_drawn_as_now(tmp_path)
    machine(font_with(tmp_path / "NotoSansCJK-Regular.ttf", "黑色", "Test Ideographs Again"))
    assert not are_drawn_as_now(tmp_path)
    assert "fonts-noto-cjk" not in build_report(results, entries, draw())
    assert fonts_wanting(tmp_path) is None
    assert are_drawn_as_now(tmp_path)
    (tmp_path / "figures/readers-narrow.svg").unlink()
    assert not are_drawn_as_now(tmp_path)


def test_names_in_other_letters_get_no_english_plural_and_arabic_ones_their_numbers_at_the_right():
    assert [plural(name) for name in ("pediatrician", "皮膚科の医師", "طبيب", "врач", "tier 2")] == [
        "pediatricians", "皮膚科の医師", "طبيب", "врач", "tier 2s",
    ]  # fmt: skip
    assert letters.drawable("طبيب (n = 29)") == "\u200eطبيب (n = 29)"  # else raqm begins the line at its right
    assert letters.drawable("classifier – طبيب") == "classifier – طبيب"


def test_the_jobs_log_names_the_package_that_is_wanting(machine, monkeypatch, tmp_path):
    machine()
    _, write = writing._writer(tmp_path)
    write(writing.FONTS_FILE, letters.without_font(["黑色"]))
    monkeypatch.setattr(background, "run_comparison", lambda **asked: SimpleNamespace(pk=1, folder=tmp_path))
    lines = []
    background.comparison_job(SimpleNamespace(payload={}, study=None, job=SimpleNamespace(created_by=None), log=lines.append))
    assert "fonts-noto-cjk" in lines[0]
    assert lines[1:] == ["Comparison 1 is ready."]
    assert all(len(line) <= 500 for line in lines)  # longer ones are cut


def test_a_font_of_pictures_alone_is_passed_over(machine, monkeypatch, tmp_path):
    """Fonts of emoji hold bitmaps; matplotlib refuses them, and a study with such a name in it must be drawn all the same."""
    bitmaps = SimpleNamespace(scalable=False, get_char_index=lambda number: 1)
    monkeypatch.setattr("matplotlib.ft2font.FT2Font", lambda path: bitmaps)
    machine(tmp_path / "NotoColorEmoji.ttf")
    assert letters.families(["\U0001f9ec"]) == list(letters.OWN_FONTS)
    assert "empty boxes" in letters.without_font(["\U0001f9ec"])
