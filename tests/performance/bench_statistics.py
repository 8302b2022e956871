"""Speed of the statistics against good existing ways, in one run, as ratios of CPU seconds.

    python -m tests.performance.bench_statistics [--skip-large]

Not a test: no promise depends on the clock of the machine that runs the suite. The mixed model needs R with lme4
(Debian: r-base-core r-cran-lme4) and is left out without it.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.core import Plan, Readings, analyse
from benchmark.core.methods.auc import auc_block
from benchmark.core.methods.bootstrap import StudyDraws, TwoWayDraws, bootstrap_means
from benchmark.core.methods.glmm import RandomEffect, fit_glmm
from benchmark.core.methods.obuchowski_rockette import model_against_readers

CLASSES = ("HMI", "IP", "MA", "ML", "NF1", "TSC", "Other")
GROUPS = (("medical-geneticist", 0.5, 0.35), ("pediatrician", -0.2, 0.7))
VIEWS = ("focused", "panoramic")
LEFT_OUT = 10  # cases that the slow jackknives leave out; their time is scaled to all of them

LME4 = """
suppressMessages(library(lme4)); d <- read.csv(commandArgs(TRUE)[1])
t <- system.time(m <- glmer(y ~ agent + (1|item) + (0+human|reader), d, family=binomial,
                            control=glmerControl(optimizer="bobyqa")))
cat(t[["user.self"]] + t[["sys.self"]], sprintf("%.6f", logLik(m)), "\\n")
"""


def seconds(function, repeats: int = 3) -> float:
    """CPU seconds, the best of several runs."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


def interleaved(ours, theirs, *, rounds: int = 3) -> tuple[float, float]:
    """Best CPU seconds of both, run in turns, so that a busy machine slows both alike."""
    pairs = [(seconds(ours, 1), seconds(theirs, 1)) for _ in range(rounds)]
    return min(a for a, _ in pairs), min(b for _, b in pairs)


def told(what: str, ours: float, theirs: float, aim: float) -> None:
    ratio = theirs / ours
    print(
        f"| {what} | {ours:.4g} s | {theirs:.4g} s | {ratio:.0f} | {aim:.0f} | {'yes' if ratio >= aim else 'NO'} |",
        flush=True,
    )


