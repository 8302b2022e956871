"""How a primary number comes about: whoever calculates along from the printed numbers arrives at the printed result."""

import itertools
import re

import pandas as pd
import pytest
from scipy import stats

from benchmark.core import Readings, analyse
from benchmark.core.plans.plan import Contrast, Plan
from benchmark.core.report.comparisons import comparisons
from benchmark.core.report.workings import comparison_workings, figures, gain_workings

from .assisted_study import assisted_study
from .conftest import founding_like

QUICK = {"bootstrap_draws": 100, "mixed_models": "never"}
PRINTED = re.compile(r"−?\d+(?:\.\d+)?(?:\u00a0×\u00a010[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?")
POWER = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-")


def printed(text: str) -> list[tuple[float, float]]:
    """Lowest and highest value that each printed number can stand for."""
    found = []
    for told in PRINTED.findall(text):
        mantissa, _, power = told.translate(POWER).partition("\u00a0×\u00a010")
        decimals = len(mantissa.partition(".")[2])
        half = 0.5 * 10.0**-decimals if decimals or power else 0.0
        scale = 10.0 ** int(power or 0)
        found.append(((float(mantissa) - half) * scale, (float(mantissa) + half) * scale))
    return found


def follows(result: tuple[float, float], rule, *given: tuple[float, float]) -> bool:
    """Whether the printed result can come from the printed inputs by the rule, which is monotone in each of them."""
    values = [rule(*corner) for corner in itertools.product(*given)]
    return min(values) <= result[1] * (1 + 1e-12) + 1e-15 and max(values) >= result[0] * (1 - 1e-12) - 1e-15


def recompute(steps, level: float) -> set[str]:
    """Check every formula from its own printed numbers; the names of those that were there."""
    done, df = set(), None
    for step in steps:
        name, _, rest = step.formula.partition(" = ")
        if name == "SE" and rest.startswith("s"):
            sd, n, se = printed(rest)
            assert follows(se, lambda s, n: s / n**0.5, sd, n), step.formula
        elif name == "df" and rest.startswith("n"):
            n, one, df = printed(rest.partition("= ")[2])
            assert df == (n[0] - one[0], n[1] - one[1]), step.formula
        elif name == "V" and rest.startswith("V(readers) + "):
            reader, item, both, v = printed(rest.partition("= ")[2])
            assert follows(v, lambda a, b, c: a + b - c, reader, item, both), step.formula
        elif name == "V":
            reader, item, both, total = printed(step.words.partition("= ")[2].partition(" is below")[0])
            assert follows(total, lambda a, b, c: a + b - c, reader, item, both), step.words
            (v,) = printed(rest)
            assert v == max(reader, item), step.formula
            assert total[1] <= v[1], step.words
        elif name == "SE":
            v, se = printed(rest)
            assert follows(se, lambda v: v**0.5, v), step.formula
        elif name == "df" and rest.startswith("V²"):
            v, reader, of_readers, item, of_items, df = printed(re.sub(r"\)²", ")", rest.split(" = ", 1)[1]))
            assert follows(df, lambda v, a, m, b, k: v**2 / (a**2 / m + b**2 / k), v, reader, of_readers, item, of_items), step.formula
        elif name == "df":
            (df,) = printed(rest)
        elif name == "t":
            difference, se, t = printed(rest)
            assert follows(t, lambda d, s: d / s, difference, se), step.formula
        elif name == "p" and rest.startswith("2 · P"):
            _, t, p = printed(rest)
            assert follows(p, lambda t, df: 2 * stats.t.sf(t, df), t, df), step.formula
        elif name.startswith("D ±"):
            difference, quantile, se, low, high = printed(rest.replace(" to ", " ; "))
            assert follows(quantile, lambda df: stats.t.ppf(0.5 + level / 2, df), df), step.formula
            assert follows(low, lambda d, q, s: max(-1, d - q * s), difference, quantile, se), step.formula
            assert follows(high, lambda d, q, s: min(1, d + q * s), difference, quantile, se), step.formula
        elif name == "p" and "Holm" in step.words:
            times, p, product, *kept = printed(rest)
            assert follows(product, lambda k, p: k * p, times, p), step.formula
            contrasts, before, *_ = printed(step.words)
            assert times[0] == contrasts[0] - before[0]
            assert not kept or kept[-1][1] >= min(1.0, product[0])
        else:
            continue
        done.add(f"{name} {rest[0]}" if name in ("SE", "V", "df", "p") else name)
    return done


@pytest.fixture(scope="module")
def planned():
    primary = [Contrast("classifier", group, view) for group in ("medical-geneticist", "pediatrician") for view in ("focused", "panoramic")]
    plan = Plan(primary=tuple(primary), declared=True, **QUICK)
    return analyse(Readings.from_frame(founding_like(blank=0.02)), plan=plan)


