"""Methods in words with their citations, written from what was really computed in this analysis."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.core.results import Results
from benchmark.core.wording import percent

from .references import named

METHODS_FOR_NEW_IMAGES = (
    ("U-statistic", "the U-statistic for binary marks [[gallas, chen]]"),
    ("Obuchowski", "Obuchowski and Rockette's method with Hillis's degrees of freedom [[obuchowski, hillis]]"),
    ("bootstrap", "a bootstrap that draws readers and images independently [[owen]]"),
    ("linear mixed", "a linear mixed model by restricted maximum likelihood [[bates]]"),
)


def methods(results: Results) -> list[str]:
    """Paragraphs for a methods section, with authors and years."""
    return named(marked_methods(results))


def marked_methods(results: Results) -> list[str]:
    """The same with citations as [[names]] of references.py, to be numbered."""
    return [" ".join(part) for part in (list(part) for part in _parts(results)) if part]


def _parts(results: Results) -> Iterator[Iterator[str]]:
    yield _scoring(results)
    if results["paired"]:
        yield _these_images(results)
        yield _new_images(results)
        yield _multiplicity(results)
    yield _contrasts(results)
    yield _assisted(results)
    yield _description(results)
    yield _probabilities(results)


def _level(results: Results) -> str:
    return f"{100 * results['plan']['confidence']:g} %"


def _scoring(results: Results) -> Iterator[str]:
    blank = "counted as incorrect" if results["plan"]["missing"] == "incorrect" else "left out"
    yield f"Accuracy is the share of readings whose answer is the reference class; a missing answer is {blank}."
    if results["flow"]:
        yield (
            "Sittings were admitted by the completion rule of the plan; the table of sittings counts those that it left out."
        )
    if results.records("sensitivity"):
        names = list(dict.fromkeys(record["analysis"] for record in results["sensitivity"]))
        yield f"Sensitivity analyses: {', '.join(names)}."


def _these_images(results: Results) -> Iterator[str]:
    unit = results["paired"][0]["unit"]
    yield (
        f"These images, new readers. The network's accuracy minus the readers' accuracy on each {unit}'s own items was"
        f" compared with zero by a two-sided paired t-test over {unit}s with its {_level(results)} interval. Images are taken"
        " as fixed."
    )
    yield (
        "Beside it stand the exact sign-flip test [[fisher]], Wilcoxon's signed-rank test with zero differences dropped"
        " [[wilcoxon]], the Hodges-Lehmann shift [[hodges]], and Cohen's d_z with an exact interval from the noncentral t"
        " distribution [[cumming]]."
    )


def _new_images(results: Results) -> Iterator[str]:
    yield (
        "New images and new readers. The variance of the same difference takes readers and items as samples: V = V_reader +"
        " V_item − V_both, centred within classes and never below its larger part [[cameron]], with Satterthwaite's degrees"
        " of freedom [[satterthwaite]]."
    )
    used = " ".join(str(r["method"]) for r in results.records("new_images_methods") if r["se"] is not None)
    methods_used = [words for key, words in METHODS_FOR_NEW_IMAGES if key in used]
    if methods_used:
        last = f" and {methods_used[-1]}" if len(methods_used) > 1 else methods_used[0]
        yield f"It was checked against {', '.join(methods_used[:-1])}{last}."


ADJUSTMENTS = {
    "holm": "Holm [[holm]]",
    "hochberg": "Hochberg (1988)",
    "bh": "Benjamini and Hochberg [[benjamini]]",
    "by": "Benjamini and Yekutieli (2001)",
    "max-t": "the largest t of the shared bootstrap draws [[westfall]]",
}


def _multiplicity(results: Results) -> Iterator[str]:
    plan = results["plan"]
    if plan["multiplicity"] == "none":
        yield "p values were not adjusted for multiplicity."
        return
    name = ADJUSTMENTS[plan["multiplicity"]]
    count = plan["primary_contrasts"]
    family = f"the {count} planned contrasts" if count else "all contrasts of network against reader group"
    yield f"p values were adjusted over {family} by the method of {name}."
    if plan["multiplicity"] != "max-t" and any(r.get("p_max_t") is not None for r in results["new_images"]):
        yield "Beside them stand p values from the largest t of the same bootstrap draws [[westfall]]."


def _contrasts(results: Results) -> Iterator[str]:
    if results.records("equivalence"):
        yield "Equivalence within the declared margin was judged by two one-sided tests [[schuirmann]]."
    if results.records("networks"):
        yield (
            "Networks, and views of one network, were compared item by item with the exact McNemar test [[mcnemar]] and"
            " Tango's interval [[tango]]."
        )
    if any(record["log_odds_ratio"] is not None for record in results.records("mixed_models")):
        yield (
            "Logistic mixed models with crossed random effects of readers and images were fitted by Laplace's approximation"
            " [[bates]]."
        )
    if results.records("views") or results.records("groups"):
        yield "Views and groups of readers were compared with the same two-way variance."


def _assisted(results: Results) -> Iterator[str]:
    if not results.records("assistance"):
        return
    blank = "counted as wrong" if results["plan"]["missing"] == "incorrect" else "left its reading out"
    yield (
        "Assisted reading. Each reader answered an image alone; that answer was closed; then the network's output was shown and"
        " the reader answered again (sequential reading [[beiden, schalekamp]]). The gain is the second answer's mark minus the"
        f" first one's, within reader and item; a missing second answer {blank}. Images and readers were taken as samples by the"
        " two-way variance of the gain [[cameron]] with Satterthwaite's degrees of freedom [[satterthwaite]]; for these images"
        " the readers' mean gains were compared with zero by a t-test."
    )
    if results.records("assistance_difference"):
        yield (
            "Control arm. About a share of images that was drawn for each reader before the first answer, no output was shown and"
            " the reader answered again all the same. The gain with output minus this gain was tested for new images by the"
            " two-way variance of its influences, centred within arm and class, and for these images by a t-test of each reader's"
            " difference of mean gains."
        )
    used = " ".join(str(r["method"]) for r in results.records("assistance_methods") if r["se"] is not None)
    methods_used = [words for key, words in METHODS_FOR_NEW_IMAGES if key in used]
    if methods_used:
        last = f" and {methods_used[-1]}" if len(methods_used) > 1 else methods_used[0]
        yield f"The gain was checked against {', '.join(methods_used[:-1])}{last}."
    families = {record["family"] for record in results["assistance"]}
    name = ADJUSTMENTS.get(results["plan"]["multiplicity"])
    if "primary" in families and name:
        yield f"p values of the planned gains were adjusted together with the planned comparisons by the method of {name}."
    if "exploratory" in families:
        yield "p values of gains that were not planned were adjusted by the method of Benjamini and Hochberg [[benjamini]]."
    yield (
        "Reliance: RAIR is the share right afterwards of readings in which the reader was wrong and the network right, RSR that of"
        " readings in which the reader was right and the network wrong [[schemmer]]; over-reliance is the share of readings with a"
        " wrong network in which its answer was given afterwards [[bucinca]], under-reliance that of readings with a right network"
        " in which another one was."
    )


def _description(results: Results) -> Iterator[str]:
    yield (
        "Intervals of accuracy are Wilson's [[wilson]]; where several readers read the same items, with the effective sample"
        " size that the two-way variance gives."
    )
    if results.records("agreement"):
        yield (
            "Agreement among readers: Fleiss' kappa [[fleiss]], Krippendorff's alpha [[krippendorff]] and Gwet's AC1 [[gwet]]"
            f" with {_level(results)} intervals from {results['plan']['bootstrap_draws']} bootstrap draws of items (seed"
            f" {results['seed']})."
        )
    if results.records("anchors"):
        yield (
            "Anchors, images that every survey shows, were read by all readers. Within a group, view and class each of their readings weighs"
            " the mean number of readings of the other images over theirs, in accuracies, differences and their variances; agreement on them"
            " and every reader's standing on them are told apart from that. Variances take weighted readings' influences."
        )
    if results.records("within_reader"):
        yield (
            "Agreement within readers, from images that came a second time in the same block: share of equal answers, Cohen's kappa"
            " [[cohen]] and AC1 [[gwet]] of first against second answers, beside the share of equal first answers of different readers"
            " to the same images; intervals by linearisation with the two-way variance of readers and images [[cameron]]. Second"
            " answers enter no other result."
        )
    if results.records("reader_covariates"):
        yield (
            "Accuracy against what readers stated about themselves: for these images, least squares over readers with an intercept per group,"
            " and Welch's t-test of two choices; for new images, the same contrast over readings, centred within groups and classes, with the"
            " two-way variance of readers and images [[cameron]]. Choices of fewer than five readers are merged or left out."
        )
    if results.records("subgroups"):
        yield (
            "Accuracy by kind of image: images of a kind against the others of the same class, by least squares with an intercept per class and the"
            " two-way variance of readers and images [[cameron]] and as many degrees of freedom as the smaller side has images, less one; of a"
            " network, the variance of its answers shuffled within classes [[mantel]]; p adjusted for the false discovery rate [[benjamini]]."
        )
    if results.records("fixed_raters"):
        yield "Where all readers read the same images, Conger's kappa [[conger]] and Brennan and Prediger's [[brennan]] too."
    if results.records("metrics"):
        yield "Balanced accuracy, macro-F1 and Cohen's kappa against the reference class [[cohen]] are given beside accuracy."
    if results.records("error_consistency"):
        yield "Whether two readers fail on the same images was measured by error consistency [[geirhos]]."
    scales = {record.get("method") for record in results.records("rasch_items") if record["difficulty"] is not None}
    if scales:
        how = " or ".join(sorted(str(scale) for scale in scales if scale)) or "the Rasch model"
        cited = "[[rasch, bock]]" if "marginal" in how else "[[rasch]]"
        yield f"Readers and images were placed on one logit scale ({how}) {cited}."
    if results.records("order_model"):
        yield (
            "Where both orders of the views occur, view, period and carry-over were also told apart by a logistic mixed model with crossed random"
            " effects of readers and images, fitted by Laplace's approximation, its t-tests with as many degrees of freedom as readers less two, and"
            " by a logistic model without random effects [[liang]] whose variance takes readers and images as samples [[cameron]]."
        )
    if any(record["ratio"] is not None for record in results.records("time_model")):
        yield "Response times: a linear mixed model of their logarithm with random effects of readers and images [[bates]]."


def _probabilities(results: Results) -> Iterator[str]:
    if results.records("reader_auc"):
        yield (
            "Readers' answers with confidence were scored for each class against the others (confidence where the class was"
            " named, its negative where not); empirical AUCs of views were compared by the U-statistic [[gallas]] and, where"
            " readers share images, by Obuchowski and Rockette's method with Hillis's degrees of freedom"
            " [[obuchowski, hillis]]."
        )
    if results.records("reader_calibration"):
        yield (
            "Readers' stated confidence was judged like a network's: its calibration where it is a probability [[guo]], with the"
            " range that perfect calibration would show [[broecker]], and risk against coverage [[elyaniv]]."
        )
    if not results.records("calibration"):
        return
    yield (
        "Calibration of the networks: expected calibration error in bins of equal mass and of equal width [[guo]], beside its"
        " distribution for a perfectly calibrated network; Brier score [[brier]] and log loss; reliability diagrams with the"
        f" range that {percent(0.95, 0)} of perfectly calibrated networks would show in each bin [[broecker]]."
    )
    yield "Selective accuracy: risk against coverage and the area under it [[elyaniv]]."
