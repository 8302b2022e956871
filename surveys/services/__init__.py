"""Everything that changes a survey's rows. Pages, API, tasks and commands all come here."""

from .answers import answer_log_fault, record_answer, record_viewing_event
from .design import create_survey_set, store_survey_set
from .invitations import InvitationClosed, erase_contact, invite, open_invitation, revoke_invitation
from .model_answers import record_model_answers
from .protocol import load_protocol
from .rating import create_rating_study, grid, pair, shuffled, single, strip
from .rating_items import stimuli_from_items
from .rating_simulation import SimulatedRaters, simulate_raters
from .ratings import ratings_frame
from .readings import import_readings, readings_frame
from .seats import create_seats, release_expired_seats, replace_seat
from .simulation import simulate_readers
from .sitting import (
    finish_response,
    open_block,
    record_consent,
    record_demographics,
    record_instructions_read,
    record_practice,
    seal_block,
    start_response,
)

__all__ = [
    "InvitationClosed",
    "SimulatedRaters",
    "answer_log_fault",
    "create_rating_study",
    "create_seats",
    "create_survey_set",
    "erase_contact",
    "finish_response",
    "grid",
    "import_readings",
    "invite",
    "load_protocol",
    "open_block",
    "open_invitation",
    "pair",
    "ratings_frame",
    "readings_frame",
    "record_answer",
    "record_consent",
    "record_demographics",
    "record_instructions_read",
    "record_model_answers",
    "record_practice",
    "record_viewing_event",
    "release_expired_seats",
    "replace_seat",
    "revoke_invitation",
    "seal_block",
    "shuffled",
    "simulate_raters",
    "simulate_readers",
    "single",
    "start_response",
    "stimuli_from_items",
    "store_survey_set",
    "strip",
]
