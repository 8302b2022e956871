"""Generated pictures in a real browser: a morph slides by keyboard, every page fits a phone and is accessible in the dark."""

import pytest
from django.conf import settings
from django.urls import reverse

from generative.services.auditing import record_audit
from generative.services.making import project_picture
from tests.browser.test_reading import accessible, open_browser
from tests.generative.conftest import generator, made, network, set_files, store, study  # noqa: F401
from tests.generative.test_publishing import report
from tests.imagebank.factories import MembershipFactory

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(("size", "scheme"), [((390, 844), "dark"), ((1280, 800), "light")])
def test_sets_and_their_suspected_copies_by_keyboard_on_every_window(
    chromium, live_server, client, study, generator, made, size, scheme  # noqa: F811
):
    sample, morph, mix = made("sample"), made("morph"), made("mix")
    projection = project_picture(generator=generator, item="late-3", view="focused", steps=10)
    record_audit(image_set=sample, report=report(sample, 1))
    context, page = open_browser(chromium, size)
    client.force_login(MembershipFactory(study=study, role="engineer").user)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
    page.emulate_media(color_scheme=scheme)

    def visit(name, *args):
        page.goto(live_server.url + reverse(f"generative:{name}", args=[study.slug, *args]))
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "no sideways scrolling"
        accessible(page)

    for name, *args in (
        ("overview",), ("train",), ("generator", generator.public_id), ("set", sample.public_id), ("set", mix.public_id),
        ("set", projection.public_id),
        ("audit", sample.public_id), ("publish", morph.public_id),
    ):  # fmt: skip
        visit(name, *args)
    visit("set", morph.public_id)
    strip = page.locator("[data-morph]").first
    assert strip.locator(".gen-frame:visible").count() == 4
    strip.get_by_role("button", name="Slide through").press("Enter")
    assert strip.locator(".gen-frame:visible").count() == 1
    strip.get_by_role("slider").press("ArrowRight")
    assert strip.locator(".gen-frame:visible").inner_text().strip() == "30 %"
    accessible(page)
    assert not page.faults
