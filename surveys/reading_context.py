"""What a reading page is made of. Nothing here reads truth, provenance, file names or another block."""

from collections.abc import Callable, Mapping
from uuid import uuid4

from imagebank.models import Study
from surveys.models import Block


def choices_of(study: Study) -> list[dict]:
    """The answers on offer, always in the same order, each with its key while there are keys."""
    rows = study.classes.order_by("position").values("code", "name")
    return [row | {"key": str(number) if number < 10 else ""} for number, row in enumerate(rows, start=1)]


def block_context(
    *,
    study: Study,
    block: Block,
    chosen: Mapping[str, str | None],
    wanted: str | None,
    image_address: Callable[[str], str],
    client: Mapping,
) -> dict:
    """Context of one block's page.

    chosen: class code by the survey item's public id. wanted: "5", "end", or None for the first open question.
    image_address: from public id to address. client: further values for the page's script.
    """
    ids = list(block.survey_items.order_by("position").values_list("public_id", flat=True))
    items = [{"id": name, "chosen": chosen.get(name), "image": image_address(name)} for name in ids]
    index = _index(wanted, items)
    label = study.view_label(block.view)
    protocol = study.protocol
    current = items[index] if index < len(items) else None
    return {
        "study": study,
        "protocol": protocol,
        "survey_block": block,
        "choices": choices_of(study),
        "items": items,
        "skipped": [number for number, item in enumerate(items, start=1) if not item["chosen"]],
        "current": current,
        "number": min(index + 1, len(items)),
        "previous": index or None,
        "next": index + 2 if index + 1 < len(items) else "end",
        "at_end": current is None,
        "label": label,
        "event_id": uuid4(),
        "client": {"items": items, "start": index, "label": label, "zoom": protocol.zoom_allowed, **client},
    }


def _index(wanted: str | None, items: list[dict]) -> int:
    """Position in the list from 0; its length means the page at the end of the block."""
    if wanted == "end":
        return len(items)
    if wanted and wanted.isdecimal() and 1 <= int(wanted[:6]) <= len(items):
        return int(wanted) - 1
    return next((index for index, item in enumerate(items) if not item["chosen"]), len(items))
