"""Check a design from scratch: recompute its certificate, compare it with the stored one, draw the surveys again."""

from collections.abc import Iterator, Mapping

from .assemble import assemble
from .certificate import PROMISE, Certificate, Property, promise
from .certify import certify
from .design import METHOD, Design
from .progress import Progress, silent
from .shape import DesignError

NEEDED_TO_DRAW = ("known items", "surveys", "views", "anchors")


def verify(
    design: Design, items: Mapping[str, str], *, redraw: bool = True, progress: Progress = silent
) -> Certificate:
    """The certificate of `design` over `items` (item code -> class), recomputed from the surveys alone.

    Two promises are added to those of the stored certificate: that the stored one says the same, and that the seed
    draws exactly these surveys. redraw=False leaves the second out, because drawing a very large design again takes as
    long as assembling it did.
    """
    found = certify(design, items)
    promises = [entry for entry in found.properties if entry.kind == PROMISE]
    extra = [promise("stored certificate", "The certificate in the design says what is true.", _stored(design, found))]
    if redraw:
        meaning = f"Seed {design.seed} draws exactly these surveys."
        extra.append(promise("seed", meaning, _redrawn(design, items, found, progress)))
    return Certificate((*promises, *extra, *found.properties[len(promises) :]))


def _stored(design: Design, found: Certificate) -> Iterator[str]:
    if not design.certificate.properties:
        yield "The design carries no certificate."
        return
    stored = {entry.name: entry for entry in design.certificate.properties}
    if len(stored) != len(design.certificate.properties):
        yield "The stored certificate names a property twice."
    for entry in found.properties:
        if entry.name not in stored:
            yield f'The stored certificate does not mention "{entry.name}".'
        elif stored[entry.name] != entry:
            yield _difference(stored[entry.name], entry)
    for name in stored:
        if name not in {entry.name for entry in found.properties}:
            yield f'The stored certificate mentions "{name}", which this design does not have.'


def _difference(stored: Property, true: Property) -> str:
    said, is_so = stored.to_dict(), true.to_dict()
    key = next(
        key
        for key in ("holds", "reached", "best", "limit", "kind", "meaning", "detail", "problems")
        if said.get(key) != is_so.get(key)
    )
    if key in ("holds", "reached", "best", "limit"):
        return f'The stored certificate says of "{true.name}" that {key} is {said[key]}; recomputed it is {is_so[key]}.'
    return f'The stored certificate words "{true.name}" ({key}) differently from the recomputed one.'


def _redrawn(design: Design, items: Mapping[str, str], found: Certificate, progress: Progress) -> Iterator[str]:
    broken = [entry.name for entry in found.properties if entry.name in NEEDED_TO_DRAW and not entry.holds]
    if broken:
        yield f"The surveys were not drawn again, because a promise they rest on is broken: {', '.join(broken)}."
        return
    if design.method != METHOD:
        yield f"The design was drawn by method {design.method!r}; this version knows only {METHOD!r}."
        return
    try:
        drawn = assemble(
            items,
            per_class=design.per_class,
            sets=design.sets,
            views=design.views,
            seed=design.seed,
            view_order=design.view_order,
            max_run=design.max_run,
            repeats=design.repeats,
            anchors=design.anchors.items if design.anchors.named else design.anchors.per_class,
            progress=progress,
        )
    except DesignError as error:
        yield f"The surveys cannot be drawn again: {error}"
        return
    yield from _first_differences(design, drawn)


def _first_differences(design: Design, drawn: Design) -> Iterator[str]:
    """The first difference of every survey that differs from the drawn one."""
    for stored, true in zip(design.surveys, drawn.surveys):
        for entry, expected in zip(stored.entries(), true.entries()):
            if entry != expected:
                second = " a second time" if entry.showing > 1 else ""
                yield (
                    f"Survey {stored.survey} (set {stored.set}), block {entry.view}, position {entry.position}: "
                    f"item {entry.item} stands{second} where seed {design.seed} draws {expected.item} of block {expected.view}."
                )
                break
