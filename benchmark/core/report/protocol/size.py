"""The chapter about the size of the study: precision and power by the planning's closed form, with every assumption."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.core.planning.closed_form import (
    Design,
    Precision,
    Spread,
    fixed_images_precision,
    items_needed,
    largest_sd,
    new_images_precision,
)
from benchmark.core.planning.rating_size import CHANCE, RatingWorld, rating_design, rating_size
from benchmark.core.planning.rating_words import rating_size_sentences
from benchmark.core.planning.simulation import World, spread_of
from benchmark.core.wording import number, percent, points

from .document import Paragraph, Part, Points, Subtitle, Table, blank
from .facts import Given

TARGET = 0.95
FEWEST_READERS = 3
DEFAULT_MARGIN = 0.1  # as `benchmark.core.sections.ratings.RatingPlan`


def sample_size(given: Given) -> list[Part]:
    """Numbers of images, readers and readings; power where the planning knows it; who justifies it where it does not."""
    parts: list[Part] = [Table("", ["What", "Number"], list(_counts(given)), short=True)]
    if planned := given.recorded("sample_size.planned"):
        parts.append(Paragraph(planned))
    if given.is_rating:
        parts.extend(_rating_size(given))
        return parts
    if (unfit := _why_not(given)) is not None:
        return [*parts, Paragraph(unfit), Paragraph(blank("why so many readers and images are enough"))]
    return [*parts, *_power(given)]


def _rating_size(given: Given) -> Iterator[Part]:
    """Half-width of the error, and power for equivalence to chance within the plan's margin, of the design as drawn."""
    design, plan = given.facts.get("rating_design"), given.plan
    why = Paragraph(blank("why so many raters and stimuli are enough"))
    margin, world = (plan and plan.margin) or DEFAULT_MARGIN, RatingWorld()
    alpha = plan.alpha if plan else 0.05
    if not design or margin >= CHANCE:
        yield Paragraph("Precision and power need drawn sittings with single images, real and generated, and a margin below 50 points.")
        yield why
        return
    found = rating_size(rating_design(**design), world, margin, alpha=alpha)
    yield Subtitle("Precision and power for the error at telling real images from generated ones")
    yield Points([
        "Assumed, not measured; every figure below changes with it.",
        f"The true error is {percent(world.error, 0)}, chance. Raters' own errors vary with a standard deviation of {points(world.sd_rater)};"
        f" the intraclass correlation of images is {world.icc:g}; the rest is the residual of a yes-or-no answer.",
        f"Every seat is filled by another rater who completes. {found.design.readers} raters judge {found.design.per_reader} of"
        f" {found.design.items} single images each, repeats and catches aside. Level {alpha:g}, new raters and new images.",
        *([] if plan and plan.margin else [f"No plan names a margin; ± {points(margin)} is the analysis's own."]),
    ])  # fmt: skip
    yield Table("", ["Half-width of the 95 % interval (points)", "Margin (points)", "Power for equivalence", "80 % power from (points)"],
                [[number(100 * found.half_width, 1), number(100 * margin, 1), percent(found.equivalence),
                  number(100 * found.smallest_margin, 1)]])  # fmt: skip
    yield Points(rating_size_sentences(found))
    yield Paragraph(blank("from which earlier study or pilot the assumed spreads come, and why that margin matters"))


def _counts(given: Given) -> Iterator[list[str]]:
    surveys = given["surveys"]
    if surveys["items"]:
        yield ["Stimuli to be rated" if given.is_rating else "Images (items) in the surveys", f"{surveys['items']:,}"]
    if surveys["surveys"]:
        yield ["Sittings per group" if given.is_rating else "Surveys", f"{surveys['surveys']:,}"]
    for group in given.people:
        yield [f"Seats of {group['plural']}", f"{group['seats']:,}"]
    if surveys["pages"]:
        yield ["Pages of one sitting", str(surveys["pages"])]


