"""A study rehearsed before launch: a copy of it, read by simulated readers through the same doors, and compared.

The copy takes the study's set-up, the very images and surveys that its readers will get, and its current plan. Every group is
filled with simulated people; a network that has predicted the images reads with its real answers, any other that the plan names
with made-up ones. In a rating study the people are simulated raters. The study itself is not touched, and the copy is marked
wherever it appears.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

from django.core.exceptions import ValidationError
from django.db import transaction

from benchmark.core.plans.plan import Contrast, Plan
from benchmark.models import AnalysisPlan, Comparison, StoredPredictions, StudyRecord
from imagebank.jobs import queue_job, retry_job
from imagebank.models import DiagnosisClass, Job, Membership, Study, Truth
from imagebank.services.archive import require_changeable
from imagebank.services.copying import copy_items
from imagebank.tables import csv_text
from surveys.models import Assistance, ReaderGroup, SurveySet
from surveys.questions import ASSISTED
from surveys.services import (
    NetworkOutput,
    SimulatedRaters,
    assisted_questions,
    copy_ratings,
    freeze_assistance,
    is_read,
    load_protocol,
    record_model_answers,
    simulate_raters,
    simulate_readers,
    store_survey_set,
)
from surveys.services.setting_up.preset_text import QUESTION_DEFAULTS, preset_file, preset_of, toml_text

from .assistance import outputs_of
from .comparison import run_comparison
from .networks import answers_to_surveys, network_ensembles, survey_items
from .plans import stamp_plan
from .predictions import store_network_predictions, store_predictions
from .rating_analysis import is_rating_study
from .record import stored_record

REHEARSE = "rehearsal"
ENDING, LONGEST_SLUG = "-rehearsal", 50
SIMULATED = "simulated-network"
# A made-up network's share of its own answer, on average, where it is right and where it is wrong; it varies by this much.
SURE, UNSURE, SPREAD = 0.8, 0.6, 0.1
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Assumed:
    """What a rehearsal assumes. people: share correct by (group code, view); network: that of every made-up network.

    dprime: in a rating study instead, how well raters tell generated from real.
    leave_open: the first survey's seats stay free, so that whoever rehearses can read it like a reader.
    """

    people: Mapping[tuple[str, str], float]
    network: float = 0.8
    seed: int = 1
    leave_open: bool = False
    dprime: float = SimulatedRaters.dprime

    def as_json(self) -> dict:
        people = [{"group": group, "view": view, "accuracy": share} for (group, view), share in sorted(self.people.items())]
        others = {"network": self.network, "seed": self.seed, "leave_open": self.leave_open, "dprime": self.dprime}
        return {"people": people, **others}

    @classmethod
    def from_json(cls, said: Mapping) -> Self:
        people = {(row["group"], row["view"]): row["accuracy"] for row in said["people"]}
        return cls(people, said["network"], said["seed"], said["leave_open"], said["dprime"])


def asked_of(study: Study) -> list[tuple[ReaderGroup, str]]:
    """The groups of people and the views for which a rehearsal needs an accuracy; none in a rating study."""
    protocol = getattr(study, "protocol", None) if not is_rating_study(study) else None
    groups = study.reader_groups.filter(kind=ReaderGroup.Kind.HUMAN).order_by("position")
    return [(group, view) for group in groups for view in (protocol.view_order if protocol else ())]


def people_of(study: Study, shares: Mapping[str, float]) -> dict[tuple[str, str], float]:
    """Share correct by (group code, view) of everybody whom a rehearsal asks for.

    shares: by "group/view", by "group", or by "" for all others; the closer one goes first. A name that the study does not
    have, and a group for which nothing is said, raise ValidationError. A rating study asks for nobody and takes no names.
    """
    asked = [(group.code, view) for group, view in asked_of(study)]
    known = {"", *(group for group, _ in asked), *(f"{group}/{view}" for group, view in asked)}
    if unknown := sorted(set(shares) - known):
        there = ", ".join(sorted(known - {""})) or "no shares to name: its raters tell generated from real more or less well (dprime)"
        raise ValidationError(f"There is no {', '.join(unknown)} in {study.slug}; there are {there}.")
    found = {(group, view): shares.get(f"{group}/{view}", shares.get(group, shares.get(""))) for group, view in asked}
    if lacking := [f"{group}/{view}" for (group, view), share in found.items() if share is None]:
        raise ValidationError(f"No accuracy is given for {', '.join(lacking)}; add it, or one number for all others.")
    return found


def rehearsals_of(study: Study) -> list[Study]:
    """The rehearsals that there are, the newest first."""
    return list(Study.objects.filter(rehearsal_of=study.slug, leaving_at=None).order_by("-pk"))


def start_rehearsal(*, study: Study, assumed: Assumed, user=None) -> Job:
    """Queue a rehearsal of `study`; the same again goes on with one that was cut off, and starts nothing twice.

    What the study lacks, or an accuracy that is none, raises ValidationError at once.
    """
    _check(study, assumed)
    same = [job for job in study.jobs.filter(kind=REHEARSE) if job.payload["assumed"] == assumed.as_json()]
    for job in same:
        if job.is_active:
            return job
        if job.state in (Job.State.FAILED, Job.State.CANCELLED):
            return retry_job(job=job)
    payload = {"assumed": assumed.as_json(), "slug": _free_slug(study)}
    return queue_job(study=study, kind=REHEARSE, title="Rehearse the study", payload=payload, user=user)


def rehearse(*, study: Study, assumed: Assumed, slug: str = "", user=None, progress: Progress | None = None) -> Comparison:
    """Rehearse `study` and return the comparison of its copy, a study of its own at the address `slug`.

    Interrupted and called again with the same slug it goes on where it stopped. progress: called with (per cent done, 100,
    what comes next); what it raises stops the work. Raises ValidationError for a study without surveys, an archived
    one or the rehearsal of another, and where the plan names what the study does not have.
    """
    _check(study, assumed)
    tell = progress or (lambda done, total, words: None)
    tell(0, 100, "Copy the set-up, the images and the surveys")
    rated, predictions = is_rating_study(study), None
    copy = _copy(study, slug or _free_slug(study), networks := {} if rated else _networks(study))
    if networks:
        tell(10, 100, "Let the networks answer")
        predictions = _let_networks_answer(study, copy, networks, assumed, user)
    _simulate_people(copy, assumed, lambda done, total: tell(15 + 55 * done // max(1, total), 100, f"Simulate the readers: {done} of {total}"))
    return run_comparison(
        study=copy, predictions=predictions, seed=assumed.seed, user=user,
        progress=lambda done, total, words: tell(70 + 30 * done // max(1, total), 100, f"Compare: {words}"),
    )  # fmt: skip


def _simulate_people(copy: Study, assumed: Assumed, progress: Callable[[int, int], None]) -> None:
    first = copy.survey_sets.get().surveys.order_by("number").first().code
    seats = [(first, group.code) for group in copy.reader_groups.all()] if assumed.leave_open else []
    sitting = {"study": copy, "seed": assumed.seed, "leave_open": seats, "progress": progress}
    if is_rating_study(copy):
        simulate_raters(**sitting, raters=SimulatedRaters(dprime=assumed.dprime))
    else:
        simulate_readers(**sitting, accuracies=assumed.people)


def _check(study: Study, assumed: Assumed) -> None:
    require_changeable(study)
    if study.rehearsal_of:
        raise ValidationError(f"{study.slug} is itself a rehearsal; rehearse {study.rehearsal_of}.")
    if not study.survey_sets.exists():
        raise ValidationError(f"{study.title} has no surveys yet; draw them first, then they can be rehearsed.")
    needed = {(group.code, view) for group, view in asked_of(study)}
    bad = [f"{group}/{view}" for group, view in sorted(needed) if not 0 < assumed.people.get((group, view), 0) < 1]
    if bad or not 0 < assumed.network < 1:
        raise ValidationError(
            f"A rehearsal needs shares correct between 0 and 1 (both excluded), for {', '.join(bad) or 'the networks'}."
        )


def _free_slug(study: Study) -> str:
    stem = f"{study.slug[: LONGEST_SLUG - len(ENDING) - 4]}{ENDING}"
    taken = set(Study.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    taken |= {job.payload["slug"] for job in Job.objects.filter(kind=REHEARSE, study=study)}
    return next(slug for number in range(1, 1000) if (slug := f"{stem}-{number}") not in taken)


def _networks(study: Study) -> dict[str, bool]:
    """Networks by name, with whether they answer really: those of the plan, else those that could answer, else a made-up one."""
    planned = {contrast.model for contrast in _planned(study)}
    planned |= set(Assistance.objects.filter(study=study).values_list("network", flat=True))
    able = {name for name in set(study.ensembles.values_list("name", flat=True)) if _answers_all(study, name)}
    return {name: name in able for name in sorted(planned or able or {SIMULATED})}


def _answers_all(study: Study, name: str) -> bool:
    try:
        return bool(answers_to_surveys(study, name))
    except ValidationError:
        return False


def _copy(study: Study, slug: str, networks: Mapping[str, bool]) -> Study:
    """The copy with its set-up, images, surveys, plan and people, or what there is of it already."""
    preset = preset_of(study)
    preset.pop("contacts", None)
    if assisted_questions(study) and not _has_maps(study, networks):
        _leave_out_maps(preset)
    survey_set: SurveySet = study.survey_sets.get()
    plan = AnalysisPlan.objects.filter(study=study).current()
    with transaction.atomic(), preset_file(toml_text(preset).encode()) as path:
        known = Study.objects.filter(slug=slug).first()
        if known is not None and known.rehearsal_of != study.slug:
            raise ValidationError(f"There is already a study at the address {slug}.")
        if known is not None:
            return known
        copy = Study.objects.create(
            slug=slug, title=f"Rehearsal: {study.title}"[:200], summary=_summary(study, networks), citation=study.citation,
            nature=study.nature, views=study.views, rehearsal_of=study.slug,
        )  # fmt: skip
        DiagnosisClass.objects.bulk_create(
            DiagnosisClass(study=copy, code=row.code, name=row.name, names=row.names, description=row.description, position=row.position)
            for row in study.classes.all()
        )
        protocol = load_protocol(study=copy, path=path, blocks=set(study.protocol.stimuli) or None)
        if protocol.stimuli:
            copy_ratings(source=study, target=copy)
        else:
            copy_items(source=study, target=copy, codes={code for codes in survey_items(study).values() for code in codes})
            store_survey_set(study=copy, seed=survey_set.seed, document=survey_set.design)
        if plan:
            stamp_plan(study=copy, text=plan.text)
        StudyRecord.objects.create(study=copy, texts=stored_record(study))
        Membership.objects.bulk_create(
            Membership(study=copy, user_id=row.user_id, role=row.role) for row in study.members.all()
        )
    return copy


def _summary(study: Study, networks: Mapping[str, bool]) -> str:
    """What is simulated comes first; the study's own summary follows."""
    made_up = [name for name, really in networks.items() if not really]
    answers = f" and the answers of {', '.join(made_up)}" if made_up else ""
    return f"A rehearsal: all readers{answers} are made up. {study.summary}".strip()


