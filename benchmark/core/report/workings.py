"""How a primary number comes about: the formula of each step with this study's numbers in it, for those who calculate along.

Every number is one of results.json, rounded to five digits for print; nothing is estimated here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import floor, log10, sqrt
from typing import Any

from benchmark.core.methods.distributions import t_quantile
from benchmark.core.results import Results
from benchmark.core.wording import MINUS, SUPERSCRIPT, these_images

from . import html

DIGITS = 5
SMALLEST_P = 1e-300
ADJUSTED_BY = {"hochberg": "Hochberg", "bh": "Benjamini and Hochberg", "by": "Benjamini and Yekutieli"}
SUMMARY = "How this number comes about"

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """One step: what is computed, in words, and its formula with the numbers; "" where there is none."""

    words: str
    formula: str = ""


@dataclass(frozen=True)
class Working:
    """The steps of one of the two answers to a question."""

    label: str
    steps: list[Step]


def figures(value: float, digits: int = DIGITS) -> str:
    """A number to so many significant digits, with a true minus; a power of ten where it is below a thousandth."""
    if value == 0:
        return "0"
    exponent = floor(log10(abs(value)))
    if exponent < -3 or exponent >= 7:
        mantissa, power = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa}\u00a0×\u00a010{str(int(power)).translate(SUPERSCRIPT)}".replace("-", MINUS)
    return f"{value:.{max(digits - 1 - exponent, 0)}f}".replace("-", MINUS)


def _p(p: float) -> str:
    return "1" if p == 1 else figures(p) if p >= SMALLEST_P else "less than 10⁻³⁰⁰"


def workings(results: Results, these: Record, new: Record) -> list[Working]:
    """Both answers to one question, step by step. these, new: the records that the pages print, a comparison's or a gain's."""
    level = results["plan"]["confidence"]
    first = [*_of_units(these, new), *_tested(these, _estimate(these), level), *_adjusted(results, these, "these images")]
    second = [*_of_variance(new), *_tested(new, _estimate(new), level), *_adjusted(results, new, "new images")]
    return [Working("These images, new readers", first), Working("New images and new readers", second)]


def comparison_workings(results: Results, these: Record, new: Record) -> list[Working]:
    """Of a comparison that belongs to the primary family; none of an exploratory one."""
    return workings(results, these, new) if these.get("family") not in (None, "exploratory") else []


def gain_workings(results: Results, record: Record) -> list[Working]:
    """Of a planned gain with a network's output, or of a planned difference of gains; none of others."""
    return workings(results, {**these_images(record), "why": record["why"]}, record) if record.get("prespecified") else []


def _estimate(record: Record) -> float | None:
    return record.get("mean_difference", record.get("difference"))


def _of_units(these: Record, new: Record) -> Iterator[Step]:
    mean, se, df = _estimate(these), these.get("se"), these.get("df")
    if not se:
        yield Step(f"Not estimable: {these.get('why') or 'no spread'}.")
        return
    unit, n = these.get("unit", "reader"), int(df) + 1
    what = "the second answers' accuracy minus the first ones'" if "unit" not in these else "the network's accuracy minus the readers'"
    if "gain_control" in new:
        what = "the gain with output minus the gain without"
    sd = these.get("sd") or se * sqrt(n)
    yield Step(
        f"Each {unit} gives one difference, {what}, on the {unit}'s own images. There are n = {n} of them; their mean is D ="
        f" {figures(mean)} and their standard deviation s = {figures(sd)} (as shares; times 100 they are points)."
    )
    yield Step("The standard error of the mean:", f"SE = s / √n = {figures(sd)} / √{n} = {figures(se)}")
    yield Step("Degrees of freedom, one fewer than differences:", f"df = n {MINUS} 1 = {n} {MINUS} 1 = {int(df)}")


def _of_variance(new: Record) -> Iterator[Step]:
    parts = [new.get(f"var_{name}") for name in ("reader", "item", "both")]
    if not new.get("se") or None in parts:
        yield Step(f"Not estimable: {new.get('why') or 'no spread'}.")
        return
    reader, item, both = parts
    readings, readers, items, classes = *(new[name] for name in ("readings", "readers", "items")), _classes(new)
    arms = "gain_control" in new
    means = "D is the mean with output minus the mean without" if arms else "their mean is D"
    taken = "the mean of its arm and class" if arms else "that mean" if classes == 1 else "the mean of its class"
    yield Step(
        f"All {readings:,} readings give a difference, by {readers} readers of {items} images; {means}, {figures(_estimate(new))}."
        f" From each {taken} is taken. Summed within readers, within images and singly, what is left gives three variances of D:"
        f" V(readers) = {figures(reader)}, V(images) = {figures(item)} and, counted in both, V(both) = {figures(both)}."
    )
    yield from _variance(reader, item, both, new["se"])
    formula = f"df = V² / (V(readers)² / (R {MINUS} 1) + V(images)² / (I {MINUS} K)) = "
    if classes is None:
        yield Step("Degrees of freedom, after Satterthwaite:", f"df = {figures(new['df'])}")
        return
    yield Step(
        f"Degrees of freedom, after Satterthwaite, with R = {readers} readers, I = {items} images and K ="
        f" {classes} {'class' if classes == 1 else 'classes'}:",
        f"{formula}({figures(new['se'] ** 2)})² / (({figures(reader)})² / {readers - 1} + ({figures(item)})² / {items - classes})"
        f" = {figures(new['df'])}",
    )


