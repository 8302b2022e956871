"""Answers to the questions beside the main one, in sentences: order and time, probabilities, teams, item response, robustness.

Each function takes the results and says what one section holds, with its intervals; nothing where the section is empty. What
a section cannot tell is said by `notes_on`, at the end of its page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median, stdev
from typing import Any

from benchmark.core.results import Results
from benchmark.core.wording import interval, named_model, number, of_view, on_view, p_value, percent, plural, readable

Record = dict[str, Any]
PER_ITEMS = 10
HALVES, TREND = "later half minus earlier half", f"change per {PER_ITEMS} items shown"
RIGHT_OR_WRONG = "right against wrong answers"
MAIN_BINNING = "ece_10_equal_mass"
LISTED = 3  # exceptions that a sentence names one by one


def capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def bracketed(record: Record, decimals: int = 1, scale: float = 100) -> str:
    """ "−12.9 to 2.0; p = .14", for brackets."""
    return f"{interval(record['ci_low'], record['ci_high'], decimals, scale)}; {p_value(record['p'])}"


def order_sentences(results: Results) -> Iterator[str]:
    """Practice or fatigue within a block, a sentence per group and view: its halves, and the trend over it."""
    trends = {(r["group"], r["view"]): r for r in results.records("order", contrast=TREND)}
    for r in results.records("order", contrast=HALVES):
        start = f"In the later half of a block{' of ' + of_view(r['view']) if r['view'] else ''}, {plural(r['group'])}"
        if r["difference"] is None or r["p"] is None:
            yield f"{start} against the earlier half: not estimable ({r['why']})."
            continue
        points = number_of_points(r["difference"])
        change = f"{number(abs(points), 1)} points {'less' if points < 0 else 'more'} accurate than in the earlier half"
        told = f"{start} were {change} ({bracketed(r)})"
        trend = trends.get((r["group"], r["view"]))
        if trend and trend["p"] is not None:
            told += f"; per {PER_ITEMS} images shown, accuracy changed by {number(100 * trend['difference'], 1)} points ({bracketed(trend)})"
        yield f"{told}."


def carry_over_sentences(results: Results) -> Iterator[str]:
    """What became of answers from the first view to the second, and whether view and order can be told apart."""
    records = results.records("carry_over")
    for r in records:
        first, second = readable(r["first_view"]), readable(r["second_view"])
        p = f" ({p_value(r['p_change_over_readers'])} over readers, these images)" if r["p_change_over_readers"] is not None else ""
        yield (
            f"Of {r['pairs']} pairs of answers that {plural(r['group'])} gave to the same item in both views, {r['wrong_then_right']} were wrong in"
            f" {first} and right in {second}, {r['right_then_wrong']} the other way round{p}."
        )
        if not r["confounded"]:
            view = _effect(r, "view_effect", f"in {second} than in {first}")
            period = _effect(r, "period_effect", "in the later view than in the earlier")
            yield f"{capital(plural(r['group']))}, both orders together: right answers were {view}, {period}, for these images and new readers."
    yield from dict.fromkeys(r["statement"] for r in records if r["confounded"])


def _effect(record: Record, name: str, where: str) -> str:
    """ "7.8 points more frequent in wide than in close (−2.6 to 18.2; p = .14)", of an effect of the crossover."""
    value = number_of_points(record[name])
    bounds = bracketed({key: record[f"{name}_{key}"] for key in ("ci_low", "ci_high", "p")})
    return f"{number(abs(value), 1)} points {'less' if value < 0 else 'more'} frequent {where} ({bounds})"


def time_sentences(results: Results) -> Iterator[str]:
    """How long answers took, and whether right ones took longer than wrong ones, a sentence per group."""
    records = results.records("times")
    for group in dict.fromkeys(r["group"] for r in records):
        spans = [
            f"{_seconds(r['median_s'])} s{' for ' + of_view(r['view']) if r['view'] else ''} (middle half of the answers"
            f" {_seconds(r['lower_quartile_s'])} to {_seconds(r['upper_quartile_s'])} s)"
            for r in records if r["group"] == group
        ]  # fmt: skip
        told = f"{capital(plural(group))} took a median of {' and '.join(spans)}"
        for r in results.records("time_model", group=group, term=RIGHT_OR_WRONG):
            if r["p"] is not None:
                told += f"; right answers took {number(r['ratio'])} times as long as wrong ones ({bracketed(r, 2, 1)})"
        yield f"{told}."


def _seconds(value: float) -> str:
    return number(value, 1 if value >= 2 else 2)


def calibration_sentences(results: Results) -> Iterator[str]:
    """Whether a network's probabilities can be taken at their word, and what it is worth to ask only the surest."""
    bins = results.records("reliability", binning=MAIN_BINNING)
    for r in results.records("calibration"):
        own = [b for b in bins if b["model"] == r["model"] and b["view"] == r["view"]]
        count = sum(b["count"] for b in own)
        stated, right = (sum(b["count"] * b[name] for b in own) / count for name in ("confidence", "accuracy"))
        gap = abs(number_of_points(stated - right))
        lean = "neither too low nor too high" if gap == 0 else f"{number(gap, 1)} points too {'high' if stated > right else 'low'}"
        error, often = r[MAIN_BINNING], r[f"{MAIN_BINNING}_perfect_p95"]
        verdict = (
            "more than chance explains" if error > often
            else "no more than perfect ones may show, which does not make them perfect"
        )  # fmt: skip
        bounds = interval(r["accuracy_at_80_ci_low"], r["accuracy_at_80_ci_high"])
        yield (
            f"{capital(named_model(r['model']))}{on_view(r['view'])} gave its answers probabilities of {percent(stated)} on average and was right in"
            f" {percent(right)}, so that they were {lean}; the calibration error is {number(error, 3)}, where perfect probabilities show"
            f" {number(r[f'{MAIN_BINNING}_perfect_mean'], 3)} on average and more than {number(often, 3)} in one of twenty samples like this one:"
            f" {verdict}. Among the 80 % of images of which it was surest it was right in {percent(r['accuracy_at_80'])} ({bounds})."
        )