def _why_not(given: Given) -> str | None:
    surveys = given["surveys"]
    if not surveys["items"] or not surveys["surveys"]:
        return "Precision and power need the surveys: draw them first."
    if surveys["surveys"] < FEWEST_READERS:
        return f"With {surveys['surveys']} readers in a group no precision can be stated."
    return None


def design_of(given: Given) -> Design:
    """The design as each group of people reads it: one reader per survey."""
    surveys = given["surveys"]
    return Design(surveys["surveys"], surveys["items"], surveys["per_survey"], len(given["classes"]))


def _power(given: Given) -> Iterator[Part]:
    assumed, plan = given["assumed"], given.plan
    design, alpha = design_of(given), plan.alpha if plan else 0.05
    size = abs(assumed["difference"])
    spread = spread_of(World(assumed["accuracy_readers"], assumed["accuracy_readers"] + assumed["difference"],
                             assumed["sd_reader"], assumed["sd_item"], assumed["correlation"]))  # fmt: skip
    yield Subtitle("Precision and power for one group of readers against a network, in one view")
    yield Points(list(_assumptions(assumed, alpha)))
    rows = [_row(f"level {alpha:g}", design, spread, size, alpha)]
    count = len(plan.primary) if plan else 0
    if count > 1 and plan.multiplicity != "none":
        rows.append(_row(f"level {alpha / count:.3g}, the strictest step of the adjustment", design, spread, size, alpha / count))
    header = ["Two-sided test", "These images: power", "± points", "New images: power", "± points", "95 % power from (points), new images"]
    yield Table("", header, rows)
    yield Points(list(_limits(design, spread, size, alpha)))
    if given["surveys"]["control"] is not None:
        yield Paragraph("Of gains from a second look the closed form says nothing; a rehearsal shows how clear the answer would be."
            f" {blank('why the study is large enough for the registered gains')}")
    yield Paragraph(blank("from which earlier study or pilot the assumed difference and spreads come, and why that difference matters"))


def _assumptions(assumed: dict, alpha: float) -> Iterator[str]:
    yield "Assumed, not measured; every figure below changes with it."
    yield (
        f"Readers are right about {percent(assumed['accuracy_readers'], 0)} of images; the network's accuracy differs from"
        f" that by {points(assumed['difference'])}."
    )
    yield f"On the logit scale readers vary with a standard deviation of {assumed['sd_reader']:g} and images with {assumed['sd_item']:g}."
    yield f"Where people err the network errs too, with a correlation of {assumed['correlation']:g} of the latent difficulty."
    yield f"Every seat is filled by another reader who completes. Two-sided level {alpha:g}. One reading is one item in one view."


def _row(name: str, design: Design, spread: Spread, size: float, alpha: float) -> list[str]:
    these: Precision = fixed_images_precision(design, spread, size, alpha=alpha, target=TARGET)
    new: Precision = new_images_precision(design, spread, size, alpha=alpha, target=TARGET)
    half = [number(100 * found.half_width, 1) for found in (these, new)]
    return [name, percent(these.power), half[0], percent(new.power), half[1], number(100 * new.detectable, 1)]


def _limits(design: Design, spread: Spread, size: float, alpha: float) -> Iterator[str]:
    bound = largest_sd(size, design.readers, power=TARGET, alpha=alpha)
    yield (
        f"For these images 95 % power at {points(size)} holds as long as the readers' differences have a standard deviation"
        f" of at most {points(bound)}."
    )
    needed = items_needed(spread, size, reads_per_item=design.readers * design.per_reader / design.items, per_reader=design.per_reader,
                          classes=design.classes, target=TARGET, alpha=alpha)  # fmt: skip
    if needed:
        yield f"95 % power for new images takes {needed[0]:,} images and {needed[1]:,} readers in a group, each image read as often as here."
    else:
        yield "No number of images below 100,000 gives 95 % power for new images at this many readings per image."
