"""The words that the script of a reading page says, in the language of the reader; {names} are filled in by the script."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

# What pictures are, as the image bank notes it; readers are told in their language.
NATURES = (
    gettext_noop("drawn, not a photograph"),
    gettext_noop("drawn, not photographs"),
    gettext_noop("generated, not a photograph"),
)
# Answers of kinds of questions whose answers are fixed, as surveys.questions names them.
FIXED = (
    gettext_noop("Real"),
    gettext_noop("Generated"),
    gettext_noop("Left"),
    gettext_noop("Right"),
    gettext_noop("Not sure"),
    gettext_noop("First to last"),
    gettext_noop("Last to first"),
    gettext_noop("Cannot tell"),
)


def script_words() -> dict[str, str | dict[str, str]]:
    """Every sentence of the script by its name. Those that count something have a form for each plural category."""
    return {
        "saved": _("Saved"),
        "saving": _("Saving …"),
        "retry": _("Not saved, will retry"),
        "kept": _("Not saved yet. It is kept on this device; saving, will retry."),
        "closed": _("This link has been closed. Please write to the person who invited you."),
        "answer_saved": _("{name}, saved"),
        "loading": _("Loading …"),
        "not_loaded": _("This image did not load. Load it again, or go on: your answers are kept."),
        "to_be_judged": _("{what} {number} of {count}, to be judged by eye"),
        "place": _("{heading}, {number} of {count}"),
        "place_question": _("{place}, question {number} of {count}"),
        "practice": _("Practice"),
        "next": _("Next"),
        "numbered": _("{noun} {number}"),
        "please_answer": _("Please answer to go on, or leave this one blank."),
        "move_slider": _("Say how sure you are: move the slider."),
        "no_answer_yet": _("no answer yet"),
        "marked": {"one": _("1 place marked."), "other": _("{number} places marked.")},
        "mark_how": _("Touch a point, or drag a box around it."),
        "mark_keys": _("Marking: arrow keys move the cross, Enter sets a point, Escape ends"),
        "left": _("Left"),
        "right": _("Right"),
        "left_image": _("{what} {number} of {count}, left image"),
        "right_image": _("{what} {number} of {count}, right image"),
        "frame": _("{what} {number} of {count}, image {frame}"),
        "row_source": _("{what} {number} of {count}, source of row {frame}"),
        "column_source": _("{what} {number} of {count}, source of column {frame}"),
        "network_waits": _("Your answer is being saved; the network's answer comes in a moment."),
        "network_not_loaded": _("The network's answer did not come. It is asked for again by itself; your own is kept."),
        "network_abstains": _("The network gives no answer here."),
        "network_answers": _("The network answers {name}."),
        "network_nothing": _("No second opinion this time: look again and answer."),
        "second_waits": _("Your answer is being saved; the next question comes in a moment."),
        "second_not_loaded": _("The next question did not come. It is asked for again by itself; your answer is kept."),
        "network_map_on": _("Show what the network looked at"),
        "network_map_off": _("Show the image alone"),
        "network_map_of": _("{image}, under the network's map"),
        "closed_by_network": _("You have seen the network's answer about this image; this one is closed."),
        "closed_asked_again": _("You have been asked again about this image; this one is closed."),
        "sealing": _("Saving your last answers. This page goes on by itself as soon as they are saved."),
        "sealing_retry": _("There is no connection. Your answers are kept; this page goes on by itself once it is back."),
        "no_line": _("There is no connection. This page goes on by itself once it is back."),
        "elsewhere": _(
            "You have answered on another device or in another window as well. This page now shows those answers, too; "
            "where there are two, the later one counts."
        ),
        "not_counted_overtaken": _("Not counted, because you answered later on another device: {noun} {numbers}."),
        "not_counted_closed": _("Not counted, because you were further on by then on another device: {noun} {numbers}."),
        "not_counted_sealed": _("Not counted, because this part had been sealed before: {noun} {numbers}."),
        "sealed_elsewhere": _("This part was sealed in another window or on another device. This page shows it in a moment."),
    }
