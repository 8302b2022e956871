"""What a training run is, as frozen dataclasses: a fold, a smoke run and a full run differ here and nowhere else.

A run is written to and read from TOML (``write_config``, ``read_config``); its fingerprint names it in every file
that it produces. ``preset(name)`` gives ``paper-focused``, ``paper-panoramic``, ``modern`` and ``tiny``.
"""

import dataclasses
import math
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_origin, get_type_hints

import tomli_w

from models_ml.core.errors import CoreError
from models_ml.core.files import read_text, sha256_json, write_text

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
SIZES_PX = (16, 4096)  # sides of the pictures that a network is shown: on fewer pixels there is nothing to tell apart, more no memory takes
MOST_DOTS = 500  # in a line that somebody sent: a key of very many names asks its parser for the square of its length
METHODS = ("integrated-gradients", "gradcam", "smoothgrad", "occlusion")
BASELINES = ("blur", "median", "zero", "black", "white")
TTA_VIEWS = (1, 8)
DECIDES = ("view", "model", "data", "recipe")  # the parts of a configuration that decide the weights
# Arguments of timm.create_model that fetch or open files, or change what the network gives
NOT_OF_THE_NETWORK = (
    "pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "pretrained_model_args", "checkpoint_path", "cache_dir",
    "model_name", "num_classes", "features_only",
)  # fmt: skip
ISIC_CLASSES = ("AK", "BCC", "BKL", "DF", "SCC", "VASC", "melanoma", "nevus", "unknown")


def _one_of(section: str, name: str, value: object, allowed: tuple[object, ...]) -> None:
    if value not in allowed:
        raise CoreError(f"{section}.{name} must be one of {', '.join(map(str, allowed))}; it is {value!r}.")


def _positive(section: str, owner: object, *names: str, zero: bool = False) -> None:
    for name in names:
        value = getattr(owner, name)
        if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
            least = "0 or more" if zero else "more than 0"
            raise CoreError(f"{section}.{name} must be {least}; it is {value!r}.")


def _share(section: str, owner: object, *names: str) -> None:
    for name in names:
        if not 0 <= getattr(owner, name) < 1:
            raise CoreError(f"{section}.{name} must lie in [0, 1); it is {getattr(owner, name)!r}.")


@dataclass(frozen=True)
class ModelSpec:
    """The network: any timm backbone and a head of several dropouts over one linear layer."""

    backbone: str = "test_resnet"
    backbone_args: Mapping[str, Any] = field(default_factory=dict)  # to timm.create_model, e.g. pad_type = "same"
    weights: str = "none"  # none: random; hub: timm downloads; otherwise a local .safetensors or .pth file
    weights_sha256: str = ""  # when given, another file is refused
    head_dropouts: int = 5
    head_dropout: float = 0.2
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD

    def __post_init__(self):
        _positive("model", self, "head_dropouts")
        if not re.fullmatch(r"[A-Za-z0-9_.]+", self.backbone):
            raise CoreError(
                f"model.backbone must be the name of a network of timm's own (timm.list_models()); it is "
                f"{self.backbone[:100]!r}."
            )
        if taken := sorted(set(self.backbone_args) & set(NOT_OF_THE_NETWORK)):
            raise CoreError(
                f"model.backbone_args must not name {taken[0]!r}: first weights are chosen by model.weights alone."
            )
        _share("model", self, "head_dropout")
        for name in ("mean", "std"):
            value = getattr(self, name)
            if len(value) != 3 or not all(_is_number(part) for part in value) or (name == "std" and min(value) <= 0):
                raise CoreError(f"model.{name} must be three numbers, one for each colour{', above 0' if name == 'std' else ''}; it is {value!r}.")


@dataclass(frozen=True)
class DataSpec:
    """How pictures reach the network, and which are held out."""

    size_px: int = 96
    fit: str = "letterbox"  # letterbox keeps the aspect that readers saw; stretch is the authors'
    resample: str = "antialias"  # antialias (Pillow) or bilinear (no antialias, as OpenCV does)
    augment: str = "light"  # none, light, upright, modern, paper
    folds: int = 5
    fold_source: str = "auto"  # recorded, grouped, or auto: recorded when the manifest has folds
    fold_seed: int = 0
    auxiliary_classes: tuple[str, ...] = ()  # classes that only help training; all others are the study's own

    def __post_init__(self):
        low, high = SIZES_PX
        if not low <= self.size_px <= high:
            raise CoreError(f"data.size_px must lie in {low} to {high} pixels; it is {self.size_px!r}.")
        _positive("data", self, "fold_seed", zero=True)
        _one_of("data", "fit", self.fit, ("letterbox", "stretch"))
        _one_of("data", "resample", self.resample, ("antialias", "bilinear"))
        _one_of("data", "augment", self.augment, ("none", "light", "upright", "modern", "paper"))
        _one_of("data", "fold_source", self.fold_source, ("auto", "recorded", "grouped"))
        if self.folds < 2:
            raise CoreError(f"data.folds must be at least 2; it is {self.folds}.")


