"""What readers are told where a study says nothing itself, from the facts of its set-up."""

LANDING = "You may stop at any time and go on later, also on another device, with the same link."
INSTRUCTIONS = """Choose the answer that fits each image best. The answers stay in the same order throughout; the number \
keys choose as well.

Please use no outside resources: no books, search engines, colleagues or apps. There is no time limit on a single image.

If you cannot decide, choose what seems most likely. You can go back within a part; once you finish it, its answers are \
sealed."""
RATING_INSTRUCTIONS = """Judge each image for itself, with no outside resources: no books, search engines, colleagues or apps.

You can go back within a part; once you finish it, its answers are sealed."""
PRACTICE = "This image is for practice only. Its answer is not used. Try the buttons and the zoom, then go on."
BREAK = "This part is done and its answers are sealed. Rest your eyes for a moment if you like; your place is kept."
THANKS = (
    "Thank you. All your answers are saved and nothing else is needed; you may close this page. If you have a "
    "question about the study, write to the person who invited you."
)


def default_texts(preset: dict) -> dict[str, str]:
    """The protocol's texts for a preset that leaves them out, where it is in English; those of other languages stay empty.

    Consent is never made up: an ethics committee decides it.
    """
    if preset["study"].get("language", "en").partition("-")[0] != "en":
        return {}
    rating = "stimuli" in preset
    return {
        "landing_text": f"{_invitation(preset, rating)} {LANDING}",
        "instructions_text": RATING_INSTRUCTIONS if rating else INSTRUCTIONS,
        "practice_text": PRACTICE,
        "break_text": BREAK,
        "thanks_text": THANKS,
    }


def _invitation(preset: dict, rating: bool) -> str:
    if rating:
        return "You are invited to look at images and to answer a few questions about each."
    question = preset["study"].get("question", "").strip()
    cases = len(preset["classes"]) * preset.get("survey_set", {}).get("per_class", 1)
    blocks = len(preset.get("survey_set", {}).get("block_order", preset["views"]))
    number = f"{cases} images" if blocks == 1 else f"{cases} cases, {blocks} images of each,"
    asked = f"to answer one question about each: {question}" if question else "to say what each of them shows."
    return f"You are invited to read {number} and {asked}"
