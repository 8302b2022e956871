"""``python -m models_ml.core COMMAND``: parse, one call, one line saying what came out.

Exit status: 0 done, 1 a check failed (audit, export parity, doctor), 2 bad usage or input, 130 cancelled (the same
command continues). What the commands do stands in ``commands``.
"""

import argparse
import sys

from models_ml.core.commands import judging, pictures, runs, training
from models_ml.core.errors import Cancelled, CoreError

EPILOG = """\
from a manifest (item, class, view, path; optionally split, fold, group, mask) to answers:
  split manifest.csv --out folds.csv
  train folds.csv --preset modern --out RUN_DIR         (the same command continues; torchrun -m for several GPUs)
  predict RUN_DIR folds.csv --out predictions.csv
  evaluate predictions.csv --manifest folds.csv         (compare RUN_DIR OTHER_RUN_DIR: which is better, how surely)
  explain RUN_DIR folds.csv --out maps

exit status: 0 done, 1 a check failed, 2 bad usage or input, 130 cancelled. docs/networks.md says more."""
NO_MEMORY = (
    "The device ran out of memory; what was saved before is kept. End other work on it, or choose a device with more "
    "(--device cpu takes the main memory), and start the same command again."
)


def main(argv: list[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        if getattr(arguments, "networks", None):
            register_networks(arguments.networks)
        return arguments.run(arguments) or 0
    except Cancelled as error:
        print(error, file=sys.stderr)
        return 130
    except KeyboardInterrupt:
        print("stopped at once; what was saved before is kept, and the same command continues", file=sys.stderr)
        return 130
    except CoreError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {error.filename or 'a file'}: {error.strerror}", file=sys.stderr)
        return 2
    except (MemoryError, RuntimeError) as error:
        from models_ml.core.device import out_of_memory

        if not out_of_memory(error):
            raise
        print(f"error: {NO_MEMORY}", file=sys.stderr)
        return 2


def register_networks(path: str) -> None:
    from models_ml.core.training.own import register

    register(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models_ml.core", description="Networks as readers.", epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name, run, help_text, *positional):
        sub = commands.add_parser(name, help=help_text, description=help_text)
        for argument in positional:
            sub.add_argument(argument, metavar=argument.upper())
        sub.set_defaults(run=run)
        return sub

    for room in (training, judging, pictures, runs):
        room.add(command)
    return parser
