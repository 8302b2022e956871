"""Methods and limitations in words, as they follow from the plan and the design of this analysis."""

from __future__ import annotations

from collections.abc import Iterator

from ..results import Results
from ..wording import number


def methods(results: Results) -> list[str]:
    """Sentences for a methods section, with their citations."""
    plan = results["plan"]
    level = f"{100 * plan['confidence']:g} %"
    blank = "counted as incorrect" if plan["missing"] == "incorrect" else "left out"
    sentences = [f"Accuracy is the share of readings whose answer is the reference class; a missing answer is {blank}."]
    if results["paired"]:
        unit = results["paired"][0]["unit"]
        sentences += [
            (
                f"These images: the network's accuracy minus the readers' accuracy on each {unit}'s own items was"
                f" compared with zero by a two-sided paired t-test over {unit}s with its {level} interval; beside it"
                " stand the exact sign-flip test (Fisher 1935), Wilcoxon's signed-rank test with zero differences"
                " dropped and the Hodges-Lehmann shift, and Cohen's d_z with an exact interval from the noncentral t"
                " distribution. Images are taken as fixed."
            ),
            (
                "New images: the same difference with a variance that takes readers and items as samples, V ="
                " V_reader + V_item - V_both, centred within classes, never below its larger part, with"
                " Satterthwaite's degrees of freedom (Cameron, Gelbach & Miller 2011; Satterthwaite 1946)."
            ),
        ]
        if plan["multiplicity"] != "none":
            name = "Holm" if plan["multiplicity"] == "holm" else "Benjamini and Hochberg"
            family = (
                f"the {plan['primary_contrasts']} planned contrasts"
                if plan["primary_contrasts"]
                else "all contrasts of network against reader group"
            )
            sentences.append(f"p-values were adjusted over {family} by the method of {name}.")
    sentences.append(
        "Intervals of accuracy are Wilson's; where several readers read the same items, with the effective sample"
        " size that the two-way variance gives. Agreement: Fleiss' kappa, Krippendorff's alpha and Gwet's AC1 with"
        f" {level} intervals from {plan['bootstrap_draws']} bootstrap draws of items (seed {results['seed']})."
    )
    return sentences


def limitations(results: Results) -> list[str]:
    """What a reader of this report must not conclude."""
    return list(_limitations(results))


def _limitations(results: Results) -> Iterator[str]:
    design = results["design"]
    if results["paired"]:
        yield "The networks are these fitted networks; training them again would give others."
    if results["flow"] or design["surveys"]:
        yield "Classes are as frequent in the test as the design made them, not as in a clinic."
    ratios = [record["se_ratio"] for record in results["new_images"] if record["se_ratio"]]
    if ratios and max(ratios) > 1:
        yield (
            "The test over these images must not be read as a statement about new images: its standard error is "
            f"{number(min(ratios), 1)} to {number(max(ratios), 1)} times too small for that."
        )
    if len(design["views"]) > 1:
        yield (
            "Where every reader saw the views in the same order, a difference between views mixes the view with"
            " practice and with the second look at the same item."
        )
    if not results["plan"]["declared"]:
        yield "No analysis plan was declared before the readings; all comparisons are exploratory."
