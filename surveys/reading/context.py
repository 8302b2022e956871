"""What a reading page is made of. Nothing here reads truth, condition, origin, provenance, file names or another block."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from uuid import uuid4

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from imagebank.models import Study
from surveys.models import Block, Stimulus, StudyProtocol, SurveyItem
from surveys.questions import Question, questions_of
from surveys.reading.asking import asked_context, client_questions, current_step, steps_of
from surveys.reading.words import script_words

SINGLE = Stimulus.Kind.SINGLE


def choices_of(study: Study) -> list[dict]:
    """The answers on offer, always in the same order, each with its key while there are keys."""
    rows = study.classes.order_by("position").values("code", "name")
    return [row | {"key": str(number) if number < 10 else ""} for number, row in enumerate(rows, start=1)]


def words_for(study: Study, view: str) -> dict[str, str]:
    """How a block's pages are counted ("Focused images"), and one of them called ("focused image", "Image")."""
    shown = study.protocol.stimuli.get(view)
    if shown:
        one = shown.get("one", view)
        return {
            "heading": shown.get("heading", view.capitalize()),
            "one": one,
            "noun": _capital(one),
            "many": shown.get("many", f"{one}s"),
            "practice": _("Practice: %(one)s") % {"one": one},
            "first": _("Begin with the first %(one)s") % {"one": one},
        }
    label = study.view_label(view)
    return {
        "heading": _capital(_("%(view)s images") % {"view": label}),
        "one": _("%(view)s image") % {"view": label},
        "noun": _("Image"),
        "many": _("images"),
        "practice": _("Practice image"),
        "first": _("Begin with the first image"),
    }


def counted(study: Study, view: str, count: int) -> str:
    """How many a block has, in words: "6 focused images"."""
    words = words_for(study, view)
    if study.protocol.stimuli.get(view):
        return f"{count} {words['one'] if count == 1 else words['many']}"
    label = study.view_label(view)
    return ngettext("%(count)s %(view)s image", "%(count)s %(view)s images", count) % {"count": count, "view": label}


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def block_context(
    *,
    study: Study,
    block: Block,
    answers: Mapping[str, Mapping[str, object]],
    wanted: str | None,
    image_address: Callable[[str], str],
    client: Mapping,
    step: str | None = None,
    masked: Iterable[str] = (),
    outputs: Mapping[str, dict] | None = None,
    latest: Mapping[str, int] | None = None,
    examples: Mapping[str, dict] | None = None,
) -> dict:
    """Context of one block's page.

    answers: standing answers by the survey item's public id, then by question. wanted: "5", "end", or None for the first
    open question. image_address: from public id to address. client: further values for the page's script. step: which
    step of the questions to show. masked: public ids of stimuli that were shown for their time already. outputs: of the
    network, by the public id of the items whose output was handed out; examples: those that a preview shows in its place.
    latest: the sequence of the last answer about an item, by public id.
    """
    rows = block.survey_items.select_related("stimulus__label").order_by("position")
    items = [_item(row, answers.get(row.public_id, {}), image_address(row.public_id), row.public_id in masked)
             for row in rows]  # fmt: skip
    for item in items:
        for name, found in (("output", outputs), ("example", examples), ("after", latest)):
            if found and item["id"] in found:
                item[name] = found[item["id"]]
    return page_context(study=study, view=block.view, items=items, wanted=wanted, step=step, client=client) | {
        "survey_block": block
    }


def _item(row: SurveyItem, answers: Mapping[str, object], address: str, masked: bool) -> dict:
    item = {"id": row.public_id, "chosen": answers.get(""), "image": address}
    if row.stimulus is None:
        return item | {"answers": {code: value for code, value in answers.items() if code}}
    return item | stimulus_item(row.stimulus, address) | {"answers": dict(answers), "masked": masked}


def stimulus_item(stimulus: Stimulus, address: str) -> dict:
    """A stimulus as the page's script needs it: addresses of its frames as shown, its columns, the stated class.

    heads: addresses of a grid's sources, for its rows and for its columns.
    """
    frames, heads = stimulus.frames.count(), stimulus.heads()
    return {
        "image": f"{address}?place=1",
        "frames": [f"{address}?place={place}" for place in range(1, frames + 1)],
        "columns": stimulus.columns,
        "heads": [f"{address}?place=row{number}" for number in range(1, len(heads.rows) + 1)]
        + [f"{address}?place=column{number}" for number in range(1, len(heads.columns) + 1)],
        "label": stimulus.label.name if stimulus.label else "",
        "answers": {},
    }


def practice_stimuli(block: Block):
    """The rating study's stimuli for practice, of the kind that `block` shows."""
    stimuli = block.survey.survey_set.study.stimuli.filter(role=Stimulus.Role.PRACTICE, kind=block.view)
    return stimuli.select_related("label", "study__protocol").order_by("code")


def stimuli_to_practise(block: Block, address: Callable[[str], str]) -> list[dict]:
    """The same as the page's script needs them. address: of a stimulus's pictures, from its public id."""
    return [
        {"id": row.public_id, "chosen": None, **stimulus_item(row, address(row.public_id))} for row in practice_stimuli(block)
    ]


def page_context(
    *, study: Study, view: str, items: Sequence[dict], wanted: str | None, step: str | None, client: Mapping
) -> dict:
    """Context of a page that shows `items` and asks the questions of the block `view`."""
    protocol: StudyProtocol = study.protocol
    questions = [question for question in questions_of(protocol) if question.is_asked_in(view)]
    for item in items:
        item["done"] = not _open(questions, item)
    index = _index(wanted, items)
    current = items[index] if index < len(items) else None
    shown = protocol.stimuli.get(view, {})
    kind = view if shown else SINGLE
    words = words_for(study, view)
    frames = max((len(item.get("frames", ("",))) for item in items), default=1)
    exposure = shown.get("exposure_ms")
    return {
        "study": study,
        "protocol": protocol,
        "choices": choices_of(study),
        "steps": asked_context(questions, frames=frames, current=current),
        "shown_step": current_step(questions, current, step),
        "items": items,
        "skipped": [number for number, item in enumerate(items, start=1) if not item["done"]],
        "current": current,
        "kind": kind,
        "number": min(index + 1, len(items)),
        "previous": index or None,
        "next": index + 2 if index + 1 < len(items) else "end",
        "at_end": current is None,
        "zoom": protocol.zoom_allowed and not exposure,
        "event_id": uuid4(),
        **words,
        "client": {
            "items": items,
            "start": index,
            "kind": kind,
            "questions": client_questions(questions),
            "exposure_ms": exposure,
            "zoom": protocol.zoom_allowed and not exposure,
            "words": script_words(),
            **words,
            **client,
        },
    }


def _open(questions: Sequence[Question], item: Mapping) -> bool:
    given = {**item["answers"], **({"": item["chosen"]} if item.get("chosen") else {})}
    return any(
        question.required and question.code not in given
        for step in steps_of(questions, item)
        for question in step
    )  # fmt: skip


def _index(wanted: str | None, items: Sequence[dict]) -> int:
    """Position in the list from 0; its length means the page at the end of the block."""
    if wanted == "end":
        return len(items)
    if wanted and wanted.isdecimal() and 1 <= int(wanted[:6]) <= len(items):
        return int(wanted) - 1
    return next((index for index, item in enumerate(items) if not item["done"]), len(items))
