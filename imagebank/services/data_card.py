"""The data card of a study's image bank: what is in it, where it comes from, who is shown, and how far it was checked."""

import hashlib
import json
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Count
from django.utils import timezone

from imagebank.models import DiagnosisReview, Item, ItemImage, Provenance, ReviewState, Study
from imagebank.tables import markdown_table

MOST_VALUES = 12  # a column of the manifest with more, or with values of one item each, tells no groups apart
NOT_SAID = "not said"

USE = """For reading studies: to hold people and networks against each other on the same pictures. Not for decisions about a patient.
What was found on these pictures holds for pictures like them; where a table above says that somebody or something is rare or
missing here, nothing is known about it. A reference class is what its source and its reviewers say, not what a test of the
patient would show."""


@dataclass(frozen=True)
class CardTable:
    """One table of the card, whole numbers as numbers."""

    heading: Sequence[str]
    rows: Sequence[Sequence]


@dataclass(frozen=True)
class CardSection:
    """One section of the card: sentences and tables in their order."""

    title: str
    parts: Sequence[str | CardTable]

    def as_markdown(self) -> str:
        told = (f"{part}\n" if isinstance(part, str) else markdown_table(part.heading, part.rows) for part in self.parts)
        return f"## {self.title}\n\n" + "\n".join(told)


def data_card(study: Study) -> str:
    """The card as Markdown. It names no item and no source, so that it can be published with the study."""
    sections = [*card_sections(study), CardSection("Use and limits", [USE])]
    return "\n".join([_opening(study), *(section.as_markdown() for section in sections)])


def card_sections(study: Study) -> list[CardSection]:
    """What the card says of the bank, for other documents of the study, too."""
    return [_contents(study), _pictures(study), _sources(study), _people(study), _review(study), _leakage(study)]


def fingerprint(study: Study) -> str:
    """SHA-256 over every item in use, its class, split, fold and group, and the pixels of its pictures."""
    rows = _images(study).order_by("item__code", "view").values_list(
        "item__code", "item__truth__diagnosis__code", "item__split", "item__fold", "item__group", "view", "pixel_sha256"
    )
    return hashlib.sha256(json.dumps([list(row) for row in rows]).encode()).hexdigest()


def _items(study: Study):
    """Items in use, without what a generator made: that is described by the sets it came in."""
    return study.items.included().photographed()


def _images(study: Study):
    return ItemImage.objects.filter(item__in=_items(study))


def _opening(study: Study) -> str:
    natures = set(Provenance.objects.filter(image__in=_images(study)).values_list("nature", flat=True)) - {""}
    nature = study.nature or ", ".join(sorted(natures))
    about = [f"# Data card: {study.title}\n"]
    if nature:
        about.append(f"**{nature[:1].upper()}{nature[1:]}.**\n")
    if study.summary:
        about.append(f"{study.summary.strip()}\n")
    about.append(
        f"Written on {timezone.now():%d %B %Y} of the images in use. Fingerprint of items, classes, splits, folds, groups and "
        f"pixels: `{fingerprint(study)}`.\n"
    )
    return "\n".join(about)


def _contents(study: Study) -> CardSection:
    counts = Counter(_images(study).values_list("item__truth__diagnosis__code", "item__split", "view"))
    classes = [*study.classes.order_by("position").values_list("code", "name")]
    if any(code is None for code, _, _ in counts):
        classes.append((None, "no reference class"))
    splits = [split for split in (*Item.Split.values, "") if any(key[1] == split for key in counts)]
    views = [view for view in study.view_codes() if any(key[2] == view for key in counts)]
    columns = [(split, view) for split in splits for view in views]
    names = dict(Item.Split.choices) | {"": "No split"}
    rows = [[f"{name} ({code})" if code else name, *(counts[code, split, view] for split, view in columns)] for code, name in classes]
    rows.append(["All", *(sum(counts[code, split, view] for code, _ in classes) for split, view in columns)])
    items = _items(study)
    groups = Counter(items.exclude(group="").values_list("group", flat=True))
    said = f"{items.count():,} items with {_images(study).count():,} pictures."
    if groups:
        said += f" They belong to {len(groups):,} photographs or patients; the largest has {max(groups.values()):,} items."
    made = study.items.included().filter(attributes__has_key="generated").count()
    if made:
        said += f" Generated items in the bank as well: {made:,}; they are described by their image sets, not here."
    excluded = Counter(study.items.excluded().values_list("exclusion_reason", flat=True))
    out: Iterable = ()
    if excluded:
        out = (f"{sum(excluded.values()):,} items were excluded:", CardTable(("reason", "items"), excluded.most_common()))
    heading = ["class", *(f"{names[split]}, {study.view_label(view)}" for split, view in columns)]
    return CardSection("What is in it", [said, CardTable(heading, rows), *out])


