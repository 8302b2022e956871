"""Which pictures a bank consists of, before any is drawn.

A photograph is one scene: a panoramic picture and one or several focused crops of it. Its code says nothing about its
class, and neither code nor pixels depend on the scale of the bank, so that a larger bank contains the smaller one.
"""

import hashlib
from dataclasses import dataclass

from .fields import generator
from .recipe import VIEWS, Recipe


@dataclass(frozen=True)
class Photograph:
    """One scene to draw. `number` counts within class and split; `crops` focused pictures are cut from it."""

    code: str
    class_code: str
    split: str
    number: int
    crops: int

    def key(self, seed: int) -> tuple:
        """What all random draws of this photograph depend on."""
        return (seed, self.split, self.class_code, self.number)

    def pictures(self) -> list["Picture"]:
        """Its panoramic picture, then its crops. A test photograph is one item with both views."""
        is_test = self.split == "test"
        focused = [self.code if is_test else f"{self.code}-{n + 1}" for n in range(self.crops)]
        return [Picture(self.code, "panoramic"), *(Picture(item, "focused") for item in focused)]


@dataclass(frozen=True)
class Picture:
    """One picture of a photograph: its item code and view, which also name its files."""

    item: str
    view: str

    @property
    def path(self) -> str:
        return f"images/{self.view}/{self.item}.jpg"

    @property
    def mask(self) -> str:
        return f"masks/{self.view}/{self.item}.png"


def plan_bank(recipe: Recipe, *, scale: float, seed: int) -> list[Photograph]:
    """All photographs of a bank: the test ones (independent of the scale), then the training ones, class by class.

    Raises ValueError when the scale is not above 0 and at most 20.
    """
    if not 0 < scale <= 20:
        raise ValueError(f"The scale of the training set must be above 0 and at most 20, found {scale}.")
    codes = _test_codes(len(recipe.classes) * recipe.test_per_class, seed)
    photographs = [
        Photograph(codes.pop(), class_code, "test", number, 1)
        for class_code in recipe.classes
        for number in range(recipe.test_per_class)
    ]
    photographs.sort(key=lambda photograph: photograph.code)
    for class_code in recipe.classes:
        count, crops = (max(1, round(recipe.training[view][class_code] * scale)) for view in VIEWS)
        for number in range(count):
            of_this = crops // count + (number < crops % count)
            code = _training_code(seed, class_code, number)
            photographs.append(Photograph(code, class_code, "train", number, of_this))
    return photographs


def _test_codes(count: int, seed: int) -> list[str]:
    """T001, T002 ... in an order that gives no class away."""
    digits = max(3, len(str(count)))
    return [f"T{number + 1:0{digits}d}" for number in generator(seed, "test codes").permutation(count)]


def _training_code(seed: int, class_code: str, number: int) -> str:
    digest = hashlib.blake2b(f"{seed}/{class_code}/{number}".encode(), digest_size=5)
    return "P" + digest.hexdigest()
