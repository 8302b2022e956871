"""A sitting in which an image comes a second time: in a real browser it is one page more, and nothing else."""

from decimal import Decimal

import pytest

from surveys.models import Answer, SurveyItem, SurveyResponse
from surveys.services import invite, readings_frame
from tests.browser.test_reading import WIDTHS, fits, open_browser
from tests.surveys.study import group, make_surveyed_study, survey

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def read(page, place: int, key: str, view: str) -> str:
    """Answer the page at `place` by its key and go on; returns the words of the page without its numbers."""
    page.locator("#where").get_by_text(f"{view} images, {place} of 7").wait_for()
    page.locator("#choices button[aria-disabled=false]").first.wait_for()
    words = "".join(mark for mark in page.locator("main").inner_text() if not mark.isdigit())
    page.keyboard.press(key)
    page.locator("#choices [aria-pressed=true]").wait_for()
    page.keyboard.press("Enter")
    return words


@pytest.mark.parametrize("size", [WIDTHS["phone"], pytest.param(WIDTHS["desk"], marks=pytest.mark.once)], ids=WIDTHS)
def test_an_image_that_comes_again_is_a_page_like_every_other(live_server, chromium, size):
    study = make_surveyed_study(repeats=Decimal("0.2"))
    _, token = invite(survey=survey(study), group=group(study))
    context, page = open_browser(chromium, size)
    page.goto(f"{live_server.url}/r/{token}/")
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="I agree to take part").click()
    page.get_by_label("Genetics").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Go to the practice image").click()
    page.locator("#choices button[aria-disabled=false]").first.wait_for()
    page.get_by_role("button", name="Brunosis").click()
    page.get_by_role("button", name="Begin with the first image").click()
    for block, view in ((1, "Focused"), (2, "Panoramic")):
        rows = list(SurveyItem.objects.filter(block__survey=survey(study), block__position=block).order_by("position"))
        if block == 2:
            page.get_by_text("7 panoramic images").wait_for()
            page.get_by_role("button", name="Go on").click()
        page.locator("#where").get_by_text(f"{view} images, 1 of 7").wait_for()
        fits(page)
        words = [read(page, row.position, "2" if row.repeat_of_id else "1", view) for row in rows]
        assert len(set(words[1:])) == 1, "the first page alone has nothing to go back to"
        page.get_by_role("button", name="Seal and continue").click()
    page.get_by_role("heading", name="Thank you").wait_for()
    assert not page.faults
    context.close()
    assert SurveyResponse.objects.get().completed_at
    assert Answer.objects.count() == 14
    frame = readings_frame(study=study)
    assert set(frame.answer[frame.showing == 1]) == {"ZQA"}
    assert set(frame.answer[frame.showing == 2]) == {"ZQB"}