def number_of_points(share: float) -> float:
    """A difference of shares in points as it is printed, one decimal."""
    return round(100 * share, 1) + 0.0


def reader_calibration_sentences(results: Results) -> Iterator[str]:
    """Whether readers know when they are right."""
    for r in results.records("reader_calibration"):
        who = capital(f"{plural(r['group'])}{on_view(r['view'])}")
        told = []
        if r["overconfidence"] is not None:
            lean = "more" if number_of_points(r["overconfidence"]) >= 0 else "less"
            bounds = interval(r["overconfidence_ci_low"], r["overconfidence_ci_high"])
            told.append(
                f"were {number(abs(number_of_points(r['overconfidence'])), 1)} points {lean} sure than they were right (more minus less: {bounds})"
            )
        if r["auc_right_over_wrong"] is not None:
            pairs = percent(r["auc_right_over_wrong"])
            told.append(f"gave a right answer more confidence than a wrong one in {pairs} of such pairs, 50 % being chance")
        if told:
            yield f"{who} {' and '.join(told)}."


def team_sentences(results: Results) -> Iterator[str]:
    """Three readers who vote, and one reader with the network by Bayes' rule: rules named here, not the best ones found."""
    for group, view in dict.fromkeys((r["group"], r["view"]) for r in results.records("teams")):
        for r in results.records("teams", group=group, view=view, team="vote of 3"):
            yield (
                f"{capital(on_view(view).strip())}{', ' if view else ''}three {plural(group)} who vote are right {percent(r['accuracy'])} of the time"
                f" ({interval(r['ci_low'], r['ci_high'])}), {_gain(r)} one of them alone{_gain_bounds(r)}."
            )
        for r in results.records("teams", group=group, view=view, team="reader and network by Bayes' rule"):
            name = named_model(r["model"])
            told = (
                f"one of the {plural(group)} together with {name} is right {percent(r['accuracy'])} of the time"
                f" ({interval(r['ci_low'], r['ci_high'])}), {_gain(r)} the better of the two alone{_gain_bounds(r)}"
            )
            yield f"{capital(on_view(view).strip())}{', ' if view else ''}{told if view else capital(told)}."


def _gain(record: Record) -> str:
    gain = number_of_points(record["gain_over_best_alone"])
    return f"{number(abs(gain), 1)} points {'less' if gain < 0 else 'more'} often than"


def _gain_bounds(record: Record) -> str:
    return f" (gain: {interval(record['gain_ci_low'], record['gain_ci_high'])})" if record["gain_ci_low"] is not None else ""


def item_response_sentences(results: Results) -> Iterator[str]:
    """How far images differ in difficulty and readers in ability, and where the networks stand, two sentences per view."""
    for view in dict.fromkeys(r["view"] for r in results.records("rasch_items")):
        records = results.records("rasch_items", view=view)
        items = [r for r in records if r["difficulty"] is not None]
        where = f"{capital(on_view(view).strip())}, " if view else ""
        if not items:
            yield capital(f"{where}no scale can be given: {records[0]['why']}.")
            continue
        yield capital(where + _difficulties(items))
        people = [r for r in results.records("rasch_readers", view=view, kind="human") if r["ability"] is not None]
        networks = [r for r in results.records("rasch_readers", view=view, kind="model") if r["ability"] is not None]
        places = [
            f"{named_model(r['reader'])} stands at {number(r['ability'])} (standard error {number(r['ability_se'])}){_place(r)}" for r in networks
        ]
        yield capital(where + "; ".join([_abilities(people), *places]) + ".")


def _difficulties(items: list[Record]) -> str:
    if items[0]["difficulty_se"] is None:
        return f"images cannot be told apart by difficulty: {items[0]['why']}."
    from scipy.special import expit

    hard = [r["difficulty"] for r in items]
    spread, error = stdev(hard), median(r["difficulty_se"] for r in items)
    easiest, hardest = (percent(float(expit(-value)), 0) for value in (min(hard), max(hard)))
    unknown = ": most images' places in their order are not known" if error > spread / 2 else ""
    return (
        f"the average reader names the easiest image correctly with a chance of about {easiest} and the hardest with {hardest}; estimated"
        f" difficulties have a standard deviation of {number(spread)} logits and a median standard error of {number(error)}{unknown}."
    )


