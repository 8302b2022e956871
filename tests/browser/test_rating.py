"""A rater's whole sitting in a real browser, at a phone's and a desk's width: every kind of question and of stimulus."""

from pathlib import Path

import pytest

from surveys.models import Answer, SurveyResponse, ViewingEvent
from surveys.services import invite, ratings_frame
from tests.browser.test_reading import WIDTHS, accessible, fits, open_browser, saved
from tests.surveys.rating_study import PRESET, make_rating_study
from tests.surveys.study import survey

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
RADIO = ("real_or_generated", "class", "choice", "pair", "direction", "scale", "plausibility", "frame")


def start(page, live_server, study):
    _, token = invite(seat=survey(study).seats.get())
    link = f"{live_server.url}/r/{token}/"
    page.goto(link)
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="I agree to take part").click()
    page.get_by_label("Dermatology").check()
    page.get_by_role("button", name="Continue").click()
    return link


def ready(page):
    """The image is painted and the step's questions take answers; as sent, before the script runs, they are not closed."""
    page.locator("html.scripted #stage img").first.wait_for(state="attached")
    page.locator(".step:not([hidden]) fieldset:not([hidden]):not([disabled])").first.wait_for()


def step(page):
    return page.locator(".step:not([hidden])")


def answer_step(page, choice=0):
    """Touch an answer to every question that stands open."""
    ready(page)
    for asked in step(page).locator("fieldset.asked:not([hidden])").all():
        kind = asked.get_attribute("data-kind")
        if kind in RADIO:
            asked.locator(".pick:not([hidden])").nth(choice).click()
        if kind == "real_or_generated":
            box = asked.locator("input[type=range]").bounding_box()
            page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2)
        if kind == "cells":
            asked.locator(".cells .pick").nth(1).click()


def until_end(page):
    """Answer whatever is asked until the end of the part."""
    while page.locator("#answer").is_visible():
        answer_step(page)
        page.get_by_role("button", name="Next").click()


def seal(page):
    assert page.locator("#skipped-words").is_hidden()
    page.get_by_role("button", name="Seal and continue").click()


@pytest.mark.parametrize("size", [pytest.param(WIDTHS["phone"], marks=pytest.mark.once), WIDTHS["desk"]], ids=WIDTHS)
def test_a_whole_rating_with_every_kind_of_question_and_a_cut_connection(live_server, chromium, size, transactional_db):
    study = make_rating_study()
    context, page = open_browser(chromium, size)
    link = start(page, live_server, study)
    page.get_by_role("button", name="Go to the practice image").click()

    # Practice: all questions, nothing kept.
    ready(page)
    accessible(page)
    fits(page)
    page.get_by_role("button", name="Next").click()
    assert "Please answer to go on" in page.locator("#unanswered").inner_text()
    while page.locator("#next").inner_text() == "Next":
        answer_step(page)
        page.locator("#next").click()
    page.get_by_role("button", name="Begin with the first image").click()
    page.locator("#where").get_by_text("Images, 1 of").wait_for()
    assert not Answer.objects.exists()

    # Real or generated counts only with a confidence; the next question comes after it and closes it.
    ready(page)
    page.get_by_role("radio", name="Generated").check()
    page.get_by_role("button", name="Next").click()
    assert "how sure you are" in page.locator("#unanswered").inner_text()
    answer_step(page, choice=1)
    saved(page)
    assert Answer.objects.standing().get().value["answer"] == "generated"
    assert Answer.objects.standing().get().value["confidence"] == pytest.approx(80, abs=4)
    accessible(page)
    page.get_by_role("button", name="Next").click()
    page.locator("#where").get_by_text("question 2 of").wait_for()

    # The line drops: answers are taken and kept; a second device would not see them, this one sends them later.
    context.set_offline(True)
    answer_step(page, choice=4)
    page.locator("#saved[data-state=retry]").wait_for()
    page.get_by_role("button", name="Next").click()
    answer_step(page, choice=2)
    context.set_offline(False)
    saved(page)
    first = Answer.objects.order_by("sequence").values_list("question", flat=True)
    assert list(first) == ["origin", "realism", "condition"]
    page.get_by_role("link", name="Back").click()
    assert page.locator("#closed").is_visible(), "answered questions before the last one are closed"
    page.get_by_role("button", name="Next").click()

    # The same link on another device goes on at the same question.
    context.close()
    context, page = open_browser(chromium, size)
    page.goto(link)
    page.get_by_role("button", name="Continue").click()
    page.locator("#where").get_by_text("Images, 1 of").wait_for()
    ready(page)
    while not page.locator(".mark-on").is_visible():
        answer_step(page)
        page.get_by_role("button", name="Next").click()
    mark_a_region(page)
    page.get_by_label("Blur or smear").check()
    page.get_by_label("Anything to add?").fill("smooth skin")
    accessible(page)
    until_end(page)
    accessible(page)
    fits(page)
    seal(page)
    for words in ("Pairs, 1 of", "Strips, 1 of", "Grids, 1 of"):
        page.get_by_role("button", name="Go on").click()
        page.locator("#where").get_by_text(words).wait_for()
        ready(page)
        accessible(page)
        fits(page)
        if words.startswith("Grids"):
            cells_are_large_and_touched(page, size)
        until_end(page)
        seal(page)
    page.get_by_role("heading", name="Thank you").wait_for()
    assert not page.faults
    context.close()
    everything_was_kept(study)


