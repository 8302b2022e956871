"""The analysis of a rating study: HYPE error, signal detection, scales, choices, agreement; sections of flat records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from benchmark.core.errors import NotConverged
from benchmark.core.inputs.ratings import CHOICE, CLASS, GENERATED, REAL, REALITY, SCALE, UNDECIDED, Ratings
from benchmark.core.methods.agreement import (
    agreement,
    agreement_intervals,
    count_ratings,
    krippendorff_alpha,
    percentiles,
)
from benchmark.core.methods.distributions import normal_quantile, normal_two_sided_p
from benchmark.core.methods.equivalence import equivalence
from benchmark.core.methods.glmm import RandomEffect
from benchmark.core.methods.multiplicity import adjust
from benchmark.core.methods.ordinal import OrdinalFit, fit_ordinal
from benchmark.core.methods.proportions import clustered_proportion
from benchmark.core.methods.realism import (
    ONE_ANSWER,
    Estimate,
    Hype,
    binomial_against_half,
    hype_error,
    signal_from_counts,
)
from benchmark.core.methods.twoway import codes, two_way_mean
from benchmark.core.plans.deviations import deviation, plan_deviations
from benchmark.core.plans.plan import Plan
from benchmark.core.results import RATINGS_SCHEMA, plain
from benchmark.core.sections.rating_kinds import (
    STRIP,
    class_reality_section,
    class_scales_section,
    credit,
    marks_section,
    mean_rating,
    named_classes_section,
    strips_section,
)
from benchmark.core.sections.rating_models import reality_models_section
from benchmark.core.sections.rating_pictures import pictures_section
from benchmark.core.sections.rating_repeats import catches_section, pace_section, self_agreement_section
from benchmark.core.software import versions

Record = dict[str, Any]
ALL = "all"
ESTIMATES = ("error", "fakes_called_real", "reals_called_fake", "dprime", "criterion")


@dataclass(frozen=True)
class RatingPlan:
    """margin: how near to one half an error must be to count as chance; draws, seed, confidence of the bootstrap.

    margin_declared: whether a plan named the margin; alpha: level of the tests; declared: the analysis plan, if any.
    """

    margin: float = 0.1
    draws: int = 2000
    seed: int = 0
    confidence: float = 0.95
    alpha: float = 0.05
    margin_declared: bool = False
    declared: Plan | None = None
    registered: Plan | None = None
    stamped_sha256: str | None = None

    @classmethod
    def of(
        cls, plan: Plan | None, *, margin: float | None = None, draws: int | None = None, seed: int = 0,
        registered: Plan | None = None, stamped_sha256: str | None = None,
    ) -> RatingPlan:  # fmt: skip
        """What an analysis plan says about a rating study; margin and draws that are given go before it.

        registered, stamped_sha256: the plan as it stood before the first answer, and its hash.
        """
        plan = plan or Plan()
        chosen = margin or plan.margin or cls.margin
        seed = plan.bootstrap_seed if plan.bootstrap_seed is not None else seed
        named = margin is None and plan.margin is not None
        return cls(chosen, draws or plan.bootstrap_draws, seed, plan.confidence, plan.alpha, named,
                   plan if plan.declared else None, registered,
                   registered.sha256 if registered else stamped_sha256)  # fmt: skip

    def deviations(self) -> list[Record]:
        """Where this analysis departs from the plan."""
        if self.declared is None:
            return []
        found = [*plan_deviations(self.declared, self.stamped_sha256, self.registered)]
        planned = self.declared.margin
        if planned != self.margin:
            words = "not declared" if planned is None else f"{planned:g}"
            found.append(deviation("other than planned", "equivalence margin", words, f"{self.margin:g}"))
        return found

    def as_record(self) -> Record:
        plan = self.declared
        return {
            "declared": plan is not None, "sha256": plan.sha256 if plan else None, "margin": self.margin,
            "margin_declared": self.margin_declared, "draws": self.draws, "seed": self.seed, "alpha": self.alpha,
            "confidence": self.confidence, "hypotheses": list(plan.hypotheses) if plan else [],
            "registration": plan.registration or None if plan else None,
            "stamped_sha256": self.stamped_sha256,
        }  # fmt: skip


def analyse_ratings(ratings: Ratings, plan: RatingPlan | None = None) -> dict[str, Any]:
    """Plain data like results.json: facts, then sections, each a list of flat records."""
    plan = plan or RatingPlan()
    frame, level = ratings.frame, plan.confidence
    shown = frame.drop_duplicates("image").groupby("shown").size()
    content = {
        "schema": RATINGS_SCHEMA,
        "title": plan.declared.title if plan.declared else "",
        "simulated": ratings.is_simulated,
        "simulated_ratings": int(frame["simulated"].sum()),
        "inputs": [{"file": ratings.source, "sha256": ratings.sha256, "rows": len(frame)}],
        "plan": plan.as_record(),
        "seed": plan.seed,
        "versions": versions(),
        "design": {
            "evaluators": int(frame["evaluator"].nunique()),
            "groups": sorted(set(frame["group"]) - {""}),
            "images": int(frame["image"].nunique()),
            "shown": {str(name): int(count) for name, count in shown.items()},
            "questions": sorted(frame["question"].unique()),
            "sets": sorted(set(frame["set"]) - {""}),
            "unanswered": int((frame["answer"] == "").sum()),
            "asked": len(frame),
        },
        "hype": hype_section(ratings, plan),
        "reality_models": reality_models_section(ratings, _by_set, level),
        "evaluators": evaluators_section(ratings),
        "scales": scales_section(ratings, plan),
        "scale_models": scale_models_section(ratings, plan),
        "choices": choices_section(ratings, plan),
        "rating_agreement": rating_agreement_section(ratings, plan),
        "self_agreement": self_agreement_section(ratings, level),
        "catches": catches_section(ratings),
        "pace": pace_section(ratings),
        "class_reality": class_reality_section(ratings, level),
        "class_scales": class_scales_section(ratings, level),
        "named_classes": named_classes_section(ratings, level),
        "strips": strips_section(ratings, level),
        "marks": marks_section(ratings, level),
        "pictures": pictures_section(ratings, level),
        "deviations": plan.deviations(),
    }
    return plain(content)


def _by_set(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """All rows, and each set's rows together with those of no set (the real images that every set is judged against).

    A single set is called by its name.
    """
    names = sorted(set(rows["set"]) - {""})
    if len(names) == 1:
        return [(names[0], rows)]
    own = [(name, rows[rows["set"].isin((name, ""))]) for name in names] if len(names) > 1 else []
    return [(ALL, rows), *own]


def hype_section(ratings: Ratings, plan: RatingPlan) -> list[Record]:
    """HYPE error of each question about reality, over all images and per set of generated ones."""
    records = []
    for question, rows in ratings.of_kind(REALITY):
        for name, own in _by_set(rows):
            fake, called = (own["truth"] == GENERATED).to_numpy(), (own["answer"] == GENERATED).to_numpy()
            record = {"question": question, "set": name, "evaluators": own["evaluator"].nunique(),
                      "images": own["image"].nunique(), "judgments": len(own)}  # fmt: skip
            if fake.all() or not fake.any():
                records.append({**record, **_no_hype(plan.margin)})
                continue
            found = hype_error(
                own["evaluator"].to_numpy(), own["image"].to_numpy(), fake, called, margin=plan.margin,
                draws=plan.draws, seed=plan.seed, confidence=plan.confidence, alpha=plan.alpha,
            )  # fmt: skip
            records.append({**record, **_hype_fields(found, plan.margin)})
    return records


def _no_hype(margin: float) -> Record:
    nothing = Estimate(None, None, None, None)
    why = "judgments of real and of generated images are both needed"
    return _hype_fields(Hype(*[nothing] * len(ESTIMATES), 0, None, None, None, None, why), margin)


def _hype_fields(found: Hype, margin: float) -> Record:
    fields: Record = {}
    for name in ESTIMATES:
        estimate, prefix = getattr(found, name), "" if name == "error" else f"{name}_"
        fields[name] = estimate.value
        fields[f"{prefix}ci_low"], fields[f"{prefix}ci_high"] = estimate.ci_low, estimate.ci_high
    chance = found.chance
    fields.update(
        se=found.se, df=found.df, p_chance=found.p_chance, margin=margin,
        p_equivalent_to_chance=chance.p_equivalent if chance else None,
        equivalent_to_chance=chance.equivalent if chance else None,
        ci_method="percentile, two-way bootstrap of evaluators and images", why=found.why,
    )  # fmt: skip
    return fields


def evaluators_section(ratings: Ratings) -> list[Record]:
    """Each evaluator's error with its binomial test against one half (p adjusted over all, BH), d' and criterion."""
    records = []
    for question, rows in ratings.of_kind(REALITY):
        for evaluator, own in rows.groupby("evaluator", sort=True):
            fake, called = own["truth"] == GENERATED, own["answer"] == GENERATED
            wrong = int((fake != called).sum())
            record = {"question": question, "evaluator": evaluator, "judgments": len(own), "wrong": wrong,
                      "error": wrong / len(own), "p_chance": binomial_against_half(wrong, len(own))}  # fmt: skip
            both, varied = fake.any() and not fake.all(), called.any() and not called.all()
            found = signal_from_counts(int((fake & called).sum()), int(fake.sum()), int((~fake & called).sum()),
                                       int((~fake).sum())) if both and varied else None  # fmt: skip
            record["dprime"] = found.dprime if found else None
            record["criterion"] = found.criterion if found else None
            record["why"] = None
            if not found:
                record["why"] = "judged only real, or only generated, images" if varied else ONE_ANSWER
            records.append(record)
    for record, p in zip(records, adjust([r["p_chance"] for r in records], "bh")):
        record["p_adjusted"] = p
    return records


def scales_section(ratings: Ratings, plan: RatingPlan) -> list[Record]:
    """Mean rating of each scale per set, with the two-way interval (new evaluators and images), and its spread."""
    records = []
    for question, rows in ratings.of_kind(SCALE):
        for name, own in rows.groupby("set", sort=True):
            found = mean_rating(own, plan.confidence)
            low, middle, high = np.percentile(own["value"], [25, 50, 75])
            records.append(
                {
                    "question": question, "set": name or REAL, "shown": own["shown"].iloc[0], "ratings": len(own),
                    "evaluators": int(own["evaluator"].nunique()), "images": int(own["image"].nunique()), **found,
                    "lower_quartile": low, "median": middle, "upper_quartile": high,
                }
            )  # fmt: skip
    return records


def scale_models_section(ratings: Ratings, plan: RatingPlan) -> list[Record]:
    """Ordinal mixed model of each scale: rating ~ set + (1|evaluator) + (1|image); one record per set against the first.

    odds_ratio: of a higher rating. The first set is that of no name (the real images) or else the first by name.
    """
    return [record for question, rows in ratings.of_kind(SCALE) for record in _scale_model(question, rows, plan)]


def _scale_model(question: str, rows: pd.DataFrame, plan: RatingPlan) -> list[Record]:
    names = sorted(rows["set"].unique())
    first, others = names[0] or REAL, names[1:]
    fields = ("odds_ratio", "ci_low", "ci_high", "p", "sd_evaluator", "sd_image", "log_likelihood")
    try:
        fit = _fit_scale(rows, others)
    except (ValueError, NotConverged, np.linalg.LinAlgError) as error:
        why = str(error).rstrip(".")
        return [{"question": question, "set": name or REAL, "against": first, "ratings": len(rows),
                 **dict.fromkeys(fields), "why": why} for name in others or [first]]  # fmt: skip
    z = normal_quantile(0.5 + plan.confidence / 2)
    spread = {"sd_evaluator": float(fit.sd[0]), "sd_image": float(fit.sd[1]), "log_likelihood": fit.log_likelihood}
    if not others:
        empty = {**dict.fromkeys(fields), **spread}
        return [{"question": question, "set": first, "against": first, "ratings": len(rows), **empty,
                 "why": "one set alone has nothing to be compared with"}]  # fmt: skip
    return [
        {
            "question": question, "set": name, "against": first, "ratings": len(rows), "odds_ratio": float(np.exp(b)),
            "ci_low": float(np.exp(b - z * se)), "ci_high": float(np.exp(b + z * se)), "p": normal_two_sided_p(b / se),
            **spread, "why": None,
        }
        for name, b, se in zip(others, fit.beta, fit.se)
    ]  # fmt: skip


def _fit_scale(rows: pd.DataFrame, others: list[str]) -> OrdinalFit:
    level, _ = codes(rows["value"].to_numpy())
    x = np.column_stack([np.zeros((len(rows), 0)), *((rows["set"] == name).to_numpy(float) for name in others)])
    one = np.ones(len(rows))
    effects = tuple(RandomEffect(codes(rows[column])[0], one) for column in ("evaluator", "image"))
    if min(effect.levels for effect in effects) < 2:
        raise ValueError("At least two evaluators and two images are needed.")
    return fit_ordinal(level, x, effects)


def choices_section(ratings: Ratings, plan: RatingPlan) -> list[Record]:
    """Two-alternative forced choice: share of right choices, test against one half, d' = sqrt(2) z(share).

    An answer that names no side counts half, as guessing would earn; `undecided` is their share.
    """
    records = []
    for question, rows in ratings.of_kind(CHOICE):
        shown = rows["shown"].iloc[0]
        for name, own in _by_set(rows):
            if shown == STRIP and name == ALL:
                continue  # morphs and their controls say different things
            right = credit(own)
            test = two_way_mean(right - 0.5, own["evaluator"], own["image"], confidence=plan.confidence)
            share = float(right.mean())
            ci = clustered_proportion(right, own["evaluator"], own["image"], confidence=plan.confidence)
            near = equivalence(test.estimate, test.se, test.df, margin=plan.margin, alpha=plan.alpha) if test.se else None
            corrected = (right.sum() + 0.5) / (len(right) + 1)
            records.append(
                {
                    "question": question, "shown": shown, "set": name, "judgments": len(own), "evaluators": test.readers,
                    "pairs": test.items, "right": share, "se": test.se, "df": test.df, "ci_low": ci.low,
                    "ci_high": ci.high, "undecided": float(own["answer"].isin(UNDECIDED).mean()), "p_chance": test.p, "margin": plan.margin,
                    "p_equivalent_to_chance": near.p_equivalent if near else None,
                    "equivalent_to_chance": near.equivalent if near else None,
                    "dprime": float(np.sqrt(2) * special.ndtri(corrected)), "why": test.why,
                }
            )  # fmt: skip
    return records


def rating_agreement_section(ratings: Ratings, plan: RatingPlan) -> list[Record]:
    """Agreement on each question: ordinal alpha of scales, nominal alpha, Fleiss' kappa and AC1 of the others.

    Within one image there is nothing to agree about beyond chance: two or more have to be rated twice.
    """
    records = []
    for kind in (REALITY, CHOICE, CLASS, SCALE):
        for question, rows in ratings.of_kind(kind):
            find = _ordinal_agreement if kind == SCALE else _nominal_agreement
            if (rows.groupby("image").size() > 1).sum() < 2:
                find = _no_agreement
            records.append({"question": question, "kind": kind, "ratings": len(rows),
                            "images": rows["image"].nunique(), **find(rows, plan)})  # fmt: skip
    return records


def _no_agreement(rows: pd.DataFrame, plan: RatingPlan) -> Record:
    return {"krippendorff_alpha": None, "ci_low": None, "ci_high": None, "why": "fewer than two images were rated twice"}


def _ordinal_agreement(rows: pd.DataFrame, plan: RatingPlan) -> Record:
    """Interval by resampling images, each with all its ratings, 500 times."""
    table = rows.pivot(index="evaluator", columns="image", values="value").to_numpy()
    alpha = krippendorff_alpha(table, level="ordinal")
    record: Record = {"level": "ordinal", "krippendorff_alpha": alpha, "ci_low": None, "ci_high": None}
    if alpha is None:
        return {**record, "why": "every rating is the same, or no image was rated twice"}
    rng = np.random.default_rng(plan.seed)
    drawn = [
        krippendorff_alpha(table[:, rng.integers(0, table.shape[1], table.shape[1])], level="ordinal")
        for _ in range(min(plan.draws, 500))
    ]
    ci = percentiles(np.array([np.nan if v is None else v for v in drawn]), confidence=plan.confidence)
    record["ci_low"], record["ci_high"] = ci or (None, None)
    return {**record, "why": None if ci else "undefined in more than half of the bootstrap draws"}


def _nominal_agreement(rows: pd.DataFrame, plan: RatingPlan) -> Record:
    answer, n_answers = codes(rows["answer"])
    counts = count_ratings(codes(rows["image"])[0], answer, n_answers)
    found = agreement(counts)
    drawn = agreement_intervals(counts, np.random.default_rng(plan.seed), draws=plan.draws, confidence=plan.confidence)
    low, high = drawn["krippendorff_alpha"] or (None, None)
    ac1_low, ac1_high = drawn["gwet_ac1"] or (None, None)
    why = found.why or (None if low is not None else "undefined in more than half of the bootstrap draws")
    return {"level": "nominal", "krippendorff_alpha": found.krippendorff_alpha, "ci_low": low, "ci_high": high,
            "fleiss_kappa": found.fleiss_kappa, "gwet_ac1": found.gwet_ac1, "gwet_ac1_ci_low": ac1_low, "gwet_ac1_ci_high": ac1_high,
            "percent_agreement": found.percent_agreement, "why": why}  # fmt: skip
