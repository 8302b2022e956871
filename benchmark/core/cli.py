"""`python -m benchmark.core`: the analysis from a terminal."""

import argparse
import hashlib
import sys
from pathlib import Path

from .errors import InputError


def main(argv: list[str] | None = None) -> int:
    """Run one command; 0 on success, 2 with one sentence on bad input."""
    arguments = _parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmark.core", description="People and networks compared.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    analyse = commands.add_parser("analyse", help="compare, describe, draw, report")
    analyse.add_argument("readings", type=Path, help="readings.csv")
    analyse.add_argument("--predictions", type=Path, help="predictions.csv; its hash is recorded")
    analyse.add_argument("--plan", type=Path, help="analysis.toml")
    analyse.add_argument("--seed", type=int, default=0)
    analyse.add_argument("--out", type=Path, required=True, help="folder for results, tables, figures and report")
    analyse.set_defaults(run=_analyse)
    return parser


def _analyse(arguments: argparse.Namespace) -> int:
    from .analysis import analyse
    from .output import write_analysis
    from .plan import read_plan
    from .readings import read_readings

    plan = read_plan(arguments.plan) if arguments.plan else None
    predictions = ""
    if arguments.predictions:
        if not arguments.predictions.is_file():
            raise InputError(f"There is no file {arguments.predictions}; give the path of a predictions.csv.")
        predictions = hashlib.sha256(arguments.predictions.read_bytes()).hexdigest()
    results = analyse(read_readings(arguments.readings), plan=plan, predictions_sha256=predictions, seed=arguments.seed)
    write_analysis(results, arguments.out)
    print(f"{len(results.document['paired'])} comparisons; see {arguments.out / 'report.html'}.")
    return 0