@dataclass(frozen=True)
class Recipe:
    """How the network is trained. Rates are per optimiser step on ``batch_size * accumulate`` pictures."""

    epochs: int = 30
    batch_size: int = 64  # pictures per forward pass over all processes
    accumulate: int = 1  # forward passes per optimiser step
    optimizer: str = "adamw"  # adam, adamw
    lr: float = 1e-3  # the paper schedule's initial rate (its peak is ten times this); else the peak
    weight_decay: float = 0.02
    schedule: str = "cosine"  # cosine (per step, after linear warm-up), paper (per epoch), constant
    warmup_epochs: float = 1.0
    final_lr_ratio: float = 0.01
    own_weight: float = 1.0  # loss weight of the study's own classes; auxiliary classes weigh 1
    sampler: str = "shuffle"  # shuffle, balanced (own classes equally often), ratio (own : auxiliary, own balanced)
    auxiliary_per_own: float = 1.0  # for ratio
    label_smoothing: float = 0.0
    clip_norm: float = 0.0  # 0: no clipping
    ema_decay: float = 0.0  # 0: no moving average of weights
    layer_decay: float = 1.0  # 1: the same rate for all layers
    head_only_epochs: int = 0  # linear probing before fine-tuning
    patience: int = 10  # stop when this many epochs and one more brought no better held-out score; 0: never
    precision: str = "fp32"  # fp32, bf16
    channels_last: bool = False
    compile: bool = False
    deterministic: bool = True
    tta_views: int = 1  # of TTA_VIEWS: the picture alone, or its rotations and mirror images; predict may choose otherwise
    max_steps: int = 0  # optimiser steps per epoch in a smoke run; 0: all
    seed: int = 0

    def __post_init__(self):
        _positive("recipe", self, "epochs", "batch_size", "accumulate", "lr", "own_weight", "layer_decay")
        _positive(
            "recipe", self, "weight_decay", "warmup_epochs", "final_lr_ratio", "auxiliary_per_own", "clip_norm", "head_only_epochs",
            "patience", "max_steps", "seed", zero=True,
        )  # fmt: skip
        _one_of("recipe", "optimizer", self.optimizer, ("adam", "adamw"))
        _one_of("recipe", "schedule", self.schedule, ("cosine", "paper", "constant"))
        _one_of("recipe", "sampler", self.sampler, ("shuffle", "balanced", "ratio"))
        _one_of("recipe", "precision", self.precision, ("fp32", "bf16"))
        _one_of("recipe", "tta_views", self.tta_views, TTA_VIEWS)
        _share("recipe", self, "ema_decay", "label_smoothing")


@dataclass(frozen=True)
class EnsembleRule:
    """How members become one answer; see ``ensemble.combine``."""

    rule: str = "confident-mean"  # confident-mean, mean, vote
    threshold: float = 0.5
    inclusive: bool = True  # False is the authors' code (largest probability above, not at, the threshold)
    fallback: str = "mean"  # when no member is confident: mean of all, or abstain
    restrict: str = "all"  # all classes, or the study's own alone

    def __post_init__(self):
        _one_of("ensemble", "rule", self.rule, ("confident-mean", "mean", "vote"))
        _one_of("ensemble", "fallback", self.fallback, ("mean", "abstain"))
        _one_of("ensemble", "restrict", self.restrict, ("all", "own"))
        if not 0 <= self.threshold <= 1:
            raise CoreError(f"ensemble.threshold must lie in [0, 1]; it is {self.threshold!r}.")


