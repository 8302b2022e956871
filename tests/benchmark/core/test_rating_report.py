"""A rating study from its table to the report: conditions apart, words that follow the numbers, pictures, a tagged PDF."""

import contextlib
import io
import re
import zlib

import numpy as np
import pytest

from benchmark.core.figures.drawing import Words, text_width
from benchmark.core.figures.ratings import rating_figures
from benchmark.core.inputs.ratings import read_ratings
from benchmark.core.plans.plan import Plan
from benchmark.core.report.checklists import rating_checklist
from benchmark.core.report.rating_topics import topic_answers, topic_notes
from benchmark.core.report.rating_words import choice_answers, signal_sentence, verdict
from benchmark.core.report.ratings import build_rating_report
from benchmark.core.results import Results
from benchmark.core.sections.rating_models import reality_models_section
from benchmark.core.sections.rating_pictures import best_and_worst
from benchmark.core.sections.rating_repeats import pace_section
from benchmark.core.sections.ratings import RatingPlan, _by_set, analyse_ratings

HEADER = "evaluator,image,question,answer,kind,truth,set,label,shown,parts,simulated"


def table(seed=1, raters=8, images=16) -> io.StringIO:
    """Raters who find curated images real and random ones odd; strips whose direction nobody knows."""
    rng, lines = np.random.default_rng(seed), [HEADER]
    for rater in range(raters):
        for image in range(images):
            truth = "real" if image % 2 else "generated"
            name = "" if truth == "real" else ("curated" if image % 4 else "random")
            odd = {"": 0.2, "curated": 0.3, "random": 0.9}[name]
            answer = "generated" if rng.random() < odd else "real"
            label = "AB"[image // 2 % 2]
            lines.append(f"r{rater},i{image:02d},origin,{answer},reality,{truth},{name},{label},single,1,1")
            realism = int(np.clip(round(6 - 4 * odd + rng.normal(0, 1)), 1, 7))
            lines.append(f"r{rater},i{image:02d},realism,{realism},scale,,{name},{label},single,1,1")
        for strip in range(4):
            answer = ("forward", "reversed", "cannot_tell", "cannot_tell")[(strip + rater) % 4]
            lines.append(f"r{rater},s{strip},direction,{answer},choice,forward,morph,,strip,5,1")
            lines.append(f"r{rater},s{strip},first,{strip},frame,,morph,,strip,5,1")
            lines.append(f"r{rater},g cell {strip},cells,{'yes' if strip == 3 else 'no'},mark,,style mix,,grid,4,1")
    return io.StringIO("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def results() -> Results:
    return Results(analyse_ratings(read_ratings(table()), RatingPlan(margin=0.15, draws=200)))


def test_curated_and_random_images_are_conditions_of_their_own(results):
    by_set = {r["set"]: r for r in results.records("hype")}
    assert set(by_set) == {"all", "curated", "random"}
    assert by_set["curated"]["fakes_called_real"] > 0.5 > by_set["random"]["fakes_called_real"]
    assert verdict(by_set["random"], results["plan"]).startswith("Yes")
    assert {(r["set"], r["class"]) for r in results.records("class_scales")} >= {("real", "A"), ("curated", "B")}


def test_a_mixed_model_says_how_much_oftener_generated_images_are_called_generated(results):
    """Without any variance of raters or images it is the odds ratio of the table: (12 / 4) / (8 / 8) = 3."""
    by_set = {record["set"]: record for record in results.records("reality_models")}
    assert set(by_set) == {"all", "curated", "random"}
    assert by_set["random"]["odds_ratio"] > by_set["all"]["odds_ratio"] > by_set["curated"]["odds_ratio"]
    assert by_set["random"]["ci_low"] > 1 > by_set["curated"]["ci_low"]
    lines = [HEADER]
    for image in range(8):
        fake = image < 4
        for rater in range(4):
            # a square of answers: every rater and every image of a kind says, and is called, the same number of times
            called = (rater + image) % 4 != 0 if fake else (rater + image) % 2 == 0
            answer, truth = ("generated" if called else "real"), ("generated" if fake else "real")
            lines.append(f"r{rater},i{image},origin,{answer},reality,{truth},{'a' if fake else ''},,single,1,")
    (even,) = reality_models_section(read_ratings(io.StringIO("\n".join(lines) + "\n")), _by_set, 0.95)
    assert even["odds_ratio"] == pytest.approx(3, rel=1e-3)
    assert max(even["sd_evaluator"], even["sd_image"]) < 0.05
    same = [line.replace("origin,real", "origin,generated") if ",generated,a" in line else line for line in lines]
    (none,) = reality_models_section(read_ratings(io.StringIO("\n".join(same) + "\n")), _by_set, 0.95)
    assert none["odds_ratio"] is None
    assert none["why"] == "every generated image got the same answer, so that the odds have no limit"


def test_judgments_that_came_sooner_than_anybody_looks_are_counted_for_every_rater():
    lines = [HEADER.replace("parts", "rt_ms")]
    lines += [f"r{rater},i{n},origin,real,reality,{'real' if n % 2 else 'generated'},,,single,{ms},"
              for rater, times in enumerate(((400, 5000, 999, 1000), ("", "", "", ""))) for n, ms in enumerate(times)]  # fmt: skip
    lines += ["r0,i0,realism,4,scale,,,,single,10,"]
    assert pace_section(read_ratings(io.StringIO("\n".join(lines) + "\n"))) == [
        {"evaluator": "r0", "answers": 4, "median_s": 0.9995, "fastest_s": 0.4, "too_fast": 2}
    ]


def test_an_undecided_answer_counts_half_and_controls_are_never_pooled(results):
    (direction,) = results.records("choices")
    assert (direction["set"], direction["right"], direction["undecided"]) == ("morph", 0.5, 0.5)
    faults = next(r for r in results.records("strips") if r["kind"] == "frame")
    assert (faults["estimate"], faults["first_fault"]) == (0.25, 0.4)


def test_every_cell_of_a_grid_is_answered_for_itself(results):
    (cells,) = results.records("marks")
    assert (cells["images"], cells["share"]) == (4, 0.25)


def test_no_share_leaves_its_scale(results):
    for section in ("choices", "marks", "class_reality", "strips"):
        for record in results.records(section):
            if record["ci_low"] is not None and record.get("measure") != "mean":
                assert 0 <= record["ci_low"] <= record["ci_high"] <= 1
    for record in (*results.records("scales"), *results.records("class_scales")):
        assert record["ci_low"] is None or record["ci_high"] - record["ci_low"] <= 6
        assert record["ci_low"] is not None or record["why"]


def test_one_image_gives_no_agreement_beyond_chance():
    lines = [HEADER, *(f"r{n},grid,tones,{1 + n % 3},scale,,style mix,,grid,1,1" for n in range(6))]
    lines += [f"r{n},pair,which,{'left' if n % 2 else 'right'},choice,left,random,,pair,1,1" for n in range(6)]
    found = Results(analyse_ratings(read_ratings(io.StringIO("\n".join(lines) + "\n")), RatingPlan(draws=50)))
    records = found.records("rating_agreement")
    assert {record["question"] for record in records} == {"tones", "which"}
    for record in records:
        assert (record["krippendorff_alpha"], record["ci_low"]) == (None, None)
        assert record["why"] == "fewer than two images were rated twice"


def test_the_best_and_the_worst_images_are_named(results):
    named = dict(best_and_worst(results.records("pictures")))
    assert {r["set"] for r in named["Generated, most often taken for real"]} == {"curated"}
    assert {r["set"] for r in named["Generated, most often found out"]} == {"random"}


def test_the_margin_of_the_plan_counts_and_a_changed_plan_is_told():
    stamped = Plan.from_toml(text='schema = "analysis-plan/1"\n[equivalence]\nmargin = 0.2\n')
    used = Plan.from_toml(text='schema = "analysis-plan/1"\n[equivalence]\nmargin = 0.1\n')
    plan = RatingPlan.of(used, registered=stamped)
    (found,) = plan.deviations()
    assert (found["what"], found["planned"], found["done"]) == ("equivalence margin", "0.2", "0.1")
    assert RatingPlan.of(used, margin=0.3).deviations()[-1]["done"] == "0.3"
    assert RatingPlan.of(None).margin_declared is False


def test_every_topic_is_answered_in_words_with_its_intervals_before_its_figures(results):
    realism, *_ = topic_answers(results, "realism")
    (real,) = results.records("scales", set="real")
    assert realism.startswith(f"Realism, mean rating: real {real['mean']:.2f} ({real['ci_low']:.2f} to {real['ci_high']:.2f}), curated ")
    assert "Odds of a higher rating than real images: curated" in realism
    strips = topic_answers(results, "strips")
    assert strips[0].startswith("Morphs: raters named the direction correctly 50.0 % of the time")
    assert strips[1].startswith("Morphs: no implausible frame in 25.0 % of the answers (")
    assert topic_answers(results, "agreement")[0].startswith("Real or generated (origin): raters agree with alpha ")
    assert all(topic_notes(results, topic)[0].startswith("In brackets: 95 % intervals") for topic in ("realism", "strips", "agreement"))
    assert topic_answers(results, "items") == topic_notes(results, "items") == []


def test_every_figure_has_a_form_that_fits_a_phone(results):
    """All words are within its width, and on one line a name ends before its numbers begin."""
    for entry in rating_figures(results):
        drawing, wide = entry.draw_narrow(), entry.draw()
        words = [item for item in drawing.items if isinstance(item, Words) and not item.angle]
        for item in words:
            width = text_width(item.text, item.size)
            left = item.x - width * {"start": 0, "middle": 0.5, "end": 1}[item.anchor]
            assert -0.5 <= left <= left + width <= drawing.width + 0.5, (entry.name, item.text)
        for numbers in (item for item in words if item.anchor == "end"):
            names = [item for item in words if item.anchor == "start" and abs(item.y - numbers.y) < 4]
            for name in names:
                assert name.x + text_width(name.text, name.size) < numbers.x - text_width(numbers.text, numbers.size), (entry.name, name.text)
        assert drawing.width < 0.8 * wide.width
        said = " ".join(item.text for item in drawing.items if isinstance(item, Words))
        for item in wide.items:
            assert not isinstance(item, Words) or item.text.split("\n")[0].split(" ")[0] in said, (entry.name, item.text)
        assert entry.page_narrow()["layout"]["height"] > 100


def test_the_report_answers_in_words_and_becomes_a_tagged_pdf(results):
    from benchmark.core.report.pdf import as_pdf

    entries = rating_figures(results)
    assert {e.name for e in entries} == {"error", "raters", "scales", "class-scales", "choices", "pictures"}
    drawings = {entry.name: entry.draw().as_svg().decode() for entry in entries}
    assert all(entry.page()["data"] and entry.data() for entry in entries)
    report = build_rating_report(results, entries, drawings, pictures={"i00": b"\xff\xd8jpeg"})
    for words in ("Can raters tell random generated images from real ones?", "within\xa015 points", "simulated"):
        assert words.replace("\xa0", " ") in report.replace("\xa0", " ")
    assert "data:image/jpeg;base64" in report
    assert "nan" not in re.sub(r"<[^>]+>", " ", report).lower().split()
    brief = Results({**results.content, **{name: [] for name in ("scale_models", "class_scales", "pictures", "strips")}})
    shown = [entry for entry in entries if entry.name == "error"]
    try:
        content = as_pdf(build_rating_report(brief, shown, drawings, printed=True))
    except (ImportError, OSError) as error:
        pytest.skip(f"a PDF needs Debian's libpango: {error}")
    objects = content
    for start in re.finditer(rb"stream\r?\n", content):
        with contextlib.suppress(zlib.error):
            objects += zlib.decompressobj().decompress(content[start.end() :])
    for mark in (b"/StructTreeRoot", b"/Lang", b"/Figure", b"/Alt", b"pdfuaid"):
        assert mark in objects, mark


def test_the_agreement_guideline_is_filled_from_the_ratings(results):
    items = {item.identifier: item.answer for item in rating_checklist(results)}
    assert len(items) == 15
    assert "realism: alpha" in items["13"]
    assert "8 raters" in items["11"]
    assert items["6"] is None  # nobody recorded how many raters were thought enough
    page = build_rating_report(results, [], {})
    assert "GRRAS: " in page
    assert "Complete the official form" in page


def test_a_criterion_whose_interval_holds_zero_leans_nowhere(results):
    (record, *_) = results.records("hype")
    known = {**record, "dprime": 0.3, "dprime_ci_low": -0.1, "dprime_ci_high": 0.7, "criterion": 0.11}
    unsure = {**known, "criterion_ci_low": -0.5, "criterion_ci_high": 0.8}
    assert "were not shown to lean either way" in signal_sentence(unsure)
    assert "leaned towards real" in signal_sentence({**unsure, "criterion_ci_low": 0.02})


def judged(answer) -> Results:
    """Four raters of six real and six generated images; answer: from (rater, image, truth) to what is said."""
    rows = [
        f"r{rater},i{image:02d},origin,{answer(rater, image, truth)},reality,{truth},,,single,1,1"
        for rater in range(4) for image in range(12) for truth in [("real", "generated")[image % 2]]
    ]  # fmt: skip
    lines = [HEADER, *(row for row in rows if ",None," not in row)]
    return Results(analyse_ratings(read_ratings(io.StringIO("\n".join(lines) + "\n")), RatingPlan(draws=100)))


def test_raters_with_one_answer_have_no_sensitivity():
    """The log-linear correction alone would give a d' where the numbers of real and generated images differ."""
    found = judged(lambda rater, image, truth: "real" if image else None)
    (record,) = found.records("hype")
    assert (record["dprime"], record["criterion"]) == (None, None)
    assert "every judgment was the same" in record["why"]
    assert all(r["dprime"] is None and r["why"] for r in found.records("evaluators"))


def test_raters_without_error_have_a_bound_and_no_interval():
    (record,) = judged(lambda rater, image, truth: truth).records("hype")
    assert record["dprime"] > 1
    assert (record["dprime_ci_low"], record["criterion_ci_low"]) == (None, None)
    assert "corrected bounds without an interval" in signal_sentence(record)


def test_judgments_of_real_images_alone_are_null_with_a_reason_everywhere():
    found = judged(lambda rater, image, truth: "real" if truth == "real" else None)
    (record,) = found.records("hype")
    assert record["error"] is None
    assert "real and of generated images are both needed" in record["why"]
    assert verdict(record, found["plan"]) == "not estimable"
    assert build_rating_report(found, [], {})


def test_a_table_of_blanks_is_reported_without_an_answer():
    found = judged(lambda rater, image, truth: "")
    assert "GRRAS: " in build_rating_report(found, [], {})


def test_choices_are_told_pairs_first_then_morphs_before_their_controls():
    """Of what was put out of order no direction is named correctly, however the share turns out."""
    common = {"right": 0.7, "ci_low": 0.5, "ci_high": 0.9, "undecided": 0, "p_chance": 0.04}
    shown = [("strip", "cross-fade"), ("strip", "morph"), ("strip", "shuffled"), ("pair", "random"), ("pair", "all"), ("strip", "mine")]
    told = choice_answers([common | {"shown": kind, "set": name} for kind, name in shown], {})
    assert [sentence.split(":")[0] for sentence in told] == [
        "All pairs", "Random pairs", "Morphs", "Shuffled strips, a control", "Cross-fades, a control", "Mine, strips",
    ]  # fmt: skip
    assert told[0].startswith("All pairs: raters named the generated image correctly 70.0 % of the time (50.0 to 90.0); against guessing, p = .04")
    assert "70.0 % of the choices went with the order in which the frames are kept, though no direction is right (50.0 to 90.0)" in told[3]
    assert "correctly" not in told[3]
    (half,) = choice_answers([common | {"shown": "pair", "set": "all", "undecided": 0.286, "p_chance": 0.56}], {})
    assert half.endswith(" (50.0 to 90.0), undecided answers (28.6 %) counted half; against guessing, p = .56.")


def test_a_test_and_an_interval_that_disagree_leave_a_choice_undecided():
    """Wilson's interval and the t-test are made in different ways and can fall on either side of one half in few judgments."""
    record = {"shown": "strip", "set": "shuffled", "right": 0.762, "ci_low": 0.477, "ci_high": 0.918, "undecided": 0, "p_chance": 0.033}
    said = {p: choice_answers([record | {"p_chance": p}], {"alpha": 0.05})[0] for p in (0.033, 0.066)}
    assert said[0.033].endswith("p = .03, but the interval, which is made in another way, holds one half: undecided.")
    assert said[0.066].endswith("against guessing, p = .07.")


def test_equivalence_to_chance_is_tested_at_the_plans_level():
    """A p between two levels decides by the plan's own: the same judgments, two plans."""
    strict, usual = (analyse_ratings(read_ratings(table()), RatingPlan(margin=0.3, draws=50, alpha=alpha)) for alpha in (1e-9, 0.5))
    for section in ("hype", "choices"):
        for at, record in enumerate(usual[section]):
            p = record["p_equivalent_to_chance"]
            if p is not None and p < 0.5:
                assert record["equivalent_to_chance"] is True
                assert strict[section][at]["equivalent_to_chance"] is (p < 1e-9)
                assert strict[section][at]["p_equivalent_to_chance"] == p
    between = [r["p_equivalent_to_chance"] for s in ("hype", "choices") for r in usual[s] if r["p_equivalent_to_chance"] is not None]
    assert any(1e-9 < p < 0.5 for p in between)
