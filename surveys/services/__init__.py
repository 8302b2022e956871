"""Everything that changes a survey's rows. Pages, API, tasks and commands all come here."""

from .ending.closing import archive_study, close_reading, close_recruitment, open_reading, open_recruitment
from .ending.debriefing import release_debrief, standing_release, withdraw_debrief
from .ending.withdrawal import withdraw_reader
from .rating.cells import cells_frame
from .rating.choosing import stimuli_from_items
from .rating.copying import copy_ratings
from .rating.new_study import balance_warnings, begin_rating_study, shipped_preset
from .rating.setting_up import create_rating_study, grid, pair, sheet, shuffled, single, strip
from .rating.simulation import SimulatedRaters, simulate_raters
from .rating.table import analysis_frame, ratings_frame
from .recruiting.bounces import Bounces, record_bounces
from .recruiting.invitations import (
    InvitationClosed,
    add_link,
    erase_contact,
    erase_contacts,
    invite,
    open_invitation,
    renew_invitation,
    revoke_invitation,
)
from .recruiting.letters import (
    due_reminders,
    due_results,
    queue_letters,
    record_bounce,
    resume_letters,
    sample_letter,
    send_again,
    send_reminders,
    send_results,
    send_test_letter,
    send_waiting_letters,
)
from .recruiting.recruitment import Invited, invite_many, record_reply
from .recruiting.seats import create_seats, release_expired_seats, replace_seat
from .setting_up.demographics import reader_answers_frame
from .setting_up.design import Verified, classes_of, create_survey_set, store_survey_set, verify_survey_set
from .setting_up.protocol import load_protocol
from .simulating.readers import simulate_readers
from .sitting.answer_log import answer_log_faults
from .sitting.answers import answer_log_fault, record_answer
from .sitting.assistance import (
    NetworkOutput,
    assistance_fault,
    assisted_question,
    assisted_questions,
    freeze_assistance,
    hand_out_output,
    handed_out,
    is_read,
    items_to_assist,
    require_to_assist,
    shown_output,
)
from .sitting.control import control_of_block, control_shares, control_summary, is_control_as_asked
from .sitting.pictures import prepare_block, prepare_study
from .sitting.viewing import record_viewing_event
from .sitting.way import (
    finish_response,
    open_block,
    record_consent,
    record_demographics,
    record_instructions_read,
    record_practice,
    seal_block,
    start_response,
)
from .table.model_answers import record_model_answers
from .table.readings import import_readings, readings_frame

__all__ = [
    "Bounces",
    "InvitationClosed",
    "Invited",
    "NetworkOutput",
    "SimulatedRaters",
    "Verified",
    "add_link",
    "analysis_frame",
    "answer_log_fault",
    "answer_log_faults",
    "archive_study",
    "assistance_fault",
    "assisted_question",
    "assisted_questions",
    "balance_warnings",
    "begin_rating_study",
    "cells_frame",
    "classes_of",
    "close_reading",
    "close_recruitment",
    "control_of_block",
    "control_shares",
    "control_summary",
    "copy_ratings",
    "create_rating_study",
    "create_seats",
    "create_survey_set",
    "due_reminders",
    "due_results",
    "erase_contact",
    "erase_contacts",
    "finish_response",
    "freeze_assistance",
    "grid",
    "hand_out_output",
    "handed_out",
    "import_readings",
    "invite",
    "invite_many",
    "is_control_as_asked",
    "is_read",
    "items_to_assist",
    "load_protocol",
    "open_block",
    "open_invitation",
    "open_reading",
    "open_recruitment",
    "pair",
    "prepare_block",
    "prepare_study",
    "queue_letters",
    "ratings_frame",
    "reader_answers_frame",
    "readings_frame",
    "record_answer",
    "record_bounce",
    "record_bounces",
    "record_consent",
    "record_demographics",
    "record_instructions_read",
    "record_model_answers",
    "record_practice",
    "record_reply",
    "record_viewing_event",
    "release_debrief",
    "release_expired_seats",
    "renew_invitation",
    "replace_seat",
    "require_to_assist",
    "resume_letters",
    "revoke_invitation",
    "sample_letter",
    "seal_block",
    "send_again",
    "send_reminders",
    "send_results",
    "send_test_letter",
    "send_waiting_letters",
    "sheet",
    "shipped_preset",
    "shown_output",
    "shuffled",
    "simulate_raters",
    "simulate_readers",
    "single",
    "standing_release",
    "start_response",
    "stimuli_from_items",
    "store_survey_set",
    "strip",
    "verify_survey_set",
    "withdraw_debrief",
    "withdraw_reader",
]