def _leave_out_maps(preset: dict) -> None:
    """What else a second answer shows stays."""
    for question in preset["questions"]:
        if question.get("kind") == ASSISTED:
            shows = question.get("shows", QUESTION_DEFAULTS["shows"])
            question["shows"] = [what for what in shows if what != "map"] or ["answer"]


def _has_maps(study: Study, networks: Mapping[str, bool]) -> bool:
    """Whether the network beside the readers has explained every answer; a made-up one has no map to show."""
    name = _assistant(study, networks)
    return networks[name] and all(output.layer for output in outputs_of(study, name).values())


def _assistant(study: Study, networks: Mapping[str, bool]) -> str:
    """The network that stands beside the readers: the one that is frozen, else the one whose gain is planned, else the first."""
    frozen = Assistance.objects.filter(study=study).first()
    if frozen:
        return frozen.network
    return next((contrast.model for contrast in _planned(study) if contrast.assisted), next(iter(networks)))


def _planned(study: Study) -> tuple[Contrast, ...]:
    plan = AnalysisPlan.objects.filter(study=study).current()
    return Plan.from_toml(text=plan.text).primary if plan else ()


def _let_networks_answer(
    study: Study, copy: Study, networks: Mapping[str, bool], assumed: Assumed, user
) -> StoredPredictions:
    """Each network reads the copy's surveys, and stands beside its readers where they answer twice; returns predictions."""
    unread = not is_read(copy)
    real = [name for name, really in networks.items() if really]
    made_up = {name: _made_up(copy, name, assumed) for name, really in networks.items() if not really}
    for name in real:
        record_model_answers(study=copy, name=name, answers=answers_to_surveys(study, name))
    for name, shares in made_up.items():
        answers = {key: max(row, key=row.get) for key, row in shares.items()}
        record_model_answers(study=copy, name=name, answers=answers, simulated=True)
    if unread and assisted_questions(copy):
        name = _assistant(study, networks)
        outputs = outputs_of(study, name) if networks[name] else _outputs(made_up[name])
        freeze_assistance(study=copy, network=name, outputs=outputs, user=user)
    if real:  # one file of probabilities has one list of classes: that of the first network
        return store_network_predictions(study=study, names=_of_the_same_classes(study, real), keep_in=copy, user=user)
    return store_predictions(study=copy, data=_predictions(copy, made_up).encode(), title=", ".join(made_up), user=user)