def test_the_founding_studys_numbers_follow_from_one_another(planned):
    for these, new in zip(planned["paired"], planned["new_images"]):
        first, second = comparison_workings(planned, these, new)
        assert recompute(first.steps, 0.95) == {"SE s", "df n", "t", "p 2", "D ± q · SE", "p " + first.steps[-1].formula[4]}
        assert recompute(second.steps, 0.95) >= {"V V", "SE √", "df V", "t", "p 2", "D ± q · SE"}


def test_the_numbers_are_those_of_the_results(planned):
    for these, new in zip(planned["paired"], planned["new_images"]):
        first, second = (" ".join(f"{step.words} {step.formula}" for step in w.steps) for w in comparison_workings(planned, these, new))
        for name in ("mean_difference", "sd", "se", "t", "p", "ci_low", "ci_high"):
            assert figures(these[name]) in first, name
        for name in ("difference", "se", "df", "t", "p", "ci_low", "ci_high", "var_reader", "var_item", "var_both"):
            assert figures(new[name]) in second, name
        assert figures(these["p_adjusted"]) in first
        assert figures(new["p_adjusted"]) in second
        assert f"n = {these['n']} of them" in first
        assert "K = 7 classes" in second


def test_a_wrong_digit_is_noticed(planned):
    """The recomputation itself: a printed t whose third digit is another one does not pass."""
    steps = comparison_workings(planned, planned["paired"][0], planned["new_images"][0])[0].steps
    changed = [
        step.__class__(step.words, re.sub(r"(?<=\.)\d(?=\d*$)", lambda m: str((int(m[0]) + 5) % 10), step.formula)) for step in steps
    ]
    for old, new in zip(steps, changed):
        if old.formula.startswith(("SE", "t", "D ±")):
            with pytest.raises(AssertionError):
                recompute([steps[2], new], 0.95)


def test_every_kind_of_study_can_be_followed():
    """Readers as units, no views, few classes, a variance at its floor, an interval cut at 1, planned gains."""
    tiny = [("r1", "g", "i1", "A", "A"), ("r1", "g", "i2", "B", ""), ("r1", "g", "i3", "B", "A"), ("r2", "g", "i1", "A", "A"),
            ("r2", "g", "i2", "B", "C"), *(("n", "n", f"i{i}", t, t) for i, t in enumerate("ABB", 1))]  # fmt: skip
    frame = pd.DataFrame(tiny, columns=["reader", "group", "item", "truth", "answer"])
    frame["kind"] = frame["group"].map({"g": "human", "n": "model"})
    contrasts = (Contrast("classifier", "pediatrician", assisted=True), Contrast("classifier", "pediatrician", assisted=True, control=True))
    assisted = assisted_study(3, readers=5, items=24, control=0.25)
    words = []
    for table, plan in (
        (frame, Plan(**QUICK)), (assisted, Plan(primary=contrasts, confidence=0.9, multiplicity="hochberg", declared=True, **QUICK)),
    ):  # fmt: skip
        results = analyse(Readings.from_frame(table), plan=plan)
        found = [comparison_workings(results, *pair) for pair in zip(results["paired"], results["new_images"])]
        found += [gain_workings(results, r) for name in ("assistance", "assistance_difference") for r in results.records(name)]
        for working in itertools.chain(*found):
            assert {"t", "p 2", "D ± q · SE"} <= recompute(working.steps, plan.confidence)
            words += [f"{step.words} {step.formula}" for step in working.steps]
        assert sum(map(len, found)) == (2 if table is frame else 8)
    text = " ".join(words)
    for said in ("K = 1 class:", "it is cut there", "is below V(images)", "1 degree of freedom", "method of Hochberg", "its arm and class"):
        assert said in text


def test_what_is_exploratory_or_not_estimable_has_no_chain():
    plan = Plan(primary=(Contrast("classifier", "pediatrician", "focused"),), declared=True, **QUICK)
    results = analyse(Readings.from_frame(founding_like(sets=1)), plan=plan)
    lengths = [len(comparison_workings(results, *pair)) for pair in zip(results["paired"], results["new_images"])]
    assert sorted(lengths) == [0, 0, 0, 2]
    alike = pd.DataFrame(
        [(f"r{r}", "g", f"i{i}", "AB"[i % 2], "A", "human") for r in range(3) for i in range(4)]
        + [("n", "n", f"i{i}", "AB"[i % 2], "AB"[i % 2], "model") for i in range(4)],
        columns=["reader", "group", "item", "truth", "answer", "kind"],
    )
    results = analyse(Readings.from_frame(alike), plan=Plan(**QUICK))
    first, second = comparison_workings(results, results["paired"][0], results["new_images"][0])
    assert [step.words for step in first.steps] == [f"Not estimable: {results['paired'][0]['why']}."]
    assert [step.words for step in second.steps] == [f"Not estimable: {results['new_images'][0]['why']}."]


def test_the_report_unfolds_them(planned):
    html = "\n".join(comparisons(planned, {}))
    assert html.count("<summary>How this number comes about</summary>") == 4
    steps = comparison_workings(planned, planned["paired"][0], planned["new_images"][0])[1].steps
    assert f'<span class="formula">{steps[1].formula}</span>' in html
