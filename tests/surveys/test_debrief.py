"""Readers learn how they did: at their own link, after the release, and nowhere else."""

import json
import re
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from imagebank.models import Item, ItemImage, Membership, Provenance, Study
from surveys.coordination.set_up_form import SetUpForm, form_can_say, form_values
from surveys.models import DebriefRelease, Invitation, Letter, Stimulus, SurveyItem, SurveyResponse
from surveys.reading.debrief import _others_words
from surveys.reading.link_guard import GUESSES
from surveys.services import (
    archive_study,
    close_reading,
    close_recruitment,
    create_survey_set,
    due_results,
    erase_contact,
    invite,
    load_protocol,
    open_invitation,
    open_reading,
    open_recruitment,
    record_model_answers,
    release_debrief,
    renew_invitation,
    revoke_invitation,
    send_results,
    send_waiting_letters,
    standing_release,
    withdraw_debrief,
    withdraw_reader,
)
from surveys.services.afterwards import clean_afterwards
from surveys.services.debriefing import conditions_of, pictures_of, read_elsewhere, release_for
from surveys.services.new_study import begin_study
from surveys.services.own_results import own_results
from surveys.services.preset_text import preset_of, toml_text
from tests.surveys.debriefed import compared, make_rated_study, make_read_study, read_by_link
from tests.surveys.study import CLASSES, PRESET, group, make_study, survey

pytestmark = pytest.mark.django_db
FOUNDING = Path(__file__).resolve().parents[2] / "fixtures" / "founding" / "study.toml"
RELEASE = "/studies/small/surveys/debrief/"


def sitting_of(raw: str) -> SurveyResponse:
    return open_invitation(raw).response


def at(raw: str, name: str = "own-results", **more) -> str:
    return reverse(f"surveys:{name}", kwargs={"token": raw} | more)


def pages(raw: str) -> list[str]:
    """Every address of results below a link, with a picture of the first sitting that there is."""
    own = SurveyItem.objects.filter(block__survey__responses__isnull=False).order_by("pk").first().public_id
    return [at(raw), at(raw, "own-item", number=1), at(raw, "own-image", public_id=own)]


def statuses(client, raw: str) -> list[int]:
    return [client.get(address).status_code for address in pages(raw)]


