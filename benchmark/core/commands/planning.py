"""The commands `power` and `simulate`: what a design can show, before anybody is invited."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from math import ceil
from typing import Any

from benchmark.core.errors import InputError


def add_world(parser: argparse.ArgumentParser) -> None:
    """Arguments that power and simulate share; the defaults are the founding study's design."""
    parser.add_argument("--accuracy-readers", type=float, default=0.75, help="true accuracy of readers (0.75)")
    parser.add_argument("--accuracy-model", type=float, default=0.85, help="true accuracy of the network (0.85)")
    parser.add_argument("--sd-reader", type=float, default=0.35, help="SD of readers on the logit scale (0.35)")
    parser.add_argument("--sd-item", type=float, default=1.0, help="SD of items on the logit scale (1.0)")
    parser.add_argument("--correlation", type=float, default=0.5, help="do networks err where people err? 0 to 1 (0.5)")
    parser.add_argument("--classes", type=int, default=7)
    parser.add_argument("--per-class", type=int, default=20, help="test items per class (20)")
    parser.add_argument("--per-survey", type=int, default=4, help="items per class in one survey (4)")
    parser.add_argument("--anchors", type=int, default=0, help="of them in every survey, per class (0)")
    parser.add_argument("--sets", type=int, default=6, help="survey sets, each covering all items once (6)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of sentences")


def _world_and_design(options: argparse.Namespace):
    from benchmark.core.planning.simulation import StudyDesign, World

    values = (options.accuracy_readers, options.accuracy_model)
    if (
        not all(0 < value < 1 for value in values)
        or not 0 <= options.correlation <= 1
        or min(options.sd_reader, options.sd_item) < 0
    ):
        raise InputError("Accuracies between 0 and 1, a correlation from 0 to 1 and SDs of at least 0 are needed.")
    world = World(*values, options.sd_reader, options.sd_item, options.correlation)
    try:
        layout = (options.classes, options.per_class, options.per_survey, options.sets)
        return world, StudyDesign(*layout, anchors=options.anchors)
    except ValueError as error:
        raise InputError(str(error)) from error


def add_published(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--published", nargs=3, action="append", default=[], metavar=("MEAN", "P", "N"),
        help="a published paired t-test (mean difference as a share: .246 for 24.6 points; p; pairs): what it implies, and its power; may be"
        " repeated",
    )  # fmt: skip
    parser.add_argument(
        "--published-accuracy", nargs=2, type=float, metavar=("LOW", "HIGH"),
        help="between which shares the published networks were right, for what the tests mean for new images (.84 and .90)",
    )  # fmt: skip


def add_rating_size(parser: argparse.ArgumentParser) -> None:
    asked = parser.add_argument_group("size of a rating study", "shares from 0 to 1; the other arguments are not used")
    asked.add_argument("--ratings", action="store_true", help="of raters who tell real images from generated ones")
    asked.add_argument("--raters", type=int, default=32, help="raters (32)")
    asked.add_argument("--each", type=int, default=60, help="images that a rater judges (60)")
    asked.add_argument("--images", type=int, default=300, help="distinct images (300)")
    asked.add_argument("--error", type=float, default=0.5, help="true share of wrong judgments (0.5)")
    asked.add_argument("--sd-rater", type=float, default=0.08, help="SD of the raters' own errors (0.08)")
    asked.add_argument("--icc", type=float, default=0.15, help="intraclass correlation of images (0.15)")
    asked.add_argument("--margin", type=float, default=0.1, help="how near to one half counts as chance (0.1)")


def _rating_power(options: argparse.Namespace) -> int:
    from benchmark.core.planning.rating_size import RatingWorld, rating_design, rating_size
    from benchmark.core.planning.rating_words import rating_size_sentences

    if options.published:
        raise InputError("--published is about a paired t-test of readers against a network; leave it or --ratings out.")
    try:
        design = rating_design(options.raters, options.each, options.images)
        found = rating_size(design, RatingWorld(options.error, options.sd_rater, options.icc), options.margin)
    except ValueError as error:
        raise InputError(str(error)) from error
    if options.json:
        print(json.dumps(asdict(found), indent=1))
        return 0
    print(
        f"{options.raters} raters of {options.each} of {options.images} images: half-width {100 * found.half_width:.1f} points;"
        f" power {100 * found.equivalence:.1f} % for equivalence to chance within {100 * options.margin:g} points."
    )
    print("\n".join(rating_size_sentences(found)))
    return 0


