"""Take the README's pictures anew from a running demo: its address and the two links that it prints at its end.

    python docs/images/take.py http://127.0.0.1:8000 /r/LINK-OF-A-SEAT/ /r/LINK-OF-A-SECOND-ANSWER/

The two sittings are begun by it, as by a reader. Needs Chromium and what requirements-dev.txt names.
"""

import argparse
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DESK = {"viewport": {"width": 1280, "height": 1180}}
MOST_PAGES = 12  # between the link and the first image


def take(page: Page, name: str) -> None:
    """Keep what is in sight, as small as it gets without a loss."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1000)  # figures and pictures settle
    path = HERE / f"{name}.png"
    page.screenshot(path=path)
    Image.open(path).convert("RGB").save(path, optimize=True)


def results(page: Page, site: str) -> None:
    page.goto(f"{site}/account/login/")
    page.fill("[name=login]", "analyst")
    page.fill("[name=password]", "analyst-demo")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site}/")
    page.goto(f"{site}/studies/founding-study/results/")
    page.get_by_role("link", name="All figures and tables").click()
    page.wait_for_url("**/results/*/")
    take(page, "results")


def choose(page: Page) -> None:
    """Choose the second class, where this image is still asked about, and go on."""
    open_choices = page.locator("#choices button[aria-disabled=false]:visible, .assisted .pick input:not([disabled]):visible")
    open_choices.first.wait_for()
    open_choices.nth(1).click(force=True)
    page.wait_for_timeout(600)  # a second tap that comes sooner is dropped
    page.locator("#next").click()


def tell(page: Page) -> None:
    """Answer what must be answered about the reader: the questions with choices."""
    for question in page.locator("main fieldset.question").all():
        question.locator("input").first.check()


def to_the_first_image(page: Page, address: str) -> None:
    page.goto(address)
    for _ in range(MOST_PAGES):
        page.wait_for_load_state("networkidle")
        if "/block/" in page.url:
            page.locator("#choices button[aria-disabled=false]:visible, .network-words:visible").first.wait_for()
            return
        if page.locator("#choices").count():
            choose(page)
            continue
        tell(page)
        page.locator("main button[type=submit], main form button, main a.btn-primary").first.click()
    raise SystemExit(f"The first image was not reached from {address}; the page is {page.url}.")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("site", "reading", "second"):
        asked.add_argument(name)
    given = asked.parse_args()
    with sync_playwright() as played:
        browser = played.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        results(browser.new_context(**DESK).new_page(), given.site)
        page = browser.new_context(**PHONE).new_page()
        to_the_first_image(page, given.site + given.reading)
        take(page, "reading")
        page = browser.new_context(**PHONE).new_page()
        to_the_first_image(page, given.site + given.second)
        if not page.locator(".network-words").is_visible():  # a sitting begun before goes on where it stood
            choose(page)
        page.locator(".network-words").wait_for()
        take(page, "second-answer")
        browser.close()


if __name__ == "__main__":
    main()
