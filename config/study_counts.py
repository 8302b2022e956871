"""How much there is of everything in a study: for one page of studies at once, by as many queries as for one study."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.apps import apps
from django.db.models import Count, Q

from imagebank.models import Item, Provenance, Study

# What is counted: "app.Model", the way from a row to its study, and the rows that each number counts.
COUNTED = (
    ("imagebank.Item", "study", {"items": Q(excluded_at=None), "testing": Q(excluded_at=None, split=Item.Split.TEST)}),
    ("surveys.Stimulus", "study", {"rated": Q(role="rated")}),
    ("surveys.Survey", "survey_set__study", {"surveys": Q()}),
    ("surveys.ImportedReading", "reader__study", {"imported": Q()}),
    (
        "surveys.Reader",
        "study",
        {
            "people": Q(kind="human", simulated=False),
            "simulated": Q(kind="human", simulated=True),
            "networks": Q(kind="model"),
        },
    ),
    (
        "surveys.Seat",
        "survey__survey_set__study",
        {"seats": ~Q(state="replaced"), "complete": Q(state="complete")},  # a replaced seat is history, not a place
    ),
    ("surveys.SurveyResponse", "survey__survey_set__study", {"begun": Q()}),
    ("benchmark.Comparison", "study", {"comparisons": Q()}),
)


@dataclass
class StudyCounts:
    """Numbers of one study, and what its pictures are said to be where it does not say so itself."""

    items: int = 0
    testing: int = 0
    rated: int = 0
    surveys: int = 0
    imported: int = 0
    people: int = 0
    simulated: int = 0
    networks: int = 0
    seats: int = 0
    complete: int = 0
    begun: int = 0
    comparisons: int = 0
    natures: list[str] = field(default_factory=list)


def counts_of(studies: Iterable[Study], *models: str) -> dict[int, StudyCounts]:
    """The counts of each of `studies`, by its key; one query for each model, however many studies there are.

    With `models`, of these alone.
    """
    studies = list(studies)
    found = {study.pk: StudyCounts() for study in studies}
    for name, path, numbers in COUNTED:
        if models and name not in models:
            continue
        try:
            model = apps.get_model(*name.split("."))
        except LookupError:  # that room is not part of this house; there is none of it
            continue
        rows = model.objects.filter(**{f"{path}__in": list(found)}).order_by().values_list(path)
        for pk, *values in rows.annotate(**{f"n_{key}": Count("pk", filter=rule) for key, rule in numbers.items()}):
            vars(found[pk]).update(zip(numbers, values, strict=True))
    for pk, nature in _natures([study.pk for study in studies if not study.nature]):
        found[pk].natures.append(nature)
    return found


def _natures(keys: list[int]) -> list[tuple[int, str]]:
    """(study, what some of its pictures are said to be), each once, in order, where a study does not say it itself."""
    told = Provenance.objects.filter(image__item__study__in=keys).exclude(nature="")
    return sorted(told.order_by().values_list("image__item__study", "nature").distinct())