def _pictures(study: Study) -> CardSection:
    rows = []
    for view in study.view_codes():
        sizes = [max(size) for size in _images(study).filter(view=view).values_list("width", "height")]
        if sizes:
            masks = _images(study).filter(view=view).exclude(mask="").count()
            rows.append([study.view_label(view), len(sizes), min(sizes), round(statistics.median(sizes)), max(sizes), masks])
    heading = ("view", "pictures", "shortest longer side, px", "median", "longest", "with a mask of the lesion")
    return CardSection("The pictures", ["Freed from metadata, upright, in RGB.", CardTable(heading, rows)])


def _sources(study: Study) -> CardSection:
    found = Provenance.objects.filter(image__in=_images(study))
    licences = Counter(licence or NOT_SAID for licence in found.values_list("licence", flat=True))
    total = found.count()
    known = found.exclude(source_url="").count()
    allowed = found.exclude(permission="").count()
    said = f"Of {total:,} pictures {known:,} name their source and {allowed:,} a permission."
    return CardSection("Where it comes from", [said, CardTable(("licence", "pictures"), licences.most_common())])


def _people(study: Study) -> CardSection:
    """Every further column of the manifest that divides the items into a few groups: skin tone, sex, part of the body ..."""
    values: dict[str, Counter] = {}
    items: Counter = Counter()
    for row, split in _items(study).values_list("attributes", "split"):
        items[split] += 1
        for name, value in row.items():
            values.setdefault(name, Counter())[str(value) if value not in ("", None) else NOT_SAID, split] += 1
    parts: list[str | CardTable] = []
    for name, counts in sorted(values.items()):
        groups = sorted({value for value, _ in counts} - {NOT_SAID}, key=_in_order)
        said = sum(n for (value, _), n in counts.items() if value != NOT_SAID)
        if not 1 < len(groups) <= min(MOST_VALUES, said // 2):
            continue
        splits = [split for split in (*Item.Split.values, "") if any(key[1] == split for key in counts)]
        heading = (name.replace("_", " "), *(dict(Item.Split.choices).get(split, "No split") for split in splits))
        rows = [[value, *(counts[value, split] for split in splits)] for value in groups]
        unsaid = [items[split] - sum(counts[value, split] for value in groups) for split in splits]
        if any(unsaid):
            rows.append([NOT_SAID, *unsaid])
        parts.append(CardTable(heading, rows))
    if not parts:
        parts = ["The manifest says nothing about skin tone, age, sex or part of the body, so nothing is known about them."]
    return CardSection("Who and what is shown", parts)


def _in_order(value: str) -> tuple:
    """Numbers by their size, before words."""
    try:
        return 0, float(value), value
    except ValueError:
        return 1, 0.0, value


def _review(study: Study) -> CardSection:
    states = Counter(_items(study).with_review_state().values_list("review_state", flat=True))
    rows = [[state.label, states[state.value]] for state in ReviewState]
    reviewers = DiagnosisReview.objects.filter(item__study=study).aggregate(n=Count("reviewer", distinct=True))["n"]
    said = f"Two people are to judge every diagnosis against its source, each alone; reviewers so far: {reviewers:,}."
    return CardSection("Reference classes and their review", [said, CardTable(("state", "items"), rows)])


def _leakage(study: Study) -> CardSection:
    title = "Leakage check"
    report = study.leakage_reports.first()
    if report is None:
        unknown = "Not made yet: whether a test picture, or a relative of one, is among the training pictures is unknown."
        return CardSection(title, [unknown])
    kinds = dict(report.findings.model.Kind.choices)
    found = Counter(report.findings.values_list("kind", "crosses_split", "crosses_fold"))
    rows = [
        [kinds[kind], sum(n for (k, _, _), n in found.items() if k == kind),
         sum(n for (k, split, _), n in found.items() if k == kind and split),
         sum(n for (k, _, fold), n in found.items() if k == kind and fold)]
        for kind in kinds if any(k == kind for k, _, _ in found)
    ]  # fmt: skip
    said = f"{report.images:,} pictures were compared on {report.created_at:%d %B %Y}."
    heading = ("finding", "pairs", "across training and test", "across folds")
    return CardSection(title, [said, CardTable(heading, rows) if rows else "No pair was found."])
