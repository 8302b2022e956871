"""What a first plan of a study can say from what the study is: its groups, views, networks, and its assisted arm."""

from benchmark.core.plans.drafting import PlanDraft, draft_plan
from benchmark.core.plans.plan import Contrast
from benchmark.services.rating_analysis import is_rating_study
from imagebank.models import Study
from models_ml.models import TrainingRun
from surveys.models import Reader, ReaderGroup
from surveys.services.sitting.assistance import assisted_questions
from surveys.services.sitting.control import control_shares

NO_NETWORK_YET = "classifier"
GUESSING = 0.1  # of the founding rating study: errors from 40 to 60 % count as guessing


def networks_of(study: Study) -> list[str]:
    """Names under which networks answer or will answer here, those that have first; one to be trained, where none has."""
    named = [
        *study.readers.filter(kind=Reader.Kind.MODEL).order_by("code").values_list("code", flat=True),
        *TrainingRun.objects.filter(study=study).order_by("name").values_list("name", flat=True),
    ]
    return list(dict.fromkeys(named)) or [NO_NETWORK_YET]


def possible_contrasts(study: Study, network: str) -> list[Contrast]:
    """Every comparison of `network` with a group of people in a view; in an assisted study what its output changes, instead."""
    protocol = getattr(study, "protocol", None)
    if protocol is None or is_rating_study(study):
        return []
    groups = study.reader_groups.filter(kind=ReaderGroup.Kind.HUMAN).values_list("code", flat=True)
    views = list(protocol.view_order)
    assisted, controlled = assisted_questions(study), control_shares(protocol)
    found = []
    for group in groups:
        for view in views:
            shown = view if len(views) > 1 else None
            if view not in assisted:
                found.append(Contrast(network, group, shown))
                continue
            if view in controlled:
                found.append(Contrast(network, group, shown, assisted=True, control=True))
            found.append(Contrast(network, group, shown, assisted=True))
    return found


def contrast_words(study: Study, contrast: Contrast) -> str:
    """What a contrast compares, in words that name no network: that is chosen beside it."""
    group = study.reader_groups.get(code=contrast.group).plural
    view = "" if contrast.view is None else f", {study.view_label(contrast.view)} images"
    if contrast.control:
        return f"what the output adds to a second look of {group}{view}"
    return f"{group} with its output against alone{view}" if contrast.assisted else f"the network against {group}{view}"


def drafted_plan(
    study: Study, *, contrasts: list[Contrast] | None = None, multiplicity: str = "holm", estimand: str = "both",
    margin: float | None = None, missing: str = "incorrect",
) -> str:  # fmt: skip
    """analysis.toml for `study`; without `contrasts` those of its first network."""
    if contrasts is None:
        contrasts = possible_contrasts(study, networks_of(study)[0])
    protocol, rating = getattr(study, "protocol", None), is_rating_study(study)
    rule = {"threshold": float(protocol.completion_threshold), "strictly_more": protocol.strictly_more} if protocol else {}
    within = any(contrast.assisted for contrast in contrasts)
    return draft_plan(
        PlanDraft(
            title=study.title, key=study.slug, contrasts=tuple(contrasts), unit="reader" if within else "survey",
            multiplicity=multiplicity, estimand=estimand, margin=GUESSING if rating and margin is None else margin,
            missing=missing, rating=rating, **rule,
        )
    )  # fmt: skip
