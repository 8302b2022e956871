"""Letters that came back: delivery reports (RFC 3464) read, and the reader's last letter marked."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage

from django.core.exceptions import ValidationError

from imagebank.models import Study
from surveys.models import ReaderContact

from .letters import record_bounce

STATUS = re.compile(r"^[45]\.\d{1,3}\.\d{1,3}$")


@dataclass(frozen=True)
class Bounces:
    """How many reports marked a letter, named nobody of the study, or were no report of a failed delivery."""

    recorded: int
    of_others: int
    no_report: int


def record_bounces(*, study: Study, messages: Iterable[bytes]) -> Bounces:
    """Mark the last letter of every reader whose address one of the delivery reports gives as failed for good.

    Delays (4.x.x that are not given up) are left alone. Running again over the same messages changes nothing.
    """
    contacts = ReaderContact.objects.filter(reader__study=study).exclude(email="").select_related("reader")
    readers = {contact.email.lower(): contact.reader for contact in contacts}
    recorded = of_others = no_report = 0
    for data in messages:
        failed = list(_failed(message_from_bytes(data, policy=policy.default)))
        if not failed:
            no_report += 1
        for address, status in failed:
            reader = readers.get(address)
            if reader is None:
                of_others += 1
                continue
            try:
                record_bounce(reader=reader, problem=f"The receiving server gave it back ({status}).")
            except ValidationError:
                of_others += 1
            else:
                recorded += 1
    return Bounces(recorded, of_others, no_report)


def _failed(message: EmailMessage):
    """(address in lower case, status code) of every recipient that the report gives up on."""
    for part in message.walk():
        if part.get_content_type() != "message/delivery-status" or not isinstance(part.get_payload(), list):
            continue
        for fields in part.get_payload():
            address = str(fields.get("Final-Recipient", "")).split(";")[-1].strip().strip("<>").lower()
            status = str(fields.get("Status", "")).split(" ")[0]
            if address and str(fields.get("Action", "")).strip().lower() == "failed":
                yield address, status if STATUS.match(status) else "no status"
