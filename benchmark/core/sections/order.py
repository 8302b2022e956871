"""Sections on order: practice within a block, carry-over between views."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from benchmark.core.errors import NotConverged
from benchmark.core.inputs.scoring import ReaderSet, Scored
from benchmark.core.methods.distributions import t_quantile, t_two_sided_p
from benchmark.core.methods.glmm import RandomEffect, fit_glmm
from benchmark.core.methods.lmm import fit_lmm
from benchmark.core.methods.logistic import clustered_terms, fit_logistic
from benchmark.core.methods.matched_pairs import clustered_mcnemar, durkalski
from benchmark.core.methods.twoway import codes, two_way_mean
from benchmark.core.plans.plan import Plan
from benchmark.core.sections.contrasts import both_views
from benchmark.core.sections.new_image_methods import affordable

Record = dict[str, Any]
TESTED = ("difference", "se", "df", "p", "ci_low", "ci_high")
PER_ITEMS = 10


def order_section(scored: Scored, plan: Plan) -> list[Record]:
    """Later minus earlier half of each block, and the change of accuracy per ten items shown (practice or fatigue)."""
    records = []
    for found in scored.sets("human"):
        rows = found.rows[found.rows["position"].notna()]
        if not rows.empty:
            records += [_halves(found, rows, plan), _trend(found, rows, plan)]
    return records


def _halves(found: ReaderSet, rows: pd.DataFrame, plan: Plan) -> Record:
    sitting = rows.groupby(["reader", "survey"])["position"]
    late = rows["position"] > sitting.transform("median")
    # Each half's deviation from the reader's own mean, so that a difference of halves is a mean over readings.
    size = late.groupby([rows["reader"], rows["survey"], late]).transform("size")
    both = late.groupby([rows["reader"], rows["survey"]]).transform("nunique") == 2
    used, n_sittings = rows[both], rows[both].groupby(["reader", "survey"]).ngroups
    values = np.where(late, 1.0, -1.0)[both] * used["correct"] / size[both] * (len(used) / max(n_sittings, 1))
    test = two_way_mean(values.to_numpy(), used["reader"], used["item"], used["truth"], confidence=plan.confidence)
    fields = {"difference": test.estimate, **{name: getattr(test, name) for name in TESTED[1:]}}
    return {**found.keys, "contrast": "later half minus earlier half", "readings": len(used), **fields, "why": test.why}


def _trend(found: ReaderSet, rows: pd.DataFrame, plan: Plan) -> Record:
    """Linear mixed model of right answers on the place within the block, readers and items random."""
    place = rows["position"] - rows.groupby(["reader", "survey"])["position"].transform("mean")
    terms = {"position": place.to_numpy(dtype=float) / PER_ITEMS}
    (record,) = mixed_terms(rows, rows["correct"].to_numpy(dtype=float), terms, plan)
    record.pop("term")
    return {**found.keys, "contrast": f"change per {PER_ITEMS} items shown", "readings": len(rows), **record}


def mixed_terms(rows: pd.DataFrame, y: np.ndarray, terms: dict[str, np.ndarray], plan: Plan) -> list[Record]:
    """Fixed effects of a linear mixed model with crossed readers and items, one record per term."""
    empty = [{"term": name, **dict.fromkeys(TESTED)} for name in terms]
    why = affordable(plan, rows["reader"].nunique(), rows["item"].nunique())
    if why is None:
        x = np.column_stack([np.ones(len(rows)), *terms.values()])
        try:
            fit = fit_lmm(y, x, rows["reader"].to_numpy(), rows["item"].to_numpy())
            found = [fit.contrast(row, confidence=plan.confidence) for row in np.eye(x.shape[1])[1:]]
        except (ValueError, NotConverged) as error:
            why = str(error).rstrip(".")
        else:
            return [
                {"term": name, "difference": t.estimate, **{key: getattr(t, key) for key in TESTED[1:]}, "why": None}
                for name, t in zip(terms, found)
            ]
    return [{**record, "why": why} for record in empty]


CONFOUNDED = (
    "Every reader saw {first} before {second}: the effect of the image type, practice, and the second look at an item"
    " cannot be told apart; only a design that varies the order can separate them."
)
VARIED = (
    "Some readers saw {first} first and others {second}: the effect of the image type is separated from the period."
)
UNKNOWN = "The blocks carry no numbers, so the order of {first} and {second} is not known."


def carry_over_section(scored: Scored, plan: Plan) -> list[Record]:
    """From the first view to the second: what changes, and whether the design can tell view, practice and carry-over.

    Where both orders occur, the view's effect, the period's and the carry-over are those of a two-period crossover,
    from the readers' means (these images, new readers).
    """
    records = []
    views = scored.readings.views
    for group in scored.readings.human_groups:
        for position, first in enumerate(views):
            for second in views[position + 1 :]:
                pair = both_views(scored, group, first, second)
                if len(pair):
                    records.append(_carry_over(pair, group, first, second, plan.confidence))
    return records


def _carry_over(pair: pd.DataFrame, group: str, first: str, second: str, confidence: float) -> Record:
    one, two = pair["correct_1"].astype(bool), pair["correct_2"].astype(bool)
    gained, lost = (~one & two), (one & ~two)
    clusters, alike = {}, {}
    for kind in ("reader", "item"):
        by = pd.DataFrame({"gained": gained, "lost": lost, "n": 1}).groupby(pair[kind]).sum()
        clusters[kind] = clustered_mcnemar(by["gained"], by["lost"])
        alike[kind] = durkalski(by["gained"], by["lost"], by["n"])
    record = {
        "group": group, "first_view": first, "second_view": second, "pairs": len(pair),
        "readers": int(pair["reader"].nunique()),
        "same_answer": float((pair["answer_1"] == pair["answer_2"]).mean()),
        "wrong_then_right": int(gained.sum()), "right_then_wrong": int(lost.sum()),
        "right_after_right": float(two[one].mean()) if one.any() else None,
        "right_after_wrong": float(two[~one].mean()) if (~one).any() else None,
        "p_change_over_readers": clusters["reader"][1] if clusters["reader"] else None,
        "p_change_over_items": clusters["item"][1] if clusters["item"] else None,
        "p_change_readers_alike": alike["reader"][1] if alike["reader"] else None,
        "p_change_items_alike": alike["item"][1] if alike["item"] else None,
    }  # fmt: skip
    blocks = [pd.to_numeric(pair[f"block_{k}"], errors="coerce") for k in (1, 2)]
    known = blocks[0].notna() & blocks[1].notna()
    first_led = (blocks[0] < blocks[1]).groupby(pair["reader"]).first()
    orders = {"readers_first_view_first": None, "readers_second_view_first": None}
    if known.all():
        orders = {
            "readers_first_view_first": int(first_led.sum()),
            "readers_second_view_first": int((~first_led).sum()),
        }
    separable = known.all() and min(orders.values()) >= 2
    statement = (VARIED if separable else CONFOUNDED if known.all() and not min(orders.values()) else UNKNOWN).format(
        first=first, second=second
    )
    if known.all() and not separable and min(orders.values()):
        statement = "A single reader had the other order, which is not enough to separate image type and period."
    record.update(orders)
    record.update({"confounded": not separable, "statement": statement})
    record.update(_crossover(pair, first_led, confidence) if separable else _no_crossover())
    whys = [statement if not separable else None]
    if None in (*clusters.values(), *alike.values()):
        whys.append("no answer changed between right and wrong, or changes cancel in every reader or item")
    if record["right_after_right"] is None or record["right_after_wrong"] is None:
        whys.append("all first answers were right, or all were wrong")
    record["why"] = " ".join(why for why in whys if why) or None
    return record


EFFECTS = ("view_effect", "period_effect", "carry_over")


def _no_crossover() -> Record:
    return {f"{name}{field}": None for name in EFFECTS for field in ("", "_se", "_p", "_ci_low", "_ci_high")}


def _crossover(pair: pd.DataFrame, first_led: pd.Series, confidence: float) -> Record:
    """Two-period crossover on readers' mean accuracies: Senn (2002), Cross-over Trials in Clinical Research."""
    means = pair.groupby("reader")[["correct_1", "correct_2"]].mean()
    gain, total = means["correct_2"] - means["correct_1"], means["correct_2"] + means["correct_1"]
    led = first_led.reindex(means.index).to_numpy(dtype=bool)
    record = {}
    for name, values, signs in zip(EFFECTS, (gain, gain, total), ((0.5, 0.5), (0.5, -0.5), (1.0, -1.0))):
        sides = [values[led].to_numpy(dtype=float), values[~led].to_numpy(dtype=float)]
        estimate = sum(sign * side.mean() for sign, side in zip(signs, sides))
        parts = [sign**2 * side.var(ddof=1) / len(side) for sign, side in zip(signs, sides)]
        record[name] = float(estimate)
        if sum(parts) <= 1e-24:
            record.update({f"{name}{field}": None for field in ("_se", "_p", "_ci_low", "_ci_high")})
            continue
        se = float(np.sqrt(sum(parts)))
        df = sum(parts) ** 2 / sum(part**2 / (len(side) - 1) for part, side in zip(parts, sides))
        half = t_quantile(0.5 + confidence / 2, df) * se
        record.update(
            {f"{name}_se": se, f"{name}_p": t_two_sided_p(estimate / se, df), f"{name}_ci_low": estimate - half,
             f"{name}_ci_high": estimate + half}
        )  # fmt: skip
    return record


