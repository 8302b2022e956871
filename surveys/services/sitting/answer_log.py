"""The whole answer log of a study, checked against its own hashes."""

from imagebank.models import Study
from surveys.models import SurveyResponse

from .answers import answer_log_fault


def answer_log_faults(*, study: Study) -> list[str]:
    """The first broken entry of every sitting of `study`, one sentence each; empty when every chain is whole."""
    responses = SurveyResponse.objects.of_study(study).select_related("reader", "survey").order_by("pk")
    return [fault for response in responses if (fault := answer_log_fault(response))]
