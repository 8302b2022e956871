"""What raters practise with: pictures that are rated nowhere, of every kind of stimulus."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from imagebank.models import ItemImage
from surveys.models import Stimulus

from .setting_up import FRAMES, GENERATED, REAL, StimulusSpec, grid, pair, single, strip

PRACTICE = Stimulus.Role.PRACTICE
COLUMNS, ROWS = 3, 2


@dataclass
class Spare:
    """Pictures that nothing shows, in the order in which they are taken: origin, class and image. Each is used once."""

    left: list[tuple[str, str, ItemImage]]

    @classmethod
    def of(cls, couples: Sequence[tuple[str, ItemImage, ItemImage]], real: Sequence[tuple[str, ItemImage]]) -> "Spare":
        """couples: class, real and generated picture of those that were not needed; real: class and picture of those without a
        partner."""
        left = [(origin, label, image) for label, *both in couples for origin, image in zip((REAL, GENERATED), both, strict=True)]
        return cls(left + [(REAL, label, image) for label, image in real])

    def take(self, count: int, origin: str | None = None) -> list[tuple[str, str, ItemImage]]:
        """`count` pictures, of one origin or any, or none where there are fewer."""
        found = [row for row in self.left if origin in (None, row[0])][:count]
        if len(found) < count:
            return []
        self.left = [row for row in self.left if row not in found]
        return found

    def singles(self, count: int) -> list[StimulusSpec]:
        """`count` single pictures to practise with, or as many as there are."""
        return [single(image, origin, role=PRACTICE, label=label) for origin, label, image in self.take(min(count, len(self.left)))]


def practice_of_others(
    rated: Sequence[StimulusSpec], *, spare: Spare, strips: Sequence[StimulusSpec], each: int
) -> list[StimulusSpec]:
    """`each` pairs, strips and grids to practise with, of the kinds among `rated`, as far as pictures are left.

    strips: published ones that are not rated; one that shares no picture with a rated one serves. Else strips and grids are made
    of single pictures: whoever practises learns the questions, and sees nothing that is to be judged later.
    """
    kinds = {spec.kind: spec for spec in rated}
    seen = {frame.image.pixel_sha256 for spec in rated for frame in spec.frames}
    own = [spec for spec in strips if seen.isdisjoint(frame.image.pixel_sha256 for frame in spec.frames)]
    made: list[StimulusSpec] = []
    for number in range(1, each + 1):
        if "pair" in kinds:
            made += _pair(spare)
        if "strip" in kinds:
            made += [replace(own.pop(0), role=PRACTICE)] if own else _strip(spare, len(kinds["strip"].frames), number)
        if "grid" in kinds:
            made += _grid(spare, number)
    return made


def _pair(spare: Spare) -> list[StimulusSpec]:
    real, generated = spare.take(1, REAL), spare.take(1, GENERATED)
    return [pair(one[2], other[2], role=PRACTICE, label=other[1]) for one, other in zip(real, generated, strict=False)]


def _strip(spare: Spare, frames: int, number: int) -> list[StimulusSpec]:
    for count in range(frames, FRAMES["strip"][0] - 1, -1):
        if found := spare.take(count):
            return [strip(f"practice-strip-{number}", [image for _, _, image in found], role=PRACTICE)]
    return []


def _grid(spare: Spare, number: int) -> list[StimulusSpec]:
    for rows in range(ROWS, 0, -1):
        if found := spare.take(rows * COLUMNS):
            return [grid(f"practice-grid-{number}", [image for _, _, image in found], columns=COLUMNS, role=PRACTICE)]
    return []
