"""The prediction browser: what a network answered beside what people answered, the hardest items first."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from imagebank.models import Item, Study
from imagebank.permissions import require_role
from imagebank.tables import csv_text
from models_ml.charts import confusion, share_text
from models_ml.models import AttributionMap, Ensemble, Member, Prediction
from surveys.models import Reader

from ..services.browsing import (
    DISAGREEMENTS,
    NO_ANSWER,
    OUTCOMES,
    OUTSIDE,
    Answered,
    answered_by,
    confusion_counts,
    in_order,
    matching,
    shown_predictions,
)
from ..services.networks import ItemAnswers, answers_by_item
from ..services.regions import region_overlaps
from .networks import READING_ROLES, context_of

PER_PAGE = 24
TOP = 3
FIRST_FIELDS = ("ensemble", "of", "order")  # the others are in a part that opens when one of them is used
SHOWN_FROM = 0.005  # an auxiliary class that the network finds less probable has no line on an item's page
COLUMNS = ("item", "truth", "answer", "right", "confidence", "p_truth", "people_asked", "people_right", "people_answer")
FINDINGS = (
    ("", "", "All"),
    ("wrong", "", "Wrong"),
    ("", "people-right", "Wrong, most people right"),
    ("", "people-wrong", "Right, most people wrong"),
    ("", "both-wrong", "Both wrong"),
    ("", "members", "Members differ"),
    ("", "fallback", "No member confident"),
)


class PredictionFilter(forms.Form):
    """Whose answers to show, which of them, and in which order. What does not fit is left out and said."""

    ensemble = forms.ModelChoiceField(
        queryset=Ensemble.objects.none(), required=False, empty_label=None, label="Network"
    )
    of = forms.ChoiceField(required=False, label="Answers of")
    truth = forms.ChoiceField(required=False, label="Reference")
    answer = forms.ChoiceField(required=False)
    outcome = forms.ChoiceField(required=False, choices=[("", "All"), ("right", "Right"), ("wrong", "Wrong")])
    disagreement = forms.ChoiceField(
        required=False,
        choices=[
            ("", "All"),
            ("people", "People mostly answer otherwise"),
            ("people-right", "Network wrong, most people right"),
            ("people-wrong", "Network right, most people wrong"),
            ("both-wrong", "Network and most people wrong"),
            ("members", "Members differ"),
            ("fallback", "No member confident"),
        ],
    )  # fmt: skip
    tone = forms.ChoiceField(required=False, label="Skin tone")
    order = forms.ChoiceField(
        required=False,
        choices=[
            ("", "Hardest first"),
            ("confidence", "Least sure first"),
            ("-confidence", "Surest first"),
            ("people-above", "People better than the network first"),
            ("network-above", "Network better than people first"),
            ("item", "Item"),
        ],
    )  # fmt: skip
    search = forms.CharField(required=False, max_length=100, widget=forms.TextInput(attrs={"type": "search"}))

    def __init__(self, data, *, study: Study, ensemble: Ensemble, members: list[Member], tones: list[str]):
        super().__init__(data)
        self.fields["ensemble"].queryset = study.ensembles.all()
        self.fields["ensemble"].initial = ensemble
        self.fields["of"].choices = [("", "the ensemble"), *((one.name, f"member {one.name}") for one in members)]
        classes = list(study.classes.values_list("code", "name"))
        self.fields["truth"].choices = [("", "All"), *classes]
        further = [(name, name) for name in ensemble.run.classes if name not in dict(classes)]
        outside = [(OUTSIDE, "Any class outside the study"), *further] if further else []
        self.fields["answer"].choices = [("", "All"), *classes, *outside, (NO_ANSWER, "No answer")]
        self.fields["tone"].choices = [("", "All"), *((tone, tone) for tone in tones)]
        if not tones:
            del self.fields["tone"]
        if not members:
            del self.fields["of"]
        for field in self.fields.values():
            chosen = isinstance(field, forms.ChoiceField | forms.ModelChoiceField)
            field.widget.attrs["class"] = "form-select" if chosen else "form-control"

    def fitting(self) -> dict:
        """What was asked for, without what does not fit."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


