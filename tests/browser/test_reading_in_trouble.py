"""What goes wrong on a ward: a tap too many, no line at the wrong moment, Back, a second window, a network that wants a sign-in."""

import pytest

from surveys.models import Answer, BlockSitting, StudyProtocol, SurveyResponse, ViewingEvent
from surveys.services import invite, open_block, revoke_invitation
from tests.browser.test_reading import WIDTHS, answers_blocked, open_browser, saved, until_shown
from tests.surveys.sitting import answer, begin_by_link
from tests.surveys.study import group, make_surveyed_study, survey

PORTAL = "<h1>Guest network: please sign in</h1>"
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


# A double tap on a slow phone: the second one is heard half a second after the first, while the page was busy with that.
TAPPED_TWICE = """((first, second) => {
  const taps = [first, second].map((id) => [id, new MouseEvent("click", { bubbles: true, cancelable: true, detail: 1 })]);
  taps.forEach(([id, tap], place) => {
    const until_ms = performance.now() + 500 * place;
    while (performance.now() < until_ms);
    document.getElementById(id).dispatchEvent(tap);
  });
})"""


@pytest.fixture
def begun(live_server, transactional_db):
    """A response that stands in its first block, and the address of its link."""
    study = make_surveyed_study()
    _, token = invite(survey=survey(study), group=group(study))
    response = begin_by_link(token)
    open_block(survey_response=response, block=response.survey.blocks.get(position=1))
    return response, f"{live_server.url}/r/{token}/"


def entered(chromium, link, size="phone"):
    context, page = open_browser(chromium, WIDTHS[size])
    page.goto(f"{link}block/1/")
    return context, page


def answered_but_the_last(response):
    block = response.survey.blocks.get(position=1)
    for survey_item in block.survey_items.order_by("position")[:5]:
        answer(response, survey_item, "ZQB")
    return block


@pytest.mark.once
def test_a_page_of_words_waits_for_the_line_and_goes_on_by_itself(live_server, chromium, transactional_db):
    study = make_surveyed_study(language="de")
    _, token = invite(survey=survey(study), group=group(study))
    context, page = open_browser(chromium, WIDTHS["phone"])
    page.goto(f"{live_server.url}/r/{token}/")
    page.get_by_role("button", name="Beginnen").tap()
    page.route("**/consent/", lambda route: route.fulfill(status=503) if route.request.method == "HEAD" else route.continue_())
    page.get_by_role("button", name="einverstanden").tap()
    page.get_by_text("Keine Verbindung.").wait_for()
    page.unroute("**/consent/")
    page.evaluate("dispatchEvent(new Event('online'))")
    page.get_by_label("Genetics").check()
    page.get_by_label("Years?").fill("12")
    line_is_back = answers_blocked(context, page, "*/r/*")  # there is a network, which the browser calls a line
    page.get_by_role("button", name="Weiter").tap()
    page.get_by_text("Keine Verbindung.").wait_for()
    line_is_back()
    page.evaluate("dispatchEvent(new Event('online'))")
    page.get_by_role("heading", name="So geht es").wait_for()
    assert SurveyResponse.objects.get().demographics == {"specialty": "Genetics", "years": 12}
    assert not [fault for fault in page.faults if "503" not in fault]


@pytest.mark.once
def test_a_double_tap_turns_one_page_and_never_seals(chromium, begun):
    response, link = begun
    _, page = entered(chromium, link)
    until_shown(page, 1)
    page.get_by_role("button", name="Azurosis").tap()
    page.evaluate(f"{TAPPED_TWICE}('next', 'next')")
    until_shown(page, 2)
    page.wait_for_timeout(500)
    assert page.locator("#where").inner_text() == "Focused images, 2 of 6"
    page.goto(f"{link}block/1/?image=6")
    until_shown(page, 6)
    page.evaluate(f"{TAPPED_TWICE}('next', 'seal')")
    page.get_by_role("heading", name="End of this part").wait_for()
    page.locator("#seal:enabled").wait_for()
    assert page.locator("#waiting").inner_text() == "", "nothing is being sealed"
    assert not page.faults


@pytest.mark.once
def test_a_held_enter_key_does_not_run_through_the_images(chromium, begun):
    _, page = entered(chromium, begun[1], "desk")
    until_shown(page, 1)
    page.locator("#next").focus()
    for _ in range(8):
        page.keyboard.down("Enter")  # without a release: the key repeats
    page.keyboard.up("Enter")
    page.wait_for_timeout(300)
    assert page.locator("#where").inner_text() == "Focused images, 2 of 6"


