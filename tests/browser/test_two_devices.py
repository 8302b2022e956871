"""One reader at two devices: half way on the desk without a line, on with the phone, both open at once. Nothing is lost or doubled."""

import pytest

from surveys.models import Answer, ViewingEvent
from surveys.services import answer_log_fault, invite, open_block, seal_block
from tests.browser.test_rating import ready
from tests.browser.test_reading import WIDTHS, open_browser, saved, until
from tests.surveys.rating_study import PRESET, make_rating_study, opened
from tests.surveys.sitting import answer, begin_by_link
from tests.surveys.study import group, make_surveyed_study, survey

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]
GERMAN = PRESET.with_name("study.de.toml")


def standing():
    rows = Answer.objects.standing().given().order_by("survey_item__position", "question")
    return {(row.survey_item.position, row.question): row.chosen.code if row.chosen else row.value for row in rows}


def at_image(page, number):
    page.locator("#where").get_by_text(f", {number} von").wait_for()
    page.locator("html.scripted #stage:not(.waiting) img").first.wait_for(state="attached")


def choose(page, name):
    button = page.get_by_role("button", name=name)
    page.locator("#choices button[aria-disabled=false]").first.wait_for()
    button.click()


def loaded(page, count):
    seen = "performance.getEntriesByType('resource').filter((entry) => entry.name.includes('/image/')).length"
    until(page, f"{seen} >= {count}", "the block's images are loaded")


def test_a_reading_goes_on_at_the_phone_while_the_desk_has_no_line(live_server, chromium, transactional_db):
    study = make_surveyed_study(language="de")
    _, token = invite(survey=survey(study), group=group(study))
    response = begin_by_link(token)
    block = response.survey.blocks.get(position=1)
    open_block(survey_response=response, block=block)
    address = f"{live_server.url}/r/{token}/block/1/"
    line, desk = open_browser(chromium, WIDTHS["desk"])
    _, phone = open_browser(chromium, WIDTHS["phone"])
    desk.goto(address)
    at_image(desk, 1)
    loaded(desk, 6)
    choose(desk, "Azurosis")
    saved(desk)
    desk.keyboard.press("Enter")
    at_image(desk, 2)
    line.set_offline(True)
    choose(desk, "Azurosis")  # image 2, on the desk, first
    desk.keyboard.press("Enter")
    at_image(desk, 3)
    choose(desk, "Brunosis")  # image 3, on the desk alone
    desk.locator("#saved[data-state=retry]").wait_for()

    phone.goto(address)
    at_image(phone, 2)  # the phone goes on where the server knows the reader to be
    choose(phone, "Cyanosis")
    saved(phone)
    line.set_offline(False)
    notice = desk.locator("#elsewhere")
    notice.get_by_text("Sie haben auch auf einem anderen Gerät").wait_for()
    assert "später auf einem anderen Gerät geantwortet haben: Bild 2." in notice.inner_text()
    saved(desk)
    assert standing() == {(1, ""): "ZQA", (2, ""): "ZQC", (3, ""): "ZQB"}
    assert ViewingEvent.objects.get(kind="late").detail["chosen"] == "ZQA"
    notice.get_by_role("button", name="Verstanden").click()
    desk.keyboard.press("ArrowLeft")
    at_image(desk, 2)
    assert desk.get_by_role("button", name="Cyanosis").get_attribute("aria-pressed") == "true"

    # Both open at once: the phone's page was made before image 3 was answered, and answers it otherwise.
    phone.locator("#next").tap()
    at_image(phone, 3)
    choose(phone, "Cyanosis")
    phone.locator("#elsewhere").get_by_text("zählt die spätere").wait_for()
    saved(phone)
    assert standing()[3, ""] == "ZQC"

    # Sealed from the phone while the desk has a choice under way: the page that comes next says what is not counted.
    line.set_offline(True)
    desk.keyboard.press("ArrowRight")
    at_image(desk, 3)
    choose(desk, "Azurosis")
    for survey_item in block.survey_items.all():
        answer(response, survey_item, "ZQB")
    seal_block(survey_response=response, block=block)
    line.set_offline(False)
    desk.locator("#unanswered").get_by_text("auf einem anderen Gerät abgeschlossen").wait_for()
    desk.get_by_role("heading", name="Pause").wait_for()
    assert desk.locator(".notice").inner_text() == "Nicht gezählt, weil dieser Teil vorher abgeschlossen worden war: Bild 3."
    assert answer_log_fault(response) is None
    assert not desk.faults
    assert not phone.faults


def test_a_rating_goes_on_question_by_question_at_the_phone(live_server, chromium, transactional_db):
    study = make_rating_study(preset=GERMAN)
    _, token = invite(seat=survey(study).seats.get())
    first = study.protocol.demographic_questions[0]
    response, _items = opened(token, {first["code"]: first["choices"][0]})
    address = f"{live_server.url}/r/{token}/block/1/"
    line, desk = open_browser(chromium, WIDTHS["desk"])
    _, phone = open_browser(chromium, WIDTHS["phone"])
    desk.goto(address)
    ready(desk)
    loaded(desk, 2)
    line.set_offline(True)
    real_or_generated(desk, 0)
    desk.get_by_role("button", name="Weiter").click()
    ready(desk)
    desk.locator(".step:not([hidden]) .pick:not([hidden])").nth(2).click()  # how real it looks, of what was said on the desk
    phone.goto(address)
    ready(phone)
    real_or_generated(phone, 1)
    saved(phone)
    line.set_offline(False)
    notice = desk.locator("#elsewhere")
    notice.get_by_text("Sie haben auch auf einem anderen Gerät").wait_for()
    saved(desk)
    assert not desk.locator(".step:not([hidden]) input:checked").count()
    stands = standing()
    assert list(stands) == [(1, "origin")], "what was asked further on the desk belonged to the answer that does not stand"
    assert stands[1, "origin"]["answer"] == "generated"
    assert ViewingEvent.objects.filter(kind="late").count() == 2
    assert "Frage 2 von" in desk.locator("#where").inner_text()
    assert answer_log_fault(response) is None
    assert not desk.faults
    assert not phone.faults


def real_or_generated(page, choice):
    ready(page)
    asked = page.locator(".step:not([hidden]) fieldset.asked").first
    asked.locator(".pick:not([hidden])").nth(choice).click()
    box = asked.locator("input[type=range]").bounding_box()
    page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2)
