"""Draw a study's surveys once and store them as rows."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from imagebank.models import Item, ItemImage, Study, Truth
from imagebank.services.splits import hold_split
from surveys.models import Block, Survey, SurveyItem, SurveySet

from ..recruiting.seats import create_seats

RATING_SCHEMA = "rating-design/1"
LARGEST_REDRAWN = 2000  # items; drawing more again would keep the page waiting


def create_survey_set(*, study: Study, seed: int) -> SurveySet:
    """Draw the surveys of `study` over its test items, store them with their certificate, and make every seat.

    The same seed again returns the stored set. Another seed, too few items, or a design that arithmetic forbids raises
    ValidationError.
    """
    protocol = getattr(study, "protocol", None)
    if protocol is None:
        raise ValidationError(f"{study.slug} has no protocol yet; load one (manage.py load_protocol {study.slug} study.toml) before drawing surveys.")
    existing = study.survey_sets.first()
    if existing:
        return _same_or_refuse(existing, seed)
    if not (protocol.question and protocol.consent_text):
        raise ValidationError(f"{study.slug} needs a question and a consent text before surveys are drawn; add them.")
    items = _items_by_code(study, protocol.view_order)
    return store_survey_set(study=study, seed=seed, document=_draw(items, protocol, seed))


def store_survey_set(*, study: Study, seed: int, document: dict) -> SurveySet:
    """Store a design that was drawn already (the content of a design.json) and make every seat; once per study.

    Its items must be test items of the study with a picture in every view of the protocol, its blocks the protocol's
    views; otherwise ValidationError, and nothing is stored.
    """
    with transaction.atomic():
        hold_split(study)
        existing = study.survey_sets.first()
        if existing:
            return _same_or_refuse(existing, seed)
        items = _items_by_code(study, study.protocol.view_order)
        _check_document(document, items, study.protocol.view_order)
        _check_repeats(document, study.protocol)
        _check_anchors(document, study.protocol)
        survey_set = _store(study, seed, document, items)
        _note_nature(study, items)
        for group in study.reader_groups.filter(kind="human"):
            create_seats(group=group)
        return survey_set


def _check_document(document: dict, items: dict[str, Item], views: list[str]) -> None:
    for drawn in document["surveys"]:
        if sorted(block["view"] for block in drawn["blocks"]) != sorted(views):
            raise ValidationError(
                f"Survey {drawn['survey']} must have one block of each of {', '.join(views)}; "
                f"it has {', '.join(block['view'] for block in drawn['blocks'])}."
            )
        unknown = {code for block in drawn["blocks"] for code in block["items"]} - set(items)
        if unknown:
            raise ValidationError(
                f"Survey {drawn['survey']} names items that are no test items with every view: "
                f"{', '.join(sorted(unknown)[:5])}."
            )


def _check_repeats(document: dict, protocol) -> None:
    """What comes a second time is what the protocol says, and came a first time."""
    if document.get("schema") == RATING_SCHEMA:
        return
    if float(document.get("repeats", 0)) != float(protocol.repeats):
        raise ValidationError(
            f"The study shows {protocol.repeats_percent} % of every block again, the design {100 * document.get('repeats', 0):g} %; "
            "draw the surveys anew, or change the study's file."
        )
    for drawn in document["surveys"]:
        for block in drawn["blocks"]:
            strange = [again["item"] for again in block.get("repeats", ()) if again["item"] not in block["items"]]
            if strange:
                raise ValidationError(
                    f"Survey {drawn['survey']} shows {', '.join(strange[:5])} a second time in its block {block['view']} and never a first."
                )


def _check_anchors(document: dict, protocol) -> None:
    """What every survey shows is what the protocol says."""
    if document.get("schema") == RATING_SCHEMA:
        return
    table = document.get("anchors", {})
    drawn = sorted(table["items"]) if table.get("chosen") == "named" else table.get("per_class", 0)
    asked = sorted(protocol.anchor_items) or protocol.anchors
    if drawn != asked:
        raise ValidationError(
            f"The study asks for {_anchors_said(asked)} in every survey, the design has {_anchors_said(drawn)}; draw the surveys anew, or "
            "change the study's file."
        )


def _anchors_said(common: int | list[str]) -> str:
    if isinstance(common, list):
        return f"the anchors {', '.join(common[:5])}{' ...' if len(common) > 5 else ''}"
    return f"{common or 'no'} {'anchor' if common == 1 else 'anchors'} of each class"


def anchors_of(study: Study) -> frozenset[str]:
    """Codes of the items that every survey of the study shows."""
    survey_set = study.survey_sets.first()
    return frozenset(survey_set.design.get("anchors", {}).get("items", ()) if survey_set else ())


def design_text(survey_set: SurveySet) -> str:
    """The content of design.json. The database may have changed the order of keys; the file has the order, and so the bytes, of the drawn one."""
    from surveys.core import Design
    from surveys.core.design import SCHEMA as DESIGN_SCHEMA

    text = json.dumps(survey_set.design, ensure_ascii=False, indent=1)
    return Design.from_json(text).to_json() if survey_set.design.get("schema") == DESIGN_SCHEMA else text


def design_sha256(document: dict) -> str:
    """Hash of a design in its canonical form: sorted keys, no spaces, UTF-8."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass(frozen=True)
