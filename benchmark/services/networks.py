"""Networks among the readers: taking part in the surveys, standing beside people, leaving as predictions.csv."""

import csv
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db.models import Count

from benchmark.core.sections.leaderboard import Standing, leaderboard
from imagebank.models import Job, Study, Truth
from imagebank.tables import spreadsheet_safe
from models_ml.models import Ensemble, Prediction
from models_ml.services.predicting import queue_prediction, write_predictions
from surveys.models import Answer, ImportedReading, Reader, SurveyItem, SurveyResponse
from surveys.services import record_model_answers


def survey_items(study: Study) -> dict[str, list[str]]:
    """Item codes that the study's surveys ask, by view."""
    asked: dict[str, list[str]] = {}
    rows = SurveyItem.objects.filter(block__survey__survey_set__study=study).order_by("item__code")
    for view, code in rows.values_list("block__view", "item__code").distinct():
        asked.setdefault(view, []).append(code)
    return asked


def network_ensembles(study: Study, name: str) -> dict[str, Ensemble]:
    """The ensembles of that name, by view, which must cover every view that the surveys ask."""
    found = {one.view: one for one in study.ensembles.filter(name=name).select_related("run__study")}
    if not found:
        known = ", ".join(sorted(set(study.ensembles.values_list("name", flat=True)))) or "none"
        raise ValidationError(f"{study.slug} has no network {name!r}; it has {known}.")
    return found


def take_part(*, study: Study, name: str) -> Reader:
    """Let the network answer every item of the study's surveys, as a reader of that name.

    Recording again changes only answers that changed. Raises ValidationError as `answers_to_surveys` does.
    """
    return record_model_answers(study=study, name=name, answers=answers_to_surveys(study, name))


def answers_to_surveys(study: Study, name: str) -> dict[tuple[str, str], str]:
    """The network's class by (item code, view) for the items of the study's surveys.

    An answer outside the study's classes counts as no answer, and so does an abstention: it is missing. Raises
    ValidationError when a view or an item was not predicted.
    """
    asked, ensembles = survey_items(study), network_ensembles(study, name)
    if not asked:
        raise ValidationError(f"{study.title} has no surveys yet; draw them first, then {name} can read them.")
    if lacking := sorted(set(asked) - set(ensembles)):
        raise ValidationError(
            f"The surveys ask the {' and the '.join(lacking)} view, which {name} was not trained for; train or import a "
            "run of the same name for it."
        )
    missing = unanswered(study, name)
    if any(missing.values()):
        count = sum(map(len, missing.values()))
        raise ValidationError(f"{name} has not predicted {count} of the surveys' items yet; predict them first.")
    own = set(study.classes.values_list("code", flat=True))
    rows = Prediction.objects.filter(ensemble__in=ensembles.values())
    return {
        (code, view): answer for code, view, answer in rows.values_list("item__code", "view", "answer") if answer in own
    }


def unanswered(study: Study, name: str) -> dict[str, list[str]]:
    """Items of the surveys, by view, that the network has not predicted."""
    asked, missing = survey_items(study), {}
    for view, ensemble in network_ensembles(study, name).items():
        known = set(ensemble.predictions.values_list("item__code", flat=True))
        missing[view] = [code for code in asked.get(view, []) if code not in known]
    return missing


def predict_survey_items(*, study: Study, name: str, user=None) -> list[Job]:
    """Queue, for every view that lacks some, the prediction of exactly the items that the surveys ask."""
    asked = survey_items(study)
    ensembles = network_ensembles(study, name)
    return [
        queue_prediction(run=ensembles[view].run, items=asked[view], user=user)
        for view, codes in unanswered(study, name).items()
        if codes
    ]


def write_network_predictions(*, study: Study, out: Path, names: Iterable[str] | None = None) -> int:
    """predictions.csv of the networks over all their views, the surveys' items alone; returns the number of rows.

    names: these networks (None: all that the study has). This is the file that `python -m benchmark.core analyse
    --predictions` takes.
    """
    wanted = study.ensembles.filter(name__in=list(names)) if names is not None else study.ensembles.all()
    asked, rows, classes = survey_items(study), [], None
    for ensemble in wanted.select_related("run__study").order_by("name", "view"):
        if classes is not None and classes != ensemble.run.classes:
            raise ValidationError(
                "The networks answer different classes, so one file cannot hold them; choose some of them."
            )
        classes = ensemble.run.classes
        found = _member_rows(ensemble, asked.get(ensemble.view)) + _ensemble_rows(ensemble, asked.get(ensemble.view))
        rows += [[*row, ensemble.run.answers_views or ""] for row in found]
    if not rows:
        raise ValidationError(f"No network of {study.title} has answered an item of its surveys yet.")
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["model", "member", "item", "view", "truth", *(f"p_{name}" for name in classes), "tta_views"])
        writer.writerows(rows)
    return len(rows)


