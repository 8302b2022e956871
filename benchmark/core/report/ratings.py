"""The report of a rating study: the question in words, its answer, the figure, the table, the worst and best images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from benchmark.core.figures.catalogue import FigureEntry
from benchmark.core.inputs.ratings import REAL
from benchmark.core.output.check import COVERS_RATINGS
from benchmark.core.report.rating_words import (
    chance_sentence,
    choice_answers,
    hype_answer,
    hype_question,
    limitations,
    margin_words,
    methods,
    signal_sentence,
    verdict,
)
from benchmark.core.results import Results
from benchmark.core.sections.rating_pictures import MEAN, best_and_worst
from benchmark.core.wording import number, readable

from . import html
from .checklists import rating_checklist
from .further import Column, Part, parts_of
from .opening import simulated_notice
from .page import Section, assembled, checked_in_r, checklists, deviations_of, fonts_wanting, provenance
from .rating_topics import strip_answers, topic_answers, topic_notes
from .record import recorded
from .references import numbered

Pictures = Mapping[str, bytes]
CI, PLAIN = Column("Interval", "ci", "interval"), Column("Interval", "ci", "plain interval")
SCALES = Part(
    "scales", "How were they rated?", "Mean over raters and images with the interval for new raters and new images.",
    (Column("Question", "question"), Column("Condition", "set"), Column("Ratings", "ratings", "whole"),
     Column("Images", "images", "whole"), Column("Mean", "mean", "number"), PLAIN, Column("Median", "median", "tenth"),
     Column("Why no interval", "why", "words")),
)  # fmt: skip
REALITY_MODELS = Part(
    "reality_models", "Called generated: a mixed model",
    "Logistic mixed model with random effects of raters and images; odds ratio of a generated image, over a real one, to be called"
    " generated.",
    (Column("Question", "question"), Column("Condition", "set"), Column("Judgments", "judgments", "whole"),
     Column("Odds ratio", "odds_ratio", "number"), PLAIN, Column("p", "p", "p"),
     Column("SD of raters", "sd_evaluator", "number"), Column("SD of images", "sd_image", "number"),
     Column("Why not", "why", "words")),
)  # fmt: skip
MODELS = Part(
    "scale_models", "Do conditions differ?",
    "Ordinal mixed model with random effects of raters and images; odds ratio of a higher rating.",
    (Column("Question", "question"), Column("Condition", "set"), Column("Against", "against"),
     Column("Odds ratio", "odds_ratio", "number"), PLAIN, Column("p", "p", "p"),
     Column("SD of raters", "sd_evaluator", "number"), Column("SD of images", "sd_image", "number"),
     Column("Why not", "why", "words")),
)  # fmt: skip
CLASSES = (
    Part(
        "class_scales", "Realism by class", "Mean ratings of single images per stated class.",
        (Column("Question", "question"), Column("Class", "class", "words"), Column("Condition", "set"),
         Column("Images", "images", "whole"), Column("Ratings", "answers", "whole"), Column("Mean", "mean", "number"), PLAIN),
    ),
    Part(
        "class_reality", "Called generated, by class", "How often images of each class were called generated.",
        (Column("Class", "class", "words"), Column("Condition", "set"), Column("Images", "images", "whole"),
         Column("Judgments", "answers", "whole"), Column("Called generated", "share", "percent"), CI),
    ),
    Part(
        "named_classes", "Was the stated class recognised?",
        "How often raters named the class that an image is stated to show; no class in the row: all of them.",
        (Column("Question", "question"), Column("Condition", "set"), Column("Class", "class", "words"),
         Column("Answers", "answers", "whole"), Column("Named it", "share", "percent"), CI,
         Column("Undecided", "undecided", "percent")),
    ),
)  # fmt: skip
STRIPS = Part(
    "strips", "Strips", "Every question about strips, morphs beside their controls.",
    (Column("Condition", "set"), Column("Question", "question"), Column("Measure", "measure", "words"),
     Column("Strips", "images", "whole"), Column("Answers", "answers", "whole"), Column("Estimate", "estimate", "number"),
     PLAIN),
)  # fmt: skip
MARKS = Part(
    "marks", "What was marked", "How often each thing was marked among those who answered the question.",
    (Column("Mark", "question"), Column("Condition", "set"), Column("Images or cells", "images", "whole"),
     Column("Answers", "answers", "whole"), Column("Marked", "share", "percent"), CI),
)  # fmt: skip
AGREEMENT = Part(
    "rating_agreement", "Agreement", "Krippendorff's alpha; ordinal for scales, else nominal with Fleiss' kappa and AC1.",
    (Column("Question", "question"), Column("Level", "level"), Column("Alpha", "krippendorff_alpha", "number"), PLAIN,
     Column("Fleiss' kappa", "fleiss_kappa", "number"), Column("AC1", "gwet_ac1", "number"),
     Column("Interval", "gwet_ac1_ci", "plain interval"),
     Column("Same answer", "percent_agreement", "percent")),
)  # fmt: skip
SELF = Part(
    "self_agreement", "Do raters agree with themselves?",
    "Images that came twice: the second answer beside the first, over all raters; sides and directions are those of the image.",
    (Column("Question", "question"), Column("Shown", "shown", "words"), Column("Pairs of answers", "pairs", "whole"),
     Column("Raters", "evaluators", "whole"), Column("Same answer", "same", "percent"), CI,
     Column("Alpha", "krippendorff_alpha", "number"), Column("Mean change", "mean_change", "number"),
     Column("Why not", "why", "words")),
)  # fmt: skip
CATCHES = Part(
    "catches", "Did every rater look?", "Images that are wrong at a glance, shown among the others and left out of every other table.",
    (Column("Rater", "evaluator", "words"), Column("Catches answered", "catches", "whole"), Column("Seen through", "caught", "whole")),
)  # fmt: skip
PACE = Part(
    "pace", "How long did raters look?", "Seconds from the painted image to the judgment; below one second nobody has looked.",
    (Column("Rater", "evaluator", "words"), Column("Judgments", "answers", "whole"), Column("Median, s", "median_s", "number"),
     Column("Fastest, s", "fastest_s", "number"), Column("Below one second", "too_fast", "whole")),
)  # fmt: skip
RATERS = Part(
    "evaluators", "Raters", "Binomial test of each rater against guessing; p adjusted over raters.",
    (Column("Rater", "evaluator", "words"), Column("Judgments", "judgments", "whole"), Column("Wrong", "error", "percent"),
     Column("d'", "dprime", "number"), Column("Criterion", "criterion", "number"), Column("p", "p_chance", "p"),
     Column("Adjusted p", "p_adjusted", "p")),
)  # fmt: skip


GUIDELINE = (
    "Items of GRRAS [[grras]] in short words. Answers come from the ratings; what they do not hold is \"not recorded\"."
    " Complete the official form for a submission."
)


def build_rating_report(
    results: Results,
    entries: list[FigureEntry],
    drawings: dict[str, str],
    *,
    pictures: Pictures | None = None,
    printed: bool = False,
) -> str:
    """The report as one HTML document. pictures: JPEG bytes by image; the worst and best ones are shown with them."""
    figures = {entry.name: html.figure(drawings[entry.name], entry, printed=printed) for entry in entries}
    sections = _sections(results, figures, pictures or {})
    return assembled(results, title_of(results), _opening(results), sections, printed=printed)


def title_of(results: Results) -> str:
    return results["title"] or "Real or generated? A rating study"


def _opening(results: Results) -> list[str]:
    design = results["design"]
    what = ", ".join(f"{count} {SHOWN.get(name, (name, name))[count != 1]}" for name, count in design["shown"].items())
    lead = f"{design['evaluators']} raters judged {what}, without knowing which images were generated."
    notice = [simulated_notice(results["simulated_ratings"], "ratings", "raters")] if results.is_simulated else []
    return [html.heading(1, title_of(results)), *notice, html.paragraph(lead, "lead")]


SHOWN = {"single": ("single image", "single images"), "pair": ("pair", "pairs"), "strip": ("strip", "strips"),
         "grid": ("cell or question of a grid", "cells and questions of grids")}  # fmt: skip


def _said(results: Results, topic: str) -> list[str]:
    """What the results say on a topic in sentences, and for whom they hold."""
    return [html.bullets(topic_answers(results, topic)), *(html.paragraph(note, "muted") for note in topic_notes(results, topic))]


def _sections(results: Results, figures: dict[str, str], pictures: Pictures) -> Iterator[Section]:
    def section(anchor: str, title: str, parts: Callable[[], list[str]]) -> Section:
        return Section(anchor, title, "\n".join(part for part in parts() if part))

    def table(part: Part) -> list[str]:
        return parts_of(results, [part])

    yield section(
        "answer", "Can raters tell generated images from real ones?", lambda: [*_answers(results, figures), *table(REALITY_MODELS)]
    )
    yield section("raters", "Does every rater do alike?", lambda: [*table(RATERS), figures.get("raters", "")])
    yield section(
        "realism", "How realistic are they?",
        lambda: [*_said(results, "realism"), figures.get("scales", ""), *table(SCALES), *table(MODELS)],
    )
    yield section(
        "classes", "Does it depend on the class?",
        lambda: [figures.get("class-scales", ""), *(line for part in CLASSES for line in table(part))],
    )  # fmt: skip
    yield section("sides", "Side by side: which one is generated?", lambda: _sides(results, figures))
    yield section(
        "strips", "Do morphs advance in one direction?", lambda: _strips(results, figures)
    )
    yield section("marks", "What looked wrong?", lambda: table(MARKS))
    yield section(
        "images", "Which images were best, and which worst?",
        lambda: [figures.get("pictures", ""), *gallery(results, pictures)],
    )  # fmt: skip
    agreement = (AGREEMENT, SELF, CATCHES, PACE)
    yield section(
        "agreement", "How far do raters agree?",
        lambda: [*_said(results, "agreement"), *(line for part in agreement for line in table(part))],
    )  # fmt: skip
    yield section("record", "What is recorded of the study?", lambda: recorded(results))
    yield section("plan", "What was planned, and where does the analysis depart from it?", lambda: _plan(results))
    sentences, cited = numbered([*methods(results), GUIDELINE])
    yield section("methods", "Methods", lambda: [*map(html.paragraph, sentences[:-1])])
    yield section("limitations", "What these results do not say", lambda: [html.bullets(limitations(results))])
    yield section(
        "checklists", "Reporting checklist",
        lambda: [html.paragraph(sentences[-1]), *checklists(rating_checklist(results))],
    )  # fmt: skip
    yield section("references", "References", lambda: [html.numbered_list(cited)])
    yield section("provenance", "Provenance", lambda: [*provenance(results), checked_in_r(results, COVERS_RATINGS), *fonts_wanting(figures)])


def _answers(results: Results, figures: dict[str, str]) -> list[str]:
    plan, parts = results["plan"], []
    tag = html.tag("simulated") if results.is_simulated else ""
    for record in results.records("hype"):
        condition = html.tag(f"condition: {readable(record['set'])}", "quiet")
        parts.append(f"<h3>{html.text(hype_question(record))} {tag} {condition}</h3>")
        parts.append(html.paragraph(f"{verdict(record, plan)}.", "verdict"))
        parts.append(html.paragraph(hype_answer(record, plan)))
        if record["error"] is not None:
            parts += [html.paragraph(line) for line in (chance_sentence(record, plan), signal_sentence(record)) if line]
    return [*parts, figures.get("error", "")] if parts else []


def _plan(results: Results) -> list[str]:
    plan = results["plan"]
    stamp = f"Stamped with SHA-256 {plan['sha256']}." if plan["declared"] else "No plan was given: all is exploratory."
    rules = [
        f"Significance level {plan['alpha']:g}, intervals at {100 * plan['confidence']:g} %.",
        f"Equivalence to chance within {margin_words(plan)}.",
        *plan["hypotheses"],
    ]
    return [html.paragraph(stamp), html.bullets(rules), *deviations_of(results)]


def _sides(results: Results, figures: dict[str, str]) -> list[str]:
    records = results.records("choices")
    if not records:
        return []
    return [html.bullets(choice_answers(records, results["plan"])), figures.get("choices", "")]


def _strips(results: Results, figures: dict[str, str]) -> list[str]:
    if not results.records("strips"):
        return []
    return [html.bullets([*strip_answers(results)]), figures.get("strips", ""), *parts_of(results, [STRIPS])]


def gallery(results: Results, pictures: Pictures) -> list[str]:
    """The best and the worst images, each with its picture where there is one."""
    parts = []
    if any(record["image"] in pictures for record in results.records("pictures") if record["truth"] == REAL):
        parts.append(html.paragraph("Real images are among them: share this report as their licence allows.", "muted"))
    for title, records in best_and_worst(results.records("pictures")):
        parts.append(html.heading(3, title))
        parts.append(html.gallery([_card(r, pictures.get(r["image"])) for r in records]))
    return parts


def _card(record: dict, picture: bytes | None) -> str:
    words = f"Image {record['image']}, {record['truth']}, {readable(record['class'])}"
    return html.picture_card(picture_words(record), picture, words)


def picture_words(record: dict) -> list[str]:
    """What is said below one picture, line by line."""
    stated = f", {record['class']}" if record["class"] else ""
    means = [
        f"{readable(name.removeprefix(MEAN))} {number(value, 1)}"
        for name, value in record.items()
        if name.startswith(MEAN) and value is not None
    ]
    condition = record["truth"] if record["set"] == record["truth"] else f"{record['truth']}, {readable(record['set'])}"
    called = f"{record['called_generated']} of {record['judgments']} called it generated"
    return [f"{record['image']}{stated}", condition, called, *([", ".join(means)] if means else [])]
