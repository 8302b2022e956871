"""`python -m imagebank.drawing RECIPE --out DIR [--scale 0.5] [--seed 7] [--processes 2] [--contact-sheet FILE]`"""

import argparse
import sys
from pathlib import Path

from .bank import DrawingError, draw_bank
from .contact import contact_sheet
from .recipe import RecipeError


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    command = argparse.ArgumentParser(
        prog="python -m imagebank.drawing",
        description="Draw an image bank (pictures, lesion masks, manifest.csv) by a seeded recipe. Interrupted, it "
        "goes on where it stopped. Every picture is drawn, not a photograph.",
    )
    command.add_argument("recipe", type=Path, help="the recipe, a TOML file")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to draw into; made when absent")
    command.add_argument(
        "--scale", type=float, help="training pictures, times the recipe's counts (default: the recipe's)"
    )
    command.add_argument("--seed", type=int, help="seed of all pictures (default: the recipe's)")
    command.add_argument("--processes", type=int, help="drawing processes (default: one per core)")
    command.add_argument("--contact-sheet", type=Path, metavar="FILE", help="also write a sheet of small pictures")
    return command


def main(arguments: list[str] | None = None) -> int:
    """Run the command; exit status 0 when drawn, 1 when drawing broke off, 2 when the arguments or recipe are wrong."""
    from tqdm import tqdm

    options = parser().parse_args(arguments)
    if options.processes is not None and options.processes < 1:
        print(f"--processes must be at least 1, found {options.processes}.", file=sys.stderr)
        return 2
    try:
        with tqdm(total=None, unit=" pictures", disable=None, desc="Drawing") as bar:

            def show(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            manifest = draw_bank(
                options.recipe,
                options.out,
                scale=options.scale,
                seed=options.seed,
                processes=options.processes,
                progress=show,
            )
        if options.contact_sheet:
            contact_sheet(manifest, options.contact_sheet)
    except (RecipeError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(
            f"{error.strerror}: {error.filename}. Give a readable recipe and a folder that can be written.",
            file=sys.stderr,
        )
        return 2
    except DrawingError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. Finished pictures are kept; run the same command again to go on.", file=sys.stderr)
        return 1
    print(f"{manifest}: {len(manifest.read_text(encoding='utf-8').splitlines()) - 1} pictures, drawn, not photographs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
