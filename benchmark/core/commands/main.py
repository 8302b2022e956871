"""`python -m benchmark.core ...`: exit 0 when done, 1 when a check fails, 2 on bad usage or input, in one sentence."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmark.core.commands.planning import (
    add_published,
    add_rating_size,
    add_type_one,
    add_world,
    run_power,
    run_simulate,
    run_type_one,
)
from benchmark.core.commands.studies import add_auc, add_ratings, run_auc, run_ratings
from benchmark.core.errors import InputError
from benchmark.core.imports.command import add_import, add_map_options


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
    analyse.add_argument("readings", type=Path, help="readings.csv: one row per reader and item; or an export, with --map")
    add_map_options(analyse)
    analyse.add_argument("--predictions", type=Path, help="predictions.csv: class probabilities of networks")
    analyse.add_argument("--attributes", type=Path, help="attributes.csv: what is known of items, such as skin tone, a column per attribute")
    analyse.add_argument("--readers", type=Path, help="readers.csv: what readers said about themselves, a number or choice per column")
    analyse.add_argument("--plan", type=Path, help="analysis.toml: what was decided before the first answer")
    analyse.add_argument("--stamp", help="SHA-256 of the plan from before the first answer; a change is a deviation")
    analyse.add_argument("--registered", type=Path, help="the plan from before the first answer: every changed field is told")
    analyse.add_argument("--seed", type=_seed, default=0, help="seed of all resampling (a plan's own seed goes first)")
    analyse.add_argument("--out", type=Path, required=True, help="folder to write to")
    analyse.add_argument("--study", type=Path, help="facts.toml: the study's own record, for flow, design and checklists")
    analyse.add_argument("--design", type=Path, help="design.json: its certificate goes into the report")
    analyse.add_argument("--pictures", type=Path, help="folder of the items' pictures: the report shows the hardest")
    analyse.add_argument("--pdf", action="store_true", help="also write report.pdf (needs Debian's libpango)")
    analyse.add_argument("--word", action="store_true", help="also write tables/tables.docx")
    analyse.set_defaults(run=run_analyse)
    power = commands.add_parser("power", help="power and precision of a design, for these images and for new ones")
    add_world(power)
    add_published(power)
    add_rating_size(power)
    power.set_defaults(run=run_power)
    simulated = commands.add_parser("simulate", help="simulate whole studies and count what each test does")
    add_world(simulated)
    simulated.add_argument("--studies", type=_count, default=2000)
    simulated.add_argument("--seed", type=_seed, default=0)
    simulated.set_defaults(run=_simulate)
    ratings = commands.add_parser("ratings", help="a rating study: real or generated, scales, choices")
    add_ratings(ratings)
    ratings.set_defaults(run=run_ratings)
    auc = commands.add_parser("auc", help="a reader study of scores: AUC, modality against modality")
    add_auc(auc)
    auc.set_defaults(run=run_auc)
    type_one = commands.add_parser("type-one", help="type-I error of every method over the recorded scenarios")
    add_type_one(type_one)
    type_one.set_defaults(run=_type_one)
    compare = commands.add_parser("compare", help="compare two results.json: what changed between two analyses")
    compare.add_argument("first", type=Path)
    compare.add_argument("second", type=Path)
    compare.set_defaults(run=run_compare)
    add_import(commands)
    export = commands.add_parser("export", help="readings for other programs: csv, parquet, xlsx, sav, imrmc, mrmcaov")
    export.add_argument("readings", type=Path)
    export.add_argument("target", type=Path, help="file to write; its ending names the format")
    export.add_argument("--positive", help="the class that counts as positive (iMRMC and MRMCaov)")
    export.set_defaults(run=run_export)
    return parser


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 2:
        raise argparse.ArgumentTypeError(f'a whole number of at least 2 was expected, "{text}" was found')
    return int(text)


def _simulate(options: argparse.Namespace) -> int:
    with _bar("simulating") as step:
        return run_simulate(options, step)


def _type_one(options: argparse.Namespace) -> int:
    with _bar("simulating") as step:
        return run_type_one(options, step)


def run_export(options: argparse.Namespace) -> int:
    from benchmark.core.inputs.readings import read_readings
    from benchmark.core.output.exports import export

    export(read_readings(options.readings), options.target, positive=options.positive)
    print(f"Written: {options.target}")
    return 0


KEYS = ("model", "group", "view")


def _in_points(difference: float | None, low: float | None, high: float | None) -> str:
    from benchmark.core.wording import interval, points

    return f"{points(difference)} ({interval(low, high)})"


def run_compare(options: argparse.Namespace) -> int:
    """Print every comparison whose numbers differ between two analyses; exit 1 when any does."""
    from benchmark.core.results import Results

    first, second = Results.read(options.first), Results.read(options.second)
    changed = 0
    for section, estimate, scope in (
        ("paired", "mean_difference", "These images"), ("new_images", "difference", "New images"),
    ):  # fmt: skip
        for record in first.records(section):
            keys = {key: record[key] for key in KEYS}
            others = second.records(section, **keys)
            before = (record[estimate], record["ci_low"], record["ci_high"])
            after = (others[0][estimate], others[0]["ci_low"], others[0]["ci_high"]) if others else None
            if before != after:
                changed += 1
                now = _in_points(*after) if after else "no part of it"
                print(f"{record['question']} {scope}: {_in_points(*before)} became {now}.")
        known = [tuple(record[key] for key in KEYS) for record in first.records(section)]
        for record in second.records(section):
            if tuple(record[key] for key in KEYS) not in known:
                changed += 1
                print(f"{record['question']} {scope}: asked in the second analysis alone.")
    print("The comparisons agree." if not changed else f"{changed} comparisons differ.")
    return 1 if changed else 0


def _seed(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f'a whole number of at least 0 was expected, "{text}" was found')
    return int(text)


def run_analyse(options: argparse.Namespace) -> int:
    from benchmark.core.analysis import analyse
    from benchmark.core.facts import described, read_certificate, read_facts
    from benchmark.core.inputs.attributes import read_item_attributes
    from benchmark.core.inputs.pictures import read_item_pictures
    from benchmark.core.inputs.predictions import read_predictions
    from benchmark.core.inputs.readers import read_reader_answers
    from benchmark.core.inputs.readings import read_readings
    from benchmark.core.output.writing import fonts_wanting, write_analysis
    from benchmark.core.plans.plan import Plan

    plan = Plan.from_toml(options.plan) if options.plan else None
    facts = read_facts(options.study) if options.study else None
    certificate = read_certificate(options.design) if options.design else None
    pictures = read_item_pictures(options.pictures) if options.pictures else None
    source = _imported(options) if options.map else _plain(options)
    readings = read_readings(source)
    predictions = read_predictions(options.predictions) if options.predictions else None
    readers = read_reader_answers(options.readers) if options.readers else None
    attributes = read_item_attributes(options.attributes) if options.attributes else None
    with _bar("analysing") as step:
        results = analyse(
            readings, predictions=predictions, readers=readers, attributes=attributes, plan=plan, seed=options.seed, stamped_sha256=options.stamp,
            registered=Plan.from_toml(options.registered) if options.registered else None, progress=step,
        )  # fmt: skip
    results = described(results, facts=facts, certificate=certificate)
    with _bar("drawing") as step:
        write_analysis(
            results, options.out, pdf=options.pdf, word=options.word, pictures=pictures, progress=step
        )
    if results.is_simulated:
        print("SIMULATED: these readings hold simulated readers or drawn images.")
    for note in results["notes"]:
        print(f"Note: {note}")
    if told := fonts_wanting(options.out):
        print(f"Note: {told}")
    for record in [*results["paired"], *results["new_images"]]:
        print(record["answer"])
    for record in (*results.records("assistance"), *results.records("assistance_difference")):
        print(record["these_images_answer"], record["answer"], sep="\n")
    print(f"Written: {options.out / 'report.html'}")
    print(f"Check in R: {_check_command(options, source)}")
    return 0


def _check_command(options: argparse.Namespace, readings: Path) -> str:
    """The command line that has the numbers computed again in R."""
    from benchmark.core.output.check import NAME

    files = [readings, options.predictions]
    return shlex.join(["Rscript", str(options.out / NAME), *(str(file) for file in files if file)])


def _copy_of(options: argparse.Namespace) -> Path:
    """Where the readings that were analysed lie beside the results; never in the place of the file that was given."""
    path = options.out / "readings.csv"
    if path.resolve() == options.readings.resolve():
        raise InputError(f"{path} would be overwritten by its plain copy, which lies beside the results. Give another folder with --out.")
    return path


def _imported(options: argparse.Namespace) -> Path:
    """The export brought into readings.csv beside the results, where its hash is that of the file."""
    from benchmark.core.imports.command import from_options, write_readings

    path = _copy_of(options)
    found = from_options(options.readings, options)
    write_readings(found, path)
    for note in found.notes:
        print(f"Note: {note}")
    return path


def _plain(options: argparse.Namespace) -> Path:
    """The readings as given; a table that a spreadsheet saved in its own way, as readings.csv beside the results, for R and for
    its hash. Its bad rows are told by the lines of the file given."""
    from benchmark.core.files import inert, write_atomically
    from benchmark.core.inputs.long_table import opened, read_bytes
    from benchmark.core.inputs.readings import read_readings
    from imagebank.core.spreadsheets import plain_csv

    name, content = read_bytes(options.readings)
    table = opened(name, content)
    if table.is_plain:
        return options.readings
    read_readings(options.readings)
    for note in table.notes:
        print(f"Note: {note}")
    path = _copy_of(options)
    write_atomically(path, plain_csv(table, inert))
    return path


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
