"""One thing at a time happens to a sitting."""

from django.core.exceptions import ValidationError

from surveys.models import SurveyResponse


def hold_sitting(survey_response: SurveyResponse, opened: int | None = None) -> None:
    """Lock a sitting's row; one that was withdrawn meanwhile raises SurveyResponse.DoesNotExist. Call inside a transaction.

    opened: key of a block that the reader must have opened; otherwise ValidationError. It costs no further question.
    """
    held = SurveyResponse.objects.select_for_update(no_key=True, of=("self",)).only("pk").order_by()
    if opened is not None and list(held.filter(pk=survey_response.pk, block_sittings__block=opened)):
        return
    held.get(pk=survey_response.pk)
    if opened is not None:
        raise ValidationError("This image is not open yet.", code="not-open")
