from imagebank.management.outcome import Outcome
from imagebank.management.study_command import StudyCommand
from surveys.services import release_expired_seats


class Command(StudyCommand):
    help = "Free the seats of a study whose links have all expired."

    def act(self, study, **options):
        freed = release_expired_seats(study=study)
        return Outcome(f"{freed} seats of {study.slug} are free again.", {"freed": freed})
