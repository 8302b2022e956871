"""A physician's whole sitting in a real browser: on a phone, on a desk, over a cut connection, on a second device."""

from importlib import resources

import pytest

from surveys.models import Answer, SurveyResponse, ViewingEvent
from surveys.services import invite
from tests.surveys.study import group, make_surveyed_study, survey

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WIDTHS = {"phone": (390, 844), "desk": (1280, 800)}
FASTEST_MS = 10_000


def open_browser(chromium, size):
    """A fresh browser profile whose page fails the test on any script error or blocked resource."""
    context = chromium.new_context(
        viewport={"width": size[0], "height": size[1]}, has_touch=size[0] < 600, is_mobile=size[0] < 600
    )
    context.set_default_timeout(FASTEST_MS)
    context.set_default_navigation_timeout(3 * FASTEST_MS)  # a page's first visit compiles its templates
    page = context.new_page()
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on(
        "console",
        lambda message: (
            page.faults.append(message.text)
            if message.type == "error" and "ERR_INTERNET_DISCONNECTED" not in message.text
            else None
        ),
    )
    return context, page


def until_shown(page, number, view="Focused"):
    page.locator("#where").get_by_text(f"{view} images, {number} of 6").wait_for()
    page.locator("#choices button[aria-disabled=false]").first.wait_for()


