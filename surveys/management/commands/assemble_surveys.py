from imagebank.management.outcome import Outcome
from imagebank.management.study_command import StudyCommand
from surveys.services import create_survey_set


class Command(StudyCommand):
    help = "Draw a study's surveys from a seed, once, and print their certificate."

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("--seed", type=int, required=True)

    def act(self, study, *, seed, **options):
        from surveys.core import Certificate

        survey_set = create_survey_set(study=study, seed=seed)
        count = survey_set.surveys.count()
        text = Certificate.from_dict(survey_set.certificate).to_text()
        facts = {"surveys": count, "seed": survey_set.seed, "design_sha256": survey_set.design_sha256}
        return Outcome(
            f"{text}\n{count} surveys of {study.slug}, seed {survey_set.seed}.", facts | {"certificate": survey_set.certificate}
        )
