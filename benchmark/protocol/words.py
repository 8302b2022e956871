"""The letters and pages that a reader meets, in their order and in their own words, for the protocol."""

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from imagebank.models import Study
from surveys.languages import words_of
from surveys.models import Block, Letter, Stimulus, StudyProtocol
from surveys.questions import ASSISTED, Question, questions_of
from surveys.questions.definition import DIAGNOSIS, KINDS
from surveys.reading.asking import asked_context
from surveys.reading.context import choices_of, counted, words_for
from surveys.services.recruiting.letters import letter_of
from surveys.services.setting_up.demographics import is_only_verified

SAMPLE_LINK = "the-personal-link-stands-here"
SHOWN = {"answer": "its answer in words", "probabilities": "its probability at each choice", "map": "a map of the pixels that spoke for it"}
ONLY_FRAMES = ("frame", "cells")
SLIDING = ("real_or_generated", "confidence")


def letter_words(study: Study, protocol: StudyProtocol | None) -> dict | None:
    """Invitation and reminder as a reader of the first group gets them; None where nobody can be invited."""
    group = study.reader_groups.filter(kind="human").order_by("position").first()
    if protocol is None or group is None:
        return None
    own = bool(protocol.invitation_body or protocol.invitation_subject)
    expires = timezone.now() + timedelta(days=protocol.invitation_days)
    letters = []
    for kind, started in ((Letter.Kind.INVITATION, False), (Letter.Kind.REMINDER, False)):
        found = letter_of(kind=kind, group=group, name="", token=SAMPLE_LINK, expires_at=expires, started=started)
        letters.append({"title": Letter.Kind(kind).label, "subject": found.subject, "body": found.body})
    whose = "The invitation is in the study's own words." if own else "The words are the site's own."
    return {
        "about": f"{whose} Shown as one of the {group.plural} without a name would get it on this day; name, link and day differ"
            " from reader to reader.",
        "letters": letters,
    }


def pages(study: Study, protocol: StudyProtocol | None) -> list[dict]:
    """Every page from the link to the thanks, in the language in which readers are addressed."""
    if protocol is None or not (protocol.question or protocol.questions):
        return []
    with words_of(protocol):
        blocks = _blocks(study, protocol)
        practises = not protocol.stimuli or _practice_stimuli(study, protocol)
        found = _before(study, protocol, practises=practises)
        for position, (view, count) in enumerate(blocks, start=1):
            if position > 1:
                next_part = _("Next: %(counted)s, part %(position)s of %(blocks)s.")
                words = next_part % {"counted": counted(study, view, count), "position": position, "blocks": len(blocks)}
                found.append(_page("a break", [(_("A short break"), f"{protocol.break_text}\n\n{words}"), ("Button", _("Go on"))]))
            found.append(_block_page(study, protocol, view, count))
        says = ["The moment at which the reader finished stands below these words."]
        found.append(_page("the end", [(_("Thank you"), protocol.thanks_text)], says))
    return found


def _page(name: str, words: list[tuple[str, str]], says: list[str] | None = None, asked: list[dict] | None = None) -> dict:
    told = [[where, text] for where, text in words if text]
    return {"name": name, "words": told, "says": says or [], "asked": asked or []}


def _before(study: Study, protocol: StudyProtocol, *, practises: bool) -> list[dict]:
    """The pages before the first block."""
    tag = [f"On every page stands what the pictures are: {study.nature}."] if study.nature else []
    found = [
        _page("the link", [("Heading", study.title), ("Text", protocol.landing_text), ("Button", _("Start"))],
              [*tag, "Looking at it uses nothing up; reading begins with the button."]),
        _page("consent", [(_("Taking part"), protocol.consent_text), ("Button", _("I agree to take part"))]),
    ]  # fmt: skip
    if protocol.demographic_questions:
        found.append(_page("about the reader", [("Heading", _("About you"))], asked=[_about(row) for row in protocol.demographic_questions]))
    begin = _("Go to the practice image") if practises else _("Begin")
    found.append(_page("instructions", [(_("How it works"), protocol.instructions_text), ("Button", begin)]))
    if practises:
        first = words_for(study, protocol.view_order[0])["first"]
        says = ["The page looks as those that follow; what is chosen on it is kept nowhere."]
        found.append(_page("practice", [("Text", protocol.practice_text), ("Button", first)], says))
    return found


