"""The chapter about outcomes and the registered analysis plan, in the words of what the program will compute."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.core.plans.plan import ALL_SITTINGS, FIRST_COMPLETE, Plan
from benchmark.core.report.methods import ADJUSTMENTS
from benchmark.core.report.references import named
from benchmark.core.sections.ratings import RatingPlan
from benchmark.core.wording import readable

from .document import Paragraph, Part, Points, Subtitle, Table, blank
from .facts import Given
from .opening import question_of

ESTIMANDS = {
    "both": "these images with new readers, and new images with new readers; both are reported side by side",
    "these images": "these images with new readers",
    "new images": "new images with new readers",
}


def outcomes(given: Given) -> list[Part]:
    """What is measured, what is compared, and how; and what the plan leaves to people."""
    plan = given.plan
    parts: list[Part] = []
    if plan is None:
        undecided = "register an analysis plan, then write this protocol again: until then every analysis is exploratory"
        parts.append(Paragraph(f"No analysis plan is registered. {blank(undecided)}"))
    else:
        parts.append(Paragraph(_registered(given)))
    chosen = plan or Plan()
    parts += _rating_methods(chosen) if given.is_rating else _reading_methods(given, chosen)
    parts += [Subtitle("Interim looks, stopping, extra analyses"), Points(list(_looks(given)))]
    return parts


def _registered(given: Given) -> str:
    stamped = given["plan"]
    when = "before the first answer of a person" if stamped["before_first_answer"] else "AFTER people had begun to answer: it registers nothing"
    title = f"“{given.plan.title}”" if given.plan.title else "The analysis plan"
    return f"{title}, version {stamped['version']}, was stamped on {stamped['stamped_on']}, {when}. SHA-256 {stamped['sha256']}."


def _reading_methods(given: Given, plan: Plan) -> Iterator[Part]:
    blanks = "counted as wrong" if plan.missing == "incorrect" else "left out of its reading"
    level = f"{100 * plan.confidence:g} %"
    yield Subtitle("Outcome")
    yield Paragraph(
        f"Accuracy: the share of readings whose answer is the reference class. A missing answer is {blanks}. It is a"
        " proportion per reader and view, between 0 and 1, measured once, when the reader answers."
    )
    yield Subtitle("Registered contrasts")
    if plan.primary:
        rows = [[str(n), question_of(given, contrast), _margin(contrast.margin or plan.margin)] for n, contrast in enumerate(plan.primary, start=1)]
        yield Table("", ["No.", "Question", "Margin (points)"], rows)
    else:
        yield Paragraph("None is named: all comparisons of a network with a group of readers form one family.")
    yield Points([f"Primary question: {ESTIMANDS[plan.estimand]}.", *_scoring(plan)])
    yield Subtitle("Tests")
    yield Points(named(_tests(given, plan, level)))
    yield from _further(plan)


def _margin(margin: float | None) -> str:
    return "–" if margin is None else f"{100 * margin:g}"


def _scoring(plan: Plan) -> Iterator[str]:
    rule = plan.completion
    if rule is None:
        yield f"Analysed sittings: {ALL_SITTINGS}, whatever was answered."
    else:
        share = f"{'more than' if rule.comparison == '>' else 'at least'} {100 * rule.threshold:g} % answered"
        which = FIRST_COMPLETE if rule.first_per_seat else "every complete one"
        yield f"Analysed sittings: {which}; complete means {share}. Sittings that are left out are counted in the report."
    if plan.classes:
        yield f"Classes: {', '.join(map(readable, plan.classes))}."


def _tests(given: Given, plan: Plan, level: str) -> Iterator[str]:
    if any(not contrast.assisted for contrast in plan.primary) or not plan.primary:
        unit = f"{plan.unit}s" if plan.unit else "surveys (over readers where there is only one survey, or most readers read several)"
        yield (
            "These images, new readers: the network's accuracy minus the readers' on each unit's own items, compared with zero by a two-sided"
            f" paired t-test over {unit}, with its {level} interval. Beside it the exact sign-flip test [[fisher]] and Wilcoxon's [[wilcoxon]]."
        )
        yield (
            "New images and new readers: the same difference with readers and images as samples; two-way variance V_reader + V_item − V_both,"
            " centred within classes, never below its larger part [[cameron]], Satterthwaite's degrees of freedom [[satterthwaite]]."
        )
    if given["surveys"]["control"] is not None:
        yield (
            "Gain of the second look: the second answer's mark minus the first one's, within reader and item; for new images by the two-way"
            " variance of the gain [[cameron]], for these images by a t-test of the readers' mean gains."
        )
    if given["surveys"]["control"]:
        yield (
            "Against the control arm: gain with the output in sight minus gain of a second look alone; for new images by the two-way variance"
            " within arm and class, for these images by a t-test of each reader's difference."
        )
    yield from _multiplicity(plan)
    if plan.margin is not None or any(contrast.margin for contrast in plan.primary):
        yield "Equivalence and non-inferiority within the margins: two one-sided tests [[schuirmann]]."
    yield f"Two-sided level {plan.alpha:g}; intervals at {level}. Resampling: {plan.bootstrap_draws:,} draws{_seed(plan)}."


def _seed(plan: Plan) -> str:
    return f", seed {plan.bootstrap_seed}" if plan.bootstrap_seed is not None else "; the seed is chosen when the comparison is started"


def _multiplicity(plan: Plan) -> Iterator[str]:
    if plan.multiplicity == "none":
        yield "Multiplicity: p values are not adjusted."
        return
    family = f"the {len(plan.primary)} registered contrasts" if plan.primary else "all contrasts of a network with a group of readers"
    yield f"Multiplicity: p values are adjusted over {family} by the method of {ADJUSTMENTS[plan.multiplicity]}."


def _further(plan: Plan) -> Iterator[Part]:
    yield Subtitle("Secondary and sensitivity analyses")
    rows = [["secondary", extra.name, readable(extra.test) or "–", _adjusted(extra.multiplicity)] for extra in plan.secondary]
    for extra in plan.sensitivity:
        rows.append(["sensitivity", extra.name, readable(extra.test) or f"missing answers {extra.missing}", _adjusted(extra.multiplicity)])
    if rows:
        yield Table("", ["Kind", "What", "How", "Adjusted"], rows)
    times = (plan.shortest_ms, plan.longest_ms) != (Plan.shortest_ms, Plan.longest_ms)
    bounds = [f"Response times below {plan.shortest_ms:,.0f} ms or above {plan.longest_ms:,.0f} ms are left out of the times, not of the accuracy."]
    yield Points([
        "Missing answers are counted the other way as well, and readings with the window left are left out once, where there are any.",
        "Described without a test of its own: accuracy by reader, group, view and class with intervals, confusion matrices with a column for"
        " no answer, agreement of readers, response times, order and learning, the hardest images.",
        *(bounds if times else []),
        "Whatever is compared and not registered is marked as exploratory.",
    ])  # fmt: skip


def _adjusted(method: str) -> str:
    """ "bh" -> "Benjamini and Hochberg (1995)", without marks of references."""
    return named([ADJUSTMENTS[method]])[0].partition(" (")[0] if method in ADJUSTMENTS else method


def _rating_methods(plan: Plan) -> Iterator[Part]:
    rating = RatingPlan.of(plan)
    margin = f"within {100 * rating.margin:g} points of one half"
    declared = "as the plan declares" if rating.margin_declared else "the program's own margin, since no plan declares one"
    yield Subtitle("Outcomes")
    yield Points([
        "Primary: the error at telling real from generated pictures, as a share of all judgments, with both of its parts: generated pictures"
        " called real, and real ones called generated. Beside it d′ and criterion.",
        "Realism and plausibility on their scales; shares of choices; cells of grids; direction and smoothness of strips; where each was asked.",
        "Agreement among raters, and of raters with themselves where stimuli come twice; catches are counted apart and enter no other number.",
        "A missing answer stays missing: it is in no share and in no mean; how many there are is reported.",
    ])  # fmt: skip
    yield Subtitle("Tests")
    yield Points(named([
        "The error against one half: a t-test whose variance takes raters and images as samples [[cameron]], Satterthwaite's degrees of freedom"
        " [[satterthwaite]].",
        f"Equivalence to chance {margin} ({declared}): two one-sided tests [[schuirmann]].",
        "One rater's error against one half: exact binomial test, adjusted over raters [[benjamini]].",
        "Conditions on a scale: a cumulative-link mixed model with random effects of raters and images [[christensen]]; agreement on a scale is"
        " Krippendorff's ordinal alpha [[krippendorff]].",
        f"Two-sided level {plan.alpha:g}; intervals at {100 * plan.confidence:g} %. Resampling: {plan.bootstrap_draws:,} draws{_seed(plan)}.",
    ]))  # fmt: skip


def _looks(given: Given) -> Iterator[str]:
    yield (
        "The program stops nobody by itself: no stopping rule is computed. While people read, one page says how wide"
        " intervals will be, and neither accuracy nor difference."
    )
    yield (
        "An analyst can compute a comparison at any time; each is stored with the hashes of its inputs, its plan and its"
        " seed, and shows when it was made."
    )
    yield blank("who may look at results before reading has ended, and whether anything can end the study early")
    yield f"The same inputs, plan and seed give the same results, byte for byte. {blank('who carries out the analysis')}"
