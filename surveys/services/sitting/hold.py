"""One thing at a time happens to a sitting."""

from django.core.exceptions import ValidationError

from surveys.models import SurveyResponse


def hold_sitting(survey_response: SurveyResponse, opened: int | None = None) -> None:
    """Lock a sitting's row; one that was withdrawn meanwhile raises SurveyResponse.DoesNotExist. Call inside a transaction.

    opened: key of a block that the reader must have opened; otherwise ValidationError. It costs no further question.
    """
    rows = SurveyResponse.objects.order_by()
    if opened is not None:
        held = rows.select_for_update(no_key=True, of=("self",)).only("pk")
        if list(held.filter(pk=survey_response.pk, block_sittings__block=opened)):
            return
    rows.select_for_update(no_key=True).values_list("pk").get(pk=survey_response.pk)
    if opened is not None:
        raise ValidationError("This image is not open yet.", code="not-open")
