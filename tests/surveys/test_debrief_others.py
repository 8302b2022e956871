"""What one reader sees of the others: dots without names, which nobody's leaving betrays."""

import re
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from imagebank.models import Item, ItemImage, Study
from imagebank.services.exclusion import exclude_item, include_item
from surveys.models import Invitation, ReleasedShare, SurveyItem, SurveyResponse
from surveys.reading.debrief import _others_words
from surveys.services import (
    erase_contact,
    open_invitation,
    open_reading,
    release_debrief,
    revoke_invitation,
    withdraw_debrief,
    withdraw_reader,
)
from surveys.services.ending.others import dots_of, freeze_others
from surveys.services.ending.own_results import own_results
from tests.shared_rows import rows_of_a_module
from tests.surveys.debriefed import at, make_read_study, sitting_of, statuses, text

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def links_of_eight(django_db_setup, django_db_blocker):
    """The links of eight readers who finished a closed study of three images a view; the first had 2 right, the others 1."""
    with rows_of_a_module(django_db_blocker):
        yield make_read_study(8, per_class=1)[1]


@pytest.fixture
def eight(links_of_eight, db):
    return Study.objects.get(slug="small"), links_of_eight


def test_a_link_shows_its_own_sitting_and_no_picture_of_another(client, eight):
    study, (raw, other, *_) = eight
    release_debrief(study=study, with_pictures=True)
    assert "2 of 3 right" in text(client, at(raw))
    assert "1 of 3 right" in text(client, at(other))
    own, foreign = sitting_of(raw).survey, sitting_of(other).survey
    of = lambda form: set(SurveyItem.objects.filter(block__survey=form).values_list("public_id", flat=True))  # noqa: E731
    assert {client.get(at(raw, "own-image", public_id=name)).status_code for name in of(own)} == {200}
    assert {client.get(at(raw, "own-image", public_id=name)).status_code for name in of(foreign)} == {404}
    assert client.get(at(raw, "own-item", number=6)).status_code == 200
    assert {client.get(at(raw, "own-item", number=number)).status_code for number in (0, 7, 9999)} == {404}


def test_withdrawn_and_closed_links_show_nothing_expired_ones_and_erased_names_do_no_harm(client, eight):
    study, (withdrawn, closed, expired, *_) = eight
    release_debrief(study=study, with_pictures=True)
    withdraw_reader(reader=open_invitation(withdrawn).reader)
    revoke_invitation(invitation=open_invitation(closed))
    Invitation.objects.filter(pk=open_invitation(expired).pk).update(expires_at=timezone.now() - timedelta(days=400))
    erase_contact(reader=open_invitation(expired).reader)
    assert set(statuses(client, withdrawn)) == {410}
    assert set(statuses(client, closed)) == {410}
    assert client.get(at(expired)).status_code == 200


def test_who_looked_and_then_withdrew_keeps_reading_closed_all_the_same(client, eight):
    study, links = eight
    release_debrief(study=study, with_pictures=False)
    text(client, at(links[0]))
    withdraw_reader(reader=open_invitation(links[0]).reader)
    withdraw_debrief(study=study)
    with pytest.raises(ValidationError, match="may have seen which answers were right has withdrawn"):
        open_reading(study=study)


def test_pages_name_no_item_no_file_and_no_other_reader(client, eight):
    study, links = eight
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


def others_shown(client, raw: str) -> str:
    """The figures of the others as a reader's page has them, with their words."""
    return "".join(re.findall(r"<figure>.*?</figure>", text(client, at(raw)), re.DOTALL))


def test_others_are_dots_and_who_leaves_after_the_first_look_takes_none_along(client, eight):
    study, links = eight
    release_debrief(study=study, with_pictures=False)
    shown = others_shown(client, links[0])
    assert shown.count('class="own"') == 2
    assert shown.count('class="other"') == 14
    assert "7 others of your group" in shown
    for raw in links[4:]:
        withdraw_reader(reader=open_invitation(raw).reader)
    assert others_shown(client, links[0]) == shown, "two looks tell nothing of who left"
    assert ReleasedShare.objects.filter(survey_response=None).count() == 8, "both views of four readers, and nobody's any more"
    withdraw_debrief(study=study)
    release_debrief(study=study, with_pictures=False)
    assert others_shown(client, links[0]) == shown, "nor do two releases"
    assert others_shown(client, links[1]).count('class="other"') == 14


def test_who_leaves_before_the_first_look_is_in_no_figure_and_fewer_than_five_are_none(client, eight):
    study, links = eight
    release = release_debrief(study=study, with_pictures=False)
    assert release.shares.count() == 16, "computed with the release, so that no reader waits for it"
    withdraw_reader(reader=open_invitation(links[7]).reader)
    assert release.shares.count() == 14
    withdraw_debrief(study=study)
    assert not ReleasedShare.objects.exists(), "nobody was told"
    release_debrief(study=study, with_pictures=False)
    withdraw_reader(reader=open_invitation(links[6]).reader)
    assert others_shown(client, links[0]).count('class="other"') == 10
    ReleasedShare.objects.filter(survey_response=sitting_of(links[1])).delete()
    page = text(client, at(links[0]))
    assert "too small to show where the others are" in page
    assert "<svg" not in page


def test_a_dot_is_rounded_where_it_is_kept_and_its_reader_is_no_other(eight):
    study, links = eight
    release = release_debrief(study=study, with_pictures=False)
    before = own_results(sitting_of(links[1]), with_pictures=False, network=None)[0].others
    assert before == pytest.approx([1 / 3] * 6 + [2 / 3])
    release = freeze_others(release)
    after = own_results(sitting_of(links[1]), with_pictures=False, network=None, release=release)[0].others
    assert after == (0.34,) * 6 + (0.66,)
    assert freeze_others(release).others_frozen_at == release.others_frozen_at
    assert release.shares.count() == 16


def test_who_came_to_be_analysed_after_the_release_is_a_dot_as_well(eight):
    study, links = eight
    release = release_debrief(study=study, with_pictures=False)
    ReleasedShare.objects.filter(survey_response=sitting_of(links[3])).delete()
    release = freeze_others(release)
    assert release.shares.filter(survey_response=sitting_of(links[3])).count() == 2
    assert release.shares.count() == 16


@pytest.mark.parametrize("before", [False, True], ids=["taken out", "put back"])
def test_an_image_whose_place_in_the_bank_changed_before_the_first_look_counts_for_nobody_or_for_all(eight, before):
    study, links = eight
    item = sitting_of(links[1]).survey.blocks.get(position=1).survey_items.get(position=1).item
    if before:
        exclude_item(item=item, reason="out of focus")
    release = release_debrief(study=study, with_pictures=False)
    told = [row.percent for row in release.shares.filter(view="focused")]
    (include_item(item=item) if before else exclude_item(item=item, reason="out of focus"))
    release = freeze_others(release)
    now = sorted([row.percent for row in dots_of(study) if row.view == "focused"])
    assert sorted(row.percent for row in release.shares.filter(view="focused")) == now
    assert now != told


def test_what_is_said_of_others_is_as_coarse_as_their_dots():
    assert _others_words((0.31, 0.33, 0.57, 0.57, 0.89)) == {"count": 5, "least": 32, "most": 88, "middle": 56}


def test_simulated_readers_are_no_peers_of_people(eight):
    _, links = eight
    SurveyResponse.objects.exclude(pk=sitting_of(links[0]).pk).update(simulated=True)
    assert own_results(sitting_of(links[0]), with_pictures=False, network=None)[0].others == ()
