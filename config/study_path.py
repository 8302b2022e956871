"""A study as a path: images, design, readers, reading, results; each step with its state and its one next action.

Reads only counts, never whether an answer was right, so that the page may be shown to people who stay blind to it.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

from django.apps import apps
from django.urls import NoReverseMatch, reverse

from imagebank.models import Item, Provenance, Study
from imagebank.permissions import TRUTH_ROLES, Role, has_role, may_change


@dataclass(frozen=True)
class Step:
    """One step. `progress` is "not begun", "under way" or "done"; `url` is None where this person has nothing to do."""

    name: str
    progress: str
    state: str
    action: str = ""
    url: str | None = None


def study_path(*, study: Study, user) -> list[Step]:
    """The five steps of `study` as `user` may take them."""
    coordinates = has_role(user, study, Role.COORDINATOR)
    bank = link(study, "imagebank:items", "imagebank:overview", "imagebank:item-list", "imagebank:bank")
    surveys = link(study, "surveys:overview") if coordinates else None
    trains = has_role(user, study, Role.ENGINEER)
    readers = link(study, "surveys:readers") if coordinates else link(study, "models_ml:runs") if trains else None
    seats = link(study, "surveys:seats") if coordinates else None
    results = link(study, "benchmark:comparison_list") if has_role(user, study, *TRUTH_ROLES) else None
    may_compare = may_change(user, study, Role.ANALYST, Role.COORDINATOR)
    steps = [
        images_step(study, bank),
        design_step(study, surveys),
        readers_step(study, readers, _about_readers(study) if coordinates else _about_networks(study)),
        reading_step(study, seats),
        results_step(study, results, may_compare),
    ]
    if study.archived_at:  # nothing begins there
        steps = [replace(step, url=None) if step.progress == "not begun" else step for step in steps]
    return [steps[0], *(with_action_when_its_turn_has_come(before, step) for before, step in pairwise(steps))]


def _about_readers(study: Study) -> str:
    return "See the readers" if study_state(study) else "Invite readers"


def _about_networks(study: Study) -> str:
    return "See the networks" if study.archived_at else "Train networks"


def with_action_when_its_turn_has_come(before: Step, step: Step) -> Step:
    """The step without its action while neither it nor the step before it has begun."""
    waits = before.progress == "not begun" and step.progress == "not begun"
    return replace(step, url=None) if waits else step


def link(study: Study, *names: str) -> str | None:
    """The address of the first of `names` that exists for this study."""
    for name in names:
        try:
            return reverse(name, args=[study.slug])
        except NoReverseMatch:
            continue
    return None


def count(model: str, **filters) -> int:
    """How many rows of "app.Model" match; 0 where that app does not offer the model."""
    app, name = model.split(".")
    try:
        return apps.get_model(app, name).objects.filter(**filters).count()
    except LookupError:
        return 0


def amount(number: int, one: str, many: str = "") -> str:
    """The number with its word: "1 person", "2 people"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def simulated_readers(study: Study) -> int:
    return count("surveys.Reader", study=study, kind="human", simulated=True)


def study_tags(study: Study) -> list[str]:
    """What a visitor must know before believing a number or a picture: drawn or generated pictures, simulated readers."""
    natures = Provenance.objects.filter(image__item__study=study).exclude(nature="")
    tags = [study.nature] if study.nature else sorted(natures.values_list("nature", flat=True).distinct())
    simulated = simulated_readers(study)
    return [*tags, *([f"{amount(simulated, 'reader')} simulated, not people"] if simulated else [])]


def study_state(study: Study) -> str:
    """What is closed in the study, in two words; empty while it is open."""
    if study.archived_at:
        return "archived"
    protocol = getattr(study, "protocol", None)
    if protocol is None or not protocol.recruitment_closed_at:
        return ""
    return "reading closed" if protocol.reading_closed_at else "recruitment closed"


def images_step(study: Study, url: str | None) -> Step:
    items = study.items.included()
    total, testing = items.count(), items.filter(split=Item.Split.TEST).count()
    rated = count("surveys.Stimulus", study=study, role="rated")
    if rated and not total:  # a rating study shows pictures of another study's bank
        return Step("Images", "done", f"{amount(rated, 'stimulus', 'stimuli')} to rate")
    if not total:
        return Step("Images", "not begun", "none yet", "Import images", url)
    tested = "all for testing" if testing == total else f"{testing:,} for testing"
    return Step("Images", "done", f"{amount(total, 'item')}, {tested}", "Open the image bank", url)


def design_step(study: Study, url: str | None) -> Step:
    surveys = count("surveys.Survey", survey_set__study=study)
    if surveys:
        return Step("Design", "done", f"{surveys} surveys", "Certificate and previews", url)
    if count("surveys.ImportedReading", reader__study=study):
        return Step("Design", "done", "made elsewhere, imported")
    return Step("Design", "not begun", "no surveys drawn", "Draw surveys", url)


def readers_step(study: Study, url: str | None, action: str) -> Step:
    people = count("surveys.Reader", study=study, kind="human", simulated=False)
    simulated = simulated_readers(study)
    parts = [amount(people, "person", "people")] if people or not simulated else []
    if simulated:
        parts.append(f"{simulated} simulated")
    networks = count("surveys.Reader", study=study, kind="model")
    if networks:
        parts.append(amount(networks, "network"))
    begun = people + simulated + networks > 0
    return Step("Readers", "done" if begun else "not begun", ", ".join(parts), action, url)


def reading_step(study: Study, url: str | None) -> Step:
    seats = count("surveys.Seat", survey__survey_set__study=study)
    complete = count("surveys.Seat", survey__survey_set__study=study, state="complete")
    imported = count("surveys.ImportedReading", reader__study=study)
    if seats:
        begun = count("surveys.SurveyResponse", survey__survey_set__study=study) > 0
        closed = study_state(study) in ("reading closed", "archived")
        progress = "done" if complete == seats or closed else "under way" if begun else "not begun"
        state = f"{complete} of {seats} seats complete{', closed' if closed else ''}"
        return Step("Reading", progress, state, "See who reads", url)
    if imported:
        return Step("Reading", "done", f"{imported:,} readings imported")
    return Step("Reading", "not begun", "no seats yet")


def results_step(study: Study, url: str | None, may_compare: bool) -> Step:
    comparisons = count("benchmark.Comparison", study=study)
    if comparisons:
        return Step("Results", "done", amount(comparisons, "comparison"), "See results", url)
    return Step("Results", "not begun", "not analysed", "Compare", url if may_compare else None)
