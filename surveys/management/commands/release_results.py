from django.core.exceptions import ValidationError

from imagebank.management.outcome import Outcome
from imagebank.management.study_command import StudyCommand
from surveys.services import release_debrief, send_results, withdraw_debrief
from surveys.services.ending.debriefing import networks_of


class Command(StudyCommand):
    help = "Let the readers of a closed study see which of their answers were right, or take that back."

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("--confirm", metavar="SLUG", help="the study's slug once more: readers may learn the truth")
        parser.add_argument("--pictures", action="store_true", help="show the images again")
        parser.add_argument("--network", metavar="NAME", help="whose answers stand beside the reader's own")
        parser.add_argument("--letters", action="store_true", help="write to readers whose address is kept and who were not told yet")
        parser.add_argument("--withdraw", action="store_true", help="show nothing of it any more")

    def act(self, study, *, confirm, pictures, network, letters, withdraw, **options):
        if withdraw:
            withdrawn = withdraw_debrief(study=study)
            return Outcome(f"{study.slug}: {'results withdrawn' if withdrawn else 'no results were released'}.", {"released": False})
        if confirm != study.slug:
            raise ValidationError(f"A release tells readers the truth: confirm it with --confirm {study.slug}.")
        named = networks_of(study).filter(code=network).first() if network else None
        if network and named is None:
            known = ", ".join(networks_of(study).values_list("code", flat=True)) or "none"
            raise ValidationError(f"No network called {network} has answered in {study.slug}; those that have: {known}.")
        release_debrief(study=study, with_pictures=pictures, network=named)
        sent = send_results(study=study) if letters else 0
        told = f", {sent} letter{'' if sent == 1 else 's'} queued" if letters else ""
        return Outcome(
            f"{study.slug}: readers see their results{told}.",
            {"released": True, "pictures": pictures, "network": network, "letters": sent},
        )
