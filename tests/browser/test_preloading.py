"""A block's images on a slow, broken or dead line: few at a time, tried again after pauses, in words, and no answer lost."""

import time

import pytest

from surveys.models import Answer, ViewingEvent
from surveys.services import invite
from tests.browser.test_reading import WIDTHS, open_browser, saved, until, until_shown
from tests.surveys.study import group, make_surveyed_study, survey

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]
AT_ONCE, TRIES, IMAGES = 4, 4, 6
LONG_MS = 30_000
IN_VAIN = "This image did not load. Load it again, or go on: your answers are kept."


class Line:
    """The way of the block's images to the server: held, broken or let through, and what was asked for when.

    The image that the page itself names comes only where `own` says so; else the script fetches it like the others.
    """

    def __init__(self, page):
        self.held, self.asked, self.broken, self.holding, self.own = [], [], set(), False, False
        self.page = page
        page.route("**/image/**", self.route)

    def route(self, route):
        if route.request.resource_type != "fetch":
            return route.continue_() if self.own else route.fulfill(content_type="image/jpeg", body=b"")
        self.asked.append((time.monotonic(), route.request.url))
        return self.held.append(route) if self.holding else self.pass_on(route)

    def let_go(self):
        """End the holding: what is broken fails, the rest goes through."""
        self.holding = False
        for route in self.held:
            self.pass_on(route)
        self.held.clear()

    def pass_on(self, route):
        if self.broken & {route.request.url, "all"}:
            route.abort("connectionfailed")
        else:
            route.continue_()

    def until_asked(self, count):
        for _ in range(200):
            if len(self.asked) >= count:
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"{len(self.asked)} of {count} requests came")

    def tries(self, address):
        return [at for at, url in self.asked if url == address]


@pytest.fixture
def line(live_server, chromium, transactional_db):
    """A reader's page before the first block, with the way of its images in the test's hands."""
    study = make_surveyed_study()
    _, token = invite(survey=survey(study), group=group(study))
    context, page = open_browser(chromium, WIDTHS["phone"])
    page.goto(f"{live_server.url}/r/{token}/")
    for name in ("Start", "I agree to take part"):
        page.get_by_role("button", name=name).click()
    page.get_by_label("Genetics").check()
    for name in ("Continue", "Go to the practice image"):
        page.get_by_role("button", name=name).click()
    page.locator("#choices button[aria-disabled=false]").first.wait_for()
    page.faults.clear()
    yield Line(page)
    page.unroute_all(behavior="ignoreErrors")
    context.close()


def begin(page):
    page.get_by_role("button", name="Begin with the first image").click()
    page.locator("#where").get_by_text("Focused images, 1 of 6").wait_for()


def addresses(page):
    return page.evaluate("JSON.parse(document.getElementById('block-data').textContent).items.map((i) => new URL(i.image, location).href)")


def test_at_most_four_images_are_on_their_way_at_once_and_the_one_looked_at_comes_first(line):
    page, line.holding = line.page, True
    begin(page)
    line.until_asked(AT_ONCE)
    page.wait_for_timeout(500)
    assert [url for _, url in line.asked] == addresses(page)[:AT_ONCE]
    page.get_by_role("button", name="Next").click()
    for number in range(1, IMAGES + 1):
        line.held.pop(0).continue_()
        line.until_asked(min(IMAGES, AT_ONCE + number))
        page.wait_for_timeout(200)
        assert len(line.asked) == min(IMAGES, AT_ONCE + number)
        assert len(line.held) <= AT_ONCE
    assert sorted(url for _, url in line.asked) == sorted(addresses(page)), "each once"
    until_shown(page, 2)
    assert not page.faults


def test_the_first_image_is_shown_as_the_page_brought_it_and_fetched_for_later_after_all_others(line):
    page, line.own = line.page, True
    begin(page)
    until_shown(page, 1)
    line.until_asked(IMAGES)
    first = addresses(page)[0]
    assert page.evaluate("document.querySelector('#picture').src") == first
    assert [url for _, url in line.asked] == [*addresses(page)[1:], first]
    assert not page.faults


