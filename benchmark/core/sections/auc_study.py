"""AUC-based reader studies from a table of scores: AUC per reader, and modality against modality by every method."""

from __future__ import annotations

import gzip
import io
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from benchmark.core.errors import InputError, Problem
from benchmark.core.inputs.long_table import TextTable, read_bytes, read_text_table, rejected
from benchmark.core.methods.auc import auc_block, empirical_auc, sparse_auc_difference, success_matrix
from benchmark.core.methods.distributions import normal_quantile, t_quantile, t_two_sided_p
from benchmark.core.methods.obuchowski_rockette import Block, two_modalities
from benchmark.core.methods.twoway import codes
from benchmark.core.results import plain

Record = dict[str, Any]
SCHEMA = "auc/1"
ROLES = ("reader", "case", "modality", "score", "truth")
LOST_AT_MOST = 0.2  # share of cases that a block may lose to missing readings before it is not crossed
TESTED = ("se", "df", "p", "ci_low", "ci_high")


@dataclass(frozen=True)
class Scores:
    """Checked scores. frame: reader, case, modality (text), score (float), truth (bool), study (text, "" if none)."""

    frame: pd.DataFrame
    source: str
    sha256: str


def read_scores(
    source: str | PathLike, *, columns: Mapping[str, str] | None = None, within: str | None = None
) -> Scores:
    """Read a CSV (or .csv.gz) of scores, one row per reading.

    columns: the file's names of reader, case, modality, score, truth (default: these names; a file without modality
    has one); within: a column that names sub-studies, each analysed by itself. truth is 1 or 0. Raises InputError
    listing every bad row.
    """
    names = {role: (columns or {}).get(role) or role for role in ROLES}
    needed = [names[role] for role in ROLES if role != "modality" or names[role] != "modality"]
    table = _table(source, [*needed, *([within] if within else [])])
    text, lines = table.frame, np.asarray(table.lines)
    frame = pd.DataFrame({role: text.get(names[role], "") for role in ROLES})
    frame["study"] = text[within] if within else ""
    frame["line"] = lines
    problems = [
        Problem(int(line), names[role], "a value was needed, the cell is empty.")
        for role in ("reader", "case", "score", "truth")
        for line in lines[(frame[role] == "").to_numpy()]
    ]
    number = pd.to_numeric(frame["score"], errors="coerce")
    for row in np.flatnonzero((frame["score"] != "") & ~np.isfinite(number)):
        problems.append(
            Problem(int(lines[row]), names["score"], f'a number was expected, "{frame["score"].iloc[row]}" was found.')
        )
    for row in np.flatnonzero((frame["truth"] != "") & ~frame["truth"].isin(("0", "1"))):
        problems.append(
            Problem(
                int(lines[row]),
                names["truth"],
                f'1 (diseased) or 0 was expected, "{frame["truth"].iloc[row]}" was found.',
            )
        )
    first = frame.groupby(["study", "case"])["truth"].transform("first")
    for row in np.flatnonzero(first != frame["truth"]):
        problems.append(
            Problem(int(lines[row]), names["truth"], f'case "{frame["case"].iloc[row]}" has another truth above.')
        )
    for row in np.flatnonzero(frame.duplicated(["study", "reader", "case", "modality"])):
        problems.append(
            Problem(int(lines[row]), names["case"], "this reader already has a score of this case on this modality.")
        )
    if problems:
        raise rejected(table.name, problems)
    frame["score"], frame["truth"] = number.astype(float), frame["truth"] == "1"
    return Scores(frame.drop(columns="line"), table.name, table.sha256)


def _table(source: str | PathLike, needed: list[str]) -> TextTable:
    path = Path(source)
    if path.suffix != ".gz":
        return read_text_table(source, needed)
    name, packed = read_bytes(path)
    try:
        content = io.BytesIO(gzip.decompress(packed))
    except (OSError, EOFError) as error:
        raise InputError(f"{name} ends in .gz but could not be unpacked ({error}).") from error
    content.name = path.stem
    return read_text_table(content, needed)


def analyse_scores(
    scores: Scores, *, first: str | None = None, second: str | None = None, confidence: float = 0.95
) -> dict[str, Any]:
    """Plain data: sections `auc_readers` (per reader and modality) and `auc_differences` (per pair and method).

    first, second: the modalities to compare (first minus second); default: every pair in the order of their names.
    """
    readers, differences = [], []
    for study, rows in scores.frame.groupby("study", sort=True):
        keys = {"study": study or None}
        readers += [{**keys, **record} for record in _readers(rows, confidence)]
        names = [first, second] if first and second else sorted(rows["modality"].unique())
        for a, b in combinations(names, 2):
            differences += [{**keys, **record} for record in _differences(rows, a, b, confidence)]
    design = {"studies": int(scores.frame["study"].nunique()), "readers": int(scores.frame["reader"].nunique()),
              "cases": int(scores.frame["case"].nunique()),
              "modalities": sorted(scores.frame["modality"].unique())}  # fmt: skip
    inputs = [{"file": scores.source, "sha256": scores.sha256, "rows": len(scores.frame)}]
    content = {"schema": SCHEMA, "inputs": inputs, "confidence": confidence, "design": design}
    return plain({**content, "auc_readers": readers, "auc_differences": differences})


