"""What a reading page costs a physician's phone on a slow line: requests, bytes, seconds until the first image and the next ones.

    python -m tests.performance.slow_line LINK [--latency 400] [--mbit 1.5] [--pixel-ratio 3]

LINK: a personal link of a running site, such as `make demo` prints; its reader is led to the block (each page is measured) and
answers three images there, so take one that nobody needs. Needs Chromium.
"""

import argparse
import shutil
import time

WIDTH, HEIGHT = 390, 844
READY = "#choices button[aria-disabled=false]"


class Line:
    """A phone's page behind a line of so many milliseconds and megabits a second; counts what goes over it."""

    def __init__(self, browser, *, latency_ms: int, mbit: float, pixel_ratio: float):
        context = browser.new_context(
            viewport={"width": WIDTH, "height": HEIGHT}, is_mobile=True, has_touch=True, device_scale_factor=pixel_ratio
        )
        self.page, self.kinds = context.new_page(), {}
        self.requests = self.bytes = 0
        self.page.set_default_timeout(120_000)
        control = context.new_cdp_session(self.page)
        control.send("Network.enable")
        speed = mbit * 1e6 / 8
        control.send("Network.emulateNetworkConditions", {
            "offline": False, "latency": latency_ms, "downloadThroughput": speed, "uploadThroughput": speed / 2,
        })  # fmt: skip
        control.on("Network.requestWillBeSent", self._sent)
        control.on("Network.dataReceived", self._received)
        self.started = time.monotonic()

    def _sent(self, event):
        if not event["request"]["url"].startswith("blob:"):
            self.requests += 1

    def _received(self, event):
        self.bytes += event["encodedDataLength"] or event["dataLength"]

    def begin(self):
        self.started, self.requests, self.bytes = time.monotonic(), 0, 0

    def told(self, what: str):
        took = time.monotonic() - self.started
        print(f"{what:34} {took:6.2f} s {self.requests:4} requests {self.bytes / 1000:8.1f} kB", flush=True)
        self.begin()


def to_the_block(line: Line, link: str) -> None:
    """Page by page, each pressed once it is whole."""
    page = line.page
    line.begin()
    page.goto(link)
    line.told("first page")
    while "/block/" not in page.url:
        if "/practice/" in page.url:
            page.locator(READY).first.wait_for()
            line.told("practice image")
            break
        for box in page.locator("fieldset:has(input[type=radio])").all():
            box.locator("input").first.check()
        for field in page.locator("input[type=number], input[type=text]").all():
            field.fill("5")
        before = page.url
        line.begin()
        page.locator("button.primary").tap()
        page.wait_for_url(lambda url, before=before: url != before, wait_until="load")
        if "/block/" not in page.url and "/practice/" not in page.url:
            line.told(page.url.rstrip("/").rsplit("/", 1)[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("link")
    parser.add_argument("--latency", type=int, default=400, help="milliseconds there and back")
    parser.add_argument("--mbit", type=float, default=1.5, help="megabits a second down; half of it up")
    parser.add_argument("--pixel-ratio", type=float, default=3)
    said = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        line = Line(browser, latency_ms=said.latency, mbit=said.mbit, pixel_ratio=said.pixel_ratio)
        to_the_block(line, said.link)
        page = line.page
        line.begin()
        page.reload() if "/block/" in page.url else page.locator("#next").tap()
        page.wait_for_url("**/block/**", wait_until="commit")
        page.locator(f"{READY}, .step:not([hidden]) fieldset:not([disabled])").first.wait_for()
        line.told("block page to its first image")
        if not page.locator(READY).count():
            return
        for number in (2, 3, 4):
            page.locator("#choices button").first.tap()
            line.begin()
            page.locator("#next").tap()
            page.locator(READY).first.wait_for()
            line.told(f"image {number} after Next")
            page.wait_for_timeout(1000)
        size = "[p.naturalWidth, p.naturalHeight, Math.round(p.getBoundingClientRect().width * devicePixelRatio)]"
        print("served pixels, width and height; shown at a width of:", page.evaluate(f"(p => {size})(document.querySelector('#picture'))"))
        browser.close()


if __name__ == "__main__":
    main()