def test_an_image_further_on_overtakes_those_that_wait_when_it_is_looked_at(line):
    page, line.holding = line.page, True
    begin(page)
    line.until_asked(AT_ONCE)
    for number in range(2, IMAGES + 1):
        page.get_by_role("button", name="Next").click()
        page.locator("#where").get_by_text(f"Focused images, {number} of 6").wait_for()
        page.wait_for_timeout(450)  # sooner it would be taken for a double tap
    line.held.pop(0).continue_()
    line.until_asked(AT_ONCE + 1)
    assert line.asked[-1][1] == addresses(page)[-1]


def test_a_broken_image_is_tried_four_times_with_growing_pauses_and_the_reader_is_told_once(line):
    page = line.page
    line.holding = True
    begin(page)
    line.until_asked(AT_ONCE)
    first = addresses(page)[0]
    line.broken.add(first)
    line.let_go()
    page.get_by_text(IN_VAIN).wait_for(timeout=LONG_MS)
    tries = line.tries(first)
    pauses = [later - earlier for earlier, later in zip(tries, tries[1:])]
    assert len(tries) == TRIES
    for pause, least in zip(pauses, (1, 2, 4)):
        assert least - 0.1 <= pause < least + 2
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Next").click()
    until_shown(page, 2)
    assert page.get_by_text(IN_VAIN).is_hidden()
    page.get_by_role("button", name="Brunosis").click()
    saved(page)
    assert Answer.objects.get().survey_item.position == 2
    failures = ViewingEvent.objects.filter(kind="failed", survey_item__position=1).order_by("pk")
    assert [failure.detail["attempt"] for failure in failures][:TRIES] == [1, 2, 3, 4]
    # Back at the image it is tried anew; then the server answers, and a press on the button shows it.
    page.get_by_role("link", name="Back").click()
    page.get_by_text(IN_VAIN).wait_for(timeout=LONG_MS)
    assert len(line.tries(first)) == 2 * TRIES
    line.broken.clear()
    page.get_by_role("button", name="Load the image again").click()
    until_shown(page, 1)
    assert page.locator("#picture").get_attribute("src").startswith("blob:")


def test_images_and_answers_recover_by_themselves_when_the_line_is_back(line):
    """Everything fails from the second image on; an answer is given meanwhile, and nobody presses a button to recover."""
    page, line.holding = line.page, True
    begin(page)
    line.until_asked(AT_ONCE)
    line.held.pop(0).continue_()
    until_shown(page, 1)
    line.broken.add("all")
    line.let_go()
    page.context.set_offline(True)
    page.get_by_role("button", name="Cyanosis").click()
    page.locator("#saved[data-state=retry]").wait_for()
    page.get_by_role("button", name="Next").click()
    page.get_by_text(IN_VAIN).wait_for(timeout=LONG_MS)
    line.broken.clear()
    page.context.set_offline(False)
    until_shown(page, 2)
    saved(page)
    assert Answer.objects.get().chosen.code == "ZQC"
    for number in range(2, IMAGES + 1):
        until_shown(page, number)
        page.get_by_role("button", name="Azurosis").click()
        page.get_by_role("button", name="Next").click()
    page.get_by_role("heading", name="End of this part").wait_for()
    saved(page)
    assert Answer.objects.standing().count() == IMAGES


def test_a_line_that_delivers_nothing_is_given_up_and_one_that_is_slow_is_not(line):
    page, line.holding = line.page, True
    begin(page)
    line.until_asked(AT_ONCE)
    page.evaluate("""() => {
      window.told = [];
      new diptych.BlockImages(["image/never"], (index, attempt, why) => told.push([attempt, why]), "omit", 300).preload(0);
    }""")
    until(page, "told.length >= 2", "a request without an answer is given up and tried again")
    assert page.evaluate("told")[:2] == [[1, "nothing arrived"], [2, "nothing arrived"]]
    page.evaluate("""() => {
      const parts = new ReadableStream({ async start(line) {
        for (let part = 0; part < 6; part += 1) {
          await new Promise((resolve) => setTimeout(resolve, 150));
          line.enqueue(new Uint8Array(1));
        }
        line.close();
      } });
      window.fetch = async () => new Response(parts, { headers: { "Content-Type": "image/jpeg" } });
      new diptych.BlockImages(["slow"], (...failure) => told.push(failure), "omit", 300).get(0).then(() => { window.came = true; });
    }""")
    until(page, "window.came", "an image that comes in small parts over three times as long")