@pytest.mark.once
def test_sealing_without_a_line_waits_on_the_page_and_goes_on_by_itself(chromium, begun):
    """Every answer is saved, the line drops, the reader presses the button: no page of errors of the browser's own."""
    response, link = begun
    answered_but_the_last(response)
    context, page = entered(chromium, link)
    until_shown(page, 6)
    page.get_by_role("button", name="Cyanosis").tap()
    for number in range(1, 6):
        page.goto(f"{link}block/1/?image={number}")
        until_shown(page, number)
    page.goto(f"{link}block/1/?image=end")
    saved(page)
    context.set_offline(True)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # one thing more to save
    without_a_line = page.get_by_text("There is no connection. Your answers are kept")
    page.get_by_role("button", name="Seal and continue").tap()
    without_a_line.wait_for()
    assert page.locator("#seal").is_disabled()
    line_is_back = answers_blocked(context, page, "*/seal/")
    page.evaluate("document.getElementById('waiting').textContent = ''")
    context.set_offline(False)
    without_a_line.wait_for()  # what was to be saved is, the sealing itself waits
    assert ViewingEvent.objects.filter(kind="visible").exists()
    line_is_back()
    page.get_by_role("heading", name="A short break").wait_for()
    assert BlockSitting.objects.get().sealed_at
    assert Answer.objects.standing().count() == 6


@pytest.mark.once
def test_sealing_goes_nowhere_with_a_guest_networks_page_and_says_when_the_link_was_closed(chromium, begun):
    response, link = begun
    _, page = entered(chromium, link)
    until_shown(page, 1)
    page.route("**/seal/", lambda route: route.fulfill(status=200, content_type="text/html", body=PORTAL))
    page.goto(f"{link}block/1/?image=end")
    page.get_by_role("button", name="Seal and continue").tap()
    page.locator("#waiting").get_by_text("There is no connection").wait_for()
    assert page.get_by_role("heading", name="End of this part").is_visible()
    revoke_invitation(invitation=response.invitation)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # one thing more to save
    page.locator("#waiting").get_by_text("This link has been closed").wait_for()


@pytest.mark.once
def test_an_image_not_yet_seen_is_named_when_sealing_is_refused(chromium, begun):
    _, page = open_browser(chromium, WIDTHS["phone"])
    page.goto(f"{begun[1]}block/1/?image=end")
    page.get_by_role("button", name="Seal and continue").tap()
    page.get_by_text("Not shown yet: image 1, 2, 3, 4, 5, 6.").wait_for()
    page.get_by_role("link", name="Back to the images").tap()
    until_shown(page, 1)


def test_two_windows_of_one_browser_keep_both_answers(chromium, begun):
    context, first = entered(chromium, begun[1])
    until_shown(first, 1)
    second = context.new_page()
    second.goto(f"{begun[1]}block/1/?image=2")
    until_shown(second, 2)
    context.set_offline(True)
    for page, name in ((first, "Azurosis"), (second, "Brunosis")):
        page.bring_to_front()
        page.get_by_role("button", name=name).tap()
        page.locator("#saved[data-state=retry]").wait_for()
    context.set_offline(False)
    for page in (first, second):
        page.bring_to_front()
        saved(page)
    standing = Answer.objects.order_by("survey_item__position").values_list("survey_item__position", "chosen__code")
    assert list(standing) == [(1, "ZQA"), (2, "ZQB")]


@pytest.mark.once
def test_a_page_closed_before_its_answer_was_saved_sends_it_when_opened_again(chromium, begun):
    context, page = entered(chromium, begun[1])
    until_shown(page, 1)
    answers_blocked(context, page)
    page.get_by_role("button", name="Brunosis").tap()
    page.locator("#saved[data-state=retry]").wait_for()
    page.close(run_before_unload=False)
    assert not Answer.objects.exists()
    page = context.new_page()
    page.goto(begun[1])
    page.get_by_role("button", name="Continue").tap()
    saved(page)
    assert Answer.objects.get().chosen.code == "ZQB"


@pytest.mark.once
def test_back_and_forward_lead_to_where_the_reader_is_and_lose_nothing(chromium, begun):
    response, link = begun
    _, page = entered(chromium, link)
    page.goto(link)
    page.get_by_role("button", name="Continue").tap()
    until_shown(page, 1)
    page.get_by_role("button", name="Azurosis").tap()
    page.get_by_role("button", name="Next").tap()
    until_shown(page, 2)
    saved(page)
    page.go_back()
    page.get_by_role("button", name="Continue").wait_for()
    page.go_forward()
    until_shown(page, 2)
    page.get_by_role("link", name="Back").tap()
    until_shown(page, 1)
    assert page.get_by_role("button", name="Azurosis").get_attribute("aria-pressed") == "true"
    assert SurveyResponse.objects.get() == response


