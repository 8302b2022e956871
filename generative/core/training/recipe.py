"""How a network is trained: one frozen record, the published `auto` rule and the presets. No torch."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from difflib import get_close_matches

from generative.core.errors import InputError
from generative.core.networks.shape import LabelConstraint, NetworkShape
from generative.core.training.pipelines import PIPELINE_NAMES

NETS = ("both", "generator", "discriminator")
PRECISIONS = ("float32", "bf16", "fp16")
NOISES = ("random", "none")
FORMER = ("compiled_lazy",)  # options that are gone; runs of earlier versions still name them
# What a resumed run may change: how long, how often it reports, on what it runs; nothing that changes the numbers.
FREE_ON_RESUME = ("total_kimg", "snapshot_kimg", "grid_kimg", "kid_images", "keep_snapshots")

ABOVE_0 = (
    "batch", "z_dim", "w_dim", "channel_max", "mapping_layers", "mbstd_group", "clamp", "lr", "mapping_lr", "path_every", "r1_every",
    "total_kimg", "snapshot_kimg", "grid_kimg", "ada_kimg",
)  # fmt: skip
SHARES = ("style_mix", "ada_target", "ada_most", "fixed_p")

# What the published rule of thumb changes where a run starts from a trained network: augmentation adapts five times as fast, and
# the average needs no ramp, since it is good from the first step.
AUTO_FINE_TUNING = {"ada_kimg": 100.0, "ema_rampup": None}
AUTO_RULES = ("batch", "mbstd_group", "gamma", "ema_kimg", *AUTO_FINE_TUNING)  # what `auto` makes of GPUs, resolution and a start

# Full speed on a GPU; the same numbers within bfloat16's.
FAST = {"precision": "bf16", "channels_last": True, "compiled": True}


@dataclass(frozen=True)
class Recipe:
    """Every number of a run. kimg counts thousands of real pictures shown.

    mapping_lr: the mapping's learning rate relative to the rest; .01 as published barely moves it in a short run.
    ordinal: (low end, middle, high end) class names; the middle's label vector is held at the mean of the ends, in
    `ordinal_nets`. transition: (start, end) kimg between which the labels fade in from the common mix, lambda going from 0 to 1;
    None conditions from the first step. unconditional_loss: in a transition the discriminator also judges without label, in every
    loss and all the time, and its judgement of labelled pictures counts lambda (arXiv 2201.06578); without it both networks' labels
    fade in and nothing else changes.
    noise: random draws it for every picture, none trains without (its strength
    stays 0). balanced: every class is shown, and asked for, equally often, however few pictures it has; else as often as
    it occurs. compiled: the phases of every step as compiled code (not path length and R1: little of the time, and
    differentiated twice). freeze_d: this many of the discriminator's finest blocks keep their weights.
    """

    name: str
    resolution: int
    batch: int
    z_dim: int = 512
    w_dim: int = 512
    channel_base: int = 16384
    channel_max: int = 512
    mapping_layers: int = 2
    mapping_lr: float = 0.01
    d_mapping_layers: int = 0
    mbstd_group: int = 4
    clamp: float | None = 256.0
    lr: float = 0.0025
    gamma: float = 1.0
    ema_kimg: float = 10.0
    ema_rampup: float | None = 0.05
    path_weight: float = 2.0
    path_every: int = 4
    r1_every: int = 16
    style_mix: float = 0.9
    noise: str = "random"
    mirror: bool = True
    balanced: bool = False
    pipeline: str = "bgc"
    ada_target: float = 0.6
    ada_kimg: float = 500.0
    ada_most: float = 0.8
    fixed_p: float | None = None
    ordinal: tuple[str, str, str] | None = None
    ordinal_nets: str = "both"
    transition: tuple[float, float] | None = None
    unconditional_loss: bool = False
    diff_augment: bool = False
    relativistic: bool = False
    freeze_d: int = 0
    precision: str = "float32"
    low_resolutions: int = 4
    channels_last: bool = False
    compiled: bool = False
    total_kimg: float = 768.0
    snapshot_kimg: float = 20.0
    grid_kimg: float = 20.0
    kid_images: int = 500
    keep_snapshots: int = 0
    minimum_images: int = 50

    def __post_init__(self):
        for f in fields(self):
            check_value(f.name, f.type, getattr(self, f.name))
        if self.batch % min(self.mbstd_group, self.batch):
            raise InputError(f"The batch must be a multiple of mbstd_group ({self.mbstd_group}); found {self.batch}.")
        if self.channel_base < self.resolution:
            raise InputError(f"channel_base must be {self.resolution}, the resolution, or more; found {self.channel_base}.")
        if self.transition and not self.transition[0] <= self.transition[1]:
            raise InputError(f"transition goes from an earlier to a later kimg; found {self.transition[0]:g} to {self.transition[1]:g}.")
        if self.unconditional_loss and not self.transition:
            raise InputError("unconditional_loss belongs to a transition; name the kimg between which labels fade in, too.")
        for name, known in (("ordinal_nets", NETS), ("precision", PRECISIONS), ("noise", NOISES), ("pipeline", PIPELINE_NAMES)):
            if getattr(self, name) not in known:
                raise InputError(f"{name} must be one of {', '.join(known)}; found {getattr(self, name)!r}.")

    def label_share(self, kimg: float) -> float:
        """lambda: how much of the labels counts after so many kimg, from 0 at the transition's start to 1 at its end."""
        if not self.transition:
            return 1.0
        start, end = self.transition
        return min(max((kimg - start) / max(end - start, 1e-9), 0.0), 1.0)

    def shape(self, classes: tuple[str, ...]) -> NetworkShape:
        """The networks for these classes; the ordinal names must be among them."""
        tie = None
        if self.ordinal:
            low, middle, high = self.ordinal
            on = {net: self.ordinal_nets in ("both", net) for net in NETS[1:]}
            tie = LabelConstraint.mean_of(tuple(classes), middle, (low, high), **on)
        return NetworkShape(
            resolution=self.resolution, classes=tuple(classes), z_dim=self.z_dim, w_dim=self.w_dim,
            channel_base=self.channel_base, channel_max=self.channel_max, mapping_layers=self.mapping_layers,
            mapping_lr=self.mapping_lr, d_mapping_layers=self.d_mapping_layers, clamp=self.clamp, mbstd_group=self.mbstd_group, constraint=tie,
            d_unconditional=self.unconditional_loss,
        )  # fmt: skip

    def to_json(self) -> dict:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict) -> Recipe:
        tuples = {key: tuple(data[key]) for key in ("ordinal", "transition") if data.get(key)}
        known = {key: value for key, value in data.items() if key not in FORMER}
        return cls(**{**known, **tuples})

    def changes(self, other: Recipe) -> list[str]:
        """Names of fields that differ and may not on resume."""
        return [f.name for f in fields(self)
                if f.name not in FREE_ON_RESUME and getattr(self, f.name) != getattr(other, f.name)]  # fmt: skip

    def with_options(self, **options) -> Recipe:
        """A copy with options by name, lists as JSON has them; an unknown name and a value of another kind are refused."""
        known = {f.name for f in fields(self)}
        if unknown := sorted(set(options) - known):
            meant = get_close_matches(unknown[0], sorted(known), n=1)
            raise InputError(
                f"There is no recipe option {', '.join(unknown)};{f' {meant[0]} may be meant;' if meant else ''} there are "
                f"{', '.join(sorted(known))}."
            )
        return replace(self, **{name: tuple(value) if isinstance(value, list) else value for name, value in options.items()})


