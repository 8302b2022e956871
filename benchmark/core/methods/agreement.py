"""Agreement among interchangeable raters, from the table of counts items x categories.

Fleiss' kappa (generalised to unequal numbers of raters), Krippendorff's alpha, Gwet's AC1 and observed agreement, with
intervals by resampling items. Six different readers per item make raters interchangeable; coefficients that need the
same raters throughout (Conger, Cohen) do not apply.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.core.methods.bootstrap import AT_ONCE, gathering, percentile_bounds

COEFFICIENTS = ("fleiss_kappa", "krippendorff_alpha", "gwet_ac1", "percent_agreement")


@dataclass(frozen=True)
class Agreement:
    """Point estimates; None when it cannot be estimated, with `why`."""

    fleiss_kappa: float | None
    krippendorff_alpha: float | None
    gwet_ac1: float | None
    percent_agreement: float | None
    items: int
    ratings: int
    why: str | None = None


def count_ratings(item: np.ndarray, category: np.ndarray, n_categories: int) -> np.ndarray:
    """Counts, shape (items, categories), from integer codes of each rating; a negative category is a missing rating."""
    n_items = int(item.max()) + 1 if len(item) else 0
    present = category >= 0
    flat = np.bincount(item[present] * n_categories + category[present], minlength=n_items * n_categories)
    return flat.reshape(n_items, n_categories)


@dataclass(frozen=True)
class _PerItem:
    """What each item contributes, with a leading axis of draws (or one): ratings, agreement, proportions, pairs.

    ratings: sums of rater weights (L, items, categories); squares: sums of squared rater weights (L, items), the pairs
    of a rater with himself, which do not count.
    """

    ratings: np.ndarray
    total: np.ndarray
    agreeing: np.ndarray
    rated: np.ndarray
    paired: np.ndarray
    proportions: np.ndarray
    per_partner: np.ndarray

    @classmethod
    def of(cls, ratings: np.ndarray, squares: np.ndarray) -> _PerItem:
        total = ratings.sum(axis=-1)
        pairs = total**2 - squares
        paired = pairs > 1e-9
        concordant = (ratings**2).sum(axis=-1) - squares
        agreeing = np.divide(concordant, pairs, out=np.zeros_like(total), where=paired)
        proportions = ratings / np.where(total > 0, total, 1)[..., None]
        # Krippendorff counts a rating 1 / (raters - 1) times with each partner.
        per_partner = np.divide(total, pairs, out=np.zeros_like(total), where=paired)
        rated, paired = (total > 0).astype(total.dtype), paired.astype(total.dtype)
        return cls(ratings, total, agreeing, rated, paired, proportions, per_partner)


def _over_items(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted sums over items, (draws, ...) from values (1 or draws, items, ...) and weights (draws, items).

    Bootstrap weights come in single precision, and so are their products: a copy of all draws costs more than they do.
    """
    if len(values) == 1:
        return (weights @ values[0].astype(weights.dtype)).astype(float)
    if values.ndim == 2:
        return np.einsum("di,di->d", weights, values)
    return np.matmul(weights[:, None, :], values)[:, 0]