def text(client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, address
    return answer.content.decode()


def signed_in(client, study, role="coordinator"):
    user = User.objects.create_user(f"{role}-{study.slug}", email="c@example.org")
    Membership.objects.create(study=study, user=user, role=role)
    client.force_login(user)
    return user


# Before, after, and instead


def test_before_the_release_nobody_meets_a_truth_and_nothing_points_to_one(client):
    study, (raw,) = make_read_study()
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


def test_after_it_is_withdrawn_nothing_answers_any_more_and_reading_stays_closed(client):
    study, (raw,) = make_read_study()
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


def test_who_looked_and_then_withdrew_keeps_reading_closed_all_the_same(client):
    study, links = make_read_study(2)
    release_debrief(study=study, with_pictures=False)
    text(client, at(links[0]))
    withdraw_reader(reader=open_invitation(links[0]).reader)
    withdraw_debrief(study=study)
    with pytest.raises(ValidationError, match="may have seen which answers were right has withdrawn"):
        open_reading(study=study)


def test_a_release_that_nobody_looked_at_can_be_taken_back_whole(client):
    study, (raw,) = make_read_study()
    release_debrief(study=study, with_pictures=False)
    client.get(at(raw, "landing"))  # a mail scanner does as much
    withdraw_debrief(study=study)
    open_reading(study=study)
    study.protocol.refresh_from_db()
    assert study.protocol.reading_closed_at is None


@pytest.mark.parametrize("end", ["archived", "leaving"])
def test_an_archived_or_leaving_study_tells_nothing(client, end):
    study, (raw,) = make_read_study()
    release_debrief(study=study, with_pictures=True)
    if end == "archived":
        archive_study(study=study)
    else:
        Study.objects.filter(pk=study.pk).update(leaving_at=timezone.now())
    assert set(statuses(client, raw)) == {404 if end == "archived" else 410}
    assert standing_release(Study.objects.get(pk=study.pk)) is None


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


# Whose results


def test_a_link_shows_its_own_sitting_and_no_picture_of_another(client):
    study, (raw, other) = make_read_study(2)
    release_debrief(study=study, with_pictures=True)
    assert "2 of 6 right" in text(client, at(raw))
    assert "1 of 6 right" in text(client, at(other))
    own, foreign = sitting_of(raw).survey, sitting_of(other).survey
    of = lambda form: set(SurveyItem.objects.filter(block__survey=form).values_list("public_id", flat=True))  # noqa: E731
    assert {client.get(at(raw, "own-image", public_id=name)).status_code for name in of(own)} == {200}
    assert {client.get(at(raw, "own-image", public_id=name)).status_code for name in of(foreign)} == {404}
    assert client.get(at(raw, "own-item", number=12)).status_code == 200
    assert {client.get(at(raw, "own-item", number=number)).status_code for number in (0, 13, 9999)} == {404}


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


def test_withdrawn_and_closed_links_show_nothing_expired_ones_and_erased_names_do_no_harm(client):
    study, (withdrawn, closed, expired) = make_read_study(3)
    release_debrief(study=study, with_pictures=True)
    withdraw_reader(reader=open_invitation(withdrawn).reader)
    revoke_invitation(invitation=open_invitation(closed))
    Invitation.objects.filter(pk=open_invitation(expired).pk).update(expires_at=timezone.now() - timedelta(days=400))
    erase_contact(reader=open_invitation(expired).reader)
    assert set(statuses(client, withdrawn)) == {410}
    assert set(statuses(client, closed)) == {410}
    assert client.get(at(expired)).status_code == 200


def test_a_new_link_leads_to_the_results_of_who_finished_and_of_nobody_else(client):
    study, (raw,) = make_read_study()
    invitation = open_invitation(raw)
    with pytest.raises(ValidationError, match="Reading has ended"):
        renew_invitation(invitation=invitation)
    release_debrief(study=study, with_pictures=False)
    _, renewed = renew_invitation(invitation=invitation)
    assert "2 of 6 right" in text(client, at(renewed))
    assert client.get(at(raw)).status_code == 410
    with pytest.raises(ValidationError, match="Reading has ended"):
        invite(survey=survey(study, 2), group=group(study))


def test_guesses_are_counted_and_no_answer_is_kept_by_a_cache_or_told_elsewhere(client):
    study, (raw,) = make_read_study()
    release_debrief(study=study, with_pictures=True)
    for address in (*pages(raw), at("guessed")):
        answer = client.get(address)
        assert (answer["Cache-Control"], answer["Referrer-Policy"]) == ("no-store", "no-referrer")
        assert not answer.cookies
    for number in range(GUESSES):
        client.get(at(f"guess-{number}"))
    assert client.get(at("one-more")).status_code == 429
    assert client.get(at(raw)).status_code == 200, "a link that was open goes on working"


def test_pages_name_no_item_no_file_and_no_other_reader(client):
    study, links = make_read_study(8, per_class=1)
    release_debrief(study=study, with_pictures=True, network=None)
    told = "".join(text(client, address) for address in (at(links[0]), at(links[0], "own-item", number=2)))
    forbidden = [
        *Item.objects.values_list("code", flat=True), *ItemImage.objects.values_list("public_id", flat=True),
        *ItemImage.objects.values_list("original_sha256", flat=True), *study.readers.values_list("code", flat=True),
        *(image.file.name.split("/")[-1] for image in ItemImage.objects.all()), *links[1:], "secret", "original-",
    ]  # fmt: skip
    assert not [word for word in forbidden if word in told]
    assert "style=" not in told
    assert "<script>" not in told


# What is shown


def test_wrong_ones_come_first_then_what_was_left_blank(client):
    study, _ = make_read_study(0, completion_threshold="0.5")
    open_recruitment(study=study)
    raw, sitting = read_by_link(study, 1, right=3, blank=1)
    close_reading(study=study)
    compared(study)
    release_debrief(study=study, with_pictures=True)
    block = own_results(sitting, with_pictures=True, network=None)[0]
    assert [item.rank for item in block.items] == [2, 2, 2, 0, 0, 1]
    first, blank, last = (text(client, at(raw, "own-item", number=number)) for number in (1, 5, 12))
    assert "not right" in first
    assert study.protocol.question in first
    assert "It was" in first
    assert "left blank" in blank
    assert 'rel="next"' in first
    assert 'rel="prev"' not in first
    assert "To the overview" in last


def test_without_images_none_is_served_and_none_is_linked(client):
    study, (raw,) = make_read_study()
    release_debrief(study=study, with_pictures=False)
    assert statuses(client, raw) == [200, 200, 404]
    page = text(client, at(raw))
    assert "are not shown here" in page
    assert at(raw, "own-item", number=1) not in page
    assert "<img" not in text(client, at(raw, "own-item", number=1))


def test_marked_pictures_are_never_shown_and_excluded_items_are_not_counted(client):
    study, (raw,) = make_read_study()
    rows = list(SurveyItem.objects.filter(block__survey=sitting_of(raw).survey, block__position=1).order_by("position"))
    Item.objects.filter(pk=rows[0].item_id).update(attributes={"debrief": " No "})
    Item.objects.filter(pk=rows[1].item_id).update(excluded_at=timezone.now(), exclusion_reason="wrong")
    release_debrief(study=study, with_pictures=True)
    assert [client.get(at(raw, "own-image", public_id=row.public_id)).status_code for row in rows[:3]] == [404, 404, 200]
    page = text(client, at(raw))
    assert "1 of 5 right" in page, "the excluded one had been answered rightly"
    assert "1 image is not counted" in page
    assert pictures_of(study).hidden == 2


def test_the_network_stands_beside_only_where_it_was_released(client):
    study, (raw,) = make_read_study()
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


def test_others_are_dots_only_where_five_or_more_read(client):
    study, links = make_read_study(8, per_class=1)
    release_debrief(study=study, with_pictures=False)
    page = text(client, at(links[0]))
    assert page.count('class="own"') == 2
    assert page.count('class="other"') == 14
    assert "7 others of your group" in page
    for raw in links[5:]:
        withdraw_reader(reader=open_invitation(raw).reader)
    assert len(own_results(sitting_of(links[0]), with_pictures=False, network=None)[0].others) == 0
    page = text(client, at(links[0]))
    assert "too small to show where the others are" in page
    assert "<svg" not in page


def test_what_is_said_of_others_is_as_coarse_as_their_dots():
    assert _others_words((0.31, 0.33, 0.57, 0.57, 0.89)) == {"count": 5, "least": 32, "most": 88, "middle": 56}


def test_simulated_readers_are_no_peers_of_people():
    study, links = make_read_study(8, per_class=1)
    SurveyResponse.objects.exclude(pk=sitting_of(links[0]).pk).update(simulated=True)
    assert own_results(sitting_of(links[0]), with_pictures=False, network=None)[0].others == ()


def test_a_repeat_is_scored_once():
    study, (raw,) = make_read_study(repeats="0.5")
    blocks = own_results(sitting_of(raw), with_pictures=True, network=None)
    assert SurveyItem.objects.filter(block__survey=sitting_of(raw).survey).count() == 18
    assert [[item.position for item in block.items] for block in blocks] == [[1, 2, 3, 4, 5, 6]] * 2, "no gap tells of a repeat"
    assert {item.public_id for block in blocks for item in block.items} <= set(
        SurveyItem.objects.filter(repeat_of=None).values_list("public_id", flat=True)
    )


def test_confidence_is_set_against_what_was_right(client):
    questions = [
        {"code": "", "kind": "diagnosis", "prompt": "Which?"},
        {"code": "confidence", "kind": "confidence", "prompt": "How sure?", "step": 1, "low": "guessed", "high": "certain"},
    ]
    study, (raw,) = make_read_study(questions=questions, completion_threshold="0.3", closed=False)
    from surveys.models import Answer

    sitting = sitting_of(raw)
    last = sitting.answers.count()
    rows = SurveyItem.objects.filter(block__survey=sitting.survey, block__position=1).order_by("position")
    Answer.objects.bulk_create(
        Answer(survey_response=sitting, survey_item=row, question="confidence", value=90 if place < 2 else 10,
               event_id=f"00000000-0000-0000-0000-{place:012d}", sequence=last + 1 + place, entry_sha256="x")
        for place, row in enumerate(rows)
    )  # fmt: skip
    steps = own_results(sitting, with_pictures=False, network=None)[0].sureness
    assert [(low, step.right, step.of) for low, _, step in steps] == [(75, 2, 2), (0, 0, 4)]


def test_a_german_study_tells_it_in_german(client):
    study, (raw,) = make_read_study(language="de")
    release_debrief(study=study, with_pictures=True)
    page = text(client, at(raw))
    assert '<html lang="de">' in page
    assert "2 von 6 richtig" in page
    assert "How you did" not in page
    assert "nicht richtig" in text(client, at(raw, "own-item", number=1))


# Rating studies


def test_a_rater_learns_what_was_generated_and_neither_catches_nor_repeats(client, tmp_path):
    study, sitting, raw = make_rated_study(tmp_path)
    assert client.get(at(raw)).status_code == 404
    release_debrief(study=study, with_pictures=True)
    blocks = own_results(sitting, with_pictures=True, network=None)
    assert [block.view for block in blocks] == ["single", "pair"], "what has a right answer"
    listed = SurveyItem.objects.filter(public_id__in=[item.public_id for block in blocks for item in block.items])
    assert set(listed.values_list("stimulus__role", flat=True)) == {Stimulus.Role.RATED}
    assert not listed.exclude(repeat_of=None).exists()
    for block in blocks:
        assert [item.position for item in block.items] == list(range(1, len(block.items) + 1)), "no gap tells of a catch"
    for row in listed.filter(block__view="single").prefetch_related("stimulus__frames"):
        item = next(item for item in blocks[0].items if item.public_id == row.public_id)
        assert item.judged.truth == row.stimulus.frames.get().origin
    for row in listed.filter(block__view="pair").prefetch_related("stimulus__frames"):
        item = next(item for item in blocks[1].items if item.public_id == row.public_id)
        left = row.stimulus.frames.get(position=row.order[0] if row.order else 1)
        assert item.judged.truth == ("left" if left.origin == "generated" else "right")
    hidden = SurveyItem.objects.filter(block__survey=sitting.survey).exclude(pk__in=listed)
    assert hidden.filter(stimulus__role=Stimulus.Role.CATCH).exists()
    assert {client.get(at(raw, "own-image", public_id=row.public_id)).status_code for row in hidden} == {404}
    pair = listed.filter(block__view="pair").first()
    assert client.get(at(raw, "own-image", public_id=pair.public_id) + "?place=00012").status_code == 404, "no place, and no crash"
    assert {client.get(at(raw, "own-image", public_id=pair.public_id) + f"?place={n}").status_code for n in (1, 2)} == {200}
    page = text(client, at(raw))
    assert "Guessing would reach about 50%" in page
    assert not any(word in page for word in ("catch", "random sample", "curated", "made-", "strip-1"))


def test_a_german_rater_reads_german_answers(client, tmp_path):
    study, sitting, raw = make_rated_study(tmp_path)
    study.protocol.__class__.objects.update(language="de")
    release_debrief(study=study, with_pictures=True)
    page = text(client, at(raw))
    assert "Künstlich" in page
    assert "Generated" not in page
    assert "Not sure" not in page


def test_pictures_that_are_read_elsewhere_are_named_before_they_are_told(tmp_path):
    rated, _, _ = make_rated_study(tmp_path)
    study, _ = make_read_study()
    assert list(read_elsewhere(study)) == [], "other pixels, or reading closed"
    rated.protocol.__class__.objects.filter(study=rated).update(reading_closed_at=None)
    bank = Study.objects.get(slug="rated-bank")
    shown = ItemImage.objects.filter(item__study=study, view="focused").first()
    ItemImage.objects.filter(stimulus_frames__stimulus__study=rated, item__study=bank).update(pixel_sha256=shown.pixel_sha256)
    assert list(read_elsewhere(study)) == [rated]


# The coordinator's pages


def test_a_release_takes_two_presses_and_a_tick(client):
    study, (raw,) = make_read_study()
    user = signed_in(client, study)
    Provenance.objects.update(licence="CC BY-NC 4.0")
    assert "every reader who has finished sees" in text(client, RELEASE)
    review = client.post(RELEASE, {"do": "review", "pictures": "on"})
    assert review.status_code == 200
    assert "CC BY-NC 4.0 (24)" in review.content.decode(), "both views of twelve items"
    assert client.post(RELEASE, {"do": "release", "pictures": "on"}).status_code == 422
    assert not DebriefRelease.objects.exists()
    assert client.post(RELEASE, {"do": "release", "pictures": "on", "sure": "yes"}).status_code == 302
    release = DebriefRelease.objects.get()
    assert (release.with_pictures, release.network, release.released_by) == (True, None, user)
    assert "0 of 1 have looked" in text(client, RELEASE)
    client.get(at(raw))
    assert "1 of 1 has looked" in text(client, RELEASE)
    client.post(RELEASE, {"do": "withdraw"})
    assert standing_release(study) is None
    assert "Earlier releases" in text(client, RELEASE)


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


@pytest.mark.parametrize("role", ["analyst", "engineer", "reviewer"])
def test_only_a_coordinator_releases_withdraws_and_writes(client, role):
    study, (raw,) = make_read_study()
    signed_in(client, study, role)
    for data in ({"do": "review"}, {"do": "release", "sure": "yes"}, {"do": "letters"}, {"do": "withdraw"}):
        assert client.post(RELEASE, data).status_code == 403
    assert not DebriefRelease.objects.exists()
    assert client.get(at(raw)).status_code == 404, "being signed in opens no reader's page"
    assert {client.get(f"{RELEASE}{page}").status_code for page in ("preview/", "preview/1/", "certificate/")} == {403}


def test_a_study_that_did_not_say_so_has_nothing_to_release(client):
    study, (raw,) = make_read_study(debrief_offered=False)
    signed_in(client, study)
    assert "were not told" in text(client, RELEASE)
    assert client.post(RELEASE, {"do": "release", "sure": "yes"}).status_code == 422
    assert "keep your link" not in text(client, at(raw, "thanks"))


def test_the_preview_is_what_a_reader_sees_and_releases_nothing(client):
    study, (raw,) = make_read_study()
    signed_in(client, study)
    shown = text(client, f"{RELEASE}preview/?pictures=on&network=")
    assert not DebriefRelease.objects.exists()
    item = text(client, f"{RELEASE}preview/1/?pictures=on&network=")
    assert client.get(re.search(r'<img src="([^"]+)"', item)[1]).status_code == 200
    assert client.get(at(raw)).status_code == 404
    release_debrief(study=study, with_pictures=True)
    body = lambda page: re.sub(r'href="[^"]*"', "", page[page.index("<main>") :])  # noqa: E731
    assert body(shown) == body(text(client, at(raw)))
    assert SurveyResponse.objects.exclude(debriefed_at=None).count() == 1, "the preview counts as nobody's look"


# Before they answer, and by letter


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


def test_the_letters_page_has_this_letter_only_where_it_can_be_sent(client):
    study, _ = make_read_study()
    signed_in(client, study)
    address = "/studies/small/surveys/readers/letters/"
    assert "Your results: A small study" in text(client, address)
    study.protocol.__class__.objects.update(debrief_offered=False)
    assert "Your results" not in text(client, address)
    assert client.post(address, {"kind": "results"}).status_code == 404


def test_the_api_says_the_same_before_and_after_a_release_and_takes_no_link(client):
    study, (raw,) = make_read_study()
    client.force_login(User.objects.create_superuser("root"))
    paths = client.get("/api/schema/?format=json").json()["paths"]
    assert not re.search("debrief|own_results|certificate_issuer", str(paths))
    lists = [path for path, operations in paths.items() if "get" in operations and "{" not in path and "schema" not in path]
    assert len(lists) > 15
    signed_in(client, study, "reviewer")
    before = [client.get(path).content for path in lists]
    release_debrief(study=study, with_pictures=True)
    text(Client(), at(raw))
    assert [client.get(path).content for path in lists] == before
    client.logout()
    assert {client.get(path, headers={"authorization": f"Token {raw}"}).status_code for path in lists} == {401}


def test_the_command_asks_for_the_address_and_names_the_networks_that_there_are(client, capsys):
    study, (raw,) = make_read_study()
    for arguments, words in (([], "--confirm small"), (["--confirm", "small", "--network", "netty"], "those that have: none")):
        with pytest.raises(CommandError, match=words) as caught:
            call_command("release_results", "small", *arguments)
        assert caught.value.returncode == 2
        assert client.get(at(raw)).status_code == 404
    call_command("release_results", "small", "--confirm", "small", "--letters", "--json")
    assert json.loads(capsys.readouterr().out) == {
        "study": "small", "released": True, "pictures": False, "network": None, "letters": 0,
    }  # fmt: skip
    assert client.get(at(raw)).status_code == 200
    call_command("release_results", "small", "--withdraw")
    assert client.get(at(raw)).status_code == 404


# The set-up says it

AFTERWARDS = '\n[afterwards]\ndebrief = true\ncertificate_issuer = "Department of Genetics"\n'


def load(study, folder, more: str):
    (folder / "study.toml").write_text(PRESET + more, encoding="utf-8")
    return load_protocol(study=study, path=folder / "study.toml")


def test_the_file_says_it_gets_it_back_and_the_first_answer_fixes_it(tmp_path):
    study = make_study()
    protocol = load(study, tmp_path, AFTERWARDS)
    assert (protocol.debrief_offered, protocol.certificate_issuer) == (True, "Department of Genetics")
    assert preset_of(study)["afterwards"] == {"debrief": True, "certificate_issuer": "Department of Genetics"}
    create_survey_set(study=study, seed=1)
    _, sitting = read_by_link_without_questions(study)
    assert sitting.finished_at
    with pytest.raises(ValidationError, match="would change certificate_issuer, debrief_offered"):
        load(study, tmp_path, "")
    assert load(study, tmp_path, AFTERWARDS).debrief_offered


def read_by_link_without_questions(study):
    study.protocol.__class__.objects.filter(study=study).update(demographic_questions=[])
    return read_by_link(study, 1)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('debrief = "yes"', "is true or false; the preset says 'yes'"),
        ("certificate_issuer = true", "is one line of at most 200 characters"),
        ('certificate_issuer = "two\\nlines"', "is one line of at most 200 characters"),
        ("certificate = true", "knows debrief and certificate_issuer; the preset names certificate"),
    ],
)
def test_what_the_table_cannot_be_is_one_sentence(tmp_path, table, words):
    with pytest.raises(ValidationError) as refusal:
        load(make_study(), tmp_path, f"\n[afterwards]\n{table}\n")
    assert words in refusal.value.messages[0]