@dataclass(frozen=True)
class Browsed:
    """What a request asks to see: the source's every answer, those that fit, and the address that shows them again."""

    form: PredictionFilter
    ensemble: Ensemble
    member: Member | None
    all: list[Answered]
    found: list[Answered]
    asked: dict[str, str]

    @property
    def query(self) -> str:
        return urlencode(self.asked)

    def other(self, **changes: str) -> str:
        """The query with some of what it asks changed; an empty value takes it away."""
        return urlencode({name: value for name, value in (self.asked | changes).items() if value})


def browse(request: HttpRequest, ensemble: Ensemble) -> Browsed:
    """The answers that the address asks for. A member or a filter that does not exist is told in the form."""
    members = list(ensemble.run.members.filter(predictions__isnull=False).distinct().order_by("fold"))
    member = next((one for one in members if one.name == request.GET.get("of")), None)
    rows = answered_by(ensemble, member)
    tones = sorted({one.tone for one in rows if one.tone})
    data = request.GET.copy()
    data["ensemble"] = str(ensemble.pk)
    form = PredictionFilter(data, study=request.study, ensemble=ensemble, members=members, tones=tones)
    wanted = form.fitting()
    wanted.pop("ensemble", None)
    asked = {"ensemble": str(ensemble.pk)} | {name: str(value) for name, value in wanted.items()}
    wanted.pop("of", None)
    order = wanted.pop("order", "hardest")
    return Browsed(form, ensemble, member, rows, in_order(matching(rows, **wanted), order), asked)


def ensemble_asked_for(request: HttpRequest) -> Ensemble | None:
    """The ensemble of the address; without one that of a network that reads the surveys, or else the study's first."""
    ensembles = request.study.ensembles.select_related("run", "study__protocol")
    key = request.GET.get("ensemble", "")
    if not key.isdecimal():
        readers = request.study.readers.filter(kind=Reader.Kind.MODEL).values("code")
        return ensembles.filter(name__in=readers).first() or ensembles.first()
    return get_object_or_404(ensembles, pk=min(int(key), 2**31 - 1))


@dataclass(frozen=True)
class Bar:
    """One class with its probability or share, 0 to 100."""

    name: str
    percent: float
    is_truth: bool


@dataclass(frozen=True)
class GroupAnswers:
    """People of one group, or another network, on one item. most: their most frequent answer, with ties."""

    name: str
    kind: str
    asked: int
    right: int | None
    most: str
    shares: dict[str, float]
    blank: float


def group_answers(one: ItemAnswers, truth: str) -> GroupAnswers:
    highest = max(one.counts.values(), default=0)
    most = " and ".join(sorted(name for name, n in one.counts.items() if n == highest))
    shares = {name: 100 * n / one.asked for name, n in one.counts.items()}
    return GroupAnswers(
        one.name, one.kind, one.asked, one.right(truth) if truth else None, most, shares, 100 - sum(shares.values())
    )


@require_GET
@require_role(*READING_ROLES)
def prediction_list(request: HttpRequest, slug: str) -> HttpResponse:
    """Answers of one ensemble or member, filtered, each with its surest classes and what people answered."""
    ensemble = ensemble_asked_for(request)
    if ensemble is None:
        return render(request, "benchmark/network_predictions.html", context_of(request, ensemble=None))
    seen = browse(request, ensemble)
    page = Paginator(seen.found, PER_PAGE).get_page(request.GET.get("page"))
    people = answers_by_item(request.study, view=ensemble.view, items=[one.item for one in page])
    context = {
        "form": seen.form,
        "ensemble": ensemble,
        "member": seen.member,
        "view_label": request.study.view_label(ensemble.view),
        "page": page,
        "query": seen.query,
        "findings": findings(seen),
        "first_fields": FIRST_FIELDS,
        "filtered": bool(seen.asked.keys() & {"truth", "answer", "tone", "search"}) or bool(seen.form.errors),
        "accuracy": accuracy_of(seen),
        "confusion": confusion(confusion_counts(seen.all, ensemble.run.classes)),
        "confusion_query": seen.other(truth="", answer="", outcome="", disagreement=""),
        "cell": (seen.asked.get("truth", ""), seen.asked.get("answer", "")),
        "simulated": any(one.simulated for one in seen.all),
        "cards": [
            prediction_card(row, ensemble, people.get((row.item_id, ensemble.view), []))
            for row in shown_predictions(page.object_list)
        ],
    }
    return render(request, "benchmark/network_predictions.html", context_of(request, **context))


