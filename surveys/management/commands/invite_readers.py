from pathlib import Path
from urllib.parse import urljoin

from django.conf import settings
from django.urls import reverse

from surveys.management.study_command import StudyCommand
from surveys.services import invite_many
from surveys.services.invitation_list import read_invitation_list


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
            for line, wrong in listed.errors:
                self.stdout.write(f"Line {line}: {wrong}.")
            return f"{len(listed.invitees)} rows can be used, {len(listed.errors)} cannot. Nothing was stored."
        done = invite_many(study=study, data=data, send=send)
        if not send:
            for row in done:
                link = urljoin(settings.SITE_URL, reverse("surveys:landing", kwargs={"token": row.raw}))
                self.stdout.write(f"{row.invitation.reader.code}\t{row.invitee.email}\t{link}")
        return f"{len(done)} readers of {study.slug} invited."