def numpy_loop(table: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """The usual way: draw readers and items with replacement, take the sub-table's mean."""
    rng = np.random.default_rng(seed)
    readers, items = table.shape
    found = np.empty(draws)
    for k in range(draws):
        found[k] = table[np.ix_(rng.integers(0, readers, readers), rng.integers(0, items, items))].mean()
    return found


def bootstrap(rng: np.random.Generator) -> None:
    table = (rng.random((60, 280)) < 0.8).astype(float) - (rng.random((60, 280)) < 0.7)
    draws = TwoWayDraws(np.zeros(60, dtype=int), np.zeros(280, dtype=int), 10_000, 1)
    ours, loop = interleaved(
        lambda: bootstrap_means(table[None], np.ones_like(table), draws), lambda: numpy_loop(table, 10_000, 1), rounds=2
    )
    told("two-way bootstrap, 10,000 draws, 60 x 280", ours, loop, 10)
    reader, item = np.repeat(np.arange(60), 280), np.tile(np.arange(280), 60)
    rows = pd.DataFrame({"reader": reader, "group": 0, "kind": "human", "item": item, "truth": item % 7})
    study = seconds(lambda: StudyDraws.of(rows, draws=10_000, seed=1).mean(rows, table.ravel()), 2)
    told("the same through a study's shared draws", study, loop, 10)


def jackknife_of(metric, truth: np.ndarray, answers: np.ndarray) -> None:
    """Leave cases out one by one and apply the metric to every reader, as published code does."""
    for case in range(LEFT_OUT):
        kept = np.delete(truth, case)
        for row in answers:
            metric(kept, np.delete(row, case))


def reader_studies(rng: np.random.Generator) -> None:
    from sklearn.metrics import accuracy_score, roc_auc_score

    human, model = (rng.random((60, 280)) < 0.7).astype(int), (rng.random(280) < 0.85).astype(int)
    closed = seconds(lambda: [model_against_readers(human, model) for _ in range(20)]) / 20
    right = np.ones(280, dtype=int)
    accuracy = seconds(lambda: jackknife_of(accuracy_score, right, human), 1) * 280 / LEFT_OUT
    told("Obuchowski-Rockette on percent correct, 60 x 280; jackknife with accuracy_score", closed, accuracy, 100)
    truth = rng.random(280) < 0.4
    scores = truth + rng.normal(size=(2, 60, 280))
    ours = seconds(lambda: auc_block(scores, truth))
    auc = seconds(lambda: jackknife_of(roc_auc_score, truth, scores.reshape(120, 280)), 1) * 280 / LEFT_OUT
    told("Obuchowski-Rockette on AUC, 2 x 60 x 280; jackknife with roc_auc_score", ours, auc, 100)


def mixed_model(rng: np.random.Generator) -> None:
    """60 readers x 280 items crossed, and one network row per item."""
    has_lme4 = ["Rscript", "-e", "quit(status = !requireNamespace('lme4', quietly = TRUE))"]
    if not shutil.which("Rscript") or subprocess.run(has_lme4, capture_output=True, check=False).returncode:
        print("| crossed logistic mixed model | R with lme4 is not installed | | | 4 | not run |")
        return
    readers, items = 60, 280
    skill, hard = 0.5 * rng.normal(size=readers), rng.normal(size=items)
    human = rng.random((readers, items)) < 1 / (1 + np.exp(-(1 + skill[:, None] - hard)))
    network = rng.random(items) < 1 / (1 + np.exp(-(2 - hard / 2)))
    y = np.concatenate([human.ravel(), network]).astype(float)
    item = np.concatenate([np.tile(np.arange(items), readers), np.arange(items)])
    reader = np.concatenate([np.repeat(np.arange(readers), items), np.zeros(items, dtype=int)])
    is_human = np.concatenate([np.ones(readers * items), np.zeros(items)])
    x = np.stack([np.ones(len(y)), 1 - is_human], axis=1)
    effects = (RandomEffect(item, np.ones(len(y))), RandomEffect(reader, is_human))
    with tempfile.TemporaryDirectory() as folder:
        data, script = Path(folder, "d.csv"), Path(folder, "fit.R")
        frame = pd.DataFrame({"y": y, "item": item, "reader": reader, "human": is_human, "agent": 1 - is_human})
        frame.to_csv(data, index=False)
        script.write_text(LME4)
        ours, theirs = [], []
        for _ in range(2):
            ours.append(seconds(lambda: fit_glmm(y, x, effects), 1))
            done = subprocess.run(["Rscript", str(script), str(data)], capture_output=True, text=True, check=True)
            spent, likelihood = (float(v) for v in done.stdout.split())
            theirs.append(spent)
    gap = abs(fit_glmm(y, x, effects).log_likelihood - likelihood)
    told(
        f"crossed logistic mixed model, {len(y)} rows; lme4 (log-likelihoods {gap:.1e} apart)",
        min(ours),
        min(theirs),
        4,
    )


def study(per_class: int, sets: int, *, per_survey: int = 4, seed: int = 0) -> pd.DataFrame:
    """A simulated study in the founding design: two groups, two views, `sets` x per_class / per_survey surveys."""
    rng = np.random.default_rng(seed)
    n = per_class * len(CLASSES)
    hard, truth = rng.normal(size=n), np.repeat(np.arange(len(CLASSES)), per_class)

    def block(reader: str, group: str, kind: str, items: np.ndarray, survey: str, view: int, logit: np.ndarray):
        right = rng.random(len(items)) < 1 / (1 + np.exp(-logit))
        other = (truth[items] + rng.integers(1, len(CLASSES), len(items))) % len(CLASSES)
        answer = np.array(CLASSES, dtype=object)[np.where(right, truth[items], other)]
        answer[rng.random(len(items)) < 0.004 * (kind == "human")] = ""
        return pd.DataFrame({
            "reader": reader, "group": group, "kind": kind, "item": items, "truth": truth[items], "answer": answer,
            "survey": survey, "view": VIEWS[view], "block": view + 1, "simulated": "yes",
        })  # fmt: skip

    everything = np.arange(n)
    parts = [block("classifier", "classifier", "model", everything, "", v, 2 - hard / 2) for v in (0, 1)]
    number = 0
    for _ in range(sets):
        order = [rng.permutation(per_class) + c * per_class for c in range(len(CLASSES))]
        for k in range(per_class // per_survey):
            number += 1
            items = np.concatenate([o[k * per_survey : (k + 1) * per_survey] for o in order])
            for group, mean, spread in GROUPS:
                skill = rng.normal(mean, spread)
                parts += [
                    block(f"{group[:3]}-{number:05d}", group, "human", items, f"S{number:05d}", v,
                          skill + 0.4 * v - hard[items]) for v in (0, 1)
                ]  # fmt: skip
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(
        truth=np.array(CLASSES, dtype=object)[frame["truth"]], item=[f"i{i:05d}" for i in frame["item"]]
    )


def whole_analysis(what: str, frame: pd.DataFrame, limit: float) -> None:
    readings = Readings.from_frame(frame)
    plan = Plan(mixed_models="never")
    spent = seconds(lambda: analyse(readings, plan=plan), 1 if len(frame) > 50_000 else 3)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    verdict = "yes" if spent < limit and memory < 1 else "NO"
    print(
        f"| {what}: {len(frame)} readings | {spent:.2f} s | peak {memory:.2f} GB | | < {limit:g} s, < 1 GB | {verdict} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--skip-large", action="store_true", help="leave out the study of fifty times the size")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    print("| what | ours | the other | ratio | aim | met |\n|---|---|---|---|---|---|")
    whole_analysis("analysis of the founding study, without mixed models", study(20, 6), 2)
    if not options.skip_large:
        whole_analysis("fifty times its items, surveys and readers", study(1000, 6), 30)
    bootstrap(rng)
    reader_studies(rng)
    mixed_model(rng)


if __name__ == "__main__":
    main()
