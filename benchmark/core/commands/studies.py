"""The commands `ratings` and `auc`: rating studies and AUC-based reader studies from a CSV, with one command."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmark.core.errors import InputError
from benchmark.core.files import write_atomically
from benchmark.core.output.check import NAME as CHECK
from benchmark.core.output.tables import as_csv
from benchmark.core.wording import number, p_value

NOT_SECTIONS = ("inputs",)


def add_ratings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ratings", type=Path, help="ratings.csv: evaluator, image, question, answer; truth, set, kind")
    parser.add_argument("--plan", type=Path, help="analysis.toml: the margin, level, draws and seeds declared beforehand")
    parser.add_argument("--stamp", help="SHA-256 of the plan from before the first answer; a change is a deviation")
    parser.add_argument("--registered", type=Path, help="that plan itself: every changed field is told")
    parser.add_argument("--margin", type=float, help="how near to one half counts as chance (the plan's, else 0.1)")
    parser.add_argument("--draws", type=int, help="bootstrap draws (the plan's, else 2000)")
    parser.add_argument("--seed", type=int, default=0, help="seed of all resampling (a plan's own seed goes first)")
    parser.add_argument("--pictures", type=Path, help="folder of JPEG files named by image, for the report")
    parser.add_argument("--pdf", action="store_true", help="also write report.pdf (needs Debian's libpango)")
    parser.add_argument("--out", type=Path, required=True, help="folder to write results.json, tables, figures, report to")


def run_ratings(options: argparse.Namespace) -> int:
    from benchmark.core.inputs.ratings import read_ratings
    from benchmark.core.output.writing import fonts_wanting, write_ratings
    from benchmark.core.plans.plan import Plan
    from benchmark.core.results import Results
    from benchmark.core.sections.ratings import RatingPlan, analyse_ratings

    margin, draws = options.margin, options.draws
    if (margin is not None and not 0 < margin < 0.5) or (draws is not None and draws < 100) or options.seed < 0:
        raise InputError("A margin between 0 and 0.5, at least 100 draws and a seed of at least 0 are needed.")
    declared = Plan.from_toml(options.plan) if options.plan else None
    registered = Plan.from_toml(options.registered) if options.registered else None
    plan = RatingPlan.of(declared, margin=margin, draws=draws, seed=options.seed, registered=registered,
                         stamped_sha256=options.stamp)  # fmt: skip
    results = Results(analyse_ratings(read_ratings(options.ratings), plan))
    pictures = read_pictures(options.pictures) if options.pictures else None
    write_ratings(results, options.out, pictures=pictures, pdf=options.pdf)
    if results.is_simulated:
        print("SIMULATED: these ratings hold simulated evaluators or drawn images.")
    if told := fonts_wanting(options.out):
        print(f"Note: {told}")
    for line in _told(results):
        print(line)
    print(f"Written: {options.out / 'report.html'}")
    print(f"Check in R: {shlex.join(['Rscript', str(options.out / CHECK), str(options.ratings)])}")
    return 0


def read_pictures(folder: Path) -> dict[str, bytes]:
    """JPEG files of a folder by image; a folder that cannot be read raises InputError."""
    if not folder.is_dir():
        raise InputError(f"A folder of JPEG files was needed; {folder} is none.")
    return {path.stem: path.read_bytes() for path in sorted(folder.glob("*.jpg"))}


def _told(results: Any) -> Iterator[str]:
    from benchmark.core.report.rating_words import chance_sentence, choice_answer, hype_answer, signal_sentence

    plan = results["plan"]
    for r in results["hype"]:
        sentences = [hype_answer(r, plan)]
        if r["error"] is not None:
            sentences += [signal_sentence(r), chance_sentence(r, plan)]
        yield f"{r['question']}, {r['set']}: {' '.join(filter(None, sentences))}"
    for r in results["choices"]:
        yield f"{r['question']}, {choice_answer(r, plan)}"
    for r in results["scales"]:
        yield f"{r['question']}, {r['set']}: mean {number(r['mean'])} of {r['ratings']} ratings."


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
    from benchmark.core.sections.auc_study import ROLES, analyse_scores, read_scores

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
