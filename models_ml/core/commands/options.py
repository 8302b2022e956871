"""Options that several commands share, and what they stand for."""

import argparse
from dataclasses import replace
from pathlib import Path

from models_ml.core.config import PRESETS, TTA_VIEWS, EnsembleRule, RunConfig, override, preset, read_config
from models_ml.core.errors import CoreError


def seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"a seed is a whole number, 0 or more; found {text!r}")
    return int(text)


def works(sub, *, device: bool = True):
    """Options of every command that computes for long; of some on a processor alone."""
    if device:
        sub.add_argument("--device", default="auto", help="auto (a GPU where there is one), cpu, cuda or cuda:1")
    sub.add_argument("--quiet", action="store_true", help="no progress")
    sub.add_argument("--events", metavar="FILE", help="append every event to this file, one JSON object per line")
    sub.add_argument("--networks", metavar="FILE", help="Python file that registers networks of your own with timm")
    sub.add_argument("--stop-with-stdin", action="store_true", help="stop in order when the standard input ends")
    return sub


def configured(sub, default=None):
    """Options that choose a configuration."""
    named = f"{', '.join(PRESETS)}{f'; {default} unless told' if default else ''}"
    sub.add_argument("--preset", default=default, help=named)
    sub.add_argument("--config", metavar="FILE", help="a TOML file instead of a preset; the command config prints one")
    sub.add_argument("--view", help="which pictures, e.g. focused")
    sub.add_argument("--set", action="append", default=[], metavar="SECTION.NAME=VALUE",
                     help="change one setting, e.g. recipe.epochs=10 (may be repeated); the command config names all")
    sub.add_argument("--name", help="name of the run")
    return sub


# fmt: off
def ruled(sub):
    """Options that choose an ensemble rule."""
    sub.add_argument("--rule", default="confident-mean", choices=("confident-mean", "mean", "vote"),
                     help="confident-mean, the founding study's, unless told")
    sub.add_argument("--threshold", type=float, default=0.5, help="largest probability of a confident member; 0.5")
    sub.add_argument("--exclusive", action="store_true", help="above the threshold, not at it (the authors' code)")
    sub.add_argument("--fallback", default="mean", choices=("mean", "abstain"), help="when no member is confident; mean unless told")
    sub.add_argument("--restrict", default="all", choices=("all", "own"), help="own: answer own classes alone")
    sub.add_argument("--own", default="", help="own classes, separated by commas (default: those that occur as truth)")
    sub.add_argument("--calibrated", metavar="RUN", help="apply that run's temperature after averaging")
    return sub
# fmt: on


def of_split(sub) -> None:
    sub.add_argument("--split", default="test", choices=("train", "test", "any"), help="which pictures; test unless told")


def of_views(sub) -> None:
    sub.add_argument("--views", type=int, choices=TTA_VIEWS,
                     help="8: answers are the mean of a picture's rotations and mirror images; as the run's recipe says unless told")  # fmt: skip


def config_of(arguments) -> RunConfig:
    cfg = read_config(arguments.config) if arguments.config else preset(arguments.preset)
    if arguments.view is not None:
        cfg = replace(cfg, view=arguments.view)
    for assignment in arguments.set:
        cfg = override(cfg, assignment)
    return replace(cfg, name=arguments.name) if arguments.name else cfg


def split_of(arguments) -> str | None:
    return None if arguments.split == "any" else arguments.split


def rule_of(arguments) -> EnsembleRule:
    return EnsembleRule(
        arguments.rule, arguments.threshold, not arguments.exclusive, arguments.fallback, arguments.restrict
    )


def temperature_of(arguments) -> float:
    if not arguments.calibrated:
        return 1.0
    from models_ml.core.training.checkpoint import CALIBRATION, read_temperature

    if not (Path(arguments.calibrated) / CALIBRATION).is_file():
        raise CoreError(f"{arguments.calibrated} is not a finished run: {CALIBRATION} is missing.")
    return read_temperature(arguments.calibrated) or 1.0


def own_of(arguments) -> list[str]:
    return [name.strip() for name in arguments.own.split(",") if name.strip()]
