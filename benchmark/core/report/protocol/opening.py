"""The first chapters: what the study is called and who answers for it, what it asks, and how it is designed."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.core.plans.plan import Contrast
from benchmark.core.wording import comparison_question, difference_question, gain_question

from .document import Paragraph, Part, Picture, Points, Table, blank
from .facts import Given, fingerprint
from .flow import draw_flow

ABOUT_READERS = ("choice", "integer", "text")
ORDERS = {
    "fixed": "The views come in the same order in every survey.",
    "counterbalanced": "Each order of the views is used equally often over the surveys (counterbalanced).",
    "random": "The order of the views is drawn for every survey.",
}


def administration(given: Given) -> list[Part]:
    """Names, numbers and hashes on one page; what a committee looks for first."""
    study, plan, surveys = given["study"], given["plan"], given["surveys"]
    registered = given.plan.registration if given.plan else ""
    rows = [
        ["Title", study["title"]],
        ["Kind of study", _kind(given)],
        ["Short name on the study's site", study["slug"]],
        ["Version of this protocol", f"{given['written_on']}; SHA-256 of its facts {fingerprint(given.facts)}"],
        ["Analysis plan", _plan(plan)],
        ["Design of the surveys", f"SHA-256 {surveys['sha256']}, seed {surveys['seed']}" if surveys["drawn"] else "not drawn yet"],
        ["Answers of people when this was written", f"{study['answers']:,}"],
        ["Registration", given.recorded("study.registration") or registered or blank("registry and number, or the intended registry")],
        ["Ethics committee and its number", given.told("study.ethics", "committee, reference number, date of its decision")],
        ["Sponsor", blank("name and address of the sponsor")],
        ["Principal investigator", blank("name, institution, contact")],
        ["Contributors and their roles", blank("who wrote the protocol, who decides what")],
        ["Contact for readers", blank("name, telephone, e-mail")],
        ["Funding", given.told("study.funding", "who pays, and what say they have in design, analysis and publication")],
        ["Interests", given.told("study.interests", "financial and other interests of those responsible")],
    ]
    if study["citation"]:
        rows.insert(1, ["Source", study["citation"]])
    return [Table("", ["What", "Which"], rows)]


def _kind(given: Given) -> str:
    if given.is_rating:
        return "Rating study: people judge real and generated pictures without knowing which is which"
    if given["assistance"] or _asks_twice(given):
        return "Reader study of diagnostic accuracy, sequential reading: each image alone, then again with a network's output in sight"
    return "Reader study of diagnostic accuracy: people and networks name what the same images show"


def _asks_twice(given: Given) -> bool:
    return any(question["kind"] == "assisted" for page in given["pages"] for question in page["asked"])


def _plan(plan: dict | None) -> str:
    if plan is None:
        return "none is stamped yet"
    when = "before the first answer of a person" if plan["before_first_answer"] else "after people had begun to answer"
    return f"version {plan['version']}, stamped on {plan['stamped_on']}, {when}; SHA-256 {plan['sha256']}"


def summary(given: Given) -> list[Part]:
    """The study on half a page."""
    surveys, study, plan = given["surveys"], given["study"], given.plan
    people = "; ".join(f"{group['seats']} {group['plural']}" for group in given.people) or blank("who reads")
    material = f"{surveys['items']:,} {'stimuli' if given.is_rating else 'items'}" if surveys["items"] else "not fixed yet"
    if not given.is_rating and given["views"]:
        material += f" of {len(given['classes'])} classes, shown as: {', '.join(view['label'] for view in given['views'])}"
    noun = "sittings" if given.is_rating else "surveys"
    sittings = f"{surveys['surveys']} {noun}, {surveys['pages']} pages each" if surveys["surveys"] else "not drawn yet"
    outcome, contrasts = "accuracy: share of readings whose answer is the reference class", len(plan.primary) if plan else 0
    if given.is_rating:
        outcome = "error at telling real from generated pictures, against one half"
    rows = [
        ["Aim", given.told("study.aim", "the aim in one sentence")],
        ["Design", _kind(given)],
        [f"Question to the {given.reader}", study["question"] or _first_question(given)],
        [f"{given.reader.capitalize()}s", people],
        ["Stimuli" if given.is_rating else "Images", material],
        ["Sittings", sittings],
        ["Networks", ", ".join(network["name"] for network in given["networks"]) or "none"],
        ["Primary outcome", outcome],
        ["Analysis plan", "none is registered" if plan is None else f"registered, {contrasts} contrasts" if contrasts else "registered"],
        ["Allocation", f"who sees which images in which order is drawn from seed {surveys['seed']}" if surveys["drawn"] else "not drawn yet"],
        ["Personal data", f"answers under a code; names and e-mail addresses apart, {_kept(given)}"],
    ]  # fmt: skip
    return [Table("", ["What", "In short"], [[what, words] for what, words in rows if words])]


def _first_question(given: Given) -> str:
    """What is asked first about an image; questions about the reader are not."""
    asked = (row for page in given["pages"] for row in page["asked"] if row["kind"] not in ABOUT_READERS)
    return next((row["prompt"] for row in asked), "")


def _kept(given: Given) -> str:
    days = given["privacy"]["contacts_kept_days"]
    return f"erased {days} days after reading is closed" if days else "erased by a coordinator"


def aim(given: Given) -> list[Part]:
    """Background, aim, hypotheses, and the questions that the plan registers."""
    record = given.recorded
    background = record("study.background") or given["study"]["summary"]
    parts: list[Part] = []
    if background:
        parts.append(Paragraph(background))
    if not record("study.background"):
        parts.append(Paragraph(blank("scientific background, earlier studies, and why this one is needed")))
    parts.append(Paragraph(given.told("study.aim", "the aim in one sentence")))
    if given.plan and given.plan.hypotheses:
        parts += [Paragraph("Hypotheses registered in the analysis plan:"), Points(given.plan.hypotheses)]
    if questions := list(registered_questions(given)):
        parts += [Paragraph("Questions that the analysis plan registers:"), Points(questions)]
    if given["networks"] or given["assistance"]:
        parts.append(Paragraph(given.told("study.intended_use", "intended use of the network, its users, its place in the clinical pathway")))
    parts.append(Paragraph(given.told("study.involvement", "whether patients or the public took part in planning the study")))
    return parts


def registered_questions(given: Given) -> Iterator[str]:
    for contrast in given.plan.primary if given.plan else ():
        yield question_of(given, contrast)


def question_of(given: Given, contrast: Contrast) -> str:
    named = {"group": given.group(contrast.group), "view": contrast.view and given.view(contrast.view)}
    if contrast.control:
        return difference_question({**named, "assistant": contrast.model})
    if contrast.assisted:
        return gain_question({**named, "assistant": contrast.model})
    return comparison_question({**named, "model": contrast.model})


def design(given: Given) -> list[Part]:
    """The design in a few sentences, and as a flow."""
    lines = list(_design_lines(given))
    picture = Picture(draw_flow(given), "From the images to the comparison. Every number is the study's own.")
    return [Points(lines), picture, *_setting(given)]


def _design_lines(given: Given) -> Iterator[str]:
    surveys, study = given["surveys"], given["study"]
    if study["kind"] == "imported":
        yield "The answers were given elsewhere and are analysed here; how they were collected is not known to this software."
        return
    who = " and ".join(group["plural"] for group in given.people) or f"{given.reader}s"
    if given.is_rating:
        yield f"Every {given.reader} judges a share of the stimuli, drawn so that each condition is seen equally often by everybody."
    else:
        sets = surveys["sets"]
        times = "once" if surveys["reads"] == "1" else f"{surveys['reads']} times"
        yield (
            f"Multi-reader multi-case design in surveys: every survey holds {surveys['per_class']} items of each of"
            f" {len(given['classes'])} classes; over {sets} set{'' if sets == 1 else 's'} of surveys every item is read {times} by each group."
        )
        yield f"Each survey has one seat for each group of people ({who}); networks read the same images as the people."
        if len(given["views"]) > 1:
            yield f"Items are shown in {len(given['views'])} views, one block each. {ORDERS[surveys['order']]}"
    if surveys["repeats"]:
        yield f"{surveys['repeats']} % of every block come a second time in it, unannounced; only first answers are compared."
    if surveys["control"] is not None:
        share = surveys["control"]
        arm = f" Control arm: about {100 * share:g} % of images, drawn per {given.reader}, the second look has nothing in sight." if share else ""
        yield (
            "Sequential reading: each image is answered alone, that answer is closed, then it is asked again with a"
            f" network's output in sight.{arm}"
        )
    yield f"The {given.reader}s answer prospectively, here; the pictures were there before."
    yield f"No {given.reader} is allocated to a treatment. What is drawn at random, from a stored seed, is who sees which images in which order."
    if given.is_rating:
        yield (
            "Blinding: raters see neither origin nor condition of a picture, no result and no other rater's answer. The pages on which"
            " progress is watched show no answer."
        )
        return
    yield (
        f"Blinding: {given.reader}s see no reference class, no result and no other {given.reader}'s answer, and no network's output before"
        " their own answer is closed. The pages on which progress is watched do not say whether an answer was right; who may see results"
        " stands in the chapter on data protection."
    )


def _setting(given: Given) -> list[Part]:
    when = given.recorded("study.dates") or blank("planned first and last day of recruitment and of reading")
    where = given.told("study.setting", f"countries and kinds of institution from which {given.reader}s come")
    return [Paragraph(f"Setting: {where}"), Paragraph(f"Time table: {when}")]