def _readers(rows: pd.DataFrame, confidence: float) -> list[Record]:
    """Empirical AUC of each reader and modality with DeLong's standard error over that reader's own cases."""
    records = []
    z = normal_quantile(0.5 + confidence / 2)
    for (modality, reader), own in rows.groupby(["modality", "reader"], sort=True):
        ill, well = own.loc[own["truth"], "score"].to_numpy(), own.loc[~own["truth"], "score"].to_numpy()
        record = {"modality": modality or None, "reader": reader, "diseased": len(ill), "healthy": len(well)}
        if min(len(ill), len(well)) < 2:
            empty = dict.fromkeys(("auc", "se", "ci_low", "ci_high"))
            records.append({**record, **empty, "why": "at least two diseased and two healthy cases are needed"})
            continue
        wins = success_matrix(ill, well)
        se = float(np.sqrt(wins.mean(axis=1).var(ddof=1) / len(ill) + wins.mean(axis=0).var(ddof=1) / len(well)))
        auc = empirical_auc(ill, well)
        bounds = (max(0.0, auc - z * se), min(1.0, auc + z * se)) if se > 0 else (None, None)
        why = None if se > 0 else "every diseased case stands to the healthy ones alike, so the spread cannot be seen"
        records.append({**record, "auc": auc, "se": se or None, "ci_low": bounds[0], "ci_high": bounds[1], "why": why})
    return records


def _differences(rows: pd.DataFrame, first: str, second: str, confidence: float) -> list[Record]:
    keys = {"first": first, "second": second}
    hillis = _by_or(rows, first, second, confidence)
    df = hillis["df"] or rows["reader"].nunique() - 1
    label = "U-statistic, t with Hillis df" if hillis["df"] else "U-statistic, t with readers - 1 df"
    return [
        {**keys, "method": label, **_by_ustat(rows, first, second, df, confidence)},
        {**keys, "method": "Obuchowski-Rockette, Hillis df", **hillis},
    ]


def _by_ustat(rows: pd.DataFrame, first: str, second: str, df: float, confidence: float) -> Record:
    """Any design. Its degrees of freedom are Hillis' where the design has them, else cautiously readers - 1."""
    found = sparse_auc_difference(rows, first, second)
    record = {"auc_first": found.first, "auc_second": found.second, "difference": found.difference,
              "readers": found.readers, "diseased": found.diseased, "healthy": found.healthy}  # fmt: skip
    if found.se is None or df < 1:
        why = found.why or "at least two readers are needed"
        return {**record, **dict.fromkeys(TESTED), "why": why}
    half = t_quantile(0.5 + confidence / 2, df) * found.se
    return {**record, "se": found.se, "df": df, "p": t_two_sided_p(found.difference / found.se, df),
            "ci_low": found.difference - half, "ci_high": found.difference + half, "why": None}  # fmt: skip


def _by_or(rows: pd.DataFrame, first: str, second: str, confidence: float) -> Record:
    """Crossed or split-plot: blocks of readers who share cases, cases that somebody missed left out and counted."""
    both = rows[rows["modality"].isin((first, second))]
    blocks, lost = [], 0
    record: Record = {"auc_first": None, "auc_second": None, "difference": None, **dict.fromkeys(TESTED)}
    for own in _components(both):
        block, left_out, why = _complete_block(own, first, second)
        if block is None:
            return {**record, "why": why}
        blocks.append(block)
        lost += left_out
    found = two_modalities(blocks, confidence=confidence)
    merits = (None, None) if found.merits is None else found.merits
    return {
        **record, "auc_first": merits[0], "auc_second": merits[1], "difference": found.difference,
        **{name: getattr(found, name) for name in TESTED}, "readers": int(both["reader"].nunique()),
        "blocks": len(blocks), "cases_left_out": lost, "var_reader": found.var_reader,
        "var_reader_by_modality": found.var_reader_by_test, "var_error": found.var_error, "cov1": found.cov1,
        "cov2": found.cov2, "cov3": found.cov3, "why": found.why,
    }  # fmt: skip


def _components(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """Blocks of readers that share no case with any other block."""
    (reader, n_readers), (case, n_cases) = codes(rows["reader"]), codes(rows["case"])
    graph = coo_matrix((np.ones(len(rows)), (reader, n_readers + case)), shape=(n_readers + n_cases,) * 2)
    _, label = connected_components(graph, directed=False)
    return [rows[label[reader] == block] for block in np.unique(label[reader])]


def _complete_block(rows: pd.DataFrame, first: str, second: str) -> tuple[Block | None, int, str | None]:
    tables = [
        rows[rows["modality"] == name].pivot(index="reader", columns="case", values="score") for name in (first, second)
    ]
    readers, cases = rows["reader"].unique(), rows["case"].unique()
    scores = np.stack([table.reindex(index=readers, columns=cases).to_numpy(dtype=float) for table in tables])
    whole = np.isfinite(scores).all(axis=(0, 1))
    lost = int((~whole).sum())
    if lost > LOST_AT_MOST * len(cases):
        return (
            None,
            lost,
            "readers who share cases did not all read them on both modalities (neither crossed nor split-plot)",
        )
    truth = rows.drop_duplicates("case").set_index("case")["truth"].reindex(cases[whole]).to_numpy(dtype=bool)
    if min(truth.sum(), (~truth).sum()) < 2:
        return None, lost, "a block of readers has fewer than two diseased or two healthy cases"
    return auc_block(scores[:, :, whole], truth), lost, None
