"""What a pair of networks looks like: the numbers that cannot be read from the weights' shapes. No torch here."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field

from generative.core.errors import InputError

Matrix = tuple[tuple[float, ...], ...]
# What each number of a description can be; it comes from files that others wrote, and networks are built from it.
WHOLE = {
    "resolution": (8, 1 << 14), "z_dim": (1, 1 << 14), "w_dim": (1, 1 << 14), "channel_base": (8, 1 << 24), "channel_max": (1, 1 << 14),
    "mapping_layers": (1, 64), "d_mapping_layers": (0, 64), "mbstd_group": (1, 1 << 14), "mbstd_channels": (0, 64), "d_cmap_dim": (1, 1 << 14),
    "colours": (1, 3),
}  # fmt: skip
POSITIVE = {"mapping_lr": 1e3, "embed_lr": 1e3, "clamp": 1e9}
MAY_BE_NONE = ("mbstd_group", "d_cmap_dim", "clamp")


@dataclass(frozen=True)
class LabelConstraint:
    """Fixed linear tie between label rows: L = A @ L_free, in the generator, the discriminator or both.

    `matrix` is A: one row per class, one column per free row. The paper's ordinal case: the intermediate stage's row
    is the mean of the early and the late one.
    """

    matrix: Matrix
    generator: bool = True
    discriminator: bool = True

    def __post_init__(self):
        if not all(math.isfinite(number) for row in self.matrix for number in row):
            raise InputError("A label constraint needs finite numbers.")
        widths = {len(row) for row in self.matrix}
        if len(widths) != 1 or not 1 <= min(widths) <= len(self.matrix):
            raise InputError(
                "A label constraint needs one row per class, all of one length, no longer than the number of classes; "
                f"found rows of {sorted(widths)} numbers for {len(self.matrix)} classes."
            )

    @classmethod
    def mean_of(cls, classes: tuple[str, ...], middle: str, ends: tuple[str, str], **nets: bool) -> LabelConstraint:
        """Hold the vector of class `middle` at the mean of those of the two `ends`; the other classes stay free."""
        unknown = sorted({middle, *ends} - set(classes))
        if unknown or len({middle, *ends}) != 3:
            raise InputError(
                f"A mean constraint needs three different classes out of {', '.join(classes)}; "
                f"found {middle!r} between {ends[0]!r} and {ends[1]!r}. Name them as the option ordinal: low, middle, high."
            )
        free = [name for name in classes if name != middle]
        rows = []
        for name in classes:
            parts = ends if name == middle else (name,)
            rows.append(tuple(1.0 / len(parts) if column in parts else 0.0 for column in free))
        return cls(tuple(rows), **nets)


@dataclass(frozen=True)
class NetworkShape:
    """Everything needed to build a generator and its discriminator, weights aside.

    `constraint` ties label rows; `d_mapping_layers` is 0 in the paper's TensorFlow networks and 8 in the PyTorch ones.
    `clamp` bounds activations at +-clamp (None: not at all). d_unconditional: the discriminator also judges pictures without
    their label, by one output more.
    """

    resolution: int
    classes: tuple[str, ...] = ()
    z_dim: int = 512
    w_dim: int = 512
    channel_base: int = 16384
    channel_max: int = 512
    mapping_layers: int = 2
    d_mapping_layers: int = 0
    mapping_lr: float = 0.01
    embed_lr: float = 1.0
    clamp: float | None = 256.0
    mbstd_group: int | None = 4
    mbstd_channels: int = 1
    colours: int = 3
    constraint: LabelConstraint | None = None
    d_cmap_dim: int | None = field(default=None)
    d_unconditional: bool = False

    def __post_init__(self):
        self._check_numbers()
        if self.resolution & (self.resolution - 1):
            raise InputError(f"The resolution must be a power of two, 8 or more; found {self.resolution}.")
        if self.channel_base < self.resolution:
            raise InputError(f"channel_base must be {self.resolution}, the resolution, or more; found {self.channel_base}.")
        if self.colours == 2:
            raise InputError(f"Pictures have 3 colours, or 1 where they are grey; this network makes {self.colours}.")
        if len(set(self.classes)) != len(self.classes):
            raise InputError(f"Class names must differ; found {', '.join(self.classes)}.")
        if self.d_unconditional and not self.classes:
            raise InputError("A second judgement, without label, needs a network with classes; this one has none.")
        if self.constraint and len(self.constraint.matrix) != len(self.classes):
            raise InputError(
                f"The label constraint has {len(self.constraint.matrix)} rows; there are {len(self.classes)} classes."
            )

    def _check_numbers(self) -> None:
        for name, (least, most) in WHOLE.items():
            value = getattr(self, name)
            if (value is not None or name not in MAY_BE_NONE) and (type(value) is not int or not least <= value <= most):
                needed = "a power of two, 8 or more" if name == "resolution" else f"a whole number, {least} to {most}"
                raise InputError(f"The {name} of a network must be {needed}; found {_short(value)}.")
        for name, most in POSITIVE.items():
            value = getattr(self, name)
            if (value is not None or name not in MAY_BE_NONE) and not (type(value) in (int, float) and 0 < value <= most):
                raise InputError(f"The {name} of a network must be a number above 0, {most:g} at most; found {_short(value)}.")
        if strange := [name for name in self.classes if not isinstance(name, str) or not name.strip()]:
            raise InputError(f"Class names are words; found {_short(strange[0])}.")

    @property
    def c_dim(self) -> int:
        return len(self.classes)

    @property
    def resolutions(self) -> tuple[int, ...]:
        """4, 8, ... up to the image's own."""
        return tuple(2**power for power in range(2, self.resolution.bit_length()))

    @property
    def num_ws(self) -> int:
        """Style vectors of one image: two per resolution, 2 log2(resolution) - 2."""
        return 2 * len(self.resolutions)

    @property
    def cmap_dim(self) -> int:
        """Length of the discriminator's label vector; 0 without classes."""
        if not self.classes:
            return 0
        return self.d_cmap_dim or self.channels(4)

    def channels(self, resolution: int) -> int:
        return min(self.channel_base // resolution, self.channel_max)

    def class_index(self, name: str) -> int:
        """Position of a class by its name; an unknown name is refused with the known ones."""
        if name not in self.classes:
            known = ", ".join(self.classes) or "none (this network has no classes)"
            raise InputError(f"There is no class {name!r} in this network; its classes are {known}.")
        return self.classes.index(name)

    def free_rows(self, *, generator: bool) -> Matrix | None:
        """The constraint matrix of one of the two networks, None where its label rows are all free."""
        tie = self.constraint
        if tie is None or not (tie.generator if generator else tie.discriminator):
            return None
        return tie.matrix

    def to_json(self) -> dict:
        """As network.json has it. A second judgement stands in it only where there is one: the hashes of networks without, which
        are made of this, stay what they were."""
        return {name: value for name, value in asdict(self).items() if name != "d_unconditional" or value}

    @classmethod
    def from_json(cls, data: dict) -> NetworkShape:
        """Read what to_json wrote; unknown or missing keys are refused."""
        data = dict(data)
        try:
            if data.get("constraint") is not None:
                tie = dict(data["constraint"])
                tie["matrix"] = tuple(tuple(float(x) for x in row) for row in tie["matrix"])
                data["constraint"] = LabelConstraint(tie["matrix"], generator=bool(tie["generator"]), discriminator=bool(tie["discriminator"]))
            data["classes"] = tuple(data.get("classes", ()))
            data["d_unconditional"] = bool(data.get("d_unconditional", False))
            return cls(**data)
        except InputError:
            raise
        except (TypeError, KeyError, ValueError) as error:
            raise InputError(f"The network description cannot be read: {error}.") from error


def _short(value) -> str:
    """A value of a file in a message: a number or a word, never the whole of anything large."""
    if isinstance(value, int) and value.bit_length() > 100:
        return f"a number of {value.bit_length()} bits"
    return repr(value)[:40] if isinstance(value, str | int | float | None) else f"a {type(value).__name__}"
