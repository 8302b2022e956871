"""`python -m surveys.core assemble | verify | verify-ratings | verify-answers`.

Exit 0 when all is well, 1 on a broken promise, 2 on bad input.
"""

import argparse
import sys
from collections.abc import Sequence

from .answer_log import log_faults, read_answer_log
from .assemble import assemble
from .design import VIEW_ORDERS
from .files import read_design, read_document, write_design
from .items_file import read_anchors, read_items
from .progress import Progress, silent
from .rating_design import verify_rating_design
from .shape import DesignError
from .verify import verify

MARKED = "marked"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; argv without the program's name."""
    arguments = _parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except DesignError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _assemble(arguments: argparse.Namespace) -> int:
    design = assemble(
        read_items(arguments.items),
        per_class=arguments.per_class,
        sets=arguments.sets,
        views=arguments.views,
        seed=arguments.seed,
        view_order=arguments.view_order,
        max_run=arguments.max_run,
        repeats=arguments.repeats,
        anchors=read_anchors(arguments.items) if arguments.anchors == MARKED else arguments.anchors,
        progress=_progress(),
    )
    write_design(design, arguments.out)
    print(design.certificate.to_text())
    print(f"{len(design.surveys)} surveys in {design.sets} sets written to {arguments.out}.")
    return 0 if design.certificate.promises_hold else 1


def _verify(arguments: argparse.Namespace) -> int:
    items, design = read_items(arguments.items), read_design(arguments.design)
    certificate = verify(design, items, redraw=not arguments.no_redraw, progress=_progress())
    print(certificate.to_text())
    return 0 if certificate.promises_hold else 1


def _verify_ratings(arguments: argparse.Namespace) -> int:
    certificate = verify_rating_design(read_document(arguments.design))
    print(certificate.to_text())
    return 0 if certificate.promises_hold else 1


def _verify_answers(arguments: argparse.Namespace) -> int:
    try:
        rows = read_answer_log(arguments.answers)
    except OSError as error:
        raise DesignError(f"{arguments.answers} cannot be read: {error.strerror}.") from error
    faults = log_faults(rows)
    responses = len({row["response"] for row in rows})
    print("\n".join(faults) or f"{len(rows):,} answers in {responses:,} responses: every chain is whole.")
    return 1 if faults else 0


def _views(text: str) -> list[str]:
    return [view.strip() for view in text.split(",")]


def _anchors(text: str) -> int | str:
    return text if text == MARKED else int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m surveys.core", description="Balanced surveys and their certificate."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    drawing = commands.add_parser("assemble", help="draw surveys from a list of items")
    drawing.add_argument("items", help="CSV with the columns item and class")
    drawing.add_argument("--per-class", type=int, required=True, help="items of each class in every survey")
    drawing.add_argument("--sets", type=int, required=True, help="survey sets; each covers every item once")
    drawing.add_argument("--seed", type=int, required=True, help="the same seed draws the same surveys")
    drawing.add_argument(
        "--views", type=_views, default=["focused", "panoramic"], help="blocks, comma-separated (%(default)s)"
    )
    drawing.add_argument("--view-order", choices=VIEW_ORDERS, default="fixed", help="order of the blocks (%(default)s)")
    drawing.add_argument("--max-run", type=int, help="longest run of one class in a block")
    drawing.add_argument(
        "--repeats", type=float, default=0.0, help="share of a block's items that come a second time in it (%(default)s)"
    )
    drawing.add_argument(
        "--anchors", type=_anchors, default=0, metavar="K",
        help="items of each class, of --per-class, that every survey shows: a number, or "
        f'"{MARKED}" for those that items.csv marks with yes in a column anchor (%(default)s)',
    )  # fmt: skip
    drawing.add_argument("--out", required=True, help="where to write design.json")
    drawing.set_defaults(run=_assemble)
    checking = commands.add_parser("verify", help="recompute the certificate of a design and check every promise")
    checking.add_argument("design", help="design.json")
    checking.add_argument("items", help="CSV with the columns item and class")
    checking.add_argument("--no-redraw", action="store_true", help="do not draw the surveys again from their seed")
    checking.set_defaults(run=_verify)
    rating = commands.add_parser("verify-ratings", help="recompute the certificate of a rating study's design")
    rating.add_argument("design", help="design.json of a rating study")
    rating.set_defaults(run=_verify_ratings)
    log = commands.add_parser("verify-answers", help="recompute the chain of hashes of an exported answers.csv")
    log.add_argument("answers", help="answers.csv")
    log.set_defaults(run=_verify_answers)
    return parser


def _progress() -> Progress:
    """A progress bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        return silent
    from tqdm import tqdm

    bar = tqdm(unit="step", leave=False, delay=1)

    def show(stage: str, done: int, total: int) -> None:
        if bar.desc != f"{stage}: ":
            bar.reset(total=total)
            bar.set_description(stage)
        bar.n = done
        bar.refresh()

    return show


if __name__ == "__main__":
    sys.exit(main())
