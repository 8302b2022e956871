"""What a design can show, before anybody is invited: closed form at once, whole simulated studies as a job."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

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
from imagebank.models import Study
from surveys.models import Survey

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

    Empty for a rating study, and where too little is there to plan on.
    """
    protocol = getattr(study, "protocol", None)
    if protocol is None or protocol.stimuli:
        return {}
    tested = study.items.included().testing().values_list("truth__diagnosis").annotate(items=Count("pk"))
    per_class = min((items for _, items in tested), default=0)
    readers = Survey.objects.filter(survey_set__study=study).count() or protocol.sets * per_class // protocol.per_class
    found = {"classes": len(tested), "per_class": per_class, "per_survey": protocol.per_class, "readers": readers}
    return found if per_class > 1 and readers > 2 and protocol.per_class <= per_class else {}


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
    *, readers: int, classes: int, per_class: int, per_survey: int, difference: float, spread: Spread
) -> PlannedDesign:
    """Power and precision of `readers` readers who each see `per_survey` of `per_class` items of every class."""
    if per_survey > per_class:
        raise ValidationError(
            f"A reader cannot see {per_survey} of {per_class} items per class; lower one, raise the other."
        )
    if difference == 0:
        raise ValidationError("Power needs a difference other than 0.")
    design = Design(readers, classes * per_class, classes * per_survey, classes)
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
            lambda n: Design(round(n), design.items, design.per_reader, classes), spread, size, _grid(3, max(2.5 * readers, 20))
        ),
        by_items=_curves(
            lambda n: Design(readers, round(n), min(design.per_reader, round(n)), classes),
            spread,
            size,
            _grid(2 * classes, max(2.5 * design.items, 4 * classes)),
        ),
    )


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
    studies: int = 2000,
    seed: int = 0,
    progress: Callable[[int, int, str], None] | None = None,
) -> dict:
    """Simulate whole studies of the nearest balanced design and count what each test does.

    Balanced: every item equally often, so `per_class` must be a multiple of `per_survey`, and readers come in whole
    survey sets. Returns the counts with the design that was simulated.
    """
    from benchmark.core.planning.simulation import StudyDesign, simulate

    sets = max(1, round(readers * per_survey / per_class))
    try:
        design = StudyDesign(classes, per_class, per_survey, sets)
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
