"""One thing at a time happens to a sitting."""

from surveys.models import SurveyResponse


def hold_sitting(survey_response: SurveyResponse) -> None:
    """Lock a sitting's row; one that was withdrawn meanwhile raises SurveyResponse.DoesNotExist. Call inside a transaction."""
    SurveyResponse.objects.select_for_update(no_key=True).order_by().values_list("pk").get(pk=survey_response.pk)
