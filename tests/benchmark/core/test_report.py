"""The report answers in words, tells what is not recorded, cites what was computed, and reads the same as a tagged PDF."""

import contextlib
import json
import logging
import re
import zlib
from collections import Counter

import pytest
from PIL import ImageFile

from benchmark.core import InputError, Results
from benchmark.core.facts import FIELDS, described, read_certificate, read_facts
from benchmark.core.figures.catalogue import figures_of
from benchmark.core.report import html
from benchmark.core.report.checklists import NOT_RECORDED, checklist, guidelines
from benchmark.core.report.methods import marked_methods, methods
from benchmark.core.report.page import build_report
from benchmark.core.report.record import declared, record_words, recorded, size
from benchmark.core.report.references import REFERENCES, numbered

FACTS = """
schema = "study-facts/1"
[study]
ethics = "Exempt, board 7 (made up)"
funding = "None"
[images]
source = "Public pictures, made up for this test"
[recruitment.medical-geneticist]
contacted = 105
agreed = 37
complete = 32
"""


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    path = tmp_path_factory.mktemp("facts") / "facts.toml"
    path.write_text(FACTS)
    return read_facts(path)


def report_of(results, **more):
    entries = figures_of(results)
    return build_report(results, entries, {entry.name: entry.draw().as_svg().decode() for entry in entries}, **more)


@pytest.fixture(scope="module")
def report(founding_results, facts):
    return report_of(described(founding_results, facts=facts))


def test_report_stands_alone_and_has_one_place_per_anchor(report):
    assert "<script" not in report
    assert "http://" not in report.replace("http://www.w3.org", "")
    assert "src=" not in report
    ids = re.findall(r' id="([^"]+)"', report)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', report)) <= set(ids)


def test_every_comparison_has_its_question_both_answers_and_a_line_in_short(report, founding_results):
    plain = report.replace("\u00a0", " ")
    for these, new in zip(founding_results["paired"], founding_results["new_images"]):
        assert these["question"] in plain
        assert these["answer"] in plain
        assert new["answer"] in plain
    in_short = plain[plain.index('id="summary"') : plain.index('id="participants"')]
    assert len(re.findall(r"<li>On [^<]+ \(these images: [^<]+; new images: [^<]+\)\.</li>", in_short)) == 4


def test_simulated_readings_are_marked_on_top_and_on_every_page(report, founding_results):
    assert report.index("come from simulated readers") < report.index("<nav")
    assert 'class="watermark"' in report
    real = Results({**founding_results.content, "simulated": False})
    assert "watermark" not in report_of(real).split("</style>")[1]


def test_figures_carry_words_for_those_who_cannot_see_them(report, founding_results):
    for entry in figures_of(founding_results):
        assert f'<figure id="drawn-{entry.name}">' in report
    drawings = re.findall(r'<svg [^>]*aria-label="[^"]{40,}', report)
    assert len(drawings) == 2 * len(figures_of(founding_results))  # one of a figure's two forms is shown, by the width of the window


def test_methods_cite_what_was_computed_and_nothing_else(founding_results):
    sentences, cited = numbered(marked_methods(founding_results))
    text = " ".join(sentences)
    assert not re.search(r"\[\[", text)
    assert REFERENCES["cameron"] in cited
    assert REFERENCES["guo"] not in cited
    assert REFERENCES["hillis"] not in cited, "a design that is not crossed has no such estimate"
    without = Results({**founding_results.content, "agreement": []})
    assert REFERENCES["fleiss"] not in numbered(marked_methods(without))[1]
    numbers = [int(n) for group in re.findall(r"\[([\d, ]+)\]", text) for n in group.split(",")]
    assert sorted(set(numbers)) == list(range(1, len(cited) + 1))


def test_methods_alone_name_authors_and_years(founding_results):
    text = " ".join(methods(founding_results))
    assert "(Cameron 2011)" in text
    assert "[[" not in text


