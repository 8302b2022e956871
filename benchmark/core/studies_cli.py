"""The commands `ratings` and `auc`: rating studies and AUC-based reader studies from a CSV, with one command."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from .errors import InputError
from .files import write_atomically
from .tables import as_csv
from .wording import interval, number, p_value, percent

NOT_SECTIONS = ("inputs",)


def add_ratings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ratings", type=Path, help="ratings.csv: evaluator, image, question, answer; truth, set, kind")
    parser.add_argument("--margin", type=float, default=0.1, help="how near to one half counts as chance (0.1)")
    parser.add_argument("--draws", type=int, default=2000, help="bootstrap draws (2000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="folder to write ratings.json and tables/ to")


def run_ratings(options: argparse.Namespace) -> int:
    from .rating_sections import RatingPlan, analyse_ratings
    from .ratings import read_ratings

    if not 0 < options.margin < 0.5 or options.draws < 100 or options.seed < 0:
        raise InputError("A margin between 0 and 0.5, at least 100 draws and a seed of at least 0 are needed.")
    content = analyse_ratings(read_ratings(options.ratings), RatingPlan(options.margin, options.draws, options.seed))
    _write(content, options.out, "ratings.json")
    if content["simulated"]:
        print("SIMULATED: these ratings hold simulated evaluators or drawn images.")
    for r in content["hype"]:
        if r["error"] is None:
            print(f"{r['question']}, {r['set']}: no error rate: {r['why']}.")
            continue
        print(
            f"{r['question']}, {r['set']}: HYPE error {percent(r['error'])} ({interval(r['ci_low'], r['ci_high'])}),"
            f" generated called real {percent(r['fakes_called_real'])}, real called generated"
            f" {percent(r['reals_called_fake'])}; d' {number(r['dprime'])}; against chance {p_value(r['p_chance'])}."
        )
    for r in content["choices"]:
        print(f"{r['question']}, {r['set']}: right {percent(r['right'])} ({interval(r['ci_low'], r['ci_high'])}).")
    for r in content["scales"]:
        print(f"{r['question']}, {r['set']}: mean {number(r['mean'])} of {r['ratings']} ratings.")
    print(f"Written: {options.out / 'ratings.json'}")
    return 0


def add_auc(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scores", type=Path, help="CSV or .csv.gz of scores, one row per reading")
    for role, meaning in (("reader", "who read"), ("case", "what was read"), ("modality", "on which modality"),
                          ("score", "higher means diseased"), ("truth", "1 diseased, 0 not")):  # fmt: skip
        parser.add_argument(f"--{role}", help=f"column: {meaning} ({role})")
    parser.add_argument("--within", help="column of sub-studies, each analysed by itself")
    parser.add_argument("--first", help="modality that the other is subtracted from (default: every pair)")
    parser.add_argument("--second")
    parser.add_argument("--out", type=Path, help="folder to write auc.json and tables/ to")


def run_auc(options: argparse.Namespace) -> int:
    from .auc_study import ROLES, analyse_scores, read_scores

    if bool(options.first) != bool(options.second):
        raise InputError("Name both modalities, --first and --second, or neither.")
    columns = {role: getattr(options, role) for role in ROLES if getattr(options, role)}
    scores = read_scores(options.scores, columns=columns, within=options.within)
    unknown = {options.first, options.second} - {None} - set(scores.frame["modality"])
    if unknown:
        raise InputError(f"No reading has the modality {' or '.join(sorted(unknown))}.")
    content = analyse_scores(scores, first=options.first, second=options.second)
    for r in content["auc_differences"]:
        name = f"{r['study']}, " if r["study"] else ""
        what = f"{name}{r['first']} minus {r['second']}, {r['method']}"
        if r["se"] is None:
            print(f"{what}: not estimable: {r['why']}.")
            continue
        print(
            f"{what}: {number(r['difference'], 4)} (SE {number(r['se'], 4)}, df {number(r['df'], 1)}, 95 %"
            f" {number(r['ci_low'], 4)} to {number(r['ci_high'], 4)}; {p_value(r['p'])})."
        )
    if not content["auc_differences"]:
        for r in content["auc_readers"]:
            print(f"{r['reader']}: AUC {number(r['auc'], 4) if r['auc'] is not None else r['why']}.")
    if options.out:
        _write(content, options.out, "auc.json")
        print(f"Written: {options.out / 'auc.json'}")
    return 0


def _write(content: dict[str, Any], out: Path, name: str) -> None:
    """Every section as a table, and the whole as JSON, last."""
    for section, records in content.items():
        if isinstance(records, list) and records and isinstance(records[0], dict) and section not in NOT_SECTIONS:
            write_atomically(out / "tables" / f"{section}.csv", as_csv(records))
    write_atomically(out / name, json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1) + "\n")