def _member_rows(ensemble: Ensemble, items: list[str] | None) -> list[list]:
    """The members' rows as their run writes them, under the ensemble's name."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.csv"
        write_predictions(run=ensemble.run, out=path, items=items)
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))[1:]
    return [[ensemble.name, *row[1:]] for row in rows]


def _ensemble_rows(ensemble: Ensemble, items: list[str] | None) -> list[list]:
    rows = ensemble.predictions.select_related("item__truth__diagnosis").order_by("item__code")
    if items is not None:
        rows = rows.filter(item__code__in=items)
    return [
        [ensemble.name, "ensemble", spreadsheet_safe(row.item.code), row.view,
         spreadsheet_safe(row.item.truth.diagnosis.code) if hasattr(row.item, "truth") else "", *(f"{p:.9g}" for p in row.probabilities)]
        for row in rows if row.answer
    ]  # fmt: skip


@dataclass(frozen=True)
class ItemAnswers:
    """What one group of people, or one network, answered to one item in one view. `asked` includes blanks."""

    name: str
    kind: str
    counts: Counter
    asked: int
    simulated: bool

    def right(self, truth: str) -> int:
        return self.counts[truth]


def answers_by_item(
    study: Study, *, view: str | None = None, items: Iterable[int] | None = None
) -> dict[tuple[int, str], list[ItemAnswers]]:
    """Answers of the analysed readings by (item, view): people by group, each network by its name. A few queries."""
    counts: dict[tuple, Counter] = {}
    asked: Counter = Counter()
    simulated: dict[tuple, bool] = {}

    def add(item, seen_view, kind, group, reader, drawn, chosen, n):
        key = (item, seen_view, kind, reader if kind == "model" else group)
        simulated[key] = simulated.get(key, False) or drawn
        if chosen == ASKED:
            asked[key] += n
        elif chosen:
            counts.setdefault(key, Counter())[chosen] += n

    for row in _asked_rows(study, view, items):
        add(*row)
    for row in _given_rows(study, view, items):
        add(*row)
    for item, seen_view, kind, group, reader, drawn, chosen, n in _imported_rows(study, view, items):
        add(item, seen_view, kind, group, reader, drawn, ASKED, n)
        add(item, seen_view, kind, group, reader, drawn, chosen, n)
    found: dict[tuple[int, str], list[ItemAnswers]] = {}
    for key in sorted(asked, key=lambda key: (key[2], key[3])):
        item, seen_view, kind, name = key
        answers = ItemAnswers(name, kind, counts.get(key, Counter()), asked[key], simulated[key])
        found.setdefault((item, seen_view), []).append(answers)
    return found


ASKED = object()


def _asked_rows(study, view, items):
    wanted = {"survey__blocks__survey_items__isnull": False, "survey__blocks__survey_items__repeat_of": None}
    if view is not None:
        wanted["survey__blocks__view"] = view
    if items is not None:
        wanted["survey__blocks__survey_items__item__in"] = items
    rows = SurveyResponse.objects.of_study(study).analysed().filter(**wanted)  # at once: one join, not several
    grouped = rows.values_list(
        "survey__blocks__survey_items__item", "survey__blocks__view", "reader__kind", "group__plural", "reader__code",
        "simulated",
    ).annotate(n=Count("pk")).order_by()  # fmt: skip
    return [(item, seen, kind, group, reader, drawn, ASKED, n) for item, seen, kind, group, reader, drawn, n in grouped]


def _given_rows(study, view, items):
    rows = Answer.objects.of_study(study).counted().diagnoses().standing().given().filter(survey_response__analysed=True)
    if view is not None:
        rows = rows.filter(survey_item__block__view=view)
    if items is not None:
        rows = rows.filter(survey_item__item__in=items)
    return rows.values_list(
        "survey_item__item", "survey_item__block__view", "survey_response__reader__kind",
        "survey_response__group__plural", "survey_response__reader__code", "survey_response__simulated", "chosen__code",
    ).annotate(n=Count("pk")).order_by()  # fmt: skip


def _imported_rows(study, view, items):
    rows = ImportedReading.objects.filter(reader__study=study, showing=1)
    if view is not None:
        rows = rows.filter(view=view)
    if items is not None:
        rows = rows.filter(item__in=items)
    return rows.values_list(
        "item", "view", "reader__kind", "reader__group__plural", "reader__code", "reader__simulated", "chosen__code"
    ).annotate(n=Count("pk")).order_by()  # fmt: skip


@dataclass(frozen=True)
class ViewBoard:
    """The leaderboard of one view. `people`: names that are groups of people, shown for orientation."""

    view: str
    standings: list[Standing]
    people: frozenset[str]
    simulated: bool


def leaderboards(study: Study, *, seed: int = 0) -> list[ViewBoard]:
    """Networks, and people beside them, on the items that the study's readings hold, view by view."""
    truth = dict(Truth.objects.filter(item__study=study).values_list("item", "diagnosis__code"))
    groups = {str(pk): group for pk, group in study.items.values_list("pk", "group")}
    scores: dict[str, dict[str, dict[str, float]]] = {}
    people: dict[str, set[str]] = {}
    simulated: set[str] = set()
    for (item, view), answers in answers_by_item(study).items():
        for one in answers:
            if item in truth and one.asked:
                share = one.right(truth[item]) / one.asked
                scores.setdefault(view, {}).setdefault(one.name, {})[str(item)] = share
                if one.kind != "model":
                    people.setdefault(view, set()).add(one.name)
                    if one.simulated:
                        simulated.add(view)
    order = {code: place for place, code in enumerate(study.view_codes())}
    return [
        ViewBoard(
            view, leaderboard(scores[view], groups, seed=seed), frozenset(people.get(view, ())), view in simulated
        )
        for view in sorted(scores, key=lambda view: order.get(view, 99))
    ]
