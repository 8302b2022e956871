"""`python -m benchmark.core ...`: exit 0 when done, 1 when a check fails, 2 on bad usage or input, in one sentence."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .errors import InputError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = build_parser().parse_args(arguments)
    try:
        return options.run(options)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{error.filename or 'A file'} could not be used: {error.strerror}.", file=sys.stderr)
        return 2


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmark.core", description="Humans against models, from a table of readings."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    analyse = commands.add_parser("analyse", help="analyse readings.csv: results.json, tables, figures and a report")
    analyse.add_argument("readings", type=Path, help="readings.csv: one row per reader and item")
    analyse.add_argument("--predictions", type=Path, help="predictions.csv: class probabilities of networks")
    analyse.add_argument("--plan", type=Path, help="analysis.toml: what was decided before the first answer")
    analyse.add_argument("--seed", type=_seed, default=0, help="seed of all resampling (a plan's own seed goes first)")
    analyse.add_argument("--out", type=Path, required=True, help="folder to write to")
    analyse.set_defaults(run=run_analyse)
    return parser


def _seed(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f'a whole number of at least 0 was expected, "{text}" was found')
    return int(text)


def run_analyse(options: argparse.Namespace) -> int:
    from .analysis import analyse
    from .plan import Plan
    from .predictions import read_predictions
    from .readings import read_readings
    from .writing import write_analysis

    plan = Plan.from_toml(options.plan) if options.plan else None
    readings = read_readings(options.readings)
    predictions = read_predictions(options.predictions) if options.predictions else None
    with _bar("analysing") as step:
        results = analyse(readings, predictions=predictions, plan=plan, seed=options.seed, progress=step)
    with _bar("drawing") as step:
        write_analysis(results, options.out, progress=step)
    if results.is_simulated:
        print("SIMULATED: these readings hold simulated readers or drawn images.")
    for note in results["notes"]:
        print(f"Note: {note}")
    for record in [*results["paired"], *results["new_images"]]:
        print(record["answer"])
    print(f"Written: {options.out / 'report.html'}")
    return 0


class _bar:
    """A progress bar on a terminal, silence elsewhere; used as `with _bar(words) as step`."""

    def __init__(self, words: str):
        self.words, self.bar = words, None

    def __enter__(self):
        return self.step

    def step(self, done: int, total: int, name: str) -> None:
        if not sys.stderr.isatty():
            return
        if self.bar is None:
            from tqdm import tqdm

            self.bar = tqdm(total=total, desc=self.words, leave=False)
        self.bar.set_postfix_str(name)
        self.bar.update(done - self.bar.n)

    def __exit__(self, *_):
        if self.bar is not None:
            self.bar.close()
