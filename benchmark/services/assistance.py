"""A network of the study put beside its readers: its answers, probabilities and maps become what they see."""

from collections.abc import Callable
from dataclasses import dataclass

from django.core.exceptions import ValidationError

from imagebank.jobs import queue_job
from imagebank.models import Job, Study
from models_ml.models import AttributionMap, Ensemble
from surveys.models import Assistance
from surveys.services import NetworkOutput, assisted_questions, freeze_assistance, items_to_assist, require_to_assist

from .networks import network_ensembles

FREEZE = "assistance"


@dataclass(frozen=True)
class Candidate:
    """A network that could be put beside the readers, and of how many images it lacks the answer or the map."""

    name: str
    unanswered: int
    unmapped: int

    @property
    def is_ready(self) -> bool:
        return not self.unanswered and not self.unmapped


def candidates(study: Study) -> list[Candidate]:
    """The study's networks by name."""
    wanted = items_to_assist(study)
    return [_candidate(study, name, wanted) for name in sorted(set(study.ensembles.values_list("name", flat=True)))]


def _candidate(study: Study, name: str, wanted: list[tuple[str, str]]) -> Candidate:
    ensembles = network_ensembles(study, name)
    answered, maps = _answered(ensembles), _newest_maps(ensembles)
    mapped = {view for view, question in assisted_questions(study).items() if "map" in question.shows}
    unmapped = sum(view in mapped and (code, view) not in maps for code, view in wanted)
    return Candidate(name, sum(key not in answered for key in wanted), unmapped)


def start_assistance(*, study: Study, name: str, user=None) -> Job:
    """Queue the freezing of the network's output; what it lacks is said at once, in one sentence."""
    wanted = require_to_assist(study)
    lacks = _candidate(study, name, wanted)
    if not lacks.is_ready:
        raise ValidationError(
            f"{name} cannot be put beside the readers yet: of {len(wanted)} images {lacks.unanswered} lack "
            f"its answer and {lacks.unmapped} its map. Predict them, then explain its answers."
        )
    under_way = study.jobs.active().filter(kind=FREEZE, payload__network=name).first()  # a second press
    return under_way or queue_job(
        study=study, kind=FREEZE, title=f"Put {name} beside the readers"[:200], user=user, payload={"network": name}
    )


def assist(
    *, study: Study, name: str, user=None, progress: Callable[[int, int], None] = lambda done, total: None
) -> Assistance:
    """Freeze what the network `name` says of every image that readers answer twice (see `freeze_assistance`)."""
    ensembles = network_ensembles(study, name)
    source = {"ensembles": [_source(one) for _, one in sorted(ensembles.items())]}
    outputs = outputs_of(study, name)
    return freeze_assistance(study=study, network=name, outputs=outputs, source=source, user=user, progress=progress)


def outputs_of(study: Study, name: str) -> dict[tuple[str, str], NetworkOutput]:
    """What the network says of the images that readers answer twice, as far as it has answered them.

    Shares are those of the study's own classes; an answer outside them is none, as when it reads the surveys itself.
    """
    ensembles, own = network_ensembles(study, name), set(study.classes.values_list("code", flat=True))
    answered, maps = _answered(ensembles), _newest_maps(ensembles)
    outputs = {}
    for key in items_to_assist(study):
        if key in answered:
            answer, probabilities = answered[key]
            shares = {code: share for code, share in probabilities.items() if code in own}
            outputs[key] = NetworkOutput(answer if answer in own else "", shares, maps.get(key))
    return outputs


def _answered(ensembles: dict[str, Ensemble]) -> dict[tuple[str, str], tuple[str, dict[str, float]]]:
    """Answer and probabilities by class, by (item code, view)."""
    return {
        (row.item.code, view): (row.answer, dict(zip(ensemble.run.classes, row.probabilities)))
        for view, ensemble in ensembles.items()
        for row in ensemble.predictions.select_related("item")
    }


def _newest_maps(ensembles: dict[str, Ensemble]) -> dict:
    """Paths of the newest maps of the predicted classes, by (item code, view)."""
    found = {}
    for view, ensemble in ensembles.items():
        rows = AttributionMap.objects.filter(
            attribution_set__ensemble=ensemble, view=view, target=AttributionMap.Target.PREDICTED
        )
        for row in rows.select_related("item", "attribution_set__ensemble__run__study").order_by("attribution_set_id", "pk"):
            found[row.item.code, view] = row.attribution_set.folder / row.layer
    return found


def _source(ensemble: Ensemble) -> dict:
    weights = sorted(ensemble.run.members.values_list("weights_sha256", flat=True))
    rule = {name: getattr(ensemble, name) for name in ("rule", "threshold", "inclusive", "fallback", "restrict", "calibrated")}
    return {"view": ensemble.view, **rule, "run": ensemble.run.name, "weights_sha256": weights}