@dataclass(frozen=True)
class AttributionSpec:
    """Which attribution is computed; see ``explain``."""

    method: str = "integrated-gradients"  # of METHODS
    baseline: str = "blur"  # of BASELINES
    blur_sigma: float = 0.125  # of the picture's side: 12 px at 96 px
    steps: int = 32  # doubled, where the path is rough, until the completeness gap is small enough
    max_steps: int = 2048  # of one map; the gap that is left then is stored, and why
    gap: float = 0.01  # completeness gap aimed at: |difference - sum| / |difference|
    targets: tuple[str, ...] = ("predicted", "true", "contrast")
    precision: str = "fp32"  # fp32, fp16 (for a GPU, whose fast float32 convolutions keep no more digits)

    def __post_init__(self):
        _one_of("attribution", "method", self.method, METHODS)
        _one_of("attribution", "baseline", self.baseline, BASELINES)
        for target in self.targets:
            _one_of("attribution", "targets", target, ("predicted", "true", "contrast"))
        _one_of("attribution", "precision", self.precision, ("fp32", "fp16"))
        _positive("attribution", self, "steps", "max_steps", "gap", "blur_sigma")


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides the weights of an ensemble, given a manifest."""

    name: str = "run"
    view: str = ""  # empty: the manifest's only view
    model: ModelSpec = field(default_factory=ModelSpec)
    data: DataSpec = field(default_factory=DataSpec)
    recipe: Recipe = field(default_factory=Recipe)
    ensemble: EnsembleRule = field(default_factory=EnsembleRule)
    attribution: AttributionSpec = field(default_factory=AttributionSpec)

    @property
    def fingerprint(self) -> str:
        """Hash of what decides the weights: name, ensemble rule and attribution may change afterwards."""
        parts = to_dict(self)
        return sha256_json({key: parts[key] for key in DECIDES})


def to_dict(value: Any) -> Any:
    """Plain dicts, lists and scalars of a configuration, ready for TOML or JSON."""
    if is_dataclass(value):
        return {f.name: to_dict(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {key: to_dict(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_dict(item) for item in value]
    return value


def from_dict(kind: type, values: Mapping[str, Any], *, where: str = "") -> Any:
    """Build the dataclass ``kind``; an unknown name or a value of the wrong type is a CoreError that names it."""
    hints = get_type_hints(kind)
    unknown = sorted(set(values) - set(hints))
    if unknown:
        raise CoreError(f"{where or kind.__name__} has no setting {unknown[0]!r}; it has {', '.join(hints)}.")
    return kind(**{key: _coerce(hints[key], value, f"{where}{key}") for key, value in values.items()})


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _coerce(hint: Any, value: Any, where: str) -> Any:
    if is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise CoreError(f"{where} must be a table; it is {value!r}.")
        return from_dict(hint, value, where=f"{where}.")
    if get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            raise CoreError(f"{where} must be a list; it is {value!r}.")
        return tuple(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint in (int, float, str, bool) and (not isinstance(value, hint) or (hint is int and isinstance(value, bool))):
        raise CoreError(f"{where} must be of type {hint.__name__}; it is {value!r}.")
    return value


def differences(former: RunConfig, present: RunConfig) -> list[str]:
    """Settings that decide the weights and are not the same, in words: "recipe.epochs is 3, was 5"."""
    before, now = (_flat({k: v for k, v in to_dict(cfg).items() if k in DECIDES}) for cfg in (former, present))
    return [f"{name} is {now[name]!r}, was {before[name]!r}" for name in now if now[name] != before.get(name)]


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    sections = {key: value if isinstance(value, Mapping) else {"": value} for key, value in values.items()}
    return {f"{key}.{name}".rstrip("."): value for key, section in sections.items() for name, value in section.items()}


def to_toml(cfg: RunConfig) -> str:
    return tomli_w.dumps(to_dict(cfg))


def from_toml(text: str, *, source: str = "configuration") -> RunConfig:
    if any(line.count(".") > MOST_DOTS for line in text.split("\n")):
        raise CoreError(f"{source} has more than {MOST_DOTS} dots in a line; no configuration of ours has.")
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CoreError(f"{source} is not valid TOML: {error}.") from error
    except RecursionError as error:
        raise CoreError(f"{source} nests deeper than any configuration needs to.") from error
    return from_dict(RunConfig, values)


def write_config(cfg: RunConfig, path: Path | str) -> None:
    write_text(path, to_toml(cfg))


def read_config(path: Path | str) -> RunConfig:
    return from_toml(read_text(path, "A configuration in TOML was"), source=str(path))


def override(cfg: RunConfig, assignment: str) -> RunConfig:
    """Apply ``section.name=value`` (TOML value; a bare word is taken as text), e.g. ``recipe.epochs=3``."""
    path, _, text = assignment.partition("=")
    keys = path.strip().split(".")
    if not _ or not 1 <= len(keys) <= 2:
        raise CoreError(f"A setting is written section.name=value, e.g. recipe.epochs=3; found {assignment!r}.")
    try:
        value = tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        value = text
    values = to_dict(cfg)
    target = values if len(keys) == 1 else values.get(keys[0])
    if not isinstance(target, dict) or keys[-1] not in target:
        raise CoreError(f"There is no setting {path.strip()!r}; {_nearest(path.strip(), values)}.")
    target[keys[-1]] = value
    return from_dict(RunConfig, values)


def _nearest(path: str, values: Mapping[str, Any]) -> str:
    """Which setting may have been meant."""
    known = [name for name in _flat(values) if "." in name] + [name for name in values if not isinstance(values[name], dict)]
    ends = {name.rpartition(".")[2]: name for name in known}
    found = [ends[end] for end in get_close_matches(path.rpartition(".")[2], ends, n=2, cutoff=0.7)]
    return f"{' or '.join(found)} may be meant" if found else "the command config prints all of them"


def with_auxiliary_classes(cfg: RunConfig, classes: Sequence[str]) -> RunConfig:
    """These classes, too, only help training."""
    known = tuple(sorted({*cfg.data.auxiliary_classes, *classes}))
    return replace(cfg, data=replace(cfg.data, auxiliary_classes=known))


def _paper(view: str, lr: float, own_weight: float) -> RunConfig:
    """The authors' released recipe; docs/results/classifier.md lists where paper and code differ."""
    return RunConfig(
        name=f"paper-{view}",
        view=view,
        model=ModelSpec(backbone="tf_efficientnet_b4.ns_jft_in1k", weights="hub"),
        data=DataSpec(
            size_px=448, fit="stretch", resample="bilinear", augment="paper", auxiliary_classes=ISIC_CLASSES
        ),
        recipe=Recipe(
            epochs=30, batch_size=64, optimizer="adam", lr=lr, weight_decay=0.0, schedule="paper",
            own_weight=own_weight, sampler="shuffle", patience=10, deterministic=False,
        ),
        attribution=AttributionSpec(baseline="zero", steps=75, targets=("true",)),
    )  # fmt: skip


