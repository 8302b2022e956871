"""Readers learn how they did: at their own link, after the release, and nowhere else."""

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from imagebank.models import Item, Study
from surveys.models import SurveyItem
from surveys.reading.link_guard import GUESSES
from surveys.services import (
    archive_study,
    invite,
    open_invitation,
    open_reading,
    open_recruitment,
    record_model_answers,
    release_debrief,
    renew_invitation,
    standing_release,
    withdraw_debrief,
)
from surveys.services.ending.debriefing import pictures_of
from tests.surveys.debriefed import at, pages, sitting_of, statuses, text
from tests.surveys.study import CLASSES, group, survey

pytestmark = pytest.mark.django_db


def test_before_the_release_nobody_meets_a_truth_and_nothing_points_to_one(client, read):
    study, (raw,) = read
    assert statuses(client, raw) == [404, 404, 404]
    for name in ("landing", "thanks"):
        page = text(client, at(raw, name))
        assert at(raw) not in page
        assert not any(words in page for words in CLASSES.values())
    assert "Please keep your link" in text(client, at(raw, "thanks"))
    release_debrief(study=study, with_pictures=True)
    assert statuses(client, raw) == [200, 200, 200]
    assert at(raw) in text(client, at(raw, "landing"))
    assert at(raw) in text(client, at(raw, "thanks"))


def test_after_it_is_withdrawn_nothing_answers_any_more_and_reading_stays_closed(client, read):
    study, (raw,) = read
    release_debrief(study=study, with_pictures=True)
    with pytest.raises(ValidationError, match="Withdraw the results before reading is opened"):
        open_reading(study=study)
    text(client, at(raw))
    assert withdraw_debrief(study=study)
    assert withdraw_debrief(study=study) is None
    assert statuses(client, raw) == [404, 404, 404]
    assert at(raw) not in text(client, at(raw, "thanks"))
    for step in (open_reading, open_recruitment):
        with pytest.raises(ValidationError, match="1 reader has seen which answers were right"):
            step(study=study)
    again = release_debrief(study=study, with_pictures=False)
    assert study.debrief_releases.count() == 2
    assert standing_release(study) == again
    assert [entry.deed for entry in study.trail.all()][:3] == [
        "results released to readers, without images, without a network",
        "readers' results withdrawn",
        "results released to readers, with images, without a network",
    ]


def test_a_release_that_nobody_looked_at_can_be_taken_back_whole(client, read):
    study, (raw,) = read
    release_debrief(study=study, with_pictures=False)
    client.get(at(raw, "landing"))  # a mail scanner does as much
    withdraw_debrief(study=study)
    open_reading(study=study)
    study.protocol.refresh_from_db()
    assert study.protocol.reading_closed_at is None


@pytest.mark.parametrize("end", ["archived", "leaving"])
def test_an_archived_or_leaving_study_tells_nothing(client, end, read):
    study, (raw,) = read
    release_debrief(study=study, with_pictures=True)
    if end == "archived":
        archive_study(study=study)
    else:
        Study.objects.filter(pk=study.pk).update(leaving_at=timezone.now())
    assert set(statuses(client, raw)) == {404 if end == "archived" else 410}
    assert standing_release(Study.objects.get(pk=study.pk)) is None


def test_a_new_link_leads_to_the_results_of_who_finished_and_of_nobody_else(client, read):
    study, (raw,) = read
    invitation = open_invitation(raw)
    with pytest.raises(ValidationError, match="Reading has ended"):
        renew_invitation(invitation=invitation)
    release_debrief(study=study, with_pictures=False)
    _, renewed = renew_invitation(invitation=invitation)
    assert "2 of 6 right" in text(client, at(renewed))
    assert client.get(at(raw)).status_code == 410
    with pytest.raises(ValidationError, match="Reading has ended"):
        invite(survey=survey(study, 2), group=group(study))


def test_guesses_are_counted_and_no_answer_is_kept_by_a_cache_or_told_elsewhere(client, read):
    study, (raw,) = read
    release_debrief(study=study, with_pictures=True)
    for address in (*pages(raw), at("guessed")):
        answer = client.get(address)
        assert (answer["Cache-Control"], answer["Referrer-Policy"]) == ("no-store", "no-referrer")
        assert not answer.cookies
    for number in range(GUESSES):
        client.get(at(f"guess-{number}"))
    assert client.get(at("one-more")).status_code == 429
    assert client.get(at(raw)).status_code == 200, "a link that was open goes on working"


def test_without_images_none_is_served_and_none_is_linked(client, read):
    study, (raw,) = read
    release_debrief(study=study, with_pictures=False)
    assert statuses(client, raw) == [200, 200, 404]
    page = text(client, at(raw))
    assert "are not shown here" in page
    assert at(raw, "own-item", number=1) not in page
    assert "<img" not in text(client, at(raw, "own-item", number=1))


def test_marked_pictures_are_never_shown_and_excluded_items_are_not_counted(client, read):
    study, (raw,) = read
    rows = list(SurveyItem.objects.filter(block__survey=sitting_of(raw).survey, block__position=1).order_by("position"))
    Item.objects.filter(pk=rows[0].item_id).update(attributes={"debrief": " No "})
    Item.objects.filter(pk=rows[1].item_id).update(excluded_at=timezone.now(), exclusion_reason="wrong")
    release_debrief(study=study, with_pictures=True)
    assert [client.get(at(raw, "own-image", public_id=row.public_id)).status_code for row in rows[:3]] == [404, 404, 200]
    page = text(client, at(raw))
    assert "1 of 5 right" in page, "the excluded one had been answered rightly"
    assert "1 image is not counted" in page
    assert pictures_of(study).hidden == 2


def test_the_network_stands_beside_only_where_it_was_released(client, read):
    study, (raw,) = read
    truth = dict(study.items.values_list("code", "truth__diagnosis__code"))
    network = record_model_answers(study=study, name="netty", answers={(code, "focused"): said for code, said in truth.items()})
    release_debrief(study=study, with_pictures=False)
    assert "netty" not in text(client, at(raw))
    withdraw_debrief(study=study)
    release_debrief(study=study, with_pictures=False, network=network)
    page = text(client, at(raw))
    assert "The network netty was right at 6 of the same 6 images: 100%." in page
    assert "The network netty was right at 0 of the same 6 images: 0%." in page, "it answered one view alone"
    with pytest.raises(ValidationError, match="has answered nothing"):
        release_debrief(study=study, with_pictures=False, network=study.readers.filter(kind="human").first())