def check_value(name: str, kind: str, value) -> None:
    """Refuse a value that the option, declared as `kind`, cannot have; the sentence says what it can be."""
    if value is None and kind.endswith("| None"):
        return
    kind = kind.removesuffix(" | None")
    if kind.startswith("tuple"):
        part, count = ("name", 3) if "str" in kind else ("number", 2)
        parts = value if isinstance(value, tuple) else ()
        if len(parts) != count or not all(isinstance(x, str) if part == "name" else _is_number(x) for x in parts):
            raise InputError(f"{name} needs {count} {part}s; found {value!r}.")
        return
    right = {
        "int": isinstance(value, int) and not isinstance(value, bool), "float": _is_number(value),
        "bool": isinstance(value, bool), "str": isinstance(value, str),
    }  # fmt: skip
    if not right[kind]:
        words = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a word"}
        raise InputError(f"{name} must be {words[kind]}; found {value!r}.")
    if name in ABOVE_0 and not value > 0:
        raise InputError(f"{name} must be above 0; found {value}.")
    if name in SHARES and not 0 <= value <= 1:
        raise InputError(f"{name} must lie in 0 to 1; found {value}.")
    if kind in ("int", "float") and value < 0:
        raise InputError(f"{name} must be 0 or more; found {value}.")


def _is_number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def auto(resolution: int, gpus: int = 1) -> Recipe:
    """The published rule of thumb: batch, R1 weight and averaging from resolution and number of GPUs."""
    batch = max(min(gpus * min(4096 // resolution, 32), 64), gpus)
    return Recipe(
        name="auto",
        resolution=resolution,
        batch=batch,
        mbstd_group=max(min(batch // gpus, 4), 1),
        gamma=0.0002 * resolution**2 / batch,
        ema_kimg=batch * 10 / 32,
        lr=0.002 if resolution >= 1024 else 0.0025,
        channel_base=16384 if resolution <= 256 else 32768,
        total_kimg=25000.0,
    )


def authors_seven(resolution: int = 256) -> Recipe:
    """The published seven-condition recipe: auto for two GPUs, target .7, faster ADA (for fine-tuning), no EMA ramp."""
    return replace(
        auto(resolution, gpus=2), name="authors-7", ada_target=0.7, ada_kimg=100.0, ada_most=1.0, ema_rampup=None,
        total_kimg=768.0,
    )  # fmt: skip


def authors_nf1(resolution: int = 256) -> Recipe:
    """The published stage recipe: the same, the intermediate vector held at the mean of early and late in both nets."""
    return replace(authors_seven(resolution), name="authors-nf1", ordinal=("early", "intermediate", "late"))


def tiny(resolution: int = 32) -> Recipe:
    """Small networks for a processor: tests, the demo, teaching. 16 px learns three drawn classes in seconds."""
    small = resolution <= 16
    width = 32 if small else 64
    return Recipe(
        name="tiny", resolution=resolution, batch=16 if small else 8, z_dim=width, w_dim=width,
        channel_base=256 if small else 16 * resolution, channel_max=16 if small else 32, lr=0.004 if small else 0.0025,
        gamma=0.05, ema_kimg=1.0 if small else 2.0, ada_kimg=50.0, pipeline="bg", total_kimg=2.0 if small else 24.0,
        snapshot_kimg=1.0 if small else 4.0, grid_kimg=1.0 if small else 2.0, kid_images=200, minimum_images=20,
    )  # fmt: skip


PRESETS = {"authors-nf1": authors_nf1, "authors-7": authors_seven, "auto": auto, "tiny": tiny}


def preset(name: str, resolution: int | None = None, *, gpus: int = 1) -> Recipe:
    """A recipe by its name; auto needs a resolution, the others have their own. gpus: processes that share the batch; only
    auto asks."""
    if name not in PRESETS:
        raise InputError(f"There is no recipe {name!r}; there are {', '.join(PRESETS)}.")
    if resolution is not None and (resolution < 8 or resolution & (resolution - 1)):
        raise InputError(f"The resolution must be a power of two, 8 or more; found {resolution}.")
    if name == "auto":
        return auto(resolution or 256, gpus)
    return PRESETS[name]() if resolution is None else PRESETS[name](resolution)
