"""The command line: arguments to one function each. Bad input is one sentence on stderr and exit status 2."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from generative.core.device import DEVICES, device_of
from generative.core.errors import Cancelled, InputError, plain

EPILOG = """\
from a published network, or a manifest (item, class, view, path; optionally split, group), to an audited set:
  import NETWORK.pkl --out weights --classes late,early,intermediate       (class names in the file's own order)
  train manifest.csv --recipe auto --fast --out run                        (the same command continues; torchrun -m for several GPUs)
  morph WEIGHTS --from early --to late --out set.zip                       (WEIGHTS: weights, or run/snapshots/kimg-...)
  evaluate set.zip --manifest manifest.csv --out evaluation.json
  audit set.zip --manifest manifest.csv --out audit

exit status: 0 done, 1 a check failed, 2 bad usage or input, 130 stopped. docs/generated-images.md says more."""
NO_MEMORY = (
    "there is not enough memory (the GPU's, where one was used); what was saved before is kept. Use fewer or smaller pictures; a "
    "training takes less with --set batch=16, or half of what it has."
)


WEIGHTS = "weights folder: of import, or a snapshot of a training"


def seed_list(text: str) -> tuple[int, ...]:
    """'0-9,17' to numbers."""
    out: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise argparse.ArgumentTypeError(f"seeds are numbers or ranges such as 0-9,17; found {part!r}")
        if dash and not int(first) <= int(last) < int(first) + 100_000:
            raise argparse.ArgumentTypeError(f"the range {part!r} is empty or longer than 100000")
        out += range(int(first), int(last) + 1) if dash else [int(first)]
    return tuple(out)


def whole(text: str, least: int = 0) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"a whole number, {least} or more, is needed; found {text!r}")
    return int(text)


def size(text: str) -> int:
    return whole(text, least=1)


def name_list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def span(text: str) -> tuple[float, float]:
    """'20,200' to two numbers."""
    try:
        start, end = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"a transition is two numbers of kimg such as 20,200; found {text!r}") from None
    return start, end


def option(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"recipe options are written name=value; found {text!r}")
    return key, value


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m generative.core", description="Conditional StyleGAN2-ADA for small sets of pictures.", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_import(commands)
    _add_render(commands)
    _add_train(commands)
    _add_making(commands)
    _add_judging(commands)
    return parser


def _add_import(commands) -> None:
    p = commands.add_parser("import", help="read a published network file safely into a weights folder")
    p.add_argument("network", type=Path, help="published file, PyTorch's or TensorFlow's; nothing in it is run")
    p.add_argument("--out", type=Path, required=True, help="weights folder to make")
    p.add_argument("--classes", type=name_list, default=(), help="class names in the file's own label order")
    p.add_argument("--licence", default="unknown", help="tag that travels with the weights, such as non-commercial")


def _add_render(commands) -> None:
    p = commands.add_parser("render", help="exact check: z and c in, styles and images out, as npz")
    p.add_argument("weights", type=Path, help=WEIGHTS)
    p.add_argument("inputs", type=Path, help="npz with z (N, z_dim), c (N, classes), optionally truncation and noise")
    p.add_argument("--out", type=Path, required=True, help="npz to write: ws and images")


def _add_train(commands) -> None:
    p = commands.add_parser("train", help="train or go on training; resumes by itself from --out")
    p.add_argument("manifest", type=Path, help="CSV with item, class, path; split = test is left out")
    p.add_argument("--recipe", default="auto", help="auto, authors-nf1, authors-7, or tiny (a processor, minutes); auto unless told")
    p.add_argument("--out", type=Path, required=True, help="run folder; what is begun there is continued")
    p.add_argument("--resolution", type=int, metavar="PX", help="side of the pictures, a power of two; the recipe's unless told")
    p.add_argument("--view", help="which pictures, e.g. focused; all unless told")
    p.add_argument("--fit", default="squash", help="squash (changes the aspect, as published) or crop")
    p.add_argument("--classes", type=name_list, default=(), help="class names in label order; sorted when left out")
    p.add_argument("--ordinal", type=name_list, help="low,middle,high: hold the middle's label at the mean of the ends")
    p.add_argument("--transition", type=span, metavar="START,END",
                   help="kimg between which the labels fade in, beside a judgement without label (small data; arXiv 2201.06578)")  # fmt: skip
    p.add_argument("--kimg", type=float, help="stop after this many thousand pictures")
    p.add_argument("--from", dest="start", type=Path, help="weights folder to fine-tune; auto then adapts over 100 kimg, its average has no ramp")
    p.add_argument("--preset", default="widen", help="fine-tuning: widen (keeps the source's mapping) or authors (mapping fresh)")
    p.add_argument("--licence", default="own", help="tag that travels with the weights; that of --from unless told")
    p.add_argument("--seed", type=whole, default=0, help="of everything random; 0 unless told")
    _add_device(p)
    p.add_argument("--fast", action="store_true", help="bfloat16, channels last, compiled: for a GPU (precision, channels_last, compiled)")
    p.add_argument("--set", dest="options", type=option, action="append", default=[], metavar="NAME=VALUE",
                   help="change one number of the recipe, e.g. gamma=0.4 (may be repeated); an unknown name is answered with all")


def _add_making(commands) -> None:
    for name, text in (
        ("generate", "single pictures of every class and seed"),
        ("morph", "strips from one class to another, same z and noise"),
        ("mix", "a grid: shape from the column, colour from the row"),
    ):
        p = commands.add_parser(name, help=text)
        p.add_argument("weights", type=Path, help=WEIGHTS)
        p.add_argument("--out", type=Path, required=True, help="folder, or a name ending in .zip")
        p.add_argument("--truncation", type=float, default=1.0, help="1: all variety; less: nearer to the mean; 1 unless told")
        first = p.add_mutually_exclusive_group()
        first.add_argument("--truncation-to", type=int, metavar="PX", help="truncate only up to this resolution (default: all layers)")
        first.add_argument("--truncation-layers", type=int, metavar="N", help="truncate only the first N layers")
        p.add_argument("--centre", default="global", help="global or class")
        p.add_argument("--noise", default="seed", help="seed (each its own), const (the network's stored) or none")
        _add_device(p, default="cpu")
        _add_progress(p)
        if name == "mix":
            p.add_argument("--rows", type=seed_list, required=True, help="seeds that give colour, such as 821,458")
            p.add_argument("--columns", type=seed_list, required=True, help="seeds that give shape, such as 0-5")
            p.add_argument("--row-class", required=True, help="class of the rows")
            p.add_argument("--column-class", required=True, help="class of the columns")
            cut = p.add_mutually_exclusive_group()
            cut.add_argument("--coarse-to", type=int, metavar="PX", help="the column rules up to this resolution")
            cut.add_argument("--cut", type=int, help="the column rules this many layers (default: half)")
            continue
        p.add_argument("--seeds", type=seed_list, default=tuple(range(10)), help="such as 0-9,17; 0-9 unless told")
        if name == "generate":
            p.add_argument("--classes", type=name_list, default=(), help="default: all")
        else:
            p.add_argument("--from", dest="start", required=True, metavar="CLASS", help="class at the left end")
            p.add_argument("--to", dest="end", required=True, metavar="CLASS", help="class at the right end")
            p.add_argument("--steps", type=int, default=9, help="pictures of a strip, both ends among them; 9 unless told")
            p.add_argument("--spacing", default="linear", help="linear or perceptual")
            p.add_argument("--features", default="random", help="for perceptual spacing; see evaluate")
    p = commands.add_parser("project", help="find the style whose picture is nearest to a given one")
    p.add_argument("weights", type=Path, help=WEIGHTS)
    p.add_argument("picture", type=Path, help="the real picture; it is squashed to the network's square")
    p.add_argument("--class", dest="class_name", help="its class, by name")
    _add_device(p, default="cpu")
    _add_progress(p)
    p.add_argument("--name", help="what the set's record calls the picture (default: its file's name)")
    p.add_argument("--steps", type=int, default=300, help="of the search; 300 unless told")
    p.add_argument("--seed", type=whole, default=0, help="of the search; 0 unless told")
    p.add_argument("--out", type=Path, required=True, help="folder with both pictures side by side")
    p = commands.add_parser("regenerate", help="make a set again and compare every byte (exit status 1 if any differs)")
    p.add_argument("weights", type=Path, help=WEIGHTS)
    p.add_argument("set", type=Path, help="set folder or ZIP that was made from them")
    _add_device(p, default="cpu")


def _add_device(p: argparse.ArgumentParser, default: str = "auto") -> None:
    """Pictures are made on a processor unless told otherwise: there a set is made again byte for byte, on another GPU it is not."""
    told = " unless told; what a GPU makes, only a GPU of its kind makes again byte for byte" if default == "cpu" else ""
    p.add_argument("--device", default=default, help=f"{DEVICES}; {default}{told or ' unless told'}")


def _add_progress(p: argparse.ArgumentParser) -> None:
    p.add_argument("--progress", type=Path, help="a file that says how far the work is while it goes on (what, done, total)")


def _add_judging(commands) -> None:
    for name, text in (
        ("evaluate", "KID, overlap, label fidelity and morph quality of a set"),
        ("audit", "suspected copies of training pictures (exit status 1 if any)"),
    ):
        p = commands.add_parser(name, help=text)
        p.add_argument("set", type=Path, help="set folder or ZIP, any generator's")
        p.add_argument("--manifest", type=Path, required=True, help="real pictures; split = test is held out")
        p.add_argument("--out", type=Path, required=True, help="JSON to write" if name == "evaluate" else "folder of the report")
        p.add_argument("--view", help="which real pictures, e.g. focused; all unless told")
        p.add_argument("--fit", default="squash", help="squash or crop, as the generator was trained; squash unless told")
        p.add_argument("--resolution", type=size, help="at which all are compared (default: the set's own, 256 at most)")
        p.add_argument("--seed", type=whole, default=0, help="of bootstraps and halves; 0 unless told")
        p.add_argument("--features", default="random",
                       help="a classifier's fold folder, BACKBONE:FILE.safetensors:PX, or random")  # fmt: skip
        _add_device(p)
        if name == "audit":
            p.add_argument("--cache", type=Path, help="folder that keeps the real pictures' vectors for the next audit")
            p.add_argument("--weights", type=Path, help="with --probe: the network, for the membership probe")
            p.add_argument("--probe", type=whole, default=0, metavar="N", help="project N pictures of either side into w")


def main(arguments: list[str] | None = None) -> int:
    """0 done, 1 a check failed, 2 bad usage or bad input, 130 work was stopped."""
    options = build_parser().parse_args(arguments)
    from generative.core import commands

    try:
        if hasattr(options, "device"):
            options.device = device_of(options.device)
        return commands.COMMANDS[options.command](options)
    except InputError as error:
        print(f"{options.command}: {plain(str(error))}", file=sys.stderr)
        return 2
    except Cancelled as error:
        print(f"{options.command}: {error}", file=sys.stderr)
        return 130
    except KeyboardInterrupt:
        print(f"{options.command}: stopped; nothing that was complete before is changed.", file=sys.stderr)
        return 130
    except (MemoryError, RuntimeError) as error:
        if not _out_of_memory(error):
            raise
        print(f"{options.command}: {NO_MEMORY}", file=sys.stderr)
        return 2


def _out_of_memory(error: BaseException) -> bool:
    """Whether main memory or a GPU's was too small; the library says the former in a general error's words."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error)
