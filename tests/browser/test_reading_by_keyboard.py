"""A sitting without a mouse and without shortcuts, as a screen reader's user goes through it."""

import pytest

from surveys.models import Answer, SurveyResponse
from surveys.services import invite
from tests.browser.test_reading import WIDTHS, open_browser, until, until_shown
from tests.surveys.study import group, make_surveyed_study, survey

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]
MOST_STOPS = 25
FOCUSED = """() => {
  const at = document.activeElement, style = getComputedStyle(at);
  const label = at.closest('label') || (at.labels && at.labels[0]);
  const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  return {
    name: at.getAttribute('aria-label') || (label || at).textContent.trim(),
    onPage: at !== document.body,
    seen: ring && at.getClientRects().length > 0,
  };
}"""


def tab_to(page, name):
    """Press Tab until the control called `name` has the focus; every stop on the way must show that it has it."""
    page.get_by_text(name).locator("visible=true").first.wait_for()
    page.wait_for_load_state()
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if not focused["onPage"]:
            continue
        assert focused["seen"], f"the focus on {focused['name']!r} cannot be seen"
        if name in focused["name"]:
            return
    raise AssertionError(f"{name!r} is not reached by {MOST_STOPS} presses of Tab")


def press(page, name, key="Enter"):
    tab_to(page, name)
    page.keyboard.press(key)


def read_block(page, view):
    for number in range(1, 7):
        until_shown(page, number, view)
        press(page, "Brunosis", "Space")
        page.get_by_role("button", name="Brunosis", pressed=True).wait_for()
        page.locator("#told").get_by_text("Brunosis, saved").wait_for(state="attached")
        press(page, "Next")
        if number < 6:
            until(page, "document.activeElement.matches('.step')", "the next image has the focus, which names it")
    page.get_by_role("heading", name="End of this part").wait_for()
    until(page, "document.activeElement.id === 'end-title'", "the end of the part is announced")
    press(page, "Seal and continue")


def test_a_whole_sitting_by_tab_space_and_enter(live_server, chromium):
    study = make_surveyed_study()
    _, token = invite(survey=survey(study), group=group(study))
    context, page = open_browser(chromium, WIDTHS["desk"])
    context.set_default_timeout(30_000)
    page.goto(f"{live_server.url}/r/{token}/")
    press(page, "Start")
    press(page, "I agree to take part")
    press(page, "Genetics", "Space")
    press(page, "Continue")
    press(page, "Go to the practice image")
    page.locator("#choices button[aria-disabled=false]").first.wait_for()
    press(page, "Begin with the first image")
    until_shown(page, 1)
    press(page, "Keyboard shortcuts", "Space")
    assert not page.get_by_label("Keyboard shortcuts").is_checked()
    page.locator("#where").focus()
    tells_a_screen_reader(page)
    read_block(page, "Focused")
    press(page, "Go on")
    read_block(page, "Panoramic")
    page.get_by_role("heading", name="Thank you").wait_for()
    assert not page.faults
    context.close()
    assert SurveyResponse.objects.get().analysed
    assert {answer.chosen.code for answer in Answer.objects.all()} == {"ZQB"}
    assert Answer.objects.count() == 12


def tells_a_screen_reader(page):
    """What is on the page has a name and a state: the image, the question, the choices, how far, and what is saved."""
    assert page.locator("#progress").get_attribute("aria-hidden") == "true", "the words beside it say the same"
    page.get_by_role("group", name="Focused images, 1 of 6").wait_for()
    page.get_by_role("img", name="Focused image 1 of 6").wait_for()
    question = page.get_by_role("group", name="Which condition is best represented?")
    assert question.get_by_role("button").all_inner_texts() == ["1\nAzurosis", "2\nBrunosis", "3\nCyanosis"]
    for name in ("Azurosis", "Brunosis", "Cyanosis"):
        page.get_by_role("button", name=name, exact=True, pressed=False).wait_for()
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.title() == "Focused images - A small study"
    live = page.locator("[aria-live], [role=status]").evaluate_all("(all) => all.map((one) => one.id).sort()")
    assert live == ["elsewhere", "loading", "told", "unanswered", "waiting"]
