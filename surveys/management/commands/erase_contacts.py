from surveys.management.study_command import StudyCommand
from surveys.services import erase_contacts


class Command(StudyCommand):
    help = "Erase the names and addresses of all readers of a study; readers, seats and answers stay."
    in_archive = True

    def act(self, study, **options):
        return f"{erase_contacts(study=study)} names and addresses of {study.slug} erased."