def paper_focused() -> RunConfig:
    return _paper("focused", lr=3e-5, own_weight=5.0)


def paper_panoramic() -> RunConfig:
    return _paper("panoramic", lr=1e-5, own_weight=10.0)


def modern() -> RunConfig:
    """What is better supported by evidence than the paper's recipe, at the same backbone and size."""
    return RunConfig(
        name="modern",
        model=ModelSpec(backbone="tf_efficientnet_b4.ns_jft_in1k", weights="hub"),
        data=DataSpec(
            size_px=448, fit="letterbox", augment="modern", fold_source="grouped", auxiliary_classes=ISIC_CLASSES
        ),
        recipe=Recipe(
            epochs=30, batch_size=64, optimizer="adamw", lr=5e-4, weight_decay=0.02, schedule="cosine",
            warmup_epochs=2.0, sampler="ratio", auxiliary_per_own=1.0, clip_norm=1.0, ema_decay=0.999,
            layer_decay=0.85, head_only_epochs=1, precision="bf16", channels_last=True, tta_views=8,
            deterministic=False,
        ),
    )  # fmt: skip


def tiny() -> RunConfig:
    """A small network from random weights: seconds on a processor. For trying things out, and for the demo."""
    return RunConfig(
        name="tiny",
        model=ModelSpec(backbone="test_resnet", head_dropouts=2),
        data=DataSpec(size_px=64, augment="upright"),
        recipe=Recipe(  # small batches: a few hundred pictures must make many steps
            epochs=16, batch_size=8, lr=3e-3, weight_decay=0.05, sampler="balanced", ema_decay=0.98, patience=0,
            channels_last=True,
        ),
    )  # fmt: skip


PRESETS: dict[str, Callable[[], RunConfig]] = {
    "paper-focused": paper_focused,
    "paper-panoramic": paper_panoramic,
    "modern": modern,
    "tiny": tiny,
}


def preset(name: str, *, view: str | None = None, **recipe: Any) -> RunConfig:
    """A named configuration; underscores may stand for hyphens. Keywords replace single settings of its recipe."""
    try:
        cfg = PRESETS[name.replace("_", "-")]()
    except KeyError:
        raise CoreError(f"There is no preset {name!r}; there are {', '.join(PRESETS)}.") from None
    if view is not None:
        cfg = replace(cfg, view=view)
    unknown = set(recipe) - {f.name for f in dataclasses.fields(Recipe)}
    if unknown:
        raise CoreError(f"A recipe has no setting {sorted(unknown)[0]!r}.")
    return replace(cfg, recipe=replace(cfg.recipe, **recipe)) if recipe else cfg