def order_model_section(scored: Scored, plan: Plan) -> list[Record]:
    """Right answers ~ view x period + place in the block + class + (1|item) + (1|reader), logistic, where both orders occur.

    View and period are coded -1/2 and 1/2, so that each is an average over the other. Twice their product is 1/2 where the
    first view came first and -1/2 where it came second: in two periods it is what one order does beside the other, the
    carry-over (Senn 2002). One record per term with its log odds ratio and t-test; beside it, as `average_log_odds_ratio`, that
    of a model without random effects, which is nearer to zero, with the two-way variance of new readers and new items.
    """
    records = []
    for carry in carry_over_section(scored, plan):
        if not carry["confounded"]:
            records += _order_terms(scored, carry["group"], carry["first_view"], carry["second_view"], plan)
    return records


LOG_ODDS = ("log_odds_ratio", "se", "df", "p", "ci_low", "ci_high")
AVERAGE = "average_log_odds_ratio"
PLAIN = ("se", "df", "p", "ci_low", "ci_high")
ORDER_TERMS = ("{second} against {first}", "second period against first", "carry-over: {first} first against {second} first")


def _order_terms(scored: Scored, group: str, first: str, second: str, plan: Plan) -> list[Record]:
    pair = both_views(scored, group, first, second)
    led = (pd.to_numeric(pair["block_1"]) < pd.to_numeric(pair["block_2"])).groupby(pair["reader"]).first()
    rows = pd.concat([scored.find("human", group, view).rows for view in (first, second)])
    rows = rows[(rows["answer"] != "") & rows["reader"].isin(led.index)]
    later = (rows["view"] == second).to_numpy()
    view = np.where(later, 0.5, -0.5)
    period = np.where(later == rows["reader"].map(led).to_numpy(dtype=bool), 0.5, -0.5)
    names = [term.format(first=first, second=second) for term in ORDER_TERMS]
    columns = [view, period, 2 * view * period]
    if rows["position"].notna().all() and rows["position"].nunique() > 1:
        place = rows["position"] - rows.groupby(["reader", "view"])["position"].transform("mean")
        names.append(f"{PER_ITEMS} items later in the block")
        columns.append(place.to_numpy(dtype=float) / PER_ITEMS)
    keys = {"group": group, "first_view": first, "second_view": second, "readings": len(rows), "readers": int(rows["reader"].nunique())}
    truth, n_classes = codes(rows["truth"])
    x = np.column_stack([*columns, (truth[:, None] == np.arange(n_classes)).astype(float)])
    mixed, why = _mixed_terms(rows, x, names, plan)
    plain, plain_why = _plain_terms(rows, x, names, plan)
    whys = "; ".join(told for told in (why, plain_why) if told) or None
    return [{**keys, "term": name, **one, **two, "why": whys} for name, one, two in zip(names, mixed, plain)]


