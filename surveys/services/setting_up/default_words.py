"""What readers are told where a study says nothing itself, from the facts of its set-up and in its language."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext, override

from surveys.core.repeats import repeats_of
from surveys.languages import TRANSLATED, translated

LANDING = gettext_noop("You may stop at any time and go on later, also on another device, with the same link.")
INSTRUCTIONS = "\n\n".join((
    gettext_noop(
        "Choose the answer that fits each image best. The answers stay in the same order throughout; the number keys choose as well."
    ),
    gettext_noop(
        "Please use no outside resources: no books, search engines, colleagues or apps. There is no time limit on a single image."
    ),
    gettext_noop(
        "If you cannot decide, choose what seems most likely. You can go back within a part; once you finish it, its answers are "
        "sealed."
    ),
))  # fmt: skip
RATING_INSTRUCTIONS = "\n\n".join((
    gettext_noop("Judge each image for itself, with no outside resources: no books, search engines, colleagues or apps."),
    gettext_noop("You can go back within a part; once you finish it, its answers are sealed."),
))  # fmt: skip
PRACTICE = gettext_noop("This image is for practice only. Its answer is not used. Try the buttons and the zoom, then go on.")
BREAK = gettext_noop("This part is done and its answers are sealed. Rest your eyes for a moment if you like; your place is kept.")
THANKS = gettext_noop(
    "Thank you. All your answers are saved and nothing else is needed; you may close this page. If you have a "
    "question about the study, write to the person who invited you."
)

# Readers see these words, in the study's language.
CONFIDENCE = {
    "code": "confidence", "kind": "confidence", "prompt": gettext_noop("How sure are you?"), "low": gettext_noop("guessed"),
    "high": gettext_noop("certain"),
}  # fmt: skip
ASSISTED = {
    "code": "second", "kind": "assisted", "step": 2,
    "prompt": gettext_noop("And with the network's answer in sight: which diagnosis is it?"),
}  # fmt: skip
# Where some images have no output, the words must hold with and without one.
ASSISTED_OR_NOT = gettext_noop("And once more: which diagnosis is it?")
# A study that was described in German before these words were translated keeps them in English, as its sealed plan does.
OURS = frozenset((CONFIDENCE["prompt"], CONFIDENCE["low"], CONFIDENCE["high"], ASSISTED["prompt"], ASSISTED_OR_NOT))


def in_readers_language(words: str) -> str:
    """Words of a question as a reader sees them: ours in the language of the page around them, a study's own as they are."""
    return _(words) if words in OURS else words


def default_texts(preset: dict) -> dict[str, str]:
    """The protocol's texts for a preset that leaves them out, in its language; in one that we have no words in they stay empty.

    Consent is never made up: an ethics committee decides it.
    """
    language = preset["study"].get("language", "en")
    if language.partition("-")[0] not in TRANSLATED:
        return {}
    rating = "stimuli" in preset
    with override(translated(language)):
        return {
            "landing_text": f"{_invitation(preset, rating)} {_(LANDING)}",
            "instructions_text": _told(RATING_INSTRUCTIONS if rating else INSTRUCTIONS),
            "practice_text": _(PRACTICE),
            "break_text": _(BREAK),
            "thanks_text": _(THANKS),
        }


def _told(text: str) -> str:
    return "\n\n".join(_(paragraph) for paragraph in text.split("\n\n"))


def _invitation(preset: dict, rating: bool) -> str:
    if rating:
        return _("You are invited to look at images and to answer a few questions about each.")
    question = preset["study"].get("question", "").strip()
    cases = len(preset["classes"]) * preset.get("survey_set", {}).get("per_class", 1)
    blocks = len(preset.get("survey_set", {}).get("block_order", preset["views"]))
    if share := preset.get("survey_set", {}).get("repeats"):  # as many images as come, whatever comes twice
        cases, blocks = blocks * (cases + repeats_of(cases, share)), 1
    if blocks == 1:
        number = ngettext("%(cases)s image", "%(cases)s images", cases) % {"cases": cases}
    else:
        number = _("%(cases)s cases, %(blocks)s images of each,") % {"cases": cases, "blocks": blocks}
    if question:
        asked = {"number": number, "question": question}
        return _("You are invited to read %(number)s and to answer one question about each: %(question)s") % asked
    return _("You are invited to read %(number)s and to say what each of them shows.") % {"number": number}