def fits(page):
    """Nothing wider than the window; every control of the task at least 48 px high."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "no sideways scrolling"
    for button in page.locator("button:visible, a.button:visible").all():
        assert button.bounding_box()["height"] >= 47.5, button.inner_text()


def accessible(page):
    """axe finds nothing, however slight; it need not describe what it finds in order."""
    pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is missing")
    source = resources.files("axe_playwright_python") / "axe.min.js"
    page.evaluate(source.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run({ resultTypes: ['violations'] }).then((result) => result.violations)")
    violations = [(row["id"], [node["html"] for node in row["nodes"]]) for row in found]
    assert not violations


def to_first_block(page, link):
    page.goto(link)
    accessible(page)
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="I agree to take part").click()
    page.get_by_label("Genetics").check()
    accessible(page)
    fits(page)
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Go to the practice image").click()
    page.locator("#choices button[aria-disabled=false]").first.wait_for()
    page.get_by_role("button", name="Brunosis").click()
    accessible(page)
    page.get_by_role("button", name="Begin with the first image").click()
    until_shown(page, 1)


def until(page, expression, what):
    """Wait until the expression is true; the page's policy forbids the browser to wait for one by itself."""
    for _ in range(FASTEST_MS // 50):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"in vain: {what}")


def saved(page):
    """Everything is acknowledged, what may wait for the next answer included, so that no request is under way."""
    page.locator("#saved[data-state=saved]").wait_for()
    page.evaluate("dispatchEvent(new Event('online'))")
    waiting = "Object.keys(localStorage).filter((key) => /^diptych:.+:.+:/.test(key)).length === 0"
    shown = "document.querySelector('#saved').dataset.state === 'saved'"
    until(page, f"{waiting} && {shown}", "everything is acknowledged")


def answers_blocked(context, page, addresses="*/events/*"):
    """Let no answer leave the browser, from this moment on; returns what lets them out again.

    The browser itself refuses the addresses: a handler of the test's would have to be heard first, on a busy machine too late.
    """
    control = context.new_cdp_session(page)
    control.send("Network.enable")
    control.send("Network.setBlockedURLs", {"urls": [addresses]})
    return lambda: control.send("Network.setBlockedURLs", {"urls": []})


@pytest.fixture
def study(transactional_db):
    return make_surveyed_study()


def the_line_drops(context, page):
    """Choices go on being taken and are kept in this browser until it is back."""
    loaded = "performance.getEntriesByType('resource').filter((entry) => entry.name.includes('/image/')).length"
    until(page, f"{loaded} >= 6", "the block's images are loaded")
    context.set_offline(True)
    page.keyboard.press("3")
    page.locator("#saved[data-state=retry]").wait_for()
    assert "will retry" in page.locator("#saved").inner_text()
    page.keyboard.press("Enter")
    until_shown(page, 4)
    page.keyboard.press("1")
    assert Answer.objects.count() == 2
    context.set_offline(False)
    saved(page)


def on_with_the_first_block(page, link):
    """The same link anywhere leads to the same place and the same answers; then to the end of the block, and sealed."""
    page.goto(link)
    page.get_by_role("button", name="Continue").click()
    until_shown(page, 5)
    page.get_by_role("link", name="Back").click()
    until_shown(page, 4)
    assert page.get_by_role("button", name="Azurosis").get_attribute("aria-pressed") == "true"
    page.keyboard.press("ArrowRight")
    until_shown(page, 5)
    page.get_by_role("button", name="Next").click()
    until_shown(page, 6)
    page.get_by_role("button", name="Brunosis").click()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("heading", name="End of this part").wait_for()
    accessible(page)
    page.get_by_role("link", name="Image 5").click()
    until_shown(page, 5)
    page.get_by_role("button", name="Cyanosis").click()
    page.get_by_role("button", name="Next").click()
    until_shown(page, 6)
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Seal and continue").click()


def read_the_second_block(page):
    page.get_by_role("heading", name="A short break").wait_for()
    accessible(page)
    page.get_by_role("button", name="Go on").click()
    for number in range(1, 7):
        until_shown(page, number, "Panoramic")
        page.keyboard.press("1")
        page.locator("#choices [aria-pressed=true]").wait_for()
        page.keyboard.press("Enter")
    page.get_by_role("button", name="Seal and continue").click()
    page.get_by_role("heading", name="Thank you").wait_for()
    accessible(page)


@pytest.mark.parametrize("size", [pytest.param(WIDTHS["phone"], marks=pytest.mark.once), WIDTHS["desk"]], ids=WIDTHS)
def test_a_whole_sitting_with_a_cut_connection_and_a_second_device(live_server, chromium, study, size):
    invitation, token = invite(survey=survey(study), group=group(study))
    link = f"{live_server.url}/r/{token}/"
    context, page = open_browser(chromium, size)
    to_first_block(page, link)
    fits(page)
    accessible(page)

    page.get_by_role("button", name="Azurosis").click()
    saved(page)
    assert Answer.objects.get().rt_ms >= 0
    page.get_by_role("button", name="Next").click()
    until_shown(page, 2)

    # By keyboard: 2 chooses the second class, Enter goes on.
    page.locator("#where").focus()
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    until_shown(page, 3)
    saved(page)
    assert Answer.objects.count() == 2

    page.evaluate("document.hasFocus = () => false; dispatchEvent(new Event('blur'))")  # another window beside this one is used
    the_line_drops(context, page)
    page.evaluate("dispatchEvent(new Event('focus'))")
    saved(page)
    beside = ViewingEvent.objects.filter(kind__in=["blurred", "focused"])
    assert [(event.kind, event.survey_item.position) for event in beside] == [("blurred", 3), ("focused", 4)]
    standing = Answer.objects.order_by("sequence")
    assert [answer.survey_item.position for answer in standing] == [1, 2, 3, 4]
    assert [answer.chosen.code for answer in standing] == ["ZQA", "ZQB", "ZQC", "ZQA"]
    assert not page.faults
    context.close()

    context, page = open_browser(chromium, size)  # another device
    on_with_the_first_block(page, link)
    read_the_second_block(page)
    assert not page.faults
    context.close()

    response = SurveyResponse.objects.get()
    assert response.analysed
    assert Answer.objects.standing().given().count() == 12
    shown = ViewingEvent.objects.filter(kind="shown").exclude(survey_item=None).values("survey_item").distinct()
    assert shown.count() == 12
    assert ViewingEvent.objects.filter(kind="screen", detail__width=size[0]).exists()


def test_answers_wait_in_the_browser_until_sealing_can_save_them(live_server, chromium, study):
    """Sealing holds until the last answer is acknowledged, and a switched-off shortcut does nothing."""
    _, token = invite(survey=survey(study), group=group(study))
    context, page = open_browser(chromium, WIDTHS["desk"])
    to_first_block(page, f"{live_server.url}/r/{token}/")
    page.get_by_label("Keyboard shortcuts").uncheck()
    page.locator("#where").focus()
    page.keyboard.press("1")
    assert page.locator("#choices [aria-pressed=true]").count() == 0
    page.get_by_label("Keyboard shortcuts").check()
    page.locator("#where").focus()
    for number in range(1, 7):
        until_shown(page, number)
        if number == 6:
            saved(page)
            let_out = answers_blocked(context, page)
        page.keyboard.press("1")
        page.locator("#choices [aria-pressed=true]").wait_for()
        page.keyboard.press("Enter")
    page.get_by_role("button", name="Seal and continue").click()
    page.locator("#saved[data-state=retry]").wait_for()
    assert not SurveyResponse.objects.get().block_sittings.exclude(sealed_at=None).exists()
    assert Answer.objects.count() == 5
    let_out()
    page.get_by_role("heading", name="A short break").wait_for()
    assert Answer.objects.count() == 6
    context.close()


@pytest.mark.once
def test_zoom_enlarges_by_wheel_and_double_click_and_stays_in_the_field(live_server, chromium, study):
    _, token = invite(survey=survey(study), group=group(study))
    context, page = open_browser(chromium, WIDTHS["desk"])
    to_first_block(page, f"{live_server.url}/r/{token}/")
    width = lambda: page.locator("#picture").bounding_box()["width"]  # noqa: E731
    whole = width()
    page.locator("#field").hover()
    page.mouse.wheel(0, -600)
    until(page, "document.getElementById('field').classList.contains('enlarged')", "the image is enlarged")
    assert width() > 1.5 * whole
    page.locator("#field").dblclick()
    assert width() == pytest.approx(whole, abs=1)
    page.get_by_role("button", name="Larger").click()
    assert width() == pytest.approx(1.5 * whole, rel=0.01)
    page.get_by_role("button", name="Next").click()
    until_shown(page, 2)
    assert width() == pytest.approx(whole, abs=1), "the next image starts whole"
    context.close()
