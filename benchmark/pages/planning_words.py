"""A planned design, simulations and the precision so far, in words and rounded numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmark.core.planning.closed_form import Precision
from benchmark.core.planning.rating_size import RatingSize
from benchmark.core.planning.rating_words import rating_size_sentences
from benchmark.core.wording import number, on_view, percent, plural, points
from benchmark.services.planning import PlannedDesign
from benchmark.services.precision import PrecisionRow, Width
from imagebank.models import Job


@dataclass(frozen=True)
class Card:
    label: str
    size: str
    bounds: str
    sentence: str


@dataclass(frozen=True)
class PlannedWords:
    design: str
    cards: list[Card]
    sentences: list[str]
    command: str


def planned_in_words(planned: PlannedDesign, form: dict) -> PlannedWords:
    """form: the cleaned planning form, from which the command line is written."""
    design, size = planned.design, abs(planned.difference)
    new = planned.new_images
    return PlannedWords(
        design=(
            f"{design.readers} readers, {design.items:,} images, {design.per_reader} images for each reader;"
            f" {_times_read(planned)}. True difference {points(planned.difference)}."
        ),
        cards=[
            _card("These images, new readers", planned.these_images),
            _card("New images and new readers", new),
        ],
        sentences=_sentences(planned, size),
        command=_command(form) if form["spread"] == "model" else "",
    )


def planned_rating_in_words(found: RatingSize) -> PlannedWords:
    design, world = found.design, found.world
    readings = design.readers * design.per_reader
    return PlannedWords(
        design=(
            f"{design.readers} raters, {design.items:,} distinct images, {design.per_reader} images for each rater; every image is"
            f" judged {number(readings / design.items, 1)} times. True error {percent(world.error)}."
        ),
        cards=[
            Card(
                "Half-width of the error", f"± {points(found.half_width)}", "95 % interval of the test, new raters and new images",
                f"± {points(found.half_width_normal)} by the normal distribution. The bootstrap of the results is a tenth to a quarter wider.",
            ),
            Card(
                "Equivalence to chance", f"{percent(found.equivalence)} power", f"within ± {points(found.margin)} of 50 %",
                f"80 % power from a margin of ± {points(found.smallest_margin)}.",
            ),
        ],
        sentences=rating_size_sentences(found),
        command=(
            f"python -m benchmark.core power --ratings --raters {design.readers} --each {design.per_reader} --images {design.items}"
            f" --error {world.error:g} --sd-rater {world.sd_rater:g} --icc {world.icc:g} --margin {found.margin:g}"
        ),
    )  # fmt: skip


def _times_read(planned: PlannedDesign) -> str:
    design = planned.design
    readings = design.readers * design.per_reader
    if not design.anchors:
        return f"every image is read {number(readings / design.items, 1)} times"
    others = design.readers * (design.per_reader - design.anchors) / (design.items - design.anchors)
    return (
        f"{design.anchors} anchors are read by all, every other image {number(others, 1)} times, so that the {readings:,} readings tell as"
        f" much about all images as {design.readings_that_tell:,.0f} evenly spread ones"
    )


def _card(label: str, found: Precision) -> Card:
    return Card(
        label,
        f"{percent(found.power)} power",
        f"95 % interval ± {points(found.half_width)}",
        f"95 % power from a difference of {points(found.detectable)}.",
    )


def _sentences(planned: PlannedDesign, size: float) -> list[str]:
    unlimited = planned.new_images.power_unlimited_readers
    sentences = [
        f"For these images, 95 % power at {points(size)} needs an SD of the readers' differences of at most"
        f" {points(planned.largest_sd)}.",
        f"With these images and any number of readers, power for new images stays below {percent(unlimited)}."
        if unlimited is not None and unlimited < 0.999
        else "Readers, not images, limit this design.",
    ]
    if planned.needed:
        items, readers = planned.needed
        sentences.append(
            f"95 % power for new images takes {items:,} images and {readers:,} readers, each image read as often as now."
        )
    else:
        sentences.append(
            "No number of images below 100,000 gives 95 % power for new images at this many reads per image."
        )
    sentences.append(
        f"To show equivalence on new images with 80 % power, the margin must be at least"
        f" ± {points(planned.equivalence_margin)}."
    )
    return sentences


def _command(form: dict) -> str:
    """What `python -m benchmark.core power` needs for the nearest design in whole survey sets; "" where there is none."""
    all_items, each = form["per_class"] - form["anchors"], form["per_survey"] - form["anchors"]
    if all_items % each:
        return ""
    sets = max(1, round(form["readers"] * each / all_items))
    common = f" --anchors {form['anchors']}" if form["anchors"] else ""
    return (
        f"python -m benchmark.core power --accuracy-readers {form['accuracy'] / 100:g}"
        f" --accuracy-model {(form['accuracy'] + form['difference']) / 100:g} --sd-reader {form['sd_reader']:g}"
        f" --sd-item {form['sd_item']:g} --correlation {form['correlation']:g} --classes {form['classes']}"
        f" --per-class {form['per_class']} --per-survey {form['per_survey']}{common} --sets {sets}"
    )


@dataclass(frozen=True)
class SimulationRow:
    job: Job
    studies: int | None = None
    cells: list[str] = field(default_factory=list)


def simulation_rows(jobs) -> list[SimulationRow]:
    return [_simulation_row(job, job.result) if job.result else SimulationRow(job) for job in jobs]


def _simulation_row(job: Job, found: dict) -> SimulationRow:
    shares = ("reject_paired", "reject_two_way", "cover_paired", "cover_two_way")
    cells = [str(found["readers"]), str(found["items"]), number(100 * found["difference"], 1)]
    return SimulationRow(job, found["studies"], cells + [number(100 * found[name], 1) for name in shares])


@dataclass(frozen=True)
class PrintedPrecision:
    name: str
    readers: int
    readers_planned: int
    cells: list[tuple[str, str]]  # column and text
    why: str | None


def precision_rows(rows: list[PrecisionRow]) -> list[PrintedPrecision]:
    """Widths in points with one decimal, power in whole per cent: nothing finer is known this early."""
    return [
        PrintedPrecision(
            f"{row.network} against {plural(row.group)}{on_view(row.view or None)}",
            row.readers,
            row.readers_planned,
            [*_cells(row.now, "now"), *_cells(row.at_the_end, "at the end")] if row.now and row.at_the_end else [],
            row.why,
        )
        for row in rows
    ]


def _cells(width: Width, when: str) -> list[tuple[str, str]]:
    """What stands in each column, beside the column's name for a window too narrow for the table."""
    return [
        (f"Half-width {when}, these images (points)", f"± {number(100 * width.these_images, 1)}"),
        (f"Half-width {when}, new images (points)", f"± {number(100 * width.new_images, 1)}"),
        (f"Power {when}, new images (%)", number(100 * width.power_new_images, 0)),
    ]
