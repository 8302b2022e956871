"""`python -m benchmark.core import ...`, and the same options of `analyse` for a study that was run elsewhere."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmark.core.errors import InputError
from benchmark.core.files import inert, write_atomically

from .mapping import SOURCES, read_map
from .run import Imported, import_readings


def add_import(commands: argparse._SubParsersAction) -> None:
    """The command `import`."""
    parser = commands.add_parser("import", help="readings.csv from a Qualtrics or REDCap export, or a wide or long table")
    parser.add_argument("kind", choices=SOURCES)
    parser.add_argument("export", type=Path, help="the exported file")
    parser.add_argument("--out", type=Path, required=True, help="readings.csv to write")
    add_map_options(parser, required=True)
    parser.add_argument("--design", type=Path, help="design.json: which survey showed what, and where")
    parser.set_defaults(run=run_import)


def add_map_options(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    parser.add_argument("--map", type=Path, required=required, help="map.toml: which column is the answer to which item")
    parser.add_argument("--truth", type=Path, help="items.csv or manifest.csv: item, class")
    parser.add_argument("--dictionary", type=Path, help="REDCap's data dictionary, for the labels of its codes")


def run_import(options: argparse.Namespace) -> int:
    if (source := read_map(options.map).source) != options.kind:
        raise InputError(f'{options.map.name} is a map for "{source}"; "{options.kind}" was asked for.')
    found = from_options(options.export, options)
    write_readings(found, options.out)
    for note in found.notes:
        print(f"Note: {note}")
    people = found.frame["reader"].nunique()
    print(f"Written: {options.out} ({len(found.frame)} readings of {people} readers)")
    return 0


def from_options(export: Path, options: argparse.Namespace) -> Imported:
    return import_readings(
        export, options.map, truth=options.truth, design=options.design, dictionary=options.dictionary
    )


def write_readings(found: Imported, path: Path) -> None:
    """Check the readings as any readings.csv is checked, then write them."""
    found.readings(path.name)
    write_atomically(path, found.frame.map(inert).to_csv(index=False, lineterminator="\n"))
