from pathlib import Path
from urllib.parse import urljoin

from django.conf import settings
from django.urls import reverse

from imagebank.management.outcome import Outcome
from imagebank.management.study_command import StudyCommand
from surveys.services import invite_many
from surveys.services.recruiting.invitation_list import read_invitation_list


class Command(StudyCommand):
    help = "Invite everybody in a CSV list (email, group, name, survey), all or nobody; the links are printed once."

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("path", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="only say what is wrong with the list")
        parser.add_argument("--send", action="store_true", help="send letters instead of printing links")

    def act(self, study, *, path, dry_run, send, **options):
        data = path.read_bytes()
        if dry_run:
            listed = read_invitation_list(study, data)
            errors = [f"Line {line}: {wrong}." for line, wrong in listed.errors]
            told = f"{len(listed.invitees)} rows can be used, {len(errors)} cannot. Nothing was stored."
            return Outcome("\n".join([*listed.notes, *errors, told]), {"usable": len(listed.invitees), "errors": errors, "invited": []})
        done = invite_many(study=study, data=data, send=send)
        people = [{"reader": row.invitation.reader.code, "email": row.invitee.email} for row in done]
        if not send:  # the only time that a link can be told
            for person, row in zip(people, done):
                person["link"] = urljoin(settings.SITE_URL, reverse("surveys:landing", kwargs={"token": row.raw}))
        lines = ["\t".join(person.values()) for person in people if "link" in person]
        return Outcome("\n".join([*lines, f"{len(done)} readers of {study.slug} invited."]), {"invited": people})