class Verified:
    """A certificate that was recomputed now. `redrawn` says whether the seed was tried again as well."""

    certificate: dict
    at: datetime
    redrawn: bool


def classes_of(survey_set: SurveySet) -> dict[str, str]:
    """Class code by item code, as the image bank has it now, of every item that a survey of the set shows."""
    shown = SurveyItem.objects.filter(block__survey__survey_set=survey_set).values("item")
    return dict(Truth.objects.filter(item__in=shown).values_list("item__code", "diagnosis__code"))


def verify_survey_set(*, survey_set: SurveySet) -> Verified:
    """Recompute the certificate from the stored design and from the rows that readers are shown. Changes nothing.

    That the rows say what the design says is a promise of its own. Very large designs are not drawn again, nor are those
    of rating studies, whose seed alone does not say which stimuli there were. A design that cannot be read raises
    ValidationError.
    """
    from surveys.core import DesignError

    try:
        certificate, redrawn = _recomputed(survey_set)
    except DesignError as error:
        raise ValidationError(f"The stored design cannot be read: {error}") from error
    wrong = list(_differing_rows(survey_set))
    if design_sha256(survey_set.design) != survey_set.design_sha256:
        wrong.append("The SHA-256 of the stored design is not the one noted when it was drawn.")
    rows = {
        "name": "stored rows", "kind": "promise", "meaning": "Readers are shown exactly what the design says.",
        "reached": len(wrong), "best": 0, "limit": 0, "holds": not wrong, "detail": "", "problems": wrong[:20],
    }  # fmt: skip
    certificate["properties"].insert(0, rows)
    certificate["promises_hold"] = certificate["promises_hold"] and not wrong
    return Verified(certificate, timezone.now(), redrawn)


def _recomputed(survey_set: SurveySet) -> tuple[dict, bool]:
    """The certificate counted from the stored design, and whether the seed was drawn once more."""
    from surveys.core import Design, verify, verify_rating_design

    if survey_set.design.get("schema") == RATING_SCHEMA:
        return verify_rating_design(survey_set.design).to_dict(), False
    design = Design.from_json(json.dumps(survey_set.design))
    classes = classes_of(survey_set)
    redrawn = len(classes) <= LARGEST_REDRAWN
    return verify(design, classes, redraw=redrawn).to_dict(), redrawn


def _differing_rows(survey_set: SurveySet):
    rating = survey_set.design.get("schema") == RATING_SCHEMA
    rows: dict[tuple[int, int, str], list] = {}
    stored = SurveyItem.objects.filter(block__survey__survey_set=survey_set)
    shown = ("stimulus__code", "order") if rating else ("item__code", "repeat_of__item__code")
    for number, place, view, *what in stored.order_by(
        "block__survey__number", "block__position", "position"
    ).values_list("block__survey__number", "block__position", "block__view", *shown):
        rows.setdefault((number, place, view), []).append(what)
    designed = {
        (number, place, block["view"]): (
            [[page["stimulus"], page["order"]] for page in block["pages"]]
            if rating
            else [[code, code if showing == 2 else None] for _, code, showing in _pages(block)]
        )  # fmt: skip
        for number, drawn in enumerate(survey_set.design["surveys"], start=1)
        for place, block in enumerate(drawn["blocks"], start=1)
    }
    for key in sorted(designed.keys() | rows.keys()):
        if designed.get(key, []) != rows.get(key, []):
            yield f"Survey {key[0]}, block {key[1]} ({key[2]}) differs from the design."


