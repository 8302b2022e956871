"""From the coordinator's release to a reader's results on a phone, and the certificate, in a real browser."""

import pytest

from surveys.services import release_debrief
from tests.browser.test_coordinator import signed_in
from tests.browser.test_reading import WIDTHS, accessible, open_browser
from tests.surveys.debriefed import make_read_study

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]


def fits(page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_coordinator_releases_and_a_reader_sees_it_on_the_phone(live_server, chromium, scheme):
    study, links = make_read_study(8, per_class=1)
    _, reader = open_browser(chromium, WIDTHS["phone"])
    reader.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    reader.goto(f"{live_server.url}/r/{links[0]}/")
    assert reader.get_by_role("link", name="See how you did").count() == 0

    page, here = signed_in(chromium, live_server, study, WIDTHS["desk"], scheme)
    page.goto(f"{here}debrief/")
    accessible(page)
    page.get_by_label("Show the images again").check()
    page.get_by_role("button", name="Go on: see what leaves").click()
    accessible(page)
    page.get_by_role("button", name="Release the results").click()
    assert page.get_by_role("heading", name="Release results").is_visible(), "not without the tick"
    page.get_by_label("may learn which answers were right").check()
    page.get_by_role("button", name="Release the results").click()
    page.get_by_text("The results are released").wait_for()
    accessible(page)

    reader.reload()
    reader.get_by_role("link", name="See how you did").click()
    reader.get_by_role("heading", name="How you did").wait_for()
    assert reader.locator("svg .own").count() == 2
    assert fits(reader)
    accessible(reader)
    reader.get_by_text("All answers as a table").first.click()
    assert fits(reader), "the table scrolls in its own frame"
    accessible(reader)
    reader.get_by_role("link", name="Look at the images").click()
    picture = reader.locator(".shown img")
    picture.wait_for()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    assert "not right" in reader.locator(".eyebrow").inner_text()
    assert fits(reader)
    accessible(reader)

    assert reader.faults == page.faults == [], "nothing was blocked or failed"
    page.get_by_role("button", name="Withdraw the results").click()
    page.get_by_text("The results are withdrawn").wait_for()
    reader.reload()
    reader.get_by_role("heading", name="There is nothing here").wait_for()


def test_the_arrow_keys_turn_pages_and_stop_at_the_ends(live_server, chromium):
    study, (raw,) = make_read_study()
    release_debrief(study=study, with_pictures=True)
    _, page = open_browser(chromium, WIDTHS["desk"])
    first = f"{live_server.url}/r/{raw}/results/1/"
    page.goto(first)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**/results/2/")
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**/results/1/")
    assert page.faults == []


@pytest.mark.parametrize("size", WIDTHS.values(), ids=WIDTHS)
def test_the_certificate_prints_with_the_name_that_was_typed(live_server, chromium, size):
    _, (raw,) = make_read_study()
    _, page = open_browser(chromium, size)
    page.goto(f"{live_server.url}/r/{raw}/certificate/")
    accessible(page)
    assert fits(page)
    page.get_by_label("Name").fill("Dr. Ada Example")
    page.emulate_media(media="print")
    assert page.get_by_label("Name").input_value() == "Dr. Ada Example"
    assert page.locator(".no-print:visible").count() == 0
    page.emulate_media(media="screen")
    page.evaluate("window.print = () => { window.printed = true; }")
    page.get_by_role("button", name="Print").click()
    assert page.evaluate("window.printed")
    page.reload()
    assert page.get_by_label("Name").input_value() == "", "kept nowhere"
    assert page.faults == []
