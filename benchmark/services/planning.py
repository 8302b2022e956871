"""What a design can show, before anybody is invited: closed form at once, whole simulated studies as a job."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

from django.core.exceptions import ValidationError
from django.db.models import Count

from benchmark.core.planning.closed_form import (
    Design,
    Precision,
    Spread,
    equivalence_margin,
    fixed_images_precision,
    items_needed,
    largest_sd,
    new_images_precision,
)
from benchmark.core.planning.rating_size import (
    CHANCE,
    FEWEST_IMAGES,
    FEWEST_RATERS,
    RatingSize,
    RatingWorld,
    equivalence_power,
    rating_design,
    rating_size,
)
from imagebank.models import Study
from surveys.models import Seat, Stimulus, Survey, SurveyItem

TARGET = 0.95
CURVE_POINTS = 48


@dataclass(frozen=True)
class Curve:
    """One line of a chart: (x, y) pairs in plain units, y a share."""

    name: str
    points: list[tuple[float, float]]


@dataclass(frozen=True)
class PlannedDesign:
    """A design with its power and precision for both questions. Everything on the scale of accuracy (0 to 1)."""

    design: Design
    spread: Spread
    difference: float
    classes: int
    these_images: Precision
    new_images: Precision
    largest_sd: float
    needed: tuple[int, int] | None
    equivalence_margin: float
    by_readers: list[Curve]
    by_items: list[Curve]


def design_of(study: Study) -> dict[str, int]:
    """The study's own design as fields of the planning page: as drawn, or as its rules would draw it from its test items.

    Empty where too little is there to plan on; for a rating study see `rating_design_of`.
    """
    protocol = getattr(study, "protocol", None)
    if protocol is None or protocol.stimuli:
        return {}
    tested = study.items.included().testing().values_list("truth__diagnosis").annotate(items=Count("pk"))
    per_class = min((items for _, items in tested), default=0)
    anchors = protocol.anchors_per_class
    each = max(1, protocol.per_class - anchors)
    readers = Survey.objects.filter(survey_set__study=study).count() or protocol.sets * (per_class - anchors) // each
    found = {"classes": len(tested), "per_class": per_class, "per_survey": protocol.per_class, "readers": readers}
    found |= {"anchors": anchors} if anchors else {}
    return found if per_class > 1 and readers > 2 and protocol.per_class <= per_class else {}


def rating_design_of(study: Study) -> dict[str, int]:
    """A drawn rating study's raters (seats), single images each and distinct single images; catches and repeats do not count.

    Empty where nothing is drawn, or no single image is judged.
    """
    judged = SurveyItem.objects.filter(
        block__survey__survey_set__study=study, repeat_of=None, stimulus__kind=Stimulus.Kind.SINGLE, stimulus__role=Stimulus.Role.RATED
    )
    images, pages = judged.values("stimulus").distinct().count(), judged.count()
    surveys = judged.values("block__survey").distinct().count()
    raters = Seat.objects.of_study(study).live().count()
    each = -(-pages // surveys) if surveys else 0
    if raters < FEWEST_RATERS or images < FEWEST_IMAGES or raters * each < images:
        return {}
    return {"raters": raters, "each": each, "images": images}


def plan_rating(
    *, raters: int, each: int, images: int, error: float, margin: float, sd_rater: float, icc: float
) -> tuple[RatingSize, list[Curve], list[Curve]]:
    """What the design shows, and its power by raters and by distinct images. Shares from 0 to 1; ValidationError where it cannot be."""
    world = RatingWorld(error, sd_rater, icc)
    try:
        found = rating_size(rating_design(raters, each, images), world, margin)
    except ValueError as refusal:
        raise ValidationError(str(refusal)) from refusal
    least = max(FEWEST_RATERS, -(-images // each))
    by_raters = _rating_curves(
        lambda n: replace(found.design, readers=n), found, _grid(least, max(2.5 * raters, least + 20))
    )
    most = raters * each
    by_images = _rating_curves(
        lambda n: replace(found.design, items=n, per_reader=min(each, n)), found,
        _grid(FEWEST_IMAGES, max(images, min(most, max(2.5 * images, 20)))),
    )  # fmt: skip
    return found, by_raters, by_images


def _rating_curves(design_at: Callable[[int], Design], found: RatingSize, grid: list[int]) -> list[Curve]:
    away = abs(found.world.error - CHANCE)
    curves = [Curve("equivalence", [(n, equivalence_power(design_at(n), found.world, found.margin)) for n in grid])]
    if away:
        spread = found.world.spread()
        curves.append(Curve("not chance", [(n, new_images_precision(design_at(n), spread, away).power) for n in grid]))
    return curves


def spread_from_model(
    *, accuracy_readers: float, difference: float, sd_reader: float, sd_item: float, correlation: float
) -> Spread:
    """Variances of one reading's difference where readers and images vary on the logit scale.

    An accuracy of the network outside (0, 1) raises ValidationError.
    """
    from benchmark.core.planning.simulation import spread_of

    return spread_of(_world(accuracy_readers, difference, sd_reader, sd_item, correlation))


def _world(accuracy_readers: float, difference: float, sd_reader: float, sd_item: float, correlation: float):
    from benchmark.core.planning.simulation import World

    accuracy_model = accuracy_readers + difference
    if not 0 < accuracy_model < 1:
        raise ValidationError(
            f"The network's accuracy must lie between 0 and 100 %; readers at {100 * accuracy_readers:g} % and a"
            f" difference of {100 * difference:g} points make it {100 * accuracy_model:g} %."
        )
    return World(accuracy_readers, accuracy_model, sd_reader, sd_item, correlation)


def plan_design(
    *, readers: int, classes: int, per_class: int, per_survey: int, difference: float, spread: Spread, anchors: int = 0
) -> PlannedDesign:
    """Power and precision of `readers` readers who each see `per_survey` of `per_class` items of every class.

    anchors: how many of those items every reader sees.
    """
    if per_survey > per_class:
        raise ValidationError(
            f"A reader cannot see {per_survey} of {per_class} items per class; lower one, raise the other."
        )
    if anchors and not anchors < per_survey < per_class:
        raise ValidationError(
            f"Anchors per class are fewer than the {per_survey} images of a class that a reader sees, and those fewer than all"
            f" {per_class}; {anchors} are asked for."
        )
    if difference == 0:
        raise ValidationError("Power needs a difference other than 0.")
    common = classes * anchors
    design = Design(readers, classes * per_class, classes * per_survey, classes, common)
    size = abs(difference)
    return PlannedDesign(
        design=design,
        spread=spread,
        difference=difference,
        classes=classes,
        these_images=fixed_images_precision(design, spread, size, target=TARGET),
        new_images=new_images_precision(design, spread, size, target=TARGET),
        largest_sd=largest_sd(size, readers, power=TARGET),
        needed=items_needed(
            spread,
            size,
            reads_per_item=readers * per_survey / per_class,
            per_reader=design.per_reader,
            classes=classes,
            target=TARGET,
        ),
        equivalence_margin=equivalence_margin(design, spread),
        by_readers=_curves(
            lambda n: replace(design, readers=round(n)), spread, size, _grid(3, max(2.5 * readers, 20))
        ),
        by_items=_curves(
            lambda n: _of_items(design, round(n)),
            spread,
            size,
            _grid(2 * classes, max(2.5 * design.items, 4 * classes)),
        ),
    )


def _of_items(design: Design, items: int) -> Design:
    """The design with so many items; where a reader sees all of them there is no anchor."""
    each = min(design.per_reader, items)
    return replace(design, items=items, per_reader=each, anchors=design.anchors if each < items else 0)


def _grid(low: float, high: float) -> list[int]:
    steps = {round(low + (high - low) * k / (CURVE_POINTS - 1)) for k in range(CURVE_POINTS)}
    return sorted(steps)


def _curves(design_at: Callable[[float], Design], spread: Spread, size: float, grid: list[int]) -> list[Curve]:
    return [
        Curve("these images", [(n, fixed_images_precision(design_at(n), spread, size).power) for n in grid]),
        Curve("new images", [(n, new_images_precision(design_at(n), spread, size).power) for n in grid]),
    ]


def simulate_design(
    *,
    readers: int,
    classes: int,
    per_class: int,
    per_survey: int,
    accuracy_readers: float,
    difference: float,
    sd_reader: float,
    sd_item: float,
    correlation: float,
    anchors: int = 0,
    studies: int = 2000,
    seed: int = 0,
    progress: Callable[[int, int, str], None] | None = None,
) -> dict:
    """Simulate whole studies of the nearest balanced design and count what each test does.

    Balanced: every item equally often, so `per_class` must be a multiple of `per_survey`, and readers come in whole
    survey sets. Returns the counts with the design that was simulated.
    """
    from benchmark.core.planning.simulation import StudyDesign, simulate

    if not 0 <= anchors < per_survey:
        raise ValidationError(f"Anchors are fewer than the {per_survey} images of a class that a reader sees; {anchors} are asked for.")
    sets = max(1, round(readers * (per_survey - anchors) / max(per_class - anchors, 1)))
    try:
        design = StudyDesign(classes, per_class, per_survey, sets, anchors=anchors)
    except ValueError as error:
        raise ValidationError(
            f"{error} Choose items per class that are a multiple of those that a reader sees."
        ) from error
    if design.readers < 2:
        raise ValidationError("At least two readers are needed; add sets or make surveys shorter.")
    world = _world(accuracy_readers, difference, sd_reader, sd_item, correlation)
    try:
        found = simulate(world, design, studies=studies, seed=seed, progress=progress)
    except ValueError as error:
        raise ValidationError(str(error)) from error
    return {
        **asdict(found), "readers": design.readers, "items": design.items, "seed": seed,
        "difference": difference, "accuracy_readers": accuracy_readers,
    }  # fmt: skip