def _coefficients(item: _PerItem, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Every nominal coefficient for each row of item weights, shape (draws, items). Undefined values are NaN."""
    used = np.count_nonzero(item.ratings.sum(axis=(0, 1)))
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = _over_items(item.agreeing, weights) / _over_items(item.paired, weights)
        prevalence = _over_items(item.proportions, weights) / _over_items(item.rated, weights)[:, None]
        chance = (prevalence**2).sum(axis=1)
        chance_ac1 = (prevalence * (1 - prevalence)).sum(axis=1) / max(used - 1, 1)
        totals = _over_items(item.ratings * item.paired[..., None], weights)
        n = totals.sum(axis=1)
        disagreeing = (item.total**2 - (item.ratings**2).sum(axis=-1)) * item.per_partner
        expected = (n**2 - (totals**2).sum(axis=1)) / (n - 1)
        return {
            "fleiss_kappa": np.where(chance < 1 - 1e-12, (observed - chance) / (1 - chance), np.nan),
            "krippendorff_alpha": np.where(expected > 0, 1 - _over_items(disagreeing, weights) / expected, np.nan),
            "gwet_ac1": (observed - chance_ac1) / (1 - chance_ac1) if used > 1 else np.full(len(weights), np.nan),
            "percent_agreement": observed,
        }


def _category_kappas(item: _PerItem, weights: np.ndarray) -> np.ndarray:
    """Fleiss' kappa of each category against all others, (draws, categories); NaN where nobody or everybody used it."""
    total = item.total[..., None]
    # per_partner is total / pairs, so this is the share of an item's pairs that the category splits.
    share = np.divide(item.per_partner, item.total, out=np.zeros_like(item.total), where=item.total > 0)
    split = 2 * item.ratings * (total - item.ratings) * share[..., None]
    with np.errstate(invalid="ignore", divide="ignore"):
        disagreement = _over_items(split, weights)
        disagreement /= _over_items(item.paired, weights)[:, None]
        prevalence = _over_items(item.proportions, weights) / _over_items(item.rated, weights)[:, None]
        chance = 2 * prevalence * (1 - prevalence)
        return np.where(chance > 1e-12, 1 - disagreement / chance, np.nan)


def _single(counts: np.ndarray) -> _PerItem:
    counts = np.asarray(counts, dtype=float)[None]
    return _PerItem.of(counts, counts.sum(axis=-1))


def agreement(counts: np.ndarray) -> Agreement:
    """Agreement coefficients of counts, shape (items, categories). Items rated once count for prevalence only."""
    counts = np.asarray(counts)
    items, ratings = len(counts), int(counts.sum())
    if items == 0 or counts.sum(axis=1).max(initial=0) < 2:
        return Agreement(None, None, None, None, items, ratings, "no item was rated by two raters")
    values = {name: float(v[0]) for name, v in _coefficients(_single(counts), np.ones((1, items))).items()}
    why = (
        "every rating is the same, so chance agreement is complete" if not np.isfinite(values["fleiss_kappa"]) else None
    )
    clean = {name: value if np.isfinite(value) else None for name, value in values.items()}
    return Agreement(**clean, items=items, ratings=ratings, why=why)


def category_kappas(counts: np.ndarray) -> list[float | None]:
    """Fleiss' kappa of each category against the rest; None where nobody, or everybody, used it or nobody can agree."""
    counts = np.asarray(counts)
    if len(counts) == 0 or counts.sum(axis=1).max(initial=0) < 2:
        return [None] * counts.shape[1]
    values = _category_kappas(_single(counts), np.ones((1, len(counts))))[0]
    return [float(v) if np.isfinite(v) else None for v in values]


def linearised_errors(counts: np.ndarray) -> dict[str, float | None]:
    """Standard errors of Fleiss' kappa and AC1 over a sample of items, by linearisation. Source: Gwet (2008)."""
    item, counts = _single(counts), np.asarray(counts, dtype=float)
    if not item.paired.any():
        return {"fleiss_kappa": None, "gwet_ac1": None}
    values = _coefficients(item, np.ones((1, len(counts))))
    observed, n = item.agreeing[0], len(counts)
    paired = item.paired[0]
    used = np.count_nonzero(counts.sum(axis=0))
    prevalence = (item.proportions[0] * item.rated[0][:, None]).sum(axis=0) / item.rated.sum()
    found: dict[str, float | None] = {}
    for name, own, chance in (
        ("fleiss_kappa", item.proportions[0] @ prevalence, float((prevalence**2).sum())),
        ("gwet_ac1", item.proportions[0] @ (1 - prevalence) / max(used - 1, 1),
         float((prevalence * (1 - prevalence)).sum()) / max(used - 1, 1)),
    ):  # fmt: skip
        estimate = float(values[name][0])
        if not np.isfinite(estimate) or n < 2 or chance >= 1:
            found[name] = None
            continue
        each = np.where(paired > 0, observed * n / paired.sum(), 0.0) - chance * paired * n / paired.sum()
        each = each / (1 - chance) - 2 * (1 - estimate) * (own - chance) / (1 - chance)
        found[name] = float(np.sqrt(((each - estimate) ** 2).sum() / (n * (n - 1))))
    return found


def agreement_draws(counts: np.ndarray, weights: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Coefficients, and kappas of the categories, under weights of the items, shape (draws, items)."""
    item = _single(counts)
    return _coefficients(item, weights), _category_kappas(item, weights)


def two_way_agreement_draws(
    item: np.ndarray,
    category: np.ndarray,
    rater: np.ndarray,
    size: tuple[int, int],
    rater_weights: np.ndarray,
    item_weights: np.ndarray,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The same when raters and items are both resampled; a rater drawn twice does not agree with himself.

    item, category, rater: codes of each rating (category < 0: missing); size: (items, categories); rater_weights:
    (raters, draws); item_weights: (items, draws).
    """
    n_items, n_categories = size
    there = category >= 0
    to_cell = gathering(item[there] * n_categories + category[there], n_items * n_categories)
    to_item = gathering(item[there], n_items)
    chunks, kappas = [], []
    owner, step = rater[there], max(16, AT_ONCE // (n_items * n_categories))
    for begin in range(0, rater_weights.shape[1], step):
        own = rater_weights[:, begin : begin + step][owner]
        ratings = (to_cell @ own).T.reshape(-1, n_items, n_categories)
        per_item = _PerItem.of(np.ascontiguousarray(ratings), (to_item @ own**2).T)
        weights = np.ascontiguousarray(item_weights[:, begin : begin + step].T)
        chunks.append(_coefficients(per_item, weights))
        kappas.append(_category_kappas(per_item, weights))
    return {name: np.concatenate([c[name] for c in chunks]) for name in COEFFICIENTS}, np.concatenate(kappas)


ALIKE = 1e-12  # draws that differ by no more than rounding


def percentiles(values: np.ndarray, *, confidence: float) -> tuple[float, float] | None:
    """Percentile interval of the defined draws; None where half of them or fewer define the value, or all are alike."""
    finite = values[np.isfinite(values)]
    if 2 * len(finite) <= len(values) or np.ptp(finite) < ALIKE:
        return None
    return percentile_bounds(finite, confidence)


def agreement_intervals(
    counts: np.ndarray, rng: np.random.Generator, *, draws: int = 2000, confidence: float = 0.95
) -> dict[str, tuple[float, float] | None]:
    """Percentile intervals of each coefficient by resampling items; None where fewer than half the draws define it."""
    if len(counts) < 2:
        return dict.fromkeys(COEFFICIENTS)
    weights = rng.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=draws).astype(float)
    drawn, _ = agreement_draws(counts, weights)
    return {name: percentiles(values, confidence=confidence) for name, values in drawn.items()}


def krippendorff_alpha(ratings: np.ndarray, *, level: str = "nominal") -> float | None:
    """Krippendorff's alpha of ratings, shape (raters, items), float with NaN for missing.

    level: nominal, ordinal, interval or ratio. None when there is no variation or nothing to pair.
    Source: Krippendorff (2011), Computing Krippendorff's Alpha-Reliability.
    """
    table = np.asarray(ratings, dtype=float)
    values = np.unique(table[np.isfinite(table)])
    if len(values) < 2:
        return None
    counts = np.stack([(table == value).sum(axis=0) for value in values], axis=1).astype(float)
    r = counts.sum(axis=1)
    counts, r = counts[r >= 2], r[r >= 2]
    if len(counts) == 0:
        return None
    coincidence = (counts / (r - 1)[:, None]).T @ counts - np.diag((counts / (r - 1)[:, None]).sum(axis=0))
    totals = coincidence.sum(axis=1)
    distance = _squared_distance(values, totals, level)
    expected = (np.outer(totals, totals) - np.diag(totals)) / (totals.sum() - 1)
    denominator = float((expected * distance).sum())
    return 1 - float((coincidence * distance).sum()) / denominator if denominator > 0 else None


def _squared_distance(values: np.ndarray, totals: np.ndarray, level: str) -> np.ndarray:
    if level == "nominal":
        return 1.0 - np.eye(len(values))
    if level == "interval":
        return (values[:, None] - values[None, :]) ** 2
    if level == "ratio":
        total = values[:, None] + values[None, :]
        gap = values[:, None] - values[None, :]
        return np.divide(gap, total, out=np.zeros_like(gap), where=total != 0) ** 2
    if level == "ordinal":
        middle = np.cumsum(totals) - totals / 2
        return (middle[:, None] - middle[None, :]) ** 2
    raise ValueError(f'level must be nominal, ordinal, interval or ratio, not "{level}".')


def category_codes(labels: Sequence[str], categories: Sequence[str]) -> np.ndarray:
    """Index of each label among categories, -1 for one that is not there (a missing rating)."""
    place = {name: index for index, name in enumerate(categories)}
    return np.fromiter((place.get(label, -1) for label in labels), dtype=np.int64)