def test_a_rating_study_without_a_right_answer_has_nothing_to_tell():
    scale = {"code": "realism", "kind": "scale"}
    with pytest.raises(ValidationError, match="none of this rating study's questions has a right answer"):
        clean_afterwards({"debrief": True}, questions=[scale], rates=True)
    assert clean_afterwards({"debrief": False}, questions=[scale], rates=True)["debrief_offered"] is False
    assert clean_afterwards({"debrief": True}, questions=[scale, {"kind": "pair"}], rates=True)["debrief_offered"] is True


def test_the_form_says_the_same_as_the_file():
    known = tomllib.loads(FOUNDING.read_text(encoding="utf-8") + AFTERWARDS)
    begun = begin_study(preset=toml_text(known).encode(), slug="new", title="", user=User.objects.create_superuser("root"))
    known = preset_of(begun)
    assert form_can_say(known)
    values = form_values(known)
    assert (values["debrief"], values["certificate_issuer"]) == (True, "Department of Genetics")
    form = SetUpForm(values | {"landing": "x", "instructions": "x", "consent": "x"}, known=known)
    assert form.is_valid(), form.errors
    assert form.preset()["afterwards"] == known["afterwards"]
    silent = SetUpForm(form.data | {"debrief": "", "certificate_issuer": " "}, known=known)
    assert silent.is_valid()
    assert "afterwards" not in silent.preset()