def test_checklists_hold_every_item_and_guess_nothing(founding_results, facts):
    bare = checklist(founding_results)
    assert Counter(item.guideline for item in bare) == {"STARD-AI": 48, "TRIPOD+AI": 52, "CLAIM 2024": 44, "GRRAS": 15}
    assert all(reference in REFERENCES for reference in guidelines().values())
    by_id = {(item.guideline, item.identifier): item.answer for item in bare}
    assert by_id["STARD-AI", "6"] is None
    assert "60 raters" not in by_id["GRRAS", "11"]
    assert "30 raters" in by_id["GRRAS", "11"]
    told = {
        (item.guideline, item.identifier): item.answer for item in checklist(described(founding_results, facts=facts))
    }
    assert told["STARD-AI", "6"] == "Exempt, board 7 (made up)."
    assert "contacted 105" in told["CLAIM 2024", "35"]


def test_what_nobody_recorded_is_said(report):
    assert report.count("not recorded") > 20
    assert "Certificate of the design: not recorded." in report


def test_every_field_of_the_record_stands_in_the_report_and_what_is_missing_is_named(founding_results):
    fields = [(section, field) for section, own in FIELDS.items() for field in own]
    labels = {(section, field): record_words()[section][field][0] for section, field in fields}
    bare = "".join(recorded(founding_results))
    assert bare.count("<td>not recorded</td>") == len(fields)
    told = {section: {field: f"told of {section} {field}" for field in own} for section, own in FIELDS.items()}
    whole = "".join(recorded(described(founding_results, facts=told)))
    assert NOT_RECORDED not in whole
    for section, field in fields:
        assert f"<td>told of {section} {field}</td>" in whole
        assert f">{html.text(labels[section, field])}</th>" in bare
    assert "The study: 0 of 17 recorded" in bare
    some = "".join(recorded(described(founding_results, facts={"study": {"aim": "Made up"}})))
    assert "The study: 1 of 17 recorded" in some


def test_the_report_says_what_was_declared_and_how_large_the_study_became(founding_results, facts):
    plan = {**founding_results["plan"], "declared": True, "estimand": "new images", "hypotheses": ["The network is ahead."], "margin": 0.05,
            "registration": "DRKS1", "completion": {"threshold": 0.95, "comparison": ">", "first_per_seat": True},
            "secondary": [{"name": "accuracy by class", "test": None, "missing": None, "multiplicity": "bh"}]}  # fmt: skip
    said = " ".join(declared(Results({**founding_results.content, "plan": plan})))
    for words in ("other images, read by other readers", "Hypotheses: The network is ahead.", "non-inferiority: 5.0 points", "Registration: DRKS1",
                  "a sitting counts where > 95 % of its answers were given; of several in one seat, the first complete one",
                  "Secondary analyses in the plan: accuracy by class (p adjusted: bh).",
                  "Every analysis that is none of these is exploratory"):  # fmt: skip
        assert words in said
    bare = " ".join(declared(founding_results))
    assert "Hypotheses: not recorded. Margin of equivalence or non-inferiority: none declared. Registration: not recorded." in bare
    assert "no sitting is left out" in bare
    assert "exploratory" not in bare  # nothing was declared, which the report says of all of it
    reached = "".join(size(founding_results))
    assert "Planned size: not recorded" in reached
    for these, new in zip(founding_results["paired"], founding_results["new_images"]):
        assert f"30 surveys, {new['readers']} readers, 140 images" in reached
        for value in (these["sd"], new["sd_reader"], new["sd_item"], (these["ci_high"] - these["ci_low"]) / 2, (new["ci_high"] - new["ci_low"]) / 2):
            assert f"{100 * value:.1f}" in reached