def _published(options: argparse.Namespace, difference: float, layout) -> list[dict[str, Any]]:
    """Each published contrast back-calculated, with the pairs that its spread needs for the difference, and for new images."""
    from benchmark.core.methods.paired import published_paired_t, standardised_mean
    from benchmark.core.planning.closed_form import Design, paired_t_power, pairs_needed
    from benchmark.core.planning.published import NETWORK, on_new_images

    low, high = options.published_accuracy or NETWORK
    if not 0 < low <= high < 1:
        raise InputError(f"--published-accuracy needs two shares between 0 and 1, the lower one first; {low:g} and {high:g} were found.")
    each, common = layout.classes * layout.per_survey, layout.classes * layout.anchors
    found = []
    for mean, p, n in options.published:
        try:
            if not abs(float(mean)) <= 1:
                raise ValueError(f"a difference of accuracies is a share from -1 to 1, such as .246 for 24.6 points; {mean} was found.")
            test = published_paired_t(float(mean), float(p), int(n))
        except ValueError as error:
            raise InputError(f"--published {mean} {p} {n}: {error}") from error
        effect, dz = standardised_mean(test), difference / test.sd
        new = on_new_images(test, Design(test.n, layout.items, each, layout.classes, common), network=(low, high))
        found.append({
            **{key: value for key, value in asdict(test).items() if key != "why"}, "cohens_dz": effect.dz,
            "dz_ci_low": effect.ci_low, "dz_ci_high": effect.ci_high, "power_at_difference": paired_t_power(dz, test.n),
            "pairs_for_95_percent": ceil(pairs_needed(dz)), "new_images": asdict(new) if new else None,
        })  # fmt: skip
    return found


def run_power(options: argparse.Namespace) -> int:
    if options.ratings:
        return _rating_power(options)
    world, layout = _world_and_design(options)
    if layout.readers < 2:
        raise InputError("At least two readers are needed; add sets or make surveys shorter.")
    if world.accuracy_model == world.accuracy_readers:
        raise InputError("Power needs different accuracies of readers and network.")
    found = power_of(world, layout)
    found["published"] = _published(options, abs(found["difference"]), layout)
    if options.json:
        print(json.dumps(found, indent=1))
    else:
        print("\n".join(_in_words(found, layout)))
    return 0


def power_of(world, layout) -> dict[str, Any]:
    """Precision and power of a design for both questions, what 95 % power needs, and the claim checked: plain data.

    world, layout: a simulation's World and StudyDesign.
    """
    from benchmark.core.planning.closed_form import (
        Design,
        check_claim,
        equivalence_margin,
        fixed_images_precision,
        items_needed,
        items_needed_by_readers,
        largest_sd,
        new_images_precision,
    )
    from benchmark.core.planning.simulation import plausible_worlds, spread_of

    each, common = layout.classes * layout.per_survey, layout.classes * layout.anchors
    design = Design(layout.readers, layout.items, each, layout.classes, common)
    spread, difference = spread_of(world), abs(world.accuracy_model - world.accuracy_readers)
    worlds = [spread_of(w) for w in plausible_worlds(world.accuracy_readers, world.accuracy_model)]
    reading = {"per_reader": design.per_reader, "classes": layout.classes}
    return {
        "readers": design.readers,
        "items": design.items,
        "per_reader": design.per_reader,
        **({"anchors": design.anchors, "readings_that_tell": design.readings_that_tell} if design.anchors else {}),
        "difference": world.accuracy_model - world.accuracy_readers,
        "variance_components": asdict(spread),
        "these_images": asdict(fixed_images_precision(design, spread, difference)),
        "new_images": asdict(new_images_precision(design, spread, difference)),
        "equivalence_margin_for_80_percent_new_images": equivalence_margin(design, spread),
        "largest_sd_of_survey_differences_for_95_percent": largest_sd(difference, design.readers),
        "items_and_readers_for_95_percent_new_images": items_needed(
            spread, difference, reads_per_item=layout.sets, **reading
        ),
        "items_for_95_percent_new_images_with_these_readers": items_needed_by_readers(
            spread, difference, readers=design.readers, **reading
        ),
        "claim": asdict(check_claim(design, difference, worlds)),
    }


