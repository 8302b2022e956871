"""What a reader of this report must not conclude, as it follows from the design and the data."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.core.results import Results
from benchmark.core.wording import number, of_view

FEW_CONTROL = 50  # readings: an interval of about 10 points and more on either side


def limitations(results: Results) -> list[str]:
    return list(_limitations(results))


def _limitations(results: Results) -> Iterator[str]:
    if results.is_simulated:
        yield "The readings are simulated or of drawn images: nothing here is evidence about people, networks or diseases."
    yield from _images(results)
    yield from _order(results)
    yield from _assisted(results)
    yield from _within_reader(results)
    yield from _anchors(results)
    yield from _networks(results)
    yield from _data(results)


def _images(results: Results) -> Iterator[str]:
    design = results["design"]
    ratios = [record["se_ratio"] for record in results["new_images"] if record["se_ratio"]]
    reads = [r["readings"] / r["items"] for r in results.records("accuracy", kind="human") if r["items"]]
    if results["paired"] and reads and max(reads) > 1:
        yield (
            f"The same {design['items']} images were read {number(max(reads), 0)} times by each group. Tests over"
            f" {results['paired'][0]['unit']}s treat these images as fixed; they say nothing about other images."
        )
    if ratios and max(ratios) > 1:
        low, high = number(min(ratios), 1), number(max(ratios), 1)
        span = low if low == high else f"{low} to {high}"
        yield (
            "The test over these images must not be read as a statement about new images: its standard error is"
            f" {span} times too small for that."
        )
    yield (
        "Classes are as frequent in the test as the design made them, not as in a clinic. Accuracy, predictive values and the"
        " readers' habits would differ at other frequencies."
    )
    study = results.get("study") or {}
    if not study.get("images", {}).get("representative"):
        yield "How the images were chosen from those that a clinic would see is not recorded: they count as a convenience sample."


def _within_reader(results: Results) -> Iterator[str]:
    if results.records("within_reader"):
        yield (
            "Images came a second time within one sitting, later in the block than the first time: memory makes answers more alike, and"
            " practice and fatigue are part of every change. Agreement weeks apart may be lower."
        )


def _anchors(results: Results) -> Iterator[str]:
    records = results.records("anchors")
    if records:
        yield (
            f"What is said of the anchors is said of {max(record['items'] for record in records)} images. Readers who know one another may have"
            " talked about them: every survey showed them."
        )
        yield (
            "Linear and logistic mixed models, response times, calibration of confidence, votes and Krippendorff's alpha count every reading,"
            " and so the anchors more than other images."
        )


def _order(results: Results) -> Iterator[str]:
    statements = dict.fromkeys(r["statement"] for r in results.records("carry_over") if r["confounded"])
    if statements:
        yield from statements
        return
    views = [view for view in results["design"]["views"] if view]
    if len(views) > 1 and not results.records("carry_over"):
        yield (
            f"Where every reader saw {' before '.join(map(of_view, views[:2]))}, a difference between views mixes the view with"
            " practice and with the second look at the same item. No analysis can separate them; a counterbalanced order can."
        )


def _assisted(results: Results) -> Iterator[str]:
    records = results.records("assistance")
    if not records:
        return
    if results.records("assistance_difference"):
        yield (
            "The answer with the network's output in sight always came second, of the same image, so that every gain holds what a"
            " second look does alone. The difference from the control arm does not; it takes a second look to be worth as much"
            " with an output in sight as without, and readers who saw that there was none may have looked less closely."
        )
        few = min(r["readings_control"] for r in results.records("assistance_difference"))
        if few < FEW_CONTROL:
            yield f"A control arm has {few} readings: how much a second look does alone is known only roughly."
    else:
        yield (
            "The answer with the network's output in sight always came second, of the same image. A second look alone may change"
            " answers: what the network did and what the second look did cannot be told apart here; a control arm, a second look"
            " without any output at some images, could."
        )
    yield (
        "Readers had just committed themselves to an answer when they saw the output. Where output and image are shown"
        " together from the start, as in practice they may be, people can rely on a network more, or less."
    )
    partly = sum(record["readings_without"] > 0 for record in records)
    if partly:
        yield (
            "The output was not in sight for every reading of a group; if it was withheld for a reason that has to do with the"
            " image, the gain holds for the readings that had it."
        )
    blank = sum(r["readings"] - r["answered_assisted"] for r in (*records, *results.records("assistance_control")))
    if blank:
        yield (
            f"{blank} second answers are missing and count as incorrect, which makes the gain smaller than the answers given"
            " would; the table with missing answers left out shows by how much."
        )


def _networks(results: Results) -> Iterator[str]:
    if not results["design"]["models"]:
        return
    yield (
        "Each network is the one that was fitted. Training again with other seeds or folds would give others, and this"
        " variation is in no interval here."
    )


def _data(results: Results) -> Iterator[str]:
    plan = results["plan"]
    if not plan["declared"]:
        yield "No analysis plan was declared before the readings; all comparisons are exploratory."
    people = results.records("accuracy", kind="human")
    blank = sum(r["readings"] - r["answered"] for r in people)
    if blank:
        rule = "count as incorrect" if plan["missing"] == "incorrect" else "are left out"
        share = number(100 * blank / sum(r["readings"] for r in people), 1)
        yield f"{blank} of the readers' answers ({share} %) are missing and {rule}; the sensitivity analysis shows what that does."
    small = [r for r in people if r["readers"] < 10]
    if small:
        yield "With fewer than ten readers in a group, tests that generalise to new readers are rough."