def _about(row: dict) -> dict:
    return {"prompt": row["prompt"], "kind": row.get("kind", "text"), "step": "", "required": bool(row.get("required")),
            "hint": _("Asked only to check who takes part; no analysis uses it.") if is_only_verified(row) else "",
            "choices": list(row.get("choices", ())), "ends": None, "notes": []}  # fmt: skip


def _practice_stimuli(study: Study, protocol: StudyProtocol) -> bool:
    return study.stimuli.filter(role=Stimulus.Role.PRACTICE, kind=protocol.view_order[0]).exists()


def _blocks(study: Study, protocol: StudyProtocol) -> list[tuple[str, int]]:
    """Views of the first survey's blocks with their numbers of pages; of the set-up where none is drawn yet."""
    blocks = Block.objects.filter(survey__survey_set__study=study, survey__number=1).order_by("position")
    drawn = [(block.view, block.survey_items.count()) for block in blocks]
    return drawn or [(view, protocol.per_class * study.classes.count()) for view in protocol.view_order]


def _block_page(study: Study, protocol: StudyProtocol, view: str, count: int) -> dict:
    words = words_for(study, view)
    asked = [question for question in questions_of(protocol) if question.is_asked_in(view)]
    exposure = protocol.stimuli.get(view, {}).get("exposure_ms")
    says = [f"One page for each: {count} in the block of the first survey. Answers are saved as they are given; going back within"
        " the block is possible."]
    if exposure:
        says.append(f"Shown for {exposure:,} ms, when the reader asks for it, and then covered.")
    if len({question.step for question in asked}) > 1:
        says.append("The questions come one step after another; once a later one is answered the one before it is closed.")
    return _page(words["heading"], [("Heading", words["heading"])], says, _questions(study, asked, view))


def _questions(study: Study, asked: list[Question], view: str) -> list[dict]:
    frames = max((row.frames.count() for row in study.stimuli.filter(kind=view).prefetch_related("frames")), default=1)
    laid_out = [entry for step in asked_context(asked, frames=frames, current=None) for entry in step["questions"]]
    several = len({question.step for question in asked}) > 1
    return [_question(study, entry, several) for entry in laid_out]


def _question(study: Study, entry: dict, several: bool) -> dict:
    question: Question = entry["question"]
    options = [row["name"] for row in choices_of(study)] if question.kind == DIAGNOSIS else [row["words"] for row in entry["options"]]
    if question.kind in ("several", "cells"):
        options.append(question.none or (_("None of them") if question.kind == "cells" else ""))
    ends = [question.low, question.high] if question.low or question.high else None
    if question.kind in SLIDING:
        ends = [question.low or _("Guessing"), question.high or _("Certain")]
    return {
        "prompt": question.prompt, "kind": question.kind, "step": str(question.step) if several else "", "required": question.required,
        "hint": question.hint, "choices": [option for option in options if option], "ends": ends, "notes": _notes(question),
    }  # fmt: skip


def _notes(question: Question) -> list[str]:
    notes = [f"Answered by: {KINDS[question.kind].replace('`points`', str(question.points))}."]
    if question.needs_label:
        notes.append("In place of {label} stands the class that the picture is stated to show; without one it is not asked.")
    if question.kind == ASSISTED:
        notes.append(f"In sight, and never before the reader's own answer is closed: {', '.join(SHOWN[part] for part in question.shows)}.")
        if question.control:
            nothing = _("No second opinion this time: look again and answer.")
            notes.append(f"Control arm, about {100 * question.control:g} % of the images: nothing is in sight, and the page says “{nothing}”")
    return notes