def _in_words(found: dict[str, Any], layout) -> Iterator[str]:
    points = 100 * abs(found["difference"])
    yield (
        f"{found['readers']} readers, {found['items']} items, {found['per_reader']} items each; true difference"
        f" {100 * found['difference']:.1f} points."
    )
    if found.get("anchors"):
        yield (
            f"All read the {found['anchors']} anchors: about a difference over all images the {found['readers'] * found['per_reader']:,}"
            f" readings tell as much as {found['readings_that_tell']:,.0f} evenly spread ones."
        )
    for label, key in (("These images, new readers", "these_images"), ("New images and new readers", "new_images")):
        precision = found[key]
        yield (
            f"{label}: standard error {100 * precision['se']:.1f} points, power {100 * precision['power']:.1f} %, "
            f"95 % power from {100 * precision['detectable']:.1f} points."
        )
    needed, alone = (
        found[f"{key}_new_images{end}"]
        for key, end in (("items_and_readers_for_95_percent", ""), ("items_for_95_percent", "_with_these_readers"))
    )
    if needed:
        yield f"95 % power for new images needs {needed[0]} items and {needed[1]} readers at {layout.sets} reads per item."
    else:
        yield "No number of items and readers up to 100,000 items gives 95 % power for new images."
    if alone:
        yield f"With {found['readers']} readers of {found['per_reader']} items each it needs {alone} items."
    else:
        yield f"With {found['readers']} readers no number of items is enough: the readers alone vary too much."
    claim = found["claim"]
    yield from _claim_in_words(claim, found, layout, points)


def _claim_in_words(claim: dict[str, Any], found: dict[str, Any], layout, points: float) -> Iterator[str]:
    yield (
        f"The claim of 95 % power for {points:.0f} points with {found['readers']} pairs holds on these images when the SD of"
        f" the survey differences is at most {claim['largest_sd']:.3f} (one-sided {claim['largest_sd_one_sided']:.3f};"
        f" two independent groups: {claim['largest_sd_two_groups']:.3f} in each)."
    )
    yield (
        f"For new images the power is {100 * claim['new_images_lowest']:.0f} to {100 * claim['new_images_highest']:.0f} %"
        f" over {claim['worlds']} plausible worlds, and 95 % power starts at {100 * claim['detectable_lowest']:.1f} to"
        f" {100 * claim['detectable_highest']:.1f} points."
    )
    if claim["items_fewest"]:
        yield (
            f"Over these worlds 95 % power for new images takes {claim['items_fewest']} to {claim['items_most']} items at"
            f" {layout.sets} reads each."
        )
    else:
        yield "In some of these worlds no number of items gives 95 % power for new images."
    for test in found["published"]:
        yield (
            f"Published: {100 * test['mean']:.1f} points, p {test['p']:.3g}, {test['n']} pairs: t {test['t']:.2f}, SD"
            f" {test['sd']:.4f}, SE {test['se']:.4f}, 95 % {100 * test['ci_low']:.1f} to {100 * test['ci_high']:.1f}"
            f" points, d_z {test['cohens_dz']:.2f}; power for {points:.0f} points on these images"
            f" {100 * test['power_at_difference']:.1f} %, 95 % takes {test['pairs_for_95_percent']} pairs."
        )
        yield _on_new_images_in_words(test, found)