def cells_are_large_and_touched(page, size):
    widths = [figure.bounding_box()["width"] for figure in page.locator("#stage figure").all()]
    assert min(widths) > (0.45 * size[0] if size == WIDTHS["phone"] else 200), "two columns take a phone's width"
    page.locator("#stage figure").nth(2).click()
    assert page.get_by_role("checkbox", name="Image 3").is_checked(), "cells can be touched in the picture"


def everything_was_kept(study):
    assert SurveyResponse.objects.get().analysed
    table = ratings_frame(study=study)
    given = table[table["value"] != ""].groupby("question")["value"].first()
    assert set(given.index) == set(table["question"]), "every question has an answer"
    assert given["remark"] == "smooth skin"
    assert given["artefacts"] == '["blur"]'
    assert given["implausible_cells"] == "[2, 3]"
    assert '"w"' in given["where"]


def mark_a_region(page):
    """A box by dragging, a point by keyboard, and the last one taken back again."""
    page.locator(".mark-on").click()
    box = page.locator("#picture").bounding_box()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.6 * box["height"], steps=3)
    page.mouse.up()
    page.locator("#marks").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert page.locator("#marks .mark:not(.cross)").count() == 2
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Remove the last mark").click()
    assert page.locator("#marks .mark").count() == 1


@pytest.mark.once
def test_a_rater_can_do_everything_by_keyboard(live_server, chromium, transactional_db):
    study = make_rating_study(kinds=["single"])
    context, page = open_browser(chromium, WIDTHS["desk"])
    start(page, live_server, study)
    page.get_by_role("button", name="Go to the practice image").press("Enter")
    ready(page)
    page.evaluate("document.getElementById('answer-form').submit()")
    page.locator("#where").get_by_text("Images, 1 of").wait_for()
    ready(page)
    page.locator("#where").focus()
    page.keyboard.press("2")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("PageUp")
    page.keyboard.press("Enter")
    page.locator("#where").get_by_text("question 2 of").wait_for()
    page.keyboard.press("6")
    page.keyboard.press("Enter")
    page.locator("#where").get_by_text("question 3 of").wait_for()
    page.keyboard.press("4")
    page.keyboard.press("Enter")
    saved(page)
    page.wait_for_timeout(300)
    standing = dict(Answer.objects.standing().values_list("question", "value"))
    assert standing == {"origin": {"answer": "generated", "confidence": 61}, "realism": 6, "condition": "cannot_tell"}
    page.keyboard.press("ArrowLeft")
    assert "question 3 of" in page.locator("#where").inner_text()
    page.keyboard.press("ArrowLeft")
    assert page.locator("#closed").is_visible()
    assert not page.faults
    context.close()


@pytest.mark.once
def test_a_timed_exposure_is_shown_once_for_its_time_and_then_masked(live_server, chromium, tmp_path, transactional_db):
    preset: Path = tmp_path / "study.toml"
    preset.write_text(PRESET.read_text().replace("[stimuli.pair]\n", "[stimuli.pair]\nexposure_ms = 400\n"))
    study = make_rating_study(kinds=["pair"], preset=preset)
    context, page = open_browser(chromium, WIDTHS["phone"])
    start(page, live_server, study)
    page.get_by_role("button", name="Begin").click()
    page.locator("#where").get_by_text("Pairs, 1 of 2").wait_for()
    page.get_by_role("button", name="Show the pair").wait_for()
    assert page.locator(".step fieldset[disabled]").count() == 1, "no answer before the pair was seen"
    accessible(page)
    page.get_by_role("button", name="Show the pair").click()
    page.locator("#mask:visible").wait_for()
    answer_step(page)
    saved(page)
    shown = ViewingEvent.objects.get(kind="masked").detail
    assert shown["planned_ms"] == 400
    assert 400 <= shown["shown_ms"] < 1500
    page.reload()
    page.locator("#where").get_by_text("Pairs, 1 of 2").wait_for()
    page.locator("#mask:visible").wait_for()
    assert page.get_by_role("button", name="Show the pair").is_hidden(), "it is shown once"
    assert not page.faults
    context.close()


@pytest.mark.once
def test_a_coordinator_previews_a_rating_block_with_its_pictures(live_server, chromium, admin_client, transactional_db):
    study = make_rating_study(kinds=["grid"])
    context, page = open_browser(chromium, WIDTHS["desk"])
    session = admin_client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page.goto(f"{live_server.url}/studies/{study.slug}/surveys/preview/S01/1/")
    until_end(page)
    assert page.locator("#seal-form").count() == 0, "nothing to seal in a preview"
    assert not Answer.objects.exists()
    assert not page.faults
    context.close()