def _same_or_refuse(existing: SurveySet, seed: int) -> SurveySet:
    if existing.seed != seed:
        raise ValidationError(
            f"{existing.study.slug} already has surveys drawn with seed {existing.seed}; they are drawn once. "
            "Start a new study for another draw."
        )
    return existing


def _items_by_code(study: Study, views: list[str]) -> dict[str, Item]:
    items = Item.objects.filter(study=study).included().testing().with_views(views)
    items = {item.code: item for item in items.select_related("truth__diagnosis").order_by("code")}
    without = [code for code, item in items.items() if not hasattr(item, "truth")]
    if without:
        raise ValidationError(
            f"{len(without)} test items have no reference class (first: {', '.join(without[:5])}); "
            "add it or exclude them."
        )
    if not items:
        raise ValidationError(
            f"{study.slug} has no test items with pictures of every view ({', '.join(views)}). "
            "Draw a test set under Images, Split, or import items whose split is test."
        )
    return items


def _draw(items: dict[str, Item], protocol, seed: int) -> dict:
    from surveys.core import assemble

    classes = {code: item.truth.diagnosis.code for code, item in items.items()}
    try:
        design = assemble(
            classes,
            per_class=protocol.per_class,
            sets=protocol.sets,
            views=list(protocol.view_order),
            seed=seed,
            view_order=protocol.view_order_design,
            repeats=float(protocol.repeats),
            anchors=protocol.common,
        )
    except ValueError as error:
        raise ValidationError(str(error)) from error
    return json.loads(design.to_json())


def _store(study: Study, seed: int, document: dict, items: dict[str, Item]) -> SurveySet:
    survey_set = SurveySet.objects.create(
        study=study,
        seed=seed,
        design=document,
        certificate=document["certificate"],
        design_sha256=design_sha256(document),
    )
    blocks = []
    for number, drawn in enumerate(document["surveys"], start=1):
        survey = Survey.objects.create(
            survey_set=survey_set, number=number, code=_survey_code(drawn["survey"]), set_label=str(drawn["set"])
        )
        for position, drawn_block in enumerate(drawn["blocks"], start=1):
            block = Block.objects.create(survey=survey, view=drawn_block["view"], position=position)
            blocks.append((block, list(_pages(drawn_block))))
    first: dict[tuple[int, str], SurveyItem] = {}
    for showing in (1, 2):
        places = [(block, *page) for block, pages in blocks for page in pages if page[2] == showing]
        rows = [
            SurveyItem(block=block, item=items[code], position=position, repeat_of=first.get((block.pk, code)))
            for block, position, code, _ in places
        ]
        SurveyItem.objects.bulk_create(rows, batch_size=1000)
        first |= {(block.pk, code): row for (block, _, code, _), row in zip(places, rows, strict=True)}
    return survey_set


def _pages(drawn_block: dict) -> Iterator[tuple[int, str, int]]:
    """(position, item code, showing) of every page of a block of a design.json."""
    from surveys.core import Again
    from surveys.core import Block as DrawnBlock

    again = tuple(Again(**row) for row in drawn_block.get("repeats", ()))
    drawn = DrawnBlock(drawn_block["view"], tuple(drawn_block["items"]), again)
    return ((position, code, showing) for position, (code, showing) in enumerate(drawn.pages(), start=1))


def _note_nature(study: Study, items: dict[str, Item]) -> None:
    """Where all pictures of the surveys are of one nature ("drawn, not a photograph"), the study says so to its readers.

    Reading pages never look at a single picture's provenance, which could give an answer away.
    """
    pictures = ItemImage.objects.filter(item__in=items.values(), view__in=study.protocol.view_order)
    natures = set(pictures.values_list("provenance__nature", flat=True))
    if not study.nature and len(natures) == 1 and None not in natures:
        study.nature = natures.pop()
        study.save(update_fields=["nature"])


def _survey_code(name: str | int) -> str:
    return f"S{name:02d}" if isinstance(name, int) else str(name)