def _of_the_same_classes(study: Study, names: list[str]) -> list[str]:
    known = {name: [one.run.classes for one in network_ensembles(study, name).values()] for name in names}
    return [name for name in names if all(classes == known[names[0]][0] for classes in known[name])]


def _outputs(shares: Mapping) -> dict[tuple[str, str], NetworkOutput]:
    return {key: NetworkOutput(max(row, key=row.get), row) for key, row in shares.items()}


def _made_up(copy: Study, name: str, assumed: Assumed) -> dict[tuple[str, str], dict[str, float]]:
    """Probabilities by class of a network that does not exist, by (item code, view); right on about the assumed share.

    Which images it misses has nothing to do with which ones people miss: it errs at random.
    """
    import numpy

    classes = list(copy.classes.order_by("position").values_list("code", flat=True))
    truth = dict(Truth.objects.filter(item__study=copy).values_list("item__code", "diagnosis__code"))
    draw = numpy.random.default_rng([assumed.seed, *name.encode()])
    made = {}
    for view, codes in sorted(survey_items(copy).items()):
        for code in codes:
            right = draw.random() < assumed.network
            others = [one for one in classes if one != truth[code]]
            answer = truth[code] if right or not others else others[draw.integers(len(others))]
            least = 1 / len(classes)
            share = min(0.99, max(least + 0.02, draw.normal(SURE if right else UNSURE, SPREAD)))
            rest = draw.dirichlet([5.0] * max(1, len(classes) - 1)) * (1 - share)
            # No other class may come out ahead of the answer.
            rest = numpy.minimum(rest, share * 0.95) if len(classes) > 1 else rest
            spare = 1 - share - math.fsum(rest)
            made[code, view] = {answer: share + spare} | dict(zip((one for one in classes if one != answer), map(float, rest)))
    return made


def _predictions(copy: Study, made_up: Mapping[str, Mapping]) -> str:
    classes = list(copy.classes.order_by("position").values_list("code", flat=True))
    truth = dict(Truth.objects.filter(item__study=copy).values_list("item__code", "diagnosis__code"))
    return csv_text(
        ["model", "member", "item", "view", "truth", *(f"p_{code}" for code in classes)],
        (
            [name, "ensemble", code, view, truth[code], *(row[one] for one in classes)]
            for name, shares in made_up.items()
            for (code, view), row in shares.items()
        ),
    )
