"""Notes that go with the results: what in the table deserves a second look before the numbers are believed."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmark.core.inputs.assisted import of_control
from benchmark.core.inputs.predictions import Predictions
from benchmark.core.inputs.readings import Readings
from benchmark.core.inputs.scoring import Scored
from benchmark.core.plans.plan import Plan
from benchmark.core.sections.comparisons import matchups
from benchmark.core.wording import on_view, plural

LIKE_MISSING = {"na", "n/a", "nan", "null", "none", "missing", "-", "?"}


def notes(readings: Readings, plan: Plan, scored: Scored, predictions: Predictions | None = None) -> Iterator[str]:
    """What a reader of the results must know about the table that they came from, a sentence each."""
    frame = readings.frame
    if readings.is_simulated:
        yield (
            f"{int(frame['simulated'].sum())} of {len(frame)} readings are simulated or of drawn images; the numbers"
            " show how the analysis works and say nothing about people."
        )
    if len(readings.second):
        yield (
            f"{len(readings.second)} readings are second showings of an item to the same reader: they say how far readers agree with"
            " themselves, and no other result uses them."
        )
    if readings.anchors:
        own = frame[(frame["kind"] == "human")]["item"].isin(readings.anchors)
        yield (
            f"{len(readings.anchors)} items are anchors, which every survey shows: {int(own.sum())} of {len(own)} readings of people. Counts are"
            " of readings; in accuracies and differences an anchor weighs as much as an average other item of its class."
        )
    yield from _strange_words(frame)
    yield from _without_partner(scored)
    yield from _silent(scored.readings.frame[scored.readings.frame["kind"] == "human"])
    people = frame[(frame["kind"] == "human") & (frame["survey"] != "")]
    seats = people.groupby(["group", "survey"])["reader"].nunique()
    if plan.completion is None and (seats > 1).any():
        yield (
            f"{int((seats > 1).sum())} seats hold more than one sitting, and all are analysed: the plan declares no"
            " rule "
            f'such as [data] analysed = "first complete per seat".'
        )
    several = people.groupby("reader")["survey"].nunique() > 1
    if 0 < several.mean() <= 0.5:
        who = f"{int(several.sum())} readers" if several.sum() > 1 else "One reader"
        yield f"{who} read more than one survey; the paired test over surveys takes their surveys as independent."
    if not plan.declared:
        yield "No analysis plan was given: every comparison is exploratory."
    for contrast in plan.primary:
        present = _present(scored, assisted=contrast.assisted, control=contrast.control)
        if not any(contrast.names(*names) for names in present):
            what = f"{contrast.group} with the output of {contrast.model}" if contrast.assisted else f"{contrast.model} against {contrast.group}"
            what += " against a second look alone" if contrast.control else ""
            yield f"The planned contrast {what}{f' on {contrast.view}' if contrast.view else ''} has no readings."
    yield from _assisted(frame)
    if predictions is not None:
        yield from _probabilities(scored, predictions)


def _present(scored: Scored, *, assisted: bool, control: bool) -> Iterator[tuple[str, str, str]]:
    """Model, group and view of every comparison that the readings allow; assisted: model is the network in sight; control:
    only where there is a control arm."""
    for people in scored.sets("human"):
        if control and not of_control(people.rows).any():
            continue
        names = people.rows["assistant"].unique() if assisted else [m.label for m in scored.sets("model") if m.view == people.view]
        yield from ((name, people.group, people.view) for name in names if name)


def _assisted(frame: pd.DataFrame) -> Iterator[str]:
    """Second answers that are missing, and output that is not what the network's own readings say."""
    shown = frame[frame["assistant"] != ""]
    blank = int((shown["assisted_answer"] == "").sum())
    if blank:
        yield f"{blank} of {len(shown)} readings with a network's output in sight have no second answer."
    control = frame[of_control(frame)]
    blank = int((control["assisted_answer"] == "").sum())
    if blank:
        yield f"{blank} of {len(control)} readings of the control arm have no second answer."
    own = frame.loc[frame["kind"] == "model", ["reader", "item", "view", "answer"]]
    images = shown.drop_duplicates(["assistant", "item", "view"])
    both = images.merge(own, left_on=["assistant", "item", "view"], right_on=["reader", "item", "view"], suffixes=("", "_own"))
    differs = both[both["assistant_answer"] != both["answer_own"]]
    for name, rows in differs.groupby("assistant", sort=True):
        yield (
            f'What readers saw of the network "{name}" is not what its own readings say on {len(rows)} of'
            f" {(both['assistant'] == name).sum()} images; its accuracy alone is told for both."
        )


def _probabilities(scored: Scored, predictions: Predictions) -> Iterator[str]:
    """Networks that are not analysed for want of an ensemble, and answers that are not the most probable class."""
    for model, view in predictions.model_views():
        rows = predictions.final(model, view)
        if rows.empty:
            yield (
                f'The network "{model}"{on_view(view)} has members but no row whose member is "ensemble", so its probabilities are not'
                " analysed; put the members together first (python -m models_ml.core ensemble)."
            )
            continue
        own = scored.find("model", model, view)
        if own is None:
            continue
        likely = dict(zip(rows["item"], np.array(predictions.classes)[predictions.probabilities(rows).argmax(axis=1)]))
        both = own.rows[own.rows["item"].isin(set(likely)) & (own.rows["answer"] != "")]
        differs = int((both["item"].map(likely) != both["answer"]).sum())
        if differs:
            yield (
                f'The network "{model}"{on_view(view)} answered {differs} of {len(both)} images with another class than its most probable one: its'
                " accuracy is that of its answers, its calibration that of its probabilities."
            )


def _strange_words(frame: pd.DataFrame) -> Iterator[str]:
    classes = set(frame["truth"])
    answers = set(frame[["answer", "assistant_answer", "assisted_answer"]].to_numpy().ravel())
    strangers = sorted(answers - {""} - classes)
    if strangers:
        yield f"Answers name classes that no item has: {', '.join(strangers)}."
    written = {_as_read(name): name for name in sorted(classes)}
    for name in strangers:
        if written.get(_as_read(name), name) != name:
            yield f'The answer "{name}" is counted as wrong, for the class is written "{written[_as_read(name)]}".'
    for name in sorted(classes - set(written.values())):
        yield f'"{name}" and "{written[_as_read(name)]}" are counted as two classes; if they are one, write them alike.'
    words = sorted(word for word in {*strangers, *classes} if word.casefold() in LIKE_MISSING)
    if words:
        said = ", ".join(f'"{word}"' for word in words)
        yield f"{said} counts as a class of that name; where nothing was answered, the cell must be empty."


def _as_read(name: str) -> str:
    """What a person takes two names for one by: no capitals, one kind of accents and blanks."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _silent(people: pd.DataFrame) -> Iterator[str]:
    """Groups in which nobody answered anything: what is counted as wrong there is nobody's answer."""
    answers = (people["answer"] != "").groupby([people["group"], people["view"]]).sum()
    for (group, view), count in answers.items():
        if count == 0:
            yield f"Nobody of {plural(group)} answered anything{on_view(view)}; an accuracy of 0 there says nothing about what they know."


def _without_partner(scored: Scored) -> Iterator[str]:
    """Networks that share no item and view with people, where there are people."""
    met = {match.model.label for match in matchups(scored)}
    if scored.readings.human_groups:
        for name in scored.readings.models:
            if name not in met:
                yield f'The network "{name}" shares no item and view with any reader, so nothing is compared with it.'