def _abilities(people: list[Record]) -> str:
    if people[0]["ability_se"] is None:
        return f"the {len(people)} readers cannot be told apart by ability ({people[0]['why']})"
    able = [r["ability"] for r in people]
    return (
        f"the {len(able)} readers' estimated abilities run from {number(min(able))} to {number(max(able))} logits around an average of 0, with a"
        f" median standard error of {number(median(r['ability_se'] for r in people))}"
    )


def _place(record: Record) -> str:
    """ ", above 97.3 % of such readers as the model sees them"; shares beyond 99.9 % are not told apart."""
    share = record["percentile"]
    if share is None:
        return ""
    side = max(share, 100 - share)
    return f", {'above' if share >= 50 else 'below'} {'more than 99.9' if side > 99.9 else number(side, 1)} % of such readers as the model sees them"


def deviation_sentences(results: Results) -> Iterator[str]:
    found = results.records("deviations")
    if not results["plan"]["declared"]:
        yield "No plan was declared, so that every analysis is exploratory and none is a departure."
    elif not found:
        yield "No deviation from the plan was found."
    else:
        yield f"The analysis departs from its plan in {len(found)} {'way' if len(found) == 1 else 'ways'}, listed below."


def sensitivity_sentences(results: Results) -> Iterator[str]:
    """In how many other analyses the verdict stands, which ones change it, and by how much differences move."""
    records = [r for r in results.records("sensitivity") if r["same_verdict"] is not None]
    if not records:
        return
    others = [r for r in records if not r["same_verdict"]]
    named = [
        f"{r['analysis']}, {r['estimand']}, {named_model(r['model'])} against {plural(r['group'])}{on_view(r['view'])}" for r in others[:LISTED]
    ]
    but = f"; not in {'; '.join(named)}{f'; and {len(others) - LISTED} more' if len(others) > LISTED else ''}" if others else ""
    moved = max(abs(r["difference"] - r["difference_main"]) for r in records)
    yield (
        f"In {len(records) - len(others)} of {len(records)} sensitivity analyses the verdict at the {results['plan']['alpha']:g} level is that of the"
        f" main analysis{but}. No difference moves by more than {number(100 * moved, 1)} points."
    )


def method_sentences(results: Results) -> Iterator[str]:
    """Other methods for new images, and the logistic mixed model, beside the main analysis."""
    alpha = results["plan"]["alpha"]
    main = {_key(r): r for r in results["new_images"] if r["p"] is not None}
    others = [
        r for r in results.records("new_images_methods")
        if _key(r) in main and r["se"] and not r["method"].endswith("(primary)")
    ]  # fmt: skip
    tests = [r for r in others if r["p"] is not None]
    if tests:
        ratios = [r["se"] / main[_key(r)]["se"] for r in others]
        same = sum((r["p"] < alpha) == (main[_key(r)]["p"] < alpha) for r in tests)
        yield (
            f"For new images, {same} of {len(tests)} tests by other methods have the verdict of the main one; their standard errors are"
            f" {number(min(ratios))} to {number(max(ratios))} times as large."
        )
    fitted = results.records("mixed_models")
    models = [r for r in fitted if r["p"] is not None and _key(r) in main]
    if models:
        same = sum((r["p"] < alpha) == (main[_key(r)]["p"] < alpha) for r in models)
        moved = max(abs(r["difference"] - main[_key(r)]["difference"]) for r in models)
        left_out = f" ({len(fitted) - len(models)} more could not be fitted or compared)" if len(fitted) > len(models) else ""
        yield (
            f"The logistic mixed model has the verdict of the main analysis in {same} of {len(models)} comparisons{left_out};"
            f" its differences, averages over new images and readers, lie within {number(100 * moved, 1)} points of the observed ones."
        )


def _key(record: Record) -> tuple:
    return record["model"], record["group"], record["view"]


SAID: dict[str, Callable[[Results], Iterator[str]]] = {
    "order": order_sentences, "carry_over": carry_over_sentences, "times": time_sentences, "calibration": calibration_sentences,
    "reader_calibration": reader_calibration_sentences, "teams": team_sentences, "rasch_items": item_response_sentences,
    "sensitivity": sensitivity_sentences, "new_images_methods": method_sentences,
}  # fmt: skip
SECTIONS_OF = {
    "order": ("order", "carry_over", "times"), "probabilities": ("calibration", "reader_calibration"), "teams": ("teams",),
    "item-response": ("rasch_items",), "robustness": ("sensitivity", "new_images_methods"),
}  # fmt: skip


def said_on(results: Results, topic: str) -> list[str]:
    """What the sections of a page of results say, in sentences."""
    found = [sentence for section in SECTIONS_OF[topic] for sentence in SAID[section](results)]
    return [*deviation_sentences(results), *found] if topic == "robustness" else found
