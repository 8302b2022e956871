from imagebank.management.outcome import Outcome
from imagebank.management.study_command import StudyCommand
from surveys.services import erase_contacts


class Command(StudyCommand):
    help = "Erase the names and addresses of all readers of a study; readers, seats and answers stay."
    in_archive = True

    def act(self, study, **options):
        erased = erase_contacts(study=study)
        return Outcome(f"{erased} names and addresses of {study.slug} erased.", {"erased": erased})
