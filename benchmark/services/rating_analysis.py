"""The analysis of a rating study: its inputs as files, and what is made of them."""

from collections.abc import Callable
from pathlib import Path

from django.core.exceptions import ValidationError

from imagebank.models import Study
from imagebank.tables import csv_text
from surveys.models import SurveyResponse
from surveys.services import analysis_frame, ratings_frame
from surveys.services.rating.table import pictures_as_shown

from .input_files import PICTURES, PLAN, RATINGS, REGISTERED

LEAST_RATERS = 2


def is_rating_study(study: Study) -> bool:
    """Whether pictures are rated in this study, rather than named."""
    protocol = getattr(study, "protocol", None)
    return bool(protocol and protocol.stimuli)


def complete_raters(study: Study) -> int:
    return SurveyResponse.objects.of_study(study).analysed().values("reader").distinct().count()


def write_rating_inputs(study: Study, folder: Path) -> bool:
    """Write ratings.csv and the single pictures as raters saw them; return whether any rater is simulated."""
    raters = complete_raters(study)
    if raters < LEAST_RATERS:
        raise ValidationError(
            f"An analysis of ratings needs complete sittings of at least {LEAST_RATERS} raters; {study.title} has {raters}."
            " Invite raters, or wait until they have finished."
        )
    table = analysis_frame(ratings_frame(study=study, analysed_only=True))
    rows = table.astype(object).where(table.notna(), "").itertuples(index=False, name=None)
    (folder / RATINGS).write_text(csv_text(table.columns, rows), encoding="utf-8", newline="")
    (folder / PICTURES).mkdir()
    for name, picture in pictures_as_shown(study):
        (folder / PICTURES / f"{name}.jpg").write_bytes(picture)
    return bool(table["simulated"].astype(bool).any())


def analyse_rating_folder(folder: Path, *, seed: int, stamp: str | None, step: Callable) -> None:
    """Analyse ratings.csv in `folder` under its plan and write everything beside it, as the command `ratings` does."""
    from benchmark.core.commands.studies import read_pictures
    from benchmark.core.inputs.ratings import read_ratings
    from benchmark.core.output.writing import write_ratings
    from benchmark.core.plans.plan import Plan
    from benchmark.core.results import Results
    from benchmark.core.sections.ratings import RatingPlan, analyse_ratings

    def plan_at(name: str) -> Plan | None:
        return Plan.from_toml(folder / name) if (folder / name).exists() else None

    step("Analysing", 0, 50)(0, 1, "ratings")
    plan = RatingPlan.of(plan_at(PLAN), seed=seed, registered=plan_at(REGISTERED), stamped_sha256=stamp)
    content = analyse_ratings(read_ratings(folder / RATINGS), plan)
    write_ratings(Results(content), folder, pictures=read_pictures(folder / PICTURES), progress=step("Drawing", 50, 49))
