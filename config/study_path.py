"""A study as a path: images, design, readers, reading, results; each step with its state and its one next action.

Reads only counts, never whether an answer was right, so that the page may be shown to people who stay blind to it.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

from django.urls import NoReverseMatch, reverse

from config.study_counts import StudyCounts, counts_of
from imagebank.models import Study
from imagebank.permissions import TRUTH_ROLES, Role, roles_in


@dataclass(frozen=True)
class Step:
    """One step. `progress` is "not begun", "under way" or "done"; `url` is None where this person has nothing to do.

    `turn` marks the one step with which this person goes on: the first that is not done and has an action.
    """

    name: str
    progress: str
    state: str
    action: str = ""
    url: str | None = None
    turn: bool = False


def study_paths(*, studies: list[Study], user) -> list[tuple[Study, list[Step], list[str]]]:
    """Each of `studies` with its path as `user` may take it and its tags; as many queries as for one study."""
    counts, roles = counts_of(studies), roles_in(user, studies)
    return [
        (study, _steps(study, counts[study.pk], roles[study.pk]), _tags(study, counts[study.pk])) for study in studies
    ]


def study_path(*, study: Study, user) -> list[Step]:
    """The five steps of `study` as `user` may take them."""
    ((_, steps, _),) = study_paths(studies=[study], user=user)
    return steps


def _steps(study: Study, counts: StudyCounts, roles: frozenset[str]) -> list[Step]:
    coordinates = Role.COORDINATOR in roles
    bank = link(study, "imagebank:items", "imagebank:overview", "imagebank:item-list", "imagebank:bank")
    surveys = link(study, "surveys:overview") if coordinates else None
    trains = Role.ENGINEER in roles
    readers = link(study, "surveys:readers") if coordinates else link(study, "models_ml:runs") if trains else None
    seats = link(study, "surveys:seats") if coordinates else None
    results = link(study, "benchmark:comparison_list") if roles.intersection(TRUTH_ROLES) else None
    reviews = roles == {Role.REVIEWER}
    may_compare = bool(roles & {Role.ANALYST, Role.COORDINATOR})
    steps = [
        images_step(counts, bank, *(link(study, name) if coordinates else None for name in ("imagebank:split", "imagebank:import"))),
        design_step(counts, surveys),
        readers_step(counts, readers, _about_readers(study) if coordinates else _about_networks(study)),
        reading_step(counts, seats, closed=study_state(study) in ("reading closed", "archived")),
        results_step(counts, results, may_compare),
    ]
    if reviews and counts.items and not study.archived_at:  # all that is theirs to do here
        steps[0] = replace(steps[0], action="Review the pictures", url=link(study, "imagebank:next-review"), turn=True)
        return [steps[0], *(replace(step, url=None) for step in steps[1:])]
    if study.archived_at:  # nothing begins there
        steps = [replace(step, url=None) if step.progress == "not begun" else step for step in steps]
    return _with_turn([steps[0], *(with_action_when_its_turn_has_come(before, step) for before, step in pairwise(steps))])


def _about_readers(study: Study) -> str:
    return "See the readers" if study_state(study) else "Invite readers"


def _about_networks(study: Study) -> str:
    return "See the networks" if study.archived_at else "Train networks"


def with_action_when_its_turn_has_come(before: Step, step: Step) -> Step:
    """The step without its action while neither it nor the step before it has begun."""
    waits = before.progress == "not begun" and step.progress == "not begun"
    return replace(step, url=None) if waits else step


def _with_turn(steps: list[Step]) -> list[Step]:
    turn = next((step for step in steps if step.progress != "done" and step.url and step.action), None)
    return [replace(step, turn=step is turn) for step in steps]


def link(study: Study, *names: str) -> str | None:
    """The address of the first of `names` that exists for this study."""
    for name in names:
        try:
            return reverse(name, args=[study.slug])
        except NoReverseMatch:
            continue
    return None


def amount(number: int, one: str, many: str = "") -> str:
    """The number with its word: "1 person", "2 people"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def study_tags(study: Study) -> list[str]:
    """What a visitor must know before believing a number or a picture: drawn or generated pictures, simulated readers."""
    return _tags(study, counts_of([study], "surveys.Reader")[study.pk])


def _tags(study: Study, counts: StudyCounts) -> list[str]:
    tags = [study.nature] if study.nature else counts.natures
    simulated = [f"{amount(counts.simulated, 'reader')} simulated, not people"] if counts.simulated else []
    rehearsal = [f"rehearsal of {study.rehearsal_of}, simulated"] if study.rehearsal_of else []
    return [*rehearsal, *tags, *simulated]


def study_state(study: Study) -> str:
    """What is closed in the study, in two words; empty while it is open."""
    if study.archived_at:
        return "archived"
    protocol = getattr(study, "protocol", None)
    if protocol is None or not protocol.recruitment_closed_at:
        return ""
    return "reading closed" if protocol.reading_closed_at else "recruitment closed"


def images_step(counts: StudyCounts, url: str | None, split: str | None = None, bring: str | None = None) -> Step:
    if counts.rated and not counts.items:  # a rating study shows pictures of another study's bank
        return Step("Images", "done", f"{amount(counts.rated, 'stimulus', 'stimuli')} to rate")
    if not counts.items:
        return Step("Images", "not begun", "none yet", "Import images", bring or url)
    if not counts.testing and not counts.imported:
        return Step("Images", "under way", f"{amount(counts.items, 'item')}, none for testing", "Draw a test set", split or url)
    tested = "all for testing" if counts.testing == counts.items else f"{counts.testing:,} for testing"
    return Step("Images", "done", f"{amount(counts.items, 'item')}, {tested}", "Open the image bank", url)


def design_step(counts: StudyCounts, url: str | None) -> Step:
    if counts.surveys:
        return Step("Design", "done", f"{counts.surveys} surveys", "Certificate and previews", url)
    if counts.imported:
        return Step("Design", "done", "made elsewhere, imported")
    return Step("Design", "not begun", "no surveys drawn", "Draw surveys", url)


def readers_step(counts: StudyCounts, url: str | None, action: str) -> Step:
    parts = [amount(counts.people, "person", "people")] if counts.people or not counts.simulated else []
    if counts.simulated:
        parts.append(f"{counts.simulated} simulated")
    if counts.networks:
        parts.append(amount(counts.networks, "network"))
    begun = counts.people + counts.simulated + counts.networks > 0
    return Step("Readers", "done" if begun else "not begun", ", ".join(parts), action, url)


def reading_step(counts: StudyCounts, url: str | None, *, closed: bool) -> Step:
    if counts.seats:
        done = closed or counts.complete == counts.seats
        progress = "done" if done else "under way" if counts.begun else "not begun"
        state = f"{counts.complete} of {counts.seats} seats complete{', closed' if closed else ''}"
        return Step("Reading", progress, state, "See who reads", url)
    if counts.imported:
        return Step("Reading", "done", f"{counts.imported:,} readings imported")
    return Step("Reading", "not begun", "no seats yet")


def results_step(counts: StudyCounts, url: str | None, may_compare: bool) -> Step:
    if counts.comparisons:
        return Step("Results", "done", amount(counts.comparisons, "comparison"), "See results", url)
    return Step("Results", "not begun", "not analysed", "Compare", url if may_compare else None)