@pytest.mark.once
def test_a_network_that_wants_a_sign_in_is_no_image_and_no_saved_answer(chromium, begun):
    """A hospital's guest network answers everything with its own page, and with success."""
    _, page = open_browser(chromium, WIDTHS["phone"])
    page.route("**/image/**", lambda route: route.fulfill(status=200, content_type="text/html", body=PORTAL))
    page.goto(f"{begun[1]}block/1/")
    page.get_by_role("button", name="Load the image again").wait_for(timeout=20_000)
    assert ViewingEvent.objects.filter(kind="shown").count() == 0
    page.unroute("**/image/**")
    page.get_by_role("button", name="Load the image again").tap()
    until_shown(page, 1)
    page.route("**/events/", lambda route: route.fulfill(status=200, content_type="text/html", body=PORTAL))
    page.get_by_role("button", name="Cyanosis").tap()
    page.locator("#saved[data-state=retry]").wait_for()
    page.unroute("**/events/")
    saved(page)
    assert Answer.objects.get().chosen.code == "ZQC"


def test_a_phones_wrong_clock_changes_neither_order_nor_time_of_receipt(chromium, begun):
    _, page = open_browser(chromium, WIDTHS["phone"])
    page.add_init_script("const now = Date.now; let step = 0; Date.now = () => now() - 4e11 - 1e6 * (step += 1);")
    page.goto(f"{begun[1]}block/1/")
    until_shown(page, 1)
    for name in ("Azurosis", "Cyanosis", "Brunosis"):
        page.get_by_role("button", name=name).tap()
    saved(page)
    rows = list(Answer.objects.order_by("sequence"))
    assert [row.chosen.code for row in rows] == ["ZQA", "ZQC", "ZQB"]
    assert Answer.objects.standing().get().chosen.code == "ZQB"
    assert rows == sorted(rows, key=lambda row: row.received_at)


@pytest.mark.once
@pytest.mark.parametrize(
    ("width", "height"), [(320, 568), (844, 390), (640, 400), (320, 256)], ids=["small", "sideways", "200 %", "400 %"]
)
def test_every_choice_and_next_can_be_reached_and_seen_beside_the_image(chromium, begun, width, height):
    """At the width of a small phone, held sideways, and on a desk at 200 and 400 per cent, with large text as well."""
    context = chromium.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce", color_scheme="dark")
    page = context.new_page()
    page.goto(f"{begun[1]}block/1/")
    until_shown(page, 1)
    for size in ("100%", "200%"):
        page.evaluate(f"document.documentElement.style.fontSize = '{size}'")
        page.wait_for_timeout(100)
        assert page.locator("#field").bounding_box()["width"] >= 0.4 * width
        assert page.locator("#field").bounding_box()["height"] >= min(150, 0.4 * height)
        page.get_by_role("button", name="Cyanosis").click()  # scrolls to it, and fails where something lies over it
        assert page.get_by_role("button", name="Cyanosis").get_attribute("aria-pressed") == "true"
        if size == "100%":
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Next").click()
    until_shown(page, 2)


@pytest.mark.once
def test_what_is_asked_beside_the_diagnosis_comes_into_sight_on_a_phone_and_half_an_answer_stops_once(chromium, begun):
    StudyProtocol.objects.update(questions=[
        {"code": "", "kind": "diagnosis", "prompt": "Which?"}, {"code": "sure", "kind": "confidence", "prompt": "How sure?"},
    ])  # fmt: skip
    page = chromium.new_context(viewport={"width": 360, "height": 568}, has_touch=True, is_mobile=True).new_page()
    page.goto(f"{begun[1]}block/1/")
    until_shown(page, 1)
    slider, steps = page.locator("input[type=range]"), page.locator(".steps")
    assert slider.bounding_box()["y"] > steps.bounding_box()["y"], "it lies behind the buttons"
    page.get_by_role("button", name="Cyanosis").tap()
    assert slider.bounding_box()["y"] + slider.bounding_box()["height"] <= steps.bounding_box()["y"]
    page.get_by_role("button", name="Next").tap()
    page.get_by_text("Please answer to go on").wait_for()
    page.get_by_role("button", name="Leave it blank").tap()
    until_shown(page, 2)
    assert page.evaluate("scrollY") == 0
    page.get_by_role("button", name="Next").press("Enter")  # passed over whole
    until_shown(page, 3)


@pytest.mark.once
def test_without_the_script_the_image_stands_in_the_middle_of_its_field(chromium, begun):
    page = chromium.new_context(viewport={"width": 360, "height": 640}, java_script_enabled=False).new_page()
    page.goto(f"{begun[1]}block/1/")
    field, image = (page.locator(name).bounding_box() for name in ("#field", "#picture"))
    for start, length in (("x", "width"), ("y", "height")):
        assert image[start] + image[length] / 2 == pytest.approx(field[start] + field[length] / 2, abs=2)
