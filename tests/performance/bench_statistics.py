"""Speed of the statistics against good existing ways, in one run, as ratios: `python -m
tests.performance.bench_statistics`.

Not a test: no promise depends on the clock of the machine that runs the suite.
"""

from __future__ import annotations

import time

import numpy as np

from benchmark.core.bootstrap import TwoWayDraws, bootstrap_means
from benchmark.core.obuchowski_rockette import model_against_readers


def seconds(function, repeats: int = 3) -> float:
    """Best of several runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def numpy_loop(table: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """The usual way: draw readers and items with replacement, take the sub-table's mean."""
    rng = np.random.default_rng(seed)
    readers, items = table.shape
    found = np.empty(draws)
    for k in range(draws):
        found[k] = table[np.ix_(rng.integers(0, readers, readers), rng.integers(0, items, items))].mean()
    return found


def jackknife_over_cases(human: np.ndarray, model: np.ndarray) -> np.ndarray:
    """Obuchowski-Rockette's covariance by leaving one case out with scikit-learn's metric, as published code does."""
    from sklearn.metrics import accuracy_score

    readers, items = human.shape
    truth = np.ones(items - 1, dtype=int)
    left_out = np.empty((items, readers))
    for case in range(items):
        network = accuracy_score(truth, np.delete(model, case))
        for reader in range(readers):
            left_out[case, reader] = network - accuracy_score(truth, np.delete(human[reader], case))
    return np.cov(left_out, rowvar=False) * (items - 1) ** 2 / items


def main() -> None:
    rng = np.random.default_rng(0)
    human, model = (rng.random((60, 280)) < 0.7).astype(int), (rng.random(280) < 0.85).astype(int)
    table = (model - human).astype(float)
    draws = TwoWayDraws(np.zeros(60, dtype=int), np.zeros(280, dtype=int), 10_000, 1)
    ours = seconds(lambda: bootstrap_means(table[None], np.ones_like(table), draws))
    loop = seconds(lambda: numpy_loop(table, 10_000, 1), repeats=1)
    print(f"two-way bootstrap, 10,000 draws, 60 x 280: {ours:.3f} s; numpy loop {loop:.2f} s; ratio {loop / ours:.0f}")
    closed = seconds(lambda: model_against_readers(human, model), repeats=20)
    jackknife = seconds(lambda: jackknife_over_cases(human, model), repeats=1)
    print(
        f"Obuchowski-Rockette, 60 x 280: {1000 * closed:.2f} ms; jackknife {jackknife:.1f} s; ratio"
        f" {jackknife / closed:.0f}"
    )


if __name__ == "__main__":
    main()
