"""What the recorded simulation of the paper's analysis would show with many more studies, by a program of its own.

    python tests/reference/recorded_simulation.py        # about eight CPU-minutes; writes recorded_simulation.json

Nothing of the product is used: worlds, designs and tests are written here again from the design's formulas, all studies of
a batch at once. The record (4,000 studies a row, of which 500 for the slow tests) and the product are both judged by it.

The record's rows of fixed images hold one draw of 140 images that was not kept. What such a row shows depends on the
draw, so its reference is a set of images that could have been that draw: of 4,000 drawn sets the 40 whose expected
variance for new images is nearest to the recorded one. Their other numbers are not chosen. The product draws images anew
in every study; for it the same rows are given over all draws (`any_images`).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from scipy import integrate, optimize, special, stats

HERE = Path(__file__).parent
STUDIES, BATCH, SEED = 40_000, 400, 11
CLASSES, PER_CLASS, SETS, SURVEYS = 7, 20, 6, 5
ITEMS, READERS = CLASSES * PER_CLASS, SETS * SURVEYS
SETS_OF_IMAGES, NEAREST = 4000, 40


def intercept(accuracy: float, spread: float) -> float:
    """Logit that gives people this accuracy on the average over readers and items."""

    def mean(a: float) -> float:
        return integrate.quad(lambda x: special.expit(a + spread * x) * stats.norm.pdf(x), -12, 12)[0]

    return optimize.brentq(lambda a: mean(a) - accuracy, -10, 10)


def draw_surveys(rng: np.random.Generator, studies: int, same: bool) -> np.ndarray:
    """Survey (0 to 4) of every item in every set, shape (studies, sets, items): four items of each class in each survey."""
    sets = 1 if same else SETS
    order = np.argsort(rng.random((studies, sets, CLASSES, PER_CLASS), dtype=np.float32), axis=-1)
    place = np.broadcast_to(np.arange(PER_CLASS) // (PER_CLASS // SURVEYS), order.shape)
    survey = np.empty_like(order)
    np.put_along_axis(survey, order, place, axis=-1)
    return np.broadcast_to(survey.reshape(studies, sets, ITEMS), (studies, SETS, ITEMS))


def draw_images(rng: np.random.Generator, row: dict, studies: int) -> tuple[np.ndarray, np.ndarray]:
    """Difficulty of the items and whether the network is right on them, each of shape (studies, items)."""
    difficulty = rng.normal(size=(studies, ITEMS))
    latent = row["rho"] * difficulty + np.sqrt(1 - row["rho"] ** 2) * rng.normal(size=difficulty.shape)
    return difficulty, (latent < stats.norm.ppf(row["acc"])).astype(float)


def human_truth(difficulty: np.ndarray, row: dict) -> np.ndarray:
    """Chance of a right answer by a new reader, item by item."""
    grid = np.linspace(-7, 7, 1401)
    nodes = np.linspace(-8, 8, 801)
    weights = stats.norm.pdf(nodes) / stats.norm.pdf(nodes).sum()
    a = intercept(row["acc"], np.hypot(row["sd_r"], row["sd_i"]))
    of_grid = special.expit(a - row["sd_i"] * grid[:, None] + row["sd_r"] * nodes) @ weights
    return np.interp(difficulty, grid, of_grid)


def studies_of(rng, row: dict, difficulty: np.ndarray, network: np.ndarray) -> dict[str, np.ndarray]:
    """Everything the record counts, study by study; images of shape (studies, items)."""
    studies = len(difficulty)
    a = intercept(row["acc"], np.hypot(row["sd_r"], row["sd_i"]))
    survey = draw_surveys(rng, studies, row["same"])
    skill = row["sd_r"] * rng.normal(size=(studies, SETS, SURVEYS))
    logit = np.take_along_axis(skill, survey, axis=-1) + a - row["sd_i"] * difficulty[:, None, :]
    right = rng.random(logit.shape, dtype=np.float32) < special.expit(logit)
    d = network[:, None, :] - right
    n = SETS * ITEMS

    def per_reader(values: np.ndarray) -> np.ndarray:
        return np.stack([(values * (survey == s)).sum(axis=-1) for s in range(SURVEYS)], axis=-1).reshape(studies, -1)

    by_reader = per_reader(d)
    null = 0.0
    if row["fixed_items"]:
        null = (network - human_truth(difficulty, row)).mean(axis=-1)
    estimate = d.sum(axis=(1, 2)) / n - null
    of_survey = by_reader / (ITEMS // SURVEYS) - np.asarray(null)[..., None]
    sd_survey = of_survey.std(axis=-1, ddof=1)
    se_t = sd_survey / np.sqrt(READERS)
    p_t = 2 * stats.t.sf(np.abs(estimate / se_t), READERS - 1)

    by_class = d.reshape(studies, SETS, CLASSES, PER_CLASS)
    e = (by_class - by_class.mean(axis=(1, 3), keepdims=True)).reshape(d.shape)
    v_reader = READERS / (READERS - 1) * (per_reader(e) ** 2).sum(axis=-1) / n**2
    # Within classes of 20 items of six readings each.
    v_item = PER_CLASS / (PER_CLASS - 1) * (e.sum(axis=1) ** 2).sum(axis=-1) / n**2
    v_both = n / (n - 1) * (e**2).sum(axis=(1, 2)) / n**2
    floor = np.maximum(v_reader, v_item)
    v = np.maximum(v_reader + v_item - v_both, floor)
    df = v**2 / (v_reader**2 / (READERS - 1) + v_item**2 / (ITEMS - CLASSES))
    p_two_way = 2 * stats.t.sf(np.abs(estimate) / np.sqrt(v), df)

    square, total = (d**2).sum(axis=(1, 2)), d.sum(axis=(1, 2))
    rr, ii = (by_reader**2).sum(axis=-1), (d.sum(axis=1) ** 2).sum(axis=-1)
    pairs = {"same": n, "reader": n * (ITEMS // SURVEYS - 1), "item": n * (SETS - 1)}
    pairs["none"] = n * n - sum(pairs.values())
    sums = {"same": square, "reader": rr - square, "item": ii - square, "none": total**2 - rr - ii + square}
    v_u = sum(sums.values()) / n**2 - sums["none"] / pairs["none"]
    se_u = np.sqrt(np.maximum(v_u, floor))
    p_u = 2 * stats.norm.sf(np.abs(estimate) / se_u)
    of_item = d.mean(axis=1)
    p_item = 2 * stats.t.sf(np.abs(estimate) / (of_item.std(axis=-1, ddof=1) / np.sqrt(ITEMS)), ITEMS - 1)
    return {
        "estimate": estimate, "sd_survey": sd_survey, "se_t": se_t, "se_2w": np.sqrt(v), "se_u": se_u,
        "t1_t": p_t < 0.05, "t1_2w": p_two_way < 0.05, "t1_u": p_u < 0.05, "t1_item": p_item < 0.05,
    }  # fmt: skip


def expected_variances(difficulty: np.ndarray, network: np.ndarray, row: dict) -> dict[str, np.ndarray]:
    """Exact expectations for fixed images, of shape (sets of images,): of the estimate and of the two-way variance."""
    nodes = np.linspace(-8, 8, 161)
    weights = stats.norm.pdf(nodes) / stats.norm.pdf(nodes).sum()
    a = intercept(row["acc"], np.hypot(row["sd_r"], row["sd_i"]))
    found = {"true": [], "two_way": []}
    for z, c in zip(difficulty, network):
        chance = special.expit(a - row["sd_i"] * z[:, None] + row["sd_r"] * nodes)
        own = chance @ weights
        reader = float(weights @ (chance.mean(axis=0) - own.mean()) ** 2)
        residual = float((own * (1 - own)).mean()) - reader
        gap = (c - own).reshape(CLASSES, PER_CLASS)
        item = float(gap.var(axis=1, ddof=1).mean())
        # Surveys are drawn without replacement from the images, so their means differ less than independent ones would.
        less = 1 - (1 - 1 / SURVEYS) * READERS / (READERS - 1)
        found["true"].append(reader / READERS + residual / (READERS * 28))
        found["two_way"].append(
            reader / READERS + item * (1 / ITEMS - less / (READERS * 28)) + residual / (READERS * 28)
        )
    return {key: np.array(values) for key, values in found.items()}


def summary(parts: list[dict[str, np.ndarray]], row: dict) -> dict[str, dict[str, float]]:
    """Value and SD of one study of every number (its error in n studies is SD / sqrt(n))."""
    all_ = {key: np.concatenate([part[key] for part in parts]).astype(float) for key in parts[0]}
    estimate = all_.pop("estimate")
    found = {key: {"value": float(v.mean()), "sd": float(v.std(ddof=1))} for key, v in all_.items()}
    centred = estimate - estimate.mean()
    sd = float(estimate.std(ddof=1))
    of_sd = float(np.sqrt((centred**4).mean() - sd**4) / (2 * sd))
    found["sd_true"] = {"value": sd, "sd": of_sd}
    ratio = sd / found["se_t"]["value"]
    relative = float(np.hypot(of_sd / sd, found["se_t"]["sd"] / found["se_t"]["value"]))
    found["ratio"] = {"value": ratio, "sd": ratio * relative}
    found["cover_t"] = {"value": 1 - found["t1_t"]["value"], "sd": found["t1_t"]["sd"]}
    found["studies"] = len(estimate)
    return found


def of_new_images(rng, row: dict) -> dict[str, dict[str, float]]:
    parts = [studies_of(rng, row, *draw_images(rng, row, BATCH)) for _ in range(STUDIES // BATCH)]
    return summary(parts, row)


def of_these_images(rng, row: dict) -> dict[str, dict[str, float]]:
    """Sets of images whose expected standard error for new images is nearest to the recorded one."""
    difficulty, network = draw_images(rng, row, SETS_OF_IMAGES)

    def studies(k: int) -> dict[str, np.ndarray]:
        return studies_of(rng, row, *(np.broadcast_to(v[k], (BATCH, ITEMS)) for v in (difficulty, network)))

    expected = np.sqrt(expected_variances(difficulty, network, row)["two_way"])
    # The variance is floored, which its expectation does not know: a line through simulated sets corrects for it.
    tried = np.argsort(expected)[:: SETS_OF_IMAGES // 20]
    error = np.polyval(
        np.polyfit(expected[tried], [np.sqrt((studies(k)["se_2w"] ** 2).mean()) for k in tried], 1), expected
    )
    nearest = np.argsort(np.abs(error - row["se_2w"]))[:NEAREST]
    parts, means = [], []
    for k in nearest:
        own = [studies(k) for _ in range(STUDIES // BATCH // NEAREST)]
        parts += own
        means.append({key: v["value"] for key, v in summary(own, row).items() if key != "studies"})
    found = summary(parts, row)
    for key in means[0]:
        between = np.var([m[key] for m in means], ddof=1) - found[key]["sd"] ** 2 * NEAREST / STUDIES
        found[key]["over_sets"] = float(np.sqrt(max(between, 0.0)))
    middle = np.median(error)
    found["share_of_draws_beyond"] = float((np.abs(error - middle) >= abs(row["se_2w"] - middle)).mean())
    return found


def main() -> None:
    entries = json.loads((HERE / "statistics.json").read_text())
    rows = next(entry for entry in entries if entry["name"] == "sim_type1_paper_analysis")["expected"]
    found = {}
    for place, row in enumerate(rows):
        rng = np.random.default_rng((SEED, place))
        found[row["name"]] = of_new_images(rng, row)
        if row["fixed_items"]:
            found[row["name"]] = {
                "any_images": found[row["name"]],
                "such_images": of_these_images(np.random.default_rng((SEED, place, 1)), row),
            }
        print(row["name"], flush=True)
    (HERE / "recorded_simulation.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