def _mixed_terms(rows: pd.DataFrame, x: np.ndarray, names: list[str], plan: Plan) -> tuple[list[Record], str | None]:
    """t-tests of the first terms of x in a logistic model with random readers and items, or why there are none.

    Each is given the degrees of freedom of a comparison of the readers of either order, the fewest that any has: by the normal
    distribution eight readers show a carry-over that is not there in one study of eight (tests/performance/order_model_level.py).
    """
    why, y = affordable(plan, rows["reader"].nunique(), rows["item"].nunique()), rows["correct"].to_numpy(dtype=float)
    if why is None:
        effects = tuple(RandomEffect(codes(rows[kind])[0], np.ones(len(y))) for kind in ("item", "reader"))
        try:
            fit = fit_glmm(y, x, effects)
        except (NotConverged, np.linalg.LinAlgError):
            why = "the logistic mixed model did not converge, as when a class is always right"
    if why is not None:
        return [dict.fromkeys(LOG_ODDS) for _ in names], why
    df = rows["reader"].nunique() - 2
    reach = t_quantile(0.5 + plan.confidence / 2, df)
    return [
        dict(zip(LOG_ODDS, (float(b), float(se), float(df), t_two_sided_p(b / se, df), float(b - reach * se), float(b + reach * se))))
        for _, b, se in zip(names, fit.beta, fit.se)
    ], None


def _plain_terms(rows: pd.DataFrame, x: np.ndarray, names: list[str], plan: Plan) -> tuple[list[Record], str | None]:
    """The same terms without random effects, as log odds ratios of all readers and items together, with two-way variance."""
    try:
        fit = fit_logistic(rows["correct"].to_numpy(dtype=float), x)
    except (NotConverged, np.linalg.LinAlgError):
        none = dict.fromkeys((AVERAGE, *(f"{AVERAGE}_{name}" for name in PLAIN)))
        return [none for _ in names], "the average log odds ratios have no estimate, as when a class is always right"
    # Readers of either order have a mean of their own.
    found = clustered_terms(
        fit, len(names), rows["reader"], rows["item"], rows["truth"], readers_lost=2, confidence=plan.confidence
    )
    whys = next((test.why for test in found if test.why), None)
    return [{AVERAGE: t.estimate, **{f"{AVERAGE}_{name}": getattr(t, name) for name in PLAIN}} for t in found], whys