def findings(seen: Browsed) -> list[dict]:
    """One click each to what is worth a look, with how many items there are; nothing that this source cannot have."""
    links = []
    for outcome, disagreement, words in FINDINGS:
        test = OUTCOMES.get(outcome) or DISAGREEMENTS.get(disagreement) or bool
        here = (seen.asked.get("outcome", ""), seen.asked.get("disagreement", "")) == (outcome, disagreement)
        here = here and not (seen.asked.keys() - {*FIRST_FIELDS, "outcome", "disagreement"})
        count = sum(test(one) for one in seen.all)
        if count or not (outcome or disagreement):
            query = seen.other(outcome=outcome, disagreement=disagreement, truth="", answer="", tone="", search="")
            links.append({"words": words, "count": count, "query": query, "here": here})
    return links


def accuracy_of(seen: Browsed) -> str:
    """Of the source over all its items, with the interval that keeps pictures of one photograph together."""
    results = seen.ensemble.results
    judged = results.get("members", {}).get(seen.member.name) if seen.member else results.get("ensemble")
    return share_text(judged["accuracy_clustered"]) if judged else ""


def prediction_card(row: Prediction, ensemble: Ensemble, answers: list[ItemAnswers]) -> dict:
    truth = row.item.truth.diagnosis.code if hasattr(row.item, "truth") else ""
    pairs = sorted(zip(ensemble.run.classes, row.probabilities), key=lambda pair: -pair[1])
    kept = pairs[:TOP] + [pair for pair in pairs[TOP:] if pair[0] == truth]
    return {
        "row": row,
        "truth": truth,
        "picture": next((image for image in row.item.images.all() if image.view == ensemble.view), None),
        "bars": [Bar(name, 100 * p, name == truth) for name, p in kept],
        "people": [group_answers(one, truth) for one in answers if one.kind != "model"],
    }


@require_GET
@require_role(*READING_ROLES)
def prediction_table(request: HttpRequest, slug: str) -> HttpResponse:
    """The same list as CSV, with every digit."""
    ensemble = ensemble_asked_for(request)
    rows = browse(request, ensemble).found if ensemble else []
    cells = [
        (one.code, one.truth, one.answer, one.right if one.truth else None, one.confidence, one.p_truth, one.asked,
         one.people_right, one.people_answer)
        for one in rows
    ]  # fmt: skip
    response = HttpResponse(csv_text(COLUMNS, cells), content_type="text/csv; charset=utf-8")
    name = f"{ensemble.name}-{ensemble.view}" if ensemble else "no-network"
    response.headers["Content-Disposition"] = f'attachment; filename="{slug}-{name}-answers.csv"'
    return response


@dataclass(frozen=True)
class ClassRow:
    """One class on an item's page: the network's probability, and the share of each group, in per cent."""

    name: str
    is_truth: bool
    percent: float
    shares: list[float]


def class_rows(study: Study, ensemble: Ensemble, row: Prediction, truth: str, people: list[GroupAnswers]) -> list[ClassRow]:  # fmt: skip
    """The study's classes in its order; then classes outside it to which the network gives something."""
    given = dict(zip(ensemble.run.classes, row.probabilities))
    own = list(study.classes.values_list("code", flat=True))
    outside = [name for name, p in given.items() if name not in own and p >= SHOWN_FROM]
    return [
        ClassRow(name, name == truth, 100 * given.get(name, 0.0), [one.shares.get(name, 0.0) for one in people])
        for name in (*own, *outside)
    ]


