"""When results may be released, who has any, and the letter that tells them."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.utils import timezone

from surveys.models import DebriefRelease, Letter, SurveyResponse
from surveys.services import (
    archive_study,
    close_reading,
    close_recruitment,
    due_results,
    invite,
    release_debrief,
    send_results,
    send_waiting_letters,
    standing_release,
    withdraw_debrief,
)
from surveys.services.ending.debriefing import conditions_of, release_for
from tests.surveys.debriefed import at, compared, make_read_study, read_by_link, signed_in, statuses, text
from tests.surveys.study import CLASSES, group, survey

pytestmark = pytest.mark.django_db
RELEASE = "/studies/small/surveys/debrief/"


def test_each_condition_stands_in_the_way_until_it_is_met():
    study, _ = make_read_study(closed=False)

    def refused(words):
        with pytest.raises(ValidationError) as refusal:
            release_debrief(study=study, with_pictures=False)
        assert words in " ".join(refusal.value.messages)
        assert not DebriefRelease.objects.exists()

    refused("Recruitment is closed: not yet")
    close_recruitment(study=study)
    refused("Reading is closed: not yet")
    close_reading(study=study)
    refused("The comparison is computed: not yet. Start one under Results first.")
    comparison = compared(study)
    type(comparison).objects.update(created_at=timezone.now() - timedelta(days=1))
    refused("1 sitting was completed after the last one")
    compared(study)
    assert all(row.met for row in conditions_of(study))
    study.protocol.__class__.objects.update(debrief_offered=False)
    refused("Readers were told so before they answered: not yet")
    study.protocol.__class__.objects.update(debrief_offered=True)
    archive_study(study=study)
    refused("is archived")


def test_nothing_is_released_where_nobody_has_finished():
    study, _ = make_read_study(0)
    with pytest.raises(ValidationError, match="Somebody has sealed a whole survey: not yet"):
        release_debrief(study=study, with_pictures=False)


def test_without_a_tick_no_image_is_shown_and_the_page_refuses_what_is_not_met(client):
    study, _ = make_read_study(closed=False)
    signed_in(client, study)
    page = text(client, RELEASE)
    assert "not yet" in page
    assert 'value="review"' not in page
    refused = client.post(RELEASE, {"do": "release", "sure": "yes"})
    assert refused.status_code == 422
    assert not DebriefRelease.objects.exists()
    close_reading(study=study)
    compared(study)
    client.post(RELEASE, {"do": "release", "sure": "yes"})
    assert DebriefRelease.objects.get().with_pictures is False
    assert client.post(RELEASE, {"do": "something"}).status_code == 404


def test_who_has_not_finished_sees_that_reading_has_ended(client):
    study, _ = make_read_study(1, closed=False)
    _, begun = invite(survey=survey(study, 2), group=group(study))
    client.post(at(begun, "landing"))
    _, unused = invite(survey=survey(study, 3), group=group(study))
    close_reading(study=study)
    compared(study)
    release_debrief(study=study, with_pictures=True)
    assert set(statuses(client, begun)) == {410}
    assert set(statuses(client, unused)) == {410}
    unfinished = SurveyResponse.objects.get(finished_at=None)
    assert release_for(unfinished) is None, "whatever the link says"
    assert release_for(SurveyResponse.objects.exclude(finished_at=None).get()) == standing_release(study)


def test_readers_are_told_before_they_agree_and_only_where_it_is_so(client):
    for slug, offered in (("small", True), ("plain", False)):
        study, _ = make_read_study(0, closed=False, slug=slug, debrief_offered=offered, certificate_issuer="")
        _, raw = invite(survey=survey(study), group=group(study))
        assert ("you may see with this link how you did" in text(client, at(raw, "landing"))) is offered
        client.post(at(raw, "landing"))
        assert ("which of your answers were right" in text(client, at(raw, "consent"))) is offered


def test_the_letter_goes_once_to_who_finished_and_its_link_shows_the_results(client):
    study, _ = make_read_study(1, closed=False)
    read_by_link(study, 2, name="Ada", email="ada@example.org")
    _, begun = invite(survey=survey(study, 3), group=group(study), email="begun@example.org")
    client.post(at(begun, "landing"))
    close_reading(study=study)
    compared(study)
    assert due_results(study=study) == []
    assert send_results(study=study) == 0
    release_debrief(study=study, with_pictures=False)
    assert send_results(study=study) == 1
    assert send_results(study=study) == 0, "the press again tells nobody twice"
    send_waiting_letters(study=study)
    (letter,) = mail.outbox
    assert (letter.to, letter.subject) == (["ada@example.org"], "Your results: A small study")
    assert not any(words in letter.body for words in (*CLASSES.values(), "2 of 6"))
    raw = re.search(r"/r/([^/]+)/", letter.body)[1]
    assert "2 of 6 right" in text(client, at(raw))
    assert Letter.objects.get().kind == Letter.Kind.RESULTS


def test_a_letter_that_waits_while_the_results_are_withdrawn_is_not_sent():
    study, _ = make_read_study(1, closed=False)
    read_by_link(study, 2, email="ada@example.org")
    close_reading(study=study)
    compared(study)
    release_debrief(study=study, with_pictures=False)
    send_results(study=study)
    withdraw_debrief(study=study)
    send_waiting_letters(study=study)
    assert mail.outbox == []
    assert Letter.objects.get().state == Letter.State.FAILED
