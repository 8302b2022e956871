from imagebank.management.outcome import Outcome
from imagebank.management.study_command import StudyCommand
from imagebank.services.splits import draw_split, split_counts


class Command(StudyCommand):
    help = "Draw a test set and the folds of the training items, by whole groups and balanced over classes, from a seed."

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("--per-class", type=int, help="test items of every class; without it the test set stays as it is")
        parser.add_argument("--folds", type=int, default=5, help="folds of the training items; 0: none (default 5)")
        parser.add_argument("--seed", type=int, default=0)

    def act(self, study, *, per_class, folds, seed, **options):
        words = draw_split(study=study, per_class=per_class, folds=folds, seed=seed)
        counts = {code: cells for code, _, cells in split_counts(study)}
        return Outcome(f"{study.slug}: {words}.", {"done": words, "counts": counts})