@require_GET
@require_role(*READING_ROLES)
def item_page(request: HttpRequest, slug: str, pk: int, item: int) -> HttpResponse:
    """One item: picture and map, the ensemble's probabilities beside what people answered, and every member's."""
    ensembles = Ensemble.objects.select_related("run", "study__protocol")
    ensemble = get_object_or_404(ensembles, study=request.study, pk=pk)
    found = get_object_or_404(Item.objects.select_related("truth__diagnosis"), study=request.study, pk=item)
    truth = found.truth.diagnosis.code if hasattr(found, "truth") else ""
    row = get_object_or_404(ensemble.predictions, item=found)
    answers = answers_by_item(request.study, view=ensemble.view, items=[found.pk]).get((found.pk, ensemble.view), [])
    people = [group_answers(one, truth) for one in answers if one.kind != "model"]
    maps = AttributionMap.objects.filter(item=found, view=ensemble.view, attribution_set__ensemble=ensemble)
    context = {
        "ensemble": ensemble,
        "run": ensemble.run,
        "item": found,
        "truth": truth,
        "row": row,
        "view_label": request.study.view_label(ensemble.view),
        "picture": found.images.filter(view=ensemble.view).first(),
        "rows": class_rows(request.study, ensemble, row, truth, people),
        "people": people,
        "blank": any(one.blank > 1e-9 for one in people),
        "classes": [(name, name == truth) for name in ensemble.run.classes],
        "members": member_rows(ensemble, found),
        "others": other_networks(ensemble, found, truth),
        "networks": [group_answers(one, truth) for one in answers if one.kind == "model"],
        "simulated": any(one.simulated for one in answers),
        "maps": maps.order_by("attribution_set", "target"),
        **overlaps(maps),
        **around(request, ensemble, found),
    }
    return render(request, "benchmark/network_item.html", context_of(request, **context))


def member_rows(ensemble: Ensemble, item: Item) -> list[tuple]:
    """Name, answer, and probability with class, of every member."""
    members = Prediction.objects.filter(member__run=ensemble.run, item=item).select_related("member")
    return [
        (one.member.name, one.answer, list(zip(one.probabilities, ensemble.run.classes)))
        for one in members.order_by("member__fold")
    ]


def other_networks(ensemble: Ensemble, item: Item, truth: str) -> list[dict]:
    """What the study's other ensembles of this view answered to the item."""
    rows = Prediction.objects.filter(ensemble__study=ensemble.study, item=item, view=ensemble.view)
    found = []
    for row in rows.exclude(ensemble=ensemble).select_related("ensemble__run").order_by("ensemble__name"):
        classes = row.ensemble.run.classes
        p_truth = row.probabilities[classes.index(truth)] if truth in classes else None
        found.append({"ensemble": row.ensemble, "row": row, "p_truth": p_truth})
    return found


def around(request: HttpRequest, ensemble: Ensemble, item: Item) -> dict:
    """The items before and after this one in the list that it was reached from; outside of that list, in the whole one."""
    seen = browse(request, ensemble)
    order = [one.item for one in seen.found]
    query = seen.query
    if item.pk not in order:
        order, query = [one.item for one in in_order(seen.all)], urlencode({"ensemble": ensemble.pk})
    place = order.index(item.pk) if item.pk in order else None
    return {
        "query": query,
        "place": place + 1 if place is not None else None,
        "total": len(order),
        "previous": order[place - 1] if place else None,
        "next": order[place + 1] if place is not None and place + 1 < len(order) else None,
    }


def overlaps(maps) -> dict:
    """What readers marked on the picture, against the newest map of the predicted class."""
    newest = (
        maps.filter(target=AttributionMap.Target.PREDICTED)
        .select_related("attribution_set__ensemble__run__study", "attribution_set__ensemble__study__protocol", "item")
        .order_by("-attribution_set")
        .first()
    )
    return {"newest": newest, "regions": region_overlaps(newest) if newest else []}