def _variance(reader: float, item: float, both: float, se: float) -> Iterator[Step]:
    total = reader + item - both
    names = f"V(readers) + V(images) {MINUS} V(both)"
    added = f"{names} = {figures(reader)} + {figures(item)} {MINUS} {figures(both)} = {figures(total)}"
    larger = max(reader, item)
    if total >= larger:
        yield Step("What readers share and what images share add up; what was counted twice is taken off:", f"V = {added}")
    else:
        name = "V(readers)" if reader >= item else "V(images)"
        yield Step(f"The sum {added} is below {name}, and a variance is never below its larger part:", f"V = {name} = {figures(larger)}")
    yield Step("The standard error is its root:", f"SE = √V = √({figures(se**2)}) = {figures(se)}")


def _classes(new: Record) -> int | None:
    """In how many classes the readings were centred: the degrees of freedom imply it. None where they do not."""
    reader, item, readers, items = (new[name] for name in ("var_reader", "var_item", "readers", "items"))
    if "gain_control" in new or not item or readers < 2:
        return None
    left = new["se"] ** 4 / new["df"] - reader**2 / (readers - 1)
    implied = items - item**2 / left if left > 0 else 0.0
    return round(implied) if implied > 0.5 and abs(implied - round(implied)) < 1e-3 else None


def _tested(record: Record, estimate: float | None, level: float) -> Iterator[Step]:
    if not record.get("se") or record.get("p") is None:
        return
    se, df, t = record["se"], record["df"], estimate / record["se"]
    told_df = str(int(df)) if float(df).is_integer() else figures(df)
    yield Step("How many standard errors the difference is from zero:", f"t = D / SE = {figures(estimate)} / {figures(se)} = {figures(t)}")
    yield Step(
        f"How often t with {told_df} degree{'' if told_df == '1' else 's'} of freedom is at least as far from zero, if there is no difference:",
        f"p = 2 · P(T ≥ {figures(abs(t))}) = {_p(record['p'])}",
    )
    quantile = t_quantile(0.5 + level / 2, df)
    low, high = estimate - quantile * se, estimate + quantile * se
    cut = " Accuracies differ by 1 at most, so it is cut there." if low < -1 or high > 1 else ""
    yield Step(
        f"The {100 * level:g} % interval reaches q = {figures(quantile)} standard errors to either side, the {50 + 50 * level:g} % point of"
        f" that t.{cut}",
        f"D ± q · SE = {figures(estimate)} ± {figures(quantile)} · {figures(se)} = {figures(record['ci_low'])} to {figures(record['ci_high'])}",
    )


def _adjusted(results: Results, record: Record, question: str) -> Iterator[Step]:
    """How p was adjusted for the other contrasts of the family; nothing where it is alone or not adjusted."""
    p, adjusted, method = record.get("p"), record.get("p_adjusted"), results["plan"].get("multiplicity", "none")
    family = sorted(_family(results, question))
    if p is None or adjusted is None or method == "none" or len(family) < 2:
        return
    if method == "max-t":
        yield Step(f"Adjusted for {len(family)} contrasts by the largest t of bootstrap draws:", f"p = {_p(adjusted)}")
    elif method == "holm":
        before = sum(other < p for other in family)
        times = len(family) - before
        product = min(1.0, times * p)
        formula = f"p = {times} · {_p(p)} = {_p(times * p)}"
        if adjusted > product * (1 + 1e-9):
            words, formula = ", but a smaller p of the family came to more, which is kept:", f"{formula}, hence {_p(adjusted)}"
        else:
            words, formula = ":", f"{formula}{', hence 1' if times * p > 1 else ''}"
        count = len(family)
        yield Step(f"Of {count} contrasts {before} have a smaller p. Holm's method multiplies by {count} {MINUS} {before}{words}", formula)
    else:
        yield Step(f"Adjusted for {len(family)} contrasts by the method of {ADJUSTED_BY[method]}:", f"p = {_p(adjusted)}")


def _family(results: Results, question: str) -> Iterator[float]:
    """p values of all contrasts that are adjusted together."""
    comparisons, prefix = ("paired", "these_images_") if question == "these images" else ("new_images", "")
    found = [(r["p"], r["family"] != "exploratory") for r in results.records(comparisons)]
    found += [(r[f"{prefix}p"], r.get("prespecified")) for name in ("assistance", "assistance_difference") for r in results.records(name)]
    yield from (p for p, belongs in found if belongs and p is not None)


def unfolded(found: list[Working]) -> str:
    """The workings as HTML to unfold; "" where there are none."""
    if not found:
        return ""
    parts = []
    for working in found:
        steps = "".join(
            f"<li>{html.text(step.words)}" + (f'<span class="formula">{html.text(step.formula)}</span>' if step.formula else "") + "</li>"
            for step in working.steps
        )
        parts.append(f'<h4>{html.text(working.label)}</h4><ol class="working">{steps}</ol>')
    return html.unfold(SUMMARY, "".join(parts))