def _on_new_images_in_words(test: dict[str, Any], found: dict[str, Any]) -> str:
    new = test["new_images"]
    if new is None:
        return "  For new images: no plausible world has this difference with this spread; --published-accuracy may be another."
    return (
        f"  For new images, over {new['worlds']} worlds with this spread ({found['items']} items, {found['per_reader']} read by each): SE"
        f" {new['se_lowest']:.3f} to {new['se_highest']:.3f}, {new['se_lowest'] / test['se']:.1f} to {new['se_highest'] / test['se']:.1f}"
        f" times the published one; 95 % at widest {100 * new['ci_low']:.1f} to {100 * new['ci_high']:.1f} points, p at most"
        f" {new['p_largest']:.2g}."
    )


def run_simulate(options: argparse.Namespace, progress) -> int:
    from benchmark.core.planning.simulation import simulate

    world, design = _world_and_design(options)
    if design.readers < 2:
        raise InputError("At least two readers are needed; add sets or make surveys shorter.")
    try:
        found = simulate(world, design, studies=options.studies, seed=options.seed, progress=progress)
    except ValueError as error:
        raise InputError(str(error)) from error
    if options.json:
        print(json.dumps(asdict(found), indent=1))
        return 0
    what = "type-I error" if world.accuracy_model == world.accuracy_readers else "power"
    print(
        f"{found.studies} simulated studies of {design.readers} readers and {design.items} items (seed {options.seed})."
    )
    if found.not_testable:
        print(f"In {found.not_testable} of them nothing differed, so nothing could be tested; they are left out of the rates.")
    print(f"SD of the difference over studies {100 * found.sd_difference:.2f} points.")
    print(
        f"Paired t-test: mean standard error {100 * found.mean_se_paired:.2f}, {what} for new images"
        f" {found.reject_paired:.3f}, coverage {found.cover_paired:.3f}."
    )
    print(
        f"Two-way variance: mean standard error {100 * found.mean_se_two_way:.2f}, {what} {found.reject_two_way:.3f},"
        f" coverage {found.cover_two_way:.3f}."
    )
    return 0


def add_type_one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--studies", type=int, default=2000, help="simulated studies per scenario (2000)")
    parser.add_argument(
        "--slow-studies", type=int, help="of them with the mixed model and the bootstrap, a hundred times slower (all)"
    )
    parser.add_argument("--seed", type=int, default=20210408)
    parser.add_argument("--only", help="scenarios whose name holds this text")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run_type_one(options: argparse.Namespace, progress) -> int:
    """Print the rejection rates of every method; exit 1 when a new-images method leaves .035 to .065."""
    from benchmark.core.planning.type_one import leaves_the_band, rejection_rates, scenarios, table_head, table_row

    # A scenario's seed is its place among all of them, so that a run in parts equals the whole.
    chosen = [(place, s) for place, s in enumerate(scenarios()) if not options.only or options.only in s.name]
    slow = options.studies if options.slow_studies is None else options.slow_studies
    if not chosen or options.studies < 2 or not 0 <= slow <= options.studies or options.seed < 0:
        raise InputError(
            "At least two studies, no more slow ones than that, a seed of at least 0 and a scenario of that name are"
            " needed."
        )
    if not options.json:
        print(
            f"{options.studies} studies per scenario ({slow} with the slow methods), seed {options.seed}, nominal level"
            f" .05.\n\n{table_head()}",
            flush=True,
        )
    found = []
    for number, (place, scenario) in enumerate(chosen):
        progress(number, len(chosen), scenario.name)
        result = rejection_rates(
            scenario.world, scenario.design, scenario.methods, studies=options.studies, seed=options.seed + place,
            these_images=scenario.these_images, slow_studies=slow,
        )  # fmt: skip
        found.append((scenario, result))
        if not options.json:
            print(table_row(scenario, result), flush=True)
    if options.json:
        print(json.dumps([{"scenario": s.name, **asdict(r)} for s, r in found], indent=1))
    outside = leaves_the_band(found)
    for scenario, rate in outside:
        line = f"{scenario.name}: {rate.method} rejects {rate.rejected:.3f} (Monte Carlo error {rate.error:.3f})."
        print(line, file=sys.stderr)
    return 1 if outside else 0
