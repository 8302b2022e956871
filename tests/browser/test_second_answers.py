"""Answering twice on a phone: alone, then with the network's answer, its shares and its map, also when the line fails."""

import pytest
from playwright.sync_api import expect

from surveys.models import Answer, ControlItem, ViewingEvent
from surveys.services import invite
from tests.browser.test_reading import WIDTHS, accessible, answers_blocked, fits, open_browser, saved, until
from tests.surveys.assisted import freeze, make_assisted_study
from tests.surveys.study import group, survey
from tests.surveys.test_control import CONTROLLED

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def study(settings, tmp_path, transactional_db):
    settings.MEDIA_ROOT = tmp_path / "media"
    study = make_assisted_study(tmp_path)
    freeze(study, tmp_path)
    return study


def first_step(page):
    """The choices once they are open: the script says so, and a click before it would be lost."""
    page.wait_for_selector("#choices button[aria-disabled=false]")
    return page.locator("#choices button")


def second_step(page):
    page.wait_for_selector(".assisted .pick input:not([disabled])")
    return page.locator(".assisted .pick")


def go_on(page):
    """Next, later than a second tap would come, which is dropped."""
    page.wait_for_timeout(450)
    page.locator("#next").click()


def begin(page, live_server, study):
    _, token = invite(survey=survey(study), group=group(study))
    page.goto(f"{live_server.url}/r/{token}/")
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="I agree to take part").click()
    page.get_by_role("button", name="Go to the practice image").click()
    return token


@pytest.mark.parametrize("device", [pytest.param("phone", marks=pytest.mark.once), "desk"])
def test_answering_twice(chromium, live_server, study, device):
    _, page = open_browser(chromium, WIDTHS[device])
    token = begin(page, live_server, study)
    # Practice: the output is made up, and closes the own answer as it will in earnest.
    first_step(page).nth(1).click()
    go_on(page)
    expect(page.locator(".network-words")).to_have_text("The network answers Azurosis.")
    page.locator("#back").click()
    expect(page.locator("#closed")).to_contain_text("You have seen the network's answer")
    go_on(page)
    second_step(page).nth(1).click()
    go_on(page)
    page.wait_for_url("**/block/1/**")
    # The own answer first.
    choices = first_step(page)
    own = choices.nth(2).get_attribute("value")
    choices.nth(2).click()
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    go_on(page)
    picks = second_step(page)
    assert page.evaluate("scrollY") == 0, "the network's answer is in sight, however far down the own one was"
    fits(page)
    accessible(page)
    answer = page.locator(".pick[data-network] input").get_attribute("value")
    assert page.locator(".own-badge:visible").locator("xpath=..").locator("input").get_attribute("value") == own
    assert page.locator(".pick[data-network] .percent").inner_text() == "70 %"
    # The map changes places with the image, at the same size.
    box, address = page.locator("#picture").bounding_box(), page.locator("#picture").get_attribute("src")
    page.get_by_role("button", name="Show what the network looked at").click()
    expect(page.locator("#picture")).not_to_have_attribute("src", address)
    until(page, "document.getElementById('picture').complete", "the map is loaded")
    assert page.locator("#picture").bounding_box() == box
    assert "under the network's map" in page.locator("#picture").get_attribute("alt")
    page.get_by_role("button", name="Show the image alone").click()
    expect(page.locator("#picture")).to_have_attribute("src", address)
    # The own answer is closed now; the second one is given, and stands after a reload.
    page.locator("#back").click()
    expect(page.locator("#choices button").first).to_have_attribute("aria-disabled", "true")
    go_on(page)
    picks = second_step(page)
    page.locator(".pick[data-network] input").check()
    saved(page)
    page.reload()
    page.goto(f"{live_server.url}/r/{token}/block/1/?image=1")
    picks = second_step(page)
    expect(page.locator(f".assisted input[value={answer}]")).to_be_checked()
    assert picks.count() == 3
    rows = Answer.objects.order_by("sequence").values_list("question", "chosen__code", "value")
    assert list(rows) == [("", own, None), ("second", None, answer)]
    assert not page.faults
    second = Answer.objects.get(question="second")
    assert 0 < second.rt_ms < 60_000, "counted from the output, not from the image"
    assert ViewingEvent.objects.filter(kind="output").count() == 1


