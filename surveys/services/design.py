"""Draw a study's surveys once and store them as rows."""

import hashlib
import json

from django.core.exceptions import ValidationError
from django.db import transaction

from imagebank.models import Item, Study
from surveys.models import Block, Survey, SurveyItem, SurveySet

from .seats import create_seats


def create_survey_set(*, study: Study, seed: int) -> SurveySet:
    """Draw the surveys of `study` over its test items, store them with their certificate, and make every seat.

    The same seed again returns the stored set. Another seed, too few items, or a design that arithmetic forbids raises
    ValidationError.
    """
    protocol = getattr(study, "protocol", None)
    if protocol is None:
        raise ValidationError(f"{study.slug} has no protocol yet; load a preset before drawing surveys.")
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
    items = _items_by_code(study, study.protocol.view_order)
    _check_document(document, items, study.protocol.view_order)
    with transaction.atomic():
        Study.objects.select_for_update().get(pk=study.pk)
        existing = study.survey_sets.first()
        if existing:
            return _same_or_refuse(existing, seed)
        survey_set = _store(study, seed, document, items)
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


def design_sha256(document: dict) -> str:
    """Hash of a design in its canonical form: sorted keys, no spaces, UTF-8."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


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
            f"{study.slug} has no test items with pictures of every view ({', '.join(views)}); import them first."
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
    rows = []
    for number, drawn in enumerate(document["surveys"], start=1):
        survey = Survey.objects.create(
            survey_set=survey_set, number=number, code=_survey_code(drawn["survey"]), set_label=str(drawn["set"])
        )
        for position, drawn_block in enumerate(drawn["blocks"], start=1):
            block = Block.objects.create(survey=survey, view=drawn_block["view"], position=position)
            rows += [
                SurveyItem(block=block, item=items[code], position=place)
                for place, code in enumerate(drawn_block["items"], start=1)
            ]
    SurveyItem.objects.bulk_create(rows, batch_size=1000)
    return survey_set


def _survey_code(name: str | int) -> str:
    return f"S{name:02d}" if isinstance(name, int) else str(name)
