"""The analysis plan of a study: checked, stamped with its hash, and never changed afterwards."""

import hashlib
from datetime import datetime
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Min

from benchmark.core.errors import InputError
from benchmark.core.plans.plan import Plan
from benchmark.core.plans.plan_changes import PlanChange, plan_changes
from benchmark.models import AnalysisPlan
from imagebank.models import Study
from surveys.models import Answer, ImportedReading, Reader

LARGEST_PLAN = 200_000


def stamp_plan(*, study: Study, path: str | Path | None = None, text: str | None = None, user=None) -> AnalysisPlan:
    """Check an analysis.toml and stamp it as the study's next version; the current version's text again returns it.

    A plan that cannot be used, or is longer than 200,000 characters, raises ValidationError naming every fault. After
    the first answer of a person a new version is still taken, and is known to be later.
    """
    if text is None:
        text = _read(Path(path))
    if len(text) > LARGEST_PLAN:
        raise ValidationError(f"An analysis plan has at most {LARGEST_PLAN:,} characters; this one has {len(text):,}.")
    try:
        plan = Plan.from_toml(text=text)
    except InputError as error:
        raise ValidationError([error.summary, *map(str, error.problems)]) from error
    with transaction.atomic():
        Study.objects.select_for_update().get(pk=study.pk)
        current = AnalysisPlan.objects.filter(study=study).current()
        if current is not None and current.text == text:
            return current
        stamped = AnalysisPlan(
            study=study,
            version=current.version + 1 if current else 1,
            title=plan.title[:200],
            text=text,
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            answers_when_stamped=answers_of_people(study),
            stamped_by=user,
        )
        stamped.full_clean()
        stamped.save()
    return stamped


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValidationError(f"A readable UTF-8 analysis plan was needed; {path.name} is not one.") from error


def _own_answers(study: Study):
    """Answers that people gave here. Simulated readers are no people."""
    return Answer.objects.of_study(study).filter(
        survey_response__simulated=False, survey_response__reader__kind=Reader.Kind.HUMAN
    )


def _imported_answers(study: Study):
    return ImportedReading.objects.filter(
        reader__study=study, reader__kind=Reader.Kind.HUMAN, reader__simulated=False
    ).exclude(chosen=None)


def answers_of_people(study: Study) -> int:
    """How many answers of people the study holds, those of a study that was read elsewhere included."""
    return _own_answers(study).count() + _imported_answers(study).count()


def first_answer_at(study: Study) -> datetime | None:
    """When the first person answered; None before that, and where an import did not say."""
    moments = [
        _own_answers(study).aggregate(first=Min("received_at"))["first"],
        _imported_answers(study).aggregate(first=Min("answered_at"))["first"],
    ]
    return min((moment for moment in moments if moment), default=None)


def changes_between_plans(before: AnalysisPlan, after: AnalysisPlan) -> list[PlanChange]:
    """Every field that differs, in the order of the files; comments and layout do not count."""
    return plan_changes(before.text, after.text)