def test_certificate_of_a_design_is_printed_with_its_hash(founding_results, tmp_path):
    entry = {
        "name": "once per set",
        "kind": "promise",
        "meaning": "m",
        "reached": 0,
        "best": 0,
        "limit": 0,
        "holds": True,
    }
    design = {"schema": "survey-design/1", "seed": 7, "sets": 6, "per_class": 4, "surveys": [], "certificate": {
        "promises_hold": True, "properties": [entry]}}  # fmt: skip
    path = tmp_path / "design.json"
    path.write_text(json.dumps(design))
    found = report_of(described(founding_results, certificate=read_certificate(path)))
    assert "Every promise of the design holds." in found
    assert "once per set" in found
    path.write_text("{}")
    with pytest.raises(InputError, match="certificate"):
        read_certificate(path)


def test_a_wrong_study_record_is_refused_with_every_field_named(tmp_path):
    path = tmp_path / "facts.toml"
    path.write_text(FACTS + "[images2]\nx = 1\n[recruitment.pediatrician]\ncontacted = 3\nagreed = 5\ncame = 1\n")
    with pytest.raises(InputError) as error:
        read_facts(path)
    told = str(error.value)
    for name in ("images2", "recruitment.pediatrician.agreed", "recruitment.pediatrician.came"):
        assert name in told


def test_names_from_files_cannot_become_markup(founding_frame):
    from benchmark.core import Readings, analyse

    frame = founding_frame[founding_frame["survey"].isin(["", "S01", "S02"])].copy()
    frame["group"] = frame["group"].replace("pediatrician", '<script>alert("x")</script>')
    found = report_of(analyse(Readings.from_frame(frame)))
    assert "<script>" not in found


PAINTING = {b"Tj", b"TJ", b"Do", b"S", b"s", b"f", b"f*", b"F", b"B", b"B*", b"b", b"b*", b"sh", b"BI"}


def painted_outside_tags(stream: bytes) -> list[bytes]:
    """Lines of a page that paint something that is neither tagged nor an artifact."""
    depth, found = 0, []
    for line in stream.split(b"\n"):
        operator = line.split()[-1:] and line.split()[-1]
        depth += (operator in (b"BDC", b"BMC")) - (operator == b"EMC")
        if depth == 0 and operator in PAINTING:
            found.append(line)
    return found


def test_report_becomes_a_tagged_pdf_quietly(founding_results, caplog):
    from benchmark.core.report.pdf import as_pdf

    long = ("class_accuracy", "items", "sensitivity", "teams", "new_images_methods", "error_consistency")
    brief = Results({**founding_results.content, **{section: [] for section in long}})
    entries = [entry for entry in figures_of(brief) if entry.name == "figure-2a"]
    drawings = {entry.name: entry.draw().as_svg().decode() for entry in entries}
    with caplog.at_level(logging.INFO):
        try:
            printed = build_report(brief, entries, drawings, printed=True)
            content = as_pdf(printed)
        except (ImportError, OSError) as error:
            pytest.skip(f"a PDF needs Debian's libpango: {error}")
    assert not caplog.records
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
    streams = []
    for start in re.finditer(rb"stream\r?\n", content):
        with contextlib.suppress(zlib.error):
            streams.append(zlib.decompressobj().decompress(content[start.end() :]))
    objects = content + b"".join(streams)
    for mark in (b"/StructTreeRoot", b"/Marked true", b"/DisplayDocTitle true", b"/Lang", b"/Title", b"pdfuaid:part"):
        assert mark in objects, mark
    elements = objects.split(b"/Type /StructElem")[1:]
    of_kind = {kind: [e for e in elements if re.search(rb"/S /%s\b" % kind, e)] for kind in (b"TH", b"Figure", b"H1")}
    assert min(map(len, of_kind.values())) > 0
    assert all(re.search(rb"/Scope /(Column|Row)", cell) for cell in of_kind[b"TH"])
    assert all(b"/Alt" in figure for figure in of_kind[b"Figure"])
    assert len(of_kind[b"H1"]) == 1
    levels = [int(n) for n in re.findall(r"<h(\d)", printed)]
    assert all(below <= above + 1 for above, below in zip(levels, levels[1:]))
    pages = [stream for stream in streams if b" BDC" in stream or b"\nBDC" in stream]
    assert pages
    assert [painted for page in pages for painted in painted_outside_tags(page)] == []
