from surveys.management.study_command import StudyCommand
from surveys.services import release_expired_seats


class Command(StudyCommand):
    help = "Free the seats of a study whose links have all expired."

    def act(self, study, **options):
        return f"{release_expired_seats(study=study)} seats of {study.slug} are free again."