@pytest.mark.once
def test_without_a_line_the_output_waits_and_the_own_answer_is_kept(chromium, live_server, study):
    context, page = open_browser(chromium, WIDTHS["phone"])
    begin(page, live_server, study)
    first_step(page)  # the address is there before its page
    page.evaluate("document.getElementById('answer-form').submit()")
    first_step(page).nth(0).click()
    saved(page)
    let_out = answers_blocked(context, page, "*/output/*")
    go_on(page)
    expect(page.locator(".network-words")).to_contain_text("did not come")
    expect(page.locator(".assisted input").first).to_be_disabled()
    let_out()
    page.get_by_role("button", name="Ask for the network's answer again").click()
    second_step(page).nth(0).click()
    saved(page)
    assert Answer.objects.filter(question="second").count() == 1
    # An answer still on its way comes before the output: the server never hands out what nobody has answered.
    go_on(page)
    let_out = answers_blocked(context, page)
    first_step(page).nth(1).click()
    go_on(page)
    expect(page.locator(".network-words")).to_contain_text("did not come")  # nor is the own answer called saved
    assert ViewingEvent.objects.filter(kind="output").count() == 1
    let_out()
    second_step(page)
    assert ViewingEvent.objects.filter(kind="output").count() == 2


@pytest.mark.parametrize("device", [pytest.param("phone", marks=pytest.mark.once), "desk"])
def test_a_control_image_is_asked_about_again_with_nothing_in_sight(chromium, live_server, settings, tmp_path, device):
    settings.MEDIA_ROOT = tmp_path / "media"
    study = make_assisted_study(tmp_path, text=CONTROLLED)
    freeze(study, tmp_path)
    context, page = open_browser(chromium, WIDTHS[device])
    token = begin(page, live_server, study)
    # Practice shows both kinds, first with the output and then without.
    for words in ("The network answers Azurosis.", "No second opinion this time: look again and answer."):
        first_step(page).nth(1).click()
        go_on(page)
        expect(page.locator(".network-words")).to_have_text(words)
        second_step(page).nth(1).click()
        go_on(page)
    page.wait_for_url("**/block/1/**")
    first = survey(study).blocks.get(position=1)
    item = ControlItem.objects.filter(group=group(study), survey_item__block=first).first().survey_item
    page.goto(f"{live_server.url}/r/{token}/block/1/?image={item.position}")
    assert "data-network" not in page.content()
    first_step(page).nth(2).click()
    # A line that fails tells nothing of what is to come, and the answer after it has the same clock.
    let_out = answers_blocked(context, page, "*/output/*")
    go_on(page)
    expect(page.locator(".network-words")).to_contain_text("The next question did not come")
    expect(page.locator(".assisted input").first).to_be_disabled()
    let_out()
    expect(page.locator(".network-words")).to_have_text("No second opinion this time: look again and answer.")
    assert page.locator(".share:visible, .network-badge:visible, .network-map:visible").count() == 0
    assert page.locator(".own-badge:visible").count() == 1
    fits(page)
    accessible(page)
    second_step(page).nth(0).click()
    saved(page)
    page.locator("#back").click()
    expect(page.locator("#choices button").first).to_have_attribute("aria-disabled", "true")
    page.goto(f"{live_server.url}/r/{token}/block/1/?image={item.position}")
    expect(page.locator(".network-words")).to_have_text("No second opinion this time: look again and answer.")
    assert not page.faults
    assert 0 < Answer.objects.get(question="second").rt_ms < 60_000
    assert list(ViewingEvent.objects.filter(kind__in=("output", "control")).values_list("kind", "survey_item")) == [("control", item.pk)]
