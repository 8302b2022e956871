from imagebank.management.outcome import Outcome
from imagebank.management.study_command import StudyCommand
from imagebank.management.terminal import progress_bar
from surveys.services import SimulatedRaters, simulate_raters


class Command(StudyCommand):
    help = "Fill the free seats of a rating study with simulated raters, marked as such wherever they appear."

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("--seed", type=int, required=True)
        parser.add_argument(
            "--dprime", type=float, default=SimulatedRaters.dprime, help="how well they tell the two apart"
        )
        parser.add_argument("--leave-open", nargs="*", default=[], help="codes of surveys whose seats stay free")

    def act(self, study, *, seed, dprime, leave_open, **options):
        groups = list(study.reader_groups.values_list("code", flat=True))
        with progress_bar("Rating") as progress:
            done = simulate_raters(
                study=study,
                seed=seed,
                raters=SimulatedRaters(dprime=dprime),
                progress=progress,
                leave_open=[(survey, group) for survey in leave_open for group in groups],
            )
        return Outcome(f"{done} simulated raters of {study.slug}.", {"sittings": done})
