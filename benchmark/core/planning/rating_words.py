"""The size of a rating study in sentences: for the planning page, the command and the protocol."""

from __future__ import annotations

from benchmark.core.wording import percent, points

from .rating_size import CHANCE, RatingSize


def rating_size_sentences(found: RatingSize) -> list[str]:
    design, margin = found.design, f"± {points(found.margin)}"
    sentences = [
        f"With 80 % power the error is shown to be within ± {points(found.smallest_margin)} of chance, and no nearer.",
        f"An error that differs from chance is found with 80 % power from {points(found.detectable)} away.",
    ]
    if found.world.error != CHANCE:
        sentences.append(f"At a true error of {percent(found.world.error)} it differs from chance with {percent(found.differing)} power.")
    if abs(found.world.error - CHANCE) > found.margin - 1e-9:
        return [*sentences, f"An error of {percent(found.world.error)} does not lie within {margin} of chance: no design shows that it does."]
    sentences.append(
        f"80 % power for {margin} takes {found.raters_needed:,} raters of these {design.items:,} images, {design.per_reader} each."
        if found.raters_needed
        else f"With these {design.items:,} images no number of raters gives 80 % power for {margin}: add distinct images."
    )
    sentences.append(
        f"With {design.readers:,} raters of {design.per_reader} images each it takes {found.images_needed:,} distinct images."
        if found.images_needed
        else f"With {design.readers:,} raters of {design.per_reader} images each no number of distinct images does: add raters or images for each."
    )
    return sentences
