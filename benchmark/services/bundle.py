"""One ZIP from which everybody can make every table and figure of a comparison again, with one command."""

import importlib.metadata
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from benchmark.core.output.check import NAME as CHECK
from benchmark.core.software import CORES
from benchmark.models import Comparison

from .input_files import (
    ATTRIBUTES,
    DESIGN,
    FACTS,
    INPUTS,
    PICTURES,
    PLAN,
    PREDICTIONS,
    RATINGS,
    READERS,
    READINGS,
    REGISTERED,
    STAMP,
)

FIXED_TIME = (1980, 1, 1, 0, 0, 0)
PACKAGES = ("numpy", "pandas", "scipy", "matplotlib", "plotly", "openpyxl", "pillow", "tqdm")
README = """{title}
{underline}

{simulated}This folder holds one analysis, its inputs, and the program that computed it.

Make every table and figure again, into the folder again/ (Python {python}):

    python -m pip install -r requirements.txt
    {command}

The files in again/ are the files in results/, byte for byte, with the same versions on the same kind of machine:

    diff -r results again
{check}
inputs/            what went in{inputs}
results/           what came out: results.json, tables/, figures/, report.html{check_file}
benchmark/core/    the program (Apache-2.0, see LICENSE)
imagebank/core/    how it reads tables
requirements.txt   the versions that were used

Seed {seed}. SHA-256 of the inputs together: {digest}
"""

CHECK_README = """
Have the main numbers computed again by another program, R 4 with nothing added:

    {command}
"""


def bundle(*, comparison: Comparison) -> bytes:
    """The ZIP of a comparison; the same bytes whenever it is asked for."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(_members(comparison)):
            entry = zipfile.ZipInfo(f"{bundle_name(comparison)}/{name}", FIXED_TIME)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, content)
    return out.getvalue()


def bundle_name(comparison: Comparison) -> str:
    return f"{comparison.study.slug}-comparison-{comparison.inputs_sha256[:12]}"


def command_of(comparison: Comparison) -> str:
    """The command line that computes the comparison again from the folder of its bundle."""
    options = {PLAN: "--plan", REGISTERED: "--registered", PREDICTIONS: "--predictions", READERS: "--readers",
               ATTRIBUTES: "--attributes", FACTS: "--study", DESIGN: "--design", PICTURES: "--pictures"}  # fmt: skip
    analyse = ("ratings", RATINGS) if RATINGS in comparison.hashes else ("analyse", READINGS)
    parts = [f"python -m benchmark.core {analyse[0]} inputs/{analyse[1]}"]
    parts += [f"{option} inputs/{name}" for name, option in options.items() if name in comparison.hashes]
    if STAMP in comparison.hashes:
        parts.append(f"--stamp {comparison.hashes[STAMP]}")
    return " ".join([*parts, f"--seed {comparison.seed}", "--out again"])


def check_command_of(comparison: Comparison) -> str:
    """The command line that checks the numbers in R from the folder of the bundle; "" where there is no such check."""
    return f"Rscript results/{CHECK}" if (comparison.folder / CHECK).exists() else ""


def _members(comparison: Comparison) -> Iterator[tuple[str, bytes]]:
    for path in comparison.folder.rglob("*"):
        if path.is_file():
            name = path.relative_to(comparison.folder).as_posix()
            yield (f"inputs/{name}" if name.split("/")[0] in INPUTS else f"results/{name}"), path.read_bytes()
    home = Path(settings.BASE_DIR)
    cores = [path for core in CORES for path in (home / core).rglob("*")]
    for path in [home / "benchmark" / "__init__.py", home / "imagebank" / "__init__.py", *cores]:
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(home).as_posix(), path.read_bytes()
    yield "LICENSE", (home / "LICENSE").read_bytes()
    yield "requirements.txt", _requirements(comparison).encode()
    yield "README.txt", _readme(comparison).encode()


def _requirements(comparison: Comparison) -> str:
    used = comparison.results["versions"]
    return "".join(f"{name}=={used.get(name) or importlib.metadata.version(name)}\n" for name in PACKAGES)


def _readme(comparison: Comparison) -> str:
    title = f"{comparison.study.title}: " + ("ratings analysed" if RATINGS in comparison.hashes else "people and networks compared")
    check = check_command_of(comparison)
    hashes = "".join(f"\n                     {name}  SHA-256 {value}" for name, value in comparison.hashes.items())
    return README.format(
        title=title,
        underline="=" * len(title),
        simulated="SIMULATED: some of the readings come from simulated readers.\n\n" if comparison.simulated else "",
        python=comparison.results["versions"]["python"],
        command=command_of(comparison),
        check=CHECK_README.format(command=check) if check else "",
        check_file=f", {CHECK}" if check else "",
        inputs=hashes,
        seed=comparison.seed,
        digest=comparison.inputs_sha256,
    )
